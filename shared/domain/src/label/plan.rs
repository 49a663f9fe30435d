//! The decision: what to do next about one instance and its node.

use jiff::{SignedDuration, Timestamp};

use super::change::{Change, Occasion};
use super::desired::Desired;
use super::gate::{self, Obstacle};
use super::identity::{self, Identity, Mismatch};
use super::observation::{Cluster, Facts, Observation};
use super::policy::Policy;
use super::problem::Problem;
use crate::hook::{HookView, Proof, Wait};
use crate::ids::{HookName, NodeName};
use crate::lifecycle::{Completion, HookResult, LifecycleState};
use crate::machine::Machine;
use crate::node::Node;
use crate::time::later;

/// How soon to look again: at once after a write, seldom where only somebody else can change things.
const LOOK_SOONEST: SignedDuration = SignedDuration::from_secs(1);
const LOOK_NEXT: SignedDuration = SignedDuration::from_secs(3);
const LOOK_LATEST: SignedDuration = SignedDuration::from_secs(5);

/// A machine in service without a node is somebody's concern after this long. Slow ones boot in ten minutes.
const NODE_EXPECTED_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// How long after the end of our patience an instance is given up whose wait no event dates. We look each minute, so
/// one that has waited since its launch is noticed well within this time. One that was launched longer ago has waited
/// for less: it comes from a warm pool of running machines or from standby, or a person attached it.
const NOTICED_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// What to do, in this order, and when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The steps. Each can be repeated; when one fails, the rest are left for the next look.
    pub steps: Vec<Step>,
    /// What comes after.
    pub then: Then,
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Tell Auto Scaling that we still work.
    Heartbeat,
    /// Write on a node, and tell people what could not be written.
    Write(Box<Write>),
    /// Tell people, by an Event on each of these nodes.
    Tell(Vec<NodeName>, Notice),
    /// End the wait.
    Complete(HookResult, Finish),
}

/// A change of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The node as it was seen.
    pub node: Node,
    /// What to change.
    pub change: Change,
    desired: Desired,
    occasion: Occasion,
}

impl Write {
    fn of(node: &Node, desired: Desired, occasion: Occasion) -> Option<Self> {
        let change = Change::between(node, &desired, occasion)?;
        Some(Self {
            node: node.clone(),
            change,
            desired,
            occasion,
        })
    }

    /// The same for the node as it is now, after somebody else has written to it. `None` if nothing is left to
    /// write, if it is another node of that name, or if it is drained meanwhile.
    pub fn again(&self, now: &Node) -> Option<Self> {
        let is_same = now.uid == self.node.uid && !now.is_draining();
        is_same
            .then(|| Self::of(now, self.desired.clone(), self.occasion))
            .flatten()
    }
}

/// Why the wait ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// The node may serve.
    Ready(NodeName),
    /// The machine goes to the warm pool, and joins when it is taken out of it.
    WarmPool,
    /// It waited as long as the policy allows, for this.
    TimedOut(Waiting),
}

/// What comes after the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Nothing is left to do for this invocation; why.
    Done(Outcome),
    /// Look again.
    LookAgain {
        /// How long from now.
        after: SignedDuration,
        /// What for.
        waiting: Waiting,
    },
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The instance neither waits for us nor serves.
    NotWaiting(LifecycleState),
    /// The instance is no more.
    Gone,
    /// Our hook is completed; the instance waits for the hooks of others.
    OthersWait(Vec<HookName>),
    /// The node has what it shall have.
    InPlace,
    /// The node has it now.
    Written,
    /// The node is being drained.
    Draining,
    /// The instance serves, and no node of it has come since it was launched.
    NoNode(Timestamp),
    /// The next tick looks again.
    Left(Waiting),
}

/// What an instance waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// The API server can't be asked.
    ApiServer(String),
    /// EC2 can't be asked.
    Ec2(String),
    /// EC2 does not know the machine, or not its name; why.
    Machine(String),
    /// No node has joined.
    Node,
    /// The node has no address yet.
    Address(NodeName),
    /// It can't be told which node is the machine's.
    Doubt(Doubt),
    /// The labels and taints that are being written.
    Labels,
    /// The gate is closed.
    Gate(Vec<Obstacle>),
    /// The node is marked as being drained.
    Draining(NodeName),
    /// Auto Scaling's state to show that the hook is completed.
    Proof,
}

/// Why no node is taken for the machine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The one that claims to be it can't be.
    Stranger(NodeName, Mismatch),
    /// More than one claims to be it.
    Several(Vec<NodeName>),
}

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Labels and taints that are not set.
    Refused(Vec<Problem>),
    /// Nothing is set, since it can't be told whose node this is.
    Doubt(Doubt),
    /// The node was not ready in time, and this is what becomes of its machine.
    TimedOut(HookResult, Waiting),
}

