//! Hooks of others on the same instance.

use super::*;

fn shared(mark: &Mark, since: Option<Timestamp>, pods: Vec<Pod>) -> Observation {
    let others = vec![HookName::parse("logs").unwrap()];
    Observation {
        hook: HookView::Waiting(Wait {
            others,
            since,
            ..wait()
        }),
        ..seen(marked(mark), pods)
    }
}

#[test]
fn while_others_keep_the_instance_people_are_told_once_and_our_hook_is_not_completed_at_each_tick() {
    let mut observed = shared(&mark(), None, vec![]);
    let tells = |plan: &Plan| plan.steps.contains(&Step::Tell(Notice::Drained));
    assert!(tells(&plan(&observed, at(20))));

    observed.progress.completion = Some(Completion::Completed);
    let completed = Mark {
        completed: Some(at(21)),
        ..mark()
    };
    assert_eq!(plan(&observed, at(21)).steps, [Step::Remember(completed.clone())]);

    let next_tick = shared(&completed, None, vec![]);
    assert_eq!(
        words(&next_tick, 80),
        "done: completed; the instance waits for logs"
    );
    let much_later = plan(&next_tick, at(21 + 150));
    assert_eq!(much_later.steps, [Step::Complete(Finish::Drained)]);
}

#[test]
fn what_is_remembered_of_an_earlier_wait_does_not_leave_this_one_waiting() {
    let completed = Mark {
        completed: Some(at(21)),
        ..mark()
    };
    let new_wait = shared(&completed, Some(at(40)), vec![]);
    assert_eq!(plan(&new_wait, at(80)).steps, [Step::Complete(Finish::Drained)]);
    let with_pods = shared(&completed, None, vec![pod("a")]);
    assert_eq!(plan(&with_pods, at(80)).steps, [Step::Evict(vec![pod("a")])]);
}
