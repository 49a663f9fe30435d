//! What is in flight, for people and for scripts.

use domain::ids::{ClusterName, GroupName, InstanceId, NodeName};
use jiff::Timestamp;
use serde::Serialize;

use crate::table::Table;
use crate::words::{ago, number};

/// The most lines below a row: more would push the other rows off the screen.
const NOTES: usize = 5;

/// Everything that is in flight in a cluster. Its JSON is a contract: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// The cluster.
    pub(crate) cluster: ClusterName,
    /// When it was looked at.
    pub(crate) at: Timestamp,
    /// How many groups are enrolled.
    pub(crate) groups: usize,
    /// How many instances they have.
    pub(crate) instances: usize,
    /// What is in flight: what leaves first, then what comes.
    pub(crate) in_flight: Vec<Flight>,
    /// What else people should know.
    pub(crate) notes: Vec<String>,
}

/// An instance that waits at a hook of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Flight {
    pub(crate) phase: Phase,
    pub(crate) instance: InstanceId,
    pub(crate) node: Option<NodeName>,
    pub(crate) group: GroupName,
    /// Since when it is in this phase, if anybody knows.
    pub(crate) since: Option<Timestamp>,
    /// What the function says that it waits for.
    pub(crate) waits_for: String,
    /// More about it: each pod that is held back, with the reason, or the token to join with.
    pub(crate) details: Vec<String>,
    /// What the function does next.
    pub(crate) next: Vec<String>,
    /// Whether it does not move by itself.
    pub(crate) needs_attention: bool,
}

/// On which way an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// Its node is drained.
    Draining,
    /// It has no node yet.
    Joining,
    /// Its node may not serve yet.
    AtTheGate,
}

impl Phase {
    const fn words(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Joining => "joining",
            Self::AtTheGate => "at the gate",
        }
    }
}

impl Status {
    /// Whether something does not move by itself.
    pub(crate) fn needs_attention(&self) -> bool {
        !self.notes.is_empty() || self.in_flight.iter().any(|flight| flight.needs_attention)
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text = self.summary();
        if !self.in_flight.is_empty() {
            let mut table = Table::new(["PHASE", "INSTANCE", "NODE", "GROUP", "SINCE", "WAITS FOR"]);
            for flight in &self.in_flight {
                flight.add_to(&mut table, self.at);
            }
            text.push('\n');
            text.push_str(&table.render());
        }
        if !self.notes.is_empty() {
            text.push_str("\n! ");
            text.push_str(&self.notes.join("\n! "));
            text.push('\n');
        }
        text
    }

    fn summary(&self) -> String {
        let of = |phase: Phase| {
            let number = self
                .in_flight
                .iter()
                .filter(|flight| flight.phase == phase)
                .count();
            (number > 0).then(|| format!("{number} {}", phase.words()))
        };
        let phases = [Phase::Draining, Phase::Joining, Phase::AtTheGate];
        let mut counts: Vec<String> = phases.into_iter().filter_map(of).collect();
        if counts.is_empty() {
            counts.push("nothing is in flight".to_owned());
        }
        let (groups, instances) = (number(self.groups, "group"), number(self.instances, "instance"));
        format!(
            "{}: {}; {instances} in {groups}\n",
            self.cluster,
            counts.join(", ")
        )
    }
}

