//! What `EventBridge` is allowed to do to events, and does rarely: lose, repeat, delay and reorder them. Here it happens on request and the
//! same way for the same seed.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far events may overtake each other with [`Faults::reorder`] when there is no longer delay.
const REORDER_WINDOW: Duration = Duration::from_secs(1);

/// What happens to the events that are emitted from now on. The default is a perfect network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How many of 100 events are lost; 100 loses them all.
    pub drop_percent: u8,
    /// How many further copies of each event are delivered.
    pub duplicate: u32,
    /// The longest delay of a copy, in milliseconds. Without `reorder` no copy overtakes an earlier one.
    pub delay_ms: u64,
    /// Whether copies may overtake each other, by up to `delay_ms` or a second, whichever is more.
    pub reorder: bool,
    /// Only events of this detail type; others pass unharmed.
    pub detail_type: Option<String>,
    /// Only events of this instance; others pass unharmed.
    pub instance: Option<String>,
    /// Only events of images of this repository; others pass unharmed.
    pub repository: Option<String>,
}

impl Faults {
    /// Every event is lost, so that only the sweep is left.
    pub fn lose_everything() -> Self {
        Self {
            drop_percent: 100,
            ..Self::default()
        }
    }

    /// When, from now, each copy of `event` is delivered: nothing when it is lost.
    pub(crate) fn deliveries(&self, event: &Value, rng: &mut fastrand::Rng) -> Vec<Duration> {
        if !self.concerns(event) {
            return vec![Duration::ZERO];
        }
        if rng.u8(0..100) < self.drop_percent {
            return Vec::new();
        }
        let longest = Duration::from_millis(self.delay_ms);
        let longest = if self.reorder {
            longest.max(REORDER_WINDOW)
        } else {
            longest
        };
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        (0..=self.duplicate)
            .map(|_copy| Duration::from_millis(rng.u64(0..=longest)))
            .collect()
    }

    fn concerns(&self, event: &Value) -> bool {
        let detail_type = self
            .detail_type
            .as_deref()
            .is_none_or(|wanted| event["detail-type"] == wanted);
        let instance = self
            .instance
            .as_deref()
            .is_none_or(|wanted| instance(event) == Some(wanted));
        let repository = self
            .repository
            .as_deref()
            .is_none_or(|wanted| event["detail"]["repository-name"] == wanted);
        detail_type && instance && repository
    }
}

/// The instance that an event is about: `EC2InstanceId` of Auto Scaling, `instance-id` of EC2. Events of AWS Health are about several.
pub(crate) fn instance(event: &Value) -> Option<&str> {
    let detail = &event["detail"];
    detail["EC2InstanceId"]
        .as_str()
        .or_else(|| detail["instance-id"].as_str())
}

/// The image that an event is about: `repository:tag`, or `repository@digest` for one without tags.
pub(crate) fn image(event: &Value) -> Option<String> {
    let text = |key: &str| event["detail"][key].as_str();
    let (repository, digest) = (text("repository-name")?, text("image-digest")?);
    Some(match text("image-tag") {
        Some(tag) if !tag.is_empty() => format!("{repository}:{tag}"),
        _ => format!("{repository}@{digest}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(instance: &str) -> Value {
        json!({"detail-type": "EC2 Instance-terminate Lifecycle Action", "detail": {"EC2InstanceId": instance}})
    }

    fn run(faults: &Faults, seed: u64) -> Vec<Vec<Duration>> {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..50)
            .map(|_| faults.deliveries(&event("i-0a"), &mut rng))
            .collect()
    }

    #[test]
    fn without_faults_each_event_arrives_once_and_at_once() {
        assert_eq!(run(&Faults::default(), 7), vec![vec![Duration::ZERO]; 50]);
    }

    #[test]
    fn the_same_seed_does_the_same_and_another_does_not() {
        let faults = Faults {
            drop_percent: 30,
            duplicate: 2,
            delay_ms: 5_000,
            ..Faults::default()
        };
        assert_eq!(run(&faults, 7), run(&faults, 7));
        assert_ne!(run(&faults, 7), run(&faults, 8));
    }

    #[test]
    fn all_are_lost_at_a_hundred_percent_and_some_at_thirty() {
        assert!(run(&Faults::lose_everything(), 7).iter().all(Vec::is_empty));
        let lost = run(
            &Faults {
                drop_percent: 30,
                ..Faults::default()
            },
            7,
        )
        .iter()
        .filter(|copies| copies.is_empty())
        .count();
        assert!((1..50).contains(&lost), "{lost} of 50");
    }

    #[test]
    fn copies_are_delayed_by_no_more_than_asked() {
        let faults = Faults {
            duplicate: 3,
            delay_ms: 200,
            ..Faults::default()
        };
        for copies in run(&faults, 7) {
            assert_eq!(copies.len(), 4);
            assert!(copies.iter().all(|delay| *delay <= Duration::from_millis(200)));
        }
    }

    #[test]
    fn events_of_another_instance_type_or_repository_pass_unharmed() {
        let faults = Faults {
            instance: Some("i-0b".into()),
            ..Faults::lose_everything()
        };
        let mut rng = fastrand::Rng::with_seed(7);
        assert_eq!(faults.deliveries(&event("i-0a"), &mut rng), [Duration::ZERO]);
        assert!(faults.deliveries(&event("i-0b"), &mut rng).is_empty());
        let pushed = |repository: &str| json!({"detail": {"repository-name": repository}});
        let of_one = Faults {
            repository: Some("shop/web".into()),
            ..Faults::lose_everything()
        };
        assert_eq!(of_one.deliveries(&pushed("shop/api"), &mut rng), [Duration::ZERO]);
        assert!(of_one.deliveries(&pushed("shop/web"), &mut rng).is_empty());
        let faults = Faults {
            detail_type: Some("AWS Health Event".into()),
            ..Faults::lose_everything()
        };
        assert_eq!(faults.deliveries(&event("i-0b"), &mut rng), [Duration::ZERO]);
    }
}
