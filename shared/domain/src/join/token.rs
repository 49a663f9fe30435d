//! Bootstrap tokens: a public id and a secret.

use std::fmt;

use crate::ids::InvalidId;

/// Letters that a token may have (kubeadm: `[a-z0-9]{6}.[a-z0-9]{16}`).
const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The largest multiple of 36 that a byte can hold. Bytes from it on are thrown away: with them, the first
/// four letters would come up more often than the others.
const FAIR: u8 = 252;

/// Letters of the id, which anybody may know.
const ID: usize = 6;

/// Letters of the secret: 82 bits.
const SECRET: usize = 16;

/// A source of randomness that nobody can guess.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The source gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no randomness: {0}")]
pub struct NoRandomness(pub String);

/// The public half of a token. It names the Secret and the user `system:bootstrap:<id>`, and anybody can see
/// it in the `ConfigMap` `cluster-info`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(String);

impl TokenId {
    /// Parses 6 characters of a-z and 0-9.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let value = text.into();
        if is_of_letters(&value, ID) {
            Ok(Self(value))
        } else {
            Err(InvalidId {
                what: "token id",
                value,
                expected: "6 characters of a-z 0-9",
            })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The Secret of the token, in `kube-system`.
    pub fn secret_name(&self) -> String {
        format!("bootstrap-token-{self}")
    }

    /// The user as whom the token's holder is known.
    pub fn user(&self) -> String {
        format!("system:bootstrap:{self}")
    }

    /// The token of the user `system:bootstrap:<id>`.
    pub fn of_user(user: &str) -> Option<Self> {
        Self::parse(user.strip_prefix("system:bootstrap:")?).ok()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A whole token. It has no `Display` and can't be serialised; its `Debug` shows the id alone.
#[derive(Clone, PartialEq, Eq)]
pub struct BootstrapToken {
    id: TokenId,
    secret: String,
}

impl BootstrapToken {
    /// A new token, each of its letters as likely as any other.
    pub fn generate(random: &impl Random) -> Result<Self, NoRandomness> {
        let mut letters = letters(random, ID + SECRET)?;
        let secret = letters.split_off(ID);
        Ok(Self {
            id: TokenId(letters),
            secret,
        })
    }

    /// Parses `<id>.<secret>`; `None` for anything else, which is not shown since it may hold a secret.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.split_once('.')?;
        let id = TokenId::parse(id).ok()?;
        is_of_letters(secret, SECRET).then(|| Self {
            id,
            secret: secret.to_owned(),
        })
    }

    /// The public half.
    pub const fn id(&self) -> &TokenId {
        &self.id
    }

    /// `<id>.<secret>`, for the request that needs it.
    pub fn expose(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    /// The secret half, for the Secret that makes the token valid.
    pub fn expose_secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootstrapToken({}.redacted)", self.id)
    }
}

/// Rejection sampling: each byte is a letter or is thrown away.
fn letters(random: &impl Random, count: usize) -> Result<String, NoRandomness> {
    let mut text = String::with_capacity(count);
    // One byte in 64 is thrown away, so a second helping is rarely needed.
    let mut bytes = [0; ID + SECRET + 2];
    while text.len() < count {
        random.fill(&mut bytes)?;
        let fair = bytes.iter().filter(|byte| **byte < FAIR);
        let chosen = fair.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        text.extend(chosen.take(count - text.len()));
    }
    Ok(text)
}

fn is_of_letters(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| LETTERS.contains(&byte))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    /// `SplitMix64`, which passes the usual tests of randomness and is the same in every run.
    pub(crate) struct Seeded(pub(crate) Cell<u64>);

    impl Random for Seeded {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
            for chunk in bytes.chunks_mut(8) {
                let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
                self.0.set(state);
                let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                let mixed = (mixed ^ (mixed >> 31)).to_le_bytes();
                chunk.copy_from_slice(&mixed[..chunk.len()]);
            }
            Ok(())
        }
    }

    #[test]
    fn case_13_a_million_tokens_have_the_form_and_no_letter_comes_up_more_often() {
        const TOKENS: u32 = 1_000_000;
        let random = Seeded(Cell::new(13));
        let mut seen = [0_u32; 256];
        for _ in 0..TOKENS {
            let token = BootstrapToken::generate(&random).unwrap();
            assert_eq!((token.id.0.len(), token.secret.len()), (6, 16));
            for byte in token.id.0.bytes().chain(token.secret.bytes()) {
                seen[usize::from(byte)] += 1;
            }
        }
        let of_letters: u32 = LETTERS.iter().map(|letter| seen[usize::from(*letter)]).sum();
        assert_eq!(of_letters, TOKENS * 22, "a letter that no token may have");
        // Chi-squared with 35 degrees of freedom is below 74 in 9,999 of 10,000 fair runs. `byte % 36` over all
        // bytes would make it 43,000.
        let expected = f64::from(TOKENS * 22) / 36.0;
        let chi_squared: f64 = LETTERS
            .iter()
            .map(|letter| (f64::from(seen[usize::from(*letter)]) - expected).powi(2) / expected)
            .sum();
        assert!(chi_squared < 74.0, "{chi_squared}");
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is_a_token() {
        let token = BootstrapToken::parse("abc123.0123456789abcdef").unwrap();
        assert_eq!(token.expose(), "abc123.0123456789abcdef");
        assert_eq!(token.id().secret_name(), "bootstrap-token-abc123");
        assert_eq!(TokenId::of_user(&token.id().user()).as_ref(), Some(token.id()));
        for other in [
            "",
            "abc123",
            "abc123.",
            "abc123.0123456789abcde",
            "abc123.0123456789abcdef0",
            "ABC123.0123456789abcdef",
            "abc12.30123456789abcdef",
            "abc123.0123456789abcdeé",
        ] {
            assert_eq!(BootstrapToken::parse(other), None, "{other}");
        }
        assert_eq!(TokenId::of_user("system:node:abc123"), None);
    }

    #[test]
    fn a_token_shows_its_id_and_never_its_secret() {
        let token = BootstrapToken::parse("abc123.0123456789abcdef").unwrap();
        assert_eq!(format!("{token:?}"), "BootstrapToken(abc123.redacted)");
    }

    #[test]
    fn without_randomness_there_is_no_token() {
        struct Dry;
        impl Random for Dry {
            fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
                Err(NoRandomness("the well is dry".to_owned()))
            }
        }
        assert_eq!(
            BootstrapToken::generate(&Dry).unwrap_err().to_string(),
            "no randomness: the well is dry"
        );
    }
}
