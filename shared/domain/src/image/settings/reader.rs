//! Reading one annotation at a time, and saying what is wrong with it.

use jiff::SignedDuration;
use regex::Regex;

use super::super::choice::{RuleError, wrong_with};
use super::super::workload::Workload;
use crate::keys::ANNOTATION_PREFIX;

/// What people say on a workload can't be read. Nothing is deployed to it then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// How its tag is chosen.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// Something else.
    #[error("{key} {value:?}: expected {expected}")]
    Value {
        /// The key, without its prefix.
        key: &'static str,
        /// What stands there.
        value: String,
        /// The rule.
        expected: String,
    },
}

/// What a workload says for a key without prefix.
pub(in super::super) fn said<'a>(workload: &'a Workload, key: &str) -> Option<&'a str> {
    let name = format!("{ANNOTATION_PREFIX}{key}");
    workload.annotations.get(&name).map(String::as_str)
}

/// The annotations of a workload.
pub(super) struct Reader<'a>(pub(super) &'a Workload);

impl Reader<'_> {
    pub(super) fn read_or<T>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(text) = said(self.0, key) else {
            return Ok(None);
        };
        parse(text).map(Some).map_err(|problem| SettingsError::Value {
            key,
            value: text.to_owned(),
            expected: format!("{expected} ({problem})"),
        })
    }

    pub(super) fn read<T>(
        &self,
        key: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(text) = said(self.0, key) else {
            return Ok(None);
        };
        parse(text).map(Some).ok_or_else(|| SettingsError::Value {
            key,
            value: text.to_owned(),
            expected: expected.to_owned(),
        })
    }

    pub(super) fn duration(&self, key: &'static str) -> Result<Option<SignedDuration>, SettingsError> {
        self.read(key, "a time like 90s, 10m or PT10M", duration)
    }

    pub(super) fn regex(&self, key: &'static str) -> Result<Option<Regex>, SettingsError> {
        self.read_or(key, "a regular expression for names of containers", |text| {
            Regex::new(text).map_err(|error| wrong_with(&error))
        })
    }
}

pub(super) fn duration(text: &str) -> Option<SignedDuration> {
    text.parse().ok().filter(|time| *time >= SignedDuration::ZERO)
}
