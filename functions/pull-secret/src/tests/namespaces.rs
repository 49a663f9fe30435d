//! Which namespaces.

use super::fakes::map;
use super::*;

fn with_secret(fake: &Fake) -> Vec<String> {
    let world = fake.world();
    let has = |(_, space): &(&String, &fakes::Space)| space.secret.is_some();
    world
        .spaces
        .iter()
        .filter(has)
        .map(|(name, _)| name.clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn case_48_a_new_namespace_that_is_chosen_gets_it_at_the_next_tick_and_an_excluded_one_never() {
    let settings = [
        ("LAMPLIGHTER_PULL_NAMESPACES", "shop*"),
        ("LAMPLIGHTER_PULL_SELECTOR", "pulls=ecr,!archived"),
        ("LAMPLIGHTER_PULL_EXCLUDE", "shop-secret,mail-old"),
    ];
    let fake = Fake::with(&["shop", "mail", "kube-system", "default"], &settings);
    tick(&fake).await.unwrap();
    assert_eq!(with_secret(&fake), ["shop"]);
    {
        let mut world = fake.world();
        for name in ["mail-new", "mail-old", "kube-system", "mail-archived"] {
            world.space(name).labels = map(&[("pulls", "ecr")]);
        }
        world
            .space("mail-archived")
            .labels
            .insert("archived".to_owned(), String::new());
        world.space("shop-new");
        world.space("shop-secret");
    }
    tick(&fake).await.unwrap();
    assert_eq!(with_secret(&fake), ["mail-new", "shop", "shop-new"]);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_being_deleted_is_left_alone_and_kube_system_is_chosen_by_name_alone() {
    let settings = [("LAMPLIGHTER_PULL_NAMESPACES", "kube-system,*")];
    let fake = Fake::with(&["shop", "kube-system", "kube-public"], &settings);
    fake.world().space("shop").deleted = Some(ts("2026-11-26T07:00:00Z"));
    tick(&fake).await.unwrap();
    assert_eq!(with_secret(&fake), ["kube-system"]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_a_chosen_namespace_costs_one_call_and_tells_no_remaining_time() {
    let fake = Fake::with(&["mail"], &[]);
    tick(&fake).await.unwrap();
    assert_eq!(fake.world().calls, ["list namespaces"]);
    assert_eq!(fake.metric("PullSecretRemainingSeconds"), None);
}
