//! Pushes, and the events that tell of them: each once, several times, late, or never.

use super::fakes::digest;
use super::*;

#[tokio::test(start_paused = true)]
async fn case_1_a_push_is_deployed_by_its_digest_and_its_rollout_verified() {
    let fake = shop();
    push(&fake, "1.3.0", 130).await;
    assert_eq!(runs(&fake), "1.3.0@130");
    ticks(&fake, 3).await;
    assert_eq!((stage(&fake).as_str(), fake.patches().len()), ("verified", 1));
    let status = fake.world().workload(WEB).annotations["lamplighter.dev/image-status"].clone();
    assert!(status.contains("\"event\":\"event-shop/web-1.3.0\""), "{status}");
    assert_eq!(fake.told("Image Action", WEB), ["deployed", "verified"]);
    assert_eq!(fake.told("Event", WEB), ["ImageDeployed", "ImageVerified"]);
    assert_eq!(
        (fake.metric("ImagesDeployed"), fake.metric("RolloutsVerified")),
        (1, 1)
    );
    assert_eq!(fake.metric("Failures"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_patch_follows_its_event_within_a_second() {
    let fake = shop();
    let before = fake.now();
    push(&fake, "1.3.0", 130).await;
    let took = fake.world().patches[0].0.duration_since(before);
    assert!(took < SignedDuration::from_secs(1), "{took:#}");
}

#[tokio::test(start_paused = true)]
async fn case_2_three_deliveries_of_which_two_are_handled_at_once_are_one_rollout() {
    let fake = shop();
    fake.world().push("shop/web", "1.3.0", 130, fake.now());
    tokio::join!(pushed(&fake, "1.3.0", 130), pushed(&fake, "1.3.0", 130));
    pushed(&fake, "1.3.0", 130).await;
    ticks(&fake, 10).await;
    assert_eq!(fake.patches(), ["deployment/shop/web app:1.3.0"]);
    assert_eq!(stage(&fake), "verified");
    assert_eq!(fake.told("Image Action", WEB), ["deployed", "verified"]);
}

#[tokio::test(start_paused = true)]
async fn case_3_an_older_push_whose_event_comes_last_changes_nothing() {
    let fake = shop();
    fake.world().push("shop/web", "1.3.0", 130, fake.now());
    fake.world().push("shop/web", "1.4.0", 140, fake.now());
    pushed(&fake, "1.4.0", 140).await;
    ticks(&fake, 3).await;
    pushed(&fake, "1.3.0", 130).await;
    ticks(&fake, 10).await;
    assert_eq!(fake.patches(), ["deployment/shop/web app:1.4.0"]);
}

#[tokio::test(start_paused = true)]
async fn case_6_a_tag_that_is_pushed_again_replaces_the_pods() {
    let fake = following("digest", "latest");
    push(&fake, "latest", 124).await;
    ticks(&fake, 3).await;
    assert_eq!(
        (runs(&fake).as_str(), stage(&fake).as_str()),
        ("latest@124", "verified")
    );
}

#[tokio::test(start_paused = true)]
async fn case_7_a_tag_that_is_pushed_again_with_the_same_digest_is_left_alone() {
    let fake = following("digest", "latest");
    push(&fake, "latest", 123).await;
    ticks(&fake, 6).await;
    assert_eq!(fake.patches(), Vec::<String>::new());
    push(&fake, "latest", 124).await;
    ticks(&fake, 3).await;
    push(&fake, "latest", 124).await;
    ticks(&fake, 6).await;
    assert_eq!(fake.patches(), ["deployment/shop/web app:latest"]);
}

#[tokio::test(start_paused = true)]
async fn case_8_three_tags_of_one_digest_are_one_rollout() {
    let fake = shop();
    for tag in ["1.3.0", "1.3", "v1.3.0"] {
        fake.world().push("shop/web", tag, 130, fake.now());
        let _ = tokio::join!(
            pushed(&fake, tag, 130),
            fake.sleep(SignedDuration::from_millis(700))
        );
    }
    ticks(&fake, 10).await;
    assert_eq!(fake.patches().len(), 1, "{:?}", fake.patches());
}

#[tokio::test(start_paused = true)]
async fn case_9_a_push_for_several_architectures_is_one_decision_and_writes_the_index() {
    let fake = shop();
    fake.world()
        .push_index("shop/web", "1.3.0", 130, &["amd64", "arm64"], fake.now());
    for number in [131, 132] {
        let child = event("push-of-a-child", "shop/web", "", number);
        invoke(&fake, batch(&[child])).await.unwrap().unwrap();
    }
    assert_eq!(fake.world().calls.len(), 0, "children need no look");
    pushed(&fake, "1.3.0", 130).await;
    let attestation = format!(
        "sha256-{}.att",
        digest(130).as_str().trim_start_matches("sha256:")
    );
    push(&fake, &attestation, 133).await;
    ticks(&fake, 10).await;
    assert_eq!(runs(&fake), "1.3.0@130");
    assert_eq!(fake.patches().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn case_12_when_what_runs_is_deleted_people_are_told_and_nothing_is_changed() {
    let fake = shop();
    push(&fake, "1.3.0", 130).await;
    ticks(&fake, 3).await;
    fake.forget();
    fake.world().delete("shop/web", 130);
    let deleted = event("delete", "shop/web", "1.3.0", 130);
    invoke(&fake, batch(&[deleted])).await.unwrap().unwrap();
    assert_eq!(fake.patches(), Vec::<String>::new());
    assert_eq!(fake.metric("ImagesVanished"), 1);
    assert_eq!(fake.told("Image Error", WEB), ["attention"]);
    assert_eq!(fake.told("Event", WEB), ["NeedsAttention"]);
}

#[tokio::test(start_paused = true)]
async fn case_13_when_the_event_is_lost_the_sweep_finds_the_push() {
    let fake = shop();
    fake.world().push("shop/web", "1.3.0", 130, fake.now());
    ticks(&fake, 5).await;
    assert_eq!(fake.patches(), ["deployment/shop/web app:1.3.0"]);
    ticks(&fake, 3).await;
    assert_eq!(stage(&fake), "verified");
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_during_a_cooldown_is_deployed_by_the_first_tick_after_it() {
    let mut fake = shop();
    fake.config.pace = "60".parse().unwrap();
    push(&fake, "1.3.0", 130).await;
    push(&fake, "1.4.0", 140).await;
    ticks(&fake, 2).await;
    assert_eq!(runs(&fake), "1.4.0@140");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_tags_in_a_minute_are_two_rollouts_at_most() {
    let fake = shop();
    for number in 0..100 {
        let tag = format!("1.3.{number}");
        fake.world().push("shop/web", &tag, 300 + number, fake.now());
        let event = batch(&[event("push", "shop/web", &tag, 300 + number)]);
        let (invoked, ()) = tokio::join!(
            async {
                if number % 10 == 0 {
                    invoke(&fake, event).await
                } else {
                    None
                }
            },
            fake.sleep(SignedDuration::from_millis(600))
        );
        assert!(invoked.is_none_or(|answer| answer.is_ok()));
        if number % 10 == 0 && fake.now() > ts(MORNING) + SignedDuration::from_secs(50) {
            break;
        }
    }
    let last = fake.world().repositories.values().flatten().count();
    ticks(&fake, 10).await;
    assert!(fake.patches().len() <= 2, "{:?} of {last}", fake.patches());
    assert_eq!(stage(&fake), "verified");
}

#[tokio::test(start_paused = true)]
async fn a_cron_job_gets_its_image_and_nothing_is_watched() {
    let fake = shop();
    let now = fake.now();
    fake.world()
        .add("cronjob/shop/report", "shop/web:1.2.3", "minor", now);
    push(&fake, "1.3.0", 130).await;
    ticks(&fake, 3).await;
    let image = fake.world().workload("cronjob/shop/report").image();
    assert_eq!(image.tag.unwrap().as_str(), "1.3.0");
    assert_eq!(fake.told("Image Action", "cronjob/shop/report"), ["deployed"]);
}

#[tokio::test(start_paused = true)]
async fn what_names_no_policy_is_left_alone() {
    let fake = shop();
    fake.world().edit(WEB, false, |object| object.annotations.clear());
    push(&fake, "1.3.0", 130).await;
    ticks(&fake, 6).await;
    assert_eq!((fake.patches(), fake.called("ecr")), (vec![], 0));
}
