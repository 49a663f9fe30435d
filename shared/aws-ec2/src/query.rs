//! One call of EC2's Query API, by the runtime of Amazon's own clients.

use aws::Error;
use aws::error::Call;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

use crate::answer;

/// As EC2 is named in signatures and in host names.
const SERVICE: &str = "ec2";
/// As it is named in the configuration of endpoints: `AWS_ENDPOINT_URL_EC2`.
const SERVICE_ID: &str = "EC2";

/// A form goes out, the text of an answer comes in.
type Exchange = Operation<String, String, ErrorMetadata>;

/// The way to EC2.
#[derive(Debug, Clone)]
pub(crate) struct Query(Result<Configured, &'static str>);

#[derive(Debug, Clone)]
struct Configured {
    exchange: Exchange,
    region: String,
}

impl Query {
    /// By the configuration that all clients share. What it lacks is told by the first call, as those do.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(configured(config))
    }

    /// Sends a form. Answers with the text that came back and the region that gave it.
    pub(crate) async fn send(&self, form: String, call: &Call) -> Result<(String, &str), Error> {
        let configured = self.0.as_ref().map_err(|lack| call.not_sent(*lack))?;
        let body = configured
            .exchange
            .invoke(form)
            .await
            .map_err(|error| call.clone().failed(error))?;
        Ok((body, &configured.region))
    }
}

fn configured(config: &SdkConfig) -> Result<Configured, &'static str> {
    let region = config.region().ok_or("no region is configured")?.to_string();
    let http_client = config.http_client().ok_or("no HTTP client is configured")?;
    let retries = config
        .retry_config()
        .cloned()
        .unwrap_or_else(RetryConfig::standard);
    let timeouts = config.timeout_config().cloned();
    let mut builder = Operation::builder()
        .service_name(SERVICE)
        .operation_name("DescribeInstances")
        .http_client(http_client)
        .endpoint_url(&endpoint(config, &region))
        .standard_retry(&retries)
        .timeout_config(timeouts.unwrap_or_else(TimeoutConfig::disabled))
        .runtime_plugin(signing(config, &region)?)
        .with_connection_poisoning();
    if let Some(version) = config.behavior_version() {
        builder = builder.behavior_version(version);
    }
    let exchange = builder.serializer(request).deserializer(text).build();
    Ok(Configured { exchange, region })
}

/// Signatures, and which errors are worth another attempt.
fn signing(config: &SdkConfig, region: &str) -> Result<StaticRuntimePlugin, &'static str> {
    let credentials = config
        .credentials_provider()
        .ok_or("no credentials are configured")?;
    let mut layer = Layer::new(SERVICE);
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(aws_config::Region::new(region.to_owned()))),
        name: Some(SigningName::from_static(SERVICE)),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new(SERVICE)
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_identity_cache(config.identity_cache())
        .with_interceptor(ServiceClockSkewInterceptor::new())
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .with_retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .with_retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new());
    components.set_identity_resolver(SCHEME_ID, credentials);
    Ok(StaticRuntimePlugin::new()
        .with_config(layer.freeze())
        .with_runtime_components(components))
}

fn request(form: String) -> Result<HttpRequest, BoxError> {
    let request = http::Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(SdkBody::from(form))?;
    Ok(request.try_into()?)
}

fn text(response: &HttpResponse) -> Result<String, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    let body = String::from_utf8_lossy(body).into_owned();
    if response.status().is_success() {
        Ok(body)
    } else {
        Err(OrchestratorError::operation(answer::error(&body)))
    }
}

/// `AWS_ENDPOINT_URL_EC2`, or `AWS_ENDPOINT_URL`, or the region's own; in the order of the other clients.
fn endpoint(config: &SdkConfig, region: &str) -> String {
    let general = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config()
        && let Some(endpoint) = general
    {
        return endpoint;
    }
    of_service(config).or(general).unwrap_or_else(|| {
        let fips = config.use_fips().unwrap_or_default();
        let dual_stack = config.use_dual_stack().unwrap_or_default();
        format!("https://{}", host(region, fips, dual_stack))
    })
}

fn of_service(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(SERVICE_ID)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    config.service_config()?.load_config(key)
}

/// EC2 developer guide, "Amazon EC2 service endpoints".
fn host(region: &str, fips: bool, dual_stack: bool) -> String {
    let service = if fips { "ec2-fips" } else { SERVICE };
    let domain = match (region.starts_with("cn-"), dual_stack) {
        (false, false) => "amazonaws.com",
        (false, true) => "api.aws",
        (true, false) => "amazonaws.com.cn",
        (true, true) => "api.amazonwebservices.com.cn",
    };
    format!("{service}.{region}.{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_its_own_host() {
        let cases = [
            ("eu-central-1", false, false, "ec2.eu-central-1.amazonaws.com"),
            ("eu-central-1", false, true, "ec2.eu-central-1.api.aws"),
            ("us-east-1", true, false, "ec2-fips.us-east-1.amazonaws.com"),
            ("cn-north-1", false, false, "ec2.cn-north-1.amazonaws.com.cn"),
        ];
        for (region, fips, dual_stack, expected) in cases {
            assert_eq!(host(region, fips, dual_stack), expected);
        }
    }
}
