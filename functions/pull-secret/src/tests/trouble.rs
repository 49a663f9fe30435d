//! Sandboxes that die and calls that fail or never end.

use domain::keys::PULL_SECRET_ACCOUNTS;
use domain::pullsecret::{PullSecret, ServiceAccount};

use super::fakes::{by_hand, map, of_people};
use super::*;

/// A namespace to make, one to take over, one to renew, and service accounts that come and go.
async fn busy() -> Fake {
    let fake = Fake::with(
        &["shop", "shop-renew"],
        &[("LAMPLIGHTER_PULL_REGISTRIES", HOSTS[0])],
    );
    fake.world().spaces.remove("shop");
    let account = ServiceAccount {
        version: "1".to_owned(),
        pulls: vec!["theirs".to_owned()],
        mark: None,
    };
    for name in ["comes", "goes"] {
        let mut world = fake.world();
        world
            .space("shop-renew")
            .accounts
            .insert(name.to_owned(), account.clone());
    }
    fake.world().space("shop-renew").annotations = map(&[(PULL_SECRET_ACCOUNTS, "goes")]);
    tick(&fake).await.unwrap();
    pass(&fake, 7).await;
    {
        let mut world = fake.world();
        world.space("shop-renew").annotations = map(&[(PULL_SECRET_ACCOUNTS, "comes")]);
        world.space("shop-make");
        world.space("shop-take").secret = Some(of_people(&by_hand(), &[("lamplighter.dev/adopt", "true")]));
    }
    fake.forget();
    fake
}

/// A namespace: what its Secret has, and its service accounts.
type End = (String, Vec<String>, Vec<(String, ServiceAccount)>);

/// All that matters in the end, without versions and times.
fn end(fake: &Fake) -> Vec<End> {
    let mut world = fake.world();
    let keys = |secret: &PullSecret| -> Vec<String> {
        let content: Value = serde_json::from_str(secret.content.as_ref().unwrap().expose()).unwrap();
        let hosts = content["auths"].as_object().unwrap().keys().cloned();
        let annotations = secret.annotations.keys().cloned();
        let noted = secret
            .annotations
            .get("lamplighter.dev/service-accounts")
            .cloned();
        hosts.chain(annotations).chain(noted).collect()
    };
    let spaces = world.spaces.iter_mut();
    spaces
        .map(|(name, space)| {
            let accounts = space.accounts.iter().map(|(name, account)| {
                let bare = ServiceAccount {
                    version: String::new(),
                    ..account.clone()
                };
                (name.clone(), bare)
            });
            (
                name.clone(),
                space.secret.as_ref().map(keys).unwrap_or_default(),
                accounts.collect(),
            )
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_any_call_is_made_up_for_by_the_next_tick() {
    let calm = busy().await;
    tick(&calm).await.unwrap();
    let (calls, expected) = (calm.called(""), end(&calm));
    assert!(calls > 10, "{calls}");
    for call in 1..=calls {
        let fake = busy().await;
        fake.world().crash_after = Some(call);
        let died = invoke(&function(&fake), &fake, json!({ "tick": true })).await;
        assert!(died.is_none(), "call {call}");
        fake.world().crash_after = None;
        tick(&fake).await.unwrap();
        assert_eq!(end(&fake), expected, "crash after call {call}");
        fake.forget();
        tick(&fake).await.unwrap();
        assert_eq!(
            fake.writes(),
            0,
            "crash after call {call}: {:?}",
            fake.world().calls
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_costs_its_invocation_and_what_was_done_is_told() {
    let fake = busy().await;
    fake.world().hanging = ["create secret shop-make".to_owned()].into();
    let failed = tick(&fake).await.unwrap_err();
    assert_eq!(
        failed,
        Failed::transient("not every namespace could be looked at in time")
    );
    assert_eq!(fake.metric("PullSecretsWritten"), Some(2));
    assert_eq!(fake.metric("PullSecretRemainingSeconds"), Some(0));
    fake.world().hanging.clear();
    tick(&fake).await.unwrap();
    assert!(fake.password("shop-make", HOSTS[0]).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_changes_again_and_again_is_given_up_for_this_tick() {
    let fake = Fake::with(&["shop"], &[]);
    tick(&fake).await.unwrap();
    pass(&fake, 7).await;
    for n in 0..3 {
        fake.before("patch secret shop", move |world| {
            world.space("shop").secret.as_mut().unwrap().version = format!("of a person {n}");
        });
    }
    fake.forget();
    let failed = tick(&fake).await.unwrap_err();
    assert_eq!(
        failed,
        Failed::transient("namespace shop: it changes again and again")
    );
    assert_eq!((fake.called("patch"), fake.called("token")), (3, 3));
    tick(&fake).await.unwrap();
}
