//! What people say on a workload about its images, and what the deployment says for all.

mod reader;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::choice::{self, Rules, Texts};
use super::workload::{Container, Role, Workload};
use crate::schedule::{Defaults, Spans};
use reader::{Reader, duration};

pub use reader::SettingsError;
pub(super) use reader::said;

/// Opts a workload in: the policy by which its tag is chosen.
const POLICY: &str = "image-policy";

/// A regular expression that tags must match.
const FILTER_TAGS: &str = "filter-tags";
/// What of a matching tag is ordered.
const EXTRACT: &str = "extract";
/// Tags that may be chosen.
const ALLOW_TAGS: &str = "allow-tags";
/// Tags that are never chosen.
const IGNORE_TAGS: &str = "ignore-tags";
/// A regular expression for the containers that are ours.
const CONTAINERS: &str = "containers";
/// The same for init containers, none of which is ours otherwise.
const INIT_CONTAINERS: &str = "init-containers";
/// Whether an image is held back that is for other machines.
const ARCHITECTURE: &str = "architecture";
/// Whether an image that fails is taken back.
const ROLLBACK: &str = "rollback";
/// How long a rollout may take.
const ROLLOUT_TIMEOUT: &str = "rollout-timeout";
/// How long a rollout must stay complete before it is called good.
const SOAK: &str = "soak";
/// How long one patch keeps away the next.
const COOLDOWN: &str = "cooldown";
/// How long a container may take to get ready.
const READY_WITHIN: &str = "ready-within";
/// Spans in which nothing is deployed.
const FREEZE: &str = "freeze";
/// What is done about a workload that a delivery tool owns.
const GITOPS: &str = "gitops";
/// Whether, or until when, nothing is deployed.
pub(super) const HOLD: &str = "image-hold";

/// What the deployment says for every workload that says nothing of its own.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The zone and weekdays of spans that name none.
    pub spans: Defaults,
    /// Spans in which nothing is deployed anywhere. Rollbacks are not held up.
    pub freeze: Option<Spans>,
    /// How long a rollout may take.
    pub rollout_timeout: SignedDuration,
    /// How long a rollout must stay complete before it is called good.
    pub soak: SignedDuration,
    /// How long one patch keeps away the next: a burst of pushes becomes few rollouts.
    pub cooldown: SignedDuration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            spans: Defaults::default(),
            freeze: None,
            rollout_timeout: SignedDuration::from_mins(10), // as Kubernetes' own progress deadline
            // Long enough for a container that dies a few seconds after it was ready to do so three times.
            soak: SignedDuration::from_secs(60),
            cooldown: SignedDuration::from_secs(60),
        }
    }
}

/// What holds for one workload.
#[derive(Debug, Clone)]
pub struct Settings {
    /// By which its tag is chosen.
    pub rules: Rules,
    /// Which containers are ours.
    containers: Option<Regex>,
    init_containers: Option<Regex>,
    /// Whether an image is held back that is for other machines than there are, by what it says of itself.
    pub checks_architecture: bool,
    /// Whether an image that fails is taken back.
    pub rollback: Rollback,
    /// How long a rollout may take.
    pub rollout_timeout: SignedDuration,
    /// How long it must stay complete before it is called good.
    pub soak: SignedDuration,
    /// How long one patch keeps away the next.
    pub cooldown: SignedDuration,
    /// How long a container may take to get ready.
    pub ready_within: ReadyWithin,
    freezes: Vec<Spans>,
    /// What is done about a workload that a delivery tool owns.
    pub gitops: GitOps,
    /// Whether a person holds it.
    pub hold: Option<Hold>,
}

/// Whether an image that fails is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollback {
    /// The images, and nothing else.
    Images,
    /// People are told, and nothing is changed.
    Off,
}

/// How long a container may take to get ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadyWithin {
    /// Three times what its predecessors took, see [`super::usual_start`].
    Learned,
    /// This long.
    Set(SignedDuration),
    /// As long as the whole rollout.
    Off,
}

/// What is done about a workload that a delivery tool owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitOps {
    /// The tool's people are told of the candidate; the workload is not written to.
    Emit,
    /// It is patched all the same.
    Patch,
}

/// Until when a person wants nothing deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Until it is taken back.
    Open,
    /// Until then.
    Until(Timestamp),
}

impl Hold {
    /// Whether it holds at `now`.
    pub fn holds(self, now: Timestamp) -> bool {
        match self {
            Self::Open => true,
            Self::Until(end) => now < end,
        }
    }
}

