//! Where secrets come from.

use domain::join::{NoRandomness, Random};

/// The operating system's source.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::getrandom(bytes).map_err(|error| NoRandomness(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use domain::join::BootstrapToken;

    use super::*;

    #[test]
    fn no_two_tokens_are_the_same() {
        let token = || BootstrapToken::generate(&OsRandom).unwrap().expose();
        assert_ne!(token(), token());
    }
}
