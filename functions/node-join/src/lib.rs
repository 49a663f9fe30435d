//! `node-join`: gives each machine that is launched for the cluster a token of its own, and takes it back when
//! the machine's node exists.
//!
//! Each invocation reads from top to bottom: [`function::inbox`] says what to look at, [`facts`] what AWS says of
//! it, then [`rounds`] of observe, plan and apply ([`apply`], [`requests`]) go on while a machine is on its way
//! and the invocation has time. What remains is found again by the next tick: the state of a join is its
//! parameter, whose description says everything but the secret.

mod apply;
mod config;
mod facts;
mod random;
mod requests;
mod rounds;
mod secure;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeSet;

use access::Connect;
use aws::autoscaling::{DescribeGroups, DescribeHooks};
use aws::sqs::ParkMessage;
use aws::ssm::{DeleteParameters, FindSecret, ListParameters, PutParameter};
use aws_ec2::DescribeMachines;
use domain::ids::InstanceId;
use domain::join::Random;
use events::Event;
use function::{Count, Failed, Report, Tally, Work, inbox};
use kubernetes::{
    CountCalls, CreateToken, DecideSigningRequest, DeleteToken, ListNodes, ListSigningRequests,
    ReadClusterInfo, TryToken,
};
use runtime::clock::Clock;
use runtime::function::Invocation;
use runtime::lines::Lines;
use serde_json::Value;

pub use config::Config;
pub use random::OsRandom;

/// The name under which logs and metrics appear.
pub const SERVICE: &str = "node-join";

/// Tokens that were given to machines, those in the place of others included.
const TOKENS_ISSUED: Count = Count::new("TokensIssued");
/// Tokens that were given in the place of others.
const TOKENS_REISSUED: Count = Count::new("TokensReissued");
/// Tokens that were taken back.
const TOKENS_REVOKED: Count = Count::new("TokensRevoked");
/// Parameters of tokens that were over.
const LEFTOVERS_DELETED: Count = Count::new("LeftoversDeleted");
/// Tokens that turned out to be somebody else's.
const TOKEN_COLLISIONS: Count = Count::new("TokenCollisions");
/// Certificates that were approved.
const REQUESTS_APPROVED: Count = Count::new("RequestsApproved");
/// Certificates that were denied.
const REQUESTS_DENIED: Count = Count::new("RequestsDenied");

/// All that Parameter Store does for a join.
pub trait Parameters: PutParameter + FindSecret + ListParameters + DeleteParameters {}
impl<P: PutParameter + FindSecret + ListParameters + DeleteParameters> Parameters for P {}

/// All that a cluster does for a join.
pub trait Kubernetes:
    ListNodes
    + ReadClusterInfo
    + CreateToken
    + DeleteToken
    + TryToken
    + ListSigningRequests
    + DecideSigningRequest
    + CountCalls
{
}
impl<K> Kubernetes for K where
    K: ListNodes
        + ReadClusterInfo
        + CreateToken
        + DeleteToken
        + TryToken
        + ListSigningRequests
        + DecideSigningRequest
        + CountCalls
{
}

/// The function and its ports.
pub struct NodeJoin<A, M, P, G, Q, R, C, L> {
    /// What the deployment says.
    pub config: Config,
    /// Auto Scaling, which nothing here writes to.
    pub autoscaling: A,
    /// EC2.
    pub machines: M,
    /// Where each machine finds its token.
    pub parameters: P,
    /// The way into the cluster.
    pub gate: G,
    /// Where messages that nobody can read are parked.
    pub dead_letters: Q,
    /// Where secrets come from.
    pub random: R,
    /// The time.
    pub clock: C,
    /// Where metrics are written.
    pub lines: L,
}

/// Which instances an invocation looks at.
#[derive(Debug)]
enum Scope {
    /// All of them.
    All,
    /// Those that events named. The others have events of their own, or the tick.
    These(BTreeSet<InstanceId>),
}

impl<A, M, P, G, Q, R, C, L> NodeJoin<A, M, P, G, Q, R, C, L>
where
    A: DescribeGroups + DescribeHooks,
    M: DescribeMachines,
    P: Parameters,
    G: Connect<Cluster: Kubernetes>,
    Q: ParkMessage,
    R: Random,
    C: Clock,
    L: Lines,
{
    /// Handles one invocation: a batch of messages, or the tick.
    ///
    /// A batch answers which messages SQS shall deliver again; the tick fails when any part of the sweep did,
    /// after everything else was done, so that Lambda's error metric shows it.
    pub async fn handle(&self, event: Value, invocation: &Invocation) -> Result<Value, Failed> {
        let mut report = Report::new(SERVICE, &self.config.common, invocation);
        let answer = match inbox::decode(event, hint)? {
            Work::Sweep => {
                self.work(Scope::All, invocation, &mut report).await;
                report.worst().map_or(Ok(Value::Null), Err)
            }
            Work::Messages { hints, malformed } => {
                let dry_run = self.config.common.dry_run;
                let answer = inbox::park(&self.dead_letters, &malformed, dry_run, &mut report.tally).await;
                let named: BTreeSet<InstanceId> = hints.into_iter().flatten().collect();
                if !named.is_empty() {
                    self.work(Scope::These(named), invocation, &mut report).await;
                }
                Ok(answer.to_value())
            }
        };
        report.flush(self.clock.now(), &self.lines);
        answer
    }

    async fn work(&self, scope: Scope, invocation: &Invocation, report: &mut Report) {
        let tally = RefCell::new(Tally::default());
        let deadline = invocation.deadline(function::RESERVE);
        Box::pin(self.rounds(&scope, deadline, &tally)).await;
        report.tally.add(tally.into_inner());
    }
}

/// What an event is about. Each only says where to look: at an instance that waits to be put in service, or at
/// one that will not serve any more, whose token is to be taken back. A launch may fail before there is one.
#[expect(
    clippy::option_option,
    reason = "none: not for this function; some none: for it, and about nothing"
)]
fn hint(event: Event) -> Option<Option<InstanceId>> {
    match event {
        Event::Launch(action) => Some(Some(action.instance)),
        Event::Terminate(action) => Some(Some(action.instance)),
        Event::Ended(ended) => Some(ended.instance),
        Event::TagsChanged(_) | Event::Hours(_) | Event::Image(_) | Event::TestNotification => None,
    }
}
