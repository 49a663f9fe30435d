//! Heartbeats, completions, and the look that proves them.

use std::collections::BTreeSet;

use aws::autoscaling::{CompleteHook, DescribeGroups, Group, Heartbeat, LifecycleAction, RecordHeartbeat};
use domain::hook::HookView;
use domain::ids::GroupName;
use domain::lifecycle::{Completion, HookResult};
use jiff::{SignedDuration, Timestamp};
use runtime::error::chain;
use tokio::sync::Mutex;

use crate::report::count;
use crate::{Failed, Tally, Waiting};

/// One look at the groups serves everybody for this long. Each sees its completion proven that much later at the
/// most, and a storm costs no more calls than one instance.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(2);

/// Lets the hook wait for its time-out once more.
pub async fn heartbeat<A: RecordHeartbeat>(
    autoscaling: &A,
    waiting: &Waiting,
    tally: &mut Tally,
) -> Result<(), Failed> {
    let Some(action) = waiting.action() else {
        return Ok(());
    };
    tally.one(count::AWS_CALLS);
    match autoscaling.record_heartbeat(&action).await {
        Ok(Heartbeat::Recorded) => tally.one(count::HEARTBEATS),
        Ok(Heartbeat::NoActiveAction) => {
            tracing::info!("no heartbeat: Auto Scaling knows no active action of this instance");
        }
        Err(error) => {
            tracing::error!(error = chain(&error), "heartbeat failed");
            return Err(error.into());
        }
    }
    Ok(())
}

/// Ends the wait at the hook; `None` where there is none. `answered` is what Auto Scaling said to an earlier
/// completion of the same wait: if it knew no action, the event's token may belong to one that is over, and the
/// instance names the one that is not.
pub async fn complete<A: CompleteHook>(
    autoscaling: &A,
    waiting: &Waiting,
    result: HookResult,
    answered: Option<Completion>,
    tally: &mut Tally,
) -> Result<Option<Completion>, Failed> {
    let Some(action) = waiting.action() else {
        return Ok(None);
    };
    let token = action
        .token
        .filter(|_| answered != Some(Completion::NoActiveAction));
    let action = LifecycleAction { token, ..action };
    tally.one(count::AWS_CALLS);
    let completion = autoscaling.complete_hook(&action, result).await?;
    match (completion, result) {
        (Completion::Completed, HookResult::Continue) => tally.one(count::HOOKS_COMPLETED),
        (Completion::Completed, HookResult::Abandon) => tally.one(count::HOOKS_ABANDONED),
        (Completion::NoActiveAction, _) => {
            tracing::info!("Auto Scaling knows no active action of this instance");
        }
    }
    Ok(Some(completion))
}

/// Looks at instances again, after their hooks were completed: at all groups that anybody asked about in one call.
pub struct Looker<'a, A> {
    autoscaling: &'a A,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Everybody's groups.
    names: BTreeSet<GroupName>,
    groups: Vec<Group>,
    /// When the groups were asked for, and what came of it. None yet, or somebody asked about another group since.
    at: Option<(Timestamp, Result<(), Failed>)>,
    calls: u64,
}

impl<'a, A: DescribeGroups> Looker<'a, A> {
    /// Has seen nothing yet.
    pub fn new(autoscaling: &'a A) -> Self {
        Self {
            autoscaling,
            seen: Mutex::default(),
        }
    }

    /// How an instance stands at `now`, or a moment ago. One that still waits has the wait that it had.
    pub async fn look(&self, waiting: &Waiting, now: Timestamp) -> Result<HookView, Failed> {
        let mut seen = self.seen.lock().await;
        if seen.names.insert(waiting.group.clone()) {
            seen.at = None;
        }
        let is_fresh = |at: Timestamp| now.duration_since(at) < LOOK_EVERY;
        let answer = match &seen.at {
            Some((at, answer)) if is_fresh(*at) => answer.clone(),
            _ => self.look_at_all(&mut seen, now).await,
        };
        answer?;
        let mut instances = seen.groups.iter().flat_map(|group| &group.instances);
        Ok(match instances.find(|one| one.id == waiting.instance) {
            None => HookView::Gone,
            Some(one) => match &waiting.hook {
                HookView::Waiting(wait) if wait.state == one.lifecycle => waiting.hook.clone(),
                _ => HookView::Elsewhere(one.lifecycle.clone()),
            },
        })
    }

