//! What becomes of a rollout.

use super::super::super::record::Stage;
use super::super::super::workload::Replacement;
use super::*;

#[test]
fn case_15_what_crashes_is_taken_back_by_its_images_alone() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.act(0);
    scene.crash(45);
    let plan = scene.act(45);
    assert_eq!(written(&plan), Some(pinned("1.2.3", 123)));
    assert_eq!(plan.change.unwrap().images.len(), 1);
    assert_eq!(
        plan.notices[0].text.split(';').next(),
        Some("the container crashes again and again in pod new-1: exit code 1, Error")
    );
    let record = scene.record();
    assert_eq!(record.stage(), Some(Stage::RollingBack));
    assert_eq!(record.blocked[0].digest, digest(130));
    assert_eq!(record.history[0].outcome, Some(Stage::RolledBack));
    scene.roll_out(50);
    assert_eq!(scene.plan(50).standing.as_str(), "rolled-back");
}

#[test]
fn case_16_what_failed_does_not_come_back_and_another_digest_does() {
    let mut scene = Scene::rolled_back();
    for seconds in [120, 10_000, 1_000_000] {
        let plan = scene.plan(seconds);
        assert_eq!((plan.change, plan.then), (None, Then::Settled));
        assert_eq!(plan.standing.as_str(), "rolled-back");
    }
    // Nor does one between the two: nobody asked for that.
    scene.push(&[("1.2.3", 123), ("1.2.9", 129), ("1.3.0", 130)]);
    assert_eq!(written(&scene.plan(120)), None);
    // Its own tag, mended; or a newer one.
    scene.push(&[("1.2.3", 123), ("", 130), ("1.3.0", 230)]);
    assert_eq!(written(&scene.plan(120)), Some(pinned("1.3.0", 230)));
    scene.push(&[("1.2.3", 123), ("1.3.0", 130), ("1.3.1", 131)]);
    assert_eq!(written(&scene.plan(120)), Some(pinned("1.3.1", 131)));
}

#[test]
fn case_18_what_a_person_edits_besides_is_not_in_the_patch_that_goes_back() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.act(0);
    // An edit of the environment is another generation, and its pods have the same image.
    scene.workload.rollout.generation += 1;
    scene.crash(45);
    let patch = scene.plan(45).change.unwrap().patch();
    let template = &patch["spec"]["template"];
    assert_eq!(template.as_object().unwrap().len(), 1);
    let container = template["spec"]["containers"][0].as_object().unwrap();
    assert_eq!(container.keys().collect::<Vec<_>>(), ["image", "name"]);
}

#[test]
fn case_19_what_somebody_put_there_meanwhile_is_not_rolled_back() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.act(0);
    scene.push(&[("1.2.3", 123), ("1.3.0", 130), ("1.3.5", 135)]);
    scene.set_live(&pinned("1.3.5", 135));
    scene.crash(45);
    let plan = scene.act(45);
    assert_eq!((written(&plan), kinds(&plan)), (None, vec![]));
    assert_eq!(scene.record().stage(), Some(Stage::Replaced));
    let plan = scene.plan(50);
    assert_eq!((written(&plan), scene.live()), (None, pinned("1.3.5", 135)));
}

/// A rollout that failed 45 s after the patch, when the image from before is gone.
fn without_a_way_back() -> Scene {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.act(0);
    scene.push(&[("1.3.0", 130)]);
    scene.crash(45);
    scene
}

#[test]
fn case_20_an_image_from_before_that_is_gone_is_not_gone_back_to() {
    let mut scene = without_a_way_back();
    assert_eq!(
        scene.ask(&Attention::Watch, 45).asks,
        [Ask::Lifecycle(repository())]
    );
    let rules = r#"{"rules":[{"rulePriority":3,"description":"keep one","selection":{"tagStatus":"any"}}]}"#;
    scene
        .facts
        .lifecycles
        .insert(repository(), Ok(Some(rules.to_owned())));
    let plan = scene.act(45);
    assert_eq!((written(&plan), kinds(&plan)), (None, vec![NoticeKind::Failed]));
    let text = &plan.notices[0].text;
    let gone = "from before, is no longer in its repository: lifecycle rule 3 (keep one) may have expired it";
    assert!(text.contains(gone), "{text}");
    assert_eq!(scene.record().stage(), Some(Stage::Failed));
    // It is told once, and a newer one helps.
    assert_eq!(scene.plan(120).change, None);
    scene.push(&[("1.3.0", 130), ("1.3.1", 131)]);
    assert_eq!(written(&scene.plan(120)), Some(pinned("1.3.1", 131)));
}

