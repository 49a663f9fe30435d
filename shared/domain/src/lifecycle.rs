//! Auto Scaling's view of an instance: its lifecycle state, and the hook at which it waits.

use jiff::SignedDuration;

use crate::ids::{GroupName, HookName};
use crate::states::states;

states! {
    /// Where an instance is in its life, in Auto Scaling's own terms (user guide, "Amazon EC2 Auto
    /// Scaling instance lifecycle").
    LifecycleState {
        /// Launched, before any hook.
        Pending = "Pending",
        /// Waits for its launch hooks.
        PendingWait = "Pending:Wait",
        /// Its launch hooks are done.
        PendingProceed = "Pending:Proceed",
        /// Serves.
        InService = "InService",
        /// Chosen to be terminated, before any hook.
        Terminating = "Terminating",
        /// Waits for its terminate hooks: the time in which a node is drained.
        TerminatingWait = "Terminating:Wait",
        /// Its terminate hooks are done.
        TerminatingProceed = "Terminating:Proceed",
        /// Kept after a terminate hook was abandoned, by a retention policy of the group; it costs money.
        TerminatingRetained = "Terminating:Retained",
        /// Gone.
        Terminated = "Terminated",
        /// On its way into standby.
        EnteringStandby = "EnteringStandby",
        /// Set aside by a person.
        Standby = "Standby",
        /// On its way out of the group, machine and all.
        Detaching = "Detaching",
        /// Out of the group.
        Detached = "Detached",
        /// On its way into the warm pool: waits for its launch hooks. One that comes back from service, by a reuse policy
        /// of the pool, waits here for its terminate hooks, and nothing in the state tells the two apart (user guide, "Use
        /// lifecycle hooks with a warm pool"). It is taken for one that is launched: nodes are not drained on their way back.
        WarmedPendingWait = "Warmed:Pending:Wait",
        /// In the warm pool, stopped.
        WarmedStopped = "Warmed:Stopped",
        /// In the warm pool, running.
        WarmedRunning = "Warmed:Running",
        /// In the warm pool, hibernated.
        WarmedHibernated = "Warmed:Hibernated",
        /// Leaves the warm pool for good and waits for its terminate hooks.
        WarmedTerminatingWait = "Warmed:Terminating:Wait",
    }
    /// A state that this version does not know. Nothing is done about an instance in it.
    Other
}

impl LifecycleState {
    /// For which hooks an instance in this state waits, in the group or in its warm pool.
    pub const fn waits_for(&self) -> Option<Transition> {
        match self {
            Self::PendingWait | Self::WarmedPendingWait => Some(Transition::Launching),
            Self::TerminatingWait | Self::WarmedTerminatingWait => Some(Transition::Terminating),
            Self::Pending
            | Self::PendingProceed
            | Self::InService
            | Self::Terminating
            | Self::TerminatingProceed
            | Self::TerminatingRetained
            | Self::Terminated
            | Self::EnteringStandby
            | Self::Standby
            | Self::Detaching
            | Self::Detached
            | Self::WarmedStopped
            | Self::WarmedRunning
            | Self::WarmedHibernated
            | Self::Other(_) => None,
        }
    }

    /// Whether the instance is in the warm pool, or on its way into or out of it.
    pub fn is_warmed(&self) -> bool {
        self.as_str().starts_with("Warmed:")
    }
}

/// The way on after a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookResult {
    /// The transition goes on.
    Continue,
    /// A launch is undone; a termination goes on without asking the remaining hooks, unless the group retains
    /// abandoned instances. An error of ours is no reason to lose a machine: it is chosen for a launch alone, by the
    /// policy, when the cluster was asked and the machine's node was not ready in time.
    Abandon,
}

impl HookResult {
    /// `CONTINUE` or `ABANDON`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Abandon => "ABANDON",
        }
    }
}

/// Auto Scaling's answer to `CompleteLifecycleAction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// The action was ours to end, and it ended.
    Completed,
    /// "No active Lifecycle Action found". That proves nothing: it was seen for instances that still waited
    /// and could be completed a little later.
    NoActiveAction,
}

/// What a hook waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`.
    Launching,
    /// `autoscaling:EC2_INSTANCE_TERMINATING`.
    Terminating,
}

impl Transition {
    /// Reads the transition as the API writes it; `None` for one that this version does not know.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "autoscaling:EC2_INSTANCE_LAUNCHING" => Some(Self::Launching),
            "autoscaling:EC2_INSTANCE_TERMINATING" => Some(Self::Terminating),
            _ => None,
        }
    }
}

/// A lifecycle hook of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name, unique within the group.
    pub name: HookName,
    /// The group.
    pub group: GroupName,
    /// What it waits for.
    pub transition: Transition,
    /// How long it waits after its start or its last heartbeat: 30 to 7,200 s.
    pub heartbeat: SignedDuration,
    /// How long it waits in all, whatever the heartbeats: the smaller of 48 h and 100 heartbeats.
    pub global_timeout: SignedDuration,
    /// What happens when it has waited long enough.
    pub default_result: HookResult,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_as_it_was_read() {
        for text in [
            "Terminating:Wait",
            "Warmed:Pending:Wait",
            "InService",
            "Terminating:Napping",
        ] {
            assert_eq!(LifecycleState::parse(text).as_str(), text);
        }
        assert_eq!(
            LifecycleState::parse("Terminating:Wait"),
            LifecycleState::TerminatingWait
        );
    }

    #[test]
    fn an_instance_waits_for_the_hooks_of_one_transition_in_the_group_or_in_its_warm_pool() {
        for (state, transition, warmed) in [
            ("Pending:Wait", Some(Transition::Launching), false),
            ("Warmed:Pending:Wait", Some(Transition::Launching), true),
            ("Terminating:Wait", Some(Transition::Terminating), false),
            ("Warmed:Terminating:Wait", Some(Transition::Terminating), true),
            ("Warmed:Pending:Proceed", None, true),
            ("InService", None, false),
        ] {
            let state = LifecycleState::parse(state);
            assert_eq!(
                (state.waits_for(), state.is_warmed()),
                (transition, warmed),
                "{state}"
            );
        }
    }
}
