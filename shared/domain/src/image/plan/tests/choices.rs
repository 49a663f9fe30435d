//! What is deployed, and what holds it back.

use super::super::super::fixtures::{at, tag};
use super::super::super::notice::HeldBack;
use super::super::super::record::Stage;
use super::super::super::workload::{Container, Role};
use super::*;

/// What holds a candidate back.
fn held_by(plan: &Plan) -> Option<&HeldBack> {
    assert!(plan.change.is_none());
    match &plan.standing {
        Standing::Candidate { held, .. } => Some(held),
        _ => None,
    }
}

#[test]
fn case_1_a_newer_version_is_written_by_its_digest_with_what_was_before() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130), ("2.0.0", 200)]);
    let plan = scene.act(0);
    assert_eq!(scene.live(), pinned("1.3.0", 130));
    assert_eq!(kinds(&plan), [NoticeKind::Deployed]);
    let record = scene.record();
    assert_eq!(record.applied["app"], pinned("1.3.0", 130));
    assert_eq!(record.previous["app"], pinned("1.2.3", 123));
    let status = record.status.unwrap();
    assert_eq!(
        (status.stage, status.event.as_deref()),
        (Stage::Rolling, Some("e-1"))
    );
    assert_eq!(status.usual_start, Some(5));
    assert_eq!(
        scene.workload.annotations["kubernetes.io/change-cause"],
        "lamplighter: app 1.2.3 -> 1.3.0"
    );
    scene.roll_out(10);
    scene.act(10);
    assert_eq!(kinds(&scene.act(70)), [NoticeKind::Verified]);
    assert_eq!(scene.record().stage(), Some(Stage::Verified));
}

#[test]
fn case_3_and_13_what_the_event_says_does_not_matter() {
    let scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130), ("1.4.0", 140)]);
    let sweep = Attention::Sweep { first_of_hour: false };
    for attention in [Attention::Event("late".to_owned()), sweep] {
        assert_eq!(written(&scene.look(&attention, 0)), Some(pinned("1.4.0", 140)));
    }
    assert!(scene.look(&Attention::Watch, 0).change.is_none());
}

#[test]
fn case_4_and_5_numbers_in_tags_are_ordered_as_numbers() {
    let mut scene = Scene::new(&[("main-9", 9), ("main-20", 20)]);
    scene.set_live(&pinned("main-20", 20));
    scene.say("image-policy", "numerical");
    scene.say("allow-tags", "regexp:^main-.*$");
    assert_eq!(scene.plan(0).change, None);
    let mut scene = Scene::new(&[("v9", 9), ("v10", 10)]);
    scene.set_live(&pinned("v9", 9));
    scene.say("image-policy", "numerical");
    scene.say("allow-tags", "glob:v*");
    assert_eq!(written(&scene.plan(0)), Some(pinned("v10", 10)));
}

fn latest(live: &ImageRef, running: u32, held: &[(&str, u32)]) -> Scene {
    let mut scene = Scene::new(held);
    scene.set_live(live);
    scene.say("image-policy", "digest");
    for pod in &mut scene.family.pods {
        pod.containers[0].image = live.to_string();
        pod.containers[0].digest = Some(digest(running));
    }
    scene
}

#[test]
fn case_6_a_tag_that_moved_is_followed_to_its_digest() {
    let scene = latest(&pinned("latest", 1), 1, &[("", 1), ("latest", 2)]);
    assert_eq!(written(&scene.plan(0)), Some(pinned("latest", 2)));
    // Not pinned yet: what runs is asked of the pods.
    let scene = latest(&image("latest"), 1, &[("", 1), ("latest", 2)]);
    assert_eq!(written(&scene.plan(0)), Some(pinned("latest", 2)));
}

#[test]
fn case_7_the_same_digest_again_is_nothing_new() {
    for live in [pinned("latest", 1), image("latest")] {
        let scene = latest(&live, 1, &[("latest", 1)]);
        let plan = scene.plan(0);
        assert_eq!((plan.change, plan.then), (None, Then::Settled), "{live}");
    }
}

#[test]
fn case_8_three_tags_of_one_digest_are_one_rollout() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3", 130)]);
    scene.act(0);
    assert_eq!(scene.live().digest, Some(digest(130)));
    scene.push(&[("1.2.3", 123), ("1.3", 130), ("1.3.0", 130), ("stable", 130)]);
    for seconds in [1, 61, 1000] {
        assert_eq!(written(&scene.plan(seconds)), None);
    }
}

