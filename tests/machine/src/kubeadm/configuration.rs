//! The file that `kubeadm join --config` reads.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Taint;
use serde::Deserialize;
use serde_json::Value;

use super::Failure;

/// kubeadm's own default for either of the two waits.
const WAIT: Duration = Duration::from_mins(5);

/// A checked `JoinConfiguration` of a worker, of either version.
#[derive(Debug)]
pub(super) struct Configuration {
    pub(super) token: Token,
    /// `host:port`.
    pub(super) endpoint: String,
    /// `sha256:` and the digest in hexadecimal, at least one.
    pub(super) pins: Vec<String>,
    pub(super) node_name: Option<String>,
    pub(super) taints: Vec<Taint>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) provider_id: Option<String>,
    /// How long to wait for `cluster-info` and its signature.
    pub(super) discovery: Duration,
    /// How long to wait for the certificate.
    pub(super) tls_bootstrap: Duration,
}

/// A bootstrap token.
pub(super) struct Token {
    /// Public.
    pub(super) id: String,
    pub(super) secret: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// As a bearer of it says it.
    pub(super) fn text(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    fn parse(text: &str) -> Option<Self> {
        let is = |part: &str, length| {
            let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            part.len() == length && part.bytes().all(legal)
        };
        let (id, secret) = text.split_once('.')?;
        (is(id, 6) && is(secret, 16)).then(|| Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    api_version: String,
    kind: String,
    discovery: Discovery,
    #[serde(default)]
    node_registration: NodeRegistration,
    #[serde(default)]
    timeouts: Timeouts,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    bootstrap_token: BootstrapToken,
    timeout: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BootstrapToken {
    token: String,
    api_server_endpoint: String,
    #[serde(default)]
    ca_cert_hashes: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeRegistration {
    name: Option<String>,
    #[serde(default)]
    taints: Vec<Taint>,
    #[serde(default)]
    kubelet_extra_args: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timeouts {
    discovery: Option<String>,
    tls_bootstrap: Option<String>,
}

impl Configuration {
    /// Reads YAML, and so JSON.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            Failure::Configuration(format!("couldn't load the JoinConfiguration: {error}"))
        })?;
        let invalid =
            |field: &str, why: &str| Failure::Configuration(format!("{field}: Invalid value: {why}"));
        if file.kind != "JoinConfiguration" {
            return Err(invalid("kind", &format!("{} is no JoinConfiguration", file.kind)));
        }
        let arguments = match file.api_version.as_str() {
            "kubeadm.k8s.io/v1beta4" => listed(&file.node_registration.kubelet_extra_args),
            "kubeadm.k8s.io/v1beta3" => mapped(&file.node_registration.kubelet_extra_args),
            other => return Err(invalid("apiVersion", &format!("{other} is not known"))),
        };
        let arguments = arguments.ok_or_else(|| {
            let why = format!("not as {} has them", file.api_version);
            invalid("nodeRegistration.kubeletExtraArgs", &why)
        })?;
        let bootstrap = file.discovery.bootstrap_token;
        let token = Token::parse(&bootstrap.token)
            .ok_or_else(|| invalid("discovery.bootstrapToken.token", "the bootstrap token is invalid"))?;
        if bootstrap.ca_cert_hashes.is_empty() {
            let why = "using token-based discovery without caCertHashes can be unsafe";
            return Err(invalid("discovery.bootstrapToken.caCertHashes", why));
        }
        let wait = |given: Option<&String>| match given {
            None => Ok(WAIT),
            Some(text) => text
                .parse::<SignedDuration>()
                .ok()
                .and_then(|wait| Duration::try_from(wait).ok())
                .ok_or_else(|| invalid("timeouts", &format!("{text} is no duration"))),
        };
        Ok(Self {
            token,
            endpoint: bootstrap.api_server_endpoint,
            pins: bootstrap.ca_cert_hashes,
            node_name: file.node_registration.name,
            taints: file.node_registration.taints,
            labels: arguments
                .get("node-labels")
                .map(|text| labels(text))
                .unwrap_or_default(),
            provider_id: arguments.get("provider-id").cloned(),
            discovery: wait(
                file.timeouts
                    .discovery
                    .as_ref()
                    .or(file.discovery.timeout.as_ref()),
            )?,
            tls_bootstrap: wait(file.timeouts.tls_bootstrap.as_ref())?,
        })
    }
}

/// Flags of the kubelet in v1beta4: a list of names and values.
fn listed(arguments: &Value) -> Option<BTreeMap<String, String>> {
    if arguments.is_null() {
        return Some(BTreeMap::new());
    }
    let flag = |flag: &Value| {
        Some((
            flag["name"].as_str()?.to_owned(),
            flag["value"].as_str()?.to_owned(),
        ))
    };
    arguments.as_array()?.iter().map(flag).collect()
}

/// Flags of the kubelet in v1beta3: a map.
fn mapped(arguments: &Value) -> Option<BTreeMap<String, String>> {
    if arguments.is_null() {
        return Some(BTreeMap::new());
    }
    let flag = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    arguments.as_object()?.iter().map(flag).collect()
}

/// The value of the kubelet's flag `--node-labels`.
fn labels(text: &str) -> BTreeMap<String, String> {
    let label = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key.to_owned(), value.to_owned())
    };
    text.split(',')
        .filter(|pair| !pair.is_empty())
        .map(label)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(version: &str, arguments: &Value) -> Value {
        json!({
            "apiVersion": format!("kubeadm.k8s.io/{version}"),
            "kind": "JoinConfiguration",
            "discovery": {"bootstrapToken": {
                "token": "abcdef.0123456789abcdef", "apiServerEndpoint": "127.0.0.1:1", "caCertHashes": ["sha256:00"],
            }},
            "nodeRegistration": {
                "name": "node-1",
                "taints": [{"key": "lamplighter.dev/uninitialized", "effect": "NoSchedule"}],
                "kubeletExtraArgs": arguments,
            },
            "timeouts": {"discovery": "1m30s"},
        })
    }

    #[test]
    fn both_versions_are_read_and_neither_is_taken_for_the_other() {
        let list = json!([{"name": "node-labels", "value": "a=1,b="}]);
        let map = json!({"node-labels": "a=1,b="});
        for (version, arguments) in [("v1beta4", &list), ("v1beta3", &map)] {
            let read = Configuration::parse(&file(version, arguments).to_string()).unwrap();
            assert_eq!(read.token.text(), "abcdef.0123456789abcdef");
            assert_eq!(
                read.labels,
                BTreeMap::from([("a".into(), "1".into()), ("b".into(), String::new())])
            );
            assert_eq!(
                (read.discovery, read.tls_bootstrap),
                (Duration::from_secs(90), WAIT)
            );
            assert_eq!(read.taints[0].key, "lamplighter.dev/uninitialized");
        }
        for (version, arguments) in [("v1beta4", &map), ("v1beta3", &list), ("v1beta2", &map)] {
            assert!(
                Configuration::parse(&file(version, arguments).to_string()).is_err(),
                "{version}"
            );
        }
    }

    #[test]
    fn without_a_pin_or_with_another_token_nothing_is_begun() {
        for (pointer, value) in [
            ("/discovery/bootstrapToken/caCertHashes", json!([])),
            (
                "/discovery/bootstrapToken/token",
                json!("abcdef.0123456789ABCDEF"),
            ),
            ("/discovery/bootstrapToken/token", json!("abcdef0123456789abcdef")),
            ("/kind", json!("InitConfiguration")),
        ] {
            let mut file = file("v1beta4", &Value::Null);
            *file.pointer_mut(pointer).unwrap() = value;
            let failure = Configuration::parse(&file.to_string()).unwrap_err();
            assert_eq!(failure.exit_code(), 3, "{pointer}");
        }
    }

    #[test]
    fn a_token_does_not_show_when_it_is_printed() {
        let read = Configuration::parse(&file("v1beta4", &Value::Null).to_string()).unwrap();
        assert!(!format!("{read:?}").contains("0123456789abcdef"));
    }
}
