//! Credentials of instance profiles.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use base::Credentials;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// EC2 has new credentials ready at least five minutes before the old ones end.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// A session of a role.
#[derive(Debug, Clone)]
pub struct Session {
    /// Temporary credentials.
    pub credentials: Credentials,
    /// When they end.
    pub expiration: Timestamp,
}

/// What EC2 asks of STS.
pub trait Sessions: Send + Sync + 'static {
    /// A session of `role` for the instance, as EC2 itself takes it: its name is the instance's id.
    fn session<'a>(&'a self, instance_id: &'a str, role: &'a str) -> BoxFuture<'a, Result<Session>>;
}

/// Sessions that are kept as long as they are good.
pub(super) struct Cache {
    sessions: Arc<dyn Sessions>,
    kept: Mutex<BTreeMap<(String, String), Session>>,
}

impl Cache {
    pub(super) fn new(sessions: Arc<dyn Sessions>) -> Self {
        Self {
            sessions,
            kept: Mutex::default(),
        }
    }

    /// What the instance is answered.
    pub(super) async fn document(&self, instance_id: &str, role: &str) -> Result<Value> {
        let key = (instance_id.to_owned(), role.to_owned());
        let mut kept = self.kept.lock().await;
        let session = match kept.get(&key) {
            Some(session) if session.expiration > Timestamp::now() + RENEW_BEFORE => session.clone(),
            _ => {
                let session = self.sessions.session(instance_id, role).await?;
                kept.insert(key, session.clone());
                session
            }
        };
        let Credentials {
            access_key_id,
            secret_access_key,
            session_token,
        } = session.credentials;
        Ok(json!({
            "Code": "Success",
            "LastUpdated": seconds(Timestamp::now()),
            "Type": "AWS-HMAC",
            "AccessKeyId": access_key_id,
            "SecretAccessKey": secret_access_key,
            "Token": session_token,
            "Expiration": seconds(session.expiration),
        }))
    }
}

fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
