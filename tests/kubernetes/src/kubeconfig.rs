//! Kubeconfig files.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::certificates::Pair;

/// How a client proves who it is.
pub(crate) enum Proof<'a> {
    Certificate(&'a Pair),
    Token(&'a str),
}

/// A kubeconfig of one cluster and one user.
pub(crate) fn render(endpoint: &str, ca_pem: &str, user: &str, proof: &Proof<'_>) -> String {
    let proof = match proof {
        Proof::Certificate(pair) => format!(
            "client-certificate-data: {}\n    client-key-data: {}",
            BASE64_STANDARD.encode(&pair.certificate),
            BASE64_STANDARD.encode(&pair.key)
        ),
        Proof::Token(token) => format!("token: {}", quoted(token)),
    };
    let ca = BASE64_STANDARD.encode(ca_pem);
    let user = quoted(user);
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: world
  cluster:
    server: {endpoint}
    certificate-authority-data: {ca}
users:
- name: {user}
  user:
    {proof}
contexts:
- name: world
  context:
    cluster: world
    user: {user}
current-context: world
"
    )
}

/// A string as YAML reads it, whatever it holds: every JSON string is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use kube::config::Kubeconfig;

    use super::*;

    #[test]
    fn a_name_with_colons_and_quotes_stays_one_name() {
        let user = r#"system:"odd": user"#;
        let text = render("https://127.0.0.1:1", "pem", user, &Proof::Token("t"));
        let read = Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(read.auth_infos[0].name, user);
        assert_eq!(
            read.contexts[0].context.as_ref().unwrap().user.as_deref(),
            Some(user)
        );
    }
}
