//! What can go wrong with a request.

use domain::failure::{Class, Classified};

/// A request that did not do what it was for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server answered, and not with yes.
    #[error("{call}: {message} (status {code})")]
    Refused {
        /// What was asked for, for example `patch node ip-10-0-1-7`.
        call: String,
        /// HTTP status code.
        code: u16,
        /// In the API server's words; for a missing permission they name the verb and the resource.
        message: String,
    },
    /// The API server did not answer, or what it answered could not be read.
    #[error("{call}: no answer")]
    Unanswered {
        /// What was asked for.
        call: String,
        /// Why.
        #[source]
        cause: Box<kube::Error>,
    },
    /// An object lacks what every object of its kind has.
    #[error("{call}: {object} has no {field}")]
    Incomplete {
        /// What was asked for.
        call: String,
        /// Which object.
        object: String,
        /// What it lacks.
        field: &'static str,
    },
}

impl Error {
    pub(crate) fn new(call: impl Into<String>, error: kube::Error) -> Self {
        let call = call.into();
        match error {
            kube::Error::Api(status) => Self::Refused {
                call,
                code: status.code,
                message: status.message.clone(),
            },
            cause => Self::Unanswered {
                call,
                cause: Box::new(cause),
            },
        }
    }

    /// Whether the object has changed since it was seen: look again.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }

    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }

    /// Whether a permission is missing, or we are not known at all.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { code: 401 | 403, .. })
    }

    /// Whether we are not known at all: a new credential may help.
    pub fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::Refused { code: 401, .. })
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Refused {
                code: 409 | 429 | 500..,
                ..
            }
            | Self::Unanswered { .. } => Class::Transient,
            Self::Refused { .. } | Self::Incomplete { .. } => Class::Permanent,
        }
    }
}
