//! The rounds of an invocation: look, plan, apply, and again while a rollout is under way.

use std::collections::BTreeSet;

use access::Connect;
use aws::eventbridge::PutEvents;
use domain::image::{Ask, Attention, Kind, Observation, Target, Workload, plan};
use domain::time::later;
use function::bus;
use function::report::count;
use function::rounds;
use function::{Failed, Tally};
use jiff::SignedDuration;
use kubernetes::{CountCalls as _, Error, ListImageWorkloads as _};
use runtime::clock::{Clock, Deadline};
use runtime::lines::Lines;

use crate::answers::{self, Answers};
use crate::apply::{Bench, Said};
use crate::look::{self, Lasting, Scene, Subject, View, Why};
use crate::{ImageDeploy, Kubernetes, Registry, tell};

/// How often a plan may ask before it is made: for pods, for what repositories hold, for whom an image is, and for
/// whatever that leads to.
const TURNS: usize = 4;

/// What is due within this time is read together with what is due now.
const TOGETHER: SignedDuration = SignedDuration::from_secs(1);

impl<R, G, P, Q, C, L> ImageDeploy<R, G, P, Q, C, L>
where
    R: Registry,
    G: Connect<Cluster: Kubernetes>,
    P: PutEvents,
    C: Clock,
    L: Lines,
{
    /// Looks at what this invocation is for, and does what is to be done.
    pub(crate) async fn deploy(&self, why: &Why, deadline: Deadline) -> Tally {
        let mut tally = Tally::default();
        let limit = rounds::limit(deadline, self.clock.now());
        let work = self.rounds(why, deadline, &mut tally);
        match tokio::time::timeout(limit, Box::pin(work)).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => {
                tracing::error!(error = failed.message, "nothing can be decided");
                tally.fail(failed);
            }
            Err(_) => tracing::warn!("time is up; the next tick goes on"),
        }
        if tally.failures().iter().any(|failed| failed.of_cluster) {
            self.gate.forget().await;
        }
        tally
    }

    async fn rounds(&self, why: &Why, deadline: Deadline, tally: &mut Tally) -> Result<(), Failed> {
        let (cluster, deployments) = self.way_in(tally).await?;
        let calls_before = cluster.calls();
        let scene = Scene {
            policy: &self.config.policy,
            pace: self.config.pace,
            why,
            now: self.clock.now(),
        };
        let attention = |workload: &Workload| scene.attention(workload);
        let mut subjects = look::look(&cluster, deployments, attention, tally).await;
        let (mut answers, mut said) = (Answers::default(), Said::default());
        let mut lasting = Vec::<Lasting>::new();
        let mut is_first = true;
        loop {
            if answers.are_old(self.clock.now()) {
                // What is pushed from now on is chosen by the next tick, so that one invocation asks for one list.
                for subject in &mut subjects {
                    subject.attention = Attention::Watch;
                }
            }
            answers.forget(self.clock.now());
            let views = self.plans(&cluster, subjects, &mut answers, tally).await;
            if is_first {
                self.say(&views, tally);
                is_first = false;
            }
            if self.config.common.dry_run {
                break;
            }
            let bench = Bench {
                cluster: &cluster,
                now: self.clock.now(),
            };
            let applied = bench.apply(views, &mut said, tally).await;
            bus::tell(&self.bus, &self.config.common.cluster, applied.told, tally).await;
            lasting.extend(applied.lasting);
            let Some(first) = lasting.iter().map(|one| one.due).min() else {
                break;
            };
            if deadline.has_passed(first.max(self.clock.now())) {
                break;
            }
            self.clock.sleep(first.duration_since(self.clock.now())).await;
            let now = self.clock.now();
            let together = later(now, TOGETHER);
            let (due, not_yet): (Vec<_>, Vec<_>) = lasting.into_iter().partition(|one| one.due <= together);
            (subjects, lasting) = look::again(&cluster, due, now, tally).await;
            lasting.extend(not_yet);
        }
        tally.count(count::KUBERNETES_CALLS, cluster.calls() - calls_before);
        Ok(())
    }

    /// The way into the cluster, and what the first request answered.
    async fn way_in(&self, tally: &mut Tally) -> Result<(G::Cluster, Result<Vec<Workload>, Error>), Failed> {
        let first = async |cluster: &G::Cluster| cluster.image_workloads(Kind::Deployment, None).await;
        function::cluster::enter(&self.gate, self.clock.now(), tally, first).await
    }

    /// How every workload stands that `is_wanted` and takes part, and what would be done about it, as the next sweep would
    /// see it. Nothing is changed.
    pub async fn view(
        &self,
        is_wanted: impl Fn(&Target) -> bool,
        tally: &mut Tally,
    ) -> Result<Vec<View>, Failed> {
        let (cluster, deployments) = self.way_in(tally).await?;
        let attention = |workload: &Workload| {
            is_wanted(&workload.target).then_some(Attention::Sweep { first_of_hour: false })
        };
        let subjects = look::look(&cluster, deployments, attention, tally).await;
        Ok(self
            .plans(&cluster, subjects, &mut Answers::default(), tally)
            .await)
    }

    /// Plans for each of these workloads, with whatever has to be known for it. One for which that can't be known is left
    /// out: why is a failure.
    async fn plans(
        &self,
        cluster: &G::Cluster,
        subjects: Vec<Subject>,
        answers: &mut Answers,
        tally: &mut Tally,
    ) -> Vec<View> {
        let (mut views, mut open) = (Vec::new(), subjects);
        for _ in 0..=TURNS {
            let now = self.clock.now();
            let (mut asks, mut asking) = (BTreeSet::new(), Vec::new());
            for subject in open {
                let seen = Observation {
                    workload: &subject.workload,
                    family: subject.family.as_ref(),
                    facts: &answers.facts,
                    attention: &subject.attention,
                };
                match plan(&seen, &self.config.policy, now) {
                    None => {}
                    Some(plan) if plan.asks.is_empty() => views.push(View { subject, plan }),
                    Some(plan) => {
                        asks.extend(plan.asks.iter().cloned());
                        asking.push((subject, plan));
                    }
                }
            }
            if asking.is_empty() {
                return views;
            }
            answers.ask(asks, &self.registry, cluster, now, tally).await;
            open = with_families(cluster, asking, tally).await;
        }
        for subject in open {
            let target = &subject.workload.target;
            tally.fail(Failed::permanent(format!(
                "{target}: asked for more after {TURNS} answers"
            )));
        }
        views
    }

    /// Says how everything stands, and what is planned.
    fn say(&self, views: &[View], tally: &mut Tally) {
        let dry_run = self.config.common.dry_run;
        tell::count(views, tally);
        for View { subject, plan } in views {
            if let Some(change) = &plan.change {
                let (resource, standing) = (&subject.workload.target, &plan.standing);
                tracing::info!(%resource, plan = tell::plan(change), dry_run, "{standing}");
            }
        }
    }
}

/// The workloads, with what belongs to them where that is asked for. One whose pods can't be listed is left out.
async fn with_families<K: Kubernetes>(
    cluster: &K,
    asking: Vec<(Subject, domain::image::Plan)>,
    tally: &mut Tally,
) -> Vec<Subject> {
    let asks_family = |plan: &domain::image::Plan| plan.asks.contains(&Ask::Family);
    let (alone, others): (Vec<_>, Vec<_>) = asking.into_iter().partition(|(_, plan)| asks_family(plan));
    let mut subjects: Vec<Subject> = alone.into_iter().map(|(subject, _)| subject).collect();
    answers::find_families(cluster, subjects.iter_mut().collect(), tally).await;
    subjects.retain(|subject| subject.family.is_some());
    subjects.extend(others.into_iter().map(|(subject, _)| subject));
    subjects
}
