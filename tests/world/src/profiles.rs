//! Instance profiles, as their people make them: a role that EC2 may take on, and the profile around it.

use anyhow::{Context, Result};
use base::{Credentials, aws};
use emulator::Client;

use crate::World;

const IAM: (&str, &str) = ("iam", "2010-05-08");

/// By EC2, and by whoever may in the account: a machine's role that people can try.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},
{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;

/// Creates a role and an instance profile of this name, with these managed policies attached.
pub async fn create(world: &World, name: &str, policies: &[&str]) -> Result<()> {
    let role = ("RoleName", name);
    let profile = ("InstanceProfileName", name);
    iam(world, "CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)]).await?;
    for policy in policies {
        // The emulator attaches what is not there, too.
        iam(world, "GetPolicy", &[("PolicyArn", policy)]).await?;
        iam(world, "AttachRolePolicy", &[role, ("PolicyArn", policy)]).await?;
    }
    iam(world, "CreateInstanceProfile", &[profile]).await?;
    iam(world, "AddRoleToInstanceProfile", &[profile, role]).await
}

/// Gives the role of a profile a further policy, in place.
pub async fn allow(world: &World, name: &str, policy: &str, document: &str) -> Result<()> {
    let parameters = [
        ("RoleName", name),
        ("PolicyName", policy),
        ("PolicyDocument", document),
    ];
    iam(world, "PutRolePolicy", &parameters).await
}

/// A client with a session of the role that the administrator took, under this name.
pub async fn assume(world: &World, role: &str, session: &str) -> Result<Client> {
    let arn = format!("arn:aws:iam::{}:role/{role}", aws::ACCOUNT);
    let parameters = [("RoleArn", arn.as_str()), ("RoleSessionName", session)];
    let answer = world
        .aws()?
        .query("sts", "2011-06-15", "AssumeRole", parameters)
        .await?;
    let text = |name: &str| {
        answer
            .text_at(&format!("AssumeRoleResult/Credentials/{name}"))
            .with_context(|| format!("AssumeRole answered no {name}"))
    };
    let credentials = Credentials {
        access_key_id: text("AccessKeyId")?,
        secret_access_key: text("SecretAccessKey")?,
        session_token: Some(text("SessionToken")?),
    };
    Client::new(world.emulator().endpoint(), credentials)
}

/// The first role of an instance profile.
pub(crate) async fn role_of(aws: &Client, profile: &str) -> Result<Option<String>> {
    let parameters = [("InstanceProfileName", profile)];
    let answer = aws.query(IAM.0, IAM.1, "GetInstanceProfile", parameters).await?;
    let roles = answer.list("GetInstanceProfileResult/InstanceProfile/Roles");
    Ok(roles.first().and_then(|role| role.text_at("RoleName")))
}

async fn iam(world: &World, action: &str, parameters: &[(&str, &str)]) -> Result<()> {
    let parameters = parameters.iter().copied();
    world
        .aws()?
        .query(IAM.0, IAM.1, action, parameters)
        .await
        .map(drop)
}
