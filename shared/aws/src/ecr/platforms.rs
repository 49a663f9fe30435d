//! For which machines an image is.

use aws_sdk_ecr::types::{ImageFailure, ImageFailureCode, ImageIdentifier};
use domain::failure::Class;
use domain::image::{Digest, Platforms, Repository, configures};
use serde_json::Value;

use super::Ecr;
use crate::error::{Call, Error};

/// What is understood here. An image that is named by its digest comes in the form in which it was pushed, or not at all
/// (ECR user guide, "Amazon ECR image manifest conversion").
const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// The annotation by which `BuildKit` marks what it puts into an index beside the images, attestations above all
/// (Docker's documentation, "Image attestation storage").
const REFERENCE: &str = "vnd.docker.reference.type";
/// The architecture of what is for no machine.
const NO_ARCHITECTURE: &str = "unknown";

/// Reads for which machines an image is.
pub trait ReadPlatforms {
    /// An index names them. An image of its own says in its configuration for which architecture it is; that is read from
    /// the bucket in which ECR keeps layers. [`Platforms::Unknown`] is the answer for an index that leaves a platform out,
    /// and for an image whose configuration does not say.
    ///
    /// Architectures are known by Go's names: `amd64`, `arm64`. Variants (`v7`) are left out. An image that the repository
    /// does not hold is an error.
    async fn platforms(&self, repository: &Repository, digest: &Digest) -> Result<Platforms, Error>;
}

impl ReadPlatforms for Ecr {
    async fn platforms(&self, repository: &Repository, digest: &Digest) -> Result<Platforms, Error> {
        let subject = format!("image {digest}, repository {repository}");
        let call = Call::new("ecr:BatchGetImage", subject);
        let client = self.client(&repository.region, &call)?;
        let request = client
            .batch_get_image()
            .registry_id(&repository.account)
            .repository_name(&repository.name)
            .image_ids(ImageIdentifier::builder().image_digest(digest.as_str()).build())
            .set_accepted_media_types(Some(ACCEPTED.map(str::to_owned).into()));
        let answer = request.send().await.map_err(|error| call.clone().failed(error))?;
        if let Some(failure) = answer.failures().first() {
            return Err(refused(failure, &call));
        }
        let image = call.must("image", answer.images().first())?;
        let manifest = call.must("manifest", image.image_manifest())?;
        let manifest: Value =
            serde_json::from_str(manifest).map_err(|error| call.unexpected(format!("manifest: {error}")))?;
        let Some(descriptors) = manifest.get("manifests").and_then(Value::as_array) else {
            return self.configured(repository, &manifest["config"]).await;
        };
        Ok(indexed(descriptors))
    }
}

/// The platforms of an index. None, if nothing in it is an image.
fn indexed(descriptors: &[Value]) -> Platforms {
    let images = descriptors.iter().filter(|descriptor| is_image(descriptor));
    let architectures = images.map(|image| image["platform"]["architecture"].as_str().map(str::to_owned));
    let architectures: Option<_> = architectures.collect();
    architectures.map_or(Platforms::Unknown, Platforms::Of)
}

/// What an index names by a type that is not that of a container image is something else: a signature, an index of layers (OCI
/// image specification, "Content Descriptors").
fn is_image(descriptor: &Value) -> bool {
    let is_other = |kind: &str| !configures(kind);
    let beside = !descriptor["annotations"][REFERENCE].is_null()
        || descriptor["platform"]["architecture"] == NO_ARCHITECTURE
        || descriptor["artifactType"].as_str().is_some_and(is_other);
    !beside
}

/// An image that is not given, within an answer that is none of an error.
fn refused(failure: &ImageFailure, call: &Call) -> Error {
    let code = failure.failure_code();
    let text = code.map_or("no code", ImageFailureCode::as_str);
    let mut refused = call.refused(text, failure.failure_reason().unwrap_or("no message"));
    // Of a repository that caches another registry: it may answer the next time.
    let is_away = matches!(
        code,
        Some(ImageFailureCode::UpstreamTooManyRequests | ImageFailureCode::UpstreamUnavailable)
    );
    if let Error::Refused { class, .. } = &mut refused
        && is_away
    {
        *class = Class::Transient;
    }
    refused
}

#[cfg(test)]
pub(super) mod tests;
