//! Machines that boot, find their document and join: the script of the users, the real API server, and IAM with the
//! policy of the template. What node-join does is done by hand. And the other things of a world that come and go:
//! node groups, databases, objects, images.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "these are tests: what is not there fails them, and they measure time"
)]

mod capacity;
mod documents;
mod joins;
mod registry;
mod stage;
mod strangers;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use stage::Stage;

type Test = fn(&Runtime, &Stage);

macro_rules! tests {
    ($($module:ident::$test:ident),* $(,)?) => {
        [$((stringify!($test), (|runtime, stage| runtime.block_on($module::$test(stage))) as Test)),*]
    };
}

fn main() -> ExitCode {
    let tests = tests![
        joins::a_machine_takes_its_own_document_and_becomes_a_ready_node,
        joins::a_token_of_kubeadms_group_is_approved_by_the_cluster_itself,
        joins::a_label_that_no_kubelet_may_set_ends_the_join,
        joins::a_refused_request_is_followed_by_another_join_with_a_new_document,
        joins::a_machine_without_a_document_gives_up_at_its_deadline_and_says_why,
        joins::a_wrong_pin_keeps_the_machine_from_the_cluster,
        joins::who_has_a_token_of_kubeadms_group_can_become_any_node,
        joins::a_machine_that_is_terminated_runs_no_more,
        strangers::no_machine_reads_the_document_of_another_in_any_way,
        strangers::a_session_that_is_no_instances_reads_nothing,
        capacity::a_node_group_has_nodes_and_they_follow_its_sizes,
        capacity::a_group_has_the_bounds_and_the_tags_that_people_gave_it,
        capacity::a_database_is_made_stopped_started_tagged_and_deleted,
        capacity::objects_are_listed_by_prefix_and_read,
        registry::tags_move_images_stay_and_each_push_and_deletion_is_an_event,
        registry::an_image_for_several_architectures_is_several_events_of_which_one_has_a_tag,
        registry::case_31_a_tag_that_may_not_move_stays_and_no_event_tells_otherwise,
        registry::a_client_of_others_pushes_by_the_protocol_and_that_is_an_event_too,
        registry::a_password_pulls_until_it_is_too_old_and_a_failing_image_says_so_by_its_digest,
    ];
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().unwrap());
    let shared: Arc<Mutex<Option<Stage>>> = Arc::default();
    let trials = tests.map(|(name, test)| {
        let (runtime, shared) = (Arc::clone(&runtime), Arc::clone(&shared));
        Trial::test(name, move || {
            let mut stage = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let stage = stage.get_or_insert_with(|| runtime.block_on(Stage::set()));
            run(&runtime, stage, test)
        })
    });
    let outcome = libtest_mimic::run(&arguments, trials.into());
    let stage = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(stage) = stage {
        runtime.block_on(stage.world.stop());
    }
    outcome.exit_code()
}

fn run(runtime: &Runtime, stage: &Stage, test: Test) -> Result<(), Failed> {
    std::panic::catch_unwind(AssertUnwindSafe(|| test(runtime, stage))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
            .unwrap_or_default()
            .into()
    })
}
