//! Requests for kubelets' client certificates: which there are, and what is decided about them.

use domain::join::{Decision, SIGNER, SigningRequest};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestSpec,
    CertificateSigningRequestStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Api, ListParams, PostParams};

use crate::{Cluster, Error};

/// Requests in a page: each is some kilobytes.
const PAGE: u32 = 500;

/// Lists requests.
pub trait ListSigningRequests {
    /// Those to the signer of kubelets' client certificates, decided or not.
    async fn signing_requests(&self) -> Result<Vec<SigningRequest>, Error>;
}

/// Decides about requests.
pub trait DecideSigningRequest {
    /// Writes the decision. A conflict means that somebody else wrote to the request since it was seen, see
    /// [`Error::is_conflict`].
    async fn decide(&self, request: &SigningRequest, ruling: &Ruling) -> Result<(), Error>;
}

/// A decision, with the words in which people find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it may be signed.
    pub is_approved: bool,
    /// One word in `CamelCase`.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

impl Cluster {
    fn requests(&self) -> Api<CertificateSigningRequest> {
        Api::all(self.client.clone())
    }
}

impl ListSigningRequests for Cluster {
    async fn signing_requests(&self) -> Result<Vec<SigningRequest>, Error> {
        let call = "list certificate signing requests";
        let selector = format!("spec.signerName={SIGNER}");
        let mut params = ListParams::default().fields(&selector).limit(PAGE);
        let mut found = Vec::new();
        loop {
            let page = self.requests().list(&params).await;
            let page = page.map_err(|error| Error::new(call, error))?;
            for request in page.items {
                found.push(from_resource(call, request)?);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(found),
            }
        }
    }
}

impl DecideSigningRequest for Cluster {
    async fn decide(&self, request: &SigningRequest, ruling: &Ruling) -> Result<(), Error> {
        let verb = if ruling.is_approved { "approve" } else { "deny" };
        let call = format!("{verb} certificate signing request {}", request.name);
        let object = to_resource(request, ruling);
        let params = PostParams::default();
        let written = self
            .requests()
            .replace_subresource("approval", &request.name, &params, &object)
            .await;
        written.map(drop).map_err(|error| Error::new(call, error))
    }
}

fn from_resource(call: &str, request: CertificateSigningRequest) -> Result<SigningRequest, Error> {
    let (meta, spec) = (request.metadata, request.spec);
    let name = meta.name.unwrap_or_default();
    let lacks = |field| Error::Incomplete {
        call: call.to_owned(),
        object: name.clone(),
        field,
    };
    Ok(SigningRequest {
        resource_version: meta
            .resource_version
            .ok_or_else(|| lacks("metadata.resourceVersion"))?,
        created: meta
            .creation_timestamp
            .ok_or_else(|| lacks("metadata.creationTimestamp"))?
            .0,
        signer: spec.signer_name,
        user: spec.username.unwrap_or_default(),
        groups: spec.groups.unwrap_or_default(),
        usages: spec.usages.unwrap_or_default(),
        duration: spec
            .expiration_seconds
            .map(|seconds| SignedDuration::from_secs(seconds.into())),
        request: spec.request.0,
        decision: decision(request.status.unwrap_or_default()),
        name,
    })
}

fn decision(status: CertificateSigningRequestStatus) -> Decision {
    let conditions = status.conditions.unwrap_or_default();
    let has = |type_: &str| conditions.iter().any(|condition| condition.type_ == type_);
    if has("Denied") || has("Failed") {
        Decision::Refused
    } else if has("Approved") {
        Decision::Approved
    } else {
        Decision::Pending
    }
}

