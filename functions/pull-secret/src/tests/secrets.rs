//! One Secret: made, renewed, handed over, refused.

use domain::keys::{ADOPT, EXPIRES_AT, REGISTRIES};
use domain::pullsecret::{Content, PullSecret};

use super::fakes::{by_hand, of_people, password};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_secret_is_made_kept_and_renewed_when_half_of_its_life_is_gone() {
    let fake = Fake::with(&["shop"], &[]);
    tick(&fake).await.unwrap();
    let made = fake.secret("shop").unwrap();
    assert_eq!(made.annotations[EXPIRES_AT], "2026-11-26T20:00:00Z");
    for host in HOSTS {
        assert!(fake.password("shop", host).unwrap().contains("hunter2"), "{host}");
    }
    assert_eq!(
        (fake.called("token"), fake.metric("PullSecretsWritten")),
        (3, Some(1))
    );

    for _ in 0..70 {
        fake.forget();
        fake.sleep(SignedDuration::from_mins(5)).await;
        tick(&fake).await.unwrap();
        assert_eq!(
            fake.world().calls,
            ["list namespaces", "get secret shop/lamplighter-ecr"]
        );
    }
    assert_eq!(fake.metric("PullSecretsKept"), Some(1));
    pass(&fake, 1).await;
    tick(&fake).await.unwrap();
    assert_eq!((fake.called("token"), fake.called("patch")), (3, 1));
    assert_ne!(fake.secret("shop").unwrap().content, made.content);
}

