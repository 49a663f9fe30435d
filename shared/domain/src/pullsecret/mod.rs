//! Keeping the Secret fresh by which pods pull from ECR, where the kubelet can't do it itself.
//!
//! # Expected flow
//! 1. [`Choice`] says which namespaces get it; each is looked at: the Secret, and the service accounts that are to pull by it.
//! 2. [`plan()`] says for each namespace what is to be done, and of which regions tokens are needed: each of them once, however
//!    many namespaces wait for it.
//! 3. [`compose()`] puts the new content together from the old one and the tokens that could be had.
//! 4. What was written says when it expires; it is looked at again at the next tick.
//!
//! # Guarantees
//! - Nothing is decided but by the Secret as it was read: a crash after any step, a duplicate or a lost event all come down to
//!   calling [`plan()`] again.
//! - A Secret that is not ours is not touched, before a person gives it to us.
//! - Entries of other registries in our Secret are kept as they are, and so are fields that we don't know.
//! - A token that can't be had changes no entry: an old one stays, none is emptied, and a Secret without any is not made.
//! - No token is shown by any type here.
//!
//! # Caveats
//! - An entry of ours that somebody replaced by another one of the user `AWS` is not found out before it expires.
//! - A namespace that is no longer chosen keeps its Secret, which expires.

mod accounts;
mod choice;
mod compose;
mod content;
mod display;
mod judge;
mod name;
mod plan;
#[cfg(test)]
mod properties;
mod registry;
mod secret;
mod selector;
#[cfg(test)]
mod tests;
mod token;

pub use accounts::{AccountChange, Act, ServiceAccount, account_change, recorded, wanted};
pub use choice::{Choice, Patterns};
pub use compose::{Draft, compose, record};
pub use content::Content;
pub use judge::{Change, RENEW_BELOW, Refusal, Verdict, Why, judge, remaining};
pub use name::ObjectName;
pub use plan::{Plan, Policy, Sight, Stance, plan, stance};
pub use registry::{Region, Registries, Registry};
pub use secret::{PullSecret, SECRET_TYPE};
pub use selector::Selector;
pub use token::{Password, Token, TokenError};

/// Whose writes these are, in the managed fields of what is written.
pub const FIELD_MANAGER: &str = "lamplighter-pull-secret";
