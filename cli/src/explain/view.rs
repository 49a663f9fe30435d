//! An explained node, for people and for scripts.

use domain::ids::{GroupName, InstanceId, NodeName};
use domain::machine::Machine;
use domain::node::Node;
use serde::Serialize;

use crate::table::Table;

/// All that there is to say of a node. Its JSON is a contract: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    pub(crate) node: NodeName,
    pub(crate) machine: Option<MachineFacts>,
    pub(crate) group: Option<GroupName>,
    /// Where its instance is in its life.
    pub(crate) place: Option<String>,
    /// What it shall have, and what it has of ours that it shall not.
    pub(crate) labels: Vec<Line>,
    pub(crate) taints: Vec<Line>,
    /// Labels and taints of which nothing is known here.
    pub(crate) labels_of_others: Vec<String>,
    pub(crate) taints_of_others: Vec<String>,
    /// What sources say that can't be done.
    pub(crate) refused: Vec<String>,
    /// Why it is not taken for its machine's node.
    pub(crate) doubt: Option<String>,
    /// What keeps it from serving; nothing if the gate is open.
    pub(crate) closed: Vec<String>,
    /// What the function would do next.
    pub(crate) plan: Option<String>,
}

/// What EC2 says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MachineFacts {
    pub(crate) instance: InstanceId,
    pub(crate) instance_type: String,
    pub(crate) capacity: &'static str,
    pub(crate) zone: String,
}

/// A label or a taint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    pub(crate) key: String,
    /// What it shall be; of what goes away, what it is.
    pub(crate) value: String,
    pub(crate) mode: &'static str,
    pub(crate) origin: String,
    pub(crate) state: String,
}

impl MachineFacts {
    pub(crate) fn of(machine: &Machine) -> Self {
        Self {
            instance: machine.id.clone(),
            instance_type: machine.instance_type.clone(),
            capacity: machine.capacity.as_str(),
            zone: machine.zone.clone(),
        }
    }
}

impl Explanation {
    /// Nothing is said of the node yet.
    pub(crate) fn new(node: &Node) -> Self {
        Self {
            node: node.name.clone(),
            machine: None,
            group: None,
            place: None,
            labels: Vec::new(),
            taints: Vec::new(),
            labels_of_others: Vec::new(),
            taints_of_others: Vec::new(),
            refused: Vec::new(),
            doubt: None,
            closed: Vec::new(),
            plan: None,
        }
    }

