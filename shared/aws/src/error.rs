//! What goes wrong with a call, told without the SDK's types.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use domain::failure::{Class, Classified};

/// Codes by which services say "later", whatever the HTTP status. Beside them counts every code that
/// contains `Throttl`, which services spell in half a dozen ways.
const LATER: [&str; 7] = [
    "InternalException", // EventBridge, of one event among several
    "InternalFailure",   // the same, as other services spell it
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "TooManyRequestsException",
];

/// Codes by which services say that another change of the same thing is going on.
const BUSY: [&str; 5] = [
    "InvalidDBInstanceState",      // RDS: it is not available, or not stopped, just now
    "InvalidDBInstanceStateFault", // the same, by the name that its shape has
    "ResourceContention",          // Auto Scaling
    "ResourceInUseException",      // EKS: an update of the node group
    "ScalingActivityInProgress",   // Auto Scaling
];

/// Codes by which services say that a permission is missing.
const DENIED: [&str; 4] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedOperation",
];

/// A call that failed. Each variant names the operation and what it was about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service answered with an error. For a missing permission `message` names it, in AWS's words.
    #[error("{operation} for {subject}: {code}: {message}")]
    Refused {
        /// As IAM calls it, for example `autoscaling:CompleteLifecycleAction`.
        operation: &'static str,
        /// The resource.
        subject: String,
        /// The error code, for example `AccessDenied`.
        code: String,
        /// What AWS says about it.
        message: String,
        /// Whether it may work later.
        class: Class,
    },
    /// No answer: the service can't be reached or took too long.
    #[error("{operation} for {subject}: no answer")]
    Unanswered {
        /// As IAM calls it.
        operation: &'static str,
        /// The resource.
        subject: String,
        /// Why.
        source: Cause,
    },
    /// The request was never sent: no credentials, no region, a value that can't be sent.
    #[error("{operation} for {subject}: request not sent")]
    NotSent {
        /// As IAM calls it.
        operation: &'static str,
        /// The resource.
        subject: String,
        /// Why.
        source: Cause,
    },
    /// The answer is not what the service documents.
    #[error("{operation} for {subject}: unexpected answer: {reason}")]
    Unexpected {
        /// As IAM calls it.
        operation: &'static str,
        /// The resource.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a library said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Whether a permission is missing.
    pub fn is_access_denied(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if DENIED.contains(&code.as_str()))
    }

    /// Whether the thing is being changed already, by us or by somebody else. It is transient, and nothing to be
    /// alarmed about before it lasts.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if BUSY.contains(&code.as_str()))
    }

    /// Whether the service refused with this code.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Refused { class, .. } => *class,
            Self::Unanswered { .. } => Class::Transient,
            Self::NotSent { .. } | Self::Unexpected { .. } => Class::Permanent,
        }
    }
}

/// A call under way: what an error of it must name.
#[derive(Debug, Clone)]
pub struct Call {
    operation: &'static str,
    subject: String,
}

impl Call {
    /// A call of `operation`, as IAM calls it, about `subject`.
    pub fn new(operation: &'static str, subject: impl std::fmt::Display) -> Self {
        Self {
            operation,
            subject: subject.to_string(),
        }
    }

    /// The SDK's error as ours.
    pub fn failed<E>(self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let Self { operation, subject } = self;
        let status = error.raw_response().map(|response| response.status().as_u16());
        match error {
            SdkError::ServiceError(answer) => {
                let code = answer
                    .err()
                    .code()
                    .map_or_else(|| http_status(status), str::to_owned);
                let message = answer.err().message().unwrap_or("no message").to_owned();
                let class = class_of(&code, status);
                Error::Refused {
                    operation,
                    subject,
                    code,
                    message,
                    class,
                }
            }
            SdkError::ResponseError(_) if status.is_some_and(|status| status >= 400) => {
                let code = http_status(status);
                let class = class_of(&code, status);
                let message = "an answer that is not the service's own".to_owned();
                Error::Refused {
                    operation,
                    subject,
                    code,
                    message,
                    class,
                }
            }
            SdkError::ResponseError(answer) => {
                let reason = cause(SdkError::<E, _>::ResponseError(answer)).to_string();
                Error::Unexpected {
                    operation,
                    subject,
                    reason,
                }
            }
            SdkError::DispatchFailure(failure) if failure.is_user() => Error::NotSent {
                operation,
                subject,
                source: cause(SdkError::<E, _>::DispatchFailure(failure)),
            },
            unsent @ SdkError::ConstructionFailure(_) => Error::NotSent {
                operation,
                subject,
                source: cause(unsent),
            },
            unanswered => Error::Unanswered {
                operation,
                subject,
                source: cause(unanswered),
            },
        }
    }

    /// The request can't be made.
    pub fn not_sent(&self, source: impl Into<Cause>) -> Error {
        Error::NotSent {
            operation: self.operation,
            subject: self.subject.clone(),
            source: source.into(),
        }
    }

    /// The service refuses a part of what was asked for, within an answer that is none.
    pub fn refused(&self, code: &str, message: &str) -> Error {
        self.refusal(code, None, message)
    }

    /// Somebody refuses with nothing but a status of HTTP.
    pub fn refused_with(&self, status: u16, message: &str) -> Error {
        self.refusal(&http_status(Some(status)), Some(status), message)
    }

    fn refusal(&self, code: &str, status: Option<u16>, message: &str) -> Error {
        Error::Refused {
            operation: self.operation,
            subject: self.subject.clone(),
            code: code.to_owned(),
            message: message.to_owned(),
            class: class_of(code, status),
        }
    }

    /// The answer broke off.
    pub fn unanswered(&self, source: impl Into<Cause>) -> Error {
        Error::Unanswered {
            operation: self.operation,
            subject: self.subject.clone(),
            source: source.into(),
        }
    }

    /// An answer that lacks what it must have, or has what can't be.
    pub fn unexpected(&self, reason: impl std::fmt::Display) -> Error {
        Error::Unexpected {
            operation: self.operation,
            subject: self.subject.clone(),
            reason: reason.to_string(),
        }
    }

    /// What must be in an answer.
    pub fn must<T>(&self, field: &str, value: Option<T>) -> Result<T, Error> {
        value.ok_or_else(|| self.unexpected(format!("no {field}")))
    }
}

fn class_of(code: &str, status: Option<u16>) -> Class {
    let server = status.is_some_and(|status| status >= 500 || status == 429);
    if server || code.contains("Throttl") || LATER.contains(&code) || BUSY.contains(&code) {
        Class::Transient
    } else {
        Class::Permanent
    }
}

fn http_status(status: Option<u16>) -> String {
    status.map_or_else(|| "no code".to_owned(), |status| format!("HTTP {status}"))
}

/// What is behind the SDK's own, empty words ("dispatch failure").
pub(crate) fn cause<E>(error: SdkError<E, HttpResponse>) -> Cause
where
    E: std::error::Error + Send + Sync + 'static,
{
    error
        .into_source()
        .unwrap_or_else(|opaque| opaque.to_string().into())
}
