//! The first signs that an image is bad, or that something else is.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::verdict::Waiting;
use super::workload::{ContainerState, Ended, Pod, Running};
use crate::time::later;

/// An image that is not found may still be on its way through a replication; then it is not.
const PULL_PATIENCE: SignedDuration = SignedDuration::from_secs(45);

/// A `ConfigMap` or Secret that is missing may be applied a moment after the workload.
const CONFIG_PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// Ends after which a container is said to crash in a loop. The kubelet waits 10 s before the second start and 20 s before
/// the third, so that this is seen 30 s and three short lives after the first start.
const CRASHES: u32 = 3;

/// Starts that fail after which a container is given up of which nothing ever ran.
const FALSE_STARTS: u32 = 2;

/// What showed that a rollout will not get well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// The image can't be pulled.
    ImagePull,
    /// The name of the image is none.
    InvalidImageName,
    /// The container can't be configured.
    Config,
    /// The container can't be started: no such file, or the wrong architecture.
    Start,
    /// The container ends again and again.
    CrashLoop,
    /// The container runs, and does not get ready.
    NotReady,
    /// The rollout took too long.
    Deadline,
    /// The rollout took too long for Kubernetes.
    ProgressDeadline,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ImagePull => "the image can't be pulled",
            Self::InvalidImageName => "the image's name is invalid",
            Self::Config => "the container can't be configured",
            Self::Start => "the container can't be started",
            Self::CrashLoop => "the container crashes again and again",
            Self::NotReady => "the container does not get ready",
            Self::Deadline => "the rollout took too long",
            Self::ProgressDeadline => "Kubernetes' progress deadline passed",
        })
    }
}

/// What a container tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// The image is bad; what was said.
    Failed(Signal, String),
    /// Something else is in the way.
    Waits(Waiting),
}

/// What one new container tells at `now`, if anything.
pub(super) fn of(
    pod: &Pod,
    container: &Running,
    patience: Option<SignedDuration>,
    now: Timestamp,
) -> Option<Sign> {
    let scheduled = pod.scheduled?;
    let waited = |time| now >= later(scheduled, time);
    match &container.state {
        ContainerState::Unknown => None,
        ContainerState::Waiting { reason, message } => match reason.as_str() {
            "InvalidImageName" => Some(Sign::Failed(Signal::InvalidImageName, message.clone())),
            "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable" => {
                match Pull::of(message) {
                    Pull::Refused => Some(Sign::Waits(Waiting::Credentials(message.clone()))),
                    Pull::Unreachable => Some(Sign::Waits(Waiting::Registry(message.clone()))),
                    Pull::Failed => waited(PULL_PATIENCE)
                        .then(|| Sign::Failed(Signal::ImagePull, format!("{reason}: {message}"))),
                }
            }
            "CreateContainerConfigError" | "CreateContainerError" => {
                waited(CONFIG_PATIENCE).then(|| Sign::Failed(Signal::Config, format!("{reason}: {message}")))
            }
            _ => {
                let ended = container.last.as_ref()?;
                let ends = container.restarts.saturating_add(1);
                false_start(ends, ended).or_else(|| crash(ends, ended))
            }
        },
        ContainerState::Ended(ended) => {
            let ends = container.restarts.saturating_add(1);
            false_start(ends, ended).or_else(|| crash(ends, ended).filter(|_| ended.code != 0))
        }
        ContainerState::Running { since } => {
            if container.is_ready {
                return None;
            }
            if let Some(crash) = container
                .last
                .as_ref()
                .and_then(|ended| crash(container.restarts, ended))
            {
                return Some(crash);
            }
            let patience = patience.filter(|patience| now >= later(*since, *patience))?;
            let detail = format!("not ready {patience:#} after its start");
            Some(Sign::Failed(Signal::NotReady, detail))
        }
    }
}

/// A container of which nothing ever ran.
fn false_start(ends: u32, ended: &Ended) -> Option<Sign> {
    // The runtime could not start it; a shell found no such program (127) or could not execute it (126), as POSIX has it;
    // the kernel could not execute it.
    let is_false = matches!(ended.reason.as_str(), "StartError" | "ContainerCannotRun")
        || matches!(ended.code, 126 | 127)
        || ended.message.contains("exec format error");
    (is_false && ends >= FALSE_STARTS).then(|| Sign::Failed(Signal::Start, describe(ended)))
}

