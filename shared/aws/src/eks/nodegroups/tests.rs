//! What goes over the wire, and what is made of the answers.

use std::time::Duration;

use domain::failure::{Class, Classified as _};
use serde_json::json;

use super::*;
use crate::wire::Wire;

const ARN: &str = "arn:aws:eks:eu-central-1:111122223333:nodegroup/blue/spot/0ec8";

fn blue() -> ClusterName {
    ClusterName::parse("blue").unwrap()
}

fn described(name: &str, more: &str) -> String {
    format!(
        r#"{{"nodegroup":{{"nodegroupName":"{name}","nodegroupArn":"{ARN}","status":"ACTIVE",
            "scalingConfig":{{"minSize":0,"desiredSize":3,"maxSize":5}}{more}}}}}"#
    )
}

async fn nodegroups(wire: &Wire) -> Result<Vec<Nodegroup>, Error> {
    Eks::new(&wire.config()).nodegroups_of(&blue()).await
}

#[tokio::test]
async fn every_page_of_node_groups_is_listed_and_each_is_described() {
    let spot = r#","createdAt":1780819750.5,"tags":{"lamplighter:cluster":"blue"},
        "resources":{"autoScalingGroups":[{"name":"eks-spot-0ec8"}]},
        "health":{"issues":[{"code":"InsufficientFreeAddresses","message":"subnet is full","resourceIds":["s"]}]}"#;
    let wire = Wire::answering([
        (200, r#"{"nodegroups":["spot"],"nextToken":"page 2"}"#),
        (200, r#"{"nodegroups":["plain"]}"#),
        (200, &described("spot", spot)),
        (200, &described("plain", "").replace("ACTIVE", "HIBERNATING")),
    ]);
    let found = nodegroups(&wire).await.unwrap();
    let spot = Nodegroup {
        name: "spot".to_owned(),
        arn: ARN.to_owned(),
        capacity: Capacity::new(0, 3, 5),
        status: NodegroupStatus::Active,
        tags: BTreeMap::from([("lamplighter:cluster".to_owned(), "blue".to_owned())]),
        groups: vec![GroupName::parse("eks-spot-0ec8").unwrap()],
        problems: vec!["InsufficientFreeAddresses: subnet is full".to_owned()],
        created: Some("2026-06-07T08:09:10.5Z".parse().unwrap()),
        machine_types: vec![],
    };
    let plain = Nodegroup {
        name: "plain".to_owned(),
        status: NodegroupStatus::Other("HIBERNATING".to_owned()),
        tags: BTreeMap::new(),
        groups: vec![],
        problems: vec![],
        created: None,
        machine_types: vec![],
        ..spot.clone()
    };
    assert_eq!(found, [spot, plain]);
    let requests = wire.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    let list = "/clusters/blue/node-groups";
    assert_eq!(
        paths,
        [
            list,
            list,
            "/clusters/blue/node-groups/spot",
            "/clusters/blue/node-groups/plain"
        ]
    );
    assert_eq!(requests[1].query["nextToken"], "page 2");
}

#[tokio::test]
async fn a_node_group_that_vanished_is_left_out_and_a_cluster_that_is_not_there_an_error() {
    let gone = r#"{"__type":"ResourceNotFoundException","message":"No node group found for name: spot."}"#;
    let wire = Wire::answering([
        (200, r#"{"nodegroups":["spot","plain"]}"#),
        (404, gone),
        (200, &described("plain", "")),
    ]);
    let found = nodegroups(&wire).await.unwrap();
    assert_eq!(
        found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["plain"]
    );

    let error = nodegroups(&Wire::answering([(404, gone)])).await.unwrap_err();
    let expected =
        "eks:ListNodegroups for cluster blue: ResourceNotFoundException: No node group found for name: spot.";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_eight_are_described_at_once() {
    let names: Vec<String> = (0..20).map(|number| format!("group-{number}")).collect();
    let list = json!({ "nodegroups": names }).to_string();
    let wire = Wire::answering_then_silent([(200, &list)]);
    let asked = tokio::time::timeout(Duration::from_secs(1), nodegroups(&wire)).await;
    assert!(asked.is_err(), "{asked:?}");
    assert_eq!(wire.requests().len(), 1 + 8);
}

#[tokio::test]
async fn an_answer_that_lacks_something_says_what() {
    let cases = [
        (
            described("spot", "").replace("scalingConfig", "x"),
            "no scaling configuration",
        ),
        (
            described("spot", "").replace("desiredSize", "x"),
            "no desired size",
        ),
        (
            described("spot", "").replace(":3", ":-3"),
            "desired size -3: expected 0 or more",
        ),
        (described("spot", "").replace("nodegroupArn", "x"), "no ARN"),
    ];
    for (answer, reason) in cases {
        let wire = Wire::answering([(200, r#"{"nodegroups":["spot"]}"#), (200, &answer)]);
        let error = nodegroups(&wire).await.unwrap_err().to_string();
        let call = "eks:DescribeNodegroup for node group spot, cluster blue";
        assert_eq!(error, format!("{call}: unexpected answer: {reason}"));
    }
}

#[tokio::test]
async fn a_node_group_gets_all_three_sizes_in_one_call() {
    let wire = Wire::answering([(200, r#"{"update":{"id":"1"}}"#)]);
    let eks = Eks::new(&wire.config());
    eks.resize_nodegroup(&blue(), "spot", Capacity::new(0, 0, 5))
        .await
        .unwrap();
    let [request] = wire.requests().try_into().unwrap();
    assert_eq!(request.path, "/clusters/blue/node-groups/spot/update-config");
    let mut sent = request.json();
    sent.as_object_mut().unwrap().remove("clientRequestToken"); // by which a second attempt is known
    assert_eq!(
        sent,
        json!({ "scalingConfig": { "minSize": 0, "desiredSize": 0, "maxSize": 5 } })
    );
}

#[tokio::test]
async fn case_17_a_node_group_that_is_being_updated_is_busy_and_tried_later() {
    let busy = r#"{"__type":"ResourceInUseException","message":"spot has an update in progress"}"#;
    let wire = Wire::answering([(409, busy)]);
    let eks = Eks::new(&wire.config());
    let error = eks
        .resize_nodegroup(&blue(), "spot", Capacity::new(0, 0, 5))
        .await
        .unwrap_err();
    assert!(error.is_busy());
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(
        error.to_string(),
        "eks:UpdateNodegroupConfig for node group spot, cluster blue: \
         ResourceInUseException: spot has an update in progress"
    );
    assert_eq!(
        wire.requests().len(),
        1,
        "the next invocation tries, not this one"
    );
}

#[tokio::test]
async fn a_size_that_eks_refuses_is_not_tried_again() {
    let refused = r#"{"__type":"InvalidParameterException","message":"Minimum capacity can't be greater"}"#;
    let wire = Wire::answering([(400, refused)]);
    let eks = Eks::new(&wire.config());
    let error = eks
        .resize_nodegroup(&blue(), "spot", Capacity::new(0, 0, 0))
        .await
        .unwrap_err();
    assert!(!error.is_busy());
    assert_eq!(error.class(), Class::Permanent);
}

#[tokio::test]
async fn tags_are_written_and_taken_away_by_the_arn() {
    let wire = Wire::answering([(200, "{}"), (200, "{}")]);
    let eks = Eks::new(&wire.config());
    eks.tag_nodegroup(ARN, &[("lamplighter:state", "asleep")])
        .await
        .unwrap();
    eks.untag_nodegroup(ARN, &["lamplighter:state"]).await.unwrap();
    eks.tag_nodegroup(ARN, &[]).await.unwrap();
    eks.untag_nodegroup(ARN, &[]).await.unwrap();
    let [tagged, untagged] = wire.requests().try_into().unwrap();
    assert_eq!(tagged.method, "POST");
    assert_eq!(
        tagged.json(),
        json!({ "tags": { "lamplighter:state": "asleep" } })
    );
    assert_eq!(untagged.method, "DELETE");
    assert_eq!(untagged.query["tagKeys"], "lamplighter:state");
    assert_eq!(tagged.path, untagged.path);
    assert_eq!(
        tagged.path,
        format!("/tags/{}", ARN.replace(':', "%3A").replace('/', "%2F"))
    );
}
