//! When a resource is asleep and when it is awake: time spans, named schedules, holidays and overrides, and the
//! one question about them, [`desired`].
//!
//! The grammar of [`Spans`] is that of the Go kube-downscaler, so that what people wrote for it means the same
//! here, with one difference and one addition. Where it compares what a wall clock shows, every edge here is an
//! instant that happens once: one in a repeated hour at its first occurrence, one in a skipped hour at the jump.
//! And a span may be anchored: `Fri 20:00-Mon 08:00 Europe/Berlin` is one interval a week.
//!
//! Nothing here reads a clock, so that a late, lost or repeated trigger changes nothing: whoever is called asks
//! what should be now.
//!
//! ```
//! use domain::schedule::{Context, Rules, Scope, State, desired, edges};
//! use std::collections::BTreeMap;
//!
//! let context = Context::parse(Some("Europe/Berlin"), None, "office=Mon-Fri 08:00-20:00", "2026-12-25")?;
//! let annotations = BTreeMap::from([("schedule", "office")]);
//! let namespace = Scope::read("namespace shop", |key| annotations.get(key).copied(), &context)?;
//! let rules = Rules::of(vec![namespace]);
//!
//! let now = "2026-11-26T12:00:00Z".parse()?;
//! let decision = desired(&rules, &context.holidays, now);
//! assert_eq!(decision.state, State::Up);
//! assert_eq!(
//!     decision.reason,
//!     "inside uptime Mon-Fri 08:00-20:00 (schedule office) of namespace shop until 2026-11-26T19:00:00Z"
//! );
//! let week = edges(&rules, &context.holidays, now, "2026-12-03T12:00:00Z".parse()?);
//! assert_eq!(week.len(), 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod context;
mod decision;
mod edges;
mod error;
mod holidays;
mod moment;
mod reason;
mod rules;
mod scope;
mod spans;
mod text;
mod weekly;
mod zone;

#[cfg(test)]
mod tests;

pub use clock::Weekdays;
pub use context::{Context, ContextError, Named, Schedule};
pub use decision::{Decision, State, desired};
pub use edges::{Edge, Mark, edges, marks, was_up_between};
pub use error::{Rule, SpanError};
pub use holidays::Holidays;
pub use rules::Rules;
pub use scope::{KEYS, Scope, SettingError, SettingProblem};
pub use spans::{Defaults, Spans};
pub use zone::Zone;
