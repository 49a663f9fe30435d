//! Two writers on one node, in every order: taints are one list, and whoever patches it blindly brings back what
//! somebody else has removed.

use proptest::prelude::*;

use super::change::{Change, Occasion};
use super::desired::Desired;
use super::desired::tests::{group, machine};
use super::policy::{Pattern, Policy};
use super::simulated::Api;
use super::tags::tests::template;
use crate::keys::STARTUP_TAINT;
use crate::node::Node;
use crate::node::tests::node;
use crate::taint::{Effect, Taint};

const AGENT_TAINT: &str = "efs.csi.aws.com/agent-not-ready";

/// How the agent removes its taint.
#[derive(Debug, Clone, Copy)]
enum Manners {
    /// With the version that it saw, again and again until it succeeds.
    Guarded,
    /// With the list that it saw and whatever has become of it since, as CSI drivers have done.
    Blind,
}

/// Somebody who reads, thinks, and writes.
#[derive(Debug, Clone, Default)]
enum Mind {
    #[default]
    Idle,
    Seen(Box<Node>),
}

struct World {
    api: Api,
    desired: Desired,
    ours: Mind,
    agents: Mind,
    manners: Manners,
    agent_is_done: bool,
}

impl World {
    fn new(manners: Manners) -> Self {
        let tags = [
            ("lamplighter:label/team", "payments"),
            ("lamplighter:taint/dedicated", "payments:NoSchedule"),
            (
                "k8s.io/cluster-autoscaler/node-template/taint/efs.csi.aws.com/agent-not-ready",
                ":NoExecute",
            ),
        ];
        let registered = Node {
            taints: vec![
                Taint::new(STARTUP_TAINT, Effect::NoSchedule),
                Taint::new(AGENT_TAINT, Effect::NoExecute),
            ],
            ..node()
        };
        Self {
            api: Api::with(registered),
            desired: Desired::of(&group(), &template(&tags), Some(&machine()), &policy()),
            ours: Mind::Idle,
            agents: Mind::Idle,
            manners,
            agent_is_done: false,
        }
    }

    /// One of us takes one step.
    fn step(&mut self, who: u8) {
        match who {
            0 => self.our_step(),
            1 => self.agents_step(),
            _ => self.api.touch(),
        }
    }

    fn our_step(&mut self) {
        self.ours = match std::mem::take(&mut self.ours) {
            Mind::Idle => Mind::Seen(Box::new(self.api.node().clone())),
            Mind::Seen(node) => {
                if let Some(change) = Change::between(&node, &self.desired, Occasion::Launch) {
                    // A conflict is no harm: the next look plans anew.
                    let _ = self.api.patch(&change.patch());
                }
                Mind::Idle
            }
        };
    }

    fn agents_step(&mut self) {
        if self.agent_is_done {
            return;
        }
        self.agents = match std::mem::take(&mut self.agents) {
            Mind::Idle => Mind::Seen(Box::new(self.api.node().clone())),
            Mind::Seen(seen) => {
                let is_current = seen.resource_version == self.api.node().resource_version;
                if is_current || matches!(self.manners, Manners::Blind) {
                    let mut taints = seen.taints;
                    taints.retain(|taint| taint.key != AGENT_TAINT);
                    self.api.edit(|node| node.taints = taints);
                    self.agent_is_done = true;
                }
                Mind::Idle
            }
        };
    }
}

fn policy() -> Policy {
    Policy {
        gate_taints: vec![Pattern::parse("*/agent-not-ready").unwrap()],
        ..Policy::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Case 30.
    #[test]
    fn case_30_neither_taint_returns_or_sticks_however_two_writers_interleave(
        order in proptest::collection::vec(0_u8..3, 0..40),
        is_blind in any::<bool>(),
    ) {
        let manners = if is_blind { Manners::Blind } else { Manners::Guarded };
        let mut world = World::new(manners);
        let mut ours_is_gone = false;
        // After the random part, everybody goes on in turns until all are done.
        for who in order.into_iter().chain([1, 0, 0, 1].repeat(8)) {
            world.step(who);
            if world.agent_is_done {
                prop_assert!(!world.api.has_taint(AGENT_TAINT), "the agent's taint is back");
            }
            // Only a blind agent can bring ours back, and then it goes again.
            ours_is_gone |= !world.api.has_taint(STARTUP_TAINT);
            if ours_is_gone && matches!(manners, Manners::Guarded) {
                prop_assert!(!world.api.has_taint(STARTUP_TAINT), "ours is back");
            }
        }
        prop_assert!(!world.api.is_held(&policy()), "{:?}", world.api.node().taints);
        prop_assert_eq!(&world.api.node().labels["team"], "payments");
        // Set once, with the labels; a blind agent may have thrown it away, and then it stays away.
        let has_dedicated = world.api.has_taint("dedicated");
        prop_assert!(has_dedicated || matches!(manners, Manners::Blind));
        prop_assert!(Change::between(world.api.node(), &world.desired, Occasion::Launch).is_none());
    }
}
