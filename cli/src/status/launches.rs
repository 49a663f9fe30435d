//! What comes: instances that wait at our launch hook.

use aws::autoscaling::Group;
use domain::hook::HookView;
use domain::join::{self, Issued, Parameter, Place};
use domain::label::{self, Facts, Template};
use domain::machine::Machine;
use domain::node::Node;
use function::Waiting;
use jiff::Timestamp;

use super::view::{Flight, Phase};
use crate::settings::Policies;

/// What is known about everything that is launched.
pub(super) struct Scene<'a> {
    pub(super) nodes: Result<&'a [Node], &'a str>,
    /// What EC2 knows of these machines.
    pub(super) machines: Result<&'a [Machine], &'a str>,
    pub(super) policies: &'a Policies,
    pub(super) now: Timestamp,
}

impl Scene<'_> {
    /// The launch of an instance, as `node-join` and `node-label` would go on with it.
    pub(super) fn flight(&self, waiting: Waiting, group: &Group, parameter: Parameter) -> Flight {
        let machine = self
            .machines
            .ok()
            .and_then(|machines| machines.iter().find(|machine| machine.id == waiting.instance));
        let node = self.node_of(machine);
        let label = self.label_plan(&waiting, group, machine);
        let mut details = Vec::new();
        let mut needs_attention = is_stuck(&label);
        if node.is_none() {
            let join = self.join_plan(&waiting, group, machine, parameter);
            // In a warm pool no token is the rule.
            let is_refused =
                matches!(&join, join::Plan::Nothing(why) if !matches!(why, join::Refusal::NotWaiting(_)));
            needs_attention |= is_refused;
            details.push(join.to_string());
        }
        let label::Plan { steps, then } = label;
        Flight {
            phase: if node.is_some() {
                Phase::AtTheGate
            } else {
                Phase::Joining
            },
            instance: waiting.instance,
            node: node.map(|node| node.name.clone()),
            group: waiting.group,
            since: node
                .map(|node| node.created)
                .or(machine.map(|machine| machine.launched)),
            waits_for: match then {
                label::Then::Done(outcome) => outcome.to_string(),
                label::Then::LookAgain { waiting, .. } => waiting.to_string(),
            },
            details,
            next: steps.iter().map(ToString::to_string).collect(),
            needs_attention,
        }
    }

    fn node_of(&self, machine: Option<&Machine>) -> Option<&Node> {
        let machine = machine?;
        let name = machine.node_name(self.policies.label.naming).ok();
        join::node_of(self.nodes.ok()?, machine, name.as_ref())
    }

    fn label_plan(&self, waiting: &Waiting, group: &Group, machine: Option<&Machine>) -> label::Plan {
        let seen = label::Observation {
            instance: &waiting.instance,
            group: &waiting.group,
            template: &Template::of_group(&group.tags),
            hook: &waiting.hook,
            facts: match (self.machines, machine) {
                (Err(why), _) => Facts::Unreachable(why),
                (Ok(_), None) => Facts::Missing,
                (Ok(_), Some(machine)) => Facts::Known(machine),
            },
            cluster: match self.nodes {
                Err(why) => label::Cluster::Unreachable(why),
                Ok(nodes) => label::Cluster::Nodes(nodes),
            },
            progress: label::Progress {
                told: true, // by an Event, which is no news here
                ..label::Progress::default()
            },
        };
        label::plan(&seen, &self.policies.label, self.now)
    }

    fn join_plan(
        &self,
        waiting: &Waiting,
        group: &Group,
        machine: Option<&Machine>,
        parameter: Parameter,
    ) -> join::Plan {
        let seen = join::Observation {
            place: match &waiting.hook {
                HookView::Waiting(wait) if wait.state.is_warmed() => Place::Elsewhere(wait.state.clone()),
                HookView::Waiting(_) => Place::Waits {
                    control_plane: join::serves_the_control_plane(&group.tags),
                },
                HookView::Elsewhere(state) => Place::Elsewhere(state.clone()),
                HookView::Gone => Place::Nowhere,
            },
            machine,
            parameter,
            cluster: match (self.nodes, self.machines) {
                (Err(why), _) | (_, Err(why)) => join::Cluster::Unreachable(why.to_owned()),
                (Ok(_), Ok(_)) => join::Cluster::NoNode,
            },
            confirmed: true,
        };
        join::plan(&seen, &self.policies.join, self.now)
    }
}

/// What the description of a parameter says.
pub(super) fn parameter_of(description: Option<&str>) -> Parameter {
    match description.map(str::parse::<Issued>) {
        None => Parameter::None,
        Some(Ok(issued)) => Parameter::Issued(issued),
        Some(Err(_)) => Parameter::Unreadable,
    }
}

/// Whether somebody must help: what it waits for does not come by itself, or did not come in time.
fn is_stuck(plan: &label::Plan) -> bool {
    use label::{Finish, Step, Then, Waiting};
    let timed_out = |step: &Step| matches!(step, Step::Complete(_, Finish::TimedOut(_)));
    let waits_in_vain = matches!(
        &plan.then,
        Then::LookAgain {
            waiting: Waiting::ApiServer(_) | Waiting::Ec2(_) | Waiting::Doubt(_) | Waiting::Draining(_),
            ..
        }
    );
    waits_in_vain || plan.steps.iter().any(timed_out)
}
