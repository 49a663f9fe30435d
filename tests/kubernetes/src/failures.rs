//! How containers fail in the world, and what says so.
//!
//! A Deployment that is rolled out by its image alone keeps its annotations, so the image can say it too: by the patch
//! number of its version, by a word in its tag, or by the end of its digest. The last works for any tag, also for one that
//! moves: whoever pushes an image looks for contents whose digest ends as it should.
//!
//! | failure | annotation, or in the tag | version, or end of the digest |
//! | --- | --- | --- |
//! | [`Failure::ImageNotFound`] | `image-not-found` | `404` |
//! | [`Failure::ImageUnauthorised`] | `image-unauthorised` | `401` |
//! | [`Failure::ImageForbidden`] | `image-forbidden` | `403` |
//! | [`Failure::ConfigError`] | `config-error` | `400` |
//! | [`Failure::StartError`] | `start-error` | `127` |
//! | [`Failure::ExecFormat`] | `exec-format` | `126` |
//! | [`Failure::CrashLoop`] | `crash-loop` | `500` |
//! | [`Failure::NeverReady`] | `never-ready` | `503` |
//!
//! So `web:1.4.500`, `web:latest-crash-loop` and `web:latest@sha256:…500` all crash. The annotation wins over the image;
//! see [`FAILS`](crate::annotations::FAILS). With several containers in a pod, those fail whose images say so, and with
//! the annotation all do.

/// How a container fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The registry does not have the image: `ErrImagePull` and `ImagePullBackOff` by turns.
    ImageNotFound,
    /// The registry wants credentials and there are none: the same, with another message.
    ImageUnauthorised,
    /// The registry does not take the credentials any more, as ECR does after 12 hours: the same, with another message.
    ImageForbidden,
    /// Something that the container needs is not there: `CreateContainerConfigError`.
    ConfigError,
    /// The program is not in the image: `RunContainerError`, then `CrashLoopBackOff`, with 128 as exit code.
    StartError,
    /// The program is for another architecture: it ends at once with 255, then `CrashLoopBackOff`.
    ExecFormat,
    /// The program ends with 1 soon after it started: `CrashLoopBackOff`. It never becomes ready.
    CrashLoop,
    /// The program runs and never becomes ready.
    NeverReady,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ImageNotFound,
        Self::ImageUnauthorised,
        Self::ImageForbidden,
        Self::ConfigError,
        Self::StartError,
        Self::ExecFormat,
        Self::CrashLoop,
        Self::NeverReady,
    ];

    /// The value of the annotation, and the word in a tag.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ImageNotFound => "image-not-found",
            Self::ImageUnauthorised => "image-unauthorised",
            Self::ImageForbidden => "image-forbidden",
            Self::ConfigError => "config-error",
            Self::StartError => "start-error",
            Self::ExecFormat => "exec-format",
            Self::CrashLoop => "crash-loop",
            Self::NeverReady => "never-ready",
        }
    }

    /// The patch number of a version, and the last three digits of a digest.
    pub const fn marker(self) -> &'static str {
        match self {
            Self::ImageNotFound => "404",
            Self::ImageUnauthorised => "401",
            Self::ImageForbidden => "403",
            Self::ConfigError => "400",
            Self::StartError => "127",
            Self::ExecFormat => "126",
            Self::CrashLoop => "500",
            Self::NeverReady => "503",
        }
    }

    /// What the digest of an image says.
    pub fn of_digest(digest: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|failure| digest.ends_with(failure.marker()))
    }

    /// A regular expression that finds the image, both for Go and for jq. No backslash is in it, which each of them would
    /// want escaped another way.
    pub(crate) fn pattern(self) -> String {
        let (word, marker) = (self.word(), self.marker());
        format!(
            "@sha256:[0-9a-f]{{61}}{marker}$|:v?[0-9]+[.][0-9]+[.]{marker}(@.*)?$|:[^/@]*{word}[^/@]*(@.*)?$"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_failure_shares_its_word_or_its_marker_with_another() {
        for (n, one) in Failure::ALL.into_iter().enumerate() {
            for other in Failure::ALL.into_iter().skip(n + 1) {
                assert!(!one.word().contains(other.word()) && !other.word().contains(one.word()));
                assert_ne!(one.marker(), other.marker());
            }
        }
    }

    #[test]
    fn a_digest_says_by_its_end_how_it_fails() {
        let digest = |end: &str| format!("sha256:{}{end}", "0".repeat(61));
        assert_eq!(Failure::of_digest(&digest("404")), Some(Failure::ImageNotFound));
        assert_eq!(Failure::of_digest(&digest("405")), None);
    }
}
