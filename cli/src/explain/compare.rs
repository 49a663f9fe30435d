//! What a node has, held against what it shall have.

use std::collections::BTreeSet;

use domain::hook::HookView;
use domain::keys::STARTUP_TAINT;
use domain::label::{Change, Desired, DesiredTaint, Label, LabelMode, Occasion, Owned, Ownership, TaintMode};
use domain::node::Node;
use domain::taint::Taint;

use super::view::{Explanation, Line};

/// Says of each label and taint where it comes from and what becomes of it, by the very change that the function
/// would write, and whether it does.
pub(super) fn against(
    explanation: &mut Explanation,
    node: &Node,
    desired: &Desired,
    hook: &HookView,
    is_written: bool,
) {
    let occasion = match hook {
        HookView::Waiting(_) => Occasion::Launch,
        HookView::Elsewhere(_) | HookView::Gone => Occasion::Service,
    };
    let compare = Compare {
        node,
        desired,
        change: Change::between(node, desired, occasion),
        is_written,
        owned: match Ownership::of(node) {
            Ownership::Known(owned) => owned,
            Ownership::None | Ownership::Corrupt => Owned::default(),
        },
    };
    explanation.labels = compare.labels();
    explanation.taints = compare.taints();
    let told: BTreeSet<&str> = explanation.labels.iter().map(|line| line.key.as_str()).collect();
    let others = node.labels.keys().filter(|key| !told.contains(key.as_str()));
    explanation.labels_of_others = others.cloned().collect();
    let told: BTreeSet<&str> = explanation.taints.iter().map(|line| line.key.as_str()).collect();
    let others = node
        .taints
        .iter()
        .filter(|taint| !told.contains(taint.key.as_str()));
    explanation.taints_of_others = others.map(ToString::to_string).collect();
    let problems = desired.problems_for(node);
    explanation.refused = problems.iter().map(ToString::to_string).collect();
}

struct Compare<'a> {
    node: &'a Node,
    desired: &'a Desired,
    change: Option<Change>,
    /// Whether the function writes it now.
    is_written: bool,
    owned: Owned,
}

impl Compare<'_> {
    /// That `what` is done with the next write, if there is one.
    fn next(&self, what: &str) -> String {
        if self.is_written {
            format!("will be {what}")
        } else {
            format!("would be {what}, and is not: see what is next")
        }
    }

    fn labels(&self) -> Vec<Line> {
        let wanted = self
            .desired
            .labels
            .iter()
            .map(|(key, label)| self.label(key, label));
        wanted.chain(self.labels_to_remove()).collect()
    }

    fn label(&self, key: &str, label: &Label) -> Line {
        let found = self.node.labels.get(key);
        let changes = self
            .change
            .as_ref()
            .is_some_and(|change| change.labels.contains_key(key));
        Line {
            key: key.to_owned(),
            value: label.value.clone(),
            mode: match label.mode {
                LabelMode::Live => "live",
                LabelMode::Launch => "launch",
            },
            origin: label.origin.to_string(),
            state: match (found, changes) {
                (Some(found), _) if *found == label.value => "in place".to_owned(),
                (Some(found), true) => format!("{}, now {found:?}", self.next("set")),
                (None, true) => self.next("set"),
                (Some(found), false) => format!("decided at launch, left as it is: {found:?}"),
                (None, false) => "decided at launch, left out".to_owned(),
            },
        }
    }

    fn labels_to_remove(&self) -> Vec<Line> {
        let Some(change) = &self.change else { return vec![] };
        let gone = change.labels.iter().filter(|(_, value)| value.is_none());
        gone.map(|(key, _)| Line {
            key: key.clone(),
            value: self.node.labels.get(key).cloned().unwrap_or_default(),
            mode: "live",
            origin: "its source is gone".to_owned(),
            state: self.next("removed"),
        })
        .collect()
    }

    fn taints(&self) -> Vec<Line> {
        let startup = self.node.taints.iter().filter(|taint| taint.key == STARTUP_TAINT);
        let startup = startup.map(|taint| Line {
            mode: "startup",
            origin: "the node's registration".to_owned(),
            ..line(taint, self.next("removed with the last label"))
        });
        let wanted = self.desired.taints.values().map(|wanted| self.taint(wanted));
        startup.chain(wanted).chain(self.taints_to_remove()).collect()
    }

    fn taint(&self, wanted: &DesiredTaint) -> Line {
        let is_wanted = |taint: &Taint| {
            let taint = (&taint.key, &taint.value, &taint.effect);
            taint == (&wanted.taint.key, &wanted.taint.value, &wanted.taint.effect)
        };
        let has = |taints: &[Taint]| taints.iter().any(is_wanted);
        let will_have = self.after().is_some_and(has);
        let mut kept = self
            .node
            .taints
            .iter()
            .filter(|taint| taint.key == wanted.taint.key);
        let state = match (has(&self.node.taints), will_have, kept.next()) {
            (true, _, _) => "in place".to_owned(),
            (false, true, _) => self.next("set"),
            (false, false, None) => "was for its initialisation, left out".to_owned(),
            (false, false, Some(taint)) => format!("decided at initialisation, left as it is: {taint}"),
        };
        Line {
            mode: match wanted.mode {
                TaintMode::OnInitialization => "on-initialization",
                TaintMode::Always => "always",
            },
            origin: wanted.origin.to_string(),
            ..line(&wanted.taint, state)
        }
    }

    /// Taints of ours that the change takes away.
    fn taints_to_remove(&self) -> Vec<Line> {
        let Some(after) = self.after() else { return vec![] };
        let is_ours = |taint: &&Taint| {
            self.owned
                .taints
                .contains(&format!("{}:{}", taint.key, taint.effect))
        };
        let stays = |taint: &Taint| {
            let same = |other: &Taint| other.key == taint.key && other.effect == taint.effect;
            after.iter().any(same)
        };
        let goes = self
            .node
            .taints
            .iter()
            .filter(is_ours)
            .filter(|taint| !stays(taint));
        goes.map(|taint| Line {
            origin: "its source is gone".to_owned(),
            ..line(taint, self.next("removed"))
        })
        .collect()
    }

    /// The taints as the change would have them.
    fn after(&self) -> Option<&[Taint]> {
        self.change.as_ref()?.taints.as_deref()
    }
}

