//! The annotations by which a pod of a scenario says how it behaves; `kwok/*.yaml` obeys them.

/// How long the containers take to start: a Go duration such as `"2s"`. 300 ms without it.
pub const STARTS_AFTER: &str = "world.lamplighter.dev/starts-after";

/// How long a running pod takes to become ready: a Go duration, or `"never"`. 200 ms without it.
pub const READY_AFTER: &str = "world.lamplighter.dev/ready-after";

/// How long a pod takes to stop after SIGTERM, in seconds: `"3s"`, `"0.2s"`. Half a second without it, and
/// never longer than the grace period. [`NEVER`], like anything that is not a number of seconds, ignores
/// SIGTERM: the pod is killed at the end of its grace. As the API stores deletions in whole seconds, up to
/// one second is added, and nothing is ever taken off.
pub const STOPS_AFTER: &str = "world.lamplighter.dev/stops-after";

/// How long a ready pod runs before it ends with success: a Go duration. A pod of a Job needs no annotation
/// and takes 1 s.
pub const COMPLETES_AFTER: &str = "world.lamplighter.dev/completes-after";

/// How the containers of a pod fail: the [word](crate::Failure::word) of a failure, or [`NOTHING`]. Without it their images
/// say. A pod that never started starts as soon as nothing is in its way any more.
pub const FAILS: &str = "world.lamplighter.dev/fails";

/// The value of [`FAILS`] for a pod that starts and stays whatever its image is.
pub const NOTHING: &str = "nothing";

/// Which digest the tags of a pod's images had when they were pulled, for images that name none: `"sha256:…"`. Without it
/// such a container has no `imageID`.
pub const RESOLVES_TO: &str = "world.lamplighter.dev/resolves-to";

/// The value of [`READY_AFTER`] and [`STOPS_AFTER`] for "not at all".
pub const NEVER: &str = "never";