#[test]
fn case_20_a_lifecycle_policy_that_cannot_be_asked_for_keeps_nobody_from_being_told() {
    let mut scene = without_a_way_back();
    scene
        .facts
        .lifecycles
        .insert(repository(), Err("throttled".to_owned()));
    let plan = scene.act(45);
    assert_eq!((written(&plan), kinds(&plan)), (None, vec![NoticeKind::Failed]));
    let text = &plan.notices[0].text;
    assert!(
        text.ends_with("a lifecycle policy may have expired it (throttled)"),
        "{text}"
    );
}

#[test]
fn while_nobody_can_say_whether_the_image_before_exists_it_is_asked_again() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.act(0);
    scene.crash(45);
    scene
        .facts
        .listings
        .insert(repository(), Err("throttled".to_owned()));
    let plan = scene.plan(45);
    assert_eq!(plan.change, None);
    assert!(plan.standing.needs_attention() && matches!(plan.then, Then::LookAgain { .. }));
    scene.push(&[("1.2.3", 123), ("1.3.0", 130)]);
    assert_eq!(written(&scene.plan(49)), Some(pinned("1.2.3", 123)));
}

#[test]
fn where_rollback_is_off_people_are_told_and_it_stays() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.say("rollback", "off");
    scene.act(0);
    scene.crash(45);
    let plan = scene.act(45);
    assert_eq!((written(&plan), kinds(&plan)), (None, vec![NoticeKind::Failed]));
    assert_eq!(scene.plan(46).change, None);
    assert_eq!(scene.record().blocked[0].digest, digest(130));
}

#[test]
fn a_rollback_that_fails_too_is_told_and_left() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.act(0);
    scene.crash(45);
    scene.act(45);
    scene.family.pods.clear();
    scene.crash(90);
    let plan = scene.act(90);
    assert_eq!((written(&plan), kinds(&plan)), (None, vec![NoticeKind::Failed]));
    assert!(plan.notices[0].text.starts_with("the images before fail too: "));
    let record = scene.record();
    assert!(record.bars(&digest(123)).is_none(), "it was good once");
    assert_eq!(scene.plan(95).change, None);
}

#[test]
fn it_is_good_only_when_it_stayed_so() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.act(0);
    scene.roll_out(10);
    scene.act(10);
    assert_eq!(scene.plan(30).standing, Standing::Soaking(after(70)));
    scene.workload.rollout.available = 1;
    scene.act(40);
    assert_eq!(scene.plan(75).standing.as_str(), "rolling");
    scene.roll_out(80);
    scene.act(80);
    assert_eq!(kinds(&scene.plan(139)), []);
    assert_eq!(kinds(&scene.plan(140)), [NoticeKind::Verified]);
}

#[test]
fn a_push_at_night_is_judged_in_the_morning() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    let rollout = &mut scene.workload.rollout;
    (rollout.wanted, rollout.pods, rollout.updated, rollout.available) = (0, 0, 0, 0);
    scene.family.pods.clear();
    assert_eq!(written(&scene.act(0)), Some(pinned("1.3.0", 130)));
    scene.workload.rollout.observed = scene.workload.rollout.generation;
    assert_eq!(kinds(&scene.act(1)), [NoticeKind::Deferred]);
    let plan = scene.plan(30_000);
    assert_eq!(
        (plan.change, plan.standing, plan.then),
        (None, Standing::Deferred, Then::Settled)
    );
    // A newer one at night takes its place, and what was good before stays what is gone back to.
    scene.push(&[("1.2.3", 123), ("1.3.0", 130), ("1.3.1", 131)]);
    assert_eq!(written(&scene.act(30_000)), Some(pinned("1.3.1", 131)));
    scene.workload.rollout.observed = scene.workload.rollout.generation;
    scene.act(30_001);
    scene.workload.rollout.wanted = 2;
    let plan = scene.act(40_000);
    assert_eq!(plan.standing.as_str(), "rolling");
    assert_eq!(scene.record().status.unwrap().since, after(40_000));
    scene.crash(40_050);
    assert_eq!(written(&scene.act(40_050)), Some(pinned("1.2.3", 123)));
}

#[test]
fn case_34_where_a_person_replaces_pods_nothing_is_judged() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.workload.rollout.replacement = Replacement::ByHand;
    assert!(written(&scene.act(0)).is_some());
    let plan = scene.act(1);
    assert_eq!((plan.standing, plan.then), (Standing::Manual, Then::Settled));
    assert_eq!(scene.plan(100_000).change, None);
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    for mut scene in [Scene::rolled_back(), Scene::deployed()] {
        scene.act(200);
        for seconds in [201, 300, 4000] {
            assert_eq!(scene.plan(seconds).change, None);
        }
    }
}
