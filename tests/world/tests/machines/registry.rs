//! The registry keeps images as ECR does, and what happens to them becomes events.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use relay::Step;
use serde_json::{Value, json};
use world::World;
use world::registry::{self, Contents};

use crate::stage::{Stage, until};

async fn ecr(world: &World, operation: &str, input: Value) -> Value {
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    world.aws().unwrap().json("ecr", &target, &input).await.unwrap()
}

async fn described(world: &World, repository: &str) -> Vec<Value> {
    let answer = ecr(world, "DescribeImages", json!({ "repositoryName": repository })).await;
    answer["imageDetails"].as_array().unwrap().clone()
}

/// The tags of an image, sorted; `None` if it is not there.
async fn tags(world: &World, repository: &str, digest: &str) -> Option<Vec<String>> {
    let images = described(world, repository).await;
    let image = images.iter().find(|image| image["imageDigest"] == digest)?;
    let tags = image["imageTags"].as_array().into_iter().flatten();
    let mut tags: Vec<String> = tags.map(|tag| tag.as_str().unwrap().to_owned()).collect();
    tags.sort();
    Some(tags)
}

/// What was emitted of images of a repository: `repository:tag` or `repository@digest`, in order.
fn emitted(world: &World, repository: &str) -> Vec<String> {
    let journal = world.relay().journal().into_iter();
    let emitted = journal.filter(|entry| matches!(entry.step, Step::Emitted { .. }));
    let images = emitted.filter_map(|entry| entry.image);
    images.filter(|image| image.starts_with(repository)).collect()
}

pub(crate) async fn tags_move_images_stay_and_each_push_and_deletion_is_an_event(stage: &Stage) {
    let (world, name) = (&stage.world, "registry/moves");
    registry::create_repository(world, name).await.unwrap();
    let one = registry::push(world, name, &["1.0.0", "latest"], &Contents::new("one"))
        .await
        .unwrap();
    let two = registry::push(world, name, &["latest"], &Contents::new("two"))
        .await
        .unwrap();
    assert_eq!(tags(world, name, &one).await.unwrap(), ["1.0.0"]);
    assert_eq!(tags(world, name, &two).await.unwrap(), ["latest"]);
    registry::tag(world, name, &two, "2.0.0").await.unwrap();
    registry::delete(world, name, "latest").await.unwrap();
    assert_eq!(tags(world, name, &two).await.unwrap(), ["2.0.0"]);
    registry::delete(world, name, &one).await.unwrap();
    assert_eq!(tags(world, name, &one).await, None);
    let expected =
        ["1.0.0", "latest", "latest", "2.0.0", "latest", "1.0.0"].map(|tag| format!("{name}:{tag}"));
    until("six events are emitted", async || emitted(world, name).len() >= 6).await;
    assert_eq!(emitted(world, name), expected);
    registry::delete_repository(world, name).await.unwrap();
}

pub(crate) async fn an_image_for_several_architectures_is_several_events_of_which_one_has_a_tag(
    stage: &Stage,
) {
    let (world, name) = (&stage.world, "registry/index");
    registry::create_repository(world, name).await.unwrap();
    let contents = Contents::new("index");
    let index = registry::push_index(world, name, "1.0.0", &contents, &["amd64", "arm64"])
        .await
        .unwrap();
    until("four events are emitted", async || {
        emitted(world, name).len() >= 4
    })
    .await;
    let with_tag = emitted(world, name)
        .into_iter()
        .filter(|image| image.ends_with(":1.0.0"));
    assert_eq!(with_tag.count(), 1);
    assert_eq!(tags(world, name, &index.digest).await.unwrap(), ["1.0.0"]);
    for child in index.images.iter().chain([&index.attestation]) {
        assert_eq!(tags(world, name, child).await.unwrap(), [] as [String; 0]);
    }
    registry::push_artifact(world, name, "chart", "application/vnd.cncf.helm.config.v1+json")
        .await
        .unwrap();
    let images = described(world, name).await;
    let types: Vec<Option<&str>> = images
        .iter()
        .map(|image| image["artifactMediaType"].as_str())
        .collect();
    assert!(
        types.contains(&Some("application/vnd.cncf.helm.config.v1+json")),
        "{types:?}"
    );
    assert!(
        types.contains(&Some("application/vnd.oci.image.config.v1+json")),
        "{types:?}"
    );
    registry::delete_repository(world, name).await.unwrap();
}

