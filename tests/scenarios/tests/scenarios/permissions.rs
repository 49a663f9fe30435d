//! Every permission of every function is needed: each statement of its policy and each rule of its roles is taken away
//! in its turn, and an error names it.
//!
//! A function's table ([`Subject::CASES`]) says for each permission what has to be there to be done and where its lack
//! shows. What is there lasts from case to case. Events are lost meanwhile, so that ticks do all the work, and an
//! invocation works for a few seconds instead of 50, since its log comes when it ends.
//!
//! `AttachToVpc` and `NoNetworkInterfacesFromCode` are not here, since these functions are in no subnets:
//! `tests/deploy` takes the first away, and `tests/template` judges the second, for which the emulator knows no key.
//! `ReadKubeconfig` and `DecryptKubeconfig` of off-hours, image-deploy and pull-secret are not here either, since they are
//! deployed the EKS way alone; they enter the cluster as the others do. What does not show here is named
//! ([`Subject::UNSHOWN`]).

mod drain;
mod hours;
mod images;
mod join;
mod label;
mod missing;
mod pulls;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use relay::Faults;
use scenarios::function::Function;
use scenarios::{Deployment, Stage, until};
use serde_json::{Value, json};
use world::World;

use crate::ensure;
use drain::Draining;
use hours::Sleeping;
use images::Deploying;
use join::Joining;
use label::Labelling;
use missing::{Missing, Permission, Rule};
use pulls::Pulling;

/// The time-out of the functions, in seconds: 3 s of work and the 10 s that an invocation keeps back.
const TIMEOUT: u32 = 13;

/// As long as it takes until a heartbeat is due, or a node was ready for long enough, with some ticks in between.
const LIMIT: Duration = Duration::from_secs(75);

/// A function whose permissions are taken away.
trait Subject: Sized {
    /// What can be brought about for a case.
    type Given: Copy + 'static;

    /// As in `infra/rbac/` and in the policy's name.
    const NAME: &'static str;

    /// Each permission, once.
    const CASES: &'static [Case<Self::Given>];

    /// Permissions whose lack does not show in the time of a case.
    const UNSHOWN: &'static [Permission] = &[];

    /// Brings about what lasts.
    async fn begin(stage: &Stage) -> Result<Self>;

    /// The function itself, where it is deployed.
    fn of(deployment: &Deployment) -> Option<&Function>;

    /// What lets it look at everything.
    fn event() -> Value {
        json!({ "tick": true })
    }

    /// Brings about what a case needs, without the permission of the case.
    async fn arrange(&self, stage: &Stage, given: Self::Given) -> Result<()>;

    /// With all its permissions, the function brings to its end what was begun. Then it is cleared away.
    async fn end(self, stage: &Stage) -> Result<()>;
}

/// One permission, and how its lack shows.
struct Case<G> {
    permission: Permission,
    given: G,
    shows: Shows,
}

