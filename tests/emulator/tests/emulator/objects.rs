//! S3 as a place for what must be written once: conditions, and who learns what.

use base::Credentials;
use emulator::client::Refused;
use emulator::{Client, Emulator};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

const NONE: (&str, &str) = ("if-none-match", "*");

async fn start(base: u16) -> (Emulator, Client) {
    let (emulator, _) = crate::common::start(base).await;
    let admin = emulator.client().unwrap();
    admin.create_bucket("sizes").await.unwrap();
    (emulator, admin)
}

/// Status and code of a refusal.
fn refusal(outcome: anyhow::Result<impl std::fmt::Debug>) -> (u16, String) {
    let error = outcome.unwrap_err();
    let refused = error.downcast_ref::<Refused>().unwrap();
    (refused.status, refused.code.clone())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn put(
    client: &Client,
    key: &str,
    condition: (&'static str, &str),
    body: &str,
) -> anyhow::Result<String> {
    let path = format!("/sizes/{key}");
    let answer = client.s3_with(Method::PUT, &path, &[condition], body).await?;
    Ok(answer.etag.unwrap())
}

async fn delete(client: &Client, key: &str, etag: &str) -> anyhow::Result<()> {
    let path = format!("/sizes/{key}");
    let answer = client
        .s3_with(Method::DELETE, &path, &[("if-match", etag)], "")
        .await;
    answer.map(drop)
}

#[tokio::test]
async fn an_object_is_created_once_changed_by_its_version_and_deleted_by_it() {
    let (emulator, s3) = start(15_680).await;
    for versioning in ["Suspended", "Enabled"] {
        let versions =
            format!("<VersioningConfiguration><Status>{versioning}</Status></VersioningConfiguration>");
        s3.s3(Method::PUT, "/sizes?versioning", &versions).await.unwrap();
        let first = put(&s3, "a", NONE, "1").await.unwrap();
        assert_eq!(
            refusal(put(&s3, "a", NONE, "2").await),
            is(412, "PreconditionFailed")
        );
        let second = put(&s3, "a", ("if-match", &first), "2").await.unwrap();
        assert_eq!(
            refusal(put(&s3, "a", ("if-match", &first), "3").await),
            is(412, "PreconditionFailed")
        );
        let read = s3.s3_with(Method::GET, "/sizes/a", &[], "").await.unwrap();
        assert_eq!((read.body.as_str(), read.etag.as_ref()), ("2", Some(&second)));

        assert_eq!(
            refusal(delete(&s3, "a", &first).await),
            is(412, "PreconditionFailed")
        );
        delete(&s3, "a", &second).await.unwrap();
        assert_eq!(refusal(delete(&s3, "a", &second).await), is(404, "NoSuchKey"));
        assert_eq!(
            refusal(put(&s3, "a", ("if-match", &second), "3").await),
            is(404, "NoSuchKey")
        );
        assert_eq!(
            refusal(s3.s3(Method::GET, "/sizes/a", "").await),
            is(404, "NoSuchKey")
        );
    }
    emulator.stop().await;
}

#[tokio::test]
async fn of_writes_at_once_exactly_one_wins() {
    let (emulator, s3) = start(15_700).await;
    for round in 0..20 {
        let key = format!("lease-{round}");
        let (one, key) = (&s3, &key);
        let created =
            join_all((0..16).map(|n| async move { put(one, key, NONE, &n.to_string()).await })).await;
        let winners: Vec<_> = created.iter().filter_map(|put| put.as_ref().ok()).collect();
        assert_eq!(winners.len(), 1, "{created:?}");
        let etag = winners[0];
        let writes =
            (0..16).map(|n| async move { put(one, key, ("if-match", etag), &format!("next {n}")).await });
        let changed = join_all(writes).await;
        assert_eq!(changed.iter().filter(|put| put.is_ok()).count(), 1, "{changed:?}");
        for lost in created.into_iter().chain(changed).filter(Result::is_err) {
            assert_eq!(refusal(lost), is(412, "PreconditionFailed"));
        }
    }
    emulator.stop().await;
}

#[tokio::test]
async fn a_list_has_the_keys_of_a_prefix_in_pages() {
    let (emulator, s3) = start(15_720).await;
    for key in ["groups/a", "groups/b%20c", "groups/d", "other"] {
        put(&s3, key, NONE, "").await.unwrap();
    }
    let mut query = "list-type=2&max-keys=2&prefix=groups%2F".to_owned();
    let mut keys = Vec::new();
    loop {
        let page = s3.s3(Method::GET, &format!("/sizes?{query}"), "").await.unwrap();
        let page = emulator::Element::parse(&page).unwrap();
        let found = page.children.iter().filter(|child| child.name == "Contents");
        keys.push(found.filter_map(|one| one.text_at("Key")).collect::<Vec<_>>());
        let Some(token) = page.text_at("NextContinuationToken") else {
            break;
        };
        let token = reqwest::Url::parse_with_params("http://x", [("continuation-token", token)]).unwrap();
        query = format!(
            "{}&list-type=2&max-keys=2&prefix=groups%2F",
            token.query().unwrap()
        );
    }
    assert_eq!(keys, [vec!["groups/a", "groups/b c"], vec!["groups/d"]]);
    emulator.stop().await;
}

#[tokio::test]
async fn a_role_does_what_its_statements_say_and_learns_no_more() {
    let (emulator, admin) = start(15_740).await;
    for key in ["world/a", "world/b", "other/a"] {
        put(&admin, key, NONE, "1").await.unwrap();
    }
    let objects = "arn:aws:s3:::sizes/world/*";
    let role = async |name: &str, statements| -> Client {
        let credentials: Credentials = crate::common::role(&admin, name, statements).await;
        Client::new(emulator.endpoint(), credentials).unwrap()
    };
    let own = role(
        "own",
        json!([
            { "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": objects },
            {
                "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::sizes",
                "Condition": { "StringLike": { "s3:prefix": "world/*" } },
            },
        ]),
    )
    .await;
    let denied = is(403, "AccessDenied");
    let get = async |client: &Client, key: &str| client.s3(Method::GET, &format!("/sizes/{key}"), "").await;
    let list = async |client: &Client, query: &str| {
        client
            .s3(Method::GET, &format!("/sizes?list-type=2{query}"), "")
            .await
    };
    assert_eq!(get(&own, "world/a").await.unwrap(), "1");
    assert_eq!(refusal(get(&own, "other/a").await), denied);
    let etag = put(&own, "world/c", NONE, "1").await.unwrap();
    delete(&own, "world/c", &etag).await.unwrap();
    assert_eq!(refusal(put(&own, "other/c", NONE, "1").await), denied);
    assert_eq!(refusal(delete(&own, "other/a", "*").await), denied);
    assert!(list(&own, "&prefix=world%2F").await.unwrap().contains("world/b"));
    assert_eq!(refusal(list(&own, "&prefix=other%2F").await), denied);
    assert_eq!(refusal(list(&own, "").await), denied);
    // Whether a key exists is told to who may list the bucket, whatever the prefix.
    assert_eq!(refusal(get(&own, "world/none").await), denied);
    let lists = json!([
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": objects },
        { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::sizes" },
    ]);
    let lists = role("lists", lists).await;
    assert_eq!(refusal(get(&lists, "world/none").await), is(404, "NoSuchKey"));

    // A condition on an ETag reads the object; the one on its absence does not.
    let writes =
        json!([{ "Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": objects }]);
    let writes = role("writes", writes).await;
    let etag = put(&writes, "world/d", NONE, "1").await.unwrap();
    assert_eq!(
        refusal(put(&writes, "world/d", ("if-match", &etag), "2").await),
        denied
    );
    assert_eq!(refusal(delete(&writes, "world/d", &etag).await), denied);
    delete(&writes, "world/d", "*").await.unwrap();

    let once = json!([{
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": objects,
        "Condition": { "Null": { "s3:if-none-match": "false" } },
    }]);
    let once = role("once", once).await;
    put(&once, "world/e", NONE, "1").await.unwrap();
    assert_eq!(refusal(once.s3(Method::PUT, "/sizes/world/e", "2").await), denied);
    emulator.stop().await;
}
