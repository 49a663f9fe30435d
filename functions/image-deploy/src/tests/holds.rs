//! What holds images back: people, delivery tools, spans of time, and workloads without pods.

use super::*;

fn at(fake: &Fake, time: &str) -> impl Future<Output = ()> {
    fake.sleep(ts(time).duration_since(fake.now()))
}

#[tokio::test(start_paused = true)]
async fn case_17_what_a_person_took_back_stays_away_until_something_newer_comes() {
    let fake = shop();
    push(&fake, "1.3.0", 130).await;
    ticks(&fake, 3).await;
    fake.world().set_image(WEB, "shop/web:1.2.3");
    ticks(&fake, 12).await;
    assert_eq!(runs(&fake), "1.2.3");
    pushed(&fake, "1.3.0", 130).await;
    ticks(&fake, 6).await;
    assert_eq!(fake.patches(), ["deployment/shop/web app:1.3.0"]);
    assert_eq!(fake.told("Image Action", WEB), ["deployed", "verified", "held"]);
    push(&fake, "1.3.1", 131).await;
    ticks(&fake, 3).await;
    assert_eq!(
        (runs(&fake).as_str(), stage(&fake).as_str()),
        ("1.3.1@131", "verified")
    );
}

#[tokio::test(start_paused = true)]
async fn case_17_a_rollback_by_kubectl_which_takes_our_annotations_along_is_noticed_all_the_same() {
    let fake = shop();
    push(&fake, "1.3.0", 130).await;
    ticks(&fake, 3).await;
    fake.world().undo(WEB, "shop/web:1.2.3");
    ticks(&fake, 12).await;
    assert_eq!(runs(&fake), "1.2.3");
    assert_eq!(fake.patches(), ["deployment/shop/web app:1.3.0"]);
    assert_eq!(fake.told("Image Action", WEB), ["deployed", "verified", "held"]);
}

#[tokio::test(start_paused = true)]
async fn case_28_what_is_pushed_in_a_freeze_is_deployed_after_it_and_only_the_newest() {
    let mut fake = shop();
    fake.config = config::tests::read(&[("LAMPLIGHTER_IMAGE_FREEZE", "Fri 18:00-Mon 08:00 UTC")]).unwrap();
    at(&fake, "2026-11-28T10:00:00Z").await;
    push(&fake, "1.3.0", 130).await;
    ticks(&fake, 20).await;
    push(&fake, "1.4.0", 140).await;
    at(&fake, "2026-11-30T07:50:00Z").await;
    ticks(&fake, 10).await;
    assert_eq!(fake.patches(), Vec::<String>::new());
    assert!(fake.metric("CandidatesHeld") > 0);
    ticks(&fake, 8).await;
    assert_eq!(fake.patches(), ["deployment/shop/web app:1.4.0"]);
    let patched = fake.world().patches[0].0;
    assert!(patched < ts("2026-11-30T08:05:10Z"), "{patched}");
}

#[tokio::test(start_paused = true)]
async fn case_29_what_a_delivery_tool_owns_is_told_of_and_not_written() {
    let fake = shop();
    fake.world().edit(WEB, false, |object| {
        let id = "shop:apps/Deployment:shop/web".to_owned();
        object
            .annotations
            .insert("argocd.argoproj.io/tracking-id".to_owned(), id);
    });
    push(&fake, "1.3.0", 130).await;
    assert_eq!(fake.told("Image Candidate", WEB), ["candidate"]);
    assert_eq!(fake.called("kube patch"), 0);
    ticks(&fake, 60).await;
    assert_eq!(fake.called("kube patch"), 0);
    assert_eq!(
        fake.told("Image Candidate", WEB).len(),
        2,
        "once for the event, once an hour"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_while_no_pods_are_wanted_is_judged_when_there_are_some() {
    let fake = shop();
    fake.world().edit(WEB, true, |object| object.replicas = 0);
    fake.sleep(SignedDuration::from_secs(30)).await;
    push(&fake, "1.3.0", 130).await;
    ticks(&fake, 10).await;
    assert_eq!(
        (stage(&fake).as_str(), fake.metric("RolloutsDeferred")),
        ("deferred", 1)
    );
    fake.world().edit(WEB, true, |object| object.replicas = 2);
    ticks(&fake, 3).await;
    assert_eq!(stage(&fake), "verified");
    assert_eq!(
        fake.told("Image Action", WEB),
        ["deployed", "deferred", "verified"]
    );
}

#[tokio::test(start_paused = true)]
async fn case_27_what_no_machine_of_the_cluster_can_run_is_not_deployed() {
    let fake = shop();
    fake.world()
        .push_index("shop/web", "1.3.0", 130, &["arm64"], fake.now());
    pushed(&fake, "1.3.0", 130).await;
    assert_eq!((fake.patches(), fake.metric("CandidatesHeld")), (vec![], 1));
    assert_eq!(fake.told("Image Error", WEB), ["attention"]);
    fake.world().nodes.insert("arm64".to_owned());
    fake.world().nodes.remove("amd64");
    ticks(&fake, 5).await;
    assert_eq!(runs(&fake), "1.3.0@130");
}
