//! The rounds of an invocation: look, plan, apply, and again while something is under way.

use std::collections::{BTreeMap, BTreeSet};

use access::Connect;
use aws::eventbridge::PutEvents;
use aws::s3::{ETag, Written};
use domain::offhours::{
    Claim, Key, LOOK_LATER, Lease, Namespace, Override, Plan, Record, Standing, Then, View, is_due, plan,
};
use domain::time::later;
use function::bus;
use function::report::count;
use function::rounds::{self, AFTER_FAILURE};
use function::{Failed, Tally};
use jiff::{SignedDuration, Timestamp};
use kubernetes::{CountCalls, ListNamespaces as _};
use runtime::clock::{Clock, Deadline};
use runtime::function::Invocation;
use runtime::lines::Lines;

use crate::apply::Bench;
use crate::journal::{Journal, Objects, Pages};
use crate::look::{self, Cloud, Scene, Sight};
use crate::tell;
use crate::{Databases, Groups, Kubernetes, Nodegroups, OffHours, Why};

/// How long the lease lasts beyond the work, for an answer that is late. Not so long that the tick a minute after that of
/// an invocation that died would find it taken: of the 60 s, 50 are worked.
const LEASE_RESERVE: SignedDuration = SignedDuration::from_secs(5);

/// How often who was asked for something looks whether the one who is at it has ended.
const LEASE_PAUSE: SignedDuration = SignedDuration::from_secs(2);

/// One look at everything, and what is to be done about it.
#[derive(Debug)]
pub struct Look {
    /// What was seen.
    pub sight: Sight,
    /// What people told us.
    pub overrides: Vec<Override>,
    /// What they told us that is over: the objects to delete.
    pub expired: Vec<(String, ETag)>,
    /// Objects that nobody can read, by their names; why.
    pub unreadable: BTreeMap<String, String>,
    /// Who converges.
    pub lease: Option<Lease>,
    /// What to do.
    pub plan: Plan,
}

