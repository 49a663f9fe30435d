//! How an instance goes from state to state. Source: Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling
//! instance lifecycle" and "How lifecycle hooks work in Auto Scaling groups".

use jiff::{SignedDuration, Timestamp};

use super::events::{self, End, Ended};
use super::hook::{Hook, LifecycleAction, verdict};
use super::lifecycle::{ActionResult, LifecycleState, Process, Transition};
use super::{Activity, Arrival, Effect, Group, Instance, Outcome, Turn};
use crate::fleet::TemplateRef;
use crate::notice::Notice;

/// EC2 is asked again after this when it refused a launch or a termination.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(10);

impl Group {
    /// Everything that is due now, in the order in which one thing can lead to another.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) {
        self.expire_actions(turn);
        self.replace_unhealthy(turn);
        self.scale(turn);
        self.ask_for_terminations(turn);
    }

    /// When there will be something to do, if nothing happens.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.instances
            .iter()
            .filter_map(Instance::due)
            .chain(self.launch_due())
            .min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.launching.is_empty()
    }

    pub(super) fn report(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        match outcome {
            Outcome::Launched { activity, arrival } => self.launched(&activity, *arrival, turn),
            Outcome::LaunchFailed { activity, why } => self.launch_failed(&activity, &why, turn),
            Outcome::Terminated { instance } => self.terminated(&instance, turn),
            Outcome::TerminationFailed { instance, why } => self.termination_failed(&instance, &why, turn),
        }
    }

    fn launched(&mut self, activity: &str, arrival: Arrival, turn: &mut Turn<'_>) {
        let Arrival {
            launched,
            template,
            instance_type,
        } = arrival;
        let Some(launching) = self.launching.remove(activity) else {
            return;
        };
        let id = launched.instance_id.clone();
        self.instances.push(Instance {
            id: id.clone(),
            zone: launched.availability_zone.clone(),
            place: launching.place,
            instance_type,
            image_id: template.image_id,
            template: TemplateRef {
                id: Some(template.id),
                name: Some(template.name),
                version: Some(template.version),
            },
            spot: launching.spot,
            state: LifecycleState::Pending,
            healthy: true,
            protected: self.wanted.protect_new_instances,
            in_service_at: None,
            actions: Vec::new(),
            activity: launching.activity,
            terminate_at: None,
        });
        let (group, tags) = (self.name.clone(), self.plain_tags());
        turn.tell(Notice::Launched {
            group: group.clone(),
            tags,
            instance: launched,
        });
        let (from, to) = (None, LifecycleState::Pending);
        turn.tell(Notice::Moved {
            instance: id.clone(),
            group,
            from,
            to,
            at: turn.now,
        });
        if self.deleting {
            self.end_now(&id, turn);
        } else if !self.wait(&id, Transition::Launching, turn) {
            self.enter_service(&id, turn);
        }
    }

    fn launch_failed(&mut self, activity: &str, why: &str, turn: &mut Turn<'_>) {
        let Some(launching) = self.launching.remove(activity) else {
            return;
        };
        self.no_launch_before = Some(turn.now + RETRY_AFTER);
        let ended = Ended {
            transition: Transition::Launching,
            activity: &launching.activity,
            instance: None,
            zone: launching.place.zone.as_deref(),
            subnet: launching.place.subnet.as_deref(),
            end: End::Failed(why),
        };
        events::ended(turn, self, &ended);
    }

    /// Opens an action of every hook of the transition. Says whether there is one to wait for.
    fn wait(&mut self, id: &str, transition: Transition, turn: &mut Turn<'_>) -> bool {
        let hooks = self
            .hooks
            .iter()
            .filter(|(_, hook)| hook.transition == transition);
        let opened: Vec<(Hook, LifecycleAction)> = hooks
            .map(|(name, hook)| (hook.clone(), hook.open(name, turn.ids.uuid(), turn.now)))
            .collect();
        if opened.is_empty() {
            return false;
        }
        if let Some(instance) = self.instance_mut(id) {
            instance.actions = opened.iter().map(|(_, action)| action.clone()).collect();
        }
        let waiting = match transition {
            Transition::Launching => LifecycleState::PendingWait,
            Transition::Terminating => LifecycleState::TerminatingWait,
        };
        self.move_to(id, waiting, turn);
        for (hook, action) in &opened {
            events::lifecycle_action(turn, self, id, hook, action);
        }
        true
    }

    /// Goes on if the actions of the instance say so.
    pub(crate) fn settle(&mut self, id: &str, turn: &mut Turn<'_>) {
        let Some(instance) = self
            .instance_mut(id)
            .filter(|instance| instance.state.is_waiting())
        else {
            return;
        };
        let Some(result) = verdict(&instance.actions) else {
            return;
        };
        let launching = instance.state == LifecycleState::PendingWait;
        let actions = std::mem::take(&mut instance.actions);
        match (launching, result) {
            (true, ActionResult::Continue) => {
                self.move_to(id, LifecycleState::PendingProceed, turn);
                self.enter_service(id, turn);
            }
            (true, ActionResult::Abandon) => {
                if let Some(action) = actions.iter().find(|action| action.is_abandoned()) {
                    let (token, why) = (action.token.as_str(), action.why_it_ended());
                    self.tell_ended(id, Transition::Launching, End::Abandoned { token, why }, turn);
                }
                let cause = "an instance was taken out of service because its launch was abandoned";
                self.begin_termination(id, cause, turn);
            }
            (false, ActionResult::Abandon) if self.wanted.retain_abandoned == Some(true) => {
                self.move_to(id, LifecycleState::TerminatingRetained, turn);
            }
            (false, _) => self.end_now(id, turn),
        }
    }

    fn enter_service(&mut self, id: &str, turn: &mut Turn<'_>) {
        if let Some(instance) = self.instance_mut(id) {
            instance.in_service_at = Some(turn.now);
        }
        self.move_to(id, LifecycleState::InService, turn);
        self.tell_ended(id, Transition::Launching, End::Done, turn);
    }

    /// Takes an instance out of service, through its hooks. An instance that is on its way already only gets a
    /// push if it was retained.
    pub(crate) fn begin_termination(&mut self, id: &str, cause: &str, turn: &mut Turn<'_>) {
        let Some(instance) = self.instance_mut(id) else {
            return;
        };
        if instance.state == LifecycleState::TerminatingRetained {
            return self.end_now(id, turn);
        }
        if !instance.state.is_active() {
            return;
        }
        instance.actions.clear();
        instance.activity = Activity {
            id: turn.ids.uuid(),
            cause: format!("At {} {cause}.", events::time(turn.now)),
            start: turn.now,
        };
        self.move_to(id, LifecycleState::Terminating, turn);
        if !self.wait(id, Transition::Terminating, turn) {
            self.end_now(id, turn);
        }
    }

    /// Terminates without waiting for any hook.
    pub(crate) fn end_now(&mut self, id: &str, turn: &mut Turn<'_>) {
        let Some(instance) = self.instance_mut(id) else {
            return;
        };
        if instance.state == LifecycleState::TerminatingProceed {
            return;
        }
        instance.actions.clear();
        instance.terminate_at = Some(turn.now);
        self.move_to(id, LifecycleState::TerminatingProceed, turn);
    }

    fn ask_for_terminations(&mut self, turn: &mut Turn<'_>) {
        for instance in &mut self.instances {
            if instance.terminate_at.is_some_and(|at| at <= turn.now) {
                instance.terminate_at = None;
                turn.order(Effect::Terminate {
                    instance: instance.id.clone(),
                });
            }
        }
    }

    fn terminated(&mut self, id: &str, turn: &mut Turn<'_>) {
        self.move_to(id, LifecycleState::Terminated, turn);
        self.tell_ended(id, Transition::Terminating, End::Done, turn);
        self.instances.retain(|instance| instance.id != id);
        turn.tell(Notice::Terminated {
            group: self.name.clone(),
            instance_id: id.to_owned(),
        });
    }

    fn termination_failed(&mut self, id: &str, why: &str, turn: &mut Turn<'_>) {
        if let Some(instance) = self.instance_mut(id) {
            instance.terminate_at = Some(turn.now + RETRY_AFTER);
        }
        self.tell_ended(id, Transition::Terminating, End::Failed(why), turn);
    }

    fn expire_actions(&mut self, turn: &mut Turn<'_>) {
        let mut expired = Vec::new();
        for instance in &mut self.instances {
            let mut any = false;
            for action in &mut instance.actions {
                any |= action.expire(turn.now);
            }
            if any {
                expired.push(instance.id.clone());
            }
        }
        for id in &expired {
            self.settle(id, turn);
        }
    }

    /// `ReplaceUnhealthy` terminates, and so does nothing while Terminate is suspended.
    fn replace_unhealthy(&mut self, turn: &mut Turn<'_>) {
        if self.is_suspended(Process::ReplaceUnhealthy) || self.is_suspended(Process::Terminate) {
            return;
        }
        let unhealthy = self
            .instances
            .iter()
            .filter(|instance| !instance.healthy && instance.state.is_active());
        let ids: Vec<String> = unhealthy.map(|instance| instance.id.clone()).collect();
        let cause = "an instance was taken out of service in response to a user health-check";
        for id in &ids {
            self.begin_termination(id, cause, turn);
        }
    }

    fn move_to(&mut self, id: &str, to: LifecycleState, turn: &mut Turn<'_>) {
        let group = self.name.clone();
        let Some(instance) = self.instance_mut(id) else {
            return;
        };
        let from = Some(std::mem::replace(&mut instance.state, to));
        turn.tell(Notice::Moved {
            instance: id.to_owned(),
            group,
            from,
            to,
            at: turn.now,
        });
    }

    fn tell_ended(&self, id: &str, transition: Transition, end: End<'_>, turn: &mut Turn<'_>) {
        let Some(instance) = self.instance(id) else { return };
        let ended = Ended {
            transition,
            activity: &instance.activity,
            instance: Some(id),
            zone: Some(&instance.zone),
            subnet: instance.place.subnet.as_deref(),
            end,
        };
        events::ended(turn, self, &ended);
    }
}
