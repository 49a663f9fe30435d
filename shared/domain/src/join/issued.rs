//! What is public of an issued token: the description of its parameter, so that a list of names and
//! descriptions tells everything that is in flight, and no value needs to be read.

use std::fmt;

use crate::time::later;
use jiff::{SignedDuration, Timestamp};

use super::{REISSUE_BEFORE, TOKEN_LIFE, TokenId};

/// The public part of an issued token.
///
/// ```
/// use domain::join::Issued;
/// let text = "token abc123, issued 2026-11-21T08:00:00Z, expires 2026-11-21T08:15:00Z";
/// let issued: Issued = text.parse().unwrap();
/// assert_eq!(issued.token.as_str(), "abc123");
/// assert_eq!(issued.to_string(), text);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub token: TokenId,
    /// Since when.
    pub issued: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

/// A description that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("description {0:?}: expected `token <id>, issued <time>, expires <time>`")]
pub struct NotIssued(String);

impl Issued {
    /// A token of the usual life, from `now` on. Times are whole seconds, as they are written everywhere.
    pub fn new(token: TokenId, now: Timestamp) -> Self {
        let issued = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Self {
            token,
            issued,
            expires: later(issued, TOKEN_LIFE),
        }
    }

    /// What is left of its life; nothing once it has ended.
    pub fn left(&self, now: Timestamp) -> SignedDuration {
        self.expires.duration_since(now).max(SignedDuration::ZERO)
    }

    /// Whether it begins before it ends, and is no longer than we make any. Whoever plants a record of ours must
    /// not make a token of it that lives for ever.
    pub(super) fn is_of_a_tokens_length(&self) -> bool {
        (SignedDuration::ZERO..=TOKEN_LIFE).contains(&self.expires.duration_since(self.issued))
    }

    /// Whether it still opens the door.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    /// Whether it is time for another one.
    pub fn is_nearly_over(&self, now: Timestamp) -> bool {
        self.left(now) <= REISSUE_BEFORE
    }
}

impl fmt::Display for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            token,
            issued,
            expires,
        } = self;
        write!(f, "token {token}, issued {issued}, expires {expires}")
    }
}

impl std::str::FromStr for Issued {
    type Err = NotIssued;

    fn from_str(text: &str) -> Result<Self, NotIssued> {
        parse(text).ok_or_else(|| NotIssued(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Issued> {
    let (token, times) = text.strip_prefix("token ")?.split_once(", issued ")?;
    let (issued, expires) = times.split_once(", expires ")?;
    let found = Issued {
        token: TokenId::parse(token).ok()?,
        issued: issued.parse().ok()?,
        expires: expires.parse().ok()?,
    };
    // What we would not have written is not ours, however well it reads.
    (found.to_string() == text && found.is_of_a_tokens_length()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_lives_for_a_quarter_of_an_hour_of_whole_seconds() {
        let issued = Issued::new(TokenId::parse("abc123").unwrap(), at("2026-11-21T08:00:00.7Z"));
        assert_eq!(
            issued.to_string(),
            "token abc123, issued 2026-11-21T08:00:00Z, expires 2026-11-21T08:15:00Z"
        );
        assert!(issued.is_live(at("2026-11-21T08:14:59.9Z")) && !issued.is_live(at("2026-11-21T08:15:00Z")));
        assert!(!issued.is_nearly_over(at("2026-11-21T08:12:59Z")));
        assert!(issued.is_nearly_over(at("2026-11-21T08:13:00Z")));
        assert_eq!(issued.left(at("2026-11-21T09:00:00Z")), SignedDuration::ZERO);
    }

    #[test]
    fn only_what_we_wrote_is_read() {
        for other in [
            "",
            "a parameter of somebody",
            "token ABC123, issued 2026-11-21T08:00:00Z, expires 2026-11-21T08:15:00Z",
            "token abc123, issued yesterday, expires 2026-11-21T08:15:00Z",
            "token abc123, issued 2026-11-21T08:00:00Z, expires 2026-11-21T08:15:00Z, and more",
            "token abc123, issued 2026-11-21T08:00:00+00:00, expires 2026-11-21T08:15:00Z",
            "token abc123, issued 2026-11-21T08:15:00Z, expires 2026-11-21T08:00:00Z",
            "token abc123, issued 2026-11-21T08:00:00Z, expires 2026-11-21T08:15:01Z",
        ] {
            assert!(other.parse::<Issued>().is_err(), "{other}");
        }
    }
}