impl Flight {
    fn add_to(&self, table: &mut Table, now: Timestamp) {
        table.row([
            self.phase.words().to_owned(),
            self.instance.to_string(),
            self.node.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.group.to_string(),
            self.since.map(|since| ago(since, now)).unwrap_or_default(),
            self.waits_for.clone(),
        ]);
        for detail in self.details.iter().take(NOTES) {
            table.note(detail);
        }
        if let Some(more) = self.details.len().checked_sub(NOTES).filter(|more| *more > 0) {
            table.note(&format!("and {more} more"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flight(phase: Phase) -> Flight {
        Flight {
            phase,
            instance: InstanceId::parse("i-0123456789abcdef0").unwrap(),
            node: Some(NodeName::parse("ip-10-0-1-7.eu-central-1.compute.internal").unwrap()),
            group: GroupName::parse("workers").unwrap(),
            since: Some("2026-11-21T08:00:00Z".parse().unwrap()),
            waits_for: "2 pods leave, 1 is held back".to_owned(),
            details: vec!["shop/web-0: held back by its disruption budget: needs 3 and has 3".to_owned()],
            next: vec!["evict shop/web-1".to_owned()],
            needs_attention: true,
        }
    }

    fn status(in_flight: Vec<Flight>) -> Status {
        Status {
            cluster: ClusterName::parse("blue").unwrap(),
            at: "2026-11-21T08:02:10Z".parse().unwrap(),
            groups: 3,
            instances: 12,
            in_flight,
            notes: vec![],
        }
    }

    #[test]
    fn one_row_for_each_instance_and_what_holds_it_back_below() {
        let joining = Flight {
            instance: InstanceId::parse("i-0aaaaaaa").unwrap(),
            node: None,
            since: None,
            waits_for: "no node has joined".to_owned(),
            details: vec![],
            needs_attention: false,
            ..flight(Phase::Joining)
        };
        let status = status(vec![flight(Phase::Draining), joining]);
        assert_eq!(
            status.table(),
            "\
blue: 1 draining, 1 joining; 12 instances in 3 groups

PHASE     INSTANCE             NODE                                       GROUP    SINCE  WAITS FOR
draining  i-0123456789abcdef0  ip-10-0-1-7.eu-central-1.compute.internal  workers  2m10s  2 pods leave, 1 is held back
    shop/web-0: held back by its disruption budget: needs 3 and has 3
joining   i-0aaaaaaa           -                                          workers  -      no node has joined
"
        );
        assert!(status.needs_attention());
    }

    #[test]
    fn nothing_in_flight_is_one_line() {
        let status = status(vec![]);
        assert_eq!(
            status.table(),
            "blue: nothing is in flight; 12 instances in 3 groups\n"
        );
        assert!(!status.needs_attention());
    }

    #[test]
    fn many_details_leave_room_for_the_other_rows() {
        let many = Flight {
            details: (0..30).map(|number| format!("pod {number}")).collect(),
            ..flight(Phase::Draining)
        };
        let table = status(vec![many]).table();
        assert_eq!(table.lines().count(), 2 + 2 + NOTES + 1, "{table}");
        assert!(table.ends_with("    and 25 more\n"), "{table}");
    }

    #[test]
    fn what_else_is_to_know_stands_below_and_needs_attention() {
        let status = Status {
            notes: vec!["node a: drain began, and its instance is InService".to_owned()],
            ..status(vec![])
        };
        let table = status.table();
        assert!(
            table.ends_with("\n\n! node a: drain began, and its instance is InService\n"),
            "{table}"
        );
        assert!(status.needs_attention());
    }

    #[test]
    fn the_json_is_a_contract() {
        assert_eq!(
            serde_json::to_value(status(vec![flight(Phase::AtTheGate)])).unwrap(),
            json!({
                "cluster": "blue",
                "at": "2026-11-21T08:02:10Z",
                "groups": 3,
                "instances": 12,
                "inFlight": [{
                    "phase": "at-the-gate",
                    "instance": "i-0123456789abcdef0",
                    "node": "ip-10-0-1-7.eu-central-1.compute.internal",
                    "group": "workers",
                    "since": "2026-11-21T08:00:00Z",
                    "waitsFor": "2 pods leave, 1 is held back",
                    "details": ["shop/web-0: held back by its disruption budget: needs 3 and has 3"],
                    "next": ["evict shop/web-1"],
                    "needsAttention": true,
                }],
                "notes": [],
            })
        );
    }
}
