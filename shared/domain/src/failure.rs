//! What may be done about an error.

/// The class of an error. Its name is the `errorType` that Lambda reports, so alarms and queries can rely on
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The same again may work: throttling, a time-out, a server that is away.
    Transient,
    /// Nobody but a person can help: a missing permission, a wrong configuration.
    Permanent,
    /// What came in is not for us, or is malformed.
    Rejected,
}

impl Class {
    /// The name, as `errorType` carries it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "Transient",
            Self::Permanent => "Permanent",
            Self::Rejected => "Rejected",
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error that knows its class.
pub trait Classified: std::error::Error {
    /// The class.
    fn class(&self) -> Class;
}