/// The subresource takes a whole object, and of it the conditions alone: the API server keeps what else it has.
/// The version that was seen goes along, so that nobody else's decision is written over.
fn to_resource(request: &SigningRequest, ruling: &Ruling) -> CertificateSigningRequest {
    let type_ = if ruling.is_approved { "Approved" } else { "Denied" };
    CertificateSigningRequest {
        metadata: ObjectMeta {
            name: Some(request.name.clone()),
            resource_version: Some(request.resource_version.clone()),
            ..ObjectMeta::default()
        },
        spec: CertificateSigningRequestSpec {
            request: ByteString(request.request.clone()),
            signer_name: request.signer.clone(),
            usages: Some(request.usages.clone()),
            ..CertificateSigningRequestSpec::default()
        },
        status: Some(CertificateSigningRequestStatus {
            conditions: Some(vec![CertificateSigningRequestCondition {
                type_: type_.to_owned(),
                status: "True".to_owned(),
                reason: Some(ruling.reason.to_owned()),
                message: Some(ruling.message.clone()),
                last_update_time: Some(Time(ruling.at)),
                ..CertificateSigningRequestCondition::default()
            }]),
            ..CertificateSigningRequestStatus::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scenario::Scenario;

    const PATH: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

    fn resource(name: &str, conditions: &Value) -> Value {
        json!({
            "metadata": { "name": name, "resourceVersion": "7", "creationTimestamp": "2026-11-21T08:00:30Z" },
            "spec": {
                "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
                "username": "system:bootstrap:abc123",
                "groups": ["system:bootstrappers"],
                "usages": ["client auth"],
                "expirationSeconds": 3600,
                "request": "aGk=",
            },
            "status": { "conditions": conditions },
        })
    }

    fn request() -> SigningRequest {
        let resource = serde_json::from_value(resource("csr-1", &json!([]))).unwrap();
        from_resource("test", resource).unwrap()
    }

    #[tokio::test]
    async fn every_page_of_the_signers_requests_is_read_and_decisions_are_known() {
        let (cluster, scenario) = Scenario::new();
        let condition = |type_: &str| json!([{ "type": type_, "status": "True" }]);
        let first = [
            resource("pending", &Value::Null),
            resource("approved", &condition("Approved")),
        ];
        let second = [
            resource("denied", &condition("Denied")),
            resource("failed", &condition("Failed")),
        ];
        let path = format!(
            "{PATH}?&fieldSelector=spec.signerName%3Dkubernetes.io%2Fkube-apiserver-client-kubelet&limit=500"
        );
        let served = scenario
            .answer(
                "GET",
                &path,
                200,
                json!({ "metadata": { "continue": "n" }, "items": first }),
            )
            .answer(
                "GET",
                &format!("{path}&continue=n"),
                200,
                json!({ "metadata": {}, "items": second }),
            )
            .serve();
        let found = cluster.signing_requests().await.unwrap();
        served.finished().await;
        let decisions: Vec<Decision> = found.iter().map(|one| one.decision).collect();
        let expected = [
            Decision::Pending,
            Decision::Approved,
            Decision::Refused,
            Decision::Refused,
        ];
        assert_eq!(decisions, expected);
        let expected = SigningRequest {
            name: "pending".to_owned(),
            resource_version: "7".to_owned(),
            created: "2026-11-21T08:00:30Z".parse().unwrap(),
            signer: "kubernetes.io/kube-apiserver-client-kubelet".to_owned(),
            user: "system:bootstrap:abc123".to_owned(),
            groups: vec!["system:bootstrappers".to_owned()],
            usages: vec!["client auth".to_owned()],
            duration: Some(SignedDuration::from_secs(3600)),
            request: b"hi".to_vec(),
            decision: Decision::Pending,
        };
        assert_eq!(found[0], expected);
    }

    #[tokio::test]
    async fn a_decision_is_one_condition_on_the_version_that_was_seen() {
        let ruling = Ruling {
            is_approved: false,
            reason: "OtherNode",
            message: "the request is for another node".to_owned(),
            at: "2026-11-21T08:00:31Z".parse().unwrap(),
        };
        let body = json!({
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": { "name": "csr-1", "resourceVersion": "7" },
            "spec": {
                "request": "aGk=",
                "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
                "usages": ["client auth"],
            },
            "status": { "conditions": [{
                "type": "Denied",
                "status": "True",
                "reason": "OtherNode",
                "message": "the request is for another node",
                "lastUpdateTime": "2026-11-21T08:00:31Z",
            }]},
        });
        let (cluster, scenario) = Scenario::new();
        let path = format!("{PATH}/csr-1/approval?");
        let conflict = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Conflict",
                               "message": "changed", "code": 409 });
        let served = scenario
            .expect_body("PUT", &path, body)
            .answer_last(200, resource("csr-1", &json!([])))
            .answer("PUT", &path, 409, conflict)
            .serve();
        cluster.decide(&request(), &ruling).await.unwrap();
        let approval = Ruling {
            is_approved: true,
            ..ruling
        };
        let error = cluster.decide(&request(), &approval).await.unwrap_err();
        assert!(error.is_conflict());
        assert!(
            error
                .to_string()
                .starts_with("approve certificate signing request csr-1: "),
            "{error}"
        );
        served.finished().await;
    }
}
