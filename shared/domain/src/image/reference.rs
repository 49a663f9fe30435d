//! The names of images, as pods and the registry write them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::choice::{Digest, Tag};
use crate::ids::InvalidId;

/// A repository of ECR, of whatever account and region.
///
/// Two spellings of one registry (plain, FIPS, dual stack) are one repository: which one a pod pulls by is the business of
/// its image alone, see [`ImageRef`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    /// The account of the registry: 12 digits.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The name within the registry, `team/shop`.
    pub name: String,
}

/// An image as a container names it: `<host>/<repository>:<tag>@<digest>`, of which tag and digest may be missing.
///
/// ```
/// use domain::image::ImageRef;
/// let image = ImageRef::parse("111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web:1.2.3").unwrap();
/// assert_eq!(image.repository.as_ref().unwrap().name, "shop/web");
/// assert_eq!(image.tag.as_ref().unwrap().as_str(), "1.2.3");
/// assert!(ImageRef::parse("nginx").unwrap().repository.is_none(), "not of ECR");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    /// Everything before tag and digest, as it was written: host and path.
    pub place: String,
    /// The repository that `place` is, if it is one of ECR.
    pub repository: Option<Repository>,
    /// The tag.
    pub tag: Option<Tag>,
    /// The digest. It alone decides what is pulled, where it stands.
    pub digest: Option<Digest>,
}

impl Repository {
    /// The repository that a host and a path name. Hosts are `<account>.dkr.ecr.<region>.amazonaws.com`, with
    /// `dkr.ecr-fips` for FIPS, and `<account>.dkr-ecr.<region>.on.aws` for dual stack; in China they end in
    /// `.amazonaws.com.cn` and `.on.amazonwebservices.com.cn` (ECR user guide, "Making requests over IPv6";
    /// "Private registry").
    fn of(host: &str, path: &str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        let rest = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."]
            .into_iter()
            .find_map(|service| rest.strip_prefix(service))?;
        let (region, domain) = rest.split_once('.')?;
        let domains = [
            "amazonaws.com",
            "amazonaws.com.cn",
            "on.aws",
            "on.amazonwebservices.com.cn",
        ];
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_whole = is_account && !region.is_empty() && domains.contains(&domain) && !path.is_empty();
        is_whole.then(|| Self {
            account: account.to_owned(),
            region: region.to_owned(),
            name: path.to_owned(),
        })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} in {}", self.name, self.account, self.region)
    }
}

impl ImageRef {
    /// Parses the text of a container's `image`. A port of the host is no tag.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            what: "image",
            value: text.to_owned(),
            expected: "[<host>/]<repository>[:<tag>][@sha256:<64 hexadecimal digits>]",
        };
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(Digest::parse(digest).map_err(|_| invalid())?)),
            None => (text, None),
        };
        let last = named.rfind('/').map_or(0, |slash| slash + 1);
        let (place, tag) = match named[last..].find(':') {
            Some(colon) => {
                let (place, tag) = named.split_at(last + colon);
                (place, Some(Tag::parse(&tag[1..]).map_err(|_| invalid())?))
            }
            None => (named, None),
        };
        let is_plain = |char: char| !char.is_whitespace() && !char.is_control();
        if place.is_empty() || place.ends_with('/') || !place.chars().all(is_plain) {
            return Err(invalid());
        }
        let repository = place
            .split_once('/')
            .and_then(|(host, path)| Repository::of(host, path));
        Ok(Self {
            place: place.to_owned(),
            repository,
            tag,
            digest,
        })
    }

    /// The same place with another tag and digest.
    #[must_use]
    pub fn pinned(&self, tag: Tag, digest: Digest) -> Self {
        Self {
            tag: Some(tag),
            digest: Some(digest),
            ..self.clone()
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{}", tag.as_str())?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{}", digest.as_str())?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ImageRef {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<ImageRef> for String {
    fn from(image: ImageRef) -> Self {
        image.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn an_image_is_read_as_it_is_written() {
        for text in [
            "nginx".to_owned(),
            "localhost:5000/nginx".to_owned(),
            "localhost:5000/nginx:1.27".to_owned(),
            format!("111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web:1.2.3@sha256:{HEX}"),
            format!("111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web@sha256:{HEX}"),
        ] {
            assert_eq!(ImageRef::parse(&text).unwrap().to_string(), text);
        }
        for text in ["", "a b", "web:", "web@sha256:12", "web:1@", "host/", "web: 1"] {
            let error = ImageRef::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("image {text:?}: expected [<host>/]")),
                "{error}"
            );
        }
    }

    /// Case 30: every spelling of a registry's host, in every part of AWS.
    #[test]
    fn case_30_a_registry_is_known_by_account_and_region_however_its_host_is_written() {
        for host in [
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
            "111122223333.dkr.ecr-fips.cn-north-1.amazonaws.com",
            "111122223333.dkr-ecr.cn-north-1.on.aws",
        ] {
            let image = ImageRef::parse(&format!("{host}/shop/web:1")).unwrap();
            let found = image.repository.unwrap();
            assert_eq!(
                (found.account.as_str(), found.region.as_str(), found.name.as_str()),
                ("111122223333", "cn-north-1", "shop/web")
            );
        }
        for other in [
            "docker.io/library/nginx",
            "11112222.dkr.ecr.eu-central-1.amazonaws.com/web",
            "111122223333.dkr.ecr.eu-central-1.example.org/web",
            "public.ecr.aws/shop/web",
        ] {
            assert_eq!(ImageRef::parse(other).unwrap().repository, None, "{other}");
        }
    }
}