    /// Whether people should do something about it.
    pub(crate) fn needs_attention(&self) -> bool {
        !self.refused.is_empty() || self.doubt.is_some()
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}: {}\n", self.node, self.summary());
        text += &lines("LABEL", &self.labels, &self.labels_of_others, "labels");
        text += &lines("TAINT", &self.taints, &self.taints_of_others, "taints");
        text += &section("REFUSED", &self.refused);
        text += &section("NOT THE MACHINE'S NODE", self.doubt.as_slice());
        text += &section("MAY NOT SERVE YET", &self.closed);
        text += &section("NEXT", self.plan.as_slice());
        text
    }

    fn summary(&self) -> String {
        let machine = match &self.machine {
            None => "EC2 knows no machine of it".to_owned(),
            Some(MachineFacts {
                instance,
                instance_type,
                capacity,
                zone,
            }) => format!("{instance}, {instance_type}, {capacity}, {zone}"),
        };
        let group = self.group.as_ref().map(|group| format!("group {group}"));
        let place = self.place.clone();
        let parts = [Some(machine), group, place];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

fn lines(heading: &str, lines: &[Line], others: &[String], what: &str) -> String {
    let mut table = Table::new([heading, "VALUE", "MODE", "FROM", "STATE"]);
    for line in lines {
        table.row([
            line.key.clone(),
            line.value.clone(),
            line.mode.to_owned(),
            line.origin.clone(),
            line.state.clone(),
        ]);
    }
    let ours = if lines.is_empty() {
        String::new()
    } else {
        format!("\n{}", table.render())
    };
    match others {
        [] => ours,
        others => format!("{ours}{} {what} of others: {}\n", others.len(), others.join(", ")),
    }
}

fn section(heading: &str, lines: &[String]) -> String {
    match lines {
        [] => String::new(),
        lines => format!("\n{heading}\n  {}\n", lines.join("\n  ")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use domain::ids::Uid;
    use serde_json::json;

    use super::*;

    pub(in crate::explain) fn node() -> Node {
        Node::new(
            NodeName::parse("ip-10-0-1-7").unwrap(),
            Uid::parse("0f9c").unwrap(),
            "2026-11-21T08:00:00Z".parse().unwrap(),
        )
        .on("aws:///eu-central-1a/i-0123456789abcdef0")
    }

    fn line(key: &str, value: &str, state: &str) -> Line {
        Line {
            key: key.to_owned(),
            value: value.to_owned(),
            mode: "live",
            origin: format!("group tag \"lamplighter:label/{key}\""),
            state: state.to_owned(),
        }
    }

    fn explanation() -> Explanation {
        Explanation {
            machine: Some(MachineFacts {
                instance: InstanceId::parse("i-0123456789abcdef0").unwrap(),
                instance_type: "m7g.large".into(),
                capacity: "spot",
                zone: "eu-central-1a".into(),
            }),
            group: Some(GroupName::parse("workers").unwrap()),
            place: Some("Pending:Wait".into()),
            labels: vec![
                line("team", "payments", "in place"),
                line("tier", "", "will be set"),
            ],
            labels_of_others: vec!["kubernetes.io/arch".into(), "kubernetes.io/os".into()],
            refused: vec!["group tag \"lamplighter:label/note\": value \"two words\": expected less".into()],
            closed: vec!["not ready since 2026-11-21T08:00:00Z".into()],
            plan: Some("heartbeat; look again in 3s: not ready".into()),
            ..Explanation::new(&node())
        }
    }

    #[test]
    fn each_label_stands_with_its_origin_and_what_becomes_of_it() {
        assert_eq!(
            explanation().table(),
            "\
ip-10-0-1-7: i-0123456789abcdef0, m7g.large, spot, eu-central-1a; group workers; Pending:Wait

LABEL  VALUE     MODE  FROM                                STATE
team   payments  live  group tag \"lamplighter:label/team\"  in place
tier   -         live  group tag \"lamplighter:label/tier\"  will be set
2 labels of others: kubernetes.io/arch, kubernetes.io/os

REFUSED
  group tag \"lamplighter:label/note\": value \"two words\": expected less

MAY NOT SERVE YET
  not ready since 2026-11-21T08:00:00Z

NEXT
  heartbeat; look again in 3s: not ready
"
        );
    }

    #[test]
    fn a_closed_gate_is_the_course_of_things_and_a_refusal_or_a_doubt_is_not() {
        let closed = Explanation {
            refused: vec![],
            ..explanation()
        };
        assert!(!closed.needs_attention());
        assert!(explanation().needs_attention());
        let stranger = Explanation {
            doubt: Some("it should be named ip-10-0-1-8".into()),
            ..closed
        };
        assert!(stranger.needs_attention());
        assert!(
            stranger
                .table()
                .contains("\nNOT THE MACHINE'S NODE\n  it should be named ip-10-0-1-8\n")
        );
    }

    #[test]
    fn the_json_is_a_contract() {
        let json = serde_json::to_value(explanation()).unwrap();
        assert_eq!(
            json["labels"][0],
            json!({
                "key": "team",
                "value": "payments",
                "mode": "live",
                "origin": "group tag \"lamplighter:label/team\"",
                "state": "in place",
            })
        );
        let mut fields: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        fields.sort();
        assert_eq!(
            fields,
            [
                "closed",
                "doubt",
                "group",
                "labels",
                "labelsOfOthers",
                "machine",
                "node",
                "place",
                "plan",
                "refused",
                "taints",
                "taintsOfOthers",
            ]
        );
    }
}
