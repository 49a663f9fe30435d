//! Events as AWS itself shapes them: pushes and deletions of images, and, for what happens on request in the world, spot interruptions,
//! rebalance recommendations and scheduled changes of AWS Health. Lifecycle events come complete from the Auto Scaling endpoint.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The detail type of [`Origin::image_action`].
pub const IMAGE_ACTION: &str = "ECR Image Action";

/// What EC2 does to an interrupted spot instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotAction {
    /// Two minutes after the warning.
    Terminate,
    /// Two minutes after the warning.
    Stop,
    /// At once: the warning gives no time.
    Hibernate,
}

impl SpotAction {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Stop => "stop",
            Self::Hibernate => "hibernate",
        }
    }
}

/// A scheduled change that AWS Health announces.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledChange {
    /// As `AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED`.
    pub event_type: String,
    /// What makes this change different from another of its type; the event's ARN ends with it. All pages of one change share it.
    pub id: String,
    /// The instances that it affects, as far as they are on this page.
    pub instances: Vec<String>,
    /// When it starts.
    pub start: Timestamp,
    /// `upcoming`, `open` or `closed`.
    pub status: String,
    /// This page and how many there are; large changes are told in several events.
    pub page: (u32, u32),
}

/// What happened to an image, under one of its tags or under none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageAction {
    /// `PUSH` or `DELETE`.
    pub action: String,
    /// The repository's name.
    pub repository: String,
    /// The manifest's digest.
    pub digest: String,
    /// Empty for an image without tags, such as one architecture of several.
    pub tag: String,
    /// Of the manifest.
    pub manifest_media_type: String,
    /// Of what it describes: that of its configuration. An index has none.
    pub artifact_media_type: Option<String>,
}

/// Whose events these are.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Twelve digits.
    pub account: String,
    /// As `eu-central-1`.
    pub region: String,
}

impl Origin {
    /// EC2 takes a spot instance back. The ARN in it is not the instance's: it has the zone where others have the region, and no account.
    ///
    /// From the EC2 user guide, "Spot Instance interruption notices".
    pub fn spot_interruption(&self, instance: &str, zone: &str, action: SpotAction, at: Timestamp) -> Value {
        let arn = format!("arn:aws:ec2:{zone}:instance/{instance}");
        let detail = &json!({"instance-id": instance, "instance-action": action.name()});
        self.event(
            "aws.ec2",
            "EC2 Spot Instance Interruption Warning",
            at,
            &[arn],
            detail,
        )
    }

    /// A spot instance is at a higher risk of interruption.
    ///
    /// From the EC2 user guide, "EC2 instance rebalance recommendations".
    pub fn rebalance_recommendation(&self, instance: &str, at: Timestamp) -> Value {
        let arn = format!("arn:aws:ec2:{}:{}:instance/{instance}", self.region, self.account);
        let detail = &json!({"instance-id": instance});
        self.event(
            "aws.ec2",
            "EC2 Instance Rebalance Recommendation",
            at,
            &[arn],
            detail,
        )
    }

    /// AWS Health announces a change, follows it up (`open`) or calls it off (`closed`).
    ///
    /// From the AWS Health user guide, "AWS Health events Amazon `EventBridge` schema".
    pub fn scheduled_change(&self, change: &ScheduledChange, at: Timestamp) -> Value {
        let ScheduledChange {
            event_type,
            id,
            instances,
            start,
            status,
            page: (page, pages),
        } = change;
        let updated = http_date(at);
        let entities: Vec<Value> = instances
            .iter()
            .map(|instance| json!({"entityValue": instance, "lastUpdatedTime": updated, "status": "PENDING"}))
            .collect();
        let detail = &json!({
            "eventArn": format!("arn:aws:health:{}::event/EC2/{event_type}/{event_type}_{id}", self.region),
            "service": "EC2",
            "eventTypeCode": event_type,
            "eventTypeCategory": "scheduledChange",
            "eventScopeCode": "ACCOUNT_SPECIFIC",
            // The part before the page tells one wave of events about a change from the next.
            "communicationId": format!("{id}-{page}"),
            "startTime": http_date(*start),
            "lastUpdatedTime": updated,
            "statusCode": status,
            "eventRegion": self.region,
            "eventDescription": [{"language": "en_US", "latestDescription": "A scheduled change of EC2 instances."}],
            "affectedEntities": entities,
            "affectedAccount": self.account,
            "page": page.to_string(),
            "totalPages": pages.to_string(),
        });
        self.event("aws.health", "AWS Health Event", at, instances, detail)
    }

