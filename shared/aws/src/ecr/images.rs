//! The images of a repository.

use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier, ImageStatus};
use domain::image::{Digest, Repository, Tag};
use jiff::Timestamp;

use super::{Ecr, read_time};
use crate::error::{Call, Error};

/// The largest page that the API gives.
const PAGE: i32 = 1000;

/// Reads what a repository holds.
///
/// An image in ECR's archive can't be pulled before somebody restores it: for both reads it is not there. A repository
/// that is not there is an error that [says so](Error::is_repository_missing).
pub trait DescribeImages {
    /// Every image of the repository, in no order. Those without a tag too: an image that runs may have lost its tag to
    /// another, and the images of an index have none of their own.
    async fn images(&self, repository: &Repository) -> Result<Vec<Described>, Error>;

    /// The image of that digest, if the repository holds it.
    async fn image(&self, repository: &Repository, digest: &Digest) -> Result<Option<Described>, Error>;
}

/// An image, or whatever else was pushed as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What it is known by, whatever becomes of its tags.
    pub digest: Digest,
    /// Its tags. One that no image's name could carry is left out: nothing can be deployed by it.
    pub tags: Vec<Tag>,
    /// When it was first pushed. There is no time of a tag: moving one does not change this (containers-roadmap#214).
    pub pushed: Timestamp,
    /// The media type of its manifest: whether it is an image of its own or an index of several.
    pub manifest: Option<String>,
    /// The media type of its configuration, where ECR tells it: a Helm chart, say, is told from a container image by it.
    pub artifact: Option<String>,
}

impl DescribeImages for Ecr {
    async fn images(&self, repository: &Repository) -> Result<Vec<Described>, Error> {
        let call = Call::new("ecr:DescribeImages", format!("repository {repository}"));
        let client = self.client(&repository.region, &call)?;
        let request = client
            .describe_images()
            .registry_id(&repository.account)
            .repository_name(&repository.name);
        let mut pages = request.max_results(PAGE).into_paginator().send();
        let mut images = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.clone().failed(error))?;
            for detail in page.image_details().iter().filter(|detail| can_be_pulled(detail)) {
                images.push(described(detail, &call)?);
            }
        }
        Ok(images)
    }

    async fn image(&self, repository: &Repository, digest: &Digest) -> Result<Option<Described>, Error> {
        let subject = format!("image {digest}, repository {repository}");
        let call = Call::new("ecr:DescribeImages", subject);
        let client = self.client(&repository.region, &call)?;
        let request = client
            .describe_images()
            .registry_id(&repository.account)
            .repository_name(&repository.name)
            .image_ids(ImageIdentifier::builder().image_digest(digest.as_str()).build());
        match request.send().await.map_err(|error| call.clone().failed(error)) {
            Ok(answer) => answer
                .image_details()
                .iter()
                .find(|detail| can_be_pulled(detail))
                .map(|detail| described(detail, &call))
                .transpose(),
            Err(error) if error.is("ImageNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// By default the API leaves out what is archived or on its way back, and says nothing of images named one by one.
fn can_be_pulled(detail: &ImageDetail) -> bool {
    let status = detail.image_status();
    !matches!(status, Some(ImageStatus::Archived | ImageStatus::Activating))
}

fn described(detail: &ImageDetail, call: &Call) -> Result<Described, Error> {
    let digest = call.must("digest", detail.image_digest())?;
    let pushed = detail.image_pushed_at().and_then(read_time);
    let tags = detail.image_tags().iter();
    Ok(Described {
        digest: Digest::parse(digest).map_err(|error| call.unexpected(error))?,
        tags: tags.filter_map(|tag| Tag::parse(tag.as_str()).ok()).collect(),
        pushed: call.must(&format!("push time of image {digest}"), pushed)?,
        manifest: detail.image_manifest_media_type().map(str::to_owned),
        artifact: detail.artifact_media_type().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests;
