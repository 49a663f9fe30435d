//! Registries of ECR: which hosts, and of which region a token for them is.

use std::collections::BTreeSet;
use std::fmt;

use super::name::listed;
use crate::ids::InvalidId;

/// The rule that the error of a host names.
const EXPECTED: &str = "<account>.dkr.ecr.<region>.amazonaws.com (.com.cn in China), <account>.dkr.ecr-fips.<region>.amazonaws.com \
                        or <account>.dkr-ecr.<region>.on.aws, without a scheme or path";

/// How hosts begin behind the account, and how they end there (AWS General Reference, "Amazon ECR endpoints"; dual stack: ECR
/// user guide, "Making requests over IPv6").
const FORMS: [(&str, &str, Partition); 6] = [
    ("dkr.ecr.", ".amazonaws.com", Partition::Other),
    ("dkr.ecr-fips.", ".amazonaws.com", Partition::Other),
    ("dkr-ecr.", ".on.aws", Partition::Other),
    ("dkr-ecr-fips.", ".on.aws", Partition::Other),
    ("dkr.ecr.", ".amazonaws.com.cn", Partition::China),
    ("dkr-ecr.", ".on.amazonwebservices.com.cn", Partition::China),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Partition {
    China,
    Other,
}

/// A region of AWS, `eu-central-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Region(String);

impl Region {
    fn parse(text: &str) -> Option<Self> {
        let is_valid = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.ends_with(|c: char| c.is_ascii_digit())
            && text.contains('-')
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        is_valid.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn partition(&self) -> Partition {
        if self.0.starts_with("cn-") {
            Partition::China
        } else {
            Partition::Other
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A registry by the host that images name. The spellings of one registry (plain, FIPS, dual stack) are different hosts: the
/// kubelet looks entries up by the host of the image.
///
/// ```
/// use domain::pullsecret::Registry;
/// let registry = Registry::parse("111122223333.dkr.ecr.eu-central-1.amazonaws.com").unwrap();
/// assert_eq!(registry.region().as_str(), "eu-central-1");
/// assert!(Registry::parse("docker.io").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Registry {
    host: String,
    region: Region,
}

impl Registry {
    /// Parses a host.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        region_of(text)
            .map(|region| Self {
                host: text.to_owned(),
                region,
            })
            .ok_or_else(|| InvalidId {
                what: "registry",
                value: text.to_owned(),
                expected: EXPECTED,
            })
    }

    /// The host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The region whose token is good for it. Tokens of other regions are not taken for granted: whether one is good elsewhere
    /// is nowhere documented.
    pub const fn region(&self) -> &Region {
        &self.region
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

fn region_of(host: &str) -> Option<Region> {
    let (account, rest) = host.split_once('.')?;
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    FORMS.iter().find_map(|(beginning, end, partition)| {
        let region = Region::parse(rest.strip_prefix(beginning)?.strip_suffix(end)?)?;
        (region.partition() == *partition).then_some(region)
    })
}

/// The registries for which the Secret holds tokens: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registries(BTreeSet<Registry>);

impl Registries {
    /// Parses hosts with commas or spaces between them. One that is named twice counts once.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let all = listed(text)
            .map(Registry::parse)
            .collect::<Result<BTreeSet<_>, _>>()?;
        if all.is_empty() {
            return Err(InvalidId {
                what: "registries",
                value: text.to_owned(),
                expected: "at least one host",
            });
        }
        Ok(Self(all))
    }

    /// Each of them, by host.
    pub fn iter(&self) -> impl Iterator<Item = &Registry> {
        self.0.iter()
    }

    /// Whether it is one of them.
    pub(super) fn has(&self, host: &str) -> bool {
        self.0.iter().any(|registry| registry.host == host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_registry_is_known_with_its_region() {
        for (host, region) in [
            ("111122223333.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1"),
            ("111122223333.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1"),
            (
                "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
            ),
            ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("111122223333.dkr-ecr.ap-southeast-2.on.aws", "ap-southeast-2"),
            ("111122223333.dkr-ecr-fips.us-west-2.on.aws", "us-west-2"),
            (
                "111122223333.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
                "cn-northwest-1",
            ),
        ] {
            let registry = Registry::parse(host).unwrap();
            assert_eq!((registry.host(), registry.region().as_str()), (host, region));
        }
    }

    #[test]
    fn what_is_no_registry_is_named_with_the_rule() {
        for text in [
            "docker.io",
            "public.ecr.aws",
            "https://111122223333.dkr.ecr.eu-central-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop",
            "11112222333.dkr.ecr.eu-central-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-central-1.amazonaws.com.cn",
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com",
            "111122223333.dkr.ecr.EU-central-1.amazonaws.com",
            "111122223333.dkr.ecr..amazonaws.com",
            "111122223333.dkr-ecr.eu-central-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-central-1.amazonaws.com.evil.example",
        ] {
            let error = Registry::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("registry {text:?}: expected <account>")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_list_takes_commas_and_spaces_and_has_at_least_one() {
        let text = "111122223333.dkr.ecr.eu-west-1.amazonaws.com,\n 444455556666.dkr.ecr.eu-west-1.amazonaws.com  \
                    111122223333.dkr.ecr.eu-west-1.amazonaws.com";
        assert_eq!(Registries::parse(text).unwrap().iter().count(), 2);
        let error = Registries::parse(" , ").unwrap_err().to_string();
        assert_eq!(error, "registries \" , \": expected at least one host");
    }
}
