//! The real transport against endpoints from the environment, as in the local world. The test starts itself
//! as another process, since the environment of this one is not ours to change.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::thread::JoinHandle;

use aws::autoscaling::{AutoScaling, DescribeHooks as _};
use aws::ecr::{Ecr, GetToken as _};
use aws::eks::{DescribeCluster as _, Eks};
use aws::eks_token::{EksTokens, IssueToken as _};
use aws::s3::{Bucket, Condition, WriteObject as _};
use aws::ssm::{ParameterStore, ReadSecret as _};
use domain::ids::{ClusterName, GroupName};

#[tokio::test]
#[ignore = "the process with the environment, which the other test starts"]
async fn each_service_is_called_at_its_own_endpoint() {
    let config = aws::config::load().await;
    let blue = ClusterName::parse("blue").unwrap();
    let hooks = AutoScaling::new(&config)
        .hooks_of(&GroupName::parse("workers").unwrap())
        .await
        .unwrap();
    assert_eq!(hooks, []);
    assert_eq!(
        Eks::new(&config).describe_cluster(&blue).await.unwrap().endpoint,
        "https://blue.example"
    );
    // In a region that is not the configured one.
    let token = Ecr::new(&config).token("us-east-1").await.unwrap();
    assert_eq!(token.password.expose(), "pull");
    let secret = ParameterStore::new(&config)
        .read_secret("/lamplighter/blue/kubeconfig")
        .await
        .unwrap();
    assert_eq!(secret.expose(), "apiVersion: v1");
    let written = Bucket::new(&config, "sizes")
        .write_object("blue/group/a%20b", "{}", Condition::Absent)
        .await;
    assert!(written.is_ok(), "{written:?}");
    let now = "2026-11-21T07:42:11Z".parse().unwrap();
    assert!(EksTokens::new(&config).issue_token(&blue, now).await.is_ok());
}

#[test]
fn endpoints_and_credentials_come_from_the_environment_and_plain_http_is_spoken() {
    let hooks =
        "<DescribeLifecycleHooksResponse><DescribeLifecycleHooksResult/></DescribeLifecycleHooksResponse>";
    let cluster =
        r#"{"cluster":{"endpoint":"https://blue.example","certificateAuthority":{"data":"LS0tLS0="}}}"#;
    let token = r#"{"authorizationData":[{"authorizationToken":"QVdTOnB1bGw=","expiresAt":9000000000}]}"#;
    let parameter = r#"{"Parameter":{"Value":"apiVersion: v1"}}"#;
    let (auto_scaling, auto_scaling_request) = answer_once(hooks);
    let (ecr, ecr_request) = answer_once(token);
    let (eks, eks_request) = answer_once(cluster);
    let (s3, s3_request) = answer_once("");
    let (other, other_request) = answer_once(parameter);

    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "each_service_is_called_at_its_own_endpoint",
        ])
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_ENDPOINT_URL", other)
        .env("AWS_ENDPOINT_URL_AUTO_SCALING", auto_scaling)
        .env("AWS_ENDPOINT_URL_ECR", ecr)
        .env("AWS_ENDPOINT_URL_EKS", eks)
        .env("AWS_ENDPOINT_URL_S3", s3)
        .output()
        .unwrap();
    assert!(
        child.status.success(),
        "{}",
        String::from_utf8_lossy(&child.stdout)
    );

    assert_eq!(auto_scaling_request.join().unwrap(), "POST / HTTP/1.1");
    assert_eq!(ecr_request.join().unwrap(), "POST / HTTP/1.1");
    assert_eq!(eks_request.join().unwrap(), "GET /clusters/blue HTTP/1.1");
    assert_eq!(
        s3_request.join().unwrap(),
        "PUT /sizes/blue/group/a%2520b?x-id=PutObject HTTP/1.1"
    );
    assert_eq!(other_request.join().unwrap(), "POST / HTTP/1.1");
}

/// An endpoint that gives `answer` to one request, and what that request's first line was.
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
            "HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: {length}\r\n\r\n{answer}"
        )
        .unwrap();
        head.lines().next().unwrap().to_owned()
    });
    (url, request)
}
