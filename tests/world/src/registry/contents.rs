//! Manifests, by the OCI image specification, and the search for those whose digests end in a certain way.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use control_plane::Failure;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What an image consists of. Equal contents have equal digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    text: String,
    architecture: String,
    failure: Option<Failure>,
}

impl Contents {
    /// An image that runs, for machines of the architecture `arm64`, which those of the world are.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            architecture: "arm64".to_owned(),
            failure: None,
        }
    }

    /// An image that fails in this way wherever it is named by its digest.
    pub fn failing(text: impl Into<String>, failure: Failure) -> Self {
        Self {
            failure: Some(failure),
            ..Self::new(text)
        }
    }

    /// The same for another architecture, by Go's name for it.
    #[must_use]
    pub fn for_architecture(&self, architecture: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            ..self.clone()
        }
    }

    /// The digest that it has when it is pushed for one architecture.
    pub fn digest(&self) -> String {
        self.manifest().0.digest
    }

    pub(super) fn manifest(&self) -> (Manifest, Vec<Blob>) {
        let layer = Blob::new(self.text.clone());
        let made = |attempt: u32| {
            let configuration = Blob::new(
                json!({
                    "architecture": self.architecture,
                    "os": "linux",
                    "config": {"Labels": {"attempt": attempt.to_string()}},
                    "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
                })
                .to_string(),
            );
            let manifest = manifest(&configuration, CONFIGURATION, &[(&layer, LAYER)]);
            (manifest, vec![configuration, layer.clone()])
        };
        searched(self.failure, made, |(manifest, _)| &manifest.digest)
    }
}

/// A manifest as its digest counts it, byte for byte.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) media_type: String,
    pub(super) text: String,
    pub(super) digest: String,
}

impl Manifest {
    fn new(media_type: &str, content: &Value) -> Self {
        let text = content.to_string();
        Self {
            media_type: media_type.to_owned(),
            digest: digest(text.as_bytes()),
            text,
        }
    }
}

/// A configuration or a layer.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub(super) content: Vec<u8>,
    pub(super) digest: String,
}

impl Blob {
    fn new(text: String) -> Self {
        let content = text.into_bytes();
        Self {
            digest: digest(&content),
            content,
        }
    }

    pub(super) fn base64(&self) -> String {
        STANDARD.encode(&self.content)
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": self.digest, "size": self.content.len()})
    }
}

/// What is not an image: `name` makes it different from others.
pub(super) fn artifact(media_type: &str, name: &str) -> (Manifest, Vec<Blob>) {
    let configuration = Blob::new(json!({"name": name}).to_string());
    let content = Blob::new(format!("content of {name}"));
    let manifest = manifest(
        &configuration,
        media_type,
        &[(&content, "application/octet-stream")],
    );
    (manifest, vec![configuration, content])
}

/// What `docker buildx` says of how an image was built.
pub(super) fn attestation(subject: &str) -> (Manifest, Vec<Blob>) {
    let configuration =
        Blob::new(json!({"architecture": "unknown", "os": "unknown", "config": {}}).to_string());
    let statement = Blob::new(json!({"subject": subject}).to_string());
    let manifest = manifest(
        &configuration,
        CONFIGURATION,
        &[(&statement, "application/vnd.in-toto+json")],
    );
    (manifest, vec![configuration, statement])
}

/// An index of these images, each with its architecture, and of the attestation of `subject`, which is one of them.
pub(super) fn index_of(
    contents: &Contents,
    images: &[(Manifest, String)],
    attestation: &Manifest,
    subject: &str,
) -> Manifest {
    let mut children: Vec<Value> = images
        .iter()
        .map(|(image, architecture)| child(image, architecture, "linux"))
        .collect();
    let mut attested = child(attestation, "unknown", "unknown");
    attested["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": subject,
    });
    children.push(attested);
    let made = |attempt: u32| {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": children,
            "annotations": {"attempt": attempt.to_string()},
        });
        Manifest::new(INDEX, &index)
    };
    searched(contents.failure, made, |index| &index.digest)
}

fn child(image: &Manifest, architecture: &str, os: &str) -> Value {
    json!({
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": image.text.len(),
        "platform": {"architecture": architecture, "os": os},
    })
}

fn manifest(configuration: &Blob, media_type: &str, layers: &[(&Blob, &str)]) -> Manifest {
    let layers: Vec<Value> = layers
        .iter()
        .map(|(layer, media_type)| layer.descriptor(media_type))
        .collect();
    let content = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": configuration.descriptor(media_type),
        "layers": layers,
    });
    Manifest::new(MANIFEST, &content)
}

/// The first of what is made whose digest says that it fails in this way, or in none. About 4,000 attempts for a failure.
fn searched<T>(failure: Option<Failure>, made: impl Fn(u32) -> T, digest: impl Fn(&T) -> &str) -> T {
    let mut attempt = 0;
    loop {
        let one = made(attempt);
        if Failure::of_digest(digest(&one)) == failure {
            return one;
        }
        attempt += 1;
    }
}

fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}"); // a String takes everything
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_by_its_digest_how_it_fails_or_that_it_does_not() {
        for failure in Failure::ALL {
            let digest = Contents::failing("shop 1.0", failure).digest();
            assert_eq!(Failure::of_digest(&digest), Some(failure), "{digest}");
        }
        for n in 0..1_000 {
            let digest = Contents::new(format!("shop 1.{n}")).digest();
            assert_eq!(Failure::of_digest(&digest), None, "{digest}");
        }
    }

    #[test]
    fn equal_contents_have_equal_digests_and_others_do_not() {
        let contents = Contents::new("shop");
        assert_eq!(contents.digest(), Contents::new("shop").digest());
        assert_ne!(contents.digest(), Contents::new("shops").digest());
        assert_ne!(contents.digest(), contents.for_architecture("amd64").digest());
    }

    #[test]
    fn an_index_fails_by_its_own_digest() {
        let contents = Contents::failing("shop", Failure::CrashLoop);
        let (image, _) = contents.manifest();
        let subject = image.digest.clone();
        let (attested, _) = attestation(&subject);
        let index = index_of(&contents, &[(image, "arm64".to_owned())], &attested, &subject);
        assert_eq!(Failure::of_digest(&index.digest), Some(Failure::CrashLoop));
    }
}