impl<A, E, D, G, B, P, Q, C, L> OffHours<A, E, D, G, B, P, Q, C, L>
where
    A: Groups,
    E: Nodegroups,
    D: Databases,
    G: Connect<Cluster: Kubernetes>,
    B: Objects,
    P: PutEvents,
    C: Clock,
    L: Lines,
{
    /// Looks at everything and does what is to be done, if nobody else is at it.
    pub(crate) async fn converge(&self, why: Why, invocation: &Invocation, deadline: Deadline) -> Tally {
        let mut tally = Tally::default();
        let limit = rounds::limit(deadline, self.clock.now());
        let work = self.with_lease(why, invocation, deadline, &mut tally);
        match tokio::time::timeout(limit, Box::pin(work)).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => {
                tracing::error!(error = failed.message, "nothing can be decided");
                tally.fail(failed);
            }
            Err(_) => tracing::warn!("time is up; the next tick goes on"),
        }
        tally
    }

    async fn with_lease(
        &self,
        why: Why,
        invocation: &Invocation,
        deadline: Deadline,
        tally: &mut Tally,
    ) -> Result<(), Failed> {
        let mut journal = Journal::new(&self.bucket, &self.config.common.cluster);
        let (taken, etag, now) = loop {
            let (seen, etag) = journal.lease(tally).await?;
            let now = self.clock.now();
            if why == Why::Tick && !is_due(seen.as_ref(), now) {
                tracing::debug!("nothing is under way, and everything was looked at a moment ago");
                return Ok(());
            }
            if self.config.common.dry_run {
                return self.only_say(&mut journal, tally).await;
            }
            let until = later(deadline.timestamp(), LEASE_RESERVE);
            if let Claim::Take(lease) = Lease::claim(seen.as_ref(), &invocation.request_id, until, now)
                && let Written::Done(etag) = journal.write_lease(&lease, etag, tally).await?
            {
                break (lease, etag, now);
            }
            // Whoever is at it may have looked already before what was asked for was there. A tick can wait.
            if why == Why::Tick || deadline.has_passed(later(now, LEASE_PAUSE)) {
                tracing::info!("somebody else is at it");
                return Ok(());
            }
            self.clock.sleep(LEASE_PAUSE).await;
        };
        let since = taken.since_last_look(now);
        let worked = self.rounds(&mut journal, deadline, since, tally).await;
        let is_unfinished = worked.as_ref().map_or(true, |unfinished| *unfinished);
        let released = Lease {
            looked_at: Some(now),
            ..taken.released(is_unfinished, self.clock.now())
        };
        // If this is lost, the lease runs out.
        journal.write_lease(&released, Some(etag), tally).await?;
        worked.map(drop)
    }

    /// Rounds, as long as there is time. Whether something is left to do.
    async fn rounds(
        &self,
        journal: &mut Journal<'_, B>,
        deadline: Deadline,
        since: SignedDuration,
        tally: &mut Tally,
    ) -> Result<bool, Failed> {
        let mut way = self.way_in(tally).await;
        let calls_before = way.calls();
        let mut said = Said::default();
        let mut refused = BTreeSet::new();
        let mut is_first = true;
        let unfinished = loop {
            let failures_before = tally.failures().len();
            let mut look = self.look(journal, &mut way).await?;
            leave_out(&mut look.plan, &refused);
            said.say(&look, false);
            tally.add(std::mem::take(&mut look.sight.tally));
            if is_first {
                self.say_how_it_is(&look, way.cluster(), since, tally).await;
                is_first = false;
            }
            let bench = Bench {
                autoscaling: &self.autoscaling,
                eks: &self.eks,
                rds: &self.rds,
                cluster_name: &self.config.common.cluster,
                cluster: way.cluster(),
                journal,
                sight: &look.sight,
            };
            let applied = bench.apply(&look.plan.moves, tally).await;
            refused.extend(applied.refused);
            bus::tell(&self.bus, &self.config.common.cluster, applied.told, tally).await;
            for (name, etag) in &look.expired {
                journal.expire(name, etag, tally).await?;
            }
            let after = match look.plan.then {
                // What could not be seen may have to move.
                Then::Settled => break !look.sight.seen.unseen.is_empty(),
                Then::NextTick => break true,
                Then::LookAgain { after } if tally.failures().len() > failures_before => {
                    after.max(AFTER_FAILURE)
                }
                Then::LookAgain { after } => after,
            };
            if deadline.has_passed(later(self.clock.now(), after)) {
                break true;
            }
            self.clock.sleep(after).await;
        };
        tally.count(count::KUBERNETES_CALLS, way.calls() - calls_before);
        if tally.failures().iter().any(|failed| failed.of_cluster) {
            self.gate.forget().await;
        }
        Ok(unfinished)
    }

    /// What a dry run does: says what would be done.
    async fn only_say(&self, journal: &mut Journal<'_, B>, tally: &mut Tally) -> Result<(), Failed> {
        let mut way = self.way_in(tally).await;
        let mut look = self.look(journal, &mut way).await?;
        Said::default().say(&look, true);
        tally.add(std::mem::take(&mut look.sight.tally));
        tell::count(&look.plan.views, tally);
        Ok(())
    }

    /// Counts how everything stands, and what was saved since the last look. What a person has to look at is told on the
    /// bus once an hour.
    async fn say_how_it_is(
        &self,
        look: &Look,
        way: Option<&G::Cluster>,
        since: SignedDuration,
        tally: &mut Tally,
    ) {
        let (cluster, now) = (&self.config.common.cluster, self.clock.now());
        tell::count(&look.plan.views, tally);
        let seen = &look.sight.seen;
        let is_there = |record: &&Record| look.sight.handles.contains_key(&record.resource);
        for mut metrics in tell::saved(seen.records.values().filter(is_there), since, cluster) {
            metrics.flush(now, &self.lines);
        }
        let hour = |at: Timestamp| at.as_second().div_euclid(3600);
        let is_first_of_hour = hour(now.saturating_sub(since).unwrap_or(now)) < hour(now);
        if is_first_of_hour {
            let views = &look.plan.views;
            bus::tell(&self.bus, cluster, tell::problems(views), tally).await;
            if let Some(way) = way {
                tell::on_workloads(way, views, &look.sight.handles, now, tally).await;
            }
        }
    }

    /// The way into the cluster, or why there is none.
    pub async fn way_in(&self, tally: &mut Tally) -> WayIn<G::Cluster> {
        let first = async |cluster: &G::Cluster| cluster.namespaces().await;
        let entered = function::cluster::enter(&self.gate, self.clock.now(), tally, first).await;
        match entered {
            Ok((cluster, namespaces)) => WayIn::Open(cluster, Some(namespaces)),
            Err(failed) => WayIn::Closed(failed),
        }
    }

    /// One look at everything, and the plan.
    pub async fn look(
        &self,
        journal: &mut Journal<'_, B>,
        way: &mut WayIn<G::Cluster>,
    ) -> Result<Look, Failed> {
        let mut tally = Tally::default();
        let pages = journal.open(&mut tally).await?;
        let now = self.clock.now();
        let (overrides, expired) = told(&pages, now);
        let scene = Scene {
            policy: &self.config.policy,
            overrides: &overrides,
            records: &pages.records,
            now,
        };
        let in_cluster = match way {
            WayIn::Open(cluster, known) => {
                let namespaces = match known.take() {
                    Some(namespaces) => namespaces,
                    None => cluster.namespaces().await,
                };
                look::look_at_cluster(cluster, namespaces, &scene).await
            }
            WayIn::Closed(failed) => look::nothing(failed),
        };
        let common = &self.config.common;
        let cloud = Cloud {
            autoscaling: &self.autoscaling,
            eks: (common.access == access::Way::Eks).then_some(&self.eks),
            rds: &self.rds,
            cluster: &common.cluster,
        };
        let in_cloud = cloud.look(&scene, in_cluster.nodes.as_deref(), &mut tally).await;
        let mut sight = look::sight(&pages, in_cluster, in_cloud);
        sight.tally.add(tally);
        let plan = plan(&sight.seen, &self.config.policy, now);
        Ok(Look {
            sight,
            overrides,
            expired,
            unreadable: pages.unreadable,
            lease: pages.lease.map(|(lease, _)| lease),
            plan,
        })
    }
}

