//! What the deployment says: the settings that all functions have, and the policy for what sleeps.

use domain::offhours::{ManualChanges, Policy};
use domain::schedule::{Context, Holidays, Named, Weekdays, Zone};
use function::Common;
use runtime::env::{Invalid, Reader, seconds};

/// The function's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// What all functions have.
    pub common: Common,
    /// The bucket that holds saved sizes.
    pub bucket: String,
    /// What holds for everything that says nothing of its own.
    pub policy: Policy,
}

impl Config {
    /// Reads the environment. The error names every variable that is missing or wrong.
    pub fn from_env() -> Result<Self, Invalid> {
        Self::read(function::config::variable)
    }

    /// | variable | unless set | |
    /// | --- | --- | --- |
    /// | `LAMPLIGHTER_BUCKET` | | the bucket that holds saved sizes |
    /// | `LAMPLIGHTER_HOURS_SCHEDULES` | none | `name=spans; name=down:spans`: schedules by name |
    /// | `LAMPLIGHTER_HOURS_HOLIDAYS` | none | dates and ranges of dates on which nothing wakes |
    /// | `LAMPLIGHTER_HOURS_TIME_ZONE` | none | the zone of spans that name none |
    /// | `LAMPLIGHTER_HOURS_WEEKDAYS` | none | the weekdays of spans that name none |
    /// | `LAMPLIGHTER_HOURS_GRACE_SECONDS` | 900 | how long what is new or newly deployed is left alone |
    /// | `LAMPLIGHTER_HOURS_PATIENCE_SECONDS` | 600 | how long one step may hold up the next |
    /// | `LAMPLIGHTER_HOURS_MANUAL_CHANGES` | `respect` | or `enforce`: what a change by hand at night means |
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
        let mut env = Reader::new(get);
        let usual = Policy::default();
        let common = Common::read(&mut env);
        let bucket = env.required("LAMPLIGHTER_BUCKET", "the name of a bucket", |text| {
            Ok::<_, String>(text.to_owned())
        });
        let zone = env.optional(
            "LAMPLIGHTER_HOURS_TIME_ZONE",
            "a time zone like Europe/Berlin",
            Zone::parse,
        );
        let weekdays = env.optional(
            "LAMPLIGHTER_HOURS_WEEKDAYS",
            "weekdays like Mon-Fri",
            Weekdays::parse,
        );
        let defaults = domain::schedule::Defaults {
            zone: zone.as_ref().ok().cloned().flatten(),
            weekdays: weekdays.as_ref().ok().copied().flatten(),
        };
        let named = env.or(
            "LAMPLIGHTER_HOURS_SCHEDULES",
            Named::default(),
            "schedules like office=Mon-Fri 08:00-20:00 Europe/Berlin",
            |text| Named::parse(text, &defaults),
        );
        let holidays = env.or(
            "LAMPLIGHTER_HOURS_HOLIDAYS",
            Holidays::default(),
            "dates like 2026-12-25, 2026-12-28..2027-01-01",
            Holidays::parse,
        );
        let grace = env.or(
            "LAMPLIGHTER_HOURS_GRACE_SECONDS",
            usual.grace,
            "whole seconds",
            seconds,
        );
        let patience = env.or(
            "LAMPLIGHTER_HOURS_PATIENCE_SECONDS",
            usual.patience,
            "whole seconds",
            seconds,
        );
        let manual_changes = env.or(
            "LAMPLIGHTER_HOURS_MANUAL_CHANGES",
            usual.manual_changes,
            "respect or enforce",
            |text| ManualChanges::parse(text).ok_or("no such rule"),
        );
        env.finish(|| {
            zone?;
            weekdays?;
            let policy = Policy {
                context: Context {
                    defaults,
                    named: named?,
                    holidays: holidays?,
                },
                grace: grace?,
                patience: patience?,
                manual_changes: manual_changes?,
            };
            Ok(Self {
                common: common?,
                bucket: bucket?,
                policy,
            })
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::offhours::ManualChanges;
    use jiff::SignedDuration;

    use super::*;

    const GOOD: [(&str, &str); 7] = [
        ("LAMPLIGHTER_DEPLOYMENT", "lamplighter"),
        ("LAMPLIGHTER_CLUSTER", "blue"),
        ("LAMPLIGHTER_CLUSTER_ACCESS", "eks"),
        ("LAMPLIGHTER_BUCKET", "sizes"),
        (
            "LAMPLIGHTER_DEAD_LETTER_QUEUE_URL",
            "https://sqs.eu-central-1.amazonaws.com/111122223333/failed",
        ),
        ("LAMPLIGHTER_HOURS_TIME_ZONE", "Europe/Berlin"),
        ("LAMPLIGHTER_HOURS_SCHEDULES", "office=Mon-Fri 08:00-20:00"),
    ];

    pub(crate) fn config() -> Config {
        read(&[]).unwrap()
    }

    fn read(changes: &[(&str, &str)]) -> Result<Config, Invalid> {
        let value = |table: &[(&str, &str)], name: &str| {
            let entry = table.iter().find(|(key, _)| *key == name);
            entry.map(|(_, value)| (*value).to_owned())
        };
        Config::read(|name| value(changes, name).or_else(|| value(&GOOD, name)))
    }

    #[test]
    fn every_setting_reaches_the_policy() {
        let set = [
            ("LAMPLIGHTER_HOURS_HOLIDAYS", "2026-12-25"),
            ("LAMPLIGHTER_HOURS_GRACE_SECONDS", "60"),
            ("LAMPLIGHTER_HOURS_PATIENCE_SECONDS", "120"),
            ("LAMPLIGHTER_HOURS_MANUAL_CHANGES", "enforce"),
        ];
        let policy = read(&set).unwrap().policy;
        assert_eq!(policy.grace, SignedDuration::from_secs(60));
        assert_eq!(policy.patience, SignedDuration::from_secs(120));
        assert_eq!(policy.manual_changes, ManualChanges::Enforce);
        assert_eq!(policy.context.holidays, Holidays::parse("2026-12-25").unwrap());
        assert_eq!(config().policy.grace, Policy::default().grace);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let wrong = [
            ("LAMPLIGHTER_BUCKET", ""),
            ("LAMPLIGHTER_HOURS_TIME_ZONE", "Europe/Berlni"),
            ("LAMPLIGHTER_HOURS_WEEKDAYS", "Mon-Fry"),
            ("LAMPLIGHTER_HOURS_HOLIDAYS", "Christmas"),
            ("LAMPLIGHTER_HOURS_SCHEDULES", "office=Mon-Fri 8-20"),
            ("LAMPLIGHTER_HOURS_MANUAL_CHANGES", "perhaps"),
        ];
        let error = read(&wrong).unwrap_err().to_string();
        for (variable, _) in wrong {
            assert!(error.contains(variable), "{variable}: {error}");
        }
    }
}
