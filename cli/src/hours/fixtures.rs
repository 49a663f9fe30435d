//! Looks at a cluster that is made up, planned by the real code.

use std::collections::BTreeMap;

use domain::offhours::{
    Condition, Key, Observation, Override, Place, Policy, Record, Resource, Settings, Size, Traits, plan,
};
use domain::schedule::{Context, SettingError};
use jiff::Timestamp;
use off_hours::Look;
use off_hours::look::Sight;

pub(super) fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// A cluster at one moment.
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) policy: Policy,
    pub(super) overrides: Vec<Override>,
    pub(super) seen: Observation,
}

impl World {
    /// Nothing, on a Thursday in November.
    pub(super) fn at(now: &str) -> Self {
        Self {
            now: ts(now),
            policy: Policy {
                context: Context::parse(Some("Europe/Berlin"), None, "office=Mon-Fri 08:00-20:00", "")
                    .unwrap(),
                ..Policy::default()
            },
            overrides: vec![],
            seen: Observation::default(),
        }
    }

    /// With a resource that has these tags or annotations. It is made after what people told.
    pub(super) fn with(mut self, resource: &str, size: Size, said: &[(&str, &str)]) -> Self {
        let key = key(resource);
        let said: BTreeMap<&str, &str> = said.iter().copied().collect();
        let lookup = |key: &'static str| said.get(key).copied();
        let place = Place {
            origin: resource.to_owned(),
            lookup: &lookup,
        };
        let scopes = self.overrides.iter().map(|told| told.scope(&self.policy.context));
        let scopes = scopes.collect::<Result<Vec<_>, SettingError>>().unwrap();
        self.seen.resources.push(Resource {
            size,
            settings: Settings::read(&[place], scopes, &self.policy),
            created: None,
            writer: None,
            mirror: None,
            condition: if size.is_zero() {
                Condition::QUIET
            } else {
                Condition::READY
            },
            unsupported: None,
            traits: Traits::default(),
            key,
        });
        self
    }

    pub(super) fn with_record(mut self, record: Record) -> Self {
        self.seen.records.insert(record.resource.clone(), record);
        self
    }

    /// What is seen of it.
    pub(super) fn look(self) -> Look {
        let plan = plan(&self.seen, &self.policy, self.now);
        Look {
            sight: Sight {
                seen: self.seen,
                ..Sight::default()
            },
            overrides: self.overrides,
            expired: vec![],
            unreadable: BTreeMap::new(),
            lease: None,
            plan,
        }
    }
}
