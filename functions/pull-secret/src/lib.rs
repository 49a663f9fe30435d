//! `pull-secret`: keeps the Secret fresh by which pods pull from ECR, where the kubelet can't do it itself.
//!
//! Each invocation reads from top to bottom: what it is asked is decoded ([`mod@ask`]); every chosen namespace is looked at
//! ([`look`]); the plan says what is due; each region is asked for one token at most; the plan is carried out
//! ([`apply`]), each namespace by itself; and the report tells what happened. Nothing is remembered that counts: what a Secret
//! says of itself is where the next tick goes on.

mod apply;
mod ask;
mod config;
mod look;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;

use access::Connect;
use aws::ecr::GetToken;
use domain::failure::{Class, Classified as _};
use domain::offhours::Namespace;
use domain::pullsecret::{Password, Plan, Region, Sight, Stance, Token, Verdict, plan};
use domain::time::later;
use function::report::count;
use function::rounds::{self, IN_FLIGHT};
use function::{Failed, RESERVE, Report, Tally};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use kubernetes::{
    CountCalls, CreatePullSecret, ListNamespaces, PatchPullSecret, PatchServiceAccount, ReadPullSecret,
    ReadServiceAccount,
};
use runtime::clock::{Clock, Deadline};
use runtime::function::Invocation;
use runtime::lines::Lines;
use runtime::metrics::Metrics;
use serde_json::Value;

use apply::Bench;
use ask::Ask;
pub use config::Config;

/// The name under which logs and metrics appear.
pub const SERVICE: &str = "pull-secret";

/// How long a look that went well answers for what wakes: off-hours tells of every resource by itself, and one look is enough
/// for all of a morning's beginning.
const ANSWERS_FOR: SignedDuration = SignedDuration::from_mins(1);

/// What only this function counts.
mod counts {
    use function::Count;

    /// Secrets that were made or given new content.
    pub(crate) const WRITTEN: Count = Count::new("PullSecretsWritten");
    /// Secrets that were as they should be.
    pub(crate) const KEPT: Count = Count::new("PullSecretsKept");
    /// Secrets that must not be touched.
    pub(crate) const REFUSED: Count = Count::new("PullSecretsRefused");
    /// Tokens that were asked for.
    pub(crate) const TOKEN_CALLS: Count = Count::new("TokenCalls");
    /// Service accounts of which the Secret was made, or ceased to be, one to pull by.
    pub(crate) const ACCOUNTS: Count = Count::new("ServiceAccountsPatched");
    /// A gauge: the least time for which pods of any namespace can still pull, in seconds. Zero is a value too.
    pub(crate) const REMAINING: &str = "PullSecretRemainingSeconds";
}

/// All that a cluster does for us.
pub trait Kubernetes:
    ListNamespaces
    + ReadPullSecret
    + CreatePullSecret
    + PatchPullSecret
    + ReadServiceAccount
    + PatchServiceAccount
    + CountCalls
{
}
impl<K> Kubernetes for K where
    K: ListNamespaces
        + ReadPullSecret
        + CreatePullSecret
        + PatchPullSecret
        + ReadServiceAccount
        + PatchServiceAccount
        + CountCalls
{
}

/// The function and its ports.
pub struct PullSecrets<G, E, C, L> {
    /// What the deployment says.
    pub config: Config,
    /// The way into the cluster.
    pub gate: G,
    /// The registries.
    pub ecr: E,
    /// The time.
    pub clock: C,
    /// Where metrics are written.
    pub lines: L,
    /// When this sandbox last looked at everything and all went well. It saves looks and decides nothing else.
    pub refreshed: Cell<Option<Timestamp>>,
}

/// What an invocation has come to so far. It outlives the work, which may be cut off.
#[derive(Default)]
struct Progress {
    tally: Tally,
    /// How long pods can still pull, by namespace, where it is known.
    lives: BTreeMap<String, SignedDuration>,
}