    async fn look_at_all(&self, seen: &mut Seen, now: Timestamp) -> Result<(), Failed> {
        let names: Vec<GroupName> = seen.names.iter().cloned().collect();
        seen.calls += 1;
        let answer = match self.autoscaling.groups_named(&names).await {
            Ok(groups) => {
                seen.groups = groups;
                Ok(())
            }
            Err(error) => Err(Failed::from(error)),
        };
        seen.at = Some((now, answer.clone()));
        answer
    }

    /// Counts the calls that all looks together took.
    pub fn tell(self, tally: &mut Tally) {
        tally.count(count::AWS_CALLS, self.seen.into_inner().calls);
    }
}

#[cfg(test)]
mod tests {
    use domain::hook::Wait;
    use domain::ids::{InstanceId, LifecycleToken};
    use domain::lifecycle::{LifecycleState, Transition};

    use super::*;
    use crate::fakes::{Fake, group, hook, instance};

    fn waiting(group: &str, id: &str) -> Waiting {
        let hook = hook("lamplighter-node-drain", Transition::Terminating);
        Waiting {
            group: GroupName::parse(group).unwrap(),
            instance: InstanceId::parse(id).unwrap(),
            hook: HookView::Waiting(Wait {
                hook,
                others: vec![],
                state: LifecycleState::TerminatingWait,
                since: None,
            }),
            token: Some(LifecycleToken::new("t1")),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    #[tokio::test]
    async fn one_look_serves_all_who_ask_within_two_seconds() {
        let fake = Fake::default();
        let ids: Vec<String> = (0..40).map(|number| format!("i-{number:08}")).collect();
        let waits = ids.iter().map(|id| instance(id, "Terminating:Wait"));
        fake.put(group("workers", &[], waits));
        fake.put(group("spot", &[], [instance("i-0000000a", "InService")]));
        let looker = Looker::new(&fake);
        for second in [0, 1, 2, 3] {
            for id in &ids {
                let seen = looker.look(&waiting("workers", id), at(second)).await.unwrap();
                assert!(matches!(seen, HookView::Waiting(_)));
            }
        }
        assert_eq!(fake.calls(), 2);
        // Another group has not been seen yet, and is from then on asked for along with the first.
        let elsewhere = looker.look(&waiting("spot", "i-0000000a"), at(3)).await.unwrap();
        assert_eq!(elsewhere, HookView::Elsewhere(LifecycleState::InService));
        let gone = looker.look(&waiting("spot", "i-0000000b"), at(3)).await.unwrap();
        assert_eq!(gone, HookView::Gone);
        assert_eq!(fake.calls(), 3);
        let mut tally = Tally::default();
        looker.tell(&mut tally);
        assert_eq!(tally.counted(count::AWS_CALLS), 3);
    }

    #[tokio::test]
    async fn a_look_that_failed_stands_for_all_and_is_repeated_later() {
        let fake = Fake::default();
        fake.put(group(
            "workers",
            &[],
            [instance("i-00000001", "Terminating:Wait")],
        ));
        fake.fail(true);
        let looker = Looker::new(&fake);
        let one = waiting("workers", "i-00000001");
        assert!(looker.look(&one, at(0)).await.is_err());
        fake.fail(false);
        assert!(looker.look(&one, at(1)).await.is_err());
        assert!(looker.look(&one, at(2)).await.is_ok());
    }

    #[tokio::test]
    async fn the_events_token_is_tried_once_and_then_the_instance_names_the_action() {
        let fake = Fake::default();
        let one = waiting("workers", "i-00000001");
        let mut tally = Tally::default();
        for (answered, with_token) in [
            (None, true),
            (Some(Completion::Completed), true),
            (Some(Completion::NoActiveAction), false),
        ] {
            complete(&fake, &one, HookResult::Continue, answered, &mut tally)
                .await
                .unwrap();
            assert_eq!(fake.last_completed().unwrap().token.is_some(), with_token);
        }
        complete(&fake, &one, HookResult::Abandon, None, &mut tally)
            .await
            .unwrap();
        heartbeat(&fake, &one, &mut tally).await.unwrap();
        let counted = |count| tally.counted(count);
        assert_eq!(
            (
                counted(count::HOOKS_COMPLETED),
                counted(count::HOOKS_ABANDONED),
                counted(count::HEARTBEATS),
                counted(count::AWS_CALLS)
            ),
            (3, 1, 1, 5)
        );
        let gone = Waiting {
            hook: HookView::Gone,
            ..one
        };
        let nothing = complete(&fake, &gone, HookResult::Continue, None, &mut tally).await;
        assert_eq!(nothing, Ok(None));
    }
}