impl Settings {
    /// Reads what a workload says. `None` if it did not opt in: it names no policy, or `never`.
    pub fn read(workload: &Workload, policy: &Policy) -> Result<Option<Self>, SettingsError> {
        let Some(text) = said(workload, POLICY).filter(|text| *text != "never") else {
            return Ok(None);
        };
        let reader = Reader(workload);
        let rules = Rules::read(&Texts {
            policy: text,
            filter_tags: said(workload, FILTER_TAGS),
            extract: said(workload, EXTRACT),
            allow_tags: said(workload, ALLOW_TAGS),
            ignore_tags: said(workload, IGNORE_TAGS),
        })?;
        let freeze = reader.read_or(FREEZE, "spans like Fri 18:00-Mon 08:00 Europe/Berlin", |text| {
            Spans::parse(text, &policy.spans).map_err(|error| error.to_string())
        })?;
        Ok(Some(Self {
            rules,
            containers: reader.regex(CONTAINERS)?,
            init_containers: reader.regex(INIT_CONTAINERS)?,
            checks_architecture: reader
                .read(ARCHITECTURE, "check or ignore", |text| match text {
                    "check" => Some(true),
                    "ignore" => Some(false),
                    _ => None,
                })?
                .unwrap_or(true),
            rollback: reader
                .read(ROLLBACK, "image or off", |text| match text {
                    "image" => Some(Rollback::Images),
                    "off" => Some(Rollback::Off),
                    _ => None,
                })?
                .unwrap_or(Rollback::Images),
            rollout_timeout: reader
                .duration(ROLLOUT_TIMEOUT)?
                .unwrap_or(policy.rollout_timeout),
            soak: reader.duration(SOAK)?.unwrap_or(policy.soak),
            cooldown: reader.duration(COOLDOWN)?.unwrap_or(policy.cooldown),
            ready_within: reader
                .read(READY_WITHIN, "a time like 90s, or off", |text| match text {
                    "off" => Some(ReadyWithin::Off),
                    _ => duration(text).map(ReadyWithin::Set),
                })?
                .unwrap_or(ReadyWithin::Learned),
            freezes: freeze.into_iter().chain(policy.freeze.clone()).collect(),
            gitops: reader
                .read(GITOPS, "emit or patch", |text| match text {
                    "emit" => Some(GitOps::Emit),
                    "patch" => Some(GitOps::Patch),
                    _ => None,
                })?
                .unwrap_or(GitOps::Emit),
            hold: reader
                .read(HOLD, "true, false or an RFC 3339 time", |text| match text {
                    "true" => Some(Some(Hold::Open)),
                    "false" => Some(None),
                    _ => text.parse().ok().map(|end| Some(Hold::Until(end))),
                })?
                .flatten(),
        }))
    }

    /// Whether a container is ours to change, were its image of ECR.
    pub fn covers(&self, container: &Container) -> bool {
        match container.role {
            Role::Main => self
                .containers
                .as_ref()
                .is_none_or(|names| names.is_match(&container.name)),
            Role::Init => self
                .init_containers
                .as_ref()
                .is_some_and(|names| names.is_match(&container.name)),
        }
    }

    /// Whether one tag is followed, wherever it goes.
    pub const fn follows_one_tag(&self) -> bool {
        match self.rules.policy {
            choice::Policy::Digest => true,
            choice::Policy::Major
            | choice::Policy::Minor
            | choice::Policy::Patch
            | choice::Policy::All
            | choice::Policy::Semver(_)
            | choice::Policy::NewestPushed
            | choice::Policy::Numerical(_)
            | choice::Policy::Alphabetical(_) => false,
        }
    }

    /// The text of the freeze that is at `now`, if one is.
    pub fn frozen(&self, now: Timestamp) -> Option<String> {
        let freeze = self.freezes.iter().find(|spans| spans.contains(now))?;
        Some(freeze.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, at};
    use super::*;

    fn read(said: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        let mut workload = fixtures::workload();
        workload.annotations.clear();
        for (key, value) in said {
            workload
                .annotations
                .insert(format!("lamplighter.dev/{key}"), (*value).to_owned());
        }
        Settings::read(&workload, &Policy::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_ours_that_names_no_policy() {
        assert!(read(&[]).unwrap().is_none());
        assert!(
            read(&[("image-policy", "never"), ("soak", "?")])
                .unwrap()
                .is_none()
        );
        assert!(read(&[("image-policy", "minor")]).unwrap().is_some());
    }

    #[test]
    fn what_can_not_be_read_names_the_key_the_value_and_what_was_expected() {
        let cases = [
            ("image-policy", "newest", "newest"),
            (
                "containers",
                "(",
                "containers \"(\": expected a regular expression",
            ),
            ("rollback", "yes", "rollback \"yes\": expected image or off"),
            ("soak", "soon", "soak \"soon\": expected a time like 90s"),
            ("soak", "-5s", "soak \"-5s\": expected a time"),
            (
                "freeze",
                "Fri 18-Mon 8",
                "freeze \"Fri 18-Mon 8\": expected spans like",
            ),
            ("gitops", "fight", "gitops \"fight\": expected emit or patch"),
            (
                "image-hold",
                "tomorrow",
                "image-hold \"tomorrow\": expected true, false or",
            ),
            (
                "ready-within",
                "fast",
                "ready-within \"fast\": expected a time like",
            ),
        ];
        for (key, value, expected) in cases {
            let error = read(&[("image-policy", "minor"), (key, value)]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn every_main_container_is_covered_and_an_init_container_only_when_named() {
        let container = |name: &str, role| Container {
            name: name.to_owned(),
            image: String::new(),
            role,
        };
        let usual = read(&[("image-policy", "minor")]).unwrap().unwrap();
        assert!(usual.covers(&container("app", Role::Main)));
        assert!(!usual.covers(&container("migrate", Role::Init)));
        let named = [
            ("image-policy", "minor"),
            ("containers", "^app$"),
            ("init-containers", "^mig"),
        ];
        let named = read(&named).unwrap().unwrap();
        assert!(named.covers(&container("app", Role::Main)));
        assert!(!named.covers(&container("app2", Role::Main)));
        assert!(named.covers(&container("migrate", Role::Init)));
    }

    #[test]
    fn a_hold_ends_when_it_says_and_a_freeze_is_named() {
        let set = [
            ("image-policy", "minor"),
            ("image-hold", "2026-11-26T12:00:00Z"),
            ("freeze", "Thu-Thu 00:00-24:00 UTC"),
        ];
        let settings = read(&set).unwrap().unwrap();
        let hold = settings.hold.unwrap();
        assert!(hold.holds(at("2026-11-26T11:59:59Z")) && !hold.holds(at("2026-11-26T12:00:00Z")));
        assert_eq!(
            settings.frozen(at("2026-11-26T11:00:00Z")),
            Some("Thu-Thu 00:00-24:00 UTC".to_owned())
        );
        assert_eq!(settings.frozen(at("2026-11-27T11:00:00Z")), None);
    }
}
