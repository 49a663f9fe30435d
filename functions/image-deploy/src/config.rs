//! What the deployment says: the settings that all functions have, and the policy for images.

use domain::image::Policy;
use domain::schedule::{Defaults, Spans, Weekdays, Zone};
use function::Common;
use runtime::env::{Invalid, Reader, seconds};

use crate::pace::Pace;

/// The function's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// What all functions have.
    pub common: Common,
    /// What holds for every workload that says nothing of its own.
    pub policy: Policy,
    /// How often a repository is looked at where no event asks for it.
    pub pace: Pace,
}

impl Config {
    /// Reads the environment. The error names every variable that is missing or wrong.
    pub fn from_env() -> Result<Self, Invalid> {
        Self::read(function::config::variable)
    }

    /// | variable | unless set | |
    /// | --- | --- | --- |
    /// | `LAMPLIGHTER_IMAGE_FREEZE` | none | spans in which nothing is deployed anywhere |
    /// | `LAMPLIGHTER_IMAGE_TIME_ZONE` | none | the zone of spans that name none |
    /// | `LAMPLIGHTER_IMAGE_WEEKDAYS` | none | the weekdays of spans that name none |
    /// | `LAMPLIGHTER_IMAGE_ROLLOUT_TIMEOUT_SECONDS` | 600 | how long a rollout may take |
    /// | `LAMPLIGHTER_IMAGE_SOAK_SECONDS` | 60 | how long it must stay complete before it is called good |
    /// | `LAMPLIGHTER_IMAGE_COOLDOWN_SECONDS` | 60 | how long one patch keeps away the next |
    /// | `LAMPLIGHTER_IMAGE_SWEEP_MINUTES` | 5 | how often a repository is looked at without an event |
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
        let mut env = Reader::new(get);
        let usual = Policy::default();
        let common = Common::read(&mut env);
        let zone = env.optional(
            "LAMPLIGHTER_IMAGE_TIME_ZONE",
            "a time zone like Europe/Berlin",
            Zone::parse,
        );
        let weekdays = env.optional(
            "LAMPLIGHTER_IMAGE_WEEKDAYS",
            "weekdays like Mon-Fri",
            Weekdays::parse,
        );
        let spans = Defaults {
            zone: zone.as_ref().ok().cloned().flatten(),
            weekdays: weekdays.as_ref().ok().copied().flatten(),
        };
        let freeze = env.optional(
            "LAMPLIGHTER_IMAGE_FREEZE",
            "spans like Fri 18:00-Mon 08:00 Europe/Berlin",
            |text| Spans::parse(text, &spans),
        );
        let mut time = |variable, usual| env.or(variable, usual, "whole seconds", seconds);
        let rollout_timeout = time("LAMPLIGHTER_IMAGE_ROLLOUT_TIMEOUT_SECONDS", usual.rollout_timeout);
        let soak = time("LAMPLIGHTER_IMAGE_SOAK_SECONDS", usual.soak);
        let cooldown = time("LAMPLIGHTER_IMAGE_COOLDOWN_SECONDS", usual.cooldown);
        let pace = env.or(
            "LAMPLIGHTER_IMAGE_SWEEP_MINUTES",
            Pace::default(),
            "whole minutes, at least 1",
            str::parse::<Pace>,
        );
        env.finish(|| {
            zone?;
            weekdays?;
            let policy = Policy {
                spans,
                freeze: freeze?,
                rollout_timeout: rollout_timeout?,
                soak: soak?,
                cooldown: cooldown?,
            };
            Ok(Self {
                common: common?,
                policy,
                pace: pace?,
            })
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::SignedDuration;

    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("LAMPLIGHTER_DEPLOYMENT", "lamplighter"),
        ("LAMPLIGHTER_CLUSTER", "blue"),
        ("LAMPLIGHTER_CLUSTER_ACCESS", "eks"),
        (
            "LAMPLIGHTER_DEAD_LETTER_QUEUE_URL",
            "https://sqs.eu-central-1.amazonaws.com/111122223333/failed",
        ),
    ];

    pub(crate) fn config() -> Config {
        read(&[]).unwrap()
    }

    pub(crate) fn read(changes: &[(&str, &str)]) -> Result<Config, Invalid> {
        let value = |table: &[(&str, &str)], name: &str| {
            let entry = table.iter().find(|(key, _)| *key == name);
            entry.map(|(_, value)| (*value).to_owned())
        };
        Config::read(|name| value(changes, name).or_else(|| value(&GOOD, name)))
    }

    #[test]
    fn every_setting_reaches_the_policy() {
        let set = [
            ("LAMPLIGHTER_IMAGE_TIME_ZONE", "Europe/Berlin"),
            ("LAMPLIGHTER_IMAGE_WEEKDAYS", "Mon-Fri"),
            ("LAMPLIGHTER_IMAGE_FREEZE", "12:00-13:00"),
            ("LAMPLIGHTER_IMAGE_ROLLOUT_TIMEOUT_SECONDS", "120"),
            ("LAMPLIGHTER_IMAGE_SOAK_SECONDS", "0"),
            ("LAMPLIGHTER_IMAGE_COOLDOWN_SECONDS", "30"),
            ("LAMPLIGHTER_IMAGE_SWEEP_MINUTES", "2"),
        ];
        let Config { policy, pace, .. } = read(&set).unwrap();
        assert_eq!(policy.rollout_timeout, SignedDuration::from_secs(120));
        assert_eq!(policy.soak, SignedDuration::ZERO);
        assert_eq!(policy.cooldown, SignedDuration::from_secs(30));
        let freeze = policy.freeze.unwrap();
        assert!(
            freeze.contains("2026-11-26T11:30:00Z".parse().unwrap()),
            "noon in Berlin"
        );
        assert!(
            !freeze.contains("2026-11-28T11:30:00Z".parse().unwrap()),
            "a Saturday"
        );
        assert_eq!(pace, "2".parse().unwrap());
        let usual = config();
        assert_eq!(
            (usual.policy.soak, usual.policy.freeze),
            (Policy::default().soak, None)
        );
        assert_eq!(usual.pace, "5".parse().unwrap());
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let wrong = [
            ("LAMPLIGHTER_IMAGE_TIME_ZONE", "Europe/Berlni"),
            ("LAMPLIGHTER_IMAGE_WEEKDAYS", "Mon-Fry"),
            ("LAMPLIGHTER_IMAGE_FREEZE", "weekends"),
            ("LAMPLIGHTER_IMAGE_ROLLOUT_TIMEOUT_SECONDS", "10m"),
            ("LAMPLIGHTER_IMAGE_SOAK_SECONDS", "-1"),
            ("LAMPLIGHTER_IMAGE_COOLDOWN_SECONDS", "soon"),
            ("LAMPLIGHTER_IMAGE_SWEEP_MINUTES", "0"),
        ];
        let error = read(&wrong).unwrap_err().to_string();
        for (variable, _) in wrong {
            assert!(error.contains(variable), "{variable}: {error}");
        }
    }
}
