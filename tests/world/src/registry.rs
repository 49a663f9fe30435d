//! Images in the registry of a world, pushed and deleted as its administrator.
//!
//! What is pushed is a proper image with a configuration and a layer, only small. Whether a kubelet of the world can run
//! it is said by its digest, see [`control_plane::failures`]: [`Contents::failing`] looks for contents whose digest ends
//! as that failure's does, and [`Contents::new`] for one that ends as none's.

use anyhow::{Context, Result};
use base::aws;
use emulator::client::Refused;
use emulator::forward::loopback;
use serde_json::{Value, json};

use crate::World;

mod contents;

pub use contents::Contents;
use contents::{Blob, Manifest, attestation, index_of};

/// An image for several architectures, as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its digest, and the only one that has the tag.
    pub digest: String,
    /// Those of its images, in the order of the architectures.
    pub images: Vec<String>,
    /// That of the attestation, which is for the platform `unknown/unknown`.
    pub attestation: String,
}

/// The host name of the registry, as images and pull secrets name it. Nothing listens there.
pub fn host() -> String {
    format!("{}.dkr.ecr.{}.amazonaws.com", aws::ACCOUNT, aws::REGION)
}

/// An image as a container names it.
pub fn image_reference(repository: &str, tag: &str) -> String {
    format!("{}/{repository}:{tag}", host())
}

/// Creates a repository whose tags move.
pub async fn create_repository(world: &World, name: &str) -> Result<()> {
    let mutable = json!({"repositoryName": name, "imageTagMutability": "MUTABLE"});
    ecr(world, "CreateRepository", &mutable).await.map(drop)
}

/// Creates a repository whose tags don't.
pub async fn create_immutable_repository(world: &World, name: &str) -> Result<()> {
    let immutable = json!({"repositoryName": name, "imageTagMutability": "IMMUTABLE"});
    ecr(world, "CreateRepository", &immutable).await.map(drop)
}

/// Gives a repository a lifecycle policy. It can be read; nobody carries it out here.
pub async fn put_lifecycle_policy(world: &World, name: &str, policy: &Value) -> Result<()> {
    let put = json!({"repositoryName": name, "lifecyclePolicyText": policy.to_string()});
    ecr(world, "PutLifecyclePolicy", &put).await.map(drop)
}

/// Deletes a repository with all that is in it, which is no deletion of images.
pub async fn delete_repository(world: &World, name: &str) -> Result<()> {
    let forced = json!({"repositoryName": name, "force": true});
    ecr(world, "DeleteRepository", &forced).await.map(drop)
}

/// Pushes an image for one architecture under all these tags, one after the other, or without any. Returns its digest. Under
/// a tag that it has already, nothing happens.
pub async fn push(world: &World, repository: &str, tags: &[&str], contents: &Contents) -> Result<String> {
    let (manifest, blobs) = contents.manifest();
    upload(world, repository, &blobs).await?;
    if tags.is_empty() {
        put(world, repository, &manifest, None).await?;
    }
    for tag in tags {
        put(world, repository, &manifest, Some(tag)).await?;
    }
    Ok(manifest.digest)
}

/// Pushes an image for several architectures as `docker buildx` does: first each of its images and an attestation, without
/// tags, then the index with the tag. If the contents fail, they do by the digest of the index.
pub async fn push_index(
    world: &World,
    repository: &str,
    tag: &str,
    contents: &Contents,
    architectures: &[&str],
) -> Result<Index> {
    let mut children = Vec::new();
    for architecture in architectures {
        let (manifest, blobs) = contents.for_architecture(architecture).manifest();
        upload(world, repository, &blobs).await?;
        put(world, repository, &manifest, None).await?;
        children.push((manifest, (*architecture).to_owned()));
    }
    let subject = children.first().context("an index without architectures")?;
    let (attestation, blobs) = attestation(&subject.0.digest);
    upload(world, repository, &blobs).await?;
    put(world, repository, &attestation, None).await?;
    let index = index_of(contents, &children, &attestation, &subject.0.digest);
    put(world, repository, &index, Some(tag)).await?;
    Ok(Index {
        digest: index.digest,
        images: children.into_iter().map(|(image, _)| image.digest).collect(),
        attestation: attestation.digest,
    })
}

