//! Log lines in JSON, with the keys that Powertools for AWS Lambda made common, so that an operator's saved
//! queries work here too.
//!
//! A line has `level`, `location`, `message`, `timestamp` and `service`, and beside them every field of the
//! event and of the spans around it. Of equal names the innermost wins. The runtime's span
//! ([`crate::function`]) adds `cold_start`, `function_name`, `function_memory_size`, `function_arn`,
//! `function_request_id`, `xray_trace_id` and `correlation_id`; functions add `instance_id`, `node`, `pod`
//! and the like.
//!
//! Only our own crates log below WARN. Others would write whole requests and events at DEBUG and TRACE, and
//! with them tokens.

mod json;

use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use crate::clock::{Clock, SystemClock};
use crate::lines::{Lines, Stdout};

/// Our shared crates. A function adds itself.
const OURS: [&str; 8] = [
    "access",
    "aws",
    "aws_ec2",
    "domain",
    "events",
    "function",
    "kubernetes",
    "runtime",
];

/// Its lines say in other words what ours say already, with the error in `{:?}`.
const SAID_TWICE: &str = "lambda_runtime::layers::panic";

/// At WARN it writes the whole of an answer that it can't read, and one of them is the Secret that was created.
const WRITES_ANSWERS: &str = "kube_client";

/// What a function's log lines have in common.
#[derive(Debug, Clone)]
pub struct Logs {
    service: String,
    crate_name: String,
    level: LevelFilter,
}

/// The subscriber can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Not one of the names.
    #[error("log level {0:?}: expected TRACE, DEBUG, INFO, WARN, ERROR or OFF")]
    Level(String),
    /// Somebody was faster.
    #[error("a log subscriber is set already")]
    AlreadySet(#[source] tracing::subscriber::SetGlobalDefaultError),
}

/// Reads a level in any case. What Powertools and Lambda call `WARNING`, `FATAL` and `CRITICAL` is understood.
pub fn parse_level(text: &str) -> Result<LevelFilter, TelemetryError> {
    match text.to_ascii_uppercase().as_str() {
        "TRACE" => Ok(LevelFilter::TRACE),
        "DEBUG" => Ok(LevelFilter::DEBUG),
        "INFO" => Ok(LevelFilter::INFO),
        "WARN" | "WARNING" => Ok(LevelFilter::WARN),
        "ERROR" | "FATAL" | "CRITICAL" => Ok(LevelFilter::ERROR),
        "OFF" => Ok(LevelFilter::OFF),
        _ => Err(TelemetryError::Level(text.to_owned())),
    }
}

impl Logs {
    /// Lines of `service`, whose crate (`env!("CARGO_CRATE_NAME")`) logs from `level` on.
    pub fn new(service: impl Into<String>, crate_name: impl Into<String>, level: LevelFilter) -> Self {
        Self {
            service: service.into(),
            crate_name: crate_name.into(),
            level,
        }
    }

    /// Logs to standard output from now on, panics included.
    pub fn init(self) -> Result<(), TelemetryError> {
        tracing::subscriber::set_global_default(self.subscriber(SystemClock, Arc::new(Stdout)))
            .map_err(TelemetryError::AlreadySet)?;
        std::panic::set_hook(Box::new(log_panic));
        Ok(())
    }

    /// The subscriber, for a test to enter: `tracing::subscriber::set_default(logs.subscriber(..))`.
    pub fn subscriber(
        self,
        clock: impl Clock + 'static,
        lines: Arc<dyn Lines>,
    ) -> impl Subscriber + Send + Sync {
        let Self {
            service,
            crate_name,
            level,
        } = self;
        let most_verbose = level.max(LevelFilter::WARN);
        let filter = filter_fn(move |metadata| is_wanted(metadata, &crate_name, level))
            .with_max_level_hint(most_verbose);
        let layer = json::JsonLayer::new(service, move || clock.now(), lines);
        tracing_subscriber::registry().with(layer.with_filter(filter))
    }
}

fn is_wanted(metadata: &Metadata<'_>, crate_name: &str, level: LevelFilter) -> bool {
    let target = metadata.target();
    let from = target.split("::").next().unwrap_or(target);
    if from == crate_name || OURS.contains(&from) {
        *metadata.level() <= level
    } else if from == WRITES_ANSWERS {
        *metadata.level() <= level.min(LevelFilter::ERROR)
    } else {
        *metadata.level() <= level.min(LevelFilter::WARN) && target != SAID_TWICE
    }
}

