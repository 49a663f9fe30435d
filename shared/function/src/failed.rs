//! What did not work.

use domain::failure::{Class, Classified};
use runtime::error::chain;

use crate::inbox::DecodeError;

/// Something that did not work and that the next tick will try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    /// What may be done about it.
    pub class: Class,
    /// The whole chain of causes; a missing permission is named.
    pub message: String,
    /// Whether it was the cluster that did not do it.
    pub of_cluster: bool,
}

impl Failed {
    /// Nobody but a person can help.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::of(Class::Permanent, message.into())
    }

    /// The same again may work.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::of(Class::Transient, message.into())
    }

    /// The same failure, known to be the cluster's.
    #[must_use]
    pub fn of_cluster(self) -> Self {
        Self {
            of_cluster: true,
            ..self
        }
    }

    const fn of(class: Class, message: String) -> Self {
        Self {
            class,
            message,
            of_cluster: false,
        }
    }
}

impl Classified for Failed {
    fn class(&self) -> Class {
        self.class
    }
}

impl From<&kubernetes::Error> for Failed {
    fn from(error: &kubernetes::Error) -> Self {
        Self::of(error.class(), chain(error)).of_cluster()
    }
}

impl From<kubernetes::Error> for Failed {
    fn from(error: kubernetes::Error) -> Self {
        Self::from(&error)
    }
}

impl From<access::Error> for Failed {
    fn from(error: access::Error) -> Self {
        Self::of(error.class(), chain(&error)).of_cluster()
    }
}

impl From<aws::Error> for Failed {
    fn from(error: aws::Error) -> Self {
        Self::of(error.class(), chain(&error))
    }
}

impl From<DecodeError> for Failed {
    fn from(error: DecodeError) -> Self {
        Self::of(Class::Rejected, chain(&error))
    }
}
