//! Instances of the world are instances of the emulator's EC2.

use std::collections::{BTreeMap, BTreeSet};

use autoscaling::fleet::{Fleet, LaunchRequest, TemplateRef};
use emulator::{Client, EmulatorFleet};

const EC2: &str = "2016-11-15";

fn request(zone: &str) -> LaunchRequest {
    LaunchRequest {
        image_id: "ami-0123456789abcdef0".to_owned(),
        instance_type: "m7g.large".to_owned(),
        availability_zone: zone.to_owned(),
        tags: BTreeMap::from([
            ("aws:autoscaling:groupName".to_owned(), "workers".to_owned()),
            ("lamplighter:cluster".to_owned(), "demo & co".to_owned()),
        ]),
        ..LaunchRequest::default()
    }
}

async fn template(client: &Client) {
    let version = |number, instance_type| {
        vec![
            ("LaunchTemplateName", "workers"),
            ("LaunchTemplateData.ImageId", "ami-0123456789abcdef0"),
            ("LaunchTemplateData.InstanceType", instance_type),
            ("LaunchTemplateData.UserData", "aGVsbG8="),
            ("VersionDescription", number),
        ]
    };
    client
        .query("ec2", EC2, "CreateLaunchTemplate", version("one", "m7g.large"))
        .await
        .unwrap();
    client
        .query(
            "ec2",
            EC2,
            "CreateLaunchTemplateVersion",
            version("two", "c7g.large"),
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn instances_are_launched_described_and_terminated() {
    let (emulator, _) = crate::common::start(15_300).await;
    let client = emulator.client().unwrap();
    let fleet = EmulatorFleet::new(client.clone());

    let zones = ["eu-central-1a", "eu-central-1b", "eu-central-1b", "eu-central-1c"];
    let launches = zones.map(|zone| fleet.launch(request(zone)));
    let launched: Vec<_> = futures::future::join_all(launches)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let names: BTreeSet<&str> = launched.iter().map(|one| one.private_dns_name.as_str()).collect();
    assert_eq!(names.len(), zones.len(), "each has a name of its own");

    for (zone, one) in zones.into_iter().zip(&launched) {
        assert_eq!(one.availability_zone, zone);
        let expected = format!(
            "ip-{}.eu-central-1.compute.internal",
            one.private_ip.replace('.', "-")
        );
        assert_eq!(one.private_dns_name, expected);
        let described = client
            .query(
                "ec2",
                EC2,
                "DescribeInstances",
                [("InstanceId.1", &one.instance_id)],
            )
            .await
            .unwrap();
        let instance = described.at("reservationSet/item/instancesSet/item").unwrap();
        assert_eq!(
            instance.text_at("placement/availabilityZone").as_deref(),
            Some(zone)
        );
        assert_eq!(
            instance.text_at("privateDnsName").as_ref(),
            Some(&one.private_dns_name)
        );
        assert_eq!(
            instance.text_at("privateIpAddress").as_ref(),
            Some(&one.private_ip)
        );
        let tags = instance.list("tagSet");
        assert!(
            tags.iter()
                .any(|tag| tag.text_at("value").as_deref() == Some("demo & co"))
        );
    }

    let first = &launched[0].instance_id;
    fleet.terminate(first).await.unwrap();
    fleet.terminate(first).await.unwrap();
    fleet.terminate("i-0123456789abcdef0").await.unwrap();
    let described = client
        .query("ec2", EC2, "DescribeInstances", [("InstanceId.1", first)])
        .await
        .unwrap();
    let state = described.at("reservationSet/item/instancesSet/item").unwrap();
    assert_eq!(state.text_at("instanceState/name").as_deref(), Some("terminated"));

    template(&client).await;
    let by_name = |version: Option<&str>| TemplateRef {
        name: Some("workers".to_owned()),
        version: version.map(str::to_owned),
        ..TemplateRef::default()
    };
    let default = fleet.template(&by_name(None)).await.unwrap();
    assert_eq!(
        (default.version.as_str(), default.instance_type.as_deref()),
        ("1", Some("m7g.large"))
    );
    assert_eq!(default.user_data.as_deref(), Some("aGVsbG8="));
    let latest = fleet.template(&by_name(Some("$Latest"))).await.unwrap();
    assert_eq!(
        (latest.version.as_str(), latest.instance_type.as_deref()),
        ("2", Some("c7g.large"))
    );
    let missing = TemplateRef {
        name: Some("nobody".to_owned()),
        ..TemplateRef::default()
    };
    let error = fleet.template(&missing).await.unwrap_err();
    assert!(error.contains("launch template"), "{error}");
    let error = fleet.launch(request("eu-central-1x")).await.unwrap_err();
    assert_eq!(error, "zone eu-central-1x has no default subnet");
    emulator.stop().await;
}
