//! What people and their delivery tools do meanwhile.

use domain::offhours::{ManualChanges, Size, Switch};

use super::shop::{empty, shop};
use super::*;

const SLEPT: &str = "2026-11-26T19:20:00Z";
const MORNING: &str = "2026-11-27T07:20:00Z";

/// A Deployment of three that falls asleep at 19:00 UTC.
async fn one_asleep(enforce: ManualChanges) -> Fake {
    let mut fake = empty("2026-11-26T18:55:00Z");
    fake.config.policy.manual_changes = enforce;
    fake.world().add("deployment/shop/web", Size::Replicas(3), &[]);
    ticks_until(&fake, SLEPT).await;
    assert_eq!(fake.resizes(), ["deployment/shop/web 0"]);
    fake
}

fn size(fake: &Fake) -> String {
    fake.world().workloads.values().next().unwrap().size.to_string()
}

#[tokio::test(start_paused = true)]
async fn case_1_what_a_person_wakes_at_night_stays_so_until_morning_and_its_saved_size_stays_too() {
    let fake = one_asleep(ManualChanges::Respect).await;
    fake.then("2026-11-26T23:00:00Z", |world| {
        world.scale(
            "deployment/shop/web",
            Size::Replicas(1),
            "kubectl",
            "2026-11-26T23:00:00Z",
        );
    });
    ticks_until(&fake, "2026-11-27T06:50:00Z").await;
    assert_eq!(size(&fake), "1");
    assert_eq!(
        fake.world().record("deployment/shop/web").unwrap().saved,
        Size::Replicas(3)
    );
    ticks_until(&fake, MORNING).await;
    assert_eq!(fake.resizes(), ["deployment/shop/web 0", "deployment/shop/web 3"]);
}

#[tokio::test(start_paused = true)]
async fn case_2_where_it_is_enforced_a_change_by_hand_is_taken_back_and_the_saved_size_stays() {
    let fake = one_asleep(ManualChanges::Enforce).await;
    fake.then("2026-11-26T23:00:00Z", |world| {
        world.scale(
            "deployment/shop/web",
            Size::Replicas(1),
            "kubectl",
            "2026-11-26T23:00:00Z",
        );
    });
    ticks_until(&fake, "2026-11-26T23:10:00Z").await;
    assert_eq!(size(&fake), "0");
    assert_eq!(
        fake.world().record("deployment/shop/web").unwrap().saved,
        Size::Replicas(3)
    );
    ticks_until(&fake, MORNING).await;
    assert_eq!(size(&fake), "3");
    assert_eq!(fake.metric("ResourcesReverted"), 1);
}

#[tokio::test(start_paused = true)]
async fn case_13_a_holiday_stays_down_until_noon_where_somebody_holds_it() {
    let mut fake = empty("2026-12-24T18:55:00Z");
    let context = &mut fake.config.policy.context;
    context.holidays = domain::schedule::Holidays::parse("2026-12-28").unwrap();
    fake.world().add("deployment/shop/web", Size::Replicas(3), &[]);
    let held = ("lamplighter.dev/hold-until", "2026-12-28T11:00:00Z");
    fake.world()
        .add("deployment/shop/api", Size::Replicas(2), &[held]);
    let awake = |fake: &Fake| -> Vec<String> {
        let world = fake.world();
        world
            .workloads
            .iter()
            .map(|(key, one)| format!("{} {}", key.name(), one.size))
            .collect()
    };
    ticks_until(&fake, "2026-12-25T12:00:00Z").await; // a Friday of the office like any other
    assert_eq!(awake(&fake), ["api 2", "web 3"]);
    ticks_until(&fake, "2026-12-28T07:20:00Z").await;
    assert_eq!(awake(&fake), ["api 2", "web 0"], "Monday, a holiday");
    ticks_until(&fake, "2026-12-28T11:20:00Z").await;
    assert_eq!(awake(&fake), ["api 0", "web 0"]);
    ticks_until(&fake, "2026-12-29T07:20:00Z").await;
    assert_eq!(awake(&fake), ["api 2", "web 3"]);
}

