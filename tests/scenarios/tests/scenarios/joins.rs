//! Machines join by themselves, are labelled, serve, and leave no token behind.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use emulator::Client;
use emulator::client::Refused;
use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::{Node, Secret};
use kube::Api;
use kube::api::ListParams;
use relay::Faults;
use scenarios::tokens::{self, Seen};
use scenarios::{Stage, until};
use serde_json::{Value, json};
use world::CLUSTER;
use world::groups::{self, Group, Instance};

use crate::ensure;

/// A machine boots in seconds here; by sweeps alone it waits for up to two ticks of each function.
const LIMIT: Duration = Duration::from_secs(240);

/// A group whose machines join by themselves, with labels and taints.
fn joining(name: &str) -> Group {
    Group::new(name, CLUSTER, 0)
        .joining("lamplighter-node-launch", 120)
        .tag(
            "k8s.io/cluster-autoscaler/node-template/label/node-role.kubernetes.io/batch",
            "",
        )
        .tag("lamplighter:label/team", "payments")
        .tag("lamplighter:label/bad", "not a value")
        .tag("lamplighter:taint/dedicated", "batch:NoSchedule")
}

/// From nothing to three nodes and back to nothing.
async fn scale_up_and_down(stage: &Stage, name: &str) -> Result<()> {
    let world = &stage.world;
    let since = Timestamp::now();
    let mut group = joining(name);
    group.create(world).await?;
    group.resize(world, 3).await?;
    let instances = group.ready_within(world, LIMIT).await?;
    let ids: BTreeSet<&str> = instances.iter().map(|one| one.id.as_str()).collect();
    ensure(ids.len() == 3, || format!("{instances:?}"))?;

    for instance in &instances {
        labelled(stage, name, instance).await?;
    }
    let issued = issued_to(stage, &instances);
    let machines: BTreeSet<&str> = issued.iter().map(|one| one.parameter.as_str()).collect();
    ensure(machines.len() == 3, || {
        format!("tokens were seen for {machines:?}")
    })?;
    let secrets: BTreeSet<&str> = issued.iter().map(|one| one.secret.as_str()).collect();
    ensure(secrets.len() == issued.len(), || {
        "two machines shared a token".to_owned()
    })?;
    nothing_is_left(stage, &issued).await?;
    approved_by_us(stage, &issued).await?;

    group.resize(world, 0).await?;
    for instance in &instances {
        stage.until_state(&instance.id, "Terminated", LIMIT).await?;
    }
    let drained = async || {
        let records = stage.eks.drain.records(world, since).await?;
        let completed = records.iter().filter(|record| {
            let ours = record["instance_id"].as_str().is_some_and(|id| ids.contains(id));
            ours && record["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("hook completed"))
        });
        Ok(completed.count() >= 3)
    };
    until(
        "node-drain did not complete three hooks",
        Duration::from_secs(60),
        drained,
    )
    .await?;
    nothing_is_left(stage, &issued).await?;
    let nodes: Api<Node> = Api::all(world.control_plane().client());
    let gone = async || {
        let left = nodes.list(&ListParams::default()).await?;
        Ok(!left.items.iter().any(|node| {
            let id = node
                .spec
                .as_ref()
                .and_then(|spec| spec.provider_id.as_deref())
                .unwrap_or_default();
            ids.iter().any(|ours| id.ends_with(ours))
        }))
    };
    until("the nodes are not gone", Duration::from_secs(30), gone).await?;
    for (function, name) in [(&stage.eks.join, "node-join"), (&stage.eks.label, "node-label")] {
        let errors = function.errors(world, since).await?;
        ensure(errors.is_empty(), || format!("{name}: {errors:#?}"))?;
    }
    group.delete(world).await
}

/// The node of a machine that serves carries what its group says, and nothing that keeps pods away.
async fn labelled(stage: &Stage, group: &str, instance: &Instance) -> Result<()> {
    let node = groups::node_of(&stage.world, &instance.id)
        .await?
        .with_context(|| format!("{} serves without a node", instance.id))?;
    let labels = node.metadata.labels.unwrap_or_default();
    let label = |key: &str| labels.get(key).map(String::as_str);
    ensure(label("node-role.kubernetes.io/batch") == Some(""), || {
        format!("{labels:?}")
    })?;
    ensure(label("team") == Some("payments"), || format!("{labels:?}"))?;
    ensure(label("lamplighter.dev/group") == Some(group), || {
        format!("{labels:?}")
    })?;
    ensure(label("bad").is_none(), || format!("{labels:?}"))?;
    let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
    let names: Vec<String> = taints
        .iter()
        .map(|taint| {
            format!(
                "{}={}:{}",
                taint.key,
                taint.value.as_deref().unwrap_or_default(),
                taint.effect
            )
        })
        .collect();
    ensure(names == ["dedicated=batch:NoSchedule"], || format!("{names:?}"))
}

/// The tokens that were seen for these machines.
fn issued_to(stage: &Stage, instances: &[Instance]) -> Vec<Seen> {
    let ours = |one: &Seen| {
        instances
            .iter()
            .any(|instance| one.parameter.ends_with(&instance.id))
    };
    stage.tokens.seen().into_iter().filter(ours).collect()
}

/// Neither a parameter nor a Secret of these tokens is there, or will stay.
async fn nothing_is_left(stage: &Stage, issued: &[Seen]) -> Result<()> {
    let client = stage.world.aws()?;
    let secrets: Api<Secret> = Api::namespaced(stage.world.control_plane().client(), "kube-system");
    let gone = async || {
        let there = tokens::there(&client).await?;
        for one in issued {
            let secret = secrets.get_opt(&format!("bootstrap-token-{}", one.id)).await?;
            if secret.is_some() || there.iter().any(|other| other.parameter == one.parameter) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    until("a token is left", Duration::from_secs(60), gone).await
}

/// Each request of these tokens was approved by `node-join`, for one node only.
async fn approved_by_us(stage: &Stage, issued: &[Seen]) -> Result<()> {
    for one in issued {
        let decisions = decisions(stage, &one.id).await?;
        ensure(
            decisions.len() == 1 && decisions[0].starts_with("Approved Approved: Lamplighter"),
            || format!("token {}: {decisions:?}", one.id),
        )?;
    }
    Ok(())
}

/// What was decided about the requests of a token: type, reason and message of each condition.
async fn decisions(stage: &Stage, token_id: &str) -> Result<Vec<String>> {
    let requests: Api<CertificateSigningRequest> = Api::all(stage.world.control_plane().client());
    let user = format!("system:bootstrap:{token_id}");
    let all = requests.list(&ListParams::default()).await?.items;
    let mine = all
        .iter()
        .filter(|one| one.spec.username.as_deref() == Some(user.as_str()));
    let conditions = mine.flat_map(|one| {
        one.status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten())
    });
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Ok(conditions
        .map(|one| format!("{} {}: {}", one.type_, text(&one.reason), text(&one.message)))
        .collect())
}

pub(crate) async fn a_group_grows_from_nothing_to_three_nodes_and_shrinks_again(stage: &Stage) -> Result<()> {
    scale_up_and_down(stage, "joins-by-event").await
}

pub(crate) async fn without_any_event_the_sweeps_alone_make_nodes_and_end_them(stage: &Stage) -> Result<()> {
    stage.world.relay().set_faults(Faults::lose_everything());
    let done = scale_up_and_down(stage, "joins-by-sweep").await;
    stage.world.relay().set_faults(Faults::default());
    done
}

pub(crate) async fn no_machine_reads_the_token_of_another_nor_becomes_another_node(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    // They boot, and do nothing with what they are given: somebody has got hold of them.
    let mut group = joining("strangers").setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "0");
    group.create(world).await?;
    group.resize(world, 2).await?;
    let client = world.aws()?;
    let issued = async || Ok(tokens::there(&client).await?.len() == 2);
    until("two tokens are not issued", LIMIT, issued).await?;
    let instances = groups::instances(world, "strangers").await?;
    let [first, second] = instances.as_slice() else {
        anyhow::bail!("{instances:?}");
    };
    for (me, other) in [(first, second), (second, first)] {
        let session = world.aws_as(&me.id).await?;
        let refused = read(&session, &other.id).await;
        ensure(
            refused
                .as_ref()
                .is_err_and(|error| Refused::is(error, "AccessDeniedException")),
            || format!("{} reads the parameter of {}: {refused:?}", me.id, other.id),
        )?;
        read(&session, &me.id).await?;
    }

    let session = world.aws_as(&first.id).await?;
    let mut configuration = read(&session, &first.id).await?["joinConfiguration"].take();
    let token = configuration["discovery"]["bootstrapToken"]["token"].as_str();
    let id = token
        .and_then(|token| token.split('.').next())
        .unwrap_or_default()
        .to_owned();
    configuration["nodeRegistration"]["name"] = "ip-10-99-99-99.eu-central-1.compute.internal".into();
    let attempt = world.join_by_hand(&first.id, &configuration).await?;
    ensure(!attempt.joined, || {
        format!("it has become another node: {}", attempt.said)
    })?;
    let decisions = decisions(stage, &id).await?;
    ensure(
        decisions.len() == 1 && decisions[0].starts_with("Denied OtherNode"),
        || format!("{decisions:?}"),
    )?;
    group.delete(world).await?;
    // A machine that is gone needs no token.
    let revoked = async || Ok(tokens::there(&client).await?.is_empty());
    until("their tokens are left", Duration::from_secs(90), revoked).await
}

/// The document of an instance, as `session` may read it.
async fn read(session: &Client, instance: &str) -> Result<Value> {
    let question =
        json!({ "Name": format!("/lamplighter/{CLUSTER}/join/{instance}"), "WithDecryption": true });
    let answer = session.json("ssm", "AmazonSSM.GetParameter", &question).await?;
    let value = answer["Parameter"]["Value"]
        .as_str()
        .context("a parameter has a value")?;
    Ok(serde_json::from_str(value)?)
}

/// Runs last: everything that any part has written is searched for every token that was ever issued.
pub(crate) async fn no_log_line_of_the_whole_run_holds_a_token(stage: &Stage) -> Result<()> {
    let world = &stage.world;
    if stage.tokens.seen().is_empty() {
        let mut group = joining("joins-for-the-search");
        group.create(world).await?;
        group.resize(world, 1).await?;
        group.ready_within(world, LIMIT).await?;
        group.delete(world).await?;
    }
    let issued = stage.tokens.seen();
    ensure(!issued.is_empty(), || "no token was ever seen".to_owned())?;
    let mut searched = 0;
    let everything = scenarios::logs::everything(stage).await?;
    for (place, text) in &everything {
        searched += text.len();
        for one in &issued {
            ensure(!text.contains(&one.secret), || {
                format!(
                    "{place} holds the secret of token {} of {}",
                    one.id, one.parameter
                )
            })?;
        }
    }
    // That the search itself works: ids are public, and node-join logs them.
    ensure(
        issued
            .iter()
            .any(|one| everything.iter().any(|(_, text)| text.contains(&one.id))),
        || format!("not even a token's id is in the {searched} characters that were searched"),
    )
}
