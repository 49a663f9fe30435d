//! Strict mode: who may have a certificate as which node.
//!
//! The approver of the control plane looks at the form of a request and at the group of who made it, never at
//! the name: any token would do for any node. So a token of ours carries a group that it does not approve, and
//! each request is judged here, against the one machine to which the token was given.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{KubeletRequest, NotAKubelets, TokenId};
use crate::ids::{InstanceId, NodeName};
use crate::machine::{Machine, MachineState};
use crate::node::Node;

/// Who signs client certificates of kubelets.
pub const SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";

/// The group that tokens of ours carry in strict mode. It may post requests; nothing approves them but us.
pub(super) const GROUP: &str = "system:bootstrappers:lamplighter:node";

/// What a kubelet's certificate is for. `client auth` must be among them.
const USAGES: [&str; 3] = ["client auth", "digital signature", "key encipherment"];

/// The longest certificate that is approved: what the control plane's signer gives by default, a year.
const LONGEST: SignedDuration = SignedDuration::from_hours(365 * 24);

/// A request of an unknown token or machine is left alone for so long: another invocation may have issued the
/// token a moment ago, and what AWS lists may lag behind.
const GRACE: SignedDuration = SignedDuration::from_secs(30);

/// A request is left alone for so long while a dead node has its name: the address of a machine that is gone is
/// given to the next one, and whoever clears such nodes away needs its time. A denial would cost the machine
/// more, for a kubelet does not ask again with the same key.
const GRACE_OF_A_DEAD_NODE: SignedDuration = SignedDuration::from_secs(120);

/// A `CertificateSigningRequest`, as far as it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningRequest {
    /// Its name.
    pub name: String,
    /// The version that was seen.
    pub resource_version: String,
    /// When it was posted.
    pub created: Timestamp,
    /// Who is asked to sign.
    pub signer: String,
    /// Who posted it, by the API server's word.
    pub user: String,
    /// The groups of who posted it, by the API server's word.
    pub groups: Vec<String>,
    /// What the certificate is to be used for.
    pub usages: Vec<String>,
    /// For how long, if it says so.
    pub duration: Option<SignedDuration>,
    /// The PKCS#10 request, in PEM.
    pub request: Vec<u8>,
    /// Whether it was decided already.
    pub decision: Decision,
}

/// What was decided about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Pending,
    /// It may be signed, or was.
    Approved,
    /// It may not, or could not be.
    Refused,
}

/// To whom a token was given.
#[derive(Debug, Clone)]
pub enum Holder<'a> {
    /// No token of that id is out.
    Nobody,
    /// More than one machine has a parameter that names this token.
    Several(Vec<InstanceId>),
    /// This machine.
    Machine {
        /// Its id.
        instance: &'a InstanceId,
        /// Whether it waits at our launch hook.
        waits: bool,
        /// What EC2 says of it.
        machine: Option<&'a Machine>,
        /// The name that its node must have.
        name: Option<&'a NodeName>,
        /// The node that has this name already, if there is one.
        node: Option<&'a Node>,
    },
}

/// What is to be done about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The certificate is for that node.
    Approve(NodeName),
    /// It is not to be signed.
    Deny(Denial),
    /// It is not ours to decide, or not yet.
    Leave,
}

/// Why a request is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// It is for another signer.
    Signer(String),
    /// No token of that id is out.
    UnknownToken(TokenId),
    /// The token names more than one machine.
    Ambiguous(Vec<InstanceId>),
    /// The machine does not wait to be put in service.
    NotWaiting(InstanceId),
    /// The machine does not run.
    NotRunning(InstanceId, Option<MachineState>),
    /// EC2 tells no name for its node.
    Nameless(InstanceId),
    /// It is not what a kubelet asks for.
    Form(NotAKubelets),
    /// It is for another node.
    OtherNode {
        /// Which one.
        asked: String,
        /// The one of the token.
        expected: NodeName,
    },
    /// It asks for other usages.
    Usages(Vec<String>),
    /// It asks for a longer life.
    TooLong(SignedDuration),
    /// The token was used for this other request already.
    Used(String),
    /// The node of that name is ready.
    Ready(NodeName),
    /// The node of that name runs on another machine.
    Taken(NodeName, String),
}

/// Decides about `request`, of which `all` are the others that the cluster has.
pub fn judge(
    request: &SigningRequest,
    all: &[SigningRequest],
    holder: &Holder<'_>,
    now: Timestamp,
) -> Verdict {
    let Some(token) = request.token() else {
        return Verdict::Leave;
    };
    if request.decision != Decision::Pending {
        return Verdict::Leave;
    }
    let age = now.duration_since(request.created).max(SignedDuration::ZERO);
    let suits = suits(request, &token, holder).and_then(|name| match first(request, all, holder) {
        Some(first) => Err(Denial::Used(first.name.clone())),
        None => Ok(name),
    });
    match suits {
        Err(denial) if age < denial.grace() => Verdict::Leave,
        Err(denial) => Verdict::Deny(denial),
        Ok(name) => Verdict::Approve(name.clone()),
    }
}

/// The request for which the token counts as used: one that is approved, or will be before this one. What is
/// going to be denied uses up nothing, or anybody with the token could lock its machine out.
fn first<'a>(
    request: &SigningRequest,
    all: &'a [SigningRequest],
    holder: &Holder<'_>,
) -> Option<&'a SigningRequest> {
    let token = request.token()?;
    let counts = |other: &SigningRequest| match other.decision {
        Decision::Approved => true,
        Decision::Pending => other.is_before(request) && suits(other, &token, holder).is_ok(),
        Decision::Refused => false,
    };
    all.iter()
        .find(|other| other.name != request.name && other.user == request.user && counts(other))
}

