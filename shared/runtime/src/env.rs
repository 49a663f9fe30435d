//! Typed configuration from environment variables, with everything that is wrong named at once.
//!
//! Reading goes through a function, so that a test needs no environment:
//!
//! ```
//! use runtime::env::{Reader, seconds};
//!
//! # #[derive(Debug)]
//! struct Config {
//!     cluster: String,
//!     grace: jiff::SignedDuration,
//!     dry_run: bool,
//! }
//!
//! fn config(get: impl Fn(&str) -> Option<String>) -> Result<Config, runtime::env::Invalid> {
//!     let mut env = Reader::new(get);
//!     let cluster = env.required("CLUSTER", "the name of a cluster", |text| Ok::<_, String>(text.to_owned()));
//!     let grace = env.or("GRACE", jiff::SignedDuration::from_secs(30), "whole seconds", seconds);
//!     let dry_run = env.flag("DRY_RUN", false);
//!     env.finish(|| Ok(Config { cluster: cluster?, grace: grace?, dry_run: dry_run? }))
//! }
//!
//! let config = config(|name| (name == "GRACE").then(|| "soon".to_owned()));
//! assert_eq!(
//!     config.unwrap_err().to_string(),
//!     "configuration: CLUSTER is not set: expected the name of a cluster; \
//!      GRACE is \"soon\": expected whole seconds: invalid digit found in string",
//! );
//! ```

use std::fmt::Display;
use std::num::ParseIntError;

use jiff::SignedDuration;

/// Reads variables and remembers what was wrong with them.
pub struct Reader<G> {
    get: G,
    problems: Vec<Problem>,
}

/// What is wrong with one variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It has no value, and no default.
    #[error("{variable} is not set: expected {expected}")]
    Missing {
        /// Its name.
        variable: String,
        /// The rule.
        expected: &'static str,
    },
    /// Its value breaks the rule.
    #[error("{variable} is {value:?}: expected {expected}: {reason}")]
    Invalid {
        /// Its name.
        variable: String,
        /// Its value. No secret is ever in the environment: they are read from Parameter Store.
        value: String,
        /// The rule.
        expected: &'static str,
        /// What the parser said.
        reason: String,
    },
}

/// The configuration can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("configuration: {}", joined(.0))]
pub struct Invalid(Vec<Problem>);

impl Invalid {
    /// Everything that is wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

fn joined(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Stands for a value that is not there because a [`Problem`] was noted in its place. Only a [`Reader`]
/// makes one.
#[derive(Debug)]
pub struct Noted(());

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    /// Reads by `get`: in a function's `config.rs` `|name| std::env::var(name).ok()`, in tests a table.
    pub const fn new(get: G) -> Self {
        Self {
            get,
            problems: Vec::new(),
        }
    }

    /// A variable that must be set.
    pub fn required<T, E: Display>(
        &mut self,
        variable: &str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Noted> {
        match self.optional(variable, expected, parse)? {
            Some(value) => Ok(value),
            None => Err(self.note(Problem::Missing {
                variable: variable.to_owned(),
                expected,
            })),
        }
    }

    /// A variable that may be unset. An empty one counts as unset: a template's empty parameter arrives so.
    pub fn optional<T, E: Display>(
        &mut self,
        variable: &str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Noted> {
        let Some(value) = (self.get)(variable).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        match parse(&value) {
            Ok(parsed) => Ok(Some(parsed)),
            Err(error) => {
                let reason = error.to_string();
                let variable = variable.to_owned();
                Err(self.note(Problem::Invalid {
                    variable,
                    value,
                    expected,
                    reason,
                }))
            }
        }
    }

    /// A variable with a default.
    pub fn or<T, E: Display>(
        &mut self,
        variable: &str,
        default: T,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Noted> {
        Ok(self.optional(variable, expected, parse)?.unwrap_or(default))
    }

    /// `true` or `false`.
    pub fn flag(&mut self, variable: &str, default: bool) -> Result<bool, Noted> {
        self.or(variable, default, "true or false", str::parse::<bool>)
    }

    /// Builds the configuration, or says everything that is wrong. `build` only puts the values together.
    pub fn finish<T>(self, build: impl FnOnce() -> Result<T, Noted>) -> Result<T, Invalid> {
        match build() {
            Ok(config) if self.problems.is_empty() => Ok(config),
            Ok(_) | Err(Noted(())) => Err(Invalid(self.problems)),
        }
    }

    fn note(&mut self, problem: Problem) -> Noted {
        self.problems.push(problem);
        Noted(())
    }
}

/// Parses whole seconds.
pub fn seconds(text: &str) -> Result<SignedDuration, ParseIntError> {
    text.parse::<u32>()
        .map(|seconds| SignedDuration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Config {
        name: String,
        wait: SignedDuration,
        dry_run: bool,
    }

    fn config(variables: &[(&str, &str)]) -> Result<Config, Invalid> {
        let table = variables.to_owned();
        let mut env = Reader::new(|wanted: &str| {
            let found = table.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        });
        let name = env.required("NAME", "a word", |text| {
            if text.contains(' ') {
                Err("it has a space")
            } else {
                Ok(text.to_owned())
            }
        });
        let wait = env.or("WAIT", SignedDuration::from_secs(7), "whole seconds", seconds);
        let dry_run = env.flag("DRY_RUN", false);
        env.finish(|| {
            Ok(Config {
                name: name?,
                wait: wait?,
                dry_run: dry_run?,
            })
        })
    }

    #[test]
    fn what_is_set_is_parsed_and_the_rest_has_its_default() {
        let wait = SignedDuration::from_secs(60);
        assert_eq!(
            config(&[("NAME", "a"), ("WAIT", "60"), ("DRY_RUN", "true")]),
            Ok(Config {
                name: "a".into(),
                wait,
                dry_run: true
            })
        );
        let wait = SignedDuration::from_secs(7);
        assert_eq!(
            config(&[("NAME", "a"), ("WAIT", "")]),
            Ok(Config {
                name: "a".into(),
                wait,
                dry_run: false
            })
        );
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let error = config(&[("WAIT", "-1"), ("DRY_RUN", "yes")]).unwrap_err();
        assert_eq!(error.problems().len(), 3);
        assert_eq!(
            error.to_string(),
            "configuration: NAME is not set: expected a word; \
             WAIT is \"-1\": expected whole seconds: invalid digit found in string; \
             DRY_RUN is \"yes\": expected true or false: provided string was not `true` or `false`"
        );
    }

    #[test]
    fn a_problem_that_nobody_asked_about_still_fails_the_configuration() {
        let mut env = Reader::new(|_: &str| Some("maybe".to_owned()));
        let _ = env.flag("DRY_RUN", false);
        assert!(env.finish(|| Ok(())).is_err());
    }
}