#[tokio::test(start_paused = true)]
async fn case_47_a_secret_that_is_not_ours_is_left_as_it_is_and_the_others_go_on() {
    let of_type = |kind: &str| PullSecret {
        kind: kind.to_owned(),
        ..of_people(&by_hand(), &[(ADOPT, "true")])
    };
    let immutable = PullSecret {
        is_immutable: true,
        ..of_people(&by_hand(), &[(ADOPT, "true")])
    };
    for (secret, expected) in [
        (
            of_type("Opaque"),
            "it has type \"Opaque\": expected \"kubernetes.io/dockerconfigjson\"",
        ),
        (
            of_people(&by_hand(), &[]),
            "annotate it with lamplighter.dev/adopt=true",
        ),
        (
            of_people(&by_hand(), &[(ADOPT, "yes")]),
            "lamplighter.dev/adopt is \"yes\": expected \"true\"",
        ),
        (
            of_people("[]", &[(ADOPT, "true")]),
            "its .dockerconfigjson can't be read",
        ),
        (immutable, "it is immutable"),
    ] {
        let fake = Fake::with(&["shop", "shop-b"], &[]);
        fake.world().space("shop").secret = Some(secret.clone());
        let failed = tick(&fake).await.unwrap_err();
        assert_eq!(failed.class, Class::Permanent);
        assert!(
            failed.message.starts_with("secret shop/lamplighter-ecr: "),
            "{}",
            failed.message
        );
        assert!(failed.message.contains(expected), "{}", failed.message);
        assert_eq!(fake.secret("shop"), Some(secret));
        assert!(fake.password("shop-b", HOSTS[0]).is_some());
        assert_eq!(fake.metric("PullSecretsRefused"), Some(1));
        assert_eq!(
            fake.metric("PullSecretRemainingSeconds"),
            Some(12 * 3600 - 1),
            "of what is ours"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_person_hands_over_is_taken_with_the_entries_of_others() {
    let fake = Fake::with(&["shop"], &[]);
    fake.world().space("shop").secret = Some(of_people(&by_hand(), &[(ADOPT, "true"), ("team", "shop")]));
    tick(&fake).await.unwrap();
    let taken = fake.secret("shop").unwrap();
    assert!(
        taken
            .content
            .as_ref()
            .unwrap()
            .expose()
            .contains(r#""docker.io":{"auth":"eDp5"}"#)
    );
    assert_ne!(fake.password("shop", HOSTS[0]).unwrap(), "by-hand");
    assert_eq!(
        (taken.annotations.get(ADOPT), taken.annotations["team"].as_str()),
        (None, "shop")
    );
    fake.forget();
    tick(&fake).await.unwrap();
    assert_eq!(fake.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_people_put_into_our_secret_stays_and_what_they_break_is_made_good() {
    let fake = Fake::with(&["shop"], &[]);
    tick(&fake).await.unwrap();
    let before = fake.password("shop", HOSTS[1]);
    let mut content: Value =
        serde_json::from_str(fake.secret("shop").unwrap().content.unwrap().expose()).unwrap();
    content["auths"]["quay.io"] = json!({ "auth": "eDp5" });
    content["auths"][HOSTS[0]] = Value::Null;
    fake.world().space("shop").secret.as_mut().unwrap().content = Some(Content::new(content.to_string()));
    fake.forget();
    pass(&fake, 1).await;
    tick(&fake).await.unwrap();
    assert_eq!((fake.called("token eu-central-1"), fake.called("token")), (1, 1));
    assert!(
        fake.secret("shop")
            .unwrap()
            .content
            .unwrap()
            .expose()
            .contains("quay.io")
    );
    assert!(fake.password("shop", HOSTS[0]).is_some());
    assert_eq!(fake.password("shop", HOSTS[1]), before);
}

#[tokio::test(start_paused = true)]
async fn whoever_removes_the_time_has_everything_renewed() {
    let fake = Fake::with(&["shop"], &[]);
    tick(&fake).await.unwrap();
    let annotations = |fake: &Fake| fake.secret("shop").unwrap().annotations;
    fake.world()
        .space("shop")
        .secret
        .as_mut()
        .unwrap()
        .annotations
        .remove(EXPIRES_AT);
    pass(&fake, 1).await;
    tick(&fake).await.unwrap();
    assert_eq!(annotations(&fake)[EXPIRES_AT], "2026-11-26T21:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_registry_more_or_less_is_followed_at_the_next_tick() {
    let mut fake = Fake::with(&["shop"], &[("LAMPLIGHTER_PULL_REGISTRIES", HOSTS[0])]);
    tick(&fake).await.unwrap();
    fake.config = Fake::with(&[], &[("LAMPLIGHTER_PULL_REGISTRIES", HOSTS[1])]).config;
    fake.forget();
    tick(&fake).await.unwrap();
    assert_eq!((fake.called("token us-east-1"), fake.called("token")), (1, 1));
    assert_eq!(fake.password("shop", HOSTS[0]), None);
    let secret = fake.secret("shop").unwrap();
    assert!(secret.annotations[REGISTRIES].starts_with(HOSTS[1]));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_somebody_makes_meanwhile_is_read_again_and_decided_anew() {
    for (adopt, is_taken) in [(&[(ADOPT, "true")][..], true), (&[], false)] {
        let fake = Fake::with(&["shop"], &[]);
        let theirs = of_people(&by_hand(), adopt);
        let made = theirs.clone();
        fake.before("create secret shop", move |world| {
            world.space("shop").secret = Some(made);
        });
        assert_eq!(tick(&fake).await.is_ok(), is_taken);
        assert_eq!(fake.called("token"), 3, "no second token of a region");
        if is_taken {
            let content = fake.secret("shop").unwrap().content.unwrap();
            assert!(content.expose().contains("docker.io"));
        } else {
            assert_eq!(fake.secret("shop"), Some(theirs));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_between_look_and_patch_is_not_lost() {
    let fake = Fake::with(&["shop"], &[]);
    tick(&fake).await.unwrap();
    pass(&fake, 7).await;
    fake.before("patch secret shop", |world| {
        let version = "of a person".to_owned();
        let secret = world.space("shop").secret.as_mut().unwrap();
        let content = secret.content.as_ref().unwrap().expose();
        let more = content.replacen("{\"auths\":{", "{\"auths\":{\"quay.io\":{\"auth\":\"eDp5\"},", 1);
        (secret.content, secret.version) = (Some(Content::new(more)), version);
    });
    tick(&fake).await.unwrap();
    assert!(
        fake.secret("shop")
            .unwrap()
            .content
            .unwrap()
            .expose()
            .contains("quay.io")
    );
    let renewed = password("us-east-1", fake.now())
        .rsplit_once(':')
        .unwrap()
        .0
        .to_owned();
    assert!(fake.password("shop", HOSTS[1]).unwrap().starts_with(&renewed));
    assert_eq!(fake.metric("PullSecretRemainingSeconds"), Some(12 * 3600 - 1));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_deleted_meanwhile_is_made_anew() {
    let fake = Fake::with(&["shop"], &[]);
    tick(&fake).await.unwrap();
    pass(&fake, 7).await;
    fake.before("patch secret shop", |world| world.space("shop").secret = None);
    tick(&fake).await.unwrap();
    assert!(fake.password("shop", HOSTS[2]).is_some());
}
