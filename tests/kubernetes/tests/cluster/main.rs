//! The real control plane: started once, and then asked all that the drain relies on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "these are tests: what is not there fails them, and they measure time"
)]

mod access;
mod eviction;
mod failures;
mod fence;
mod harness;
mod image_fence;
mod machines;
mod pods;
mod pull_fence;
mod workloads;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use harness::Cluster;

type Test = for<'a> fn(&'a Cluster) -> BoxFuture<'a, ()>;

macro_rules! tests {
    ($($module:ident::$test:ident),* $(,)?) => {
        [$((stringify!($test), (|cluster| $module::$test(cluster).boxed()) as Test)),*]
    };
}

fn main() -> ExitCode {
    let tests = tests![
        access::a_role_of_aws_is_somebody_in_the_cluster,
        access::a_kubeconfig_for_a_user_has_the_rights_of_the_group,
        access::a_bootstrap_token_is_signed_into_cluster_info,
        access::kubeadms_own_group_of_tokens_may_join_and_no_other,
        access::anonymous_requests_may_not_read_pods,
        access::the_program_is_kubectl_when_it_is_called_so,
        eviction::a_wrong_uid_is_refused_and_the_right_one_accepted,
        eviction::a_wrong_resource_version_is_refused_and_the_right_one_accepted,
        eviction::a_refused_precondition_uses_up_the_budget_all_the_same,
        eviction::an_exhausted_budget_hides_a_wrong_precondition,
        eviction::a_budget_without_disruptions_left_refuses,
        eviction::two_budgets_on_one_pod_are_an_error_of_the_server,
        fence::node_join_makes_and_deletes_tokens_for_machines_and_no_other_secret,
        fence::a_strict_token_may_post_a_request_that_nobody_but_node_join_approves,
        image_fence::image_deploy_changes_images_and_its_own_annotations,
        image_fence::image_deploy_deploys_from_no_other_repository,
        image_fence::image_deploy_changes_nothing_else_of_pods,
        image_fence::image_deploy_changes_nothing_else_of_workloads,
        image_fence::image_deploy_neither_makes_nor_deletes_workloads_whatever_else_it_may,
        image_fence::the_largest_pods_are_within_the_budget_of_the_fence,
        failures::an_image_that_can_not_be_pulled_says_why_and_is_tried_again,
        failures::a_container_that_crashes_is_started_again_and_again_and_is_never_ready,
        failures::a_container_without_its_configuration_waits_and_one_may_run_and_never_be_ready,
        machines::a_machine_that_leaves_takes_its_pods_along,
        machines::a_part_that_dies_is_named_with_the_end_of_its_log,
        machines::a_node_has_what_the_cloud_provider_would_give_it,
        pods::a_deployment_becomes_ready_on_the_nodes,
        pods::a_pod_stops_in_its_own_time,
        pods::a_pod_that_ignores_sigterm_takes_its_whole_grace,
        pods::a_change_of_a_terminating_pod_does_not_delay_it,
        pods::a_second_deletion_with_a_shorter_grace_hastens_it,
        pods::a_pod_whose_work_is_finite_succeeds,
        pods::a_pod_may_stay_unready,
        pull_fence::pull_secret_makes_and_renews_pull_secrets_of_its_own_and_changes_nothing_else,
        workloads::off_hours_changes_sizes_and_its_own_annotations_and_nothing_else,
        workloads::off_hours_neither_makes_nor_deletes_workloads_whatever_else_it_may,
        workloads::whoever_changes_a_size_owns_it_alone,
        workloads::a_patch_of_a_version_that_is_no_more_is_a_conflict,
    ];
    let arguments = Arguments::from_args();
    if arguments.list {
        return libtest_mimic::run(
            &arguments,
            tests.map(|(name, _)| Trial::test(name, || Ok(()))).into(),
        )
        .exit_code();
    }
    let runtime = Arc::new(Runtime::new().unwrap());
    let cluster = Arc::new(runtime.block_on(Cluster::start()));
    let trials = tests.map(|(name, test)| {
        let (runtime, cluster) = (runtime.clone(), cluster.clone());
        Trial::test(name, move || run(&runtime, test(&cluster)))
    });
    let outcome = libtest_mimic::run(&arguments, trials.into());
    if let Some(cluster) = Arc::into_inner(cluster) {
        runtime.block_on(cluster.stop());
    }
    outcome.exit_code()
}

fn run(runtime: &Runtime, test: BoxFuture<'_, ()>) -> Result<(), Failed> {
    runtime
        .block_on(AssertUnwindSafe(test).catch_unwind())
        .map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
                .unwrap_or_default()
                .into()
        })
}
