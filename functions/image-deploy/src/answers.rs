//! Answering what a plan asks: registries, pods and nodes are asked only for what some decision needs, and once.

use std::collections::{BTreeMap, BTreeSet};

use aws::ecr::Described;
use domain::ids::Uid;
use domain::image::{self, Ask, Facts, Family, Held, Target};
use function::report::count;
use function::rounds::IN_FLIGHT;
use function::{Failed, Tally};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use kubernetes::{ListFamilies, ListNodes};
use runtime::error::chain;

use crate::Registry;
use crate::look::Subject;

/// How long what registries said counts. A round of an invocation may come 50 s after the first, and images may have been
/// pushed, or deleted, since.
const FRESH: SignedDuration = SignedDuration::from_secs(20);

/// The label of a node that says for which architecture its machine is, by Go's names.
const ARCHITECTURE: &str = "kubernetes.io/arch";

/// What was answered in this invocation.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) facts: Facts,
    /// When a registry was first asked.
    since: Option<Timestamp>,
    has_asked_nodes: bool,
}

impl Answers {
    /// Whether what registries said does not count any more.
    pub(crate) fn are_old(&self, now: Timestamp) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) > FRESH)
    }

    /// Forgets what could not be asked, and what is old, so that it is asked again.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        if self.are_old(now) {
            self.facts.listings.clear();
        }
        self.facts.listings.retain(|_, answer| answer.is_ok());
        self.facts.platforms.retain(|_, answer| answer.is_ok());
        self.facts.lifecycles.clear();
        self.has_asked_nodes = self.facts.architectures.is_some();
    }

    /// Asks the registries, and the nodes for their architectures if an image's are asked for: each question once,
    /// whoever asks.
    pub(crate) async fn ask<R, K>(
        &mut self,
        asks: BTreeSet<Ask>,
        registry: &R,
        cluster: &K,
        now: Timestamp,
        tally: &mut Tally,
    ) where
        R: Registry,
        K: ListNodes,
    {
        let (mut listings, mut platforms, mut lifecycles) = (Vec::new(), Vec::new(), Vec::new());
        for ask in asks {
            match ask {
                Ask::Family => {}
                Ask::Listing(repository) => listings.push(repository),
                Ask::Platforms(repository, digest) => platforms.push((repository, digest)),
                Ask::Lifecycle(repository) => lifecycles.push(repository),
            }
        }
        listings.retain(|repository| !self.facts.listings.contains_key(repository));
        platforms.retain(|image| !self.facts.platforms.contains_key(image));
        lifecycles.retain(|repository| !self.facts.lifecycles.contains_key(repository));
        let asks_nodes = !platforms.is_empty() && !std::mem::replace(&mut self.has_asked_nodes, true);
        if !listings.is_empty() {
            self.since.get_or_insert(now);
        }
        let calls = listings.len() + platforms.len() + lifecycles.len();
        tally.count(count::AWS_CALLS, calls as u64);
        let (listings, platforms, lifecycles, architectures) = futures::join!(
            each(listings, async |one| Ok(registry
                .images(one)
                .await?
                .into_iter()
                .map(held)
                .collect())),
            each(platforms, async |(repository, digest)| Ok(registry
                .platforms(repository, digest)
                .await?)),
            each(lifecycles, async |one| Ok(registry.lifecycle_policy(one).await?)),
            async {
                if asks_nodes {
                    Some(architectures(cluster).await)
                } else {
                    None
                }
            },
        );
        for (repository, answer) in listings {
            self.facts.listings.insert(repository, said(answer, tally));
        }
        for (image, answer) in platforms {
            self.facts.platforms.insert(image, said(answer, tally));
        }
        for (repository, answer) in lifecycles {
            self.facts.lifecycles.insert(repository, said(answer, tally));
        }
        if let Some(answer) = architectures {
            self.facts.architectures = said(answer, tally).ok();
        }
    }
}

/// An answer as plans read it. What could not be asked is a failure too.
fn said<T>(answer: Result<T, Failed>, tally: &mut Tally) -> Result<T, String> {
    answer.map_err(|failed| {
        tracing::error!(error = failed.message, "not everything could be asked");
        let why = failed.message.clone();
        tally.fail(failed);
        why
    })
}

/// What is answered to each of these questions, some of which are asked at a time.
async fn each<Q, A>(
    questions: Vec<Q>,
    ask: impl AsyncFn(&Q) -> Result<A, Failed>,
) -> Vec<(Q, Result<A, Failed>)> {
    let asked = futures::stream::iter(questions).map(async |question| {
        let answer = ask(&question).await;
        (question, answer)
    });
    asked.buffer_unordered(IN_FLIGHT).collect().await
}

fn held(described: Described) -> Held {
    Held {
        digest: described.digest,
        tags: described.tags,
        pushed: described.pushed,
        artifact: image::foreign(described.artifact),
    }
}

async fn architectures<K: ListNodes>(cluster: &K) -> Result<BTreeSet<String>, Failed> {
    let nodes = cluster.all_nodes().await?;
    Ok(nodes
        .into_iter()
        .filter_map(|mut node| node.labels.remove(ARCHITECTURE))
        .collect())
}

/// Gives each of these workloads what belongs to it: one list for each namespace. Those whose pods can't be listed stay as
/// they are; why is a failure.
pub(crate) async fn find_families<K: ListFamilies>(
    cluster: &K,
    subjects: Vec<&mut Subject>,
    tally: &mut Tally,
) {
    let mut namespaces = BTreeMap::<String, Vec<&mut Subject>>::new();
    for subject in subjects {
        let namespace = subject.workload.target.namespace.clone();
        namespaces.entry(namespace).or_default().push(subject);
    }
    let ask = async |(namespace, subjects): (String, Vec<&mut Subject>)| {
        let named = |subject: &&mut Subject| {
            let workload = &subject.workload;
            (workload.target.clone(), workload.uid.clone())
        };
        let workloads: Vec<(Target, Uid)> = subjects.iter().map(named).collect();
        let mut found: BTreeMap<Target, Family> = cluster.families(&namespace, &workloads).await?;
        for subject in subjects {
            subject.family = Some(found.remove(&subject.workload.target).unwrap_or_default());
        }
        Ok(())
    };
    let asked = futures::stream::iter(namespaces).map(ask);
    let answers: Vec<Result<(), kubernetes::Error>> = asked.buffer_unordered(IN_FLIGHT).collect().await;
    for error in answers.into_iter().filter_map(Result::err) {
        tracing::error!(error = chain(&error), "pods can't be seen");
        tally.fail(error);
    }
}