    /// An image was pushed to ECR or deleted from it. No resource is named.
    ///
    /// From the Amazon ECR user guide, "Amazon ECR events and `EventBridge`"; that an image without tags has an empty one is from
    /// <https://github.com/aws-ia/cfn-ecr-aws-soci-index-builder/issues/137>.
    pub fn image_action(&self, of: &ImageAction, at: Timestamp) -> Value {
        let mut detail = json!({
            "result": "SUCCESS",
            "repository-name": of.repository,
            "image-digest": of.digest,
            "action-type": of.action,
            "image-tag": of.tag,
            "manifest-media-type": of.manifest_media_type,
        });
        if let Some(artifact) = &of.artifact_media_type {
            detail["artifact-media-type"] = json!(artifact);
        }
        self.event("aws.ecr", IMAGE_ACTION, at, &[], &detail)
    }

    /// The envelope that all events share: for events that have no constructor here.
    pub fn event(
        &self,
        source: &str,
        detail_type: &str,
        at: Timestamp,
        resources: &[String],
        detail: &Value,
    ) -> Value {
        json!({
            "version": "0",
            "id": event_id(),
            "detail-type": detail_type,
            "source": source,
            "account": self.account,
            "time": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": self.region,
            "resources": resources,
            "detail": detail,
        })
    }
}

/// As AWS Health writes times: `Sat, 05 Jun 2027 15:10:09 GMT`.
fn http_date(at: Timestamp) -> String {
    // Only years of more than four digits can't be written.
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .unwrap_or_else(|_| at.to_string())
}

/// A random UUID, as the ids of events are.
fn event_id() -> String {
    let random = format!("{:032x}", fastrand::u128(..));
    format!(
        "{}-{}-4{}-a{}-{}",
        &random[..8],
        &random[8..12],
        &random[13..16],
        &random[17..20],
        &random[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin {
            account: "111122223333".into(),
            region: "eu-central-1".into(),
        }
    }

    fn at() -> Timestamp {
        "2026-11-05T09:07:03.25Z".parse().unwrap()
    }

    #[test]
    fn a_spot_interruption_names_the_zone_where_other_arns_have_region_and_account() {
        let event = origin().spot_interruption("i-0a", "eu-central-1b", SpotAction::Terminate, at());
        assert_eq!(
            event["resources"],
            json!(["arn:aws:ec2:eu-central-1b:instance/i-0a"])
        );
        assert_eq!(
            event["detail"],
            json!({"instance-id": "i-0a", "instance-action": "terminate"})
        );
        assert_eq!(event["time"], "2026-11-05T09:07:03Z");
        assert_eq!(event["source"], "aws.ec2");
    }

    #[test]
    fn a_rebalance_recommendation_has_the_instances_real_arn() {
        let event = origin().rebalance_recommendation("i-0a", at());
        assert_eq!(
            event["resources"],
            json!(["arn:aws:ec2:eu-central-1:111122223333:instance/i-0a"])
        );
    }

    #[test]
    fn the_pages_of_a_scheduled_change_share_its_arn_and_differ_in_their_communication() {
        let mut change = ScheduledChange {
            event_type: "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED".into(),
            id: "7f3a".into(),
            instances: vec!["i-0a".into(), "i-0b".into()],
            start: at(),
            status: "upcoming".into(),
            page: (1, 2),
        };
        let first = origin().scheduled_change(&change, at());
        change.page = (2, 2);
        let second = origin().scheduled_change(&change, at());
        assert_eq!(first["detail"]["eventArn"], second["detail"]["eventArn"]);
        assert_ne!(
            first["detail"]["communicationId"],
            second["detail"]["communicationId"]
        );
        assert_eq!(first["detail"]["startTime"], "Thu, 05 Nov 2026 09:07:03 GMT");
        assert_eq!(first["detail"]["affectedEntities"][1]["entityValue"], "i-0b");
        assert_eq!(first["resources"], json!(["i-0a", "i-0b"]));
    }

    #[test]
    fn an_image_action_has_an_empty_tag_rather_than_none_and_names_no_resource() {
        let mut action = ImageAction {
            action: "PUSH".into(),
            repository: "shop/web".into(),
            digest: "sha256:00".into(),
            tag: String::new(),
            manifest_media_type: "application/vnd.oci.image.index.v1+json".into(),
            artifact_media_type: None,
        };
        let event = origin().image_action(&action, at());
        assert_eq!(event["source"], "aws.ecr");
        assert_eq!(event["resources"], json!([]));
        assert_eq!(event["detail"]["image-tag"], "");
        assert_eq!(event["detail"].get("artifact-media-type"), None);
        action.artifact_media_type = Some("application/vnd.oci.image.config.v1+json".into());
        let event = origin().image_action(&action, at());
        assert_eq!(
            event["detail"]["artifact-media-type"],
            "application/vnd.oci.image.config.v1+json"
        );
    }

    #[test]
    fn ids_are_version_four_uuids_and_differ() {
        let (one, other) = (event_id(), event_id());
        assert_ne!(one, other);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(&one[14..15], "4");
    }
}
