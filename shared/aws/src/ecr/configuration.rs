//! The configuration of an image, which says for which machines it is.

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use domain::image::{Platforms, Repository, configures};
use http::Uri;
use serde_json::Value;

use super::Ecr;
use crate::config;
use crate::error::{Call, Error, cause};

/// How a configuration is had.
const OPERATION: &str = "ecr:GetDownloadUrlForLayer";

/// The largest configuration that is read, in bytes. They have a few thousand.
const LARGEST: u64 = 1 << 20;

impl Ecr {
    /// The platform that the configuration behind this descriptor of a manifest names (OCI image specification, "Image
    /// Configuration": `architecture`). What can't be the configuration of a container image is not asked for.
    pub(super) async fn configured(
        &self,
        repository: &Repository,
        descriptor: &Value,
    ) -> Result<Platforms, Error> {
        let is_image = descriptor["mediaType"].as_str().is_some_and(configures);
        let is_small = descriptor["size"].as_u64().is_some_and(|size| size <= LARGEST);
        let Some(digest) = descriptor["digest"].as_str().filter(|_| is_image && is_small) else {
            return Ok(Platforms::Unknown);
        };
        let subject = format!("configuration {digest}, repository {repository}");
        let call = Call::new(OPERATION, &subject);
        let client = self.client(&repository.region, &call)?;
        let request = client
            .get_download_url_for_layer()
            .registry_id(&repository.account)
            .repository_name(&repository.name)
            .layer_digest(digest);
        let answer = request.send().await.map_err(|error| call.clone().failed(error))?;
        let address = call.must("address", answer.download_url())?;
        let configuration = self.download(address, &subject).await?;
        let configuration: Value = serde_json::from_slice(&configuration)
            .map_err(|error| call.unexpected(format!("configuration: {error}")))?;
        let architecture = configuration["architecture"]
            .as_str()
            .filter(|name| !name.is_empty());
        Ok(architecture.map_or(Platforms::Unknown, |name| Platforms::Of([name.to_owned()].into())))
    }

    /// What is behind an address that ECR gave, as far as it is wanted. It lets in whoever knows it, for a while, so no error
    /// tells it.
    async fn download(&self, address: &str, subject: &str) -> Result<Vec<u8>, Error> {
        let call = Call::new(OPERATION, subject);
        let parts = address.parse::<Uri>().ok().map(Uri::into_parts);
        let parts = parts.and_then(|parts| Some((parts.scheme?, parts.authority?, parts.path_and_query?)));
        let (scheme, host, path) = call.must("address that is a URL", parts)?;
        let call = Call::new(OPERATION, format!("{subject}, at {host}"));
        let http = call.must("HTTP client", self.config.http_client())?;
        let mut download = Operation::builder()
            .service_name("registry")
            .operation_name("download")
            .behavior_version(config::behavior())
            .http_client(http)
            .endpoint_url(&format!("{scheme}://{host}"))
            .no_auth()
            .standard_retry(&config::retries())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<Refusal>::new())
            .timeout_config(config::timeouts());
        if let Some(sleep) = self.config.sleep_impl() {
            download = download.sleep_impl(sleep);
        }
        let answer = download
            .serializer(move |()| {
                let mut request = HttpRequest::get(path.as_str())?;
                request
                    .headers_mut()
                    .insert("range", format!("bytes=0-{}", LARGEST - 1));
                Ok(request)
            })
            .deserializer(read)
            .build()
            .invoke(())
            .await;
        answer.map_err(|error| match error {
            SdkError::ServiceError(refused) => {
                let Refusal(status) = refused.into_err();
                call.refused_with(status, "from where ECR keeps layers")
            }
            unanswered => call.unanswered(cause(unanswered)),
        })
    }
}

/// A status that is none of success.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {0}")]
struct Refusal(u16);

fn read(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<Refusal>> {
    match response.status().as_u16() {
        200 | 206 => Ok(response.body().bytes().unwrap_or_default().to_vec()),
        status => Err(OrchestratorError::operation(Refusal(status))),
    }
}

#[cfg(test)]
mod tests;
