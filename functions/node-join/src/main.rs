//! The function's composition root: configuration, clients, and the loop over invocations.

use access::Gate;
use aws::autoscaling::AutoScaling;
use aws::sqs::DeadLetterQueue;
use aws::ssm::ParameterStore;
use aws_ec2::Ec2;
use node_join::{Config, NodeJoin, OsRandom};
use runtime::clock::SystemClock;
use runtime::lines::Stdout;
use runtime::telemetry::Logs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    let common = &config.common;
    Logs::new(node_join::SERVICE, env!("CARGO_CRATE_NAME"), common.log_level).init()?;
    let sdk = aws::config::load().await;
    let function = NodeJoin {
        autoscaling: AutoScaling::new(&sdk),
        machines: Ec2::new(&sdk),
        parameters: ParameterStore::new(&sdk),
        gate: Gate::new(&sdk, common.access.clone(), common.cluster.clone()),
        dead_letters: DeadLetterQueue::new(&sdk, common.dead_letter_queue_url.clone()),
        random: OsRandom,
        clock: SystemClock,
        lines: Stdout,
        config,
    };
    let handle = async |event, invocation| Box::pin(function.handle(event, &invocation)).await;
    let served = runtime::function::run(handle);
    served.await.map_err(|error| anyhow::anyhow!(error))
}
