//! The settings of the functions, so that what is shown here is what they would decide.

use std::collections::BTreeMap;

use domain::ids::{ClusterName, HookName};
use domain::{join, label};
use function::Common;
use runtime::env::Reader;
use serde::Deserialize;

use crate::args::Shared;
use crate::exit::Error;

/// Stands for the key that encrypts tokens, where nothing is encrypted.
pub(crate) const NO_KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/none";

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
        let file = match &shared.settings {
            None => BTreeMap::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
                variables(&text).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?
            }
        };
        Ok(Self { cluster, file })
    }

    /// Those of a cluster of which nothing else is said.
    #[cfg(test)]
    pub(crate) const fn of(cluster: ClusterName) -> Self {
        Self {
            cluster,
            file: BTreeMap::new(),
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
            "LAMPLIGHTER_CLUSTER" => return Some(self.cluster.to_string()),
            "LAMPLIGHTER_HOOK_NAME" => return Some(hook.to_string()),
            _ => {}
        }
        let filled_in = || FILLED_IN.iter().find(|(key, _)| *key == name);
        self.file
            .get(name)
            .cloned()
            .or_else(|| function::config::variable(name))
            .or_else(|| filled_in().map(|(_, value)| (*value).to_owned()))
    }
}

impl Settings {
    /// What every function is told, for the one whose hook is `hook`.
    pub(crate) fn common(&self, hook: &HookName) -> Result<Common, Error> {
        let mut env = Reader::new(|name: &str| self.variable(hook, name));
        let common = Common::read(&mut env);
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
            file: variables(r#"{"LAMPLIGHTER_CLUSTER":"green","LAMPLIGHTER_HOOK_NAME":"theirs","A":"file"}"#)
                .unwrap(),
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
            file: variables(r#"{"LAMPLIGHTER_JOIN_MODE":"lax"}"#).unwrap(),
            ..settings
        };
        let error = wrong.policies(&hook).unwrap_err().to_string();
        assert!(error.contains("LAMPLIGHTER_JOIN_MODE"), "{error}");
    }
}
