//! The function's composition root: configuration, clients, and the loop over invocations.

use std::cell::Cell;

use access::Gate;
use aws::ecr::Ecr;
use pull_secret::{Config, PullSecrets};
use runtime::clock::SystemClock;
use runtime::lines::Stdout;
use runtime::telemetry::Logs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    let common = &config.common;
    Logs::new(pull_secret::SERVICE, env!("CARGO_CRATE_NAME"), common.log_level).init()?;
    let sdk = aws::config::load().await;
    let function = PullSecrets {
        gate: Gate::new(&sdk, common.access.clone(), common.cluster.clone()),
        ecr: Ecr::new(&sdk),
        clock: SystemClock,
        lines: Stdout,
        refreshed: Cell::default(),
        config,
    };
    let handle = async |event, invocation| Box::pin(function.handle(event, &invocation)).await;
    let served = runtime::function::run(handle);
    served.await.map_err(|error| anyhow::anyhow!(error))
}
