//! What goes over the wire, and what is made of the answers.

use domain::failure::{Class, Classified as _};

use super::*;
use crate::wire::Wire;

const ARN: &str = "arn:aws:rds:eu-central-1:111122223333:db:orders";

fn rds(wire: &Wire) -> Rds {
    Rds::new(&wire.config())
}

fn form(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let version = [("Version", "2014-10-31")];
    let pairs = pairs.iter().chain(&version);
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn page(instances: &str, marker: &str) -> String {
    format!(
        "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{instances}</DBInstances>{marker}\
         </DescribeDBInstancesResult></DescribeDBInstancesResponse>"
    )
}

fn instance(id: &str, more: &str) -> String {
    format!(
        "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DBInstanceArn>{ARN}</DBInstanceArn>\
         <DBInstanceStatus>available</DBInstanceStatus>{more}</DBInstance>"
    )
}

fn refusal(code: &str, message: &str) -> String {
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>")
}

#[tokio::test]
async fn all_databases_of_the_region_are_listed_page_by_page() {
    let orders = "<TagList><Tag><Key>lamplighter:cluster</Key><Value>blue</Value></Tag><Tag><Key>team</Key></Tag>\
        </TagList><PreferredMaintenanceWindow>sun:05:00-sun:05:30</PreferredMaintenanceWindow>\
        <ReadReplicaDBInstanceIdentifiers><ReadReplicaDBInstanceIdentifier>orders-read\
        </ReadReplicaDBInstanceIdentifier></ReadReplicaDBInstanceIdentifiers>\
        <ReadReplicaDBClusterIdentifiers><ReadReplicaDBClusterIdentifier>aurora\
        </ReadReplicaDBClusterIdentifier></ReadReplicaDBClusterIdentifiers>\
        <DBInstanceClass>db.t4g.medium</DBInstanceClass><Engine>postgres</Engine><MultiAZ>true</MultiAZ>\
        <InstanceCreateTime>2026-06-07T08:09:10.5Z</InstanceCreateTime>";
    let read = "<ReadReplicaSourceDBInstanceIdentifier>orders</ReadReplicaSourceDBInstanceIdentifier>\
        <DBClusterIdentifier>aurora</DBClusterIdentifier><MultiAZ>false</MultiAZ>";
    let wire = Wire::answering([
        (200, &page(&instance("orders", orders), "<Marker>page 2</Marker>")),
        (
            200,
            &page(
                &instance("orders-read", read).replace("available", "inaccessible"),
                "",
            ),
        ),
    ]);
    let found = rds(&wire).databases().await.unwrap();
    let first = Database {
        id: "orders".to_owned(),
        arn: ARN.to_owned(),
        status: DatabaseStatus::Available,
        tags: BTreeMap::from([
            ("lamplighter:cluster".to_owned(), "blue".to_owned()),
            ("team".to_owned(), String::new()),
        ]),
        maintenance_window: "sun:05:00-sun:05:30".to_owned(),
        replica_of: None,
        replicas: vec!["orders-read".to_owned(), "aurora".to_owned()],
        db_cluster: None,
        class: "db.t4g.medium".to_owned(),
        engine: "postgres".to_owned(),
        created: Some("2026-06-07T08:09:10.5Z".parse().unwrap()),
        zones: Zones::Multi,
    };
    let second = Database {
        id: "orders-read".to_owned(),
        arn: ARN.to_owned(),
        status: DatabaseStatus::Other("inaccessible".to_owned()),
        tags: BTreeMap::new(),
        maintenance_window: String::new(),
        replica_of: Some("orders".to_owned()),
        replicas: vec![],
        db_cluster: Some("aurora".to_owned()),
        class: String::new(),
        engine: String::new(),
        created: None,
        zones: Zones::Single,
    };
    assert_eq!(found, [first, second]);
    let [first, second] = wire.requests().try_into().unwrap();
    let mut asked = form(&[("Action", "DescribeDBInstances"), ("MaxRecords", "100")]);
    assert_eq!(first.form(), asked);
    asked.insert("Marker".to_owned(), "page 2".to_owned());
    assert_eq!(second.form(), asked);
}

#[tokio::test]
async fn a_database_without_a_name_is_an_unexpected_answer() {
    let nameless = instance("orders", "").replace("DBInstanceIdentifier>", "Id>");
    let wire = Wire::answering([(200, &page(&nameless, ""))]);
    let error = rds(&wire).databases().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "rds:DescribeDBInstances for all databases: unexpected answer: no identifier"
    );
}

