//! The function's composition root: configuration, clients, and the loop over invocations.

use access::Gate;
use aws::autoscaling::AutoScaling;
use aws::eks::Eks;
use aws::eventbridge::EventBridge;
use aws::rds::Rds;
use aws::s3::Bucket;
use aws::sqs::DeadLetterQueue;
use off_hours::{Config, OffHours};
use runtime::clock::SystemClock;
use runtime::lines::Stdout;
use runtime::telemetry::Logs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    let common = &config.common;
    Logs::new(off_hours::SERVICE, env!("CARGO_CRATE_NAME"), common.log_level).init()?;
    let sdk = aws::config::load().await;
    let function = OffHours {
        autoscaling: AutoScaling::new(&sdk),
        eks: Eks::new(&sdk),
        rds: Rds::new(&sdk),
        gate: Gate::new(&sdk, common.access.clone(), common.cluster.clone()),
        bucket: Bucket::new(&sdk, config.bucket.clone()),
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
