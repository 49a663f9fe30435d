//! Managed node groups at the world's EKS endpoint, with the world's Auto Scaling behind them.

use std::sync::Arc;
use std::time::Duration;

use autoscaling::Clock;
use base::{Ports, aws};
use emulator::client::Refused;
use emulator::eks::clusters::{create_cluster, create_role};
use emulator::eks::{self, nodegroups::NODEGROUP_TAG};
use emulator::{Client, Emulator, EmulatorFleet, EmulatorJudge};
use reqwest::Method;
use serde_json::{Value, json};

const GROUPS: &str = "/clusters/demo/node-groups";

/// The emulator with both endpoints in front of it.
struct Stage {
    emulator: Emulator,
    admin: Client,
    autoscaling: autoscaling::Server,
    eks: eks::Server,
}

impl Stage {
    async fn set(base: u16) -> Self {
        let (emulator, ports) = crate::common::start(base).await;
        let admin = emulator.client().unwrap();
        let (notices, _) = tokio::sync::mpsc::unbounded_channel();
        let autoscaling = autoscaling::serve(autoscaling::Settings {
            listen: Ports::address(ports.autoscaling()),
            account: aws::ACCOUNT.to_owned(),
            region: aws::REGION.to_owned(),
            clock: Clock::real(),
            fleet: Arc::new(EmulatorFleet::new(admin.clone())),
            judge: Arc::new(EmulatorJudge::new(emulator.endpoint()).unwrap()),
            notices,
        })
        .await
        .unwrap();
        let endpoint = Ports::http(ports.autoscaling());
        let eks = eks::serve(eks::Settings {
            listen: Ports::address(ports.eks()),
            emulator: admin.clone(),
            clusters: Arc::new(|_| None),
            autoscaling: Some(Client::new(&endpoint, emulator.admin().clone()).unwrap()),
        })
        .await
        .unwrap();
        create_cluster(&admin, "demo", &[]).await.unwrap();
        create_role(&admin, "node", "ec2.amazonaws.com").await.unwrap();
        Self {
            emulator,
            admin,
            autoscaling,
            eks,
        }
    }

    fn administrator(&self) -> Client {
        Client::new(&self.endpoint(), self.emulator.admin().clone()).unwrap()
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.eks.address())
    }

    async fn role(&self, name: &str, statements: Value) -> Client {
        let role = crate::common::role(&self.admin, name, statements).await;
        Client::new(&self.endpoint(), role).unwrap()
    }

    /// The Auto Scaling group of this name, as it is described; `None` if it is gone.
    async fn group(&self, name: &str) -> Option<emulator::Element> {
        let endpoint = format!("http://{}", self.autoscaling.address);
        let client = Client::new(&endpoint, self.emulator.admin().clone()).unwrap();
        let named = [("AutoScalingGroupNames.member.1", name)];
        let answer = client.query("autoscaling", "2011-01-01", "DescribeAutoScalingGroups", named);
        let answer = answer.await.unwrap();
        answer
            .at("DescribeAutoScalingGroupsResult/AutoScalingGroups/member")
            .cloned()
    }

    async fn sizes(&self, group: &str) -> [String; 3] {
        let group = self.group(group).await.unwrap();
        ["MinSize", "DesiredCapacity", "MaxSize"].map(|size| group.text_at(size).unwrap())
    }

    async fn end(self) {
        self.autoscaling.stop().await;
        self.emulator.stop().await;
    }
}

async fn create(client: &Client, name: &str, tags: Value) -> Value {
    let nodegroup = json!({
        "nodegroupName": name,
        "nodeRole": "arn:aws:iam::111122223333:role/node",
        "subnets": ["subnet-00000001"],
        "scalingConfig": { "minSize": 1, "desiredSize": 3, "maxSize": 5 },
        "labels": { "team": "shop" },
        "tags": tags,
    });
    let created = client
        .rest("eks", Method::POST, GROUPS, Some(&nodegroup))
        .await
        .unwrap();
    created["nodegroup"].clone()
}

async fn get(client: &Client, path: &str) -> anyhow::Result<Value> {
    client.rest("eks", Method::GET, path, None).await
}

