//! The function's composition root: configuration, clients, and the loop over invocations.

use access::Gate;
use aws::ecr::Ecr;
use aws::eventbridge::EventBridge;
use aws::sqs::DeadLetterQueue;
use image_deploy::{Config, ImageDeploy};
use runtime::clock::SystemClock;
use runtime::lines::Stdout;
use runtime::telemetry::Logs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    let common = &config.common;
    Logs::new(image_deploy::SERVICE, env!("CARGO_CRATE_NAME"), common.log_level).init()?;
    let sdk = aws::config::load().await;
    let function = ImageDeploy {
        registry: Ecr::new(&sdk),
        gate: Gate::new(&sdk, common.access.clone(), common.cluster.clone()),
        bus: EventBridge::new(&sdk),
        dead_letters: DeadLetterQueue::new(&sdk, common.dead_letter_queue_url.clone()),
        clock: SystemClock,
        lines: Stdout,
        config,
    };
    let handle = async |event, invocation| Box::pin(function.handle(event, &invocation)).await;
    let served = runtime::function::run(handle);
    served.await.map_err(|error| anyhow::anyhow!(error))
}