#[test]
fn a_burst_of_pushes_is_at_most_one_rollout_for_each_cool_down() {
    let mut scene = Scene::new(&[("1.2.3", 123)]);
    let mut rollouts = 0;
    for n in 0..100u32 {
        let tag = format!("1.3.{n}");
        scene.push(&[("1.2.3", 123), (&tag, 1000 + n)]);
        let seconds = i64::from(n) * 60 / 100;
        rollouts += u32::from(written(&scene.act(seconds)).is_some());
    }
    assert_eq!(rollouts, 1);
    // Its rollout goes on meanwhile.
    assert!(matches!(scene.plan(59).then, Then::LookAgain { .. }));
    assert_eq!(written(&scene.act(60)), Some(pinned("1.3.99", 1099)));
    // What was never found good is nothing to go back to.
    assert_eq!(scene.record().previous["app"], pinned("1.2.3", 123));
}

#[test]
fn case_9_to_11_children_signatures_and_charts_are_no_candidates() {
    let signature = format!("sha256-{}.sig", "a".repeat(64));
    for policy in ["minor", "newest-pushed", "alphabetical"] {
        let mut scene = Scene::new(&[]);
        let mut images = held(&[
            ("1.2.3", 123, 0),
            ("1.3.0", 130, 1),
            ("", 131, 2),
            (&signature, 132, 3),
        ]);
        let mut chart = held(&[("1.9.0", 190, 4)]);
        chart[0].artifact = Some("application/vnd.cncf.helm.config.v1+json".to_owned());
        images.append(&mut chart);
        scene.hold(images);
        scene.say("image-policy", policy);
        assert_eq!(written(&scene.plan(0)), Some(pinned("1.3.0", 130)), "{policy}");
    }
}

#[test]
fn case_12_an_image_that_vanished_from_the_registry_is_told_and_nothing_is_written() {
    let scene = Scene::new(&[("1.2.2", 122)]);
    let plan = scene.plan(0);
    assert_eq!(plan.standing, Standing::Vanished(pinned("1.2.3", 123)));
    assert!(plan.change.is_none());
    assert_eq!(kinds(&plan), [NoticeKind::Attention]);
    assert!(plan.notices[0].text.contains("no longer in the registry"));
}

#[test]
fn case_21_a_paused_deployment_is_written_when_it_goes_on() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.workload.rollout.paused = true;
    let plan = scene.plan(0);
    assert_eq!(held_by(&plan), Some(&HeldBack::Paused));
    scene.workload.rollout.paused = false;
    assert!(written(&scene.act(60)).is_some());
    assert_eq!(written(&scene.plan(61)), None);
}

#[test]
fn case_22_a_progress_deadline_that_is_too_short_is_told() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    for pod in &mut scene.family.pods {
        pod.ready = Some(after(-510));
    }
    scene.workload.rollout.progress_deadline = Some(SignedDuration::from_secs(60));
    let plan = scene.plan(0);
    let text = &plan.notices[0].text;
    assert!(
        text.ends_with("progressDeadlineSeconds 60 will pass first: its pods took 90 s to get ready"),
        "{text}"
    );
}

