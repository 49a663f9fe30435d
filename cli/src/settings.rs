//! The settings of the functions, so that what is shown here is what they would decide.

use std::collections::BTreeMap;

use domain::ids::{ClusterName, HookName};
use domain::schedule::Context;
use domain::{join, label};
use function::Hooked;
use runtime::env::Reader;
use serde::Deserialize;

use crate::args::Shared;
use crate::exit::Error;

/// Stands for the key that encrypts tokens, where nothing is encrypted.
pub(crate) const NO_KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/none";

/// The bucket in which sizes are saved.
const BUCKET: &str = "LAMPLIGHTER_BUCKET";

/// Nobody says where sizes are saved.
const NO_BUCKET: &str = "\
the bucket with the saved sizes is not named: by --bucket, or as LAMPLIGHTER_BUCKET by --settings or the environment. \
It is the output OffHoursBucketName of the stack:
    aws cloudformation describe-stacks --stack-name lamplighter \\
      --query \"Stacks[0].Outputs[?OutputKey=='OffHoursBucketName'].OutputValue\" --output text";

/// What a function must be told and a person need not: nothing here depends on it.
const FILLED_IN: [(&str, &str); 4] = [
    ("LAMPLIGHTER_DEPLOYMENT", "lamplighter"),
    ("LAMPLIGHTER_CLUSTER_ACCESS", "eks"),
    ("LAMPLIGHTER_DEAD_LETTER_QUEUE_URL", "none"),
    ("LAMPLIGHTER_JOIN_KEY_ARN", NO_KEY),
];

/// The environment that a function would have.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    cluster: ClusterName,
    told: Told,
}

/// What the command line names itself, the file, and the environment.
#[derive(Debug, Clone, Default)]
struct Told {
    bucket: Option<String>,
    file: BTreeMap<String, String>,
}

/// The file, as the AWS command line prints a function's environment: whole, or its variables alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Environment {
        #[serde(rename = "Variables")]
        variables: BTreeMap<String, String>,
    },
    Variables(BTreeMap<String, String>),
}

/// What the deployment wants of those who join.
#[derive(Debug, Clone)]
pub(crate) struct Policies {
    /// Who gets a token.
    pub(crate) join: join::Policy,
    /// What nodes shall have, and when they may serve.
    pub(crate) label: label::Policy,
}

impl Settings {
    /// As the command line says.
    pub(crate) fn read(shared: &Shared) -> Result<Self, Error> {
        let cluster = shared.cluster.clone().ok_or_else(|| {
            Error::Usage(
                "--cluster is missing: the name in the tag lamplighter:cluster of the groups".to_owned(),
            )
        })?;
        let told = Told::read(shared)?;
        Ok(Self { cluster, told })
    }

    /// Those of a cluster of which nothing else is said.
    #[cfg(test)]
    pub(crate) fn of(cluster: ClusterName) -> Self {
        Self {
            cluster,
            told: Told::default(),
        }
    }

    /// The cluster.
    pub(crate) const fn cluster(&self) -> &ClusterName {
        &self.cluster
    }

    /// The value of a variable, for a function whose hook is `hook`: what the command line says, what the file
    /// says, what the environment says, and what can be filled in.
    pub(crate) fn variable(&self, hook: &HookName, name: &str) -> Option<String> {
        match name {
            "LAMPLIGHTER_HOOK_NAME" => Some(hook.to_string()),
            _ => self.of_all(name),
        }
    }

    /// The same, for a function that answers no hook.
    fn of_all(&self, name: &str) -> Option<String> {
        let filled_in = || FILLED_IN.iter().find(|(key, _)| *key == name);
        match name {
            "LAMPLIGHTER_CLUSTER" => Some(self.cluster.to_string()),
            _ => self
                .told
                .variable(name)
                .or_else(|| filled_in().map(|(_, value)| (*value).to_owned())),
        }
    }
}

impl Told {
    fn read(shared: &Shared) -> Result<Self, Error> {
        let file = match &shared.settings {
            None => BTreeMap::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
                variables(&text).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?
            }
        };
        let bucket = shared.bucket.clone();
        Ok(Self { bucket, file })
    }

    fn variable(&self, name: &str) -> Option<String> {
        let option = (name == BUCKET).then(|| self.bucket.clone()).flatten();
        option
            .or_else(|| self.file.get(name).cloned())
            .or_else(|| function::config::variable(name))
    }
}

/// What spans mean that leave something out, and which days are holidays, by options of a command or else by the
/// settings. It depends on no cluster.
pub(crate) fn hours(
    shared: &Shared,
    zone: Option<&str>,
    weekdays: Option<&str>,
    holidays: Option<&str>,
) -> Result<Context, Error> {
    let told = Told::read(shared)?;
    let of_settings = |name: &str| told.variable(name).filter(|value| !value.is_empty());
    let or = |option: Option<&str>, name: &str| option.map(str::to_owned).or_else(|| of_settings(name));
    let zone = or(zone, "LAMPLIGHTER_HOURS_TIME_ZONE");
    let weekdays = or(weekdays, "LAMPLIGHTER_HOURS_WEEKDAYS");
    let holidays = or(holidays, "LAMPLIGHTER_HOURS_HOLIDAYS").unwrap_or_default();
    let context = Context::parse(zone.as_deref(), weekdays.as_deref(), "", &holidays);
    context.map_err(|error| Error::marked(&error, error.span_error()))
}

