//! Who and where the world is, as AWS sees it.

use serde::{Deserialize, Serialize};

/// The account of every world.
pub const ACCOUNT: &str = "111122223333";

/// The region of every world: not the emulator's default, so that a region that somebody forgot to pass
/// on shows.
pub const REGION: &str = "eu-central-1";

/// An access key. Its secret parts never show in `{:?}`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// Only with temporary credentials.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}