/// A container that ended as often as that.
fn crash(ends: u32, ended: &Ended) -> Option<Sign> {
    (ends >= CRASHES).then(|| Sign::Failed(Signal::CrashLoop, describe(ended)))
}

fn describe(ended: &Ended) -> String {
    let Ended {
        code,
        reason,
        message,
    } = ended;
    match (reason.is_empty(), message.is_empty()) {
        (_, false) => format!("exit code {code}, {message}"),
        (false, true) => format!("exit code {code}, {reason}"),
        (true, true) => format!("exit code {code}"),
    }
}

/// Why a pull does not work, as far as the kubelet's sentence tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pull {
    /// 401 or 403: the credentials are at fault, and as a pull secret lives for 12 hours, that is no rare thing.
    Refused,
    /// The registry could not be reached, or has no time.
    Unreachable,
    /// Anything else.
    Failed,
}

impl Pull {
    /// The kubelet passes on what the container runtime says, and that what the registry says: there is no code, only
    /// words. Those of containerd, CRI-O and Docker for the two kinds that are not the image's fault.
    fn of(message: &str) -> Self {
        const REFUSED: [&str; 9] = [
            "401",
            "403",
            "unauthorized",
            "forbidden",
            "authorization failed",
            "failed to authorize",
            "authentication required",
            "no basic auth credentials",
            "authorization token has expired",
        ];
        const UNREACHABLE: [&str; 14] = [
            "i/o timeout",
            "timeout exceeded",
            "deadline exceeded",
            "tls handshake timeout",
            "no such host",
            "connection refused",
            "connection reset",
            "network is unreachable",
            "toomanyrequests",
            "too many requests",
            "500 internal server error",
            "502 bad gateway",
            "503 service unavailable",
            "504 gateway timeout",
        ];
        let said = message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| is_word(&said, word));
        if says(&REFUSED) {
            Self::Refused
        } else if says(&UNREACHABLE) {
            Self::Unreachable
        } else {
            Self::Failed
        }
    }
}

/// Whether a text has these words, and not as a part of longer ones: a digest may have a `401` in it, a tag a `forbidden`.
fn is_word(text: &str, words: &str) -> bool {
    let is_part =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | ':' | '@');
    text.match_indices(words).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + words.len()..].chars();
        let next = after.next();
        // A colon or a full stop ends a word when nothing is joined to it.
        let ends = match next {
            Some(':' | '.') => after.next().is_none_or(char::is_whitespace),
            Some(next) => !is_part(next),
            None => true,
        };
        before.is_none_or(|before| !is_part(before)) && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_that_is_refused_is_told_from_one_that_finds_nothing() {
        let refused = [
            "failed to pull and unpack image \"r/web:1\": failed to resolve reference \"r/web:1\": pull access denied, repository does \
             not exist or may require authorization: authorization failed: no basic auth credentials",
            "failed to resolve reference \"r/web:1\": unexpected status from HEAD request to https://r/v2/web/manifests/1: 401 Unauthorized",
            "unexpected status from HEAD request to https://r/v2/web/manifests/1: 403 Forbidden",
            "Error response from daemon: denied: Your authorization token has expired. Reauthenticate and try again.",
            "Back-off pulling image \"r/web:1\": ErrImagePull: failed to authorize: failed to fetch anonymous token",
        ];
        for text in refused {
            assert_eq!(Pull::of(text), Pull::Refused, "{text}");
        }
        let failed = [
            "failed to resolve reference \"r/web:1\": r/web:1: not found",
            "manifest unknown: Requested image not found",
            "Back-off pulling image \"r/web:4.401.0@sha256:0401\": ErrImagePull: not found",
            "Back-off pulling image \"r/web:1.0-forbidden\"",
            "",
        ];
        for text in failed {
            assert_eq!(Pull::of(text), Pull::Failed, "{text}");
        }
        let unreachable = [
            "failed to do request: Head \"https://r/v2/web/manifests/1\": dial tcp 10.0.0.1:443: i/o timeout",
            "dial tcp: lookup r: no such host",
            "unexpected status from HEAD request to https://r/v2/: 503 Service Unavailable",
            "toomanyrequests: Rate exceeded",
        ];
        for text in unreachable {
            assert_eq!(Pull::of(text), Pull::Unreachable, "{text}");
        }
    }
}
