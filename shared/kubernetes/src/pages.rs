//! Long lists, page by page, into shapes of our own that hold only what is needed: most of a large object is never kept.

use kube::api::ListParams;
use kube::core::Request;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Cluster, Error};

/// Objects in a page: some megabytes of Deployments, whose managed fields are the most of them; a fraction of a
/// function's memory.
const PAGE: u32 = 500;

/// How much of each object the API server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// Its metadata, of which the API server makes a list of its own.
    Metadata,
}

#[derive(Deserialize)]
struct Page<T> {
    metadata: PageMeta,
    items: Option<Vec<T>>,
}

#[derive(Deserialize)]
struct PageMeta {
    #[serde(rename = "continue")]
    next: Option<String>,
}

impl Cluster {
    /// Every object of a list, of all namespaces.
    pub(crate) async fn list_all<T: DeserializeOwned>(
        &self,
        call: &str,
        path: &str,
        part: Part,
        params: ListParams,
    ) -> Result<Vec<T>, Error> {
        let list = Request::new(path);
        let mut params = params.limit(PAGE);
        let mut found = Vec::new();
        loop {
            let request = match part {
                Part::Whole => list.list(&params),
                Part::Metadata => list.list_metadata(&params),
            };
            let request = request.map_err(|error| Error::new(call, kube::Error::BuildRequest(error)))?;
            let page: Page<T> = self
                .client
                .request(request)
                .await
                .map_err(|error| Error::new(call, error))?;
            found.extend(page.items.unwrap_or_default());
            match page.metadata.next.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(found),
            }
        }
    }
}
