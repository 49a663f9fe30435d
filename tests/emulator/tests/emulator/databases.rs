//! Databases that stop and start, without any database.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use emulator::client::Refused;
use emulator::{Client, Element};
use jiff::Timestamp;
use serde_json::json;

/// A transition takes a second; a machine that compiles at the same time is slower.
const LIMIT: Duration = Duration::from_secs(20);

type Parameters<'a> = &'a [(&'a str, &'a str)];

async fn rds(client: &Client, action: &str, parameters: Parameters<'_>) -> anyhow::Result<Element> {
    let parameters = parameters.iter().copied();
    let answer = client.query("rds", "2014-10-31", action, parameters).await?;
    let result = answer.at(&format!("{action}Result")).cloned();
    Ok(result.unwrap_or(answer))
}

async fn create(client: &Client, name: &str, more: Parameters<'_>) -> Element {
    let given = [
        ("DBInstanceIdentifier", name),
        ("DBInstanceClass", "db.t4g.micro"),
        ("Engine", "postgres"),
        ("MasterUsername", "admin"),
        ("MasterUserPassword", "a password"),
        ("AllocatedStorage", "20"),
    ];
    let mut parameters = BTreeMap::from(given);
    parameters.extend(more.iter().copied());
    let parameters: Vec<_> = parameters.into_iter().collect();
    rds(client, "CreateDBInstance", &parameters).await.unwrap()
}

async fn described(client: &Client, name: &str) -> Element {
    let answer = rds(client, "DescribeDBInstances", &[("DBInstanceIdentifier", name)]).await;
    answer.unwrap().at("DBInstances/DBInstance").cloned().unwrap()
}

async fn status(client: &Client, name: &str) -> String {
    described(client, name).await.text_at("DBInstanceStatus").unwrap()
}

