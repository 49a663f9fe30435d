//! What happened to an image in a repository of ECR (ECR user guide, "Amazon ECR events and EventBridge").
//!
//! One push is several events: each image of an index comes without a tag, then the index with its tag, and each further
//! tag of one digest is an event of its own. They come at best effort, so that nothing rests on what they say of the
//! image: only the repository counts.

use domain::ids::InvalidId;
use domain::image::{Digest, Repository, Tag};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{Envelope, Malformed, detail};

/// `detail-type` of a push, of a deletion, and of a move to the archive or back.
pub(crate) const ACTION: &str = "ECR Image Action";
/// `detail-type` of what a repository took over from the registry that it caches.
pub(crate) const PULL_THROUGH: &str = "ECR Pull Through Cache Action";
/// `detail-type` of what came from a repository of another region or account.
pub(crate) const REPLICATION: &str = "ECR Replication Action";

/// Something happened to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageAction {
    /// In which repository. Account and region are those of the event, which may have come from another bus.
    pub repository: Repository,
    /// What was done.
    pub action: Action,
    /// Whether it was done.
    pub outcome: Outcome,
    /// Of which image, if the event names it in a way that can be read.
    pub digest: Option<Digest>,
    /// Under which tag, if it has one that can be read.
    pub tag: Option<Tag>,
    /// The event's id.
    pub event: String,
    /// When.
    pub time: Timestamp,
}

/// What was done to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It came: by a push, a replication, or a cache.
    Push,
    /// It, or one of its tags, was deleted.
    Delete,
    /// Something else, such as a move to the archive.
    Other,
}

/// Whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was.
    Success,
    /// It was not: the repository is as before.
    Failure,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Detail {
    repository_name: String,
    /// What a cache took over has none.
    action_type: Option<String>,
    #[serde(alias = "sync-status")]
    result: Option<String>,
    image_digest: Option<String>,
    image_tag: Option<String>,
}

impl ImageAction {
    pub(crate) fn read(envelope: &Envelope, value: Value) -> Result<Self, Malformed> {
        let detail_type = envelope.detail_type.as_str();
        let detail: Detail = detail::read(detail_type, value)?;
        let action = match (detail_type, detail.action_type.as_deref()) {
            (PULL_THROUGH | REPLICATION, _) | (_, Some("PUSH")) => Action::Push,
            (_, Some("DELETE")) => Action::Delete,
            (_, Some(_) | None) => Action::Other,
        };
        // What says nothing of it may have happened, and a look is cheap.
        let outcome = match detail.result.as_deref() {
            None | Some("SUCCESS") => Outcome::Success,
            Some(_) => Outcome::Failure,
        };
        let invalid = detail::invalid(detail_type);
        Ok(Self {
            repository: repository(envelope, detail.repository_name).map_err(invalid)?,
            action,
            outcome,
            digest: detail.image_digest.and_then(|text| Digest::parse(text).ok()),
            tag: detail.image_tag.and_then(|text| Tag::parse(text).ok()),
            event: envelope.id.clone(),
            time: envelope.time,
        })
    }

    /// Whether anything that runs may have to change. What failed changed nothing, and what is pushed without a tag is
    /// part of an index that follows, or is nothing that could be deployed. Whatever is deleted may be what runs.
    pub fn is_worth_a_look(&self) -> bool {
        match (self.outcome, self.action) {
            (Outcome::Failure, _) => false,
            (Outcome::Success, Action::Push) => self.tag.is_some(),
            (Outcome::Success, Action::Delete | Action::Other) => true,
        }
    }
}