/// Where the lack shows.
#[derive(Clone, Copy)]
enum Shows {
    /// In an error of the function, which contains this.
    Error(&'static str),
    /// In what Lambda says of the event source mapping.
    Mapping(&'static str),
    /// In the log of who writes the function's log for it: without the permission it has none.
    EmulatorsLog(&'static str),
}

/// A statement of the policy that leads the EKS way, or either way, into the cluster.
const fn statement<G>(sid: &'static str, given: G, shows: Shows) -> Case<G> {
    Case {
        permission: Permission::Statement(sid),
        given,
        shows,
    }
}

/// A statement that only the kubeconfig way has.
const fn of_kubeconfig<G>(sid: &'static str, given: G, shows: Shows) -> Case<G> {
    Case {
        permission: Permission::OfKubeconfig(sid),
        given,
        shows,
    }
}

/// A rule of the cluster role, or of the role in `namespace`.
const fn rule<G>(
    namespace: Option<&'static str>,
    verb: &'static str,
    resource: &'static str,
    given: G,
    says: &'static str,
) -> Case<G> {
    let rule = Rule {
        namespace,
        verb,
        resource,
    };
    Case {
        permission: Permission::Rule(rule),
        given,
        shows: Shows::Error(says),
    }
}

pub(crate) async fn without_any_single_permission_of_node_drain_an_error_names_it(
    stage: &Stage,
) -> Result<()> {
    each_is_missed::<Draining>(stage).await
}

pub(crate) async fn without_any_single_permission_of_node_join_an_error_names_it(
    stage: &Stage,
) -> Result<()> {
    each_is_missed::<Joining>(stage).await
}

pub(crate) async fn without_any_single_permission_of_node_label_an_error_names_it(
    stage: &Stage,
) -> Result<()> {
    each_is_missed::<Labelling>(stage).await
}

pub(crate) async fn without_any_single_permission_of_off_hours_an_error_names_it(
    stage: &Stage,
) -> Result<()> {
    each_is_missed::<Sleeping>(stage).await
}

pub(crate) async fn without_any_single_permission_of_image_deploy_an_error_names_it(
    stage: &Stage,
) -> Result<()> {
    each_is_missed::<Deploying>(stage).await
}

pub(crate) async fn without_any_single_permission_of_pull_secret_an_error_names_it(
    stage: &Stage,
) -> Result<()> {
    each_is_missed::<Pulling>(stage).await
}

async fn each_is_missed<S: Subject>(stage: &Stage) -> Result<()> {
    let world = &stage.world;
    let ways = [&stage.eks, &stage.kubeadm];
    let functions: Vec<&Function> = ways.into_iter().filter_map(S::of).collect();
    let usual = functions[0].configuration(world).await?["Timeout"].clone();
    for function in &functions {
        function.configure(world, &json!({ "Timeout": TIMEOUT })).await?;
    }
    world.relay().set_faults(Faults::lose_everything());
    let missed = all_cases::<S>(stage, &functions).await;
    world.relay().set_faults(Faults::default());
    for function in functions {
        function.configure(world, &json!({ "Timeout": usual })).await?;
    }
    missed
}

/// A permission that the table does not know would not be taken away.
async fn table_is_complete<S: Subject>(world: &World, functions: &[&Function]) -> Result<()> {
    let there = missing::all(world, S::NAME, functions).await?;
    let cases = S::CASES.iter().map(|case| &case.permission);
    let known: BTreeSet<String> = cases.chain(S::UNSHOWN).map(ToString::to_string).collect();
    let all = S::CASES.len() + S::UNSHOWN.len();
    ensure(there == known && known.len() == all, || {
        format!("there are {there:?}, this test knows {known:?}")
    })
}

async fn all_cases<S: Subject>(stage: &Stage, functions: &[&Function]) -> Result<()> {
    let subject = S::begin(stage).await?;
    table_is_complete::<S>(&stage.world, functions).await?;
    for case in S::CASES {
        let started = Timestamp::now();
        is_missed(stage, &subject, case)
            .await
            .with_context(|| format!("without {}", case.permission))?;
        let took = Timestamp::now().duration_since(started).as_secs_f64();
        stage
            .world
            .say(&format!("{} without {}: {took:.1} s", S::NAME, case.permission));
    }
    subject.end(stage).await
}

async fn is_missed<S: Subject>(stage: &Stage, subject: &S, case: &Case<S::Given>) -> Result<()> {
    let world = &stage.world;
    let function = match case.permission {
        Permission::OfKubeconfig(_) => S::of(&stage.kubeadm),
        Permission::Statement(_) | Permission::Rule(_) => S::of(&stage.eks),
    };
    let function = function.with_context(|| format!("{} is not deployed that way", S::NAME))?;
    let missing = Missing::take(world, S::NAME, function, &case.permission).await?;
    // What a sandbox remembers of the cluster was learned with the permission.
    function.kill(world)?;
    let shown = async {
        let emulators_log = emulators_log(world)?.len();
        let since = Timestamp::now();
        subject.arrange(stage, case.given).await?;
        match case.shows {
            Shows::Error(text) => logs_an_error(world, function, &S::event(), since, text).await,
            Shows::Mapping(text) => mapping_says(world, function, text).await,
            Shows::EmulatorsLog(text) => {
                function.invoke(world, &S::event()).await?;
                let log = emulators_log_since(world, emulators_log)?;
                let says = |line: &str| line.contains(&function.name) && line.contains(text);
                ensure(log.lines().any(says), || {
                    format!("the emulator does not say {text}")
                })
            }
        }
    };
    let shown = shown.await;
    missing.give_back(world).await?;
    shown
}

/// Lets the function work, again and again, until it says so.
async fn logs_an_error(
    world: &World,
    function: &Function,
    event: &Value,
    since: Timestamp,
    text: &str,
) -> Result<()> {
    let started = Timestamp::now();
    loop {
        function.invoke(world, event).await?;
        let errors = function.errors(world, since).await?;
        if errors.iter().any(|error| error.contains(text)) {
            return Ok(());
        }
        let waited = Timestamp::now().duration_since(started).unsigned_abs();
        ensure(waited < LIMIT, || {
            format!(
                "{} has logged no error with {text}; its errors: {errors:#?}",
                function.name
            )
        })?;
    }
}

async fn mapping_says(world: &World, function: &Function, text: &str) -> Result<()> {
    let path = format!(
        "/2015-03-31/event-source-mappings/?FunctionName={}",
        function.name
    );
    let says = async || {
        let answer = world
            .aws()?
            .rest("lambda", reqwest::Method::GET, &path, None)
            .await?;
        let result = answer["EventSourceMappings"][0]["LastProcessingResult"].as_str();
        Ok(result.unwrap_or_default().contains(text))
    };
    until(&format!("the mapping does not say {text}"), LIMIT, says).await
}

fn emulators_log(world: &World) -> Result<String> {
    let path = world.dir().join("logs/aws.log");
    std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

fn emulators_log_since(world: &World, start: usize) -> Result<String> {
    Ok(emulators_log(world)?.split_off(start))
}

/// What nobody can read, which is parked.
async fn send_nonsense(stage: &Stage, function: &Function) -> Result<()> {
    function.send(&stage.world, &["not json".to_owned()]).await
}
