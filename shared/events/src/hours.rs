//! What somebody asks of off-hours by an event: a pipeline before a release at night, a chat command, a person's
//! command line.
//!
//! ```json
//! { "source": "lamplighter.request", "detail-type": "Off-Hours Request",
//!   "detail": { "cluster": "blue", "action": "wake", "resources": ["deployment/shop/web"],
//!               "until": "2026-11-26T23:00:00Z", "by": "release 4711" } }
//! ```

use domain::ids::ClusterName;
use domain::offhours::{Key, LONGEST, Override, Request, Want};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{Malformed, detail};

/// `source` of a request. Sources that begin with `aws.` are AWS's own; `lamplighter` alone is what we tell.
pub const REQUEST_SOURCE: &str = "lamplighter.request";
/// `detail-type` of a request.
pub const REQUEST: &str = "Off-Hours Request";

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoursRequest {
    /// For which cluster.
    pub cluster: ClusterName,
    /// What is asked for.
    pub request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Detail {
    cluster: String,
    action: Action,
    /// Of everything, unless it names something.
    #[serde(default)]
    resources: Vec<String>,
    until: Option<String>,
    by: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Wake,
    Hold,
    Sleep,
    Release,
    Look,
}

impl HoursRequest {
    pub(crate) fn read(at: Timestamp, value: Value) -> Result<Self, Malformed> {
        let detail: Detail = detail::read(REQUEST, value)?;
        let invalid = detail::invalid(REQUEST);
        let named = detail.resources.iter().map(|text| Key::parse(text).map(Some));
        let mut resources = named.collect::<Result<Vec<_>, _>>().map_err(invalid)?;
        if resources.is_empty() {
            resources.push(None);
        }
        let request = match detail.action {
            Action::Look => Request::Look,
            Action::Release => Request::Release(resources),
            Action::Wake | Action::Hold => wanted(Want::Awake, resources, at, detail.until, detail.by)?,
            Action::Sleep => wanted(Want::Asleep, resources, at, detail.until, detail.by)?,
        };
        Ok(Self {
            cluster: ClusterName::parse(detail.cluster).map_err(invalid)?,
            request,
        })
    }
}

fn wanted(
    want: Want,
    resources: Vec<Option<Key>>,
    at: Timestamp,
    until: Option<String>,
    by: Option<String>,
) -> Result<Request, Malformed> {
    let problem = |problem: String| Malformed::Detail {
        detail_type: REQUEST.to_owned(),
        problem,
    };
    let until =
        until.ok_or_else(|| problem("missing field `until`: expected an RFC 3339 time".to_owned()))?;
    let until: Timestamp = until
        .parse()
        .map_err(|_| problem(format!("until {until:?}: expected an RFC 3339 time")))?;
    let lasts = until.duration_since(at);
    if lasts.is_negative() || lasts.is_zero() || lasts > LONGEST {
        let days = LONGEST.as_hours() / 24;
        return Err(problem(format!(
            "until {until}: expected a time after that of the event, {at}, by at most {days} days"
        )));
    }
    let by = by.unwrap_or_else(|| "an event".to_owned());
    let set = resources.into_iter().map(|resource| Override {
        resource,
        want,
        until,
        by: by.clone(),
        at,
    });
    Ok(Request::Set(set.collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Event, parse};

    fn read(detail: &Value) -> Result<Request, String> {
        let event = json!({
            "source": REQUEST_SOURCE, "detail-type": REQUEST, "time": "2026-11-26T20:00:00Z", "detail": detail,
        });
        match parse(&event.to_string()) {
            Ok(Event::Hours(asked)) => Ok(asked.request),
            other => Err(other.unwrap_err().to_string()),
        }
    }

    #[test]
    fn a_request_says_what_of_what_and_until_when() {
        let until = "2026-11-26T23:00:00Z";
        let asked = json!({ "cluster": "blue", "action": "wake", "until": until, "by": "release 4711",
                            "resources": ["deployment/shop/web", "group/workers"] });
        let Request::Set(set) = read(&asked).unwrap() else {
            panic!("{asked}")
        };
        let keys: Vec<String> = set
            .iter()
            .map(|one| one.resource.clone().unwrap().into())
            .collect();
        assert_eq!(keys, ["deployment/shop/web", "group/workers"]);
        assert_eq!((set[0].want, set[0].by.as_str()), (Want::Awake, "release 4711"));
        let Request::Set(set) =
            read(&json!({ "cluster": "blue", "action": "sleep", "until": until })).unwrap()
        else {
            panic!("sleep")
        };
        assert_eq!(
            (set.len(), &set[0].resource, set[0].want),
            (1, &None, Want::Asleep)
        );
        let simple = |action: &str| read(&json!({ "cluster": "blue", "action": action })).unwrap();
        assert_eq!(simple("look"), Request::Look);
        assert_eq!(simple("release"), Request::Release(vec![None]));
    }

    #[test]
    fn what_can_not_be_meant_is_refused_with_the_field_and_the_rule() {
        let until = "2026-11-26T23:00:00Z";
        let cases = [
            (
                json!({ "cluster": "blue", "action": "wake" }),
                "missing field `until`",
            ),
            (
                json!({ "cluster": "blue", "action": "wake", "until": "2026-11-26T20:00:00Z" }),
                "expected a time after",
            ),
            (
                json!({ "cluster": "blue", "action": "hold", "until": "2027-01-26T20:00:00Z" }),
                "at most 31 days",
            ),
            (
                json!({ "cluster": "blue", "action": "nap", "until": until }),
                "unknown variant `nap`",
            ),
            (json!({ "cluster": "a b", "action": "look" }), "cluster \"a b\""),
            (
                json!({ "cluster": "blue", "action": "look", "resource": "x" }),
                "unknown field `resource`",
            ),
            (
                json!({ "cluster": "blue", "action": "wake", "until": until, "resources": ["web"] }),
                "resource \"web\"",
            ),
            (
                json!({ "cluster": "blue", "action": "wake", "until": "tonight" }),
                "tonight",
            ),
        ];
        for (detail, expected) in cases {
            let error = read(&detail).unwrap_err();
            assert!(error.contains(expected), "{detail}: {error}");
        }
    }
}
