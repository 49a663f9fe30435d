//! How the command ends.

use std::fmt::Display;
use std::process::ExitCode;

use domain::schedule::SpanError;

use crate::print;

/// How it ended, unless by an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Fine,
    /// Something needs attention.
    Attention,
    /// Something could not be seen.
    Blind,
}

impl Exit {
    /// The code, as `--help` tells it.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Fine => 0,
            Self::Attention => 1,
            Self::Blind => 3,
        })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line, or a file that it names.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// AWS or the cluster.
    #[error("{0}")]
    Unreachable(String),
}

impl Error {
    /// A text that can't be read, with the place below it.
    pub(crate) fn marked(what: &impl Display, text: &SpanError) -> Self {
        let marked = text.marked().replace('\n', "\n    ");
        Self::Usage(format!("{what}\n    {marked}"))
    }

    /// Says so on standard error, and gives the code, as `--help` tells it.
    pub(crate) fn end(&self) -> ExitCode {
        print::complain(&self.to_string());
        ExitCode::from(match self {
            Self::NotFound(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        })
    }
}

impl From<function::Failed> for Error {
    fn from(failed: function::Failed) -> Self {
        Self::Unreachable(failed.message)
    }
}
