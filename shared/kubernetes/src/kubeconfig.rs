//! Kubeconfigs that come from a parameter store. They must hold everything themselves: a function has no
//! files beside it and runs no programs, and a kubeconfig is not the place to be told to.

use kube::config::{Config, Kubeconfig};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// A kubeconfig that can't be used; it names the field.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// Not YAML of that form. The text is a secret, so no part of it is shown.
    #[error("expected the YAML of a kubeconfig")]
    NotAKubeconfig,
    /// Something that it refers to is not in it.
    #[error("{field}: expected one that is in the same file")]
    Missing {
        /// For example `current-context`.
        field: &'static str,
    },
    /// A field is missing or has another form.
    #[error("{field}: expected {expected}")]
    Invalid {
        /// For example `clusters[].cluster.server`.
        field: &'static str,
        /// The rule.
        expected: &'static str,
    },
    /// A field would make us run a program, read a file, or trust anybody.
    #[error(
        "{field}: not supported in a function; use a token, or client-certificate-data and client-key-data"
    )]
    Unsupported {
        /// For example `users[].user.exec`.
        field: &'static str,
    },
}

/// The current context of a kubeconfig.
pub(crate) fn config(text: &str) -> Result<Config, KubeconfigError> {
    let file = Kubeconfig::from_yaml(text).map_err(|_| KubeconfigError::NotAKubeconfig)?;
    let missing = |field| KubeconfigError::Missing { field };
    let name = file.current_context.ok_or(missing("current-context"))?;
    let context = file.contexts.into_iter().find(|context| context.name == name);
    let context = context
        .and_then(|named| named.context)
        .ok_or(missing("current-context"))?;
    let cluster = file
        .clusters
        .into_iter()
        .find(|cluster| cluster.name == context.cluster);
    let cluster = cluster
        .and_then(|named| named.cluster)
        .ok_or(missing("contexts[].context.cluster"))?;
    let user = file
        .auth_infos
        .into_iter()
        .find(|user| Some(&user.name) == context.user.as_ref());
    let user = user
        .and_then(|named| named.auth_info)
        .ok_or(missing("contexts[].context.user"))?;

    let unsupported = [
        (
            "clusters[].cluster.insecure-skip-tls-verify",
            cluster.insecure_skip_tls_verify == Some(true),
        ),
        (
            "clusters[].cluster.certificate-authority",
            cluster.certificate_authority.is_some(),
        ),
        ("clusters[].cluster.proxy-url", cluster.proxy_url.is_some()),
        ("users[].user.exec", user.exec.is_some()),
        ("users[].user.auth-provider", user.auth_provider.is_some()),
        ("users[].user.tokenFile", user.token_file.is_some()),
        (
            "users[].user.client-certificate",
            user.client_certificate.is_some(),
        ),
        ("users[].user.client-key", user.client_key.is_some()),
        ("users[].user.username", user.username.is_some()),
        ("users[].user.as", user.impersonate.is_some()),
    ];
    if let Some((field, _)) = unsupported.into_iter().find(|(_, used)| *used) {
        return Err(KubeconfigError::Unsupported { field });
    }

    let invalid = |field, expected| KubeconfigError::Invalid { field, expected };
    let server = cluster.server.unwrap_or_default();
    let url: Option<http::Uri> = server
        .parse()
        .ok()
        .filter(|url: &http::Uri| url.scheme_str() == Some("https"));
    let url = url.ok_or(invalid("clusters[].cluster.server", "an https URL"))?;
    let ca = cluster
        .certificate_authority_data
        .as_deref()
        .and_then(decoded)
        .and_then(|pem| certificates(&pem));
    let mut config = Config::new(url);
    config.root_cert = Some(ca.ok_or(invalid(
        "clusters[].cluster.certificate-authority-data",
        "PEM certificates in base64",
    ))?);
    config.tls_server_name = cluster.tls_server_name;
    config.auth_info.token = user.token;
    config.auth_info.client_certificate_data = user.client_certificate_data;
    config.auth_info.client_key_data = user.client_key_data;
    let auth = &config.auth_info;
    if auth.token.is_none() && (auth.client_certificate_data.is_none() || auth.client_key_data.is_none()) {
        return Err(invalid(
            "users[].user",
            "a token, or client-certificate-data and client-key-data",
        ));
    }
    Ok(config)
}

pub(crate) fn decoded(base64: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(base64.trim())
        .ok()
}

/// The certificates in a PEM bundle, as DER; `None` when there are none, since an empty list would trust
/// nobody and an unread one would hide that.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found: Vec<Vec<u8>> = found
        .ok()?
        .into_iter()
        .map(|certificate| certificate.to_vec())
        .collect();
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    // A certificate's form is all that matters here.
    const CA: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            "current-context: c\n\
             contexts: [{{ name: c, context: {{ cluster: k, user: u }} }}]\n\
             clusters: [{{ name: k, cluster: {{ {cluster} }} }}]\n\
             users: [{{ name: u, user: {{ {user} }} }}]\n"
        )
    }

    fn good_cluster() -> String {
        format!("server: 'https://127.0.0.1:6443', certificate-authority-data: {CA}")
    }

    #[test]
    fn one_that_holds_everything_itself_is_used() {
        let config = config(&kubeconfig(&good_cluster(), "token: t")).unwrap();
        assert_eq!(config.cluster_url, "https://127.0.0.1:6443/");
        assert_eq!(config.root_cert.unwrap().len(), 1);
        assert!(config.auth_info.token.is_some());
    }

    #[test]
    fn each_thing_that_a_function_must_not_do_is_refused_by_name() {
        let ca = good_cluster();
        let cases = [
            (
                kubeconfig(
                    &ca,
                    "exec: { command: aws, apiVersion: client.authentication.k8s.io/v1 }",
                ),
                "users[].user.exec",
            ),
            (
                kubeconfig(&ca, "tokenFile: /var/run/token"),
                "users[].user.tokenFile",
            ),
            (
                kubeconfig(&ca, "client-certificate: /etc/a.pem, client-key: /etc/a.key"),
                "users[].user.client-certificate",
            ),
            (
                kubeconfig(&format!("{ca}, insecure-skip-tls-verify: true"), "token: t"),
                "clusters[].cluster.insecure-skip-tls-verify",
            ),
            (
                kubeconfig("server: 'http://127.0.0.1:8080'", "token: t"),
                "clusters[].cluster.server",
            ),
            (
                kubeconfig("server: 'https://127.0.0.1:6443'", "token: t"),
                "clusters[].cluster.certificate-authority-data",
            ),
            (kubeconfig(&ca, "client-certificate-data: QQ=="), "users[].user:"),
            (
                kubeconfig(&ca, "token: t").replace("user: u", "user: v"),
                "contexts[].context.user",
            ),
            (
                kubeconfig(&ca, "token: t").replace("current-context: c", "current-context: d"),
                "current-context",
            ),
        ];
        for (text, field) in cases {
            let error = config(&text).unwrap_err().to_string();
            assert!(error.starts_with(field), "{error}");
        }
    }

    #[test]
    fn what_is_no_kubeconfig_is_not_shown() {
        let error = config("token: very-secret: x").unwrap_err().to_string();
        assert_eq!(error, "expected the YAML of a kubeconfig");
    }
}
