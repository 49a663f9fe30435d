//! Every permission is needed: each is taken away in its turn, and an error names it.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::PostParams;
use relay::Faults;
use scenarios::function::Function;
use scenarios::workload::Workload;
use scenarios::{Stage, until};
use serde_json::Value;
use world::groups::{self, Group};
use world::stacks::{self, KUBEADM};
use world::{CLUSTER, World};

use crate::ensure;

/// A tick of ours comes at once; one that works to its end takes 50 s.
const LIMIT: Duration = Duration::from_secs(75);

/// How the lack of a permission shows.
enum Shows {
    /// In an error of the function, which contains this.
    ItsLog(&'static str),
    /// In what Lambda says of the event source mapping.
    Mapping(&'static str),
    /// In the log of who writes the function's log for it: without the permission it has none.
    EmulatorsLog(&'static str),
}

/// Each statement of the function's policy.
const STATEMENTS: [(&str, Shows); 8] = [
    ("PollQueue", Shows::Mapping("sqs:ReceiveMessage")),
    ("ParkMalformedMessages", Shows::ItsLog("sqs:SendMessage")),
    ("WriteLogs", Shows::EmulatorsLog("logs:CreateLogStream")),
    (
        "FindGroups",
        Shows::ItsLog("autoscaling:DescribeAutoScalingGroups"),
    ),
    ("ReadHooks", Shows::ItsLog("autoscaling:DescribeLifecycleHooks")),
    (
        "CompleteHooks",
        Shows::ItsLog("autoscaling:CompleteLifecycleAction"),
    ),
    (
        "KeepHooksAlive",
        Shows::ItsLog("autoscaling:RecordLifecycleActionHeartbeat"),
    ),
    ("FindCluster", Shows::ItsLog("eks:DescribeCluster")),
];

/// The statement that only the kubeconfig way has.
const KUBECONFIG: (&str, Shows) = ("ReadKubeconfig", Shows::ItsLog("ssm:GetParameter"));

/// Each rule of the cluster role: its verb and resource, and what an error says without it.
const RULES: [(&str, &str, &str); 5] = [
    ("list", "nodes", "cannot list resource \\\"nodes\\\""),
    ("patch", "nodes", "cannot patch resource \\\"nodes\\\""),
    ("list", "pods", "cannot list resource \\\"pods\\\""),
    (
        "create",
        "pods/eviction",
        "cannot create resource \\\"pods/eviction\\\"",
    ),
    ("create", "events", "cannot create resource \\\"events\\\""),
];

pub(crate) async fn without_any_single_statement_of_its_policy_an_error_names_the_permission(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let policy = stage.eks.drain.policy(world).await?;
    let known: Vec<&str> = STATEMENTS.iter().map(|(sid, _)| *sid).collect();
    ensure(sids(&policy) == known, || {
        format!("the policy has {:?}, this test knows {known:?}", sids(&policy))
    })?;
    for (sid, shows) in &STATEMENTS {
        without_statement(stage, &stage.eks.drain, CLUSTER, sid, shows)
            .await
            .with_context(|| format!("without {sid}"))?;
    }
    let (sid, shows) = &KUBECONFIG;
    without_statement(stage, &stage.kubeadm.drain, KUBEADM, sid, shows)
        .await
        .with_context(|| format!("without {sid}"))
}

pub(crate) async fn without_any_single_rule_of_its_role_an_error_names_the_permission(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let roles: Api<ClusterRole> = Api::all(world.control_plane().client());
    let whole = roles.get("lamplighter:node-drain").await?;
    let rules = whole.rules.clone().unwrap_or_default();
    ensure(rules.len() == RULES.len(), || {
        format!(
            "the role has {} rules, this test knows {}",
            rules.len(),
            RULES.len()
        )
    })?;
    for (verb, resource, says) in RULES {
        let mut lacking = roles.get("lamplighter:node-drain").await?;
        let is_it = |rule: &k8s_openapi::api::rbac::v1::PolicyRule| {
            rule.verbs == [verb] && rule.resources == Some(vec![resource.to_owned()])
        };
        lacking.rules.get_or_insert_default().retain(|rule| !is_it(rule));
        ensure(
            lacking
                .rules
                .as_ref()
                .is_some_and(|left| left.len() + 1 == rules.len()),
            || format!("no rule of its own for {verb} {resource}"),
        )?;
        roles
            .replace("lamplighter:node-drain", &PostParams::default(), &lacking)
            .await?;
        let shown = lacks(stage, &stage.eks.drain, CLUSTER, &Shows::ItsLog(says)).await;
        stacks::apply_rbac(world).await?;
        shown.with_context(|| format!("without {verb} {resource}"))?;
        recovers(stage, &stage.eks.drain)
            .await
            .with_context(|| format!("with {verb} {resource} again"))?;
    }
    Ok(())
}

async fn without_statement(
    stage: &Stage,
    function: &Function,
    cluster: &str,
    sid: &str,
    shows: &Shows,
) -> Result<()> {
    let world = &stage.world;
    let whole = function.policy(world).await?;
    let mut lacking = whole.clone();
    let statements = lacking["Statement"]
        .as_array_mut()
        .context("a policy has statements")?;
    statements.retain(|statement| statement["Sid"] != sid);
    function.put_policy(world, &lacking).await?;
    // What a sandbox remembers of the cluster was learned with the permission.
    function.kill(world)?;
    let shown = lacks(stage, function, cluster, shows).await;
    function.put_policy(world, &whole).await?;
    shown?;
    function.kill(world)?;
    recovers(stage, function).await
}

/// The group whose only instance has to be drained without the permission.
fn group(cluster: &str) -> Group {
    Group::new("permissions", cluster, 1).heartbeat(30)
}

/// Something to be drained, and the lack of the permission shows. Events are lost, so that the tick is what
/// does the work, and a budget holds the pod back, so that a heartbeat is due before the drain can end.
async fn lacks(stage: &Stage, function: &Function, cluster: &str, shows: &Shows) -> Result<()> {
    let world = &stage.world;
    world.relay().set_faults(Faults::lose_everything());
    let (_, instances) = stage.group(group(cluster)).await?;
    let guarded = matches!(shows, Shows::ItsLog(text) if text.contains("Heartbeat"));
    let workload = Workload::new("permissions", 1).budget(u32::from(!guarded));
    workload.create(world).await?;
    let since = Timestamp::now();
    groups::terminate(world, &instances[0].id).await?;
    stage
        .until_state(&instances[0].id, "Terminating:Wait", Duration::from_secs(20))
        .await?;
    match shows {
        Shows::ItsLog(text) => {
            if text.contains("sqs:") {
                function.send(world, &["not json".to_owned()]).await?;
            }
            function.tick(world)?;
            function.until_error(world, since, text, LIMIT).await
        }
        Shows::Mapping(text) => {
            let says = async || Ok(mapping_says(world, function).await?.contains(text));
            until(&format!("the mapping does not say {text}"), LIMIT, says).await
        }
        Shows::EmulatorsLog(text) => {
            function.tick(world)?;
            let log = world.dir().join("logs/aws.log");
            let says = async || Ok(std::fs::read_to_string(&log)?.contains(text));
            until(&format!("{} does not say {text}", log.display()), LIMIT, says).await
        }
    }
}

/// With the permission back, what was left is drained, and the next case starts clean.
async fn recovers(stage: &Stage, function: &Function) -> Result<()> {
    let world = &stage.world;
    world.relay().set_faults(Faults::default());
    let mut workload = Workload::new("permissions", 1);
    workload.set_budget(world, 1).await?;
    let waiting = async || -> Result<bool> {
        let instances = groups::instances(world, "permissions").await?;
        Ok(instances.iter().any(|one| one.state == "Terminating:Wait"))
    };
    let mut ticks = 0;
    while waiting().await? {
        ensure(ticks < 60, || "still waiting after a minute".to_owned())?;
        if ticks % 10 == 0 {
            function.tick(world)?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        ticks += 1;
    }
    workload.delete(world).await?;
    group("").delete(world).await?;
    let gone = async || Ok(groups::instances(world, "permissions").await.is_err());
    until("the group is not gone", Duration::from_secs(30), gone).await?;
    let namespace = async || {
        let found =
            stacks::kubectl(world, &["get", "namespace", "permissions", "--ignore-not-found"]).await?;
        Ok(found.trim().is_empty())
    };
    until("the namespace is not gone", Duration::from_secs(60), namespace).await
}

async fn mapping_says(world: &World, function: &Function) -> Result<String> {
    let path = format!(
        "/2015-03-31/event-source-mappings/?FunctionName={}",
        function.name
    );
    let answer = world
        .aws()?
        .rest("lambda", reqwest::Method::GET, &path, None)
        .await?;
    Ok(answer["EventSourceMappings"][0]["LastProcessingResult"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

fn sids(policy: &Value) -> Vec<&str> {
    let statements = policy["Statement"].as_array().into_iter().flatten();
    statements
        .filter_map(|statement| statement["Sid"].as_str())
        .collect()
}
