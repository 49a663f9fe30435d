//! The settings that all functions have: one environment variable for each knob of the template.
//!
//! A function that has settings of its own reads them beside these:
//!
//! ```
//! use function::config::{Common, variable};
//! use runtime::env::{Invalid, Reader, seconds};
//!
//! struct Config {
//!     common: Common,
//!     ready: jiff::SignedDuration,
//! }
//!
//! impl Config {
//!     fn from_env() -> Result<Self, Invalid> {
//!         Self::read(variable)
//!     }
//!
//!     fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
//!         let mut env = Reader::new(get);
//!         let common = Common::read(&mut env);
//!         let ready = env.or("READY_SECONDS", jiff::SignedDuration::from_secs(10), "whole seconds", seconds);
//!         env.finish(|| Ok(Self { common: common?, ready: ready? }))
//!     }
//! }
//!
//! assert!(Config::from_env().is_err(), "nothing is set here");
//! ```

use std::ops::{Deref, DerefMut};

use access::Way;
use domain::ids::{ClusterName, HookName};
use runtime::env::{Invalid, Noted, Reader};
use runtime::telemetry::parse_level;
use tracing::level_filters::LevelFilter;

/// What every function is told.
#[derive(Debug, Clone)]
pub struct Common {
    /// `LAMPLIGHTER_DEPLOYMENT`: the deployment's id, for the metrics.
    pub deployment: String,
    /// `LAMPLIGHTER_CLUSTER`: the cluster. Groups whose tag `lamplighter:cluster` says otherwise are not touched.
    pub cluster: ClusterName,
    /// `LAMPLIGHTER_CLUSTER_ACCESS` and what belongs to it: the way in.
    pub access: Way,
    /// `LAMPLIGHTER_DEAD_LETTER_QUEUE_URL`: where messages that nobody can read are parked.
    pub dead_letter_queue_url: String,
    /// `LAMPLIGHTER_DRY_RUN`, `false` unless set: whether to say what would be done, and to do nothing.
    pub dry_run: bool,
    /// `LAMPLIGHTER_LOG_LEVEL`, `INFO` unless set: the least severe log line that is written.
    pub log_level: LevelFilter,
}

/// What every function is told that answers a lifecycle hook.
#[derive(Debug, Clone)]
pub struct Hooked {
    /// What every function is told.
    pub common: Common,
    /// `LAMPLIGHTER_HOOK_NAME`: the lifecycle hook that is ours, in every enrolled group.
    pub hook: HookName,
}

/// Who answers a hook has all that is common too.
impl Deref for Hooked {
    type Target = Common;

    fn deref(&self) -> &Common {
        &self.common
    }
}

impl DerefMut for Hooked {
    fn deref_mut(&mut self) -> &mut Common {
        &mut self.common
    }
}

impl Hooked {
    /// Reads the environment, for a function that has no settings of its own. The error names every variable
    /// that is missing or wrong.
    pub fn from_env() -> Result<Self, Invalid> {
        let mut env = Reader::new(variable);
        let hooked = Self::read(&mut env);
        env.finish(|| hooked)
    }

    /// Reads what is common, and the hook, beside a function's own settings.
    pub fn read<G: Fn(&str) -> Option<String>>(env: &mut Reader<G>) -> Result<Self, Noted> {
        let common = Common::read(env);
        let hook = env.required("LAMPLIGHTER_HOOK_NAME", "a lifecycle hook's name", |text| {
            HookName::parse(text)
        });
        Ok(Self {
            common: common?,
            hook: hook?,
        })
    }
}

impl Common {
    /// Reads what is common beside a function's own settings.
    pub fn read<G: Fn(&str) -> Option<String>>(env: &mut Reader<G>) -> Result<Self, Noted> {
        let text = |text: &str| Ok::<_, String>(text.to_owned());
        let deployment = env.required("LAMPLIGHTER_DEPLOYMENT", "the deployment's id", text);
        let cluster = env.required("LAMPLIGHTER_CLUSTER", "the cluster's name", |text| {
            ClusterName::parse(text)
        });
        let access = Way::read(env);
        let queue = env.required(
            "LAMPLIGHTER_DEAD_LETTER_QUEUE_URL",
            "the URL of an SQS queue",
            text,
        );
        let dry_run = env.flag("LAMPLIGHTER_DRY_RUN", false);
        let log_level = env.or(
            "LAMPLIGHTER_LOG_LEVEL",
            LevelFilter::INFO,
            "a log level",
            parse_level,
        );
        Ok(Self {
            deployment: deployment?,
            cluster: cluster?,
            access: access?,
            dead_letter_queue_url: queue?,
            dry_run: dry_run?,
            log_level: log_level?,
        })
    }
}

/// The value of an environment variable.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads a function's environment"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("LAMPLIGHTER_DEPLOYMENT", "lamplighter"),
        ("LAMPLIGHTER_CLUSTER", "blue"),
        ("LAMPLIGHTER_CLUSTER_ACCESS", "eks"),
        ("LAMPLIGHTER_HOOK_NAME", "lamplighter-node-drain"),
        (
            "LAMPLIGHTER_DEAD_LETTER_QUEUE_URL",
            "https://sqs.eu-central-1.amazonaws.com/111122223333/failed",
        ),
    ];

    pub(crate) fn config() -> Hooked {
        read(&[]).unwrap()
    }

    fn read(changes: &[(&str, &str)]) -> Result<Hooked, Invalid> {
        let mut env = Reader::new(|name: &str| {
            let of = |table: &[(&str, &str)]| {
                table
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, v)| (*v).to_owned())
            };
            of(changes).or_else(|| of(&GOOD))
        });
        let hooked = Hooked::read(&mut env);
        env.finish(|| hooked)
    }

    #[test]
    fn what_is_not_set_has_the_safe_default() {
        let config = config();
        assert!(!config.dry_run && config.log_level == LevelFilter::INFO);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let error = read(&[("LAMPLIGHTER_CLUSTER", "a b"), ("LAMPLIGHTER_DRY_RUN", "perhaps")]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("LAMPLIGHTER_CLUSTER") && text.contains("LAMPLIGHTER_DRY_RUN"),
            "{text}"
        );
    }
}
