//! Reading the part of an event that differs from type to type.

use domain::ids::InvalidId;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Malformed;

/// Reads a detail of this type of event.
pub(crate) fn read<T: DeserializeOwned>(detail_type: &str, value: Value) -> Result<T, Malformed> {
    serde_json::from_value(value).map_err(|error| Malformed::Detail {
        detail_type: detail_type.to_owned(),
        problem: error.to_string(),
    })
}

/// What to say when a detail of this type of event holds something else than its name says.
pub(crate) fn invalid(detail_type: &str) -> impl Fn(InvalidId) -> Malformed + Copy + '_ {
    |problem| Malformed::Identifier {
        detail_type: detail_type.to_owned(),
        problem,
    }
}
