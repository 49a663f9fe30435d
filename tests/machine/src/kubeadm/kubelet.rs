//! What a kubelet with a token does to get its certificate.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestSpec,
};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _};
use sha2::{Digest, Sha256};

use super::cluster::Identity;
use super::pins::hex;
use super::root::Root;

const SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";

/// The real one watches. The answer comes seconds after the question, by a function that looks every few seconds.
const LOOK: Duration = Duration::from_millis(500);

/// Asks for a certificate of the node and waits for it.
pub(super) async fn bootstrap(
    joining: &Client,
    root: &Root,
    node: &str,
    limit: Duration,
) -> Result<Identity> {
    let key = root.key()?;
    let requests: Api<CertificateSigningRequest> = Api::all(joining.clone());
    let name = post(&requests, &key, node).await?;
    let certificate = certificate(&requests, &name, limit).await?;
    Ok(Identity {
        certificate,
        key: key.serialize_pem(),
    })
}

/// Posts the request, and gives its name. It is the same for the same key and node, so that a kubelet that is started
/// again finds its request.
async fn post(requests: &Api<CertificateSigningRequest>, key: &KeyPair, node: &str) -> Result<String> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "system:nodes");
    params
        .distinguished_name
        .push(DnType::CommonName, format!("system:node:{node}"));
    let pem = params.serialize_request(key)?.pem()?;
    let mut digest = Sha256::new();
    digest.update(key.subject_public_key_info());
    digest.update(node);
    let name = format!("node-csr-{}", hex(&digest.finalize()[..16]));
    let request = CertificateSigningRequest {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            ..ObjectMeta::default()
        },
        spec: CertificateSigningRequestSpec {
            request: ByteString(pem.into_bytes()),
            signer_name: SIGNER.to_owned(),
            usages: Some(["digital signature", "client auth"].map(str::to_owned).to_vec()),
            ..CertificateSigningRequestSpec::default()
        },
        status: None,
    };
    match requests.create(&PostParams::default(), &request).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(name),
        posted => posted
            .map(|_| name)
            .context("cannot create certificate signing request"),
    }
}

async fn certificate(
    requests: &Api<CertificateSigningRequest>,
    name: &str,
    limit: Duration,
) -> Result<String> {
    let deadline = Instant::now() + limit;
    loop {
        let request = requests
            .get(name)
            .await
            .context("cannot watch on the certificate signing request")?;
        let status = request.status.unwrap_or_default();
        if let Some(ByteString(certificate)) = status.certificate {
            return String::from_utf8(certificate).context("the certificate is no PEM");
        }
        let refused =
            |one: &&CertificateSigningRequestCondition| matches!(one.type_.as_str(), "Denied" | "Failed");
        if let Some(refusal) = status.conditions.iter().flatten().find(refused) {
            bail!(
                "certificate signing request {name} is {}, reason: {}, message: {}",
                refusal.type_.to_lowercase(),
                refusal.reason.as_deref().unwrap_or_default(),
                refusal.message.as_deref().unwrap_or_default()
            );
        }
        if Instant::now() >= deadline {
            bail!("failed while waiting for TLS bootstrap: {name} has no certificate after {limit:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
}
