//! Finding the workloads that take part, and what brought us to each.

use std::collections::{BTreeMap, BTreeSet};

use domain::failure::{Class, Classified as _};
use domain::image::{
    Attention, Family, ImageRef, Kind, Plan, Policy, Record, Repository, Settings, Stage, Target, Workload,
};
use domain::time::later;
use function::Tally;
use function::rounds::{AFTER_FAILURE, IN_FLIGHT};
use futures::StreamExt as _;
use futures::future::join_all;
use jiff::Timestamp;
use kubernetes::{Error, GetImageWorkload, ListImageWorkloads};
use runtime::error::chain;

use crate::pace::{self, Pace};

/// Why an invocation looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// A tick: whatever has its turn.
    Tick,
    /// These repositories changed; the id of the event that says so.
    Events(BTreeMap<Repository, String>),
}

/// A workload that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The workload.
    pub workload: Workload,
    /// What brought us to it.
    pub attention: Attention,
    /// What belongs to it, if that was asked for.
    pub family: Option<Family>,
}

/// A workload, and what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The workload, and what is known of it.
    pub subject: Subject,
    /// What is to be done, and how it stands.
    pub plan: Plan,
}

/// What decides who takes part.
pub(crate) struct Scene<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) pace: Pace,
    pub(crate) why: &'a Why,
    pub(crate) now: Timestamp,
}

impl Subject {
    pub(crate) const fn new(workload: Workload, attention: Attention) -> Self {
        Self {
            workload,
            attention,
            family: None,
        }
    }
}

impl Scene<'_> {
    /// What brings us to a workload, if anything does.
    pub(crate) fn attention(&self, workload: &Workload) -> Option<Attention> {
        // What can't be read takes part too: its people have to be told.
        let settings = match Settings::read(workload, self.policy) {
            Ok(None) => return None,
            Ok(Some(settings)) => Some(settings),
            Err(_) => None,
        };
        let status = Record::read(workload).ok().and_then(|record| record.status);
        let repositories = repositories(workload, settings.as_ref());
        let attention = match self.why {
            Why::Events(changed) => repositories
                .iter()
                .find_map(|repository| changed.get(repository))
                .map(|event| Attention::Event(event.clone())),
            Why::Tick => self.turn(workload, &repositories).or_else(|| {
                let (settings, status) = (settings.as_ref()?, status.as_ref()?);
                let has_its_turn = pace::has_just_cooled_down(status.patched, settings.cooldown, self.now);
                has_its_turn.then_some(Attention::Sweep { first_of_hour: false })
            }),
        };
        let is_under_way = status.is_some_and(|status| is_under_way(status.stage));
        attention.or_else(|| is_under_way.then_some(Attention::Watch))
    }

    /// Its turn is that of the first of its repositories, so that it has one and not several.
    fn turn(&self, workload: &Workload, repositories: &BTreeSet<Repository>) -> Option<Attention> {
        let first = repositories.first().map(ToString::to_string);
        let name = first.unwrap_or_else(|| workload.target.to_string());
        let turn = self.pace.turn(&name, self.now)?;
        Some(Attention::Sweep {
            first_of_hour: turn.is_first_of_hour,
        })
    }
}

/// The repositories of the containers that are ours; of all, where nobody can read which are.
fn repositories(workload: &Workload, settings: Option<&Settings>) -> BTreeSet<Repository> {
    let containers = workload.containers.iter();
    let ours = containers.filter(|container| settings.is_none_or(|settings| settings.covers(container)));
    ours.filter_map(|container| ImageRef::parse(&container.image).ok()?.repository)
        .collect()
}

/// Whether something is to be watched, whoever asked for what.
const fn is_under_way(stage: Stage) -> bool {
    match stage {
        Stage::Rolling | Stage::RollingBack | Stage::Deferred => true,
        Stage::Verified | Stage::Manual | Stage::Failed | Stage::RolledBack | Stage::Replaced => false,
    }
}

/// Every workload that `attention` brings us to. A kind that can't be listed is a failure, and the others are looked at
/// nevertheless. The list of Deployments is there already: it was the first request.
pub(crate) async fn look<K: ListImageWorkloads>(
    cluster: &K,
    deployments: Result<Vec<Workload>, Error>,
    attention: impl Fn(&Workload) -> Option<Attention>,
    tally: &mut Tally,
) -> Vec<Subject> {
    let others = [Kind::StatefulSet, Kind::DaemonSet, Kind::CronJob];
    let lists = join_all(others.map(|kind| cluster.image_workloads(kind, None))).await;
    let mut subjects = Vec::new();
    for listed in std::iter::once(deployments).chain(lists) {
        match listed {
            Ok(workloads) => subjects.extend(workloads.into_iter().filter_map(|workload| {
                let attention = attention(&workload)?;
                Some(Subject::new(workload, attention))
            })),
            Err(error) => {
                tracing::error!(error = chain(&error), "not everything could be seen");
                tally.fail(error);
            }
        }
    }
    subjects
}

/// A workload to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lasting {
    pub(crate) target: Target,
    pub(crate) attention: Attention,
    /// When.
    pub(crate) due: Timestamp,
}

/// From so many workloads of one kind in one namespace on, one list is asked for instead of each of them.
const MANY: usize = 4;

/// Reads these workloads again. What is gone is left out. What can't be read is a failure, and is read once more a
/// little later if that may help: it comes back.
pub(crate) async fn again<K: ListImageWorkloads + GetImageWorkload>(
    cluster: &K,
    due: Vec<Lasting>,
    now: Timestamp,
    tally: &mut Tally,
) -> (Vec<Subject>, Vec<Lasting>) {
    let mut places = BTreeMap::<(Kind, String), Vec<Lasting>>::new();
    for one in due {
        let place = (one.target.kind, one.target.namespace.clone());
        places.entry(place).or_default().push(one);
    }
    let mut requests = Vec::new();
    for ((kind, namespace), those) in places {
        if those.len() >= MANY {
            requests.push((Some((kind, namespace)), those));
        } else {
            requests.extend(those.into_iter().map(|one| (None, vec![one])));
        }
    }
    let ask = async |(place, those): (Option<(Kind, String)>, Vec<Lasting>)| {
        let read = match (place, those.first()) {
            (Some((kind, namespace)), _) => cluster.image_workloads(kind, Some(&namespace)).await,
            (None, Some(one)) => {
                let read = cluster.image_workload(&one.target).await;
                read.map(|found| found.into_iter().collect())
            }
            (None, None) => Ok(Vec::new()),
        };
        (read, those)
    };
    let mut asked = futures::stream::iter(requests)
        .map(ask)
        .buffer_unordered(IN_FLIGHT);
    let (mut subjects, mut lasting) = (Vec::new(), Vec::new());
    while let Some((read, those)) = asked.next().await {
        match read {
            Ok(workloads) => subjects.extend(workloads.into_iter().filter_map(|workload| {
                let known = those.iter().find(|one| one.target == workload.target)?;
                Some(Subject::new(workload, known.attention.clone()))
            })),
            Err(error) => {
                tracing::error!(error = chain(&error), "what is under way can't be seen");
                if error.class() == Class::Transient {
                    let due = later(now, AFTER_FAILURE);
                    lasting.extend(those.into_iter().map(|one| Lasting { due, ..one }));
                }
                tally.fail(error);
            }
        }
    }
    (subjects, lasting)
}
