//! What the deployment says: the settings that all functions have, and the policy for pull secrets.

use domain::ids::InvalidId;
use domain::pullsecret::{Choice, ObjectName, Patterns, Policy, Registries, Selector};
use function::Common;
use runtime::env::{Invalid, Reader};

/// The function's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// What all functions have.
    pub common: Common,
    /// Which registries, in which namespaces.
    pub policy: Policy,
}

impl Config {
    /// Reads the environment. The error names every variable that is missing or wrong.
    pub fn from_env() -> Result<Self, Invalid> {
        Self::read(function::config::variable)
    }

    /// | variable | unless set | |
    /// | --- | --- | --- |
    /// | `LAMPLIGHTER_PULL_REGISTRIES` | | hosts of ECR, with commas or spaces between them |
    /// | `LAMPLIGHTER_PULL_NAMESPACES` | none | names and globs of namespaces that get the Secret |
    /// | `LAMPLIGHTER_PULL_SELECTOR` | none | labels of namespaces that get it too; one of the two must be set |
    /// | `LAMPLIGHTER_PULL_EXCLUDE` | none | names and globs of namespaces that never do |
    /// | `LAMPLIGHTER_PULL_SECRET_NAME` | `lamplighter-ecr` | the name of the Secret |
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
        let mut env = Reader::new(get);
        let common = Common::read(&mut env);
        let registries = env.required(
            "LAMPLIGHTER_PULL_REGISTRIES",
            "hosts like 111122223333.dkr.ecr.eu-central-1.amazonaws.com",
            Registries::parse,
        );
        let selector = env.optional(
            "LAMPLIGHTER_PULL_SELECTOR",
            "a label selector like team=shop,!archived",
            Selector::parse,
        );
        let (variable, expected) = (
            "LAMPLIGHTER_PULL_NAMESPACES",
            "names or globs of namespaces, where LAMPLIGHTER_PULL_SELECTOR chooses none",
        );
        let names = if matches!(selector, Ok(None)) {
            env.required(variable, expected, chosen)
        } else {
            env.or(variable, Patterns::default(), expected, Patterns::parse)
        };
        let exclude = env.or(
            "LAMPLIGHTER_PULL_EXCLUDE",
            Patterns::default(),
            "names or globs of namespaces",
            Patterns::parse,
        );
        let name = env.optional("LAMPLIGHTER_PULL_SECRET_NAME", "the name of a Secret", |text| {
            ObjectName::parse("secret", text)
        });
        env.finish(|| {
            let policy = Policy {
                name: name?.unwrap_or_else(ObjectName::usual_secret),
                registries: registries?,
                choice: Choice {
                    names: names?,
                    selector: selector?,
                    exclude: exclude?,
                },
            };
            Ok(Self {
                common: common?,
                policy,
            })
        })
    }
}

/// At least one: a list of nothing is a mistake where nothing else chooses.
fn chosen(text: &str) -> Result<Patterns, InvalidId> {
    let patterns = Patterns::parse(text)?;
    if patterns == Patterns::default() {
        return Err(InvalidId {
            what: "namespaces",
            value: text.to_owned(),
            expected: "at least one name or glob",
        });
    }
    Ok(patterns)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const REGISTRIES: &str = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";

    const GOOD: [(&str, &str); 6] = [
        ("LAMPLIGHTER_DEPLOYMENT", "lamplighter"),
        ("LAMPLIGHTER_CLUSTER", "blue"),
        ("LAMPLIGHTER_CLUSTER_ACCESS", "eks"),
        (
            "LAMPLIGHTER_DEAD_LETTER_QUEUE_URL",
            "https://sqs.eu-central-1.amazonaws.com/111122223333/failed",
        ),
        ("LAMPLIGHTER_PULL_REGISTRIES", REGISTRIES),
        ("LAMPLIGHTER_PULL_NAMESPACES", "shop*"),
    ];

    pub(crate) fn config(changes: &[(&str, &str)]) -> Config {
        read(changes).unwrap()
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
            ("LAMPLIGHTER_PULL_SELECTOR", "team=shop"),
            ("LAMPLIGHTER_PULL_NAMESPACES", ""),
            ("LAMPLIGHTER_PULL_EXCLUDE", "shop-b"),
            ("LAMPLIGHTER_PULL_SECRET_NAME", "ecr"),
        ];
        let policy = config(&set).policy;
        assert_eq!(policy.name.as_str(), "ecr");
        assert_eq!(policy.choice.selector, Selector::parse("team=shop").ok());
        assert_eq!(policy.choice.exclude, Patterns::parse("shop-b").unwrap());
        assert_eq!(policy.choice.names, Patterns::default());
        let usual = config(&[]).policy;
        assert_eq!(usual.name.as_str(), "lamplighter-ecr");
        assert_eq!(usual.choice.names, Patterns::parse("shop*").unwrap());
        assert_eq!(usual.registries, Registries::parse(REGISTRIES).unwrap());
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let wrong = [
            ("LAMPLIGHTER_PULL_REGISTRIES", "docker.io"),
            ("LAMPLIGHTER_PULL_NAMESPACES", "Shop"),
            ("LAMPLIGHTER_PULL_SELECTOR", "a b"),
            ("LAMPLIGHTER_PULL_EXCLUDE", "a/b"),
            ("LAMPLIGHTER_PULL_SECRET_NAME", "-"),
        ];
        let error = read(&wrong).unwrap_err().to_string();
        for (variable, value) in wrong {
            assert!(
                error.contains(&format!("{variable} is {value:?}")),
                "{variable}: {error}"
            );
        }
    }

    #[test]
    fn a_deployment_that_chooses_no_namespace_is_wrong() {
        for (value, expected) in [("", "is not set"), (" , ", "expected at least one name or glob")] {
            let error = read(&[("LAMPLIGHTER_PULL_NAMESPACES", value)])
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("LAMPLIGHTER_PULL_NAMESPACES") && error.contains(expected),
                "{error}"
            );
        }
    }
}
