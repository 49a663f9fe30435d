//! The EKS endpoint of the world.

use std::sync::Arc;

use base::Ports;
use emulator::eks::clusters::{ClusterAccess, create_access_entry, create_cluster};
use emulator::{Client, eks};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_cluster_is_described_with_its_real_endpoint_to_those_who_may_see_it() {
    let (emulator, ports) = crate::common::start(15_340).await;
    let admin = emulator.client().unwrap();
    let server = eks::serve(eks::Settings {
        listen: Ports::address(ports.eks()),
        emulator: admin.clone(),
        clusters: Arc::new(|name| {
            (name == "demo").then(|| ClusterAccess {
                endpoint: "https://127.0.0.1:7".to_owned(),
                certificate_authority: "PEM".to_owned(),
            })
        }),
        autoscaling: None,
    })
    .await
    .unwrap();
    create_cluster(&admin, "demo", &[("lamplighter:cluster", "demo")])
        .await
        .unwrap();
    create_access_entry(
        &admin,
        "demo",
        "arn:aws:iam::111122223333:role/drain",
        &["lamplighter:node-drain"],
    )
    .await
    .unwrap();

    let may = crate::common::role(
        &admin,
        "may",
        json!([
            { "Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "arn:aws:eks:*:*:cluster/demo" },
        ]),
    )
    .await;
    let may_not = crate::common::role(
        &admin,
        "may-not",
        json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]),
    )
    .await;
    let at_endpoint =
        |credentials| Client::new(&format!("http://{}", server.address()), credentials).unwrap();
    let (may, may_not) = (at_endpoint(may), at_endpoint(may_not));

    let described = may
        .rest("eks", Method::GET, "/clusters/demo", None)
        .await
        .unwrap();
    assert_eq!(described["cluster"]["endpoint"], "https://127.0.0.1:7");
    assert_eq!(described["cluster"]["certificateAuthority"]["data"], "UEVN");
    let error = may_not
        .rest("eks", Method::GET, "/clusters/demo", None)
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("not authorized to perform: eks:DescribeCluster"),
        "{error:#}"
    );

    let entry = "/clusters/demo/access-entries/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fdrain";
    let described = at_endpoint(emulator.admin().clone())
        .rest("eks", Method::GET, entry, None)
        .await
        .unwrap();
    assert_eq!(
        described["accessEntry"]["kubernetesGroups"],
        json!(["lamplighter:node-drain"])
    );

    emulator.stop().await;
}
