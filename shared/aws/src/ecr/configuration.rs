//! The configuration of an image, which says for which machines it is.

use std::convert::Infallible;

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use domain::image::{Platforms, Repository};
use http::Uri;
use serde_json::Value;

use super::Ecr;
use super::platforms::IMAGES;
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
        let is_image = descriptor["mediaType"]
            .as_str()
            .is_some_and(|kind| IMAGES.contains(&kind));
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

    /// What is behind an address that ECR gave. It lets in whoever knows it, for an hour, so no error tells it.
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
            .no_retry()
            .timeout_config(config::timeouts());
        if let Some(sleep) = self.config.sleep_impl() {
            download = download.sleep_impl(sleep);
        }
        let answer = download
            .serializer(move |()| Ok(HttpRequest::get(path.as_str())?))
            .deserializer(|response| Ok::<_, OrchestratorError<Infallible>>(read(response)))
            .build()
            .invoke(())
            .await;
        match answer {
            Ok((200, body)) => Ok(body),
            Ok((status, _)) => Err(call.unanswered(format!("HTTP {status}"))),
            Err(error) => Err(call.unanswered(cause(error))),
        }
    }
}

fn read(response: &HttpResponse) -> (u16, Vec<u8>) {
    let body = response.body().bytes().unwrap_or_default();
    (response.status().as_u16(), body.to_vec())
}

#[cfg(test)]
mod tests;
