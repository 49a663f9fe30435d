//! What the deployment says: one environment variable for each knob of the template.

use access::Way;
use domain::ids::{ClusterName, HookName};
use runtime::env::{Invalid, Reader};
use runtime::telemetry::parse_level;
use tracing::level_filters::LevelFilter;

/// The function's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `LAMPLIGHTER_DEPLOYMENT`: the deployment's id, for the metrics.
    pub deployment: String,
    /// `LAMPLIGHTER_CLUSTER`: the cluster. Groups whose tag `lamplighter:cluster` says otherwise are not touched.
    pub cluster: ClusterName,
    /// `LAMPLIGHTER_CLUSTER_ACCESS` and what belongs to it: the way in.
    pub access: Way,
    /// `LAMPLIGHTER_HOOK_NAME`: the terminate hook that is ours, in every enrolled group.
    pub hook: HookName,
    /// `LAMPLIGHTER_DEAD_LETTER_QUEUE_URL`: where messages that nobody can read are parked.
    pub dead_letter_queue_url: String,
    /// `LAMPLIGHTER_DRY_RUN`, `false` unless set: whether to say what would be done, and to do nothing.
    pub dry_run: bool,
    /// `LAMPLIGHTER_LOG_LEVEL`, `INFO` unless set: the least severe log line that is written.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads the environment. The error names every variable that is missing or wrong.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of this function that reads its environment"
    )]
    pub fn from_env() -> Result<Self, Invalid> {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
        let text = |text: &str| Ok::<_, String>(text.to_owned());
        let mut env = Reader::new(get);
        let deployment = env.required("LAMPLIGHTER_DEPLOYMENT", "the deployment's id", text);
        let cluster = env.required("LAMPLIGHTER_CLUSTER", "the cluster's name", |text| {
            ClusterName::parse(text)
        });
        let access = Way::read(&mut env);
        let hook = env.required("LAMPLIGHTER_HOOK_NAME", "a lifecycle hook's name", |text| {
            HookName::parse(text)
        });
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
        env.finish(|| {
            Ok(Self {
                deployment: deployment?,
                cluster: cluster?,
                access: access?,
                hook: hook?,
                dead_letter_queue_url: queue?,
                dry_run: dry_run?,
                log_level: log_level?,
            })
        })
    }
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

    pub(crate) fn config() -> Config {
        read(&[]).unwrap()
    }

    fn read(changes: &[(&str, &str)]) -> Result<Config, Invalid> {
        Config::read(|name| {
            let of = |table: &[(&str, &str)]| {
                table
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, v)| (*v).to_owned())
            };
            of(changes).or_else(|| of(&GOOD))
        })
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
