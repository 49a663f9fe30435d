//! How a bucket is reached.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_sdk_s3::Config;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_types::service_config::ServiceConfigKey;

/// The time-outs of all clients end where the body of an answer begins. One that stands still for as long as a whole
/// attempt may take will not come any more.
const STALLED: Duration = Duration::from_secs(3);

/// What S3 needs beside what all clients share.
pub(super) fn config(config: &SdkConfig) -> Config {
    Builder::from(config)
        // The names of buckets below an address of one's own resolve nowhere; in AWS they are the rule.
        .force_path_style(is_overridden(config))
        // A checksum in a header or at the end of the body is more than an emulator may know, and TLS and the signature
        // of the body protect it as well.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled()
                .upload_enabled(false) // the time-outs hold for these
                .grace_period(STALLED)
                .build(),
        )
        .build()
}

/// Whether `AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_S3` is set, or what stands for them in a profile.
fn is_overridden(config: &SdkConfig) -> bool {
    config.endpoint_url().is_some() || of_service(config).is_some()
}

fn of_service(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    config.service_config()?.load_config(key)
}