/// Pushes something that no kubelet can run, such as a Helm chart, whose configuration is of this type. Returns its digest.
pub async fn push_artifact(world: &World, repository: &str, tag: &str, media_type: &str) -> Result<String> {
    let (manifest, blobs) = contents::artifact(media_type, tag);
    upload(world, repository, &blobs).await?;
    put(world, repository, &manifest, Some(tag)).await?;
    Ok(manifest.digest)
}

/// Gives an image that is there one more tag, or moves the tag to it.
pub async fn tag(world: &World, repository: &str, digest: &str, tag: &str) -> Result<()> {
    let wanted = json!({"repositoryName": repository, "imageIds": [{"imageDigest": digest}]});
    let answer = ecr(world, "BatchGetImage", &wanted).await?;
    let image = &answer["images"][0];
    let text = |field: &str| {
        let text = image[field].as_str().map(str::to_owned);
        text.with_context(|| format!("there is no image {digest} in {repository}"))
    };
    let manifest = Manifest {
        media_type: text("imageManifestMediaType")?,
        text: text("imageManifest")?,
        digest: digest.to_owned(),
    };
    put(world, repository, &manifest, Some(tag)).await
}

/// Deletes an image by its digest, or takes a tag from it, and deletes it if that was its last one.
pub async fn delete(world: &World, repository: &str, tag_or_digest: &str) -> Result<()> {
    let field = if tag_or_digest.starts_with("sha256:") {
        "imageDigest"
    } else {
        "imageTag"
    };
    let wanted = json!({"repositoryName": repository, "imageIds": [{field: tag_or_digest}]});
    let answer = ecr(world, "BatchDeleteImage", &wanted).await?;
    match answer["failures"]
        .as_array()
        .and_then(|failures| failures.first())
    {
        Some(failure) => Err(Refused {
            status: 200,
            code: failure["failureCode"].as_str().unwrap_or_default().to_owned(),
            message: failure["failureReason"].as_str().unwrap_or_default().to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}

/// Asks for an image by tag or digest as a kubelet does that has this entry of a pull secret: `AWS:<password>` in base64.
/// Returns the HTTP status: 200, 401 for a password that nobody was given, 403 for one that is too old or whose owner may
/// not pull.
pub async fn pull(world: &World, repository: &str, tag_or_digest: &str, auth: &str) -> Result<u16> {
    let url = format!(
        "{}/v2/{repository}/manifests/{tag_or_digest}",
        world.emulator().endpoint()
    );
    let request = loopback()?
        .get(url)
        .header("authorization", format!("Basic {auth}"));
    Ok(request.send().await?.status().as_u16())
}

/// Every password that was given so far becomes too old, as it does after twelve hours.
pub async fn expire_passwords(world: &World) -> Result<()> {
    ecr(world, "ExpireAuthorizationTokens", &json!({}))
        .await
        .map(drop)
}

async fn put(world: &World, repository: &str, manifest: &Manifest, tag: Option<&str>) -> Result<()> {
    let mut image = json!({
        "repositoryName": repository,
        "imageManifest": manifest.text,
        "imageManifestMediaType": manifest.media_type,
        "imageDigest": manifest.digest,
    });
    if let Some(tag) = tag {
        image["imageTag"] = json!(tag);
    }
    match ecr(world, "PutImage", &image).await {
        Err(error) if Refused::is(&error, "ImageAlreadyExistsException") => Ok(()),
        put => put.map(drop),
    }
}

async fn upload(world: &World, repository: &str, blobs: &[Blob]) -> Result<()> {
    for blob in blobs {
        let begun = json!({"repositoryName": repository});
        let begun = ecr(world, "InitiateLayerUpload", &begun).await?;
        let id = begun["uploadId"]
            .as_str()
            .context("ECR gave no id of an upload")?;
        let part = json!({
            "repositoryName": repository,
            "uploadId": id,
            "partFirstByte": 0,
            "partLastByte": blob.content.len().saturating_sub(1),
            "layerPartBlob": blob.base64(),
        });
        ecr(world, "UploadLayerPart", &part).await?;
        let whole = json!({"repositoryName": repository, "uploadId": id, "layerDigests": [blob.digest]});
        match ecr(world, "CompleteLayerUpload", &whole).await {
            Err(error) if Refused::is(&error, "LayerAlreadyExistsException") => (),
            completed => drop(completed?),
        }
    }
    Ok(())
}

async fn ecr(world: &World, operation: &str, input: &Value) -> Result<Value> {
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    world.aws()?.json("ecr", &target, input).await
}
