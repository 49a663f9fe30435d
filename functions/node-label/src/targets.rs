//! Which instances to look at: those that wait at our hook, and those that serve.

use std::collections::BTreeSet;
use std::rc::Rc;

use aws::autoscaling::Group;
use domain::hook::HookView;
use domain::ids::{GroupName, InstanceId};
use domain::label::{Progress, Template};
use domain::lifecycle::LifecycleState;
use events::{Event, TagsChanged};
use function::{Found, Tally, Waiting};
use jiff::Timestamp;

/// Where an event says to look.
#[derive(Debug)]
pub(crate) enum Hint {
    /// At an instance that waits at a hook.
    Launch(function::Hint),
    /// At groups whose tags changed.
    Tags(TagsChanged),
}

/// Where an event of ours says to look.
pub(crate) fn hint(event: Event) -> Option<Hint> {
    match event {
        Event::Launch(action) => Some(Hint::Launch(action.into())),
        Event::TagsChanged(change) => Some(Hint::Tags(change)),
        Event::Terminate(_)
        | Event::Ended(_)
        | Event::Hours(_)
        | Event::Image(_)
        | Event::TestNotification => None,
    }
}

/// The instances and the groups that messages named: each group once, however many of its tags changed.
pub(crate) fn sorted(hints: Vec<Hint>) -> (Vec<function::Hint>, Vec<GroupName>) {
    let (mut launches, mut groups) = (Vec::new(), BTreeSet::new());
    for hint in hints {
        match hint {
            Hint::Launch(launch) => launches.push(launch),
            Hint::Tags(change) => groups.extend(change.groups),
        }
    }
    (launches, groups.into_iter().collect())
}

/// An instance to look at.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The instance and what Auto Scaling says of it; for one that serves, that it waits no more.
    pub(crate) instance: Waiting,
    /// What the tags of its group say.
    pub(crate) template: Rc<Template>,
    /// What this invocation has done about it.
    pub(crate) progress: Progress,
    /// When to look at it.
    pub(crate) due: Timestamp,
    /// When Auto Scaling was last asked about it.
    pub(crate) asked: Option<Timestamp>,
    /// The plan of the last look, in words: what is said again is no news.
    pub(crate) said: String,
}

impl Target {
    fn new(instance: Waiting, template: &Rc<Template>) -> Self {
        Self {
            instance,
            template: template.clone(),
            progress: Progress::default(),
            due: Timestamp::MIN,
            asked: None,
            said: String::new(),
        }
    }

    pub(crate) fn id(&self) -> &InstanceId {
        &self.instance.instance
    }

    pub(crate) const fn waits(&self) -> bool {
        matches!(self.instance.hook, HookView::Waiting(_))
    }
}

/// Of what was found, the instances that wait.
pub(crate) fn waiting(mut found: Found) -> (Tally, Vec<Target>) {
    let cost = std::mem::take(&mut found.tally);
    let templates = templates(&found.groups);
    let target = |waiting: Waiting| {
        let (_, template) = templates.iter().find(|(name, _)| **name == waiting.group)?;
        Some(Target::new(waiting, template))
    };
    (cost, found.waiting.into_iter().filter_map(target).collect())
}

/// Of what was found, the instances that wait and those that serve.
pub(crate) fn whole(found: Found) -> (Tally, Vec<Target>) {
    let templates = templates(&found.groups);
    let mut serving = Vec::new();
    for (group, (_, template)) in found.groups.iter().zip(&templates) {
        for one in &group.instances {
            if matches!(one.lifecycle, LifecycleState::InService | LifecycleState::Standby) {
                let instance = Waiting {
                    group: group.name.clone(),
                    instance: one.id.clone(),
                    hook: HookView::Elsewhere(one.lifecycle.clone()),
                    token: None,
                };
                serving.push(Target::new(instance, template));
            }
        }
    }
    drop(templates);
    let (cost, mut all) = waiting(found);
    all.extend(serving);
    (cost, all)
}

/// The tags of each group are read once, however many instances it has.
fn templates(groups: &[Group]) -> Vec<(&GroupName, Rc<Template>)> {
    groups
        .iter()
        .map(|group| (&group.name, Rc::new(Template::of_group(&group.tags))))
        .collect()
}

/// Each instance once: what an event said of it comes first.
pub(crate) fn each_once(targets: Vec<Target>) -> Vec<Target> {
    let mut seen = BTreeSet::new();
    targets
        .into_iter()
        .filter(|target| seen.insert(target.id().clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_ours_says_where_to_look() {
        let cases = [
            ("launch-action", &["i-0123456789abcdef0"][..], &[][..]),
            ("tag-change", &[], &["workers"]),
            ("create-or-update-tags", &[], &["spare", "workers"]),
            ("delete-tags", &[], &["workers"]),
            ("delete-tags-refused", &[], &[]),
            ("tag-change-elsewhere", &[], &[]),
        ];
        for (file, instances, groups) in cases {
            let path = format!(
                "{}/../../events/node-label/{file}.json",
                env!("CARGO_MANIFEST_DIR")
            );
            let body = std::fs::read_to_string(path).unwrap();
            let (launches, named) = sorted(vec![events::parse_as(&body, hint).unwrap()]);
            let launches: Vec<_> = launches.iter().map(|launch| launch.instance.as_str()).collect();
            let named: Vec<_> = named.iter().map(GroupName::as_str).collect();
            assert_eq!(
                (launches.as_slice(), named.as_slice()),
                (instances, groups),
                "{file}"
            );
        }
    }
}
