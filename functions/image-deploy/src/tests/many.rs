//! Many workloads, many events.

use super::*;

/// Fifty Deployments in ten namespaces, all of one repository.
fn chain_of_shops() -> Fake {
    let fake = Fake::at(MORNING);
    let now = fake.now();
    let mut world = fake.world();
    world.push("shop/web", "1.2.3", 123, now - SignedDuration::from_hours(48));
    for number in 0..50 {
        let target = format!("deployment/shop-{}/web-{number}", number % 10);
        world.add(&target, "shop/web:1.2.3", "minor", now);
    }
    drop(world);
    fake
}

#[tokio::test(start_paused = true)]
async fn case_24_one_push_for_fifty_workloads_is_one_look_at_the_registry_and_one_failure_stops_no_other() {
    let fake = chain_of_shops();
    fake.world().locked = Some("deployment/shop-3/web-13".to_owned().try_into().unwrap());
    push(&fake, "1.3.0", 130).await;
    assert_eq!(fake.patches().len(), 49);
    assert_eq!((fake.called("ecr images"), fake.called("ecr platforms")), (1, 1));
    assert_eq!(fake.metric("Failures"), 1, "what can't work is tried once");
    ticks(&fake, 2).await;
    let verified = fake
        .world()
        .told
        .iter()
        .filter(|told| told[2] == "verified")
        .count();
    assert_eq!(verified, 49);
    assert_eq!(fake.metric("RolloutsVerified"), 49);
}

#[tokio::test(start_paused = true)]
async fn rollouts_are_watched_by_a_list_of_each_namespace() {
    let fake = chain_of_shops();
    push(&fake, "1.3.0", 130).await;
    let rounds = 45;
    assert_eq!(
        fake.called("kube get"),
        0,
        "five of one kind in a namespace are listed"
    );
    assert!(
        fake.called("kube list") <= 4 + 10 * rounds,
        "{}",
        fake.called("kube list")
    );
    assert!(
        fake.called("kube pods") <= 10 * rounds,
        "{}",
        fake.called("kube pods")
    );
}

#[tokio::test(start_paused = true)]
async fn case_33_hundreds_of_stale_events_are_one_rollout_for_each_workload() {
    let fake = Fake::at(MORNING);
    let now = fake.now();
    let names = ["shop/web", "shop/api", "shop/mail"];
    for (name, target) in names.iter().zip(["web", "api", "mail"]) {
        let mut world = fake.world();
        world.push(name, "1.2.3", 123, now - SignedDuration::from_hours(48));
        let image = format!("{name}:1.2.3");
        world.add(&format!("deployment/shop/{target}"), &image, "minor", now);
        for number in 0..67 {
            world.push(name, &format!("1.3.{number}"), 300 + number, now);
        }
    }
    let events: Vec<Value> = (0..200_u32)
        .map(|number| {
            let name = names[number as usize % 3];
            event("push", name, &format!("1.3.{}", number / 3), 300 + number / 3)
        })
        .collect();
    let mut invocations = 0;
    for events in events.chunks(10) {
        let before = fake.called("ecr images");
        invoke(&fake, batch(events)).await.unwrap().unwrap();
        assert!(fake.called("ecr images") - before <= 3);
        invocations += 1;
    }
    ticks(&fake, 3).await;
    assert_eq!(invocations, 20);
    let mut patches = fake.patches();
    patches.sort();
    assert_eq!(
        patches,
        ["api", "mail", "web"].map(|name| format!("deployment/shop/{name} app:1.3.66"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_sweep_asks_each_registry_once_in_its_minutes_and_spreads_what_it_asks() {
    let fake = Fake::at(MORNING);
    let now = fake.now();
    for number in 0..40 {
        let (name, mut world) = (format!("shop/{number}"), fake.world());
        world.push(&name, "1.2.3", number, now);
        for copy in 0..3 {
            let target = format!("deployment/shop/app-{number}-{copy}");
            world.add(&target, &format!("{name}:1.2.3"), "minor", now);
        }
    }
    let mut asked = Vec::new();
    for _ in 0..5 {
        let before = fake.called("ecr images");
        ticks(&fake, 1).await;
        asked.push(fake.called("ecr images") - before);
    }
    assert_eq!(asked.iter().sum::<usize>(), 40, "{asked:?}");
    assert!(asked.iter().all(|calls| (1..=20).contains(calls)), "{asked:?}");
}
