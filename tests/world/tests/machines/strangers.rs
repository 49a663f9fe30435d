//! Cases 7 and 8: nobody reads a document but the machine that it is for. The policy is the template's.

use emulator::Client;
use emulator::client::Refused;
use serde_json::{Value, json};
use world::groups::Group;
use world::profiles;

use crate::documents::{Document, parameter};
use crate::stage::{Stage, group};

/// A machine that has nothing to boot, and so reads nothing by itself.
async fn idle(stage: &Stage, name: &str) -> (Group, String) {
    let group = group(name)
        .profile("machine-that-reads-all")
        .setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "0");
    let instance = stage.machine(group.clone()).await;
    (group, instance)
}

/// Every way to read or take away the document of an instance, and the refusal of each.
async fn refused_everything(reader: &Client, instance: &str) {
    let name = parameter(instance);
    let arn = format!(
        "arn:aws:ssm:{}:{}:parameter{name}",
        base::aws::REGION,
        base::aws::ACCOUNT
    );
    let (one, path) = (
        |name: &str| json!({ "Name": name, "WithDecryption": true }),
        |path: &str| json!({ "Path": path, "Recursive": true, "WithDecryption": true }),
    );
    let all: [(&str, Value); 11] = [
        ("GetParameter", one(&name)),
        ("GetParameter", one(&arn)),
        ("GetParameter", one(&format!("{name}:1"))),
        (
            "GetParameters",
            json!({ "Names": [name], "WithDecryption": true }),
        ),
        (
            "GetParameters",
            json!({ "Names": ["/public", name], "WithDecryption": true }),
        ),
        ("GetParameterHistory", one(&name)),
        ("GetParametersByPath", path("/lamplighter/world/join")),
        ("GetParametersByPath", path("/lamplighter")),
        ("GetParametersByPath", path("/")),
        ("DeleteParameter", json!({ "Name": name })),
        ("DeleteParameters", json!({ "Names": [name] })),
    ];
    for (action, request) in all {
        let answer = reader.json("ssm", &format!("AmazonSSM.{action}"), &request).await;
        let error = answer.expect_err(action);
        assert!(
            Refused::is(&error, "AccessDeniedException"),
            "{action} {request}: {error:#}"
        );
    }
}

pub(crate) async fn no_machine_reads_the_document_of_another_in_any_way(stage: &Stage) {
    let (first, owner) = idle(stage, "owner").await;
    let (second, neighbour) = idle(stage, "neighbour").await;
    Document::new("owners").issue(stage, &owner).await;
    Document::new("neighb").issue(stage, &neighbour).await;

    // Whatever else its role may do: here it is everything of Parameter Store.
    let neighbours = stage.world.aws_as(&neighbour).await.unwrap();
    refused_everything(&neighbours, &owner).await;

    // The very same role reads what is its own.
    let question = json!({ "Name": parameter(&neighbour), "WithDecryption": true });
    let answer = neighbours
        .json("ssm", "AmazonSSM.GetParameter", &question)
        .await
        .unwrap();
    let value: Value = serde_json::from_str(answer["Parameter"]["Value"].as_str().unwrap()).unwrap();
    assert_eq!(value["instanceId"], neighbour.as_str());
    for group in [first, second] {
        group.delete(&stage.world).await.unwrap();
    }
}

pub(crate) async fn a_session_that_is_no_instances_reads_nothing(stage: &Stage) {
    let (group, instance) = idle(stage, "impersonated").await;
    Document::new("nobody").issue(stage, &instance).await;
    let person = profiles::assume(&stage.world, "machine-that-reads-all", &instance)
        .await
        .unwrap();
    refused_everything(&person, &instance).await;
    group.delete(&stage.world).await.unwrap();
}