/// The way into the cluster.
pub enum WayIn<K> {
    /// There is one; what its first request answered is not yet used.
    Open(K, Option<Result<Vec<Namespace>, kubernetes::Error>>),
    /// There is none; why.
    Closed(Failed),
}

impl<K: Kubernetes> WayIn<K> {
    const fn cluster(&self) -> Option<&K> {
        match self {
            Self::Open(cluster, _) => Some(cluster),
            Self::Closed(_) => None,
        }
    }

    fn calls(&self) -> u64 {
        self.cluster().map_or(0, CountCalls::calls)
    }
}

/// What people told us that holds, and the objects of what does not any more.
fn told(pages: &Pages, now: Timestamp) -> (Vec<Override>, Vec<(String, ETag)>) {
    let (mut holding, mut expired) = (Vec::new(), Vec::new());
    for (told, name, etag) in &pages.overrides {
        if told.holds(now) {
            holding.push(told.clone());
        } else {
            expired.push((name.clone(), etag.clone()));
        }
    }
    (holding, expired)
}

/// Leaves what was refused to the next tick: where a person must help first, asking again in this invocation is of no
/// use.
fn leave_out(plan: &mut Plan, refused: &BTreeSet<Key>) {
    let before = plan.moves.len();
    plan.moves.retain(|one| !refused.contains(&one.key));
    if plan.moves.len() == before || !plan.moves.is_empty() {
        return;
    }
    let is_under_way = |view: &View| {
        let moves = matches!(view.standing, Standing::FallingAsleep | Standing::Waking);
        moves && !view.is_stuck && !refused.contains(&view.key)
    };
    plan.then = if plan.views.iter().any(is_under_way) {
        Then::LookAgain { after: LOOK_LATER }
    } else {
        Then::NextTick
    };
}

/// What an invocation has said already.
#[derive(Default)]
struct Said {
    plan: String,
    failures: BTreeSet<String>,
}

impl Said {
    /// Says what is planned and what could not be seen, unless that was said already.
    fn say(&mut self, look: &Look, dry_run: bool) {
        for failed in look.sight.tally.failures() {
            if self.failures.insert(failed.message.clone()) {
                tracing::error!(error = failed.message, "not everything could be seen");
            }
        }
        for one in &look.plan.moves {
            tracing::debug!(resource = %one.key, plan = %one, dry_run, "move");
        }
        let plan = look.plan.to_string();
        if look.plan.moves.is_empty() || plan == self.plan {
            tracing::debug!(plan, dry_run, "plan");
        } else {
            tracing::info!(plan, dry_run, "plan");
        }
        self.plan = plan;
    }
}
