//! ECR.

use std::collections::BTreeSet;

use aws::Error;
use aws::ecr::{DescribeImages, Described, GetLifecyclePolicy, ReadPlatforms};
use domain::image::{Digest, ImageRef, Platforms, Repository, Tag};
use jiff::Timestamp;

use super::{Fake, Nature, World};

/// The registry of all repositories.
pub(in crate::tests) const PLACE: &str = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";

/// An image, and for which architectures it is, if it is an index.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Image {
    digest: Digest,
    tags: BTreeSet<Tag>,
    pushed: Timestamp,
    architectures: Option<Vec<&'static str>>,
}

pub(in crate::tests) fn digest(number: u32) -> Digest {
    Digest::parse(format!("sha256:{number:064x}")).unwrap()
}

pub(in crate::tests) fn repository(name: &str) -> Repository {
    ImageRef::parse(&format!("{PLACE}/{name}:1"))
        .unwrap()
        .repository
        .unwrap()
}

impl World {
    /// Somebody pushes an image under a tag, which it takes from another that had it.
    pub(in crate::tests) fn push(&mut self, name: &str, tag: &str, number: u32, at: Timestamp) {
        let images = self.repositories.entry(repository(name)).or_default();
        let tag = Tag::parse(tag).unwrap();
        for image in images.iter_mut() {
            image.tags.remove(&tag);
        }
        let digest = digest(number);
        match images.iter_mut().find(|image| image.digest == digest) {
            Some(image) => drop(image.tags.insert(tag)),
            None => images.push(Image {
                digest,
                tags: BTreeSet::from([tag]),
                pushed: at,
                architectures: None,
            }),
        }
    }

    /// Somebody pushes an index: the images that it names have no tags.
    pub(in crate::tests) fn push_index(
        &mut self,
        name: &str,
        tag: &str,
        number: u32,
        architectures: &[&'static str],
        at: Timestamp,
    ) {
        self.push(name, tag, number, at);
        let images = self.repositories.get_mut(&repository(name)).unwrap();
        let index = images
            .iter_mut()
            .find(|image| image.digest == digest(number))
            .unwrap();
        index.architectures = Some(architectures.to_vec());
        images.extend((1..).zip(architectures).map(|(child, _)| Image {
            digest: digest(number + child),
            tags: BTreeSet::new(),
            pushed: at,
            architectures: None,
        }));
    }

    /// Somebody deletes an image.
    pub(in crate::tests) fn delete(&mut self, name: &str, number: u32) {
        let images = self.repositories.get_mut(&repository(name)).unwrap();
        images.retain(|image| image.digest != digest(number));
    }

    /// An image with a fault.
    pub(in crate::tests) fn spoil(&mut self, number: u32, nature: Nature) {
        self.natures.insert(digest(number), nature);
    }

    /// What a pull of an image brings now.
    pub(super) fn pulled(&self, text: &str) -> Option<Digest> {
        let image = ImageRef::parse(text).ok()?;
        let held = self.repositories.get(image.repository.as_ref()?)?;
        let is_meant = |held: &&Image| match (&image.digest, &image.tag) {
            (Some(digest), _) => held.digest == *digest,
            (None, Some(tag)) => held.tags.contains(tag),
            (None, None) => false,
        };
        held.iter().find(is_meant).map(|held| held.digest.clone())
    }
}

fn described(image: &Image) -> Described {
    Described {
        digest: image.digest.clone(),
        tags: image.tags.iter().cloned().collect(),
        pushed: image.pushed,
        manifest: None,
        // Of an image, the type of its configuration; an index has none.
        artifact: image
            .architectures
            .is_none()
            .then(|| "application/vnd.oci.image.config.v1+json".to_owned()),
    }
}

impl DescribeImages for Fake {
    async fn images(&self, repository: &Repository) -> Result<Vec<Described>, Error> {
        self.aws("ecr images", |world| {
            let held = world.repositories.get(repository);
            let held = held.ok_or("RepositoryNotFoundException")?;
            Ok(held.iter().map(described).collect())
        })
        .await
    }

    async fn image(&self, _: &Repository, _: &Digest) -> Result<Option<Described>, Error> {
        unreachable!("one list says it of all")
    }
}

impl ReadPlatforms for Fake {
    async fn platforms(&self, repository: &Repository, wanted: &Digest) -> Result<Platforms, Error> {
        self.aws("ecr platforms", |world| {
            let held = world.repositories.get(repository);
            let held = held.ok_or("RepositoryNotFoundException")?;
            let image = held.iter().find(|image| image.digest == *wanted);
            let image = image.ok_or("ImageNotFound")?;
            let architectures = image.architectures.as_ref();
            Ok(architectures.map_or(Platforms::Unknown, |names| {
                Platforms::Of(names.iter().map(|name| (*name).to_owned()).collect())
            }))
        })
        .await
    }
}

impl GetLifecyclePolicy for Fake {
    async fn lifecycle_policy(&self, _: &Repository) -> Result<Option<String>, Error> {
        self.aws("ecr lifecycle", |world| Ok(world.lifecycle.clone()))
            .await
    }
}