#[tokio::test(start_paused = true)]
async fn case_23_an_autoscaler_finds_its_deployment_as_it_was_and_goes_on() {
    let fake = empty("2026-11-26T18:55:00Z");
    fake.world().add("deployment/shop/web", Size::Replicas(7), &[]);
    fake.world().add_autoscaler("web", 2, 10);
    ticks_until(&fake, SLEPT).await;
    fake.then("2026-11-27T03:00:00Z", |world| {
        world.scale(
            "hpa/shop/web",
            Size::Replicas(3),
            "kubectl",
            "2026-11-27T03:00:00Z",
        );
    });
    ticks_until(&fake, MORNING).await;
    assert_eq!(fake.resizes(), ["deployment/shop/web 0", "deployment/shop/web 7"]);
    assert_eq!(fake.world().remembered(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn case_25_a_cronjob_that_was_suspended_stays_suspended() {
    let fake = empty("2026-11-26T18:55:00Z");
    fake.world()
        .add("cronjob/shop/report", Size::Schedule(Switch::On), &[]);
    fake.world()
        .add("cronjob/shop/retired", Size::Schedule(Switch::Off), &[]);
    ticks_until(&fake, MORNING).await;
    assert_eq!(
        fake.resizes(),
        ["cronjob/shop/report suspended", "cronjob/shop/report active"]
    );
}

#[tokio::test(start_paused = true)]
async fn case_30_what_helm_delivers_at_night_is_the_new_size_and_sleeps_after_its_grace() {
    let fake = one_asleep(ManualChanges::Respect).await;
    fake.then("2026-11-26T23:00:00Z", |world| {
        world.scale(
            "deployment/shop/web",
            Size::Replicas(5),
            "helm",
            "2026-11-26T23:00:00Z",
        );
    });
    ticks_until(&fake, "2026-11-26T23:14:00Z").await;
    assert_eq!(size(&fake), "5", "it is left alone for a quarter of an hour");
    ticks_until(&fake, "2026-11-26T23:25:00Z").await;
    assert_eq!(size(&fake), "0");
    ticks_until(&fake, MORNING).await;
    assert_eq!(size(&fake), "5");
}

#[tokio::test(start_paused = true)]
async fn case_30_a_tool_that_brings_it_back_again_and_again_is_left_alone_after_the_third_time() {
    let fake = one_asleep(ManualChanges::Respect).await;
    for hour in 0..8 {
        let at = format!("2026-11-2{}T{:02}:00:00Z", 6 + (20 + hour) / 24, (20 + hour) % 24);
        fake.then(&at.clone(), move |world| {
            world.scale("deployment/shop/web", Size::Replicas(3), "argocd-controller", &at);
        });
    }
    ticks_until(&fake, "2026-11-27T05:00:00Z").await;
    assert_eq!(fake.resizes(), vec!["deployment/shop/web 0"; 4]);
    assert_eq!(size(&fake), "3");
    assert!(fake.metric("DriftReverts") > 0);
    ticks_until(&fake, MORNING).await;
    assert_eq!((size(&fake).as_str(), fake.world().remembered()), ("3", vec![]));
}

#[tokio::test(start_paused = true)]
async fn one_that_was_made_anew_at_night_is_another_one_and_sleeps_by_its_own_size() {
    let fake = one_asleep(ManualChanges::Respect).await;
    fake.then("2026-11-26T23:00:00Z", |world| {
        let object = fakes::Object::new(Size::Replicas(2), &[], ts("2026-11-26T23:00:00Z"));
        *world.workloads.values_mut().next().unwrap() = object;
    });
    ticks_until(&fake, "2026-11-26T23:25:00Z").await;
    assert_eq!(size(&fake), "0");
    ticks_until(&fake, MORNING).await;
    assert_eq!((size(&fake).as_str(), fake.world().remembered()), ("2", vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_never_opted_in_is_never_touched() {
    let fake = shop("2026-11-26T18:55:00Z");
    ticks_until(&fake, MORNING).await;
    let touched = fake.resizes();
    for alien in ["kube-system", "wiki", "group/always", "retired", "parked"] {
        assert!(!touched.iter().any(|resize| resize.contains(alien)), "{alien}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_is_given_less_to_keep_where_some_pods_are_left_at_night() {
    let fake = empty("2026-11-26T18:55:00Z");
    fake.world().add(
        "deployment/shop/web",
        Size::Replicas(3),
        &[("lamplighter.dev/downtime-replicas", "1")],
    );
    fake.world().add_autoscaler("web", 3, 10);
    ticks_until(&fake, MORNING).await;
    assert_eq!(fake.resizes(), ["hpa/shop/web 1", "hpa/shop/web 3"]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wants_to_sleep_any_more_is_woken_at_night() {
    let fake = one_asleep(ManualChanges::Respect).await;
    fake.world().namespaces.get_mut("shop").unwrap().clear();
    ticks_until(&fake, "2026-11-26T19:30:00Z").await;
    assert_eq!((size(&fake).as_str(), fake.world().remembered()), ("3", vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_saved_size_that_a_person_changes_on_the_workload_is_the_one_that_counts() {
    let fake = one_asleep(ManualChanges::Respect).await;
    let change = |world: &mut fakes::World| {
        let annotations = &mut world.workloads.values_mut().next().unwrap().annotations;
        annotations.insert("lamplighter.dev/original-replicas".to_owned(), "6".to_owned());
    };
    fake.then("2026-11-26T23:00:00Z", change);
    ticks_until(&fake, MORNING).await;
    assert_eq!(size(&fake), "6");
}

#[tokio::test(start_paused = true)]
async fn what_is_made_at_night_is_left_alone_for_a_while_and_then_sleeps_too() {
    let fake = empty("2026-11-26T18:55:00Z");
    fake.then("2026-11-26T22:00:00Z", |world| {
        let object = fakes::Object::new(Size::Replicas(2), &[], ts("2026-11-26T22:00:00Z"));
        let key = domain::offhours::Key::parse("deployment/shop/new").unwrap();
        world.workloads.insert(key, object);
    });
    ticks_until(&fake, "2026-11-26T22:14:00Z").await;
    assert_eq!(size(&fake), "2");
    ticks_until(&fake, "2026-11-26T22:20:00Z").await;
    assert_eq!(size(&fake), "0");
    ticks_until(&fake, MORNING).await;
    assert_eq!(size(&fake), "2");
}

#[tokio::test(start_paused = true)]
async fn a_size_that_a_person_sets_at_the_very_moment_at_which_it_falls_asleep_is_not_lost() {
    for millisecond in (0..150).step_by(5) {
        let fake = empty("2026-11-26T18:55:00Z");
        fake.world().add("deployment/shop/web", Size::Replicas(3), &[]);
        let at = format!("2026-11-26T19:00:00.{millisecond:03}Z");
        fake.then(&at.clone(), move |world| {
            world.scale("deployment/shop/web", Size::Replicas(5), "kubectl", &at);
        });
        ticks_until(&fake, SLEPT).await;
        fake.sleep(ts("2026-11-27T06:59:00Z").duration_since(fake.now()))
            .await;
        ticks_until(&fake, "2026-11-27T07:06:00Z").await;
        assert_eq!(
            (size(&fake).as_str(), fake.world().remembered()),
            ("5", vec![]),
            "{millisecond} ms"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_size_that_a_person_sets_while_it_waits_for_its_turn_is_the_one_that_counts() {
    let fake = shop("2026-11-26T18:58:00Z");
    fake.then("2026-11-26T19:00:30Z", |world| {
        world.scale(
            "deployment/shop/gateway",
            Size::Replicas(5),
            "kubectl",
            "2026-11-26T19:00:30Z",
        );
    });
    ticks_until(&fake, "2026-11-26T19:10:00Z").await;
    let slept = fake.resizes();
    assert!(
        slept.contains(&"deployment/shop/gateway 0".to_owned()),
        "{slept:#?}"
    );
    ticks_until(&fake, MORNING).await;
    assert!(fake.resizes().contains(&"deployment/shop/gateway 5".to_owned()));
}