#[tokio::test]
async fn a_database_is_stopped_and_started_by_its_identifier() {
    let stopped = "<StopDBInstanceResponse><StopDBInstanceResult/></StopDBInstanceResponse>";
    let started = "<StartDBInstanceResponse><StartDBInstanceResult/></StartDBInstanceResponse>";
    let wire = Wire::answering([(200, stopped), (200, started)]);
    rds(&wire).stop_database("orders").await.unwrap();
    rds(&wire).start_database("orders").await.unwrap();
    let [stop, start] = wire.requests().try_into().unwrap();
    let id = ("DBInstanceIdentifier", "orders");
    assert_eq!(stop.form(), form(&[("Action", "StopDBInstance"), id]));
    assert_eq!(start.form(), form(&[("Action", "StartDBInstance"), id]));
}

#[tokio::test]
async fn a_database_that_is_in_another_state_is_busy_and_tried_later() {
    let busy = refusal(
        "InvalidDBInstanceState",
        "Instance orders is not in available state.",
    );
    let wire = Wire::answering([(400, &busy)]);
    let error = rds(&wire).stop_database("orders").await.unwrap_err();
    assert!(error.is_busy());
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(
        error.to_string(),
        "rds:StopDBInstance for database orders: \
         InvalidDBInstanceState: Instance orders is not in available state."
    );
    assert_eq!(
        wire.requests().len(),
        1,
        "the next invocation tries, not this one"
    );
}

#[tokio::test]
async fn a_database_that_is_gone_is_named() {
    let wire = Wire::answering([(
        404,
        &refusal("DBInstanceNotFound", "DBInstance orders not found."),
    )]);
    let error = rds(&wire).start_database("orders").await.unwrap_err();
    assert!(!error.is_busy());
    assert_eq!(error.class(), Class::Permanent);
    assert_eq!(
        error.to_string(),
        "rds:StartDBInstance for database orders: DBInstanceNotFound: DBInstance orders not found."
    );
}

#[tokio::test]
async fn tags_are_written_and_taken_away_by_the_arn() {
    let added = "<AddTagsToResourceResponse/>";
    let removed = "<RemoveTagsFromResourceResponse/>";
    let wire = Wire::answering([(200, added), (200, removed)]);
    let rds = rds(&wire);
    rds.tag_database(ARN, &[("lamplighter:state", "asleep"), ("lamplighter:error", "")])
        .await
        .unwrap();
    rds.untag_database(ARN, &["lamplighter:state"]).await.unwrap();
    rds.tag_database(ARN, &[]).await.unwrap();
    rds.untag_database(ARN, &[]).await.unwrap();
    let [add, remove] = wire.requests().try_into().unwrap();
    let expected = form(&[
        ("Action", "AddTagsToResource"),
        ("ResourceName", ARN),
        ("Tags.Tag.1.Key", "lamplighter:state"),
        ("Tags.Tag.1.Value", "asleep"),
        ("Tags.Tag.2.Key", "lamplighter:error"),
        ("Tags.Tag.2.Value", ""),
    ]);
    assert_eq!(add.form(), expected);
    let expected = form(&[
        ("Action", "RemoveTagsFromResource"),
        ("ResourceName", ARN),
        ("TagKeys.member.1", "lamplighter:state"),
    ]);
    assert_eq!(remove.form(), expected);
}
