//! Black-box scenarios: the real binary, deployed by `sam deploy`, in the local world.
//!
//! They share one world and run one after the other, since some of them take permissions away or lose events.
//! The world is set up by the first one that runs, so that a filter that picks none costs nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod drains;
mod dry_run;
mod faults;
mod hours;
mod images;
mod joins;
mod labels;
mod messages;
mod operator;
mod permissions;
mod pulls;
mod world_itself;

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use scenarios::Stage;
use tokio::runtime::Runtime;

/// The stage once it is set: or why it could not be.
type Shared = Arc<Mutex<Option<Result<Stage, String>>>>;

macro_rules! scenarios {
    ($($module:ident::$name:ident,)*) => {
        &[$((stringify!($name), |runtime: &Runtime, stage: &Stage| runtime.block_on($module::$name(stage)))),*]
    };
}

type Scenario = (&'static str, fn(&Runtime, &Stage) -> Result<()>);

const SCENARIOS: &[Scenario] = scenarios! {
    drains::an_event_drains_the_node_through_queue_and_eks_token_and_completes_the_hook,
    drains::without_any_event_the_sweep_alone_drains_the_node,
    drains::a_kubeconfig_leads_to_the_cluster_too,
    drains::many_nodes_are_drained_side_by_side,
    drains::a_budget_that_allows_nothing_keeps_the_hook_alive_until_it_allows_something,
    drains::pods_that_ignore_their_signal_get_their_whole_grace,
    dry_run::a_dry_run_logs_its_plan_and_writes_nothing_until_it_is_switched_off,
    faults::a_function_killed_in_the_middle_is_finished_by_the_next_tick_and_evicts_nobody_twice,
    faults::events_that_are_repeated_late_and_reordered_end_in_one_drain_each,
    messages::what_nobody_can_read_is_parked_once_and_the_rest_of_the_batch_is_unharmed,
    joins::a_group_grows_from_nothing_to_three_nodes_and_shrinks_again,
    joins::without_any_event_the_sweeps_alone_make_nodes_and_end_them,
    joins::no_machine_reads_the_token_of_another_nor_becomes_another_node,
    labels::a_changed_tag_reaches_live_nodes_by_its_event_and_by_the_sweep,
    operator::the_operator_sees_what_is_in_flight_why_a_node_is_as_it_is_and_what_an_event_would_do,
    hours::an_estate_falls_asleep_at_its_edge_and_wakes_as_it_was_tier_by_tier,
    hours::a_function_killed_on_the_way_down_and_up_leaves_every_number_as_it_was,
    hours::what_people_and_tools_change_at_night_counts_in_the_morning,
    hours::a_dry_run_plans_what_the_real_run_then_does_and_writes_nothing,
    images::what_is_pushed_goes_out_what_fails_comes_back_and_people_have_their_way,
    images::one_push_reaches_fifty_deployments_of_ten_namespaces,
    pulls::a_pull_secret_is_made_renewed_and_ready_when_the_morning_begins,
    permissions::without_any_single_permission_of_node_drain_an_error_names_it,
    permissions::without_any_single_permission_of_node_join_an_error_names_it,
    permissions::without_any_single_permission_of_node_label_an_error_names_it,
    permissions::without_any_single_permission_of_off_hours_an_error_names_it,
    permissions::without_any_single_permission_of_image_deploy_an_error_names_it,
    permissions::without_any_single_permission_of_pull_secret_an_error_names_it,
    world_itself::nothing_listens_beyond_the_loopback_address,
    joins::no_log_line_of_the_whole_run_holds_a_token,
};

fn main() -> std::process::ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let shared: Shared = Arc::default();
    let trials = SCENARIOS.iter().map(|&(name, scenario)| {
        let (runtime, shared) = (Arc::clone(&runtime), Arc::clone(&shared));
        Trial::test(name.replace('_', " "), move || run(&runtime, &shared, scenario))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(Ok(stage)) = shared.lock().expect("no scenario holds the stage").take() {
        runtime.block_on(stage.world.stop());
    }
    conclusion.exit_code()
}

fn run(
    runtime: &Runtime,
    shared: &Shared,
    scenario: fn(&Runtime, &Stage) -> Result<()>,
) -> Result<(), Failed> {
    let mut stage = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let set = stage.get_or_insert_with(|| {
        runtime
            .block_on(Stage::set())
            .map_err(|error| format!("the stage can't be set: {error:#}"))
    });
    let stage = set.as_ref().map_err(Clone::clone)?;
    scenario(runtime, stage).map_err(|error| {
        let trouble = stage.world.timeline().troubles().join("\n");
        // What it left behind would make others fail, and hide which one was first.
        let cleared = runtime.block_on(stage.clear());
        let clear = cleared.map_or_else(
            |error| format!("clearing the stage: {error:#}"),
            |()| String::new(),
        );
        Failed::from(format!("{error:#}\n{trouble}\n{clear}"))
    })
}

/// What is wrong with the events of an instance, if it was not delivered: for messages of failed assertions.
fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(anyhow::anyhow!(what()))
    }
}

/// The name of the node that runs on an instance.
async fn node_name(stage: &Stage, instance: &str) -> Result<String> {
    let node = world::groups::node_of(&stage.world, instance).await?;
    node.and_then(|node| node.metadata.name)
        .with_context(|| format!("no node runs on {instance}"))
}
