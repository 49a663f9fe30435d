//! The policy of a role of a stack, read and replaced: to see what becomes of it all without a statement.

use anyhow::{Context, Result, ensure};
use emulator::Client;
use serde_json::Value;

const IAM: (&str, &str) = ("iam", "2010-05-08");

/// An inline policy of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePolicy {
    /// The role's name.
    pub role: String,
    /// The policy's name.
    pub name: String,
}

impl RolePolicy {
    /// The policy `name` of the role with this ARN.
    pub fn of(role_arn: &str, name: &str) -> Self {
        Self {
            role: role_arn.rsplit('/').next().unwrap_or_default().to_owned(),
            name: name.to_owned(),
        }
    }

    /// Its document.
    pub async fn get(&self, client: &Client) -> Result<Value> {
        let parameters = [("RoleName", &self.role), ("PolicyName", &self.name)];
        let answer = client.query(IAM.0, IAM.1, "GetRolePolicy", parameters).await?;
        let document = answer
            .text_at("GetRolePolicyResult/PolicyDocument")
            .with_context(|| format!("role {} has no policy {}", self.role, self.name))?;
        let document = percent_decoded(&document);
        serde_json::from_str(&document).with_context(|| format!("policy {document}"))
    }

    /// Replaces its document.
    pub async fn put(&self, client: &Client, document: &Value) -> Result<()> {
        let document = document.to_string();
        let parameters = [
            ("RoleName", &self.role),
            ("PolicyName", &self.name),
            ("PolicyDocument", &document),
        ];
        client
            .query(IAM.0, IAM.1, "PutRolePolicy", parameters)
            .await
            .map(drop)
    }

    /// Takes a statement out of it, and gives back the whole document as it was.
    pub async fn take_out(&self, client: &Client, sid: &str) -> Result<Value> {
        let whole = self.get(client).await?;
        let mut lacking = whole.clone();
        let statements = lacking["Statement"]
            .as_array_mut()
            .context("a policy has statements")?;
        let all = statements.len();
        statements.retain(|statement| statement["Sid"] != sid);
        ensure!(
            statements.len() + 1 == all,
            "policy {} has no statement of its own {sid}",
            self.name
        );
        self.put(client, &lacking).await?;
        Ok(whole)
    }
}

/// The names of a document's statements.
pub fn sids(document: &Value) -> impl Iterator<Item = &str> {
    let statements = document["Statement"].as_array().into_iter().flatten();
    statements.filter_map(|statement| statement["Sid"].as_str())
}

/// IAM sends documents percent-encoded.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits: Vec<u8> = rest.by_ref().take(2).collect();
            let number = std::str::from_utf8(&digits)
                .ok()
                .and_then(|hex| u8::from_str_radix(hex, 16).ok());
            bytes.push(number.unwrap_or(b'?'));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_as_iam_sends_them() {
        assert_eq!(percent_decoded("%7B%22a%22%3A1%7D"), r#"{"a":1}"#);
        let document = json!({"Statement": [{"Sid": "A"}, {"Effect": "Deny"}, {"Sid": "B"}]});
        assert_eq!(sids(&document).collect::<Vec<_>>(), ["A", "B"]);
    }
}
