//! Tokens, which nothing here shows.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// The longest life of a token that is believed: twice the 12 hours that ECR gives (ECR API reference,
/// `GetAuthorizationToken`). Whatever claims to live longer is a mistake, and would never be renewed.
pub(super) const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// A password of a registry. It has no `Display` and can't be serialised; its `Debug` shows that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the entry that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// A token of a region. Its user is `AWS` always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    password: Password,
    expires: Timestamp,
}

/// A token that is of no use. Nothing of it is shown but its time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is empty.
    #[error("the token has no password")]
    Empty,
    /// It has expired, or claims to live longer than any does.
    #[error("the token expires at {expires}: expected a time after {now}, by at most {} hours", LONGEST_LIFE.as_hours())]
    Expiry {
        /// When it says that it expires.
        expires: Timestamp,
        /// The time.
        now: Timestamp,
    },
}

impl Token {
    /// A token as the registry gave it at `now`. Its time is kept in whole seconds, as annotations show it.
    pub fn new(password: Password, expires: Timestamp, now: Timestamp) -> Result<Self, TokenError> {
        if password.expose().is_empty() {
            return Err(TokenError::Empty);
        }
        let whole = Timestamp::from_second(expires.as_second()).unwrap_or(expires);
        if whole <= now || whole.duration_since(now) > LONGEST_LIFE {
            return Err(TokenError::Expiry { expires, now });
        }
        Ok(Self {
            password,
            expires: whole,
        })
    }

    /// The password.
    pub const fn password(&self) -> &Password {
        &self.password
    }

    /// When it expires.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn case_52_a_token_without_a_password_or_past_its_time_is_no_token() {
        let now = ts("2026-11-26T08:00:00Z");
        let token = |password: &str, expires: &str| Token::new(Password::new(password), ts(expires), now);
        let good = token("a:b:c", "2026-11-26T20:00:00.75Z").unwrap();
        assert_eq!(good.password().expose(), "a:b:c");
        assert_eq!(good.expires(), ts("2026-11-26T20:00:00Z"));
        assert_eq!(token("", "2026-11-26T20:00:00Z"), Err(TokenError::Empty));
        for expires in [
            "2026-11-26T08:00:00Z",
            "2026-11-26T07:00:00Z",
            "2026-11-27T08:00:01Z",
        ] {
            let error = token("a", expires).unwrap_err().to_string();
            let expected =
                format!("the token expires at {expires}: expected a time after {now}, by at most 24 hours");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_token_shows_nothing_of_itself() {
        let now = ts("2026-11-26T08:00:00Z");
        let token = Token::new(Password::new("hunter2"), ts("2026-11-26T20:00:00Z"), now);
        assert!(!format!("{token:?}").contains("hunter2"));
    }
}
