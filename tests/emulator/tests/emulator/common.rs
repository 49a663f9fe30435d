//! A real emulator for each file of tests, on ports of its own, and roles in it.

use std::path::PathBuf;

use base::{Credentials, Ports};
use emulator::{Client, Emulator, Settings, Tools};
use serde_json::{Value, json};

/// Starts an emulator on the ports from `base` on.
pub(crate) async fn start(base: u16) -> (Emulator, Ports) {
    let tools = tokio::task::spawn_blocking(|| Tools::ensure(&|_| ()))
        .await
        .unwrap()
        .unwrap();
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("emulator-{base}"));
    let ports = Ports::new(base);
    let settings = Settings {
        ports,
        data: directory.join("data"),
        logs: directory.join("logs"),
        functions_env: Vec::new(),
    };
    (Emulator::start(&tools, &settings).await.unwrap(), ports)
}

/// Creates a role with these statements as its only policy, and takes it on.
pub(crate) async fn role(admin: &Client, name: &str, statements: Value) -> Credentials {
    let trust = json!({ "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" }] });
    create_role(admin, name, &trust, statements).await;
    take(admin, name, "test").await
}

/// Creates a role with these statements as its only policy.
pub(crate) async fn create_role(admin: &Client, name: &str, trust: &Value, statements: Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    let iam = |action, parameters: Vec<(&'static str, String)>| {
        admin.query("iam", "2010-05-08", action, parameters)
    };
    let role = ("RoleName", name.to_owned());
    iam(
        "CreateRole",
        vec![role.clone(), ("AssumeRolePolicyDocument", trust.to_string())],
    )
    .await
    .unwrap();
    iam(
        "PutRolePolicy",
        vec![
            role,
            ("PolicyName", "only".to_owned()),
            ("PolicyDocument", policy.to_string()),
        ],
    )
    .await
    .unwrap();
}

/// Takes a role on, under this name.
pub(crate) async fn take(admin: &Client, role: &str, session: &str) -> Credentials {
    let arn = format!("arn:aws:iam::{}:role/{role}", base::aws::ACCOUNT);
    let parameters = [("RoleArn", arn.as_str()), ("RoleSessionName", session)];
    let answer = admin
        .query("sts", "2011-06-15", "AssumeRole", parameters)
        .await
        .unwrap();
    let text = |field: &str| {
        answer
            .text_at(&format!("AssumeRoleResult/Credentials/{field}"))
            .unwrap()
    };
    Credentials {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: Some(text("SessionToken")),
    }
}
