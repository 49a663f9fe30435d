//! The function's composition root: configuration, clients, and the loop over invocations.

use access::Gate;
use aws::autoscaling::AutoScaling;
use aws::sqs::DeadLetterQueue;
use node_drain::{Config, NodeDrain};
use runtime::clock::SystemClock;
use runtime::lines::Stdout;
use runtime::telemetry::Logs;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    Logs::new(node_drain::SERVICE, env!("CARGO_CRATE_NAME"), config.log_level).init()?;
    let sdk = aws::config::load().await;
    let function = NodeDrain {
        autoscaling: AutoScaling::new(&sdk),
        gate: Gate::new(&sdk, config.access.clone(), config.cluster.clone()),
        dead_letters: DeadLetterQueue::new(&sdk, config.dead_letter_queue_url.clone()),
        clock: SystemClock,
        lines: Stdout,
        config,
    };
    let handle = async |event, invocation| Box::pin(function.handle(event, &invocation)).await;
    let served = runtime::function::run(handle);
    served.await.map_err(|error| anyhow::anyhow!(error))
}
