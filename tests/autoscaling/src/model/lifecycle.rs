//! The words of the lifecycle: states of an instance, transitions with hooks, results of a hook.

use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $visibility:vis enum $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        $visibility enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            /// As the API writes it.
            $visibility const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

macro_rules! choices {
    ($name:ident { $($word:ident),* $(,)? }) => {
        impl $name {
            /// Every word with its value, for parameters.
            pub(crate) const CHOICES: &'static [(&'static str, Self)] = &[$((Self::$word.as_str(), Self::$word)),*];
        }
    };
}

words! {
    /// The lifecycle state of an instance. This endpoint reaches none of the states of warm pools yet.
    pub enum LifecycleState {
        /// Launched, hooks not looked at yet.
        Pending = "Pending",
        /// A launch hook has not completed.
        PendingWait = "Pending:Wait",
        /// The launch hooks have completed.
        PendingProceed = "Pending:Proceed",
        /// Counted, and kept.
        InService = "InService",
        /// To be terminated, hooks not looked at yet.
        Terminating = "Terminating",
        /// A terminate hook has not completed.
        TerminatingWait = "Terminating:Wait",
        /// The terminate hooks have completed, EC2 has not.
        TerminatingProceed = "Terminating:Proceed",
        /// A terminate hook was abandoned and the group's policy is to keep such instances.
        TerminatingRetained = "Terminating:Retained",
        /// Gone.
        Terminated = "Terminated",
        /// Warm pool.
        WarmedPending = "Warmed:Pending",
        /// Warm pool.
        WarmedPendingWait = "Warmed:Pending:Wait",
        /// Warm pool.
        WarmedPendingProceed = "Warmed:Pending:Proceed",
        /// Warm pool.
        WarmedTerminating = "Warmed:Terminating",
        /// Warm pool.
        WarmedTerminatingWait = "Warmed:Terminating:Wait",
        /// Warm pool.
        WarmedTerminatingProceed = "Warmed:Terminating:Proceed",
        /// Warm pool.
        WarmedTerminated = "Warmed:Terminated",
        /// Warm pool.
        WarmedStopped = "Warmed:Stopped",
        /// Warm pool.
        WarmedRunning = "Warmed:Running",
        /// Warm pool.
        WarmedHibernated = "Warmed:Hibernated",
    }
}

impl LifecycleState {
    /// Whether an instance in this state counts towards the group's capacity.
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            Self::Pending | Self::PendingWait | Self::PendingProceed | Self::InService
        )
    }

    /// Whether the instance waits for lifecycle actions.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::PendingWait | Self::TerminatingWait)
    }
}

words! {
    /// When a hook runs.
    pub(crate) enum Transition {
        Launching = "autoscaling:EC2_INSTANCE_LAUNCHING",
        Terminating = "autoscaling:EC2_INSTANCE_TERMINATING",
    }
}
choices!(Transition {
    Launching,
    Terminating,
});

words! {
    /// How a lifecycle action ends.
    pub(crate) enum ActionResult {
        Continue = "CONTINUE",
        Abandon = "ABANDON",
    }
}
choices!(ActionResult { Continue, Abandon });

words! {
    /// What a group does by itself and can be told to stop doing.
    pub(crate) enum Process {
        Launch = "Launch",
        Terminate = "Terminate",
        AddToLoadBalancer = "AddToLoadBalancer",
        AlarmNotification = "AlarmNotification",
        AzRebalance = "AZRebalance",
        HealthCheck = "HealthCheck",
        InstanceRefresh = "InstanceRefresh",
        ReplaceUnhealthy = "ReplaceUnhealthy",
        ScheduledActions = "ScheduledActions",
    }
}
choices!(Process {
    Launch,
    Terminate,
    AddToLoadBalancer,
    AlarmNotification,
    AzRebalance,
    HealthCheck,
    InstanceRefresh,
    ReplaceUnhealthy,
    ScheduledActions,
});