/// The line of a panic. It is written inside the invocation's span, and so with its request id; afterwards
/// the Lambda runtime reports the panic as the invocation's error.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let reason = panic.payload_as_str().unwrap_or("a value that is no text");
    tracing::error!(panic_location = place, error_type = "Panic", "panicked: {reason}");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tracing::{debug, error, info, info_span, warn};

    use super::*;
    use crate::clock::TestClock;
    use crate::lines::Memory;

    /// The lines that `work` logs at `level`, as a function whose crate is `function_under_test` does.
    fn logged(level: LevelFilter, work: impl FnOnce()) -> Vec<Value> {
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let _inside = tokio.as_ref().unwrap().enter();
        let clock = TestClock::starting_at("2026-11-21T07:42:11.123456Z".parse().unwrap());
        let memory = Memory::default();
        let logs = Logs::new("node-drain", "function_under_test", level);
        let subscriber = logs.subscriber(clock, Arc::new(memory.clone()));
        tracing::subscriber::with_default(subscriber, work);
        memory
            .lines()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_has_the_keys_of_powertools_and_the_fields_of_event_and_spans() {
        let line = line!() + 4;
        let lines = logged(LevelFilter::INFO, || {
            let _outer = info_span!("invocation", function_request_id = "c6af9ac6", node = "outer").entered();
            let _inner = info_span!("drain", node = "ip-10-0-1-7", pods = 30_u64).entered();
            warn!(
                evicted = 3,
                ratio = 0.5,
                dry_run = false,
                "eviction is {}",
                "blocked"
            );
        });
        assert_eq!(
            lines,
            [json!({
                "level": "WARN",
                "location": format!("runtime::telemetry::tests:{line}"),
                "message": "eviction is blocked",
                "timestamp": "2026-11-21T07:42:11.123Z",
                "service": "node-drain",
                "function_request_id": "c6af9ac6",
                "node": "ip-10-0-1-7",
                "pods": 30,
                "evicted": 3,
                "ratio": 0.5,
                "dry_run": false,
            })]
        );
    }

    #[test]
    fn a_field_that_is_recorded_later_shows_from_then_on() {
        let lines = logged(LevelFilter::INFO, || {
            let span = info_span!("message", correlation_id = tracing::field::Empty);
            let _inside = span.enter();
            info!("before");
            span.record("correlation_id", "7bf73129");
            info!("after");
        });
        assert_eq!(lines[0].get("correlation_id"), None);
        assert_eq!(lines[1]["correlation_id"], "7bf73129");
    }

    #[test]
    fn an_error_shows_its_whole_chain_and_a_field_can_not_forge_a_key() {
        let cause = std::io::Error::other("connection refused");
        let lines = logged(LevelFilter::INFO, || {
            error!(
                error = &cause as &dyn std::error::Error,
                level = "INFO",
                service = "x",
                "no answer"
            );
        });
        assert_eq!(lines[0]["error"], "connection refused");
        assert_eq!(lines[0]["level"], "ERROR");
        assert_eq!(lines[0]["service"], "node-drain");
    }

    #[test]
    fn only_our_crates_log_below_warn_and_nobody_logs_an_error_twice() {
        let lines = logged(LevelFilter::DEBUG, || {
            debug!(target: "function_under_test::apply", "ours");
            debug!(target: "aws::autoscaling", "ours");
            debug!(target: "aws_smithy_runtime::client", "a whole request");
            info!(target: "lambda_runtime::layers::api_response", "a whole event");
            warn!(target: "hyper::client", "theirs");
            warn!(target: "kube_client::client", "a whole answer");
            error!(target: "lambda_runtime::layers::panic", "the error again");
        });
        let messages: Vec<_> = lines
            .iter()
            .map(|line| line["message"].as_str().unwrap())
            .collect();
        assert_eq!(messages, ["ours", "ours", "theirs"]);
    }

    #[test]
    fn a_level_is_read_in_any_case() {
        for (text, level) in [
            ("info", LevelFilter::INFO),
            ("Warning", LevelFilter::WARN),
            ("FATAL", LevelFilter::ERROR),
        ] {
            assert_eq!(parse_level(text).unwrap(), level);
        }
        let error = parse_level("loud").unwrap_err();
        assert_eq!(
            error.to_string(),
            "log level \"loud\": expected TRACE, DEBUG, INFO, WARN, ERROR or OFF"
        );
    }
}
