//! A token for one machine, from the moment its launch waits at our hook until its node exists.
//!
//! # Expected flow
//! 1. An instance of an enrolled group waits at our launch hook. [`plan()`] asks for a token: a parameter that
//!    only the instance can read, then the Secret that makes the token valid, then a test that it is.
//! 2. The machine reads its [`Document`], joins with it, and its kubelet posts a request for a certificate.
//!    In strict mode [`judge`] decides about it; nobody else would.
//! 3. As soon as the node exists, the token is spent: [`plan()`] asks for it to be taken back.
//!
//! # Guarantees
//! - A token is issued only for a machine that waits at our hook now, in a group and with an instance profile
//!   that may have one, and never after its window has passed.
//! - What is issued is taken back when the node exists, the machine does not wait any more, or the time is up.
//! - The secret half of a token shows itself nowhere but in [`BootstrapToken::expose`] and
//!   [`Rendered::expose`].
//! - The pins are those of every CA certificate in the bundle that kubeadm will check; no certificate, no
//!   token.
//!
//! # Assumptions
//! - What EC2 tells of a machine is true; what a kubelet or a holder of a token says is not trusted.
//!
//! # Caveats
//! - In compatible mode kubeadm's own approval gives a token's holder a certificate for any node's name.

mod document;
mod group;
mod issued;
mod kubelet_request;
mod pin;
mod plan;
mod request;
mod token;

pub use document::{Document, Endpoint, InvalidEndpoint, KubeadmApi, Rendered, TooLong, Unreadable};
pub use group::serves_the_control_plane;
pub use issued::Issued;
pub use kubelet_request::{KubeletRequest, NotAKubelets};
pub use pin::{NoPins, Pin, pins};
pub use plan::{Cluster, Mode, Observation, Parameter, Place, Plan, Policy, Refusal, Then, node_of, plan};
pub use request::{Decision, Denial, Holder, SIGNER, SigningRequest, Verdict, judge};
pub use token::{BootstrapToken, NoRandomness, Random, TokenId};

use jiff::SignedDuration;

/// How long a token lives unless it is used. As long as Cluster API gives it; slow machines get another one.
pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(15);

/// With this much or less of its life left, a token is replaced. The node's script takes a document only if
/// 180 s are left, so no token goes from under a join that is under way.
pub const REISSUE_BEFORE: SignedDuration = SignedDuration::from_mins(2);
