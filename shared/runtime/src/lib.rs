//! What every function shares and neither AWS nor Kubernetes has a say in: logs, metrics, the clock, the
//! configuration, batches from a queue, and the way an error leaves the function.
//!
//! | module | for |
//! | --- | --- |
//! | [`mod@env`] | typed configuration that names everything that is wrong with it at once |
//! | [`telemetry`] | log lines with the keys that Powertools for AWS Lambda made common |
//! | [`metrics`] | metrics in CloudWatch's embedded metric format |
//! | [`clock`] | the only place that reads the clock, and the invocation's deadline |
//! | [`batch`] | SQS messages in, partial batch response out |
//! | [`function`] | the loop over invocations |

pub mod batch;
pub mod clock;
pub mod env;
pub mod error;
pub mod function;
pub mod lines;
pub mod metrics;
pub mod telemetry;