fn repository(envelope: &Envelope, name: String) -> Result<Repository, InvalidId> {
    let Envelope { account, region, .. } = envelope;
    let invalid = |what, value: &str, expected| InvalidId {
        what,
        value: value.to_owned(),
        expected,
    };
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid("account", account, "12 digits"));
    }
    if region.is_empty() {
        return Err(invalid("region", region, "the name of a region"));
    }
    if name.is_empty() {
        return Err(invalid("repository-name", &name, "the name of a repository"));
    }
    Ok(Repository {
        account: account.clone(),
        region: region.clone(),
        name,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Event, parse};

    fn file(name: &str) -> ImageAction {
        let path = format!(
            "{}/../../events/image-deploy/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let body = std::fs::read_to_string(path).unwrap();
        match parse(&body) {
            Ok(Event::Image(action)) => action,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn each_recorded_event_names_its_repository_and_says_whether_a_look_is_worth_it() {
        let cases = [
            ("push", "shop/web", Action::Push, Some("1.3.0"), true),
            ("push-of-a-child", "shop/web", Action::Push, None, false),
            (
                "push-of-an-attestation",
                "shop/web",
                Action::Push,
                Some(SIGNATURE),
                true,
            ),
            ("push-of-a-chart", "charts/web", Action::Push, Some("0.4.1"), true),
            ("push-that-failed", "shop/web", Action::Push, Some("1.3.0"), false),
            ("delete", "shop/web", Action::Delete, Some("1.2.3"), true),
            ("delete-without-a-tag", "shop/web", Action::Delete, None, true),
            ("archive", "shop/web", Action::Other, None, true),
            (
                "pull-through-cache",
                "docker-hub/library/nginx",
                Action::Push,
                Some("1.29"),
                true,
            ),
            ("replication", "shop/web", Action::Push, Some("1.3.0"), true),
            (
                "replication-that-failed",
                "shop/web",
                Action::Push,
                Some("1.3.0"),
                false,
            ),
        ];
        for (name, repository, action, tag, is_worth_a_look) in cases {
            let read = file(name);
            assert_eq!(read.repository.name, repository, "{name}");
            assert_eq!(read.repository.account, "111122223333", "{name}");
            assert_eq!(read.tag.as_ref().map(Tag::as_str), tag, "{name}");
            assert_eq!(
                (read.action, read.is_worth_a_look()),
                (action, is_worth_a_look),
                "{name}"
            );
            assert!(read.digest.is_some() && !read.event.is_empty(), "{name}");
        }
    }

    /// As signing tools name what belongs to the image of that digest.
    const SIGNATURE: &str = "sha256-7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd12345678.att";

    #[test]
    fn case_30_a_repository_is_in_the_account_and_region_of_its_event() {
        let (here, china) = (file("push"), file("push-in-china"));
        assert_eq!(here.repository.region, "eu-central-1");
        assert_eq!(
            (
                china.repository.account.as_str(),
                china.repository.region.as_str()
            ),
            ("444455556666", "cn-north-1")
        );
    }

    fn push(changes: &Value) -> Result<ImageAction, String> {
        let mut event = json!({
            "source": "aws.ecr", "detail-type": ACTION, "time": "2026-11-26T08:00:00Z", "id": "e1",
            "account": "111122223333", "region": "eu-central-1",
            "detail": { "repository-name": "shop/web", "action-type": "PUSH", "result": "SUCCESS" },
        });
        for (pointer, value) in changes.as_object().unwrap() {
            match pointer.split_once('.') {
                Some((parent, key)) => event[parent][key] = value.clone(),
                None => event[pointer] = value.clone(),
            }
        }
        match parse(&event.to_string()) {
            Ok(Event::Image(action)) => Ok(action),
            other => Err(other.unwrap_err().to_string()),
        }
    }

    #[test]
    fn case_31_a_tag_or_digest_that_nobody_can_read_is_left_out_and_the_repository_still_counts() {
        let read = push(&json!({ "detail.image-tag": "1.0+x", "detail.image-digest": "md5:1" })).unwrap();
        assert_eq!((read.tag, read.digest), (None, None));
        assert_eq!(read.repository.name, "shop/web");
    }

    #[test]
    fn a_repository_that_can_not_be_named_is_malformed() {
        for (changes, expected) in [
            (json!({ "account": "" }), "account \"\": expected 12 digits"),
            (
                json!({ "account": "11112222333x" }),
                "account \"11112222333x\": expected 12 digits",
            ),
            (
                json!({ "region": "" }),
                "region \"\": expected the name of a region",
            ),
            (
                json!({ "detail.repository-name": "" }),
                "repository-name \"\": expected",
            ),
            (json!({ "detail": {} }), "missing field `repository-name`"),
        ] {
            let error = push(&changes).unwrap_err();
            assert!(error.contains(expected), "{changes}: {error}");
        }
    }

    #[test]
    fn what_says_nothing_of_how_it_went_is_worth_a_look() {
        let read = push(&json!({ "detail": { "repository-name": "shop/web" } })).unwrap();
        assert_eq!((read.action, read.outcome), (Action::Other, Outcome::Success));
        assert!(read.is_worth_a_look());
    }
}
