//! ECR: what a repository holds, for which machines its images are, and the tokens by which registries let one pull.
//!
//! The host of an image names account and region, and both may be others than the function's: every call goes to the
//! repository's own region and names the account of its registry.

mod configuration;
mod images;
mod lifecycle;
mod platforms;
mod token;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::{Region, SdkConfig};
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Builder;
use aws_sdk_ecr::primitives::DateTime;
use jiff::{Timestamp, Unit};

use crate::error::{Call, Error};
use crate::time;

pub use images::{DescribeImages, Described};
pub use lifecycle::GetLifecyclePolicy;
pub use platforms::ReadPlatforms;
pub use token::{GetToken, PullToken};

/// The longest part of a host's name (RFC 1035, section 2.3.4): a region is one.
const LONGEST_LABEL: usize = 63;

/// ECR as this function's role may use it, in every region.
///
/// A region's client is made when it is first needed, and kept; clones share them. An endpoint that the environment
/// names (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_ECR`) is the one of all regions, which then differ by their signatures
/// alone.
#[derive(Debug, Clone)]
pub struct Ecr {
    config: SdkConfig,
    clients: Arc<Mutex<BTreeMap<String, Client>>>,
}

impl Ecr {
    /// Clients of this configuration. Its region is of no importance.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            config: config.clone(),
            clients: Arc::default(),
        }
    }

    /// The client of `region`. That becomes a part of a host's name, and comes from where people write: what can't be
    /// such a part is an error of `call`.
    fn client(&self, region: &str, call: &Call) -> Result<Client, Error> {
        if !is_region(region) {
            let expected = "expected lower-case letters, digits and hyphens, like eu-central-1";
            return Err(call.not_sent(format!("region {region:?}: {expected}")));
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.to_owned()).or_insert_with(|| {
            let region = Region::new(region.to_owned());
            Client::from_conf(Builder::from(&self.config).region(region).build())
        });
        Ok(client.clone())
    }
}

impl Error {
    /// Whether ECR has no repository of that name in that account and region.
    pub fn is_repository_missing(&self) -> bool {
        self.is("RepositoryNotFoundException")
    }
}

/// A time of an answer. ECR writes milliseconds, as a fraction that the SDK reads inexactly: 0.123 as 0.122999906.
fn read_time(time: &DateTime) -> Option<Timestamp> {
    time::read(time)?.round(Unit::Millisecond).ok()
}

fn is_region(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let has_ends = !text.starts_with('-') && !text.ends_with('-');
    (1..=LONGEST_LABEL).contains(&text.len()) && has_ends && text.bytes().all(is_inner)
}

#[cfg(test)]
mod tests;
