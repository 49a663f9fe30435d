//! Small builders for tests: resources of every kind, and the night of Thursday, 26 November 2026.

use jiff::Timestamp;

use super::{
    Capacity, Condition, Key, Kind, Mirror, Observation, Operation, Override, Place, Plan, Policy, Record,
    Resource, Scales, Settings, SettingsError, Size, Stage, Standing, Step, Switch, Traits, View, Want,
    Writer, plan,
};

/// Awake by day, on every day but those of a weekend.
pub(super) const OFFICE: &str = "Mon-Fri 08:00-20:00 UTC";

pub(super) fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A minute of the Thursday: `20:00`, or of a day after it: `27T08:00`.
pub(super) fn at(text: &str) -> Timestamp {
    match text.split_once('T') {
        Some((day, time)) => ts(&format!("2026-11-{day}T{time}:00Z")),
        None => ts(&format!("2026-11-26T{text}:00Z")),
    }
}

/// `2-4-10`, `3`, `active`, `suspended`, `running` or `stopped`.
pub(super) fn size(text: &str) -> Size {
    match text {
        "active" => Size::Schedule(Switch::On),
        "suspended" => Size::Schedule(Switch::Off),
        "running" => Size::Power(Switch::On),
        "stopped" => Size::Power(Switch::Off),
        text => text
            .parse()
            .map_or_else(|_| Size::Capacity(Capacity::parse(text).unwrap()), Size::Replicas),
    }
}

pub(super) fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn read(says: &[(&str, &str)], overrides: &[Override]) -> Result<Settings, SettingsError> {
    read_places(&[("itself", says)], overrides, &Policy::default())
}

/// What several places say, the most specific first.
pub(super) fn read_places(
    places: &[(&str, &[(&str, &str)])],
    overrides: &[Override],
    policy: &Policy,
) -> Result<Settings, SettingsError> {
    let find = |says: &'_ [(&str, &'_ str)], asked: &str| says.iter().position(|(key, _)| *key == asked);
    let lookups: Vec<_> = places
        .iter()
        .map(|(_, says)| move |asked: &'static str| find(says, asked).map(|at| says[at].1))
        .collect();
    let places = places.iter().zip(&lookups).map(|((origin, _), lookup)| Place {
        origin: (*origin).to_owned(),
        lookup,
    });
    let overrides = overrides.iter().map(|one| one.scope(&policy.context).unwrap());
    Settings::read(&places.collect::<Vec<_>>(), overrides.collect(), policy)
}

/// A resource that is up in office hours, and ready: `deployment/shop/web` of size `3`.
pub(super) fn resource(name: &str, live: &str) -> Resource {
    let key = key(name);
    let created = matches!(
        key.kind(),
        Kind::Deployment | Kind::StatefulSet | Kind::CronJob | Kind::Autoscaler
    );
    Resource {
        key,
        size: size(live),
        settings: read(&[("uptime", OFFICE)], &[]),
        created: created.then(|| ts("2026-01-01T00:00:00Z")),
        writer: None,
        mirror: None,
        condition: if size(live).is_zero() {
            Condition::QUIET
        } else {
            Condition::READY
        },
        unsupported: None,
        traits: Traits::default(),
    }
}

/// An autoscaler that keeps a Deployment between its size and a maximum.
pub(super) fn autoscaler(name: &str, min: &str, max: u32, target: &str) -> Resource {
    let mut autoscaler = resource(name, min);
    autoscaler.traits.scales = Some(Scales {
        target: Some(key(target)),
        max,
    });
    autoscaler
}

/// The record of a resource that was put to sleep at 20:00.
pub(super) fn record(name: &str, saved: &str, off: &str) -> Record {
    Record::new(key(name), size(saved), size(off), "night", at("20:00"))
}

/// What is seen of these, without any record.
pub(super) fn seen(resources: impl IntoIterator<Item = Resource>) -> Observation {
    Observation {
        resources: resources.into_iter().collect(),
        ..Observation::default()
    }
}

