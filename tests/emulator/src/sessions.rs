//! Sessions of roles, as EC2 takes them for its instances.

use anyhow::{Context, Result, bail};
use base::{Credentials, aws};

use crate::Client;

const IAM: (&str, &str) = ("iam", "2010-05-08");
const STS: (&str, &str) = ("sts", "2011-06-15");

/// What EC2 does in AWS's own name, for the instance metadata of the world.
///
/// A session that is taken here carries `ec2:SourceInstanceARN` in every request; one that somebody else takes of the
/// same role does not (`launcher/sessions.py`).
#[derive(Debug, Clone)]
pub struct InstanceSessions {
    root: Client,
}

/// Temporary credentials of an instance.
#[derive(Debug, Clone)]
pub struct InstanceSession {
    /// The key.
    pub credentials: Credentials,
    /// When it ends, as STS writes it.
    pub expiration: String,
}

impl InstanceSessions {
    pub(crate) fn new(root: Client) -> Self {
        Self { root }
    }

    /// Takes the role on for an instance. Refused if the role does not let EC2 do so.
    pub async fn take(&self, instance_id: &str, role: &str) -> Result<InstanceSession> {
        let found = self
            .root
            .query(IAM.0, IAM.1, "GetRole", [("RoleName", role)])
            .await?;
        let trust = found
            .text_at("GetRoleResult/Role/AssumeRolePolicyDocument")
            .unwrap_or_default();
        if !trust.contains("ec2.amazonaws.com") {
            bail!("role {role} does not trust ec2.amazonaws.com");
        }
        let arn = format!("arn:aws:iam::{}:role/{role}", aws::ACCOUNT);
        let parameters = [("RoleArn", arn.as_str()), ("RoleSessionName", instance_id)];
        let answer = self.root.query(STS.0, STS.1, "AssumeRole", parameters).await?;
        let text = |name: &str| {
            answer
                .text_at(&format!("AssumeRoleResult/Credentials/{name}"))
                .with_context(|| format!("AssumeRole answered no {name}"))
        };
        Ok(InstanceSession {
            credentials: Credentials {
                access_key_id: text("AccessKeyId")?,
                secret_access_key: text("SecretAccessKey")?,
                session_token: Some(text("SessionToken")?),
            },
            expiration: text("Expiration")?,
        })
    }
}
