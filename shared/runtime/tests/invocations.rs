//! The loop over invocations against a Lambda Runtime API, from outside: the test starts itself as the
//! function's process, hands it events and looks at what it answers and logs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use domain::failure::{Class, Classified};
use jiff::SignedDuration;
use runtime::clock::{Clock as _, SystemClock};
use runtime::function::{Invocation, run};
use runtime::telemetry::Logs;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

#[derive(Debug, thiserror::Error)]
enum HandlerError {
    #[error("node ip-10-0-1-7: not drained")]
    Away(#[source] std::io::Error),
    #[error("event: it has no detail")]
    Malformed,
}

impl Classified for HandlerError {
    fn class(&self) -> Class {
        match self {
            Self::Away(_) => Class::Transient,
            Self::Malformed => Class::Rejected,
        }
    }
}

async fn handle(clock: &SystemClock, event: Value, invocation: Invocation) -> Result<Value, HandlerError> {
    tracing::Span::current().record("correlation_id", "7bf73129");
    clock.sleep(SignedDuration::from_millis(1)).await;
    tracing::info!(node = "ip-10-0-1-7", "working");
    match event["do"].as_str() {
        Some("away") => Err(HandlerError::Away(std::io::Error::other("connection refused"))),
        Some("panic") => panic!("at the {}", "disco"),
        Some("time") => {
            let left = invocation
                .deadline(SignedDuration::from_secs(5))
                .remaining(clock.now());
            Ok(json!({ "seconds": left.as_secs(), "cold": invocation.cold_start }))
        }
        _ => Err(HandlerError::Malformed),
    }
}

#[test]
#[ignore = "the process of the function, which the other test starts"]
fn the_function_itself() {
    Logs::new("greeter", env!("CARGO_CRATE_NAME"), LevelFilter::INFO)
        .init()
        .unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let clock = SystemClock;
    let serving = run(async |event, invocation| handle(&clock, event, invocation).await);
    tokio.block_on(serving).unwrap();
}

/// What the function answered to one event: `response` or `error`, and the body.
type Answer = (String, Value);

#[test]
fn every_invocation_is_answered_and_a_panic_does_not_end_the_sandbox() {
    let events = ["time", "away", "malformed", "panic", "time"].map(|what| json!({ "do": what }));
    let (answers, lines) = invoke(&events);

    let error = |class: &str, message: &str| json!({ "errorType": class, "errorMessage": message });
    assert_eq!(
        answers[0],
        ("response".into(), json!({ "seconds": 54, "cold": true }))
    );
    let away = "node ip-10-0-1-7: not drained: connection refused";
    assert_eq!(answers[1], ("error".into(), error("Transient", away)));
    assert_eq!(
        answers[2],
        ("error".into(), error("Rejected", "event: it has no detail"))
    );
    assert_eq!(answers[3].1["errorMessage"], "Lambda panicked: at the disco");
    assert_eq!(
        answers[4],
        ("response".into(), json!({ "seconds": 54, "cold": false }))
    );

    let first = &lines[0];
    assert_eq!(first["message"], "working");
    for (key, value) in [
        ("cold_start", json!(true)),
        ("service", json!("greeter")),
        ("function_name", json!("lamplighter-greeter")),
        ("function_memory_size", json!(256)),
        (
            "function_arn",
            json!("arn:aws:lambda:eu-central-1:111122223333:function:lamplighter-greeter"),
        ),
        ("function_request_id", json!("request-0")),
        ("xray_trace_id", json!("1-5759e988-bd862e3fe1be46a994272793")),
        ("correlation_id", json!("7bf73129")),
        ("node", json!("ip-10-0-1-7")),
    ] {
        assert_eq!(first[key], value, "{key}");
    }
    let errors: Vec<_> = lines
        .iter()
        .filter(|line| line["level"] == "ERROR")
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            (text("function_request_id"), text("error_type"), text("message"))
        })
        .collect();
    let expected = [
        ("request-1", "Transient", "invocation failed"),
        ("request-2", "Rejected", "invocation failed"),
        ("request-3", "Panic", "panicked: at the disco"),
    ];
    assert_eq!(
        errors,
        expected.map(|(id, class, text)| (id.to_owned(), class.to_owned(), text.to_owned()))
    );
}

/// Starts the function, gives it the events one by one, and returns its answers and log lines.
fn invoke(events: &[Value]) -> (Vec<Answer>, Vec<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut function = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "the_function_itself", "--nocapture"])
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            listener.local_addr().unwrap().to_string(),
        )
        .env("AWS_LAMBDA_FUNCTION_NAME", "lamplighter-greeter")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    let answers = serve(stream, events);
    function.kill().unwrap();
    let output = function.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (
        answers,
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect(),
    )
}

/// The Runtime API, on the one connection that the runtime keeps open.
fn serve(stream: TcpStream, events: &[Value]) -> Vec<Answer> {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    let mut waiting = events.iter().enumerate();
    let mut answers = Vec::new();
    while answers.len() < events.len() {
        let (path, body) = read_request(&mut reader);
        if path.ends_with("/next") {
            let (number, event) = waiting.next().unwrap();
            send_event(&mut writer, number, event);
        } else {
            let kind = path.rsplit('/').next().unwrap().to_owned();
            answers.push((kind, serde_json::from_slice(&body).unwrap()));
            write!(writer, "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    }
    answers
}

fn send_event(writer: &mut impl std::io::Write, number: usize, event: &Value) {
    let body = event.to_string();
    let deadline = SystemClock.now().as_millisecond() + 59_900;
    write!(
        writer,
        "HTTP/1.1 200 OK\r\n\
         lambda-runtime-aws-request-id: request-{number}\r\n\
         lambda-runtime-deadline-ms: {deadline}\r\n\
         lambda-runtime-invoked-function-arn: \
         arn:aws:lambda:eu-central-1:111122223333:function:lamplighter-greeter\r\n\
         lambda-runtime-trace-id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=0\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len(),
    )
    .unwrap();
}

fn read_request(reader: &mut impl std::io::BufRead) -> (String, Vec<u8>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(
            reader.read_line(&mut head).unwrap(),
            0,
            "the function went away after: {head}"
        );
    }
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body)
}