impl Settings {
    /// What every function is told, for the one whose hook is `hook`.
    pub(crate) fn common(&self, hook: &HookName) -> Result<Hooked, Error> {
        let mut env = Reader::new(|name: &str| self.variable(hook, name));
        let common = Hooked::read(&mut env);
        env.finish(|| common).map_err(invalid)
    }

    /// What `node-join` is told.
    pub(crate) fn node_join(&self, launch: &HookName) -> Result<node_join::Config, Error> {
        node_join::Config::read(|name| self.variable(launch, name)).map_err(invalid)
    }

    /// What `node-label` is told.
    pub(crate) fn node_label(&self, launch: &HookName) -> Result<node_label::Config, Error> {
        node_label::Config::read(|name| self.variable(launch, name)).map_err(invalid)
    }

    /// What `off-hours` is told.
    pub(crate) fn off_hours(&self) -> Result<off_hours::Config, Error> {
        if !self.has_bucket() {
            return Err(Error::Usage(NO_BUCKET.to_owned()));
        }
        off_hours::Config::read(|name| self.of_all(name)).map_err(invalid)
    }

    /// What `image-deploy` is told.
    pub(crate) fn image_deploy(&self) -> Result<image_deploy::Config, Error> {
        image_deploy::Config::read(|name| self.of_all(name)).map_err(invalid)
    }

    /// Whether anybody says where sizes are saved.
    pub(crate) fn has_bucket(&self) -> bool {
        self.told.variable(BUCKET).is_some_and(|name| !name.is_empty())
    }

    /// What the deployment wants of those who join at the hook `launch`.
    pub(crate) fn policies(&self, launch: &HookName) -> Result<Policies, Error> {
        Ok(Policies {
            join: self.node_join(launch)?.policy,
            label: self.node_label(launch)?.policy,
        })
    }
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::Usage(format!("settings: {error}"))
}

fn variables(text: &str) -> Result<BTreeMap<String, String>, String> {
    let expected = |error| format!("expected the JSON of a function's environment: {error}");
    Ok(match serde_json::from_str(text).map_err(expected)? {
        File::Environment { variables } | File::Variables(variables) => variables,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(file: &str) -> Told {
        Told {
            bucket: None,
            file: variables(file).unwrap(),
        }
    }

    #[test]
    fn a_file_holds_the_environment_or_its_variables_alone() {
        for text in [
            r#"{"Variables":{"LAMPLIGHTER_NODE_LABELS":"team=a"}}"#,
            r#"{"LAMPLIGHTER_NODE_LABELS":"team=a"}"#,
        ] {
            assert_eq!(variables(text).unwrap()["LAMPLIGHTER_NODE_LABELS"], "team=a");
        }
        assert!(variables("[]").unwrap_err().starts_with("expected the JSON"));
    }

    #[test]
    fn what_the_command_line_says_comes_first() {
        let settings = Settings {
            cluster: ClusterName::parse("blue").unwrap(),
            told: told(r#"{"LAMPLIGHTER_CLUSTER":"green","LAMPLIGHTER_HOOK_NAME":"theirs","A":"file"}"#),
        };
        let hook = HookName::parse("ours").unwrap();
        let of = |name: &str| settings.variable(&hook, name);
        assert_eq!(of("LAMPLIGHTER_CLUSTER").as_deref(), Some("blue"));
        assert_eq!(of("LAMPLIGHTER_HOOK_NAME").as_deref(), Some("ours"));
        assert_eq!(of("A").as_deref(), Some("file"));
        assert_eq!(of("LAMPLIGHTER_DEAD_LETTER_QUEUE_URL").as_deref(), Some("none"));
        assert_eq!(of("LAMPLIGHTER_NOTHING_OF_THAT_NAME"), None);
    }

    #[test]
    fn every_function_can_be_set_up_with_nothing_but_the_cluster() {
        let settings = Settings::of(ClusterName::parse("blue").unwrap());
        let hook = HookName::parse("ours").unwrap();
        assert_eq!(settings.common(&hook).unwrap().hook, hook);
        assert_eq!(settings.policies(&hook).unwrap().label, label::Policy::default());
        let wrong = Settings {
            told: told(r#"{"LAMPLIGHTER_JOIN_MODE":"lax"}"#),
            ..settings
        };
        let error = wrong.policies(&hook).unwrap_err().to_string();
        assert!(error.contains("LAMPLIGHTER_JOIN_MODE"), "{error}");
    }

    #[test]
    fn off_hours_needs_a_bucket_besides_and_says_where_to_find_it() {
        let settings = Settings::of(ClusterName::parse("blue").unwrap());
        let error = settings.off_hours().unwrap_err().to_string();
        assert!(
            error.contains("--bucket") && error.contains("OffHoursBucketName"),
            "{error}"
        );
        let named = |bucket: Option<&str>, file: &str| Settings {
            told: Told {
                bucket: bucket.map(str::to_owned),
                ..told(file)
            },
            ..settings.clone()
        };
        let file = r#"{"LAMPLIGHTER_BUCKET":"of-the-file","LAMPLIGHTER_HOURS_TIME_ZONE":"Asia/Kathmandu"}"#;
        let config = named(None, file).off_hours().unwrap();
        assert_eq!(config.bucket, "of-the-file");
        assert_eq!(
            config.policy.context.defaults.zone.unwrap().name(),
            "Asia/Kathmandu"
        );
        assert_eq!(
            named(Some("of-the-option"), file).off_hours().unwrap().bucket,
            "of-the-option"
        );
        assert!(!named(None, r#"{"LAMPLIGHTER_BUCKET":""}"#).has_bucket());
    }
}
