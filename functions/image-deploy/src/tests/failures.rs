//! Images that do not get well.

use super::fakes::Nature;
use super::*;

async fn bad_push(fake: &Fake, nature: Nature) {
    fake.world().spoil(130, nature);
    push(fake, "1.3.0", 130).await;
}

/// How long after the patch the one that takes it back came.
fn took(fake: &Fake) -> SignedDuration {
    let world = fake.world();
    world.patches[1].0.duration_since(world.patches[0].0)
}

#[tokio::test(start_paused = true)]
async fn case_14_an_image_that_can_not_be_pulled_is_taken_back_within_a_minute_and_told_once() {
    let fake = shop();
    bad_push(&fake, Nature::Missing).await;
    ticks(&fake, 10).await;
    assert_eq!(
        fake.patches(),
        ["deployment/shop/web app:1.3.0", "deployment/shop/web app:1.2.3"]
    );
    assert!(took(&fake) <= SignedDuration::from_secs(60), "{:#}", took(&fake));
    assert_eq!(stage(&fake), "rolled-back");
    assert_eq!(
        fake.told("Image Action", WEB),
        ["deployed", "rolled-back", "restored"]
    );
    let blocked = fake.world().workload(WEB).annotations["lamplighter.dev/blocked-digests"].clone();
    assert!(blocked.contains(fakes::digest(130).as_str()), "{blocked}");
    assert_eq!(
        (fake.metric("RolloutsFailed"), fake.metric("RollbacksMade")),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn case_15_an_image_that_crashes_is_taken_back_within_two_minutes_and_no_pod_is_missed() {
    let fake = shop();
    fake.sleep(SignedDuration::from_secs(10)).await;
    fake.world().workload(WEB).fewest_ready = 2;
    bad_push(&fake, Nature::Crashing).await;
    ticks(&fake, 10).await;
    assert_eq!(fake.patches().len(), 2);
    assert!(took(&fake) <= SignedDuration::from_secs(120), "{:#}", took(&fake));
    assert_eq!(
        (stage(&fake).as_str(), fake.world().workload(WEB).fewest_ready),
        ("rolled-back", 2)
    );
}

#[tokio::test(start_paused = true)]
async fn case_16_what_was_taken_back_is_not_deployed_again_and_the_next_digest_is() {
    let fake = shop();
    bad_push(&fake, Nature::Crashing).await;
    ticks(&fake, 30).await;
    pushed(&fake, "1.3.0", 130).await;
    ticks(&fake, 6).await;
    assert_eq!(fake.patches().len(), 2, "{:?}", fake.patches());
    push(&fake, "1.3.1", 131).await;
    ticks(&fake, 3).await;
    assert_eq!(
        (runs(&fake).as_str(), stage(&fake).as_str()),
        ("1.3.1@131", "verified")
    );
}

#[tokio::test(start_paused = true)]
async fn case_18_what_a_person_edits_during_a_rollout_that_fails_stays() {
    let fake = shop();
    fake.then(ts(MORNING) + SignedDuration::from_secs(20), |world| {
        world.edit(WEB, true, |object| object.variable = "DEBUG=1".to_owned());
    });
    bad_push(&fake, Nature::Missing).await;
    ticks(&fake, 10).await;
    assert_eq!(stage(&fake), "rolled-back");
    assert_eq!(fake.world().workload(WEB).variable, "DEBUG=1");
}

#[tokio::test(start_paused = true)]
async fn case_19_a_newer_image_of_somebody_else_is_not_rolled_back_over() {
    let fake = shop();
    fake.then(ts(MORNING) + SignedDuration::from_secs(20), |world| {
        world.push("shop/web", "1.5.0", 150, ts(MORNING));
        world.set_image(WEB, "shop/web:1.5.0");
    });
    bad_push(&fake, Nature::Missing).await;
    ticks(&fake, 10).await;
    assert_eq!(fake.patches(), ["deployment/shop/web app:1.3.0"]);
    assert!(runs(&fake).starts_with("1.5.0"), "{}", runs(&fake));
}

#[tokio::test(start_paused = true)]
async fn case_20_what_is_no_longer_there_is_not_rolled_back_to() {
    let fake = shop();
    fake.then(ts(MORNING) + SignedDuration::from_secs(20), |world| {
        world.delete("shop/web", 123);
    });
    fake.world().lifecycle = Some(
        r#"{"rules":[{"rulePriority":7,"description":"keep one","selection":{"tagStatus":"any"}}]}"#
            .to_owned(),
    );
    bad_push(&fake, Nature::Missing).await;
    ticks(&fake, 3).await;
    assert_eq!((fake.patches().len(), stage(&fake).as_str()), (1, "failed"));
    let status = fake.world().workload(WEB).annotations["lamplighter.dev/image-status"].clone();
    assert!(
        status.contains("lifecycle rule 7 (keep one) may have expired it"),
        "{status}"
    );
    assert_eq!(fake.told("Image Action", WEB), ["deployed", "failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_does_not_answer_holds_a_rollback_up_and_no_more() {
    let fake = shop();
    let away = async {
        fake.sleep(SignedDuration::from_secs(20)).await;
        fake.set(fakes::Fault::Away("ecr"));
    };
    tokio::join!(bad_push(&fake, Nature::Missing), away);
    ticks(&fake, 2).await;
    assert_eq!(fake.patches().len(), 1);
    fake.set(fakes::Fault::None);
    ticks(&fake, 3).await;
    assert_eq!(stage(&fake), "rolled-back");
}