#[test]
fn case_23_only_the_containers_that_are_named_change() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    for (name, role) in [("sidecar", Role::Main), ("migrate", Role::Init)] {
        scene.workload.containers.push(Container {
            name: name.to_owned(),
            image: pinned("1.2.3", 123).to_string(),
            role,
        });
    }
    let names = |scene: &Scene| {
        let images = scene.plan(0).change.unwrap().images;
        images.into_iter().map(|(name, _, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names(&scene), ["app", "sidecar"]);
    scene.say("containers", "^app$");
    assert_eq!(names(&scene), ["app"]);
    scene.say("init-containers", "migrate");
    assert_eq!(names(&scene), ["app", "migrate"]);
}

#[test]
fn an_image_for_other_machines_is_written_where_that_is_to_be_ignored() {
    let mut scene = Scene::new(&[("1.3.0", 130)]);
    let other = Platforms::Of(["s390x".to_owned()].into());
    scene
        .facts
        .platforms
        .insert((repository(), digest(130)), Ok(other));
    scene.facts.architectures = Some(["amd64".to_owned()].into());
    assert_eq!(written(&scene.plan(0)), None);
    scene.say("architecture", "ignore");
    assert_eq!(written(&scene.plan(0)), Some(pinned("1.3.0", 130)));
    scene.say("architecture", "whatever");
    assert!(
        scene
            .plan(0)
            .standing
            .to_string()
            .contains("expected check or ignore")
    );
}

#[test]
fn case_27_an_image_that_no_node_can_run_is_not_written() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    let arm = Platforms::Of(["arm64".to_owned()].into());
    scene.facts.platforms.insert((repository(), digest(130)), Ok(arm));
    let nodes = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    scene.facts.architectures = nodes(&["amd64"]);
    let plan = scene.plan(0);
    assert_eq!(
        held_by(&plan).unwrap().to_string(),
        "container app: the image is for arm64, the nodes are amd64"
    );
    assert_eq!(kinds(&plan), [NoticeKind::Attention]);
    scene.workload.node_architecture = Some("amd64".to_owned());
    scene.facts.architectures = nodes(&["amd64", "arm64"]);
    assert!(held_by(&scene.plan(0)).is_some());
    scene.workload.node_architecture = None;
    assert!(written(&scene.plan(0)).is_some());
    // While every node sleeps, nobody knows.
    scene.facts.architectures = nodes(&[]);
    assert!(written(&scene.plan(0)).is_some());
}

#[test]
fn case_28_in_a_freeze_nothing_is_deployed_and_after_it_the_newest_alone() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.say("freeze", "Fri 18:00-Mon 08:00 UTC");
    let (saturday, monday) = (at("2026-11-28T12:00:00Z"), at("2026-11-30T08:00:00Z"));
    let seconds = |time: Timestamp| time.duration_since(start()).as_secs();
    let plan = scene.plan(seconds(saturday));
    assert_eq!(
        held_by(&plan),
        Some(&HeldBack::Freeze("Fri 18:00-Mon 08:00 UTC".to_owned()))
    );
    assert_eq!(plan.then, Then::NextTick);
    scene.push(&[("1.2.3", 123), ("1.3.0", 130), ("1.3.1", 131)]);
    assert_eq!(written(&scene.plan(seconds(monday) - 1)), None);
    assert_eq!(written(&scene.act(seconds(monday))), Some(pinned("1.3.1", 131)));
}

#[test]
fn case_29_what_a_delivery_tool_owns_is_told_of_and_not_written() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene
        .workload
        .labels
        .insert("argocd.argoproj.io/instance".to_owned(), "shop".to_owned());
    let plan = scene.plan(0);
    assert_eq!(
        held_by(&plan),
        Some(&HeldBack::Owner("Argo CD application shop".to_owned()))
    );
    assert_eq!(kinds(&plan), [NoticeKind::Candidate]);
    assert_eq!(plan.notices[0].images, [("app".to_owned(), pinned("1.3.0", 130))]);
    let quiet = Attention::Sweep { first_of_hour: false };
    assert_eq!(scene.look(&quiet, 0).notices, []);
    scene.say("gitops", "patch");
    assert!(written(&scene.plan(0)).is_some());
}

#[test]
fn a_hold_holds_and_three_failures_in_a_row_wait_for_a_person() {
    let mut scene = Scene::new(&[("1.2.3", 123), ("1.3.0", 130)]);
    scene.say("image-hold", "true");
    assert_eq!(held_by(&scene.plan(0)), Some(&HeldBack::Hold(None)));
    let mut scene = Scene::rolled_back();
    let mut seconds = 120;
    for n in 1..3 {
        scene.push(&[("1.2.3", 123), (&format!("1.3.{n}"), 130 + n)]);
        scene.act(seconds);
        assert_eq!(scene.live().tag, Some(tag(&format!("1.3.{n}"))));
        scene.crash(seconds + 50);
        assert_eq!(kinds(&scene.act(seconds + 50)), [NoticeKind::RolledBack]);
        scene.roll_out(seconds + 60);
        scene.act(seconds + 60);
        seconds += 200;
    }
    scene.push(&[("1.2.3", 123), ("1.3.9", 139)]);
    let plan = scene.plan(seconds);
    assert_eq!(held_by(&plan), Some(&HeldBack::Breaker(3)));
    assert!(plan.standing.needs_attention());
}
