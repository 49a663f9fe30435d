//! The real transport against an endpoint from the environment, as in the local world. The test starts
//! itself as another process, since the environment of this one is not ours to change.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::thread::JoinHandle;

use aws_ec2::{DescribeMachines as _, Ec2};
use domain::ids::InstanceId;

#[tokio::test]
#[ignore = "the process with the environment, which the other test starts"]
async fn ec2_is_called_at_its_own_endpoint() {
    let config = aws::config::load().await;
    let ids = [InstanceId::parse("i-0123456789abcdef0").unwrap()];
    let found = Ec2::new(&config).machines(&ids).await.unwrap();
    assert_eq!(found, []);
}

#[test]
fn the_endpoint_and_the_credentials_come_from_the_environment() {
    for variable in ["AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL"] {
        let (endpoint, head) =
            answer_once("<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>");
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "ec2_is_called_at_its_own_endpoint"])
            // The general one loses to that of the service.
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .env(variable, endpoint)
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .output()
            .unwrap();
        assert!(
            child.status.success(),
            "{}",
            String::from_utf8_lossy(&child.stdout)
        );
        let head = head.join().unwrap();
        assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
        let signed = "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/";
        assert!(head.contains(signed), "{head}");
        assert!(head.contains("/eu-central-1/ec2/aws4_request"), "{head}");
    }
}

/// An endpoint that gives `answer` to one request, and what that request's head was.
fn answer_once(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let request = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).unwrap(), 0, "half a request: {head}");
        }
        // To the end of the body: closing a connection with unread bytes would cut the answer off.
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let length = answer.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{answer}"
        )
        .unwrap();
        head
    });
    (url, request)
}
