//! Lifecycle hooks, and the lifecycle actions that they open for an instance.

use jiff::{SignedDuration, Timestamp};

use super::lifecycle::{ActionResult, Transition};

/// No instance waits longer than this, however many heartbeats there are. [`PutLifecycleHook`]
pub(crate) const LONGEST_WAIT_SECONDS: u32 = 48 * 60 * 60;

/// No instance waits longer than this many heartbeat time-outs. [`PutLifecycleHook`]
pub(crate) const MOST_HEARTBEATS: u32 = 100;

/// A hook of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    pub(crate) transition: Transition,
    /// Seconds.
    pub(crate) heartbeat_timeout: u32,
    pub(crate) default_result: ActionResult,
    pub(crate) metadata: Option<String>,
    pub(crate) target_arn: Option<String>,
    pub(crate) role_arn: Option<String>,
}

impl Hook {
    /// Seconds that an instance can wait at most.
    pub(crate) fn global_timeout(&self) -> u32 {
        LONGEST_WAIT_SECONDS.min(MOST_HEARTBEATS * self.heartbeat_timeout)
    }

    /// A lifecycle action of this hook that begins now.
    pub(crate) fn open(&self, hook: &str, token: String, now: Timestamp) -> LifecycleAction {
        LifecycleAction {
            token,
            hook: hook.to_owned(),
            heartbeat_timeout: self.heartbeat_timeout,
            default_result: self.default_result,
            deadline: now + seconds(self.heartbeat_timeout),
            last_deadline: now + seconds(self.global_timeout()),
            result: None,
            expired: false,
        }
    }
}

/// What one hook wants done for one instance. It keeps the hook's numbers from when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LifecycleAction {
    pub(crate) token: String,
    pub(crate) hook: String,
    heartbeat_timeout: u32,
    default_result: ActionResult,
    deadline: Timestamp,
    last_deadline: Timestamp,
    /// `None` while it is open.
    pub(crate) result: Option<ActionResult>,
    /// Whether a time-out ended it.
    expired: bool,
}

impl LifecycleAction {
    pub(crate) const fn is_open(&self) -> bool {
        self.result.is_none()
    }

    /// When it ends by itself, if it is open.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.is_open().then(|| self.deadline.min(self.last_deadline))
    }

    /// Starts the heartbeat time-out anew.
    pub(crate) fn heartbeat(&mut self, now: Timestamp) {
        self.deadline = now + seconds(self.heartbeat_timeout);
    }

    /// Ends with the default result if a time-out has passed. Says whether it did.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        let expired = self.due().is_some_and(|due| due <= now);
        if expired {
            self.result = Some(self.default_result);
            self.expired = true;
        }
        expired
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.result == Some(ActionResult::Abandon)
    }

    /// How it ended, as the events of an abandoned launch say it.
    pub(crate) const fn why_it_ended(&self) -> &'static str {
        if self.expired {
            "Heartbeat Timeout"
        } else {
            "Lifecycle Action Completed with ABANDON Result"
        }
    }
}

/// How a wait ends: one ABANDON ends it at once, CONTINUE when every action has continued.
pub(crate) fn verdict(actions: &[LifecycleAction]) -> Option<ActionResult> {
    if actions.iter().any(LifecycleAction::is_abandoned) {
        return Some(ActionResult::Abandon);
    }
    let all = actions
        .iter()
        .all(|action| action.result == Some(ActionResult::Continue));
    all.then_some(ActionResult::Continue)
}

pub(crate) fn seconds(seconds: u32) -> SignedDuration {
    SignedDuration::from_secs(i64::from(seconds))
}
