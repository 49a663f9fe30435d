//! The PKCS#10 request in a `CertificateSigningRequest`, read so strictly that no other reader can see something
//! else in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME};
use x509_parser::prelude::FromDer as _;

const BEGIN: &str = "-----BEGIN CERTIFICATE REQUEST-----";
const END: &str = "-----END CERTIFICATE REQUEST-----";

/// The one organisation of kubelets: what RBAC and `NodeRestriction` know them by.
const ORGANIZATION: &str = "system:nodes";

/// What a kubelet's common name begins with, before the name of its node.
const COMMON_NAME: &str = "system:node:";

/// An empty set of attributes, `[0] {}` in DER. A kubelet asks for none, and RFC 2986 wants the set to be there.
const NO_ATTRIBUTES: [u8; 2] = [0xa0, 0x00];

/// What a kubelet asks to be certified as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeletRequest {
    /// The node's name, as the request has it. It may be empty: nobody has checked it yet.
    pub node: String,
}

/// A request that no kubelet makes for its client certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAKubelets {
    /// Not one block of PEM and nothing else.
    #[error("the request is not one PEM block of a certificate request")]
    Pem,
    /// Not PKCS#10.
    #[error("the request is not PKCS#10: {0}")]
    Pkcs10(String),
    /// It asks for names beside the subject.
    #[error("the request asks for subject alternative names")]
    AlternativeNames,
    /// It asks for something else beside the subject.
    #[error("the request has attributes: expected none")]
    Attributes,
    /// The organisation is another one, or not the only one.
    #[error("the subject's organization is {0:?}: expected system:nodes alone")]
    Organization(Vec<String>),
    /// The common name is no node's.
    #[error("the subject's common name is {0:?}: expected one, system:node:<name>")]
    CommonName(Vec<String>),
    /// The subject says more.
    #[error("the subject is {0:?}: expected an organization and a common name alone")]
    Subject(String),
}

impl KubeletRequest {
    /// Reads the request and checks that it asks for nothing but a node's name.
    pub fn parse(pem: &[u8]) -> Result<Self, NotAKubelets> {
        let der = decoded(pem).ok_or(NotAKubelets::Pem)?;
        let (rest, request) = X509CertificationRequest::from_der(&der)
            .map_err(|error| NotAKubelets::Pkcs10(error.to_string()))?;
        if !rest.is_empty() {
            return Err(NotAKubelets::Pkcs10("more follows it".to_owned()));
        }
        check_attributes(&request)?;
        let node = node_in_subject(&request)?;
        Ok(Self { node })
    }
}

/// Readers of PEM differ in what they skip: headers, comments, a block whose end does not fit its beginning.
/// With nothing to skip, all of them see the same request.
fn decoded(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?.trim_ascii();
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    if !body.starts_with(['\n', '\r']) || !body.ends_with('\n') {
        return None;
    }
    let base64: String = body.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    STANDARD.decode(base64).ok()
}

/// The attributes must be none at all: those that one reader does not know or counts once, another may take as
/// a request for more names.
fn check_attributes(request: &X509CertificationRequest<'_>) -> Result<(), NotAKubelets> {
    let info = &request.certification_request_info;
    let end = [info.subject_pki.raw, &NO_ATTRIBUTES].concat();
    if info.raw.ends_with(&end) {
        return Ok(());
    }
    let names =
        |extension: &ParsedExtension<'_>| matches!(extension, ParsedExtension::SubjectAlternativeName(_));
    let has_names = request
        .requested_extensions()
        .is_some_and(|mut all| all.any(names));
    Err(if has_names {
        NotAKubelets::AlternativeNames
    } else {
        NotAKubelets::Attributes
    })
}

fn node_in_subject(request: &X509CertificationRequest<'_>) -> Result<String, NotAKubelets> {
    let subject = &request.certification_request_info.subject;
    let (mut organizations, mut names) = (Vec::new(), Vec::new());
    for attribute in subject.iter_attributes() {
        let list = if *attribute.attr_type() == OID_X509_ORGANIZATION_NAME {
            &mut organizations
        } else if *attribute.attr_type() == OID_X509_COMMON_NAME {
            &mut names
        } else {
            return Err(NotAKubelets::Subject(subject.to_string()));
        };
        let text = attribute
            .as_str()
            .map_err(|_| NotAKubelets::Subject(subject.to_string()))?;
        list.push(text.to_owned());
    }
    if organizations != [ORGANIZATION] {
        return Err(NotAKubelets::Organization(organizations));
    }
    let node = match names.as_slice() {
        [name] => name.strip_prefix(COMMON_NAME).map(str::to_owned),
        _ => None,
    };
    node.ok_or(NotAKubelets::CommonName(names))
}
