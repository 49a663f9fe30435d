//! The one configuration of all AWS clients of a function.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Regional endpoints connect in milliseconds; a second is generous even for a cold DNS cache.
const CONNECT: Duration = Duration::from_secs(1);
/// One attempt. What we call answers in far less; a connection that Lambda froze to death shows this way.
const ATTEMPT: Duration = Duration::from_secs(3);
/// All attempts and the pauses between them: a fifth of an invocation, so that one sick service leaves time
/// to say so.
const OPERATION: Duration = Duration::from_secs(10);
/// The first attempt counts. What still fails is found again by the next tick.
const ATTEMPTS: u32 = 3;

/// Loads region, credentials and endpoints from where Lambda and the AWS command line put them.
///
/// `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` are honoured, `http` ones too: that is how a function
/// runs in the local world.
pub async fn load() -> SdkConfig {
    loader().load().await
}

/// The same for a person, who may name a region and a profile.
pub async fn load_as(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let mut loader = loader();
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    loader.load().await
}

fn loader() -> ConfigLoader {
    aws_config::defaults(behavior())
        .http_client(
            Builder::new()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .build_https(),
        )
        .timeout_config(timeouts())
        .retry_config(retries())
}

/// Pinned: a newer SDK must not change time-outs and retries behind our back.
pub(crate) fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build()
}

pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

#[cfg(test)]
mod tests {
    use domain::ids::GroupName;
    use tokio::time::Instant;

    use super::*;
    use crate::autoscaling::{AutoScaling, DescribeHooks as _};
    use crate::wire::Wire;
    use domain::failure::{Class, Classified as _};

    #[tokio::test(start_paused = true)]
    async fn a_service_that_never_answers_is_given_up_in_time() {
        let wire = Wire::silent();
        let start = Instant::now();
        let asked = AutoScaling::new(&wire.config())
            .hooks_of(&GroupName::parse("workers").unwrap())
            .await;
        assert_eq!(asked.unwrap_err().class(), Class::Transient);
        assert!(start.elapsed() <= OPERATION, "{:?}", start.elapsed());
        assert!(
            wire.requests().len() > 1,
            "a single attempt must not use up the whole time"
        );
    }
}
