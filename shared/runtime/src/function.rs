//! The loop over invocations: each gets its span, its deadline and, if it fails, an error that can be told
//! apart by its `errorType`.

use std::cell::Cell;

use domain::failure::Classified;
use jiff::SignedDuration;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use tracing::{Instrument as _, Span, field::Empty, info_span};

use crate::clock::Deadline;
use crate::error::chain;

/// What a handler needs to know of its invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Lambda's id of this invocation, in every log line.
    pub request_id: String,
    /// The name under which the function is deployed.
    pub function_name: String,
    /// Whether this is the first invocation of its sandbox.
    pub cold_start: bool,
    /// The moment at which Lambda ends the invocation, in milliseconds since 1970.
    lambda_deadline: u64,
}

impl Invocation {
    /// An invocation as a test or the command line makes it.
    pub fn new(
        request_id: impl Into<String>,
        function_name: impl Into<String>,
        lambda_deadline: u64,
    ) -> Self {
        Self {
            request_id: request_id.into(),
            function_name: function_name.into(),
            cold_start: false,
            lambda_deadline,
        }
    }

    /// The moment at which the work must stop, with `reserve` left for the report, the metrics and the answer.
    pub fn deadline(&self, reserve: SignedDuration) -> Deadline {
        Deadline::from_lambda(self.lambda_deadline, reserve)
    }
}

/// Serves invocations until the sandbox ends.
///
/// An error of the handler is logged once, with its chain, and reported to Lambda with its class as
/// `errorType`. A panic is caught and reported by the Lambda runtime, which needs `panic = "unwind"`.
///
/// # Panics
///
/// Outside of Lambda: the variables that Lambda sets (`AWS_LAMBDA_RUNTIME_API` and others) must be there.
pub async fn run<H, E>(handler: H) -> Result<(), lambda_runtime::Error>
where
    H: AsyncFn(Value, Invocation) -> Result<Value, E>,
    E: Classified + 'static,
{
    let cold = Cell::new(true);
    let (handler, cold) = (&handler, &cold);
    let serve = service_fn(move |event: LambdaEvent<Value>| async move {
        let (payload, context) = event.into_parts();
        let cold_start = cold.replace(false);
        let span = invocation_span(&context, cold_start);
        let invocation = Invocation {
            request_id: context.request_id,
            function_name: context.env_config.function_name.clone(),
            cold_start,
            lambda_deadline: context.deadline,
        };
        async { handler(payload, invocation).await.map_err(|error| report(&error)) }
            .instrument(span)
            .await
    });
    Runtime::new(serve).run().await
}

/// Every log line of the invocation carries these, under the names that Powertools gave them. A handler
/// fills `correlation_id` in as soon as it knows it:
/// `tracing::Span::current().record("correlation_id", event_id)`.
fn invocation_span(context: &Context, cold_start: bool) -> Span {
    info_span!(
        "invocation",
        cold_start,
        function_name = context.env_config.function_name,
        function_memory_size = context.env_config.memory,
        function_arn = context.invoked_function_arn,
        function_request_id = context.request_id,
        xray_trace_id = context.xray_trace_id.as_deref().and_then(trace_root),
        correlation_id = Empty,
    )
}

/// The trace's own id out of `Root=1-…;Parent=…;Sampled=…`, which is what X-Ray is searched by.
fn trace_root(header: &str) -> Option<&str> {
    header
        .split(';')
        .find_map(|part| part.trim().strip_prefix("Root="))
}

fn report(error: &(impl Classified + 'static)) -> Diagnostic {
    let error_type = error.class().as_str();
    let error_message = chain(error);
    tracing::error!(error_type, error = error_message, "invocation failed");
    Diagnostic {
        error_type: error_type.to_owned(),
        error_message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_is_known_by_its_root() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1";
        assert_eq!(trace_root(header), Some("1-5759e988-bd862e3fe1be46a994272793"));
        assert_eq!(trace_root("Parent=557abcec3ee5a047"), None);
    }
}
