//! Service accounts.

use domain::keys::PULL_SECRET_ACCOUNTS;
use domain::pullsecret::ServiceAccount;

use super::*;

const OURS: &str = "lamplighter-ecr";

/// A namespace that wants these, and has `default` and `builder`.
fn shop(wanted: Option<&str>) -> Fake {
    let fake = Fake::with(&["shop", "shop-b"], &[]);
    for name in ["default", "builder"] {
        let account = ServiceAccount {
            version: "1".to_owned(),
            pulls: vec!["theirs".to_owned()],
            mark: None,
        };
        fake.world()
            .space("shop")
            .accounts
            .insert(name.to_owned(), account);
    }
    want(&fake, wanted);
    fake
}

fn want(fake: &Fake, wanted: Option<&str>) {
    let annotations = wanted.map(|text| (PULL_SECRET_ACCOUNTS.to_owned(), text.to_owned()));
    fake.world().space("shop").annotations = annotations.into_iter().collect();
}

fn pulls(fake: &Fake, account: &str) -> Vec<String> {
    fake.world().space("shop").accounts[account].pulls.clone()
}

#[tokio::test(start_paused = true)]
async fn case_50_ours_is_appended_once_and_only_ours_goes_again() {
    let fake = shop(Some("default,builder"));
    tick(&fake).await.unwrap();
    for account in ["default", "builder"] {
        assert_eq!(pulls(&fake, account), ["theirs", OURS]);
    }
    assert_eq!(fake.metric("ServiceAccountsPatched"), Some(2));
    fake.forget();
    tick(&fake).await.unwrap();
    assert_eq!(fake.writes(), 0, "{:?}", fake.world().calls);

    want(&fake, Some("builder"));
    tick(&fake).await.unwrap();
    assert_eq!(
        (pulls(&fake, "default"), pulls(&fake, "builder").len()),
        (vec!["theirs".to_owned()], 2)
    );
    want(&fake, None);
    tick(&fake).await.unwrap();
    assert_eq!(pulls(&fake, "builder"), ["theirs"]);
    fake.forget();
    tick(&fake).await.unwrap();
    assert_eq!(
        fake.called("get serviceaccount"),
        0,
        "nothing is left to look for"
    );
    assert_eq!(fake.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn case_50_what_a_person_added_by_hand_stays_when_the_namespace_opts_out() {
    let fake = shop(Some("default"));
    fake.world()
        .space("shop")
        .accounts
        .get_mut("default")
        .unwrap()
        .pulls = vec![OURS.to_owned()];
    tick(&fake).await.unwrap();
    want(&fake, None);
    tick(&fake).await.unwrap();
    assert_eq!(
        (pulls(&fake, "default"), fake.called("patch serviceaccount")),
        (vec![OURS.to_owned()], 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_does_not_opt_in_needs_no_permission_for_service_accounts() {
    let fake = shop(None);
    fake.world().denied = ["get serviceaccount".to_owned()].into();
    tick(&fake).await.unwrap();
    assert_eq!(fake.called("get serviceaccount"), 0);
}

#[tokio::test(start_paused = true)]
async fn without_the_permission_the_secret_is_made_all_the_same_and_the_failure_is_named() {
    for verb in ["get", "patch"] {
        let fake = shop(Some("default"));
        fake.world().denied = [format!("{verb} serviceaccount")].into();
        let failed = tick(&fake).await.unwrap_err();
        let expected = format!("{verb} serviceaccount shop/default is forbidden");
        assert!(failed.message.contains(&expected), "{failed}");
        assert!(fake.password("shop", HOSTS[0]).is_some());
        fake.world().denied.clear();
        tick(&fake).await.unwrap();
        assert_eq!(pulls(&fake, "default"), ["theirs", OURS]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_patched_is_found_again_after_a_failed_opt_out() {
    let fake = shop(Some("default"));
    tick(&fake).await.unwrap();
    want(&fake, None);
    fake.world().denied = ["patch serviceaccount".to_owned()].into();
    tick(&fake).await.unwrap_err();
    fake.world().denied.clear();
    tick(&fake).await.unwrap();
    assert_eq!(pulls(&fake, "default"), ["theirs"]);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_changes_meanwhile_is_read_again() {
    let fake = shop(Some("default"));
    fake.before("patch serviceaccount shop/default", |world| {
        let account = world.space("shop").accounts.get_mut("default").unwrap();
        account.version = "of a person".to_owned();
        account.pulls.push("more".to_owned());
    });
    tick(&fake).await.unwrap();
    assert_eq!(pulls(&fake, "default"), ["theirs", "more", OURS]);
    assert_eq!(fake.called("token"), 3);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_there_yet_is_no_failure_and_gets_it_later() {
    let fake = shop(Some("ci"));
    tick(&fake).await.unwrap();
    let later = ServiceAccount {
        version: "1".to_owned(),
        ..ServiceAccount::default()
    };
    fake.world().space("shop").accounts.insert("ci".to_owned(), later);
    tick(&fake).await.unwrap();
    assert_eq!(pulls(&fake, "ci"), [OURS]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_can_not_be_read_changes_no_account_and_names_what_is_wrong() {
    let fake = shop(Some("default"));
    tick(&fake).await.unwrap();
    want(&fake, Some("Default,builder"));
    pass(&fake, 8).await;
    let failed = tick(&fake).await.unwrap_err();
    let expected =
        "namespace shop: lamplighter.dev/pull-secret-service-accounts \"Default\": expected lower-case";
    assert!(failed.message.contains(expected), "{failed}");
    assert_eq!(
        (pulls(&fake, "default").len(), pulls(&fake, "builder").len()),
        (2, 1)
    );
    assert!(
        fake.metric("PullSecretRemainingSeconds") > Some(11 * 3600),
        "the Secret is renewed all the same"
    );
}
