//! Refusals in AWS's words.

/// An answer with status 400: the request can't be carried out as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct ApiError {
    /// For example `ValidationError`.
    pub(crate) code: &'static str,
    /// In AWS's wording, where that is known.
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }

    /// A parameter that breaks a constraint of the service model, as AWS reports it: with the value, the
    /// parameter's place in lower camel case, and the constraint.
    pub(crate) fn constraint(value: Option<&str>, at: &str, rule: &str) -> Self {
        let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
        Self::validation(format!(
            "1 validation error detected: Value {value} at '{at}' failed to satisfy constraint: {rule}"
        ))
    }

    pub(crate) fn no_group(name: &str) -> Self {
        Self::validation(format!(
            "AutoScalingGroup name not found - AutoScalingGroup: {name} not found"
        ))
    }

    pub(crate) fn no_instance(id: &str) -> Self {
        Self::validation(format!(
            "Instance Id not found - No managed instance found for instance ID: {id}"
        ))
    }
}
