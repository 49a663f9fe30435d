//! Who may call what: a port, answered in the world by the emulator's IAM.

use std::collections::BTreeMap;

use futures::future::BoxFuture;

/// A request exactly as it came, so that its signature can be checked by somebody else.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    /// `POST` or `GET`.
    pub method: String,
    /// Path with query.
    pub path_and_query: String,
    /// Every header in the order in which it came, `Host` included.
    pub headers: Vec<(String, String)>,
    /// The form.
    pub body: Vec<u8>,
}

/// What is asked for, for policies whose condition is a tag of the group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// For example `autoscaling:CompleteLifecycleAction`.
    pub action: String,
    /// The group's ARN, or `*` for operations without resource-level permissions.
    pub resource: String,
    /// The group's tags, as `autoscaling:ResourceTag/<key>` and `aws:ResourceTag/<key>` see them.
    pub resource_tags: BTreeMap<String, String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allowed,
    /// Send this back as it is.
    Refused {
        /// HTTP status, 403 as a rule.
        status: u16,
        /// Of the body.
        content_type: String,
        /// AWS's own wording.
        body: Vec<u8>,
    },
}

/// Authenticates and authorises a request.
pub trait Judge: Send + Sync + 'static {
    /// The verdict on `request`, which asks for `asked`. An error is answered with status 500.
    fn judge<'a>(
        &'a self,
        request: &'a SignedRequest,
        asked: &'a Asked,
    ) -> BoxFuture<'a, Result<Verdict, String>>;
}

/// Allows everybody everything, signed or not: for tests of the endpoint itself.
#[derive(Debug, Clone, Copy)]
pub struct Everyone;

impl Judge for Everyone {
    fn judge<'a>(
        &'a self,
        _request: &'a SignedRequest,
        _asked: &'a Asked,
    ) -> BoxFuture<'a, Result<Verdict, String>> {
        Box::pin(async { Ok(Verdict::Allowed) })
    }
}
