//! The session tokens of version 2.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Which instance each token was given to, and until when it is good.
#[derive(Clone, Default)]
pub(super) struct Tokens(Arc<Mutex<BTreeMap<String, (String, Instant)>>>);

impl Tokens {
    /// A new token for this instance.
    pub(super) fn give(&self, instance: &str, life: Duration) -> String {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        tokens.retain(|_, (_, until)| *until > now);
        // Nobody guesses tokens of a world; telling two of them apart is all that is needed.
        let token = format!("{:032x}", fastrand::u128(..));
        tokens.insert(token.clone(), (instance.to_owned(), now + life));
        token
    }

    /// Whether the instance may use this token now.
    pub(super) fn is_valid(&self, instance: &str, token: &str) -> bool {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens
            .get(token)
            .is_some_and(|(owner, until)| owner == instance && *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_instance_and_its_own_time() {
        let tokens = Tokens::default();
        let token = tokens.give("i-1", Duration::from_secs(60));
        assert!(tokens.is_valid("i-1", &token));
        assert!(!tokens.is_valid("i-2", &token) && !tokens.is_valid("i-1", "other"));
        let expired = tokens.give("i-1", Duration::ZERO);
        assert!(!tokens.is_valid("i-1", &expired));
    }
}