async fn until(client: &Client, name: &str, wanted: &str) -> Duration {
    let started = Instant::now();
    while status(client, name).await != wanted {
        assert!(
            started.elapsed() < LIMIT,
            "{name} is not {wanted} after {LIMIT:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    started.elapsed()
}

/// Does `action` to an instance and gives back the code of its refusal, or the state that it answered.
async fn act(client: &Client, action: &str, name: &str) -> String {
    match rds(client, action, &[("DBInstanceIdentifier", name)]).await {
        Ok(answer) => answer.text_at("DBInstance/DBInstanceStatus").unwrap(),
        Err(error) => error.downcast_ref::<Refused>().unwrap().code.clone(),
    }
}

#[tokio::test]
async fn a_database_takes_its_time_to_stop_and_start_and_is_refused_what_its_state_does_not_permit() {
    let (emulator, _) = crate::common::start(15_760).await;
    let admin = emulator.client().unwrap();
    let created = create(
        &admin,
        "Shop",
        &[("PreferredMaintenanceWindow", "sun:03:00-sun:04:00")],
    )
    .await;
    let text = |path: &str| created.text_at(&format!("DBInstance/{path}"));
    assert_eq!(text("DBInstanceIdentifier").as_deref(), Some("shop"));
    assert_eq!(text("DBInstanceStatus").as_deref(), Some("creating"));
    assert_eq!(
        act(&admin, "StopDBInstance", "shop").await,
        "InvalidDBInstanceState"
    );
    until(&admin, "shop", "available").await;

    assert_eq!(
        act(&admin, "StartDBInstance", "shop").await,
        "InvalidDBInstanceState"
    );
    let asked = Timestamp::now();
    assert_eq!(act(&admin, "StopDBInstance", "shop").await, "stopping");
    assert_eq!(status(&admin, "shop").await, "stopping");
    for action in ["StopDBInstance", "StartDBInstance"] {
        assert_eq!(act(&admin, action, "shop").await, "InvalidDBInstanceState");
    }
    assert!(until(&admin, "shop", "stopped").await > Duration::from_millis(500));
    let stopped = described(&admin, "shop").await;
    let restart: Timestamp = stopped.text_at("AutomaticRestartTime").unwrap().parse().unwrap();
    let in_days = restart.duration_since(asked).as_hours();
    assert!((167..=168).contains(&in_days), "{in_days} hours");
    assert_eq!(
        act(&admin, "ModifyDBInstance", "shop").await,
        "InvalidDBInstanceState"
    );
    assert_eq!(
        act(&admin, "StopDBInstance", "shop").await,
        "InvalidDBInstanceState"
    );

    assert_eq!(act(&admin, "StartDBInstance", "shop").await, "starting");
    assert!(until(&admin, "shop", "available").await > Duration::from_millis(500));
    let started = described(&admin, "shop").await;
    let text = |path: &str| started.text_at(path);
    assert_eq!(text("AutomaticRestartTime"), None);
    assert_eq!(text("Engine").as_deref(), Some("postgres"));
    assert_eq!(text("DBInstanceClass").as_deref(), Some("db.t4g.micro"));
    assert_eq!(text("MultiAZ").as_deref(), Some("false"));
    assert_eq!(
        text("PreferredMaintenanceWindow").as_deref(),
        Some("sun:03:00-sun:04:00")
    );
    for absent in ["ReadReplicaSourceDBInstanceIdentifier", "DBClusterIdentifier"] {
        assert_eq!(started.at(absent), None, "{absent}");
    }
    assert_eq!(act(&admin, "StopDBInstance", "none").await, "DBInstanceNotFound");
    assert_eq!(
        act(&admin, "DescribeDBInstances", "none").await,
        "DBInstanceNotFound"
    );
    emulator.stop().await;
}

#[tokio::test]
async fn of_two_who_stop_a_database_at_once_one_is_refused() {
    let (emulator, _) = crate::common::start(15_780).await;
    let admin = emulator.client().unwrap();
    create(&admin, "shop", &[]).await;
    until(&admin, "shop", "available").await;
    let stops = (0..8).map(|_| act(&admin, "StopDBInstance", "shop"));
    let mut outcomes = futures::future::join_all(stops).await;
    outcomes.sort_unstable();
    assert_eq!(outcomes.pop().as_deref(), Some("stopping"));
    assert!(
        outcomes.iter().all(|one| one == "InvalidDBInstanceState"),
        "{outcomes:?}"
    );
    emulator.stop().await;
}

#[tokio::test]
async fn replicas_and_members_of_clusters_do_not_stop_by_themselves() {
    let (emulator, _) = crate::common::start(15_800).await;
    let admin = emulator.client().unwrap();
    create(&admin, "source", &[]).await;
    let replica = [
        ("DBInstanceIdentifier", "replica"),
        ("SourceDBInstanceIdentifier", "source"),
    ];
    rds(&admin, "CreateDBInstanceReadReplica", &replica)
        .await
        .unwrap();
    let cluster = [
        ("DBClusterIdentifier", "aurora"),
        ("Engine", "aurora-postgresql"),
        ("MasterUsername", "admin"),
        ("MasterUserPassword", "a password"),
    ];
    rds(&admin, "CreateDBCluster", &cluster).await.unwrap();
    create(&admin, "member", &[("DBClusterIdentifier", "aurora")]).await;
    let sql_server = [("MultiAZ", "true"), ("Engine", "sqlserver-se")];
    create(&admin, "windows", &sql_server).await;
    for name in ["source", "member", "windows"] {
        until(&admin, name, "available").await;
    }
    let source = described(&admin, "source").await;
    assert_eq!(source.list("ReadReplicaDBInstanceIdentifiers")[0].text, "replica");
    let replica = described(&admin, "replica").await;
    let of = replica.text_at("ReadReplicaSourceDBInstanceIdentifier");
    assert_eq!(of.as_deref(), Some("source"));
    for name in ["source", "replica", "windows"] {
        assert_eq!(
            act(&admin, "StopDBInstance", name).await,
            "InvalidDBInstanceState",
            "{name}"
        );
    }
    assert_eq!(
        described(&admin, "member")
            .await
            .text_at("DBClusterIdentifier")
            .as_deref(),
        Some("aurora")
    );
    for action in ["StopDBInstance", "StartDBInstance"] {
        assert_eq!(act(&admin, action, "member").await, "InvalidParameterCombination");
    }
    let deleted = [("DBInstanceIdentifier", "replica"), ("SkipFinalSnapshot", "true")];
    rds(&admin, "DeleteDBInstance", &deleted).await.unwrap();
    assert_eq!(act(&admin, "StopDBInstance", "source").await, "stopping");
    emulator.stop().await;
}

#[tokio::test]
async fn a_list_of_databases_has_pages_in_the_order_of_their_names() {
    let (emulator, _) = crate::common::start(15_820).await;
    let admin = emulator.client().unwrap();
    let names: Vec<String> = (0..23).map(|n| format!("db-{n:02}")).collect();
    for name in names.iter().rev() {
        create(&admin, name, &[]).await;
    }
    let mut found = Vec::new();
    let mut marker = None;
    for expected in [20, 3] {
        let mut parameters = vec![("MaxRecords", "20".to_owned())];
        parameters.extend(marker.map(|marker| ("Marker", marker)));
        let page = admin
            .query("rds", "2014-10-31", "DescribeDBInstances", parameters)
            .await
            .unwrap();
        let page = page.at("DescribeDBInstancesResult").unwrap();
        let instances = page.list("DBInstances");
        assert_eq!(instances.len(), expected);
        found.extend(
            instances
                .iter()
                .filter_map(|one| one.text_at("DBInstanceIdentifier")),
        );
        marker = page.text_at("Marker");
    }
    assert_eq!((found, marker), (names, None));
    let error = rds(&admin, "DescribeDBInstances", &[("MaxRecords", "5")])
        .await
        .unwrap_err();
    assert!(Refused::is(&error, "InvalidParameterValue"), "{error:#}");
    emulator.stop().await;
}

#[tokio::test]
async fn a_role_stops_and_tags_what_the_tags_of_its_statement_say() {
    let (emulator, _) = crate::common::start(15_840).await;
    let admin = emulator.client().unwrap();
    let enrolled = [
        ("Tags.Tag.1.Key", "lamplighter:cluster"),
        ("Tags.Tag.1.Value", "world"),
    ];
    let shop = create(&admin, "shop", &enrolled).await;
    let shop = shop.text_at("DBInstance/DBInstanceArn").unwrap();
    let other = create(&admin, "other", &[])
        .await
        .text_at("DBInstance/DBInstanceArn")
        .unwrap();
    for (name, key) in [("global", "aws:ResourceTag"), ("own", "rds:db-tag")] {
        for database in ["shop", "other"] {
            until(&admin, database, "available").await;
        }
        let condition = json!({ "StringEquals": { format!("{key}/lamplighter:cluster"): "world" } });
        let statements = json!([
            { "Effect": "Allow", "Action": "rds:DescribeDBInstances", "Resource": "arn:aws:rds:*:*:db:*" },
            {
                "Effect": "Allow",
                "Action": ["rds:St*", "rds:AddTagsToResource", "rds:RemoveTagsFromResource", "rds:ListTagsForResource"],
                "Resource": "arn:aws:rds:*:*:db:*",
                "Condition": condition,
            },
        ]);
        let role = crate::common::role(&admin, name, statements).await;
        let role = Client::new(emulator.endpoint(), role).unwrap();
        let all = rds(&role, "DescribeDBInstances", &[]).await.unwrap();
        assert_eq!(all.list("DBInstances").len(), 2);
        assert_eq!(act(&role, "StopDBInstance", "other").await, "AccessDenied");
        assert_eq!(act(&role, "StopDBInstance", "shop").await, "stopping");
        let tag = |arn| {
            [
                ("ResourceName", arn),
                ("Tags.Tag.1.Key", "saved"),
                ("Tags.Tag.1.Value", "available"),
            ]
        };
        let error = rds(&role, "AddTagsToResource", &tag(&other)).await.unwrap_err();
        assert!(Refused::is(&error, "AccessDenied"), "{error:#}");
        rds(&role, "AddTagsToResource", &tag(&shop)).await.unwrap();
        let tags = rds(&role, "ListTagsForResource", &[("ResourceName", &shop)])
            .await
            .unwrap();
        assert_eq!(tags.list("TagList").len(), 2);
        let untag = [("ResourceName", shop.as_str()), ("TagKeys.member.1", "saved")];
        rds(&role, "RemoveTagsFromResource", &untag).await.unwrap();
        assert_eq!(described(&admin, "shop").await.list("TagList").len(), 1);
        until(&admin, "shop", "stopped").await;
        assert_eq!(act(&role, "StartDBInstance", "shop").await, "starting");
    }
    let error = rds(
        &admin,
        "ListTagsForResource",
        &[("ResourceName", &format!("{shop}s"))],
    )
    .await;
    assert!(Refused::is(&error.unwrap_err(), "DBInstanceNotFound"));
    emulator.stop().await;
}