/// Whether EC2 must be asked about the instance before one can plan: always while it waits at our hook, else only
/// where something is to be written or no node is seen.
pub fn needs_facts(seen: &Observation<'_>, policy: &Policy) -> bool {
    let Cluster::Nodes(nodes) = seen.cluster else {
        return false;
    };
    match seen.hook {
        HookView::Waiting(wait) => !wait.state.is_warmed(),
        HookView::Elsewhere(state) if serves(state) => {
            let claimants = identity::claimants(nodes, seen.instance, None);
            let [node] = claimants.as_slice() else {
                return true;
            };
            let desired = Desired::of(seen.group, seen.template, None, policy);
            let has_all =
                || !desired.lacks_facts(node) && Change::between(node, &desired, Occasion::Service).is_none();
            !node.is_draining() && !has_all()
        }
        HookView::Elsewhere(_) | HookView::Gone => false,
    }
}

/// Whether the node of an instance in this state is looked after.
fn serves(state: &LifecycleState) -> bool {
    matches!(state, LifecycleState::InService | LifecycleState::Standby)
}

/// Decides what to do next about the instance of `seen`, at `now`.
pub fn plan(seen: &Observation<'_>, policy: &Policy, now: Timestamp) -> Plan {
    match seen.hook {
        HookView::Waiting(wait) => at_hook(seen, wait, policy, now),
        HookView::Elsewhere(state) if serves(state) => in_service(seen, policy, now),
        HookView::Elsewhere(state) => Plan::done(vec![], Outcome::NotWaiting(state.clone())),
        HookView::Gone => Plan::done(vec![], Outcome::Gone),
    }
}

fn at_hook(seen: &Observation<'_>, wait: &Wait, policy: &Policy, now: Timestamp) -> Plan {
    match wait.proof(seen.progress.completion) {
        Proof::OthersWait(others) => return Plan::done(vec![], Outcome::OthersWait(others)),
        Proof::Pending => return Plan::look_again(vec![], LOOK_LATEST, Waiting::Proof),
        Proof::Open => {}
    }
    if wait.state.is_warmed() {
        // It comes back from service, and waits for another hook; or its action is late, and the next tick asks again.
        if seen.progress.completion == Some(Completion::NoActiveAction) {
            return Plan::done(vec![], Outcome::NotWaiting(wait.state.clone()));
        }
        return Plan::complete(seen, vec![], HookResult::Continue, Finish::WarmPool);
    }
    let launched = match seen.facts {
        Facts::Known(machine) => Some(machine.launched),
        Facts::NotAsked | Facts::Unreachable(_) | Facts::Missing => None,
    };
    let mut steps = Vec::new();
    if wait.is_heartbeat_due(launched, seen.progress.heartbeat, now) {
        steps.push(Step::Heartbeat);
    }
    let (about, waiting) = match look(seen, policy, Occasion::Launch) {
        // What we are not told we don't guess, and nobody loses a machine by it.
        Look::Blind(waiting) => return Plan::look_again(steps, LOOK_LATEST, waiting),
        Look::Write(write) => {
            steps.push(Step::Write(write));
            return Plan::look_again(steps, LOOK_SOONEST, Waiting::Labels);
        }
        Look::Labelled(node) => match gate::obstacles(node, policy, now) {
            obstacles if obstacles.is_empty() => {
                let finish = Finish::Ready(node.name.clone());
                return Plan::complete(seen, vec![], HookResult::Continue, finish);
            }
            obstacles => (vec![node], Waiting::Gate(obstacles)),
        },
        Look::Wait(about, waiting) => (about, waiting),
    };
    let about: Vec<_> = about.into_iter().map(|node| node.name.clone()).collect();
    if has_timed_out(wait, launched, policy, now) {
        let result = policy.on_timeout;
        if !about.is_empty() {
            steps.push(Step::Tell(about, Notice::TimedOut(result, waiting.clone())));
        }
        return Plan::complete(seen, steps, result, Finish::TimedOut(waiting));
    }
    if let (Waiting::Doubt(doubt), false) = (&waiting, seen.progress.told) {
        steps.push(Step::Tell(about, Notice::Doubt(doubt.clone())));
    }
    Plan::look_again(steps, pace(&waiting), waiting)
}

/// Whether the policy's patience is at its end, or Auto Scaling's is about to be. Where nobody can tell how long the
/// instance has waited it is not given up: Auto Scaling itself ends such a wait, by the hook's default result.
fn has_timed_out(wait: &Wait, launched: Option<Timestamp>, policy: &Policy, now: Timestamp) -> bool {
    wait.since.or(launched).is_some_and(|began| {
        let patience = later(began, policy.timeout);
        let end = patience.min(wait.deadline(began));
        now >= end && (wait.since.is_some() || now.duration_since(end) <= NOTICED_WITHIN)
    })
}

/// A node that is only not ready for long enough is looked at when it is.
fn pace(waiting: &Waiting) -> SignedDuration {
    match waiting {
        Waiting::Gate(obstacles) => match obstacles.as_slice() {
            [Obstacle::JustReady { left }] => (*left).clamp(LOOK_SOONEST, LOOK_LATEST),
            _ => LOOK_NEXT,
        },
        _ => LOOK_NEXT,
    }
}