fn line(taint: &Taint, state: impl Into<String>) -> Line {
    let value = taint.value.as_deref().unwrap_or_default();
    Line {
        key: taint.key.clone(),
        value: format!("{value}:{}", taint.effect),
        mode: "",
        origin: String::new(),
        state: state.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::ids::GroupName;
    use domain::keys::MANAGED_LABELS;
    use domain::label::{Policy, Template};
    use domain::lifecycle::LifecycleState;
    use domain::taint::Effect;

    use super::super::view::tests::node;
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn explained(node: &Node, tags: &[(&str, &str)]) -> Explanation {
        let template = Template::of_group(&map(tags));
        let group = GroupName::parse("workers").unwrap();
        let desired = Desired::of(&group, &template, None, &Policy::default());
        let mut explanation = Explanation::new(node);
        let hook = HookView::Elsewhere(LifecycleState::InService);
        against(&mut explanation, node, &desired, &hook, true);
        explanation
    }

    /// Key, state.
    fn states(lines: &[Line]) -> Vec<(&str, &str)> {
        lines
            .iter()
            .map(|line| (line.key.as_str(), line.state.as_str()))
            .collect()
    }

    #[test]
    fn each_label_is_in_place_on_its_way_or_left_as_people_made_it() {
        let node = Node {
            labels: map(&[
                ("lamplighter.dev/group", "workers"),
                ("a", "1"),
                ("b", "edited"),
                ("once", "edited"),
                ("old", "x"),
                ("kubernetes.io/arch", "arm64"),
            ]),
            annotations: map(&[(
                MANAGED_LABELS,
                r#"{"labels":["a","b","old"],"launch":["lamplighter.dev/group","once"],"taints":[]}"#,
            )]),
            ..node()
        };
        let explanation = explained(
            &node,
            &[
                ("lamplighter:label/a", "1"),
                ("lamplighter:label/b", "2"),
                ("lamplighter:label/c", "3"),
                ("lamplighter:label/once", "4"),
                ("lamplighter:label-mode/once", "launch"),
                ("lamplighter:label/bad", "two words"),
                (
                    "k8s.io/cluster-autoscaler/node-template/label/kubernetes.io/arch",
                    "arm64",
                ),
            ],
        );
        assert_eq!(
            states(&explanation.labels),
            [
                ("a", "in place"),
                ("b", "will be set, now \"edited\""),
                ("c", "will be set"),
                ("lamplighter.dev/group", "in place"),
                ("once", "decided at launch, left as it is: \"edited\""),
                ("old", "will be removed"),
            ]
        );
        assert_eq!(explanation.labels_of_others, ["kubernetes.io/arch"]);
        let [refused] = explanation.refused.as_slice() else {
            panic!("{:?}", explanation.refused)
        };
        assert!(refused.starts_with("group tag \"lamplighter:label/bad\": value \"two words\""));
    }

    #[test]
    fn each_taint_is_in_place_on_its_way_left_out_or_somebody_elses() {
        let taint = |key: &str| Taint::new(key, Effect::NoSchedule);
        let node = Node {
            annotations: map(&[(
                MANAGED_LABELS,
                r#"{"labels":[],"launch":[],"taints":["kept:NoSchedule","old:NoSchedule","softer:NoSchedule"]}"#,
            )]),
            taints: vec![
                taint("kept"),
                taint("softer"),
                taint("old"),
                taint("example.com/theirs"),
            ],
            ..node()
        };
        let explanation = explained(
            &node,
            &[
                ("lamplighter:taint/kept", ":NoSchedule"),
                ("lamplighter:taint/removed", ":NoSchedule"),
                ("lamplighter:taint/softer", ":PreferNoSchedule"),
                ("lamplighter:taint/always", ":NoSchedule"),
                ("lamplighter:taint-mode/always", "always"),
            ],
        );
        assert_eq!(
            states(&explanation.taints),
            [
                ("always", "will be set"),
                ("kept", "in place"),
                ("removed", "was for its initialisation, left out"),
                (
                    "softer",
                    "decided at initialisation, left as it is: softer:NoSchedule"
                ),
                ("old", "will be removed"),
            ]
        );
        assert_eq!(explanation.taints_of_others, ["example.com/theirs:NoSchedule"]);
    }
}