/// Case 31: nothing was pushed, so nothing is told.
pub(crate) async fn case_31_a_tag_that_may_not_move_stays_and_no_event_tells_otherwise(stage: &Stage) {
    let (world, name) = (&stage.world, "registry/immutable");
    registry::create_immutable_repository(world, name).await.unwrap();
    let one = registry::push(world, name, &["1.0.0"], &Contents::new("one"))
        .await
        .unwrap();
    let refused = registry::push(world, name, &["1.0.0"], &Contents::new("two"))
        .await
        .unwrap_err();
    assert!(
        format!("{refused:#}").contains("ImageTagAlreadyExistsException"),
        "{refused:#}"
    );
    assert_eq!(tags(world, name, &one).await.unwrap(), ["1.0.0"]);
    // Whatever is told comes in order: after this one nothing else may be on its way.
    registry::push(world, name, &["1.0.1"], &Contents::new("three"))
        .await
        .unwrap();
    let last = format!("{name}:1.0.1");
    until("the last event is emitted", async || {
        emitted(world, name).contains(&last)
    })
    .await;
    assert_eq!(emitted(world, name), [format!("{name}:1.0.0"), last]);
    registry::delete_repository(world, name).await.unwrap();
}

pub(crate) async fn a_client_of_others_pushes_by_the_protocol_and_that_is_an_event_too(stage: &Stage) {
    let (world, name) = (&stage.world, "registry/protocol");
    registry::create_repository(world, name).await.unwrap();
    let answer = ecr(world, "GetAuthorizationToken", json!({})).await;
    let token = answer["authorizationData"][0]["authorizationToken"]
        .as_str()
        .unwrap();
    let login = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
    let password = login.strip_prefix("AWS:").unwrap();
    let host = world.emulator().endpoint().trim_start_matches("http://");
    let script = base::paths::checkout().join("tests/world/tests/machines/push.py");
    let push = async |password: &str| {
        tokio::process::Command::new(world.tools().python())
            .arg(&script)
            .arg(format!("{host}/{name}:1.0.0"))
            .arg(password)
            .arg(world.dir().join("data/push"))
            .output()
            .await
            .unwrap()
    };
    assert!(!push("of nobody").await.status.success());
    let pushed = push(password).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(pushed.status.success(), "{}", text(&pushed.stderr));
    let said = text(&pushed.stdout);
    let digest = said.lines().last().unwrap();
    assert_eq!(tags(world, name, digest).await.unwrap(), ["1.0.0"]);
    let expected = [format!("{name}:1.0.0")];
    until("the push is an event", async || emitted(world, name) == expected).await;
    registry::delete_repository(world, name).await.unwrap();
}

pub(crate) async fn a_password_pulls_until_it_is_too_old_and_a_failing_image_says_so_by_its_digest(
    stage: &Stage,
) {
    let (world, name) = (&stage.world, "registry/pulls");
    registry::create_repository(world, name).await.unwrap();
    let failing = Contents::failing("bad", control_plane::Failure::CrashLoop);
    let digest = registry::push(world, name, &["1.0.0"], &failing).await.unwrap();
    assert_eq!(
        control_plane::Failure::of_digest(&digest),
        Some(control_plane::Failure::CrashLoop)
    );
    let good = Contents::new("good").digest();
    assert_eq!(control_plane::Failure::of_digest(&good), None);
    let answer = ecr(world, "GetAuthorizationToken", json!({})).await;
    let token = answer["authorizationData"][0]["authorizationToken"]
        .as_str()
        .unwrap();
    assert_eq!(registry::pull(world, name, "1.0.0", token).await.unwrap(), 200);
    assert_eq!(
        registry::pull(world, name, &digest, "bm9ib2R5OnNlY3JldA==")
            .await
            .unwrap(),
        401
    );
    registry::expire_passwords(world).await.unwrap();
    assert_eq!(registry::pull(world, name, "1.0.0", token).await.unwrap(), 403);
    registry::delete_repository(world, name).await.unwrap();
    // Long enough for nothing of this to reach into the next test.
    tokio::time::sleep(Duration::from_millis(100)).await;
}
