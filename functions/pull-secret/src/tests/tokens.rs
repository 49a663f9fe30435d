//! Tokens: how many, and what becomes of Secrets without them.

use super::fakes::{SECRET, by_hand, of_people};
use super::*;

fn remaining(fake: &Fake) -> Option<u64> {
    fake.metric("PullSecretRemainingSeconds")
}

#[tokio::test(start_paused = true)]
async fn case_45_a_token_that_can_not_be_had_leaves_every_secret_as_it_is_and_fails_the_tick() {
    for denied in [false, true] {
        let fake = Fake::with(&["shop", "shop-b"], &[]);
        tick(&fake).await.unwrap();
        let before = (fake.secret("shop"), fake.secret("shop-b"));
        pass(&fake, 8).await;
        let set = ["token".to_owned()].into();
        if denied {
            fake.world().denied = set;
        } else {
            fake.world().away = set;
        }
        fake.forget();
        let failed = tick(&fake).await.unwrap_err();
        assert!(
            failed
                .message
                .contains("ecr:GetAuthorizationToken for registries in "),
            "{failed}"
        );
        assert_eq!((fake.secret("shop"), fake.secret("shop-b")), before);
        assert_eq!(fake.writes(), 0);
        assert_eq!(remaining(&fake), Some(4 * 3600 - 1), "what is left is told");
        pass(&fake, 8).await;
        tick(&fake).await.unwrap_err();
        assert_eq!(remaining(&fake), Some(0), "nothing is a value too");
        assert_eq!((fake.secret("shop"), fake.secret("shop-b")), before);
    }
}

#[tokio::test(start_paused = true)]
async fn case_45_no_secret_without_entries_is_made() {
    let fake = Fake::with(&["shop"], &[]);
    fake.world().away = ["token".to_owned()].into();
    tick(&fake).await.unwrap_err();
    assert_eq!((fake.secret("shop"), remaining(&fake)), (None, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn a_region_that_fails_holds_up_no_other_and_is_asked_again_alone() {
    let fake = Fake::with(&["shop"], &[]);
    tick(&fake).await.unwrap();
    let before = fake.password("shop", HOSTS[1]);
    pass(&fake, 8).await;
    fake.world().away = ["token us-east-1".to_owned()].into();
    fake.forget();
    tick(&fake).await.unwrap_err();
    assert_eq!((fake.called("token"), fake.writes()), (3, 1));
    assert_eq!(fake.password("shop", HOSTS[1]), before);
    assert_eq!(remaining(&fake), Some(4 * 3600 - 1));

    fake.forget();
    tick(&fake).await.unwrap_err();
    let asked = (fake.called("token us-east-1"), fake.called("token"));
    assert_eq!((asked, fake.writes()), ((1, 1), 0));
    fake.world().away.clear();
    tick(&fake).await.unwrap();
    assert_ne!(fake.password("shop", HOSTS[1]), before);
    assert!(remaining(&fake) > Some(11 * 3600));
}

#[tokio::test(start_paused = true)]
async fn case_46_three_regions_and_a_hundred_namespaces_are_three_calls_and_one_forbidden_stops_none() {
    let names: Vec<String> = (0..100).map(|n| format!("shop-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for verb in ["get secret shop-42/", "create secret shop-42/"] {
        let fake = Fake::with(&names, &[]);
        fake.world().denied = [verb.to_owned()].into();
        let failed = tick(&fake).await.unwrap_err();
        assert_eq!(failed.class, Class::Permanent);
        assert!(
            failed
                .message
                .contains(&format!("{verb}lamplighter-ecr is forbidden")),
            "{failed}"
        );
        assert_eq!(fake.called("token"), 3);
        assert_eq!(
            (fake.metric("TokenCalls"), fake.metric("PullSecretsWritten")),
            (Some(3), Some(99))
        );
        assert_eq!(fake.metric("Failures"), Some(1));
        let has = |name: &&&str| fake.password(name, HOSTS[2]).is_some();
        assert_eq!(names.iter().filter(has).count(), 99);
        assert_eq!(fake.called("forget"), 0, "another way in would not help");
    }
}

#[tokio::test(start_paused = true)]
async fn case_52_a_token_past_its_time_is_a_failure_and_colons_stay_in_the_password() {
    let fake = Fake::with(&["shop"], &[]);
    fake.world().life = Some(SignedDuration::from_hours(-1));
    let failed = tick(&fake).await.unwrap_err();
    assert!(failed.message.contains("expected a time after"), "{failed}");
    assert_eq!(fake.secret("shop"), None);
    fake.world().life = None;
    tick(&fake).await.unwrap();
    let password = fake.password("shop", HOSTS[1]).unwrap();
    assert!(
        password.starts_with(&format!("{SECRET}:us-east-1:")),
        "{password}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_asks_for_no_token_and_plans_what_the_real_run_does() {
    let mut fake = Fake::with(&["shop", "shop-b"], &[]);
    fake.world().space("shop-b").secret = Some(of_people(&by_hand(), &[("lamplighter.dev/adopt", "true")]));
    fake.config.common.dry_run = true;
    let (answer, dry) = tick_logged(&fake).await;
    answer.unwrap();
    assert_eq!((fake.writes(), fake.called("token")), (0, 0));
    assert_eq!(remaining(&fake), Some(0));
    fake.config.common.dry_run = false;
    let (answer, real) = tick_logged(&fake).await;
    answer.unwrap();
    assert_eq!(fake.writes(), 2);
    let plan = |lines: &[String]| -> Value {
        let line = lines.iter().find(|line| line.contains("\"plan\":")).unwrap();
        serde_json::from_str::<Value>(line).unwrap()["plan"].clone()
    };
    assert_eq!(plan(&dry), plan(&real));
    assert!(
        plan(&dry).as_str().unwrap().contains("shop-b: adopt"),
        "{}",
        plan(&dry)
    );
}

#[tokio::test(start_paused = true)]
async fn no_part_of_a_token_is_logged_measured_or_told() {
    use base64::Engine as _;
    // The beginning of an entry, as far as it is the same for whatever follows.
    let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(format!("AWS:{}", &SECRET[..5]));
    let fake = Fake::with(&["shop", "shop-b", "shop-c", "shop-d"], &[]);
    let mut told = Vec::new();
    for round in 0..4 {
        {
            let mut world = fake.world();
            world.space("shop-d").secret = Some(of_people("not json", &[]));
            world.denied = ["patch secret shop-c", "token us-west-2"][..round.min(2)]
                .iter()
                .map(|call| (*call).to_owned())
                .collect();
            world.away = if round == 3 {
                ["create".to_owned()].into()
            } else {
                [].into()
            };
            if round == 3 {
                world.space("shop-b").secret = None;
            }
        }
        let (answer, lines) = tick_logged(&fake).await;
        told.extend(lines);
        told.push(format!("{answer:?} {}", answer.as_ref().unwrap_err()));
        pass(&fake, 8).await;
    }
    told.extend(fake.lines.lines());
    assert!(told.len() > 30, "{}", told.len());
    assert!(fake.password("shop", HOSTS[0]).unwrap().contains(SECRET));
    for line in &told {
        assert!(
            !line.contains(SECRET) && !line.contains(encoded.as_str()),
            "{line}"
        );
    }
}
