//! Machines join by themselves, are labelled, serve, and leave no token behind.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::{Node, Secret};
use kube::Api;
use kube::api::ListParams;
use relay::Faults;
use scenarios::tokens::{self, Seen};
use scenarios::{Stage, until};
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
    let requests: Api<CertificateSigningRequest> = Api::all(stage.world.control_plane().client());
    let all = requests.list(&ListParams::default()).await?.items;
    for one in issued {
        let user = format!("system:bootstrap:{}", one.id);
        let mine: Vec<_> = all
            .iter()
            .filter(|request| request.spec.username.as_deref() == Some(user.as_str()))
            .collect();
        let decisions: Vec<String> = mine
            .iter()
            .flat_map(|request| {
                request
                    .status
                    .iter()
                    .flat_map(|status| status.conditions.iter().flatten())
            })
            .map(|condition| {
                format!(
                    "{}: {}",
                    condition.type_,
                    condition.message.as_deref().unwrap_or_default()
                )
            })
            .collect();
        ensure(
            mine.len() == 1 && decisions.len() == 1 && decisions[0].starts_with("Approved: Lamplighter"),
            || format!("{user}: {decisions:?}"),
        )?;
    }
    Ok(())
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
    for (place, text) in scenarios::logs::everything(stage).await? {
        searched += text.len();
        for one in &issued {
            ensure(!text.contains(&one.secret), || {
                format!(
                    "{place} holds the secret of token {} of {}",
                    one.id, one.parameter
                )
            })?;
        }
        // The search itself works: ids are public, and node-join logs them.
    }
    let ids = scenarios::logs::everything(stage).await?;
    ensure(
        issued
            .iter()
            .any(|one| ids.iter().any(|(_, text)| text.contains(&one.id))),
        || format!("not even a token's id is in the {searched} characters that were searched"),
    )
}
