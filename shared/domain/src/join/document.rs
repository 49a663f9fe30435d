//! What a machine reads to join: a versioned document around a whole kubeadm `JoinConfiguration`. It holds no
//! command; the node's script hands the configuration to `kubeadm join --config` as it is.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv6Addr;

use serde_json::{Value, json};

use super::{BootstrapToken, Issued, Pin};
use crate::ids::{ClusterName, InstanceId, NodeName};
use crate::keys::STARTUP_TAINT;
use crate::taint::{Effect, Taint};

/// The form of the document. A script that knows another one refuses it.
const VERSION: u8 = 1;

/// What a parameter of the standard tier holds, in bytes. Of the advanced tier each costs money by the month,
/// so a longer document is refused rather than put there.
const LONGEST: usize = 4096;

/// Which of kubeadm's configuration versions the machines' kubeadm reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KubeadmApi {
    /// Since kubeadm 1.31.
    #[default]
    V1Beta4,
    /// Until kubeadm 1.33, and the only one before 1.31.
    V1Beta3,
}

impl KubeadmApi {
    /// Reads the name of a version; `None` for one that we do not write.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "v1beta4" => Some(Self::V1Beta4),
            "v1beta3" => Some(Self::V1Beta3),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::V1Beta4 => "kubeadm.k8s.io/v1beta4",
            Self::V1Beta3 => "kubeadm.k8s.io/v1beta3",
        }
    }

    /// Arguments of the kubelet: a list since v1beta4, so that one can be given twice, and a map before.
    fn arguments(self, name: &str, value: &str) -> Value {
        match self {
            Self::V1Beta4 => json!([{ "name": name, "value": value }]),
            Self::V1Beta3 => json!({ name: value }),
        }
    }
}

/// Where the API server is found, `<host>:<port>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

/// A text that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("endpoint {0:?}: expected <host>:<port>, or an https URL without a path")]
pub struct InvalidEndpoint(String);

impl Endpoint {
    /// Parses `<host>:<port>`; an IPv6 address is in brackets.
    ///
    /// ```
    /// use domain::join::Endpoint;
    /// assert_eq!(Endpoint::parse("api.example.org:6443").unwrap().as_str(), "api.example.org:6443");
    /// assert!(Endpoint::parse("api.example.org").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let valid = text.rsplit_once(':').is_some_and(|(host, port)| {
            is_host(host)
                && port.bytes().all(|b| b.is_ascii_digit())
                && port.parse().is_ok_and(|port: u16| port > 0)
        });
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEndpoint(text.to_owned()))
        }
    }

    /// Takes the endpoint from the URL of a kubeconfig.
    pub fn of_url(url: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = || InvalidEndpoint(url.to_owned());
        let rest = url.strip_prefix("https://").ok_or_else(invalid)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        Self::parse(authority)
            .or_else(|_| Self::parse(&format!("{authority}:443")))
            .map_err(|_| invalid())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_host(host: &str) -> bool {
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match in_brackets {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        }
    }
}

/// Everything that goes into the document of one machine.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// The cluster.
    pub cluster: &'a ClusterName,
    /// The machine.
    pub instance: &'a InstanceId,
    /// The token.
    pub token: &'a BootstrapToken,
    /// Since when and until when it is valid.
    pub issued: &'a Issued,
    /// Where to join.
    pub endpoint: &'a Endpoint,
    /// By what to recognise the cluster.
    pub pins: &'a [Pin],
    /// As whom to join.
    pub node: &'a NodeName,
    /// Labels that a kubelet may give its node itself.
    pub labels: &'a BTreeMap<String, String>,
    /// Which kubeadm reads it.
    pub kubeadm: KubeadmApi,
}

/// The text of a document, which holds a whole token.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered(String);

impl Rendered {
    /// The text, for the request that puts it away.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rendered(redacted)")
    }
}

/// A document that no parameter of the standard tier holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "instance {instance}: the document has {bytes} bytes: expected at most {LONGEST}, with {labels} labels and {pins} pins"
)]
pub struct TooLong {
    /// The machine.
    pub instance: InstanceId,
    /// How long it would be.
    pub bytes: usize,
    /// How many labels are in it.
    pub labels: usize,
    /// How many pins are in it.
    pub pins: usize,
}

/// A value that is no document of ours. It may hold a secret, so none of it is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instance {instance}: the parameter's value is not its document: {field}")]
pub struct Unreadable {
    /// Whose parameter it is.
    pub instance: InstanceId,
    /// The field that is missing or says something else.
    pub field: &'static str,
}

impl Document<'_> {
    /// Writes it.
    pub fn render(&self) -> Result<Rendered, TooLong> {
        let text = json!({
            "version": VERSION,
            "cluster": self.cluster,
            "instanceId": self.instance,
            "issuedAt": self.issued.issued,
            "expiresAt": self.issued.expires,
            "expiresAtEpoch": self.issued.expires.as_second(),
            "joinConfiguration": self.join_configuration(),
        })
        .to_string();
        if text.len() > LONGEST {
            return Err(TooLong {
                instance: self.instance.clone(),
                bytes: text.len(),
                labels: self.labels.len(),
                pins: self.pins.len(),
            });
        }
        Ok(Rendered(text))
    }

    /// kubeadm reference, `JoinConfiguration`. All taints but the startup taint come later, from who labels:
    /// a kubelet can't take its own taints away.
    fn join_configuration(&self) -> Value {
        let mut registration = json!({
            "name": self.node,
            "taints": [Taint::new(STARTUP_TAINT, Effect::NoSchedule)],
        });
        if !self.labels.is_empty() {
            let labels: Vec<String> = self
                .labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            registration["kubeletExtraArgs"] = self.kubeadm.arguments("node-labels", &labels.join(","));
        }
        json!({
            "apiVersion": self.kubeadm.as_str(),
            "kind": "JoinConfiguration",
            "discovery": { "bootstrapToken": {
                "token": self.token.expose(),
                "apiServerEndpoint": self.endpoint.as_str(),
                "caCertHashes": self.pins,
            }},
            "nodeRegistration": registration,
        })
    }

    /// The token in a document that was written before, for `instance` of `cluster`, and its term.
    pub fn read(
        text: &str,
        cluster: &ClusterName,
        instance: &InstanceId,
    ) -> Result<(BootstrapToken, Issued), Unreadable> {
        let unreadable = |field| Unreadable {
            instance: instance.clone(),
            field,
        };
        let value: Value = serde_json::from_str(text).map_err(|_| unreadable("it is no JSON"))?;
        for (field, expected) in [
            ("version", json!(VERSION)),
            ("cluster", json!(cluster)),
            ("instanceId", json!(instance)),
        ] {
            if value[field] != expected {
                return Err(unreadable(field));
            }
        }
        let token = value["joinConfiguration"]["discovery"]["bootstrapToken"]["token"]
            .as_str()
            .and_then(BootstrapToken::parse)
            .ok_or_else(|| unreadable("token"))?;
        let time = |field| {
            let text = value[field].as_str().and_then(|text| text.parse().ok());
            text.ok_or_else(|| unreadable(field))
        };
        let issued = Issued {
            token: token.id().clone(),
            issued: time("issuedAt")?,
            expires: time("expiresAt")?,
        };
        if !issued.is_of_a_tokens_length() {
            return Err(unreadable("expiresAt"));
        }
        Ok((token, issued))
    }
}

#[cfg(test)]
mod tests;
