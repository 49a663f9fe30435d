//! What a person did by hand counts.

use super::super::super::notice::HeldBack;
use super::super::super::record::Stage;
use super::*;

#[test]
fn case_17_a_rollback_by_hand_stays_until_something_newer_comes() {
    let mut scene = Scene::deployed();
    scene.set_live(&pinned("1.2.3", 123));
    let plan = scene.act(200);
    assert_eq!((written(&plan), kinds(&plan)), (None, vec![NoticeKind::Held]));
    assert_eq!(scene.record().stage(), Some(Stage::Replaced));
    let plan = scene.plan(300);
    assert_eq!(plan.change, None);
    let rejected = HeldBack::Rejected(pinned("1.3.0", 130));
    assert!(matches!(&plan.standing, Standing::Candidate { held, .. } if *held == rejected));
    scene.push(&[("1.2.3", 123), ("1.2.9", 129), ("1.3.0", 130)]);
    assert_eq!(written(&scene.plan(300)), None);
    scene.push(&[("1.2.3", 123), ("1.3.0", 130), ("1.3.1", 131)]);
    assert_eq!(written(&scene.act(300)), Some(pinned("1.3.1", 131)));
    assert!(scene.record().status.unwrap().rejected.is_empty());
}

/// `kubectl rollout undo` sets the annotations back as well, to what they were when the older image was the newest: of ours,
/// only those that people had set.
#[test]
fn case_17_a_rollback_by_kubectl_takes_our_memory_along_and_the_revisions_give_it_back() {
    let mut scene = Scene::deployed();
    scene.family.revisions = vec![scene.workload.annotations.clone(), workload().annotations];
    scene.workload.annotations = workload().annotations;
    scene.set_live(&pinned("1.2.3", 123));
    let plan = scene.act(200);
    assert_eq!((written(&plan), kinds(&plan)), (None, vec![NoticeKind::Held]));
    assert_eq!(
        scene.record().status.unwrap().rejected["app"],
        pinned("1.3.0", 130)
    );
    assert_eq!(written(&scene.plan(300)), None);
    scene.push(&[("1.2.3", 123), ("1.3.0", 130), ("1.3.1", 131)]);
    assert_eq!(written(&scene.act(300)), Some(pinned("1.3.1", 131)));
}

#[test]
fn in_the_middle_of_a_rollout_too() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.act(0);
    scene.set_live(&pinned("1.2.3", 123));
    assert_eq!(kinds(&scene.act(20)), [NoticeKind::Held]);
    assert_eq!(scene.record().history[0].outcome, Some(Stage::Replaced));
    assert_eq!(written(&scene.plan(300)), None);
}

#[test]
fn a_digest_that_a_person_took_away_waits_for_another_one() {
    let mut scene = Scene::new(&[("", 1), ("latest", 2)]);
    scene.set_live(&pinned("latest", 1));
    scene.say("image-policy", "digest");
    scene.act(0);
    scene.roll_out(10);
    scene.act(10);
    scene.act(100);
    scene.set_live(&pinned("latest", 1));
    assert_eq!(kinds(&scene.act(200)), [NoticeKind::Held]);
    assert_eq!(written(&scene.plan(300)), None);
    scene.push(&[("", 1), ("", 2), ("latest", 3)]);
    assert_eq!(written(&scene.plan(300)), Some(pinned("latest", 3)));
}

#[test]
fn a_newer_image_that_a_person_set_is_where_we_go_on_from() {
    let mut scene = Scene::deployed();
    scene.push(&[("1.2.3", 123), ("1.3.0", 130), ("1.3.5", 135)]);
    scene.set_live(&pinned("1.3.5", 135));
    let plan = scene.act(200);
    assert_eq!((written(&plan), kinds(&plan)), (None, vec![]));
    assert_eq!(scene.plan(300).standing.as_str(), "current");
    scene.push(&[("1.3.5", 135), ("1.4.0", 140)]);
    assert_eq!(written(&scene.act(300)), Some(pinned("1.4.0", 140)));
    assert_eq!(scene.record().previous["app"], pinned("1.3.5", 135));
}

#[test]
fn the_manifest_that_is_applied_again_without_a_digest_is_the_same_version() {
    let mut scene = Scene::deployed();
    scene.set_live(&image("1.3.0"));
    scene.act(200);
    let plan = scene.plan(300);
    assert_eq!((plan.change, plan.standing.as_str()), (None, "current"));
}

#[test]
fn a_name_for_any_version_in_place_of_ours_is_a_decision_too() {
    for other in ["latest", "debug-branch"] {
        let mut scene = Scene::deployed();
        scene.push(&[("1.2.3", 123), ("1.3.0", 130), (other, 7)]);
        scene.set_live(&image(other));
        assert_eq!(kinds(&scene.act(200)), [NoticeKind::Held], "{other}");
        assert_eq!(written(&scene.plan(300)), None, "{other}");
    }
}

#[test]
fn another_repository_is_another_image() {
    let mut scene = Scene::deployed();
    let other = ImageRef::parse("111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/next:1.0.0").unwrap();
    scene
        .facts
        .listings
        .insert(other.repository.clone().unwrap(), Ok(held(&[("1.0.0", 100, 0)])));
    scene.set_live(&other);
    let plan = scene.act(200);
    assert_eq!((written(&plan), kinds(&plan)), (None, vec![]));
    assert_eq!(scene.plan(300).standing.as_str(), "current");
}
