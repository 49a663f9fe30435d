//! The EKS endpoint of the world.

use std::sync::Arc;

use base::Ports;
use emulator::eks::clusters::{ClusterAccess, create_access_entry, create_cluster, create_role};
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
            {
                "Effect": "Allow", "Action": ["eks:UpdateNodegroupConfig", "eks:DescribeNodegroup"], "Resource": "*",
            },
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

    create_role(&admin, "node", "ec2.amazonaws.com").await.unwrap();
    let nodegroup = json!({
        "nodegroupName": "blue",
        "nodeRole": "arn:aws:iam::111122223333:role/node",
        "subnets": ["subnet-00000001"],
        "scalingConfig": { "minSize": 1, "desiredSize": 3, "maxSize": 5 },
    });
    admin
        .rest(
            "eks",
            Method::POST,
            "/clusters/demo/node-groups",
            Some(&nodegroup),
        )
        .await
        .unwrap();
    let sleep = json!({ "scalingConfig": { "minSize": 0, "desiredSize": 0 } });
    let path = "/clusters/demo/node-groups/blue";
    let update = format!("{path}/update-config");
    let error = may_not
        .rest("eks", Method::POST, &update, Some(&sleep))
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("not authorized to perform: eks:UpdateNodegroupConfig"),
        "{error:#}"
    );
    may.rest("eks", Method::POST, &update, Some(&sleep))
        .await
        .unwrap();
    let described = may.rest("eks", Method::GET, path, None).await.unwrap();
    assert_eq!(
        described["nodegroup"]["scalingConfig"],
        json!({ "minSize": 0, "desiredSize": 0, "maxSize": 5 })
    );
    let wrong = json!({ "scalingConfig": { "desiredSize": 6 } });
    let error = may
        .rest("eks", Method::POST, &update, Some(&wrong))
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("desired capacity 6 can't be greater than max size 5"),
        "{error:#}"
    );
    let error = may
        .rest(
            "eks",
            Method::POST,
            "/clusters/demo/node-groups/none/update-config",
            Some(&sleep),
        )
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("ResourceNotFoundException"),
        "{error:#}"
    );
    emulator.stop().await;
}
