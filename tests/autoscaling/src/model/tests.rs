//! The model under sequences of calls that nobody would think of. EC2 answers when the sequence says so, well or
//! badly.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Arrival, Effect, Home, LifecycleState, Model, Outcome};
use crate::error::ApiError;
use crate::fleet::{Launched, Template};
use crate::notice::Notice;
use crate::operations::Operation;
use crate::wire::Form;

const MAX: u32 = 6;

/// The largest heartbeat time-out of the hooks below; 48 hours are more than 100 of it.
const LONGEST_HEARTBEAT: i64 = 120;

#[derive(Debug, Clone)]
enum Step {
    Desire(u32),
    /// The n-th instance, with a decrement or not.
    Terminate(usize, bool),
    Sicken(usize),
    /// The n-th token, counted from the newest.
    Complete(usize, &'static str),
    Heartbeat(usize),
    Suspend(&'static str),
    Resume,
    PutHook(u8, bool, i64, &'static str),
    DeleteHook(u8),
    /// EC2 answers everything asked so far.
    Answer(bool),
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let result = || prop::sample::select(vec!["CONTINUE", "ABANDON"]);
    let process = prop::sample::select(vec!["Launch", "Terminate", "ReplaceUnhealthy"]);
    prop_oneof![
        2 => (0..=MAX).prop_map(Step::Desire),
        2 => (0..8usize, any::<bool>()).prop_map(|(nth, decrement)| Step::Terminate(nth, decrement)),
        1 => (0..8usize).prop_map(Step::Sicken),
        4 => (0..6usize, result()).prop_map(|(nth, result)| Step::Complete(nth, result)),
        2 => (0..6usize).prop_map(Step::Heartbeat),
        1 => process.prop_map(Step::Suspend),
        1 => Just(Step::Resume),
        2 => (0..3u8, any::<bool>(), 30..=LONGEST_HEARTBEAT, result())
            .prop_map(|(name, launching, heartbeat, result)| Step::PutHook(name, launching, heartbeat, result)),
        1 => (0..3u8).prop_map(Step::DeleteHook),
        4 => prop::bool::weighted(0.8).prop_map(Step::Answer),
        3 => (0..200i64).prop_map(Step::Pass),
    ]
}

struct Trial {
    model: Model,
    now: Timestamp,
    /// Asked of EC2, not answered.
    asked: Vec<Effect>,
    launches: u32,
    /// Token and hook, in the order in which they were issued.
    tokens: Vec<(String, String)>,
    accepted: BTreeSet<String>,
    states: BTreeMap<String, LifecycleState>,
    waiting_since: BTreeMap<String, Timestamp>,
}

impl Trial {
    fn new() -> Self {
        let home = Home {
            account: "111122223333".to_owned(),
            region: "eu-central-1".to_owned(),
        };
        let mut trial = Self {
            model: Model::new(home, 7),
            now: Timestamp::UNIX_EPOCH,
            asked: Vec::new(),
            launches: 0,
            tokens: Vec::new(),
            accepted: BTreeSet::new(),
            states: BTreeMap::new(),
            waiting_since: BTreeMap::new(),
        };
        let sizes =
            format!("MinSize=0&MaxSize={MAX}&DesiredCapacity=3&LaunchTemplate.LaunchTemplateName=nodes");
        let zones = "AvailabilityZones.member.1=a&AvailabilityZones.member.2=b";
        trial
            .call("CreateAutoScalingGroup", &format!("{sizes}&{zones}"))
            .unwrap();
        trial
    }

    fn call(&mut self, name: &str, parameters: &str) -> Result<(), ApiError> {
        let form = Form::parse(format!("AutoScalingGroupName=nodes&{parameters}").as_bytes());
        let result = Operation::parse(name, &form)
            .and_then(|it| self.model.apply(it, self.now))
            .map(drop);
        self.tick();
        result
    }

    fn tick(&mut self) {
        let (effects, wake) = self.model.tick(self.now);
        assert!(
            wake.is_none_or(|wake| wake > self.now),
            "something due was left undone"
        );
        for effect in effects {
            match effect {
                Effect::Tell(notice) => self.hear(notice),
                asked => self.asked.push(asked),
            }
        }
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::Event(event) => {
                let word = |name: &str| event["detail"][name].as_str().map(str::to_owned);
                self.tokens
                    .extend(word("LifecycleActionToken").zip(word("LifecycleHookName")));
            }
            Notice::Moved {
                instance,
                from,
                to,
                at,
                ..
            } => {
                assert_eq!(self.states.get(&instance).copied(), from);
                assert!(is_step(from, to), "{from:?} -> {to:?}");
                self.states.insert(instance.clone(), to);
                self.waiting_since.remove(&instance);
                if to.is_waiting() {
                    self.waiting_since.insert(instance, at);
                }
            }
            Notice::Launched { .. } => {}
            Notice::Terminated { instance_id, .. } => {
                assert_eq!(self.states[&instance_id], LifecycleState::Terminated);
            }
        }
    }

    fn nth_instance(&self, nth: usize) -> Option<String> {
        let group = self.model.group("nodes")?;
        group.instances.get(nth).map(|instance| instance.id.clone())
    }

    /// A token, counted from the newest, and the parameters that name its action.
    fn nth_token(&self, nth: usize) -> Option<(String, String)> {
        let (token, hook) = self.tokens.iter().nth_back(nth)?;
        Some((
            token.clone(),
            format!("LifecycleHookName={hook}&LifecycleActionToken={token}"),
        ))
    }

    fn answer(&mut self, well: bool) {
        for asked in std::mem::take(&mut self.asked) {
            let outcome = match (asked, well) {
                (Effect::Launch { activity, order }, true) => {
                    self.launches += 1;
                    let launched = Launched {
                        instance_id: format!("i-{:04}", self.launches),
                        private_dns_name: String::new(),
                        private_ip: String::new(),
                        availability_zone: order.zone.unwrap(),
                    };
                    let (template, instance_type) = (Template::default(), String::new());
                    let arrival = Box::new(Arrival {
                        launched,
                        template,
                        instance_type,
                    });
                    Outcome::Launched { activity, arrival }
                }
                (Effect::Launch { activity, .. }, false) => Outcome::LaunchFailed {
                    activity,
                    why: String::new(),
                },
                (Effect::Terminate { instance }, well) => {
                    assert_eq!(self.states[&instance], LifecycleState::TerminatingProceed);
                    if well {
                        Outcome::Terminated { instance }
                    } else {
                        Outcome::TerminationFailed {
                            instance,
                            why: String::new(),
                        }
                    }
                }
                (Effect::Tell(_), _) => unreachable!("notices are heard, not asked"),
            };
            self.model.report(outcome, self.now);
            self.tick();
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.tick();
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Desire(desired) => {
                self.call("SetDesiredCapacity", &format!("DesiredCapacity={desired}"))
                    .unwrap();
            }
            Step::Terminate(nth, decrement) => {
                if let Some(id) = self.nth_instance(*nth) {
                    let parameters = format!("InstanceId={id}&ShouldDecrementDesiredCapacity={decrement}");
                    // Refused when nothing is left to decrement.
                    let _refused = self.call("TerminateInstanceInAutoScalingGroup", &parameters);
                }
            }
            Step::Sicken(nth) => {
                if let Some(id) = self.nth_instance(*nth) {
                    self.call(
                        "SetInstanceHealth",
                        &format!("InstanceId={id}&HealthStatus=Unhealthy"),
                    )
                    .unwrap();
                }
            }
            Step::Complete(nth, result) => {
                if let Some((token, which)) = self.nth_token(*nth) {
                    let parameters = format!("{which}&LifecycleActionResult={result}");
                    if self.call("CompleteLifecycleAction", &parameters).is_ok() {
                        assert!(self.accepted.insert(token), "a token was accepted twice");
                    }
                }
            }
            Step::Heartbeat(nth) => {
                if let Some((token, which)) = self.nth_token(*nth) {
                    let alive = self.call("RecordLifecycleActionHeartbeat", &which).is_ok();
                    assert!(
                        !(alive && self.accepted.contains(&token)),
                        "a completed action lives"
                    );
                }
            }
            Step::Suspend(process) => {
                self.call(
                    "SuspendProcesses",
                    &format!("ScalingProcesses.member.1={process}"),
                )
                .unwrap();
            }
            Step::Resume => self.call("ResumeProcesses", "").unwrap(),
            Step::PutHook(name, launching, heartbeat, result) => {
                let transition = if *launching { "LAUNCHING" } else { "TERMINATING" };
                let parameters = format!(
                    "LifecycleHookName=hook-{name}&LifecycleTransition=autoscaling:EC2_INSTANCE_{transition}\
                     &HeartbeatTimeout={heartbeat}&DefaultResult={result}"
                );
                self.call("PutLifecycleHook", &parameters).unwrap();
            }
            Step::DeleteHook(name) => {
                // Refused when there is none of that name.
                let _refused = self.call("DeleteLifecycleHook", &format!("LifecycleHookName=hook-{name}"));
            }
            Step::Answer(well) => self.answer(*well),
            Step::Pass(seconds) => self.pass(*seconds),
        }
    }

    fn check(&self) {
        let group = self.model.group("nodes").unwrap();
        assert!(group.capacity() <= MAX, "more instances than the maximum");
        for instance in &group.instances {
            let open = instance.actions.iter().any(super::LifecycleAction::is_open);
            assert_eq!(open, instance.state.is_waiting(), "{instance:?}");
            assert_eq!(
                self.states[&instance.id], instance.state,
                "a state that nobody was told of"
            );
        }
        for (instance, since) in &self.waiting_since {
            let waited = self.now.duration_since(*since);
            assert!(
                waited < SignedDuration::from_secs(100 * LONGEST_HEARTBEAT),
                "{instance} waited {waited}"
            );
        }
    }

    /// With nothing suspended and EC2 answering, time alone brings the group to what is desired.
    fn settle(&mut self) {
        self.take(&Step::Resume);
        (0..3).for_each(|name| self.take(&Step::DeleteHook(name)));
        for _ in 0..10 {
            self.answer(true);
            self.pass(LONGEST_HEARTBEAT);
        }
        let group = self.model.group("nodes").unwrap();
        let all_serve = group
            .instances
            .iter()
            .all(|it| it.state == LifecycleState::InService && it.healthy);
        assert!(all_serve, "{:?}", group.instances);
        assert_eq!(group.instances.len(), group.wanted.desired as usize);
    }
}

/// The arrows of the documented diagram.
fn is_step(from: Option<LifecycleState>, to: LifecycleState) -> bool {
    use LifecycleState as State;
    let Some(from) = from else {
        return to == State::Pending;
    };
    let next: &[State] = match from {
        State::Pending => &[State::PendingWait, State::InService, State::Terminating],
        State::PendingWait => &[State::PendingProceed, State::Terminating],
        State::PendingProceed => &[State::InService],
        State::InService => &[State::Terminating],
        State::Terminating => &[State::TerminatingWait, State::TerminatingProceed],
        State::TerminatingWait => &[State::TerminatingProceed],
        State::TerminatingProceed => &[State::Terminated],
        _ => &[],
    };
    next.contains(&to)
}

proptest! {
    #[test]
    fn no_sequence_of_calls_breaks_the_rules_of_a_group(steps in prop::collection::vec(step(), 1..80)) {
        let mut trial = Trial::new();
        for step in &steps {
            trial.take(step);
            trial.check();
        }
        trial.settle();
    }

    #[test]
    fn heartbeats_keep_an_instance_waiting_until_the_global_timeout_and_no_longer(
        heartbeat in 30..=7200i64,
        share in 1..100i64,
    ) {
        let mut trial = Trial::new();
        trial.take(&Step::Answer(true));
        trial.take(&Step::PutHook(0, false, heartbeat, "CONTINUE"));
        trial.take(&Step::Terminate(0, true));
        let began = trial.now;
        let every = (heartbeat * share / 100).max(1);
        let longest = (100 * heartbeat).min(48 * 3600);
        while trial.states["i-0001"] == LifecycleState::TerminatingWait {
            trial.take(&Step::Heartbeat(0));
            trial.pass(every);
            prop_assert!(trial.now.duration_since(began).as_secs() < 2 * longest, "it waits for ever");
        }
        let waited = trial.now.duration_since(began).as_secs();
        prop_assert!((longest..longest + every).contains(&waited), "{waited} of {longest}");
    }
}