/// What is planned for one resource alone, in words, and where it stands.
pub(super) fn planned(resource: Resource, record: Option<Record>, now: &str) -> (String, Standing) {
    let seen = seen([resource]).remembering(record);
    let plan = plan(&seen, &Policy::default(), at(now));
    let [view] = plan.views.as_slice() else {
        panic!("{plan:?}")
    };
    (plan.steps(&view.key.to_string()), view.standing.clone())
}

pub(super) fn person(name: Option<&str>, want: Want, until: &str) -> Override {
    Override {
        resource: name.map(key),
        want,
        until: at(until),
        by: "ada".to_owned(),
        at: at("12:00"),
    }
}

impl Observation {
    pub(super) fn remembering(mut self, records: impl IntoIterator<Item = Record>) -> Self {
        self.records.extend(
            records
                .into_iter()
                .map(|record| (record.resource.clone(), record)),
        );
        self
    }

    /// The plan at a minute.
    pub(super) fn plan(&self, now: &str) -> Plan {
        plan(self, &Policy::default(), at(now))
    }
}

impl Plan {
    /// What it does about one resource, in words.
    pub(super) fn steps(&self, name: &str) -> String {
        let its = self.moves.iter().filter(|one| one.key == key(name));
        let steps: Vec<_> = its.flat_map(|one| &one.steps).map(Step::to_string).collect();
        steps.join(", ")
    }

    pub(super) fn standing(&self, name: &str) -> &Standing {
        &self.view(name).standing
    }

    pub(super) fn view(&self, name: &str) -> &View {
        self.views.iter().find(|view| view.key == key(name)).unwrap()
    }

    /// Whom it resizes, in the order of their keys.
    pub(super) fn resized(&self) -> Vec<String> {
        let is_resize = |step: &Step| matches!(step, Step::Resize { .. });
        let moves = self.moves.iter().filter(|one| one.steps.iter().any(is_resize));
        moves.map(|one| one.key.to_string()).collect()
    }
}

impl Record {
    pub(super) fn asleep_since(self, since: &str) -> Self {
        self.at(Stage::Asleep { since: at(since) })
    }

    pub(super) fn waking_to(self, target: &str, since: &str) -> Self {
        let (since, target) = (at(since), size(target));
        self.at(Stage::Waking { since, target })
    }

    pub(super) fn woken_since(self, since: &str) -> Self {
        self.at(Stage::Woken { since: at(since) })
    }
}

impl Resource {
    /// What stands on it, in place of its schedule.
    pub(super) fn says(mut self, says: &[(&str, &str)]) -> Self {
        self.settings = read(says, &[]);
        self
    }

    /// What stands on it, beside its schedule.
    pub(super) fn adds(self, says: &[(&str, &str)]) -> Self {
        let all: Vec<_> = [("uptime", OFFICE)].iter().chain(says).copied().collect();
        self.says(&all)
    }

    /// What people told us of it.
    pub(super) fn told(mut self, overrides: &[Override]) -> Self {
        self.settings = read(&[("uptime", OFFICE)], overrides);
        self
    }

    pub(super) fn sized(mut self, live: &str) -> Self {
        self.size = size(live);
        self
    }

    pub(super) fn created_at(mut self, created: &str) -> Self {
        self.created = Some(at(created));
        self
    }

    pub(super) fn written_by(mut self, manager: &str, when: &str) -> Self {
        self.writer = Some(Writer {
            manager: manager.to_owned(),
            operation: Operation::Update,
            at: Some(at(when)),
        });
        self
    }

    pub(super) fn marked(mut self, record: &Record) -> Self {
        self.mirror = Some(Mirror::of(record));
        self
    }

    pub(super) fn edited(mut self, text: &str) -> Self {
        self.mirror.as_mut().unwrap().size = Some(text.to_owned());
        self
    }

    pub(super) fn is(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    pub(super) fn busy(mut self) -> Self {
        self.condition.is_busy = true;
        self
    }

    pub(super) fn autoscaled(mut self) -> Self {
        self.traits.is_autoscaled = true;
        self
    }

    pub(super) fn unsupported(mut self, why: &str) -> Self {
        self.unsupported = Some(why.to_owned());
        self
    }
}