impl<G, E, C, L> PullSecrets<G, E, C, L>
where
    G: Connect<Cluster: Kubernetes>,
    E: GetToken,
    C: Clock,
    L: Lines,
{
    /// Handles one invocation: the tick, or something that wakes.
    ///
    /// It fails when any part of the work did, after everything else was done, so that Lambda's error metric shows it.
    pub async fn handle(&self, event: Value, invocation: &Invocation) -> Result<Value, Failed> {
        let ask = ask::decode(&event, &self.config.common.cluster).map_err(|unknown| Failed {
            class: unknown.class(),
            message: unknown.to_string(),
            of_cluster: false,
        })?;
        if !self.is_due(ask) {
            tracing::info!(?ask, "nothing to do");
            return Ok(Value::Null);
        }
        let mut report = Report::new(SERVICE, &self.config.common, invocation);
        let progress = self.refresh(invocation.deadline(RESERVE)).await;
        report.tally.add(progress.tally);
        let answer = report.worst().map_or(Ok(Value::Null), Err);
        let now = self.clock.now();
        report.flush(now, &self.lines);
        if let Some(mut gauge) = self.gauge(&progress.lives) {
            gauge.flush(now, &self.lines);
        }
        answer
    }

    /// Whether to look. A tick always does; of what wakes only the first of many.
    fn is_due(&self, ask: Ask) -> bool {
        let now = self.clock.now();
        match ask {
            Ask::Tick => true,
            Ask::Waking => self
                .refreshed
                .get()
                .is_none_or(|at| later(at, ANSWERS_FOR) <= now),
            Ask::Nothing => false,
        }
    }

    /// Does what there is to do, as far as time allows.
    async fn refresh(&self, deadline: Deadline) -> Progress {
        let mut progress = Progress::default();
        let started = self.clock.now();
        let work = Box::pin(self.work(&mut progress));
        match tokio::time::timeout(rounds::limit(deadline, started), work).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => note(&mut progress.tally, failed, "nothing can be decided"),
            Err(_) => {
                let failed = Failed::transient("not every namespace could be looked at in time");
                note(&mut progress.tally, failed, "time is up; the next tick goes on");
            }
        }
        let is_done = progress.tally.failures().is_empty() && !self.config.common.dry_run;
        self.refreshed.set(is_done.then_some(started));
        progress
    }

    async fn work(&self, progress: &mut Progress) -> Result<(), Failed> {
        let now = self.clock.now();
        let first = async |cluster: &G::Cluster| cluster.namespaces().await;
        let (cluster, listed) = function::cluster::enter(&self.gate, now, &mut progress.tally, first).await?;
        let calls_before = cluster.calls();
        let worked = match listed {
            Ok(namespaces) => self.in_namespaces(&cluster, namespaces, progress).await,
            Err(error) => Err(error.into()),
        };
        let calls = cluster.calls() - calls_before;
        progress.tally.count(count::KUBERNETES_CALLS, calls);
        // A missing permission is no reason to look for another way in.
        let is_away = |failed: &Failed| failed.of_cluster && failed.class == Class::Transient;
        if worked.as_ref().is_err_and(is_away) || progress.tally.failures().iter().any(is_away) {
            self.gate.forget().await;
        }
        worked
    }

    /// Looks at the chosen ones, plans, and carries the plan out.
    async fn in_namespaces(
        &self,
        cluster: &G::Cluster,
        namespaces: Vec<Namespace>,
        progress: &mut Progress,
    ) -> Result<(), Failed> {
        let Config { common, policy } = &self.config;
        let mut chosen = namespaces;
        chosen.retain(|namespace| policy.choice.chooses(namespace));
        let mut seen = Vec::new();
        let mut looks = futures::stream::iter(&chosen)
            .map(|namespace| async move { (namespace, look::see(cluster, namespace, policy).await) })
            .buffered(IN_FLIGHT);
        while let Some((namespace, (sight, failures))) = looks.next().await {
            for failed in failures {
                note(&mut progress.tally, failed, "not everything could be seen");
            }
            seen.extend(sight.map(|sight| (namespace, sight)));
        }
        let now = self.clock.now();
        let sights: Vec<Sight> = seen.iter().map(|(_, sight)| sight.clone()).collect();
        let plan = plan(&sights, policy, now);
        say(&plan, common.dry_run);
        let is_kept = |stance: &&Stance| stance.verdict == Verdict::Keep;
        let kept = plan.namespaces.iter().filter(is_kept).count();
        progress.tally.count(counts::KEPT, kept as u64);
        let bench = Bench { cluster, policy, now };
        for sight in &sights {
            progress.lives.extend(bench.life(sight));
        }
        if common.dry_run {
            for stance in &plan.namespaces {
                if let Verdict::Refuse(refusal) = &stance.verdict {
                    bench.refuse(&stance.namespace, refusal, &mut progress.tally);
                }
            }
            return Ok(());
        }
        let tokens = self.tokens(&plan, now, &mut progress.tally).await;
        let mut going = futures::stream::iter(seen)
            .map(|(namespace, sight)| bench.converge(namespace, sight, &tokens))
            .buffer_unordered(IN_FLIGHT);
        while let Some((tally, life)) = going.next().await {
            progress.tally.add(tally);
            progress.lives.extend(life);
        }
        Ok(())
    }

    /// A token of each region that needs one, as far as they can be had: one call for each.
    async fn tokens(&self, plan: &Plan, now: Timestamp, tally: &mut Tally) -> BTreeMap<Region, Token> {
        let ask = async |region: &Region| (region.clone(), self.ecr.token(region.as_str()).await);
        let answers = futures::future::join_all(plan.regions.iter().map(ask)).await;
        let mut tokens = BTreeMap::new();
        for (region, answer) in answers {
            tally.one(counts::TOKEN_CALLS);
            tally.one(count::AWS_CALLS);
            let token = answer.map_err(Failed::from).and_then(|pull| {
                Token::new(Password::new(pull.password.expose()), pull.expires, now)
                    .map_err(|error| Failed::transient(format!("token of {region}: {error}")))
            });
            match token {
                Ok(token) => drop(tokens.insert(region, token)),
                Err(failed) => note(tally, failed, "there is no token; what is in the Secrets stays"),
            }
        }
        tokens
    }

    /// The least of the lives as a metric; none where nothing is known.
    fn gauge(&self, lives: &BTreeMap<String, SignedDuration>) -> Option<Metrics> {
        let (namespace, least) = lives.iter().min_by_key(|(_, left)| **left)?;
        let cluster = self.config.common.cluster.as_str();
        let mut metrics = Metrics::new("Lamplighter", SERVICE).dimensions([("cluster", cluster)]);
        metrics.property("namespace", namespace.as_str());
        metrics.count(
            counts::REMAINING,
            u64::try_from(least.as_secs()).unwrap_or_default(),
        );
        Some(metrics)
    }
}

fn say(plan: &Plan, dry_run: bool) {
    let is_idle = plan.namespaces.iter().all(Stance::is_idle);
    let plan = plan.to_string();
    if is_idle {
        tracing::debug!(plan, dry_run, "plan");
    } else {
        tracing::info!(plan, dry_run, "plan");
    }
}

/// Says and counts what did not work.
fn note(tally: &mut Tally, failed: Failed, what: &'static str) {
    tracing::error!(error = failed.message, "{what}");
    tally.fail(failed);
}
