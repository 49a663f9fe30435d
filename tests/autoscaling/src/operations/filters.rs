//! Filters of `DescribeAutoScalingGroups` and `DescribeTags`: several values of one filter are alternatives, several
//! filters must all match.

use crate::error::ApiError;
use crate::wire::Form;

/// A filter: its name and the values of which one must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

impl Filter {
    /// Reads `Filters`. `known` says which names there are, `listed` lists them for the refusal.
    pub(crate) fn parse(
        form: &Form,
        known: impl Fn(&str) -> bool,
        listed: &str,
    ) -> Result<Vec<Self>, ApiError> {
        let filters = form.structures("Filters").into_iter().map(|filter| {
            let name = filter.required("Name")?;
            if !known(&name) {
                return Err(ApiError::validation(format!(
                    "Filter type {name} is not correct. Allowed Filter types are: {listed}"
                )));
            }
            Ok(Self {
                name,
                values: filter.texts("Values").unwrap_or_default(),
            })
        });
        filters.collect()
    }

    /// Whether `value` is one of the values.
    pub(crate) fn accepts(&self, value: &str) -> bool {
        self.values.iter().any(|accepted| accepted == value)
    }
}