impl SigningRequest {
    /// The token with which it was posted, if that is one of ours: of our group, whoever issued it.
    pub fn token(&self) -> Option<TokenId> {
        let ours = self.groups.iter().any(|group| group == GROUP);
        ours.then(|| TokenId::of_user(&self.user)).flatten()
    }

    /// Whether it came before `other`; of two of one second, the first by name.
    fn is_before(&self, other: &Self) -> bool {
        (self.created, &self.name) < (other.created, &other.name)
    }
}

/// Whether the request, by itself, is the one of the token's machine for its own node.
fn suits<'a>(request: &SigningRequest, token: &TokenId, holder: &Holder<'a>) -> Result<&'a NodeName, Denial> {
    if request.signer != SIGNER {
        return Err(Denial::Signer(request.signer.clone()));
    }
    let (instance, waits, machine, name, node) = match holder {
        Holder::Nobody => return Err(Denial::UnknownToken(token.clone())),
        Holder::Several(instances) => return Err(Denial::Ambiguous(instances.clone())),
        Holder::Machine {
            instance,
            waits,
            machine,
            name,
            node,
        } => (*instance, *waits, *machine, *name, *node),
    };
    if !waits {
        return Err(Denial::NotWaiting(instance.clone()));
    }
    let state = machine.map(|machine| &machine.state);
    if !matches!(state, Some(MachineState::Pending | MachineState::Running)) {
        return Err(Denial::NotRunning(instance.clone(), state.cloned()));
    }
    let expected = name.ok_or_else(|| Denial::Nameless(instance.clone()))?;
    let asked = KubeletRequest::parse(&request.request)
        .map_err(Denial::Form)?
        .node;
    if asked != expected.as_str() {
        return Err(Denial::OtherNode {
            asked,
            expected: expected.clone(),
        });
    }
    check_terms(request)?;
    match node {
        Some(node) if node.ready.is_some_and(|ready| ready.is_ready) => Err(Denial::Ready(expected.clone())),
        Some(node) if !node.is_silent() && node.instance.as_ref() != Some(instance) => Err(Denial::Taken(
            expected.clone(),
            node.provider_id.clone().unwrap_or_default(),
        )),
        Some(_) | None => Ok(expected),
    }
}

fn check_terms(request: &SigningRequest) -> Result<(), Denial> {
    let known = |usage: &String| USAGES.contains(&usage.as_str());
    if !request.usages.iter().all(known) || !request.usages.iter().any(|usage| usage == "client auth") {
        return Err(Denial::Usages(request.usages.clone()));
    }
    match request.duration {
        Some(duration) if duration > LONGEST => Err(Denial::TooLong(duration)),
        Some(_) | None => Ok(()),
    }
}

impl Denial {
    /// For how long a request is left alone rather than denied: a denial is final for the kubelet, and what it
    /// rests on may only not be known yet.
    const fn grace(&self) -> SignedDuration {
        match self {
            Self::UnknownToken(_) | Self::NotRunning(_, None) => GRACE,
            Self::Taken(..) => GRACE_OF_A_DEAD_NODE,
            _ => SignedDuration::ZERO,
        }
    }

    /// One word for it, as a condition's reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Signer(_) => "WrongSigner",
            Self::UnknownToken(_) => "UnknownToken",
            Self::Ambiguous(_) => "AmbiguousToken",
            Self::NotWaiting(_) => "InstanceNotWaiting",
            Self::NotRunning(..) => "InstanceNotRunning",
            Self::Nameless(_) => "NoNodeName",
            Self::Form(_) => "NotAKubeletRequest",
            Self::OtherNode { .. } => "OtherNode",
            Self::Usages(_) => "WrongUsages",
            Self::TooLong(_) => "TooLong",
            Self::Used(_) => "TokenUsed",
            Self::Ready(_) => "NodeReady",
            Self::Taken(..) => "NodeOfAnotherInstance",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signer(signer) => write!(f, "signer {signer:?}: a token is for {SIGNER} alone"),
            Self::UnknownToken(token) => write!(f, "token {token} is not given to any instance"),
            Self::Ambiguous(instances) => {
                let ids: Vec<&str> = instances.iter().map(InstanceId::as_str).collect();
                write!(
                    f,
                    "the token is that of more than one instance: {}",
                    ids.join(", ")
                )
            }
            Self::NotWaiting(instance) => write!(f, "instance {instance} does not wait to be put in service"),
            Self::NotRunning(instance, Some(state)) => write!(f, "instance {instance} is {state}"),
            Self::NotRunning(instance, None) => write!(f, "EC2 knows no instance {instance}"),
            Self::Nameless(instance) => write!(f, "instance {instance} has no name for a node"),
            Self::Form(problem) => problem.fmt(f),
            Self::OtherNode { asked, expected } => {
                write!(f, "the request is for node {asked:?}, the token for {expected}")
            }
            Self::Usages(usages) => {
                write!(
                    f,
                    "usages {usages:?}: expected {USAGES:?}, client auth among them"
                )
            }
            Self::TooLong(duration) => write!(
                f,
                "a certificate for {} s: expected at most {} s",
                duration.as_secs(),
                LONGEST.as_secs()
            ),
            Self::Used(other) => write!(f, "the token was used already, for request {other}"),
            Self::Ready(node) => write!(f, "node {node} is ready"),
            Self::Taken(node, provider_id) => write!(f, "node {node} runs on {provider_id}"),
        }
    }
}

#[cfg(test)]
mod tests;