async fn update(client: &Client, name: &str, sizes: Value) -> anyhow::Result<Value> {
    let path = format!("{GROUPS}/{name}/update-config");
    let change = json!({ "scalingConfig": sizes });
    client.rest("eks", Method::POST, &path, Some(&change)).await
}

fn refusal(outcome: anyhow::Result<Value>) -> (u16, String) {
    let error = outcome.unwrap_err();
    let refused = error.downcast_ref::<Refused>().unwrap();
    (refused.status, refused.code.clone())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_node_group_is_updated_in_a_second_and_its_auto_scaling_group_follows() {
    let stage = Stage::set(15_920).await;
    let eks = stage.administrator();
    let created = create(&eks, "blue", json!({})).await;
    let group = created["resources"]["autoScalingGroups"][0]["name"]
        .as_str()
        .unwrap();
    assert!(group.starts_with("eks-blue-"), "{group}");
    assert_eq!(stage.sizes(group).await, ["1", "3", "5"]);
    let made = stage.group(group).await.unwrap();
    let tags = made.list("Tags").iter();
    let tag = tags.filter(|tag| tag.text_at("Key").as_deref() == Some(NODEGROUP_TAG));
    assert_eq!(
        tag.map(|tag| tag.text_at("Value").unwrap()).collect::<Vec<_>>(),
        ["blue"]
    );

    let blue = format!("{GROUPS}/blue");
    let sleep = json!({ "minSize": 0, "desiredSize": 0 });
    let begun = update(&eks, "blue", sleep.clone()).await.unwrap()["update"].clone();
    assert_eq!(begun["status"], "InProgress");
    assert_eq!(stage.sizes(group).await, ["0", "0", "5"]);
    let described = get(&eks, &blue).await.unwrap();
    assert_eq!(described["nodegroup"]["status"], "UPDATING");
    assert_eq!(
        described["nodegroup"]["scalingConfig"],
        json!({ "minSize": 0, "desiredSize": 0, "maxSize": 5 })
    );
    assert_eq!(
        refusal(update(&eks, "blue", sleep).await),
        is(409, "ResourceInUseException")
    );
    let id = begun["id"].as_str().unwrap();
    let follow = format!("/clusters/demo/updates/{id}?nodegroupName=blue");
    assert_eq!(
        get(&eks, &follow).await.unwrap()["update"]["status"],
        "InProgress"
    );
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(
        get(&eks, &follow).await.unwrap()["update"]["status"],
        "Successful"
    );
    assert_eq!(get(&eks, &blue).await.unwrap()["nodegroup"]["status"], "ACTIVE");
    let unknown = get(&eks, "/clusters/demo/updates/none?nodegroupName=blue").await;
    assert_eq!(refusal(unknown), is(404, "ResourceNotFoundException"));

    for wrong in [
        json!({ "minSize": 0, "desiredSize": 0, "maxSize": 0 }),
        json!({ "desiredSize": 6 }),
        json!({ "minSize": -1 }),
    ] {
        let refused = refusal(update(&eks, "blue", wrong).await);
        assert_eq!(refused, is(400, "InvalidParameterException"));
    }
    let error = update(&eks, "none", json!({})).await;
    assert_eq!(refusal(error), is(404, "ResourceNotFoundException"));

    eks.rest("eks", Method::DELETE, &blue, None).await.unwrap();
    assert_eq!(
        refusal(get(&eks, &blue).await),
        is(404, "ResourceNotFoundException")
    );
    let left = stage.group(group).await;
    let status = left.map(|group| group.text_at("Status"));
    assert!(
        status.is_none_or(|status| status.as_deref() == Some("Delete in progress")),
        "the group stays"
    );
    stage.end().await;
}

#[tokio::test]
async fn who_changes_the_auto_scaling_group_changes_the_desired_size() {
    let stage = Stage::set(15_940).await;
    let eks = stage.administrator();
    let created = create(&eks, "blue", json!({})).await;
    let group = created["resources"]["autoScalingGroups"][0]["name"]
        .as_str()
        .unwrap();
    let endpoint = format!("http://{}", stage.autoscaling.address);
    let client = Client::new(&endpoint, stage.emulator.admin().clone()).unwrap();
    let desired = [("AutoScalingGroupName", group), ("DesiredCapacity", "4")];
    client
        .query("autoscaling", "2011-01-01", "SetDesiredCapacity", desired)
        .await
        .unwrap();
    let described = get(&eks, &format!("{GROUPS}/blue")).await.unwrap();
    assert_eq!(described["nodegroup"]["scalingConfig"]["desiredSize"], 4);
    stage.end().await;
}

#[tokio::test]
async fn a_role_lists_describes_changes_and_tags_the_node_groups_of_its_statements() {
    let stage = Stage::set(15_960).await;
    let eks = stage.administrator();
    create(&eks, "blue", json!({ "lamplighter:cluster": "demo" })).await;
    create(&eks, "green", json!({})).await;
    let nodegroups = "arn:aws:eks:*:*:nodegroup/demo/*/*";
    let role = stage.role("own", json!([
        { "Effect": "Allow", "Action": "eks:ListNodegroups", "Resource": "arn:aws:eks:*:*:cluster/demo" },
        { "Effect": "Allow", "Action": ["eks:DescribeNodegroup", "eks:DescribeUpdate"], "Resource": nodegroups },
        {
            "Effect": "Allow",
            "Action": ["eks:UpdateNodegroupConfig", "eks:TagResource", "eks:UntagResource"],
            "Resource": nodegroups,
            "Condition": { "StringEquals": { "aws:ResourceTag/lamplighter:cluster": "demo" } },
        },
    ])).await;
    let none = json!([{ "Effect": "Allow", "Action": "eks:*", "Resource": "arn:aws:eks:*:*:cluster/demo" }]);
    let none = stage.role("none", none).await;
    let denied = is(403, "AccessDeniedException");

    let first = get(&role, &format!("{GROUPS}?maxResults=1")).await.unwrap();
    assert_eq!(first["nodegroups"], json!(["blue"]));
    let token = first["nextToken"].as_str().unwrap();
    let second = get(&role, &format!("{GROUPS}?maxResults=1&nextToken={token}"))
        .await
        .unwrap();
    assert_eq!(second, json!({ "nodegroups": ["green"] }));

    let (blue, green) = (format!("{GROUPS}/blue"), format!("{GROUPS}/green"));
    let described = get(&role, &blue).await.unwrap()["nodegroup"].clone();
    let other = get(&role, &green).await.unwrap()["nodegroup"].clone();
    assert_eq!(refusal(get(&none, &blue).await), denied);
    let sleep = json!({ "minSize": 0, "desiredSize": 0 });
    assert_eq!(refusal(update(&none, "blue", sleep.clone()).await), denied);
    assert_eq!(refusal(update(&role, "green", sleep.clone()).await), denied);
    let begun = update(&role, "blue", sleep).await.unwrap();
    let id = begun["update"]["id"].as_str().unwrap();
    let follow = format!("/clusters/demo/updates/{id}?nodegroupName=blue");
    get(&role, &follow).await.unwrap();
    assert_eq!(refusal(get(&none, &follow).await), denied);

    let tags = json!({ "tags": { "saved": "1-3-5", "since": "now" } });
    let at = |nodegroup: &Value| {
        let arn = nodegroup["nodegroupArn"].as_str().unwrap();
        format!("/tags/{}", arn.replace(':', "%3A").replace('/', "%2F"))
    };
    role.rest("eks", Method::POST, &at(&described), Some(&tags))
        .await
        .unwrap();
    let refused = role.rest("eks", Method::POST, &at(&other), Some(&tags)).await;
    assert_eq!(refusal(refused), denied);
    let tagged = get(&role, &blue).await.unwrap();
    assert_eq!(
        tagged["nodegroup"]["tags"],
        json!({ "lamplighter:cluster": "demo", "saved": "1-3-5", "since": "now" })
    );
    let untag = format!("{}?tagKeys=saved&tagKeys=since", at(&described));
    role.rest("eks", Method::DELETE, &untag, None).await.unwrap();
    let untagged = get(&role, &blue).await.unwrap();
    assert_eq!(
        untagged["nodegroup"]["tags"],
        json!({ "lamplighter:cluster": "demo" })
    );
    stage.end().await;
}
