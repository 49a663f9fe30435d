//! What a person told us, for everything or for one resource, until some moment.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Key;
use crate::schedule::{Context, Scope, SettingError};

/// The longest that anything told by a person may last. What is to hold for longer belongs into a schedule.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// What somebody wants for a while, whatever the schedules say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Override {
    /// Of what; of everything that is scheduled, if of nothing in particular.
    #[serde(default)]
    pub resource: Option<Key>,
    /// What is wanted.
    pub want: Want,
    /// Until when.
    pub until: Timestamp,
    /// Who wants it.
    pub by: String,
    /// When it was said.
    pub at: Timestamp,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// Up.
    Awake,
    /// Down.
    Asleep,
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Awake => "awake",
            Self::Asleep => "asleep",
        })
    }
}

/// What a person asks for, on the command line or by an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Look now: something has changed.
    Look,
    /// Want something for a while, in place of what was wanted of the same before.
    Set(Vec<Override>),
    /// Want nothing any more of these; of everything, for none.
    Release(Vec<Option<Key>>),
}

impl Override {
    /// The name of its object, below the cluster's prefix.
    pub fn object_name(resource: Option<&Key>) -> String {
        let name = resource.map_or_else(|| "all".to_owned(), Key::object_name);
        format!("{PREFIX}{name}.json")
    }

    /// Whether it still holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// What it says, as if it stood on the resource.
    pub fn scope(&self, context: &Context) -> Result<Scope, SettingError> {
        let until = format!("until {}", self.until);
        let key = match self.want {
            Want::Awake => "force-uptime",
            Want::Asleep => "force-downtime",
        };
        let of = self
            .resource
            .as_ref()
            .map_or_else(|| "everything".to_owned(), Key::to_string);
        let origin = format!("what {} said of {of}", self.by);
        Scope::read(origin, |asked| (asked == key).then_some(until.as_str()), context)
    }
}

/// Below the cluster's prefix; no kind has this name.
pub const PREFIX: &str = "overrides/";

/// Of `all`, those that hold for `resource` at `now`: its own before those for everything.
pub fn applying<'a>(
    all: &'a [Override],
    resource: &Key,
    now: Timestamp,
) -> impl Iterator<Item = &'a Override> {
    let own = |one: &&Override| one.resource.as_ref() == Some(resource);
    let general = |one: &&Override| one.resource.is_none();
    let holds = move |one: &&Override| one.holds(now);
    let own: Vec<_> = all.iter().filter(own).filter(holds).collect();
    own.into_iter().chain(all.iter().filter(general).filter(holds))
}