fn in_service(seen: &Observation<'_>, policy: &Policy, now: Timestamp) -> Plan {
    if matches!(seen.cluster, Cluster::Nodes(_)) && !needs_facts(seen, policy) {
        return Plan::done(vec![], Outcome::InPlace);
    }
    match look(seen, policy, Occasion::Service) {
        Look::Write(write) => Plan::done(vec![Step::Write(write)], Outcome::Written),
        Look::Labelled(_) => Plan::done(vec![], Outcome::InPlace),
        Look::Wait(_, Waiting::Draining(_)) => Plan::done(vec![], Outcome::Draining),
        Look::Wait(about, Waiting::Doubt(doubt)) => {
            let about = about.into_iter().map(|node| node.name.clone()).collect();
            let tell = Step::Tell(about, Notice::Doubt(doubt.clone()));
            Plan::done(vec![tell], Outcome::Left(Waiting::Doubt(doubt)))
        }
        Look::Wait(_, Waiting::Node) => match seen.facts {
            Facts::Known(machine) if now.duration_since(machine.launched) >= NODE_EXPECTED_WITHIN => {
                Plan::done(vec![], Outcome::NoNode(machine.launched))
            }
            _ => Plan::done(vec![], Outcome::Left(Waiting::Node)),
        },
        Look::Wait(_, waiting) | Look::Blind(waiting) => Plan::done(vec![], Outcome::Left(waiting)),
    }
}

/// What a look at the node says.
enum Look<'a> {
    /// Nothing: somebody could not be asked.
    Blind(Waiting),
    /// Something is missing that may yet come; which nodes it is about.
    Wait(Vec<&'a Node>, Waiting),
    /// The node lacks something.
    Write(Box<Write>),
    /// The node has what it shall have.
    Labelled(&'a Node),
}

fn look<'a>(seen: &Observation<'a>, policy: &Policy, occasion: Occasion) -> Look<'a> {
    let nodes = match seen.cluster {
        Cluster::Unreachable(why) => return Look::Blind(Waiting::ApiServer(why.to_owned())),
        Cluster::Nodes(nodes) => nodes,
    };
    let machine = match seen.facts {
        Facts::Known(machine) => machine,
        Facts::Unreachable(why) => return Look::Blind(Waiting::Ec2(why.to_owned())),
        Facts::NotAsked => return Look::Blind(Waiting::Ec2("not asked".to_owned())),
        Facts::Missing => return Look::Blind(Waiting::Machine("EC2 knows no such instance".to_owned())),
    };
    let expected = match machine.node_name(policy.naming) {
        Ok(name) => name,
        Err(nameless) => return Look::Blind(Waiting::Machine(nameless.to_string())),
    };
    let doubt = |nodes: Vec<&'a Node>, doubt| Look::Wait(nodes, Waiting::Doubt(doubt));
    match identity::identify(nodes, machine, &expected) {
        Identity::NoNode => Look::Wait(vec![], Waiting::Node),
        Identity::Unproven(node) => Look::Wait(vec![node], Waiting::Address(node.name.clone())),
        Identity::Stranger(node, mismatch) => doubt(vec![node], Doubt::Stranger(node.name.clone(), mismatch)),
        Identity::Several(several) => {
            let names = several.iter().map(|node| node.name.clone()).collect();
            doubt(several, Doubt::Several(names))
        }
        Identity::Known(node) if node.is_draining() => {
            Look::Wait(vec![node], Waiting::Draining(node.name.clone()))
        }
        Identity::Known(node) => write_on(node, seen, machine, policy, occasion),
    }
}

fn write_on<'a>(
    node: &'a Node,
    seen: &Observation<'a>,
    machine: &Machine,
    policy: &Policy,
    occasion: Occasion,
) -> Look<'a> {
    let desired = Desired::of(seen.group, seen.template, Some(machine), policy);
    match Write::of(node, desired, occasion) {
        Some(write) => Look::Write(Box::new(write)),
        None => Look::Labelled(node),
    }
}

impl Plan {
    fn done(steps: Vec<Step>, outcome: Outcome) -> Self {
        Self {
            steps,
            then: Then::Done(outcome),
        }
    }

    fn look_again(steps: Vec<Step>, after: SignedDuration, waiting: Waiting) -> Self {
        Self {
            steps,
            then: Then::LookAgain { after, waiting },
        }
    }

    /// Completes the hook after `steps`, and looks for the proof: soon, or, where Auto Scaling knew of no action a
    /// moment ago, a little later.
    fn complete(seen: &Observation<'_>, mut steps: Vec<Step>, result: HookResult, finish: Finish) -> Self {
        let is_first = seen.progress.completion.is_none();
        steps.retain(|step| is_first && *step != Step::Heartbeat);
        steps.push(Step::Complete(result, finish));
        let after = if is_first { LOOK_SOONEST } else { LOOK_LATEST };
        Self::look_again(steps, after, Waiting::Proof)
    }
}

#[cfg(test)]
mod tests;
