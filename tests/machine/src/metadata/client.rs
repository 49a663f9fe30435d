//! The machine's side: what its programs ask the service.

use anyhow::{Context, Result};
use reqwest::Client;

use super::{Facts, LIFE_HEADER, TOKEN_HEADER};

/// The variable by which every AWS SDK, and so this, finds the service.
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

/// What the service says of the machine on which this runs.
pub async fn ask_about_this_machine() -> Result<Facts> {
    let endpoint = std::env::var(ENDPOINT).with_context(|| format!("{ENDPOINT} is not set"))?;
    facts(endpoint.trim_end_matches('/'))
        .await
        .with_context(|| format!("asking the instance metadata at {endpoint}"))
}

async fn facts(endpoint: &str) -> Result<Facts> {
    let http = Client::builder().no_proxy().build()?;
    let request = http
        .put(format!("{endpoint}/latest/api/token"))
        .header(LIFE_HEADER, "60");
    let token = request.send().await?.error_for_status()?.text().await?;
    let ask = async |path: &str| -> Result<String> {
        let request = http
            .get(format!("{endpoint}/latest/meta-data/{path}"))
            .header(TOKEN_HEADER, &token);
        Ok(request.send().await?.error_for_status()?.text().await?)
    };
    Ok(Facts {
        instance_id: ask("instance-id").await?,
        region: ask("placement/region").await?,
        availability_zone: ask("placement/availability-zone").await?,
        private_ip: ask("local-ipv4").await?,
        private_dns_name: ask("local-hostname").await?,
        instance_type: ask("instance-type").await?,
    })
}
