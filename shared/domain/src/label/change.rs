//! What is to be written on a node so that it has what it shall have: one patch, or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use super::desired::{Desired, Label};
use super::modes::{LabelMode, TaintMode};
use super::owned::{self, Owned, Ownership};
use super::problem::{About, Origin, Problem};
use super::rules::{Owner, Refusal};
use crate::ids::Uid;
use crate::keys::{DRAINING, MANAGED_LABELS, STARTUP_TAINT};
use crate::node::Node;
use crate::taint::Taint;

/// Where the node's instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It waits at our launch hook.
    Launch,
    /// It serves.
    Service,
}

/// What a node lacks, or has too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Labels to set, and those to remove (`None`).
    pub labels: BTreeMap<String, Option<String>>,
    /// All taints as they shall be, those of others included; none if they stay as they are.
    pub taints: Option<Vec<Taint>>,
    /// The provider id to set.
    pub provider_id: Option<String>,
    /// The problems of which people are told with this change: none, if they know them.
    pub to_tell: Vec<Problem>,
    owned: Owned,
    uid: Uid,
    resource_version: String,
}

impl Node {
    /// Whether it was never initialised by us.
    fn is_new(&self) -> bool {
        matches!(Ownership::of(self), Ownership::None)
    }

    /// Whether a kubelet registered it with our startup taint, and that is still there.
    pub fn has_startup_taint(&self) -> bool {
        self.taints.iter().any(|taint| taint.key == STARTUP_TAINT)
    }

    /// Whether it is being drained by us, and so none of our business here.
    pub fn is_draining(&self) -> bool {
        self.labels.contains_key(DRAINING)
    }
}

impl Desired {
    /// Whether EC2 must be asked before one can tell what `node` lacks.
    pub(super) fn lacks_facts(&self, node: &Node) -> bool {
        let decided = match Ownership::of(node) {
            Ownership::Known(owned) => owned.launch,
            Ownership::None | Ownership::Corrupt => BTreeSet::new(),
        };
        self.follows_instance || !self.unknown.is_subset(&decided)
    }

    /// The problems that people can do something about. A tag for the autoscaler's template may well say what the
    /// kubelet or the cloud controller manager will find out by themselves: that is a problem only where they differ.
    pub fn problems_for(&self, node: &Node) -> Vec<Problem> {
        let agrees = |problem: &&Problem| match (&problem.about, &problem.refusal) {
            (
                About::Label {
                    key,
                    value: Some(value),
                },
                Refusal::Denied { owner, .. },
            ) => match (node.labels.get(key), owner) {
                (Some(found), _) => found == value,
                (None, Owner::Kubelet | Owner::CloudController) => true,
                (None, _) => false,
            },
            _ => false,
        };
        let problems = self.problems.iter();
        problems.filter(|problem| !agrees(problem)).cloned().collect()
    }
}

impl Change {
    /// What makes `node` have what is `desired`. `None` if it has it.
    pub fn between(node: &Node, desired: &Desired, occasion: Occasion) -> Option<Self> {
        let ownership = Ownership::of(node);
        let mut labels = Labels::of(node, &ownership);
        labels.settle(desired);
        let mut taints = Taints::of(node, &ownership, occasion);
        taints.settle(desired);
        let problems = desired.problems_for(node);
        let owned = Owned {
            labels: labels.live,
            launch: labels.launch,
            taints: taints.ours,
            told: owned::digest(problems.iter()),
        };
        let known = labels.before;
        let change = Self {
            labels: labels.changed,
            taints: Some(taints.all).filter(|taints| *taints != node.taints),
            provider_id: desired.provider_id.clone().filter(|_| node.is_silent()),
            to_tell: if owned.told == known.told {
                vec![]
            } else {
                problems
            },
            owned,
            uid: node.uid.clone(),
            resource_version: node.resource_version.clone(),
        };
        let is_noted = matches!(&ownership, Ownership::Known(known) if *known == change.owned);
        let is_nothing =
            is_noted && change.labels.is_empty() && change.taints.is_none() && change.provider_id.is_none();
        (!is_nothing).then_some(change)
    }

    /// The JSON merge patch, for this very node and for no later one of its name. Labels and the annotation are patched
    /// key by key and get in nobody's way. Taints are
    /// one list: a patch of them holds for the version that was seen and for no other, or it would bring back what
    /// somebody else has just removed.
    pub fn patch(&self) -> Value {
        let mut metadata = json!({
            "uid": self.uid,
            "annotations": { MANAGED_LABELS: json!(self.owned).to_string() },
        });
        if !self.labels.is_empty() {
            metadata["labels"] = json!(self.labels);
        }
        let mut spec = json!({});
        if let Some(taints) = &self.taints {
            metadata["resourceVersion"] = json!(self.resource_version);
            spec["taints"] = json!(taints);
        }
        if let Some(provider_id) = &self.provider_id {
            spec["providerID"] = json!(provider_id);
        }
        json!({ "metadata": metadata, "spec": spec })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (key, value) in &self.labels {
            parts.push(match value {
                Some(value) => format!("{key}={value}"),
                None => format!("no {key}"),
            });
        }
        if let Some(taints) = &self.taints {
            let taints: Vec<_> = taints.iter().map(ToString::to_string).collect();
            parts.push(format!("taints [{}]", taints.join(", ")));
        }
        if let Some(provider_id) = &self.provider_id {
            parts.push(format!("provider id {provider_id}"));
        }
        if parts.is_empty() {
            parts.push("what is ours".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}

/// The labels of a node on their way to what they shall be.
struct Labels<'a> {
    node: &'a Node,
    ownership: &'a Ownership,
    before: Owned,
    live: BTreeSet<String>,
    launch: BTreeSet<String>,
    changed: BTreeMap<String, Option<String>>,
}

impl<'a> Labels<'a> {
    fn of(node: &'a Node, ownership: &'a Ownership) -> Self {
        let before = match ownership {
            Ownership::Known(owned) => owned.clone(),
            Ownership::None | Ownership::Corrupt => Owned::default(),
        };
        Self {
            node,
            ownership,
            before,
            live: BTreeSet::new(),
            launch: BTreeSet::new(),
            changed: BTreeMap::new(),
        }
    }

    fn settle(&mut self, desired: &Desired) {
        for (key, label) in &desired.labels {
            match label.mode {
                LabelMode::Live => {
                    self.set(key, label);
                    self.live.insert(key.clone());
                }
                LabelMode::Launch => self.set_once(key, label),
            }
        }
        self.launch.extend(desired.absent.iter().cloned());
        for key in &self.before.labels {
            if desired.left_labels.contains(key) {
                self.live.insert(key.clone());
            } else if !desired.labels.contains_key(key) && self.node.labels.contains_key(key) {
                self.changed.insert(key.clone(), None);
            }
        }
        // What was decided once stays decided, even when its source is gone.
        let decided = self.before.launch.difference(&self.live).cloned();
        self.launch.extend(decided);
    }

    fn set_once(&mut self, key: &str, label: &Label) {
        let is_decided = self.before.launch.contains(key) || self.before.labels.contains(key);
        let is_fact = matches!(label.origin, Origin::Ec2 | Origin::Group);
        match self.ownership {
            _ if is_decided => {}
            Ownership::None => self.set(key, label),
            _ if is_fact => self.set(key, label),
            // It may have been ours, and edited since.
            Ownership::Corrupt if self.node.labels.contains_key(key) => {}
            // The tag came after the launch: it is for the nodes to come.
            Ownership::Corrupt | Ownership::Known(_) => return,
        }
        self.launch.insert(key.to_owned());
    }

    fn set(&mut self, key: &str, label: &Label) {
        if self.node.labels.get(key) != Some(&label.value) {
            self.changed.insert(key.to_owned(), Some(label.value.clone()));
        }
    }
}

/// The taints of a node on their way to what they shall be.
struct Taints {
    all: Vec<Taint>,
    before: BTreeSet<String>,
    ours: BTreeSet<String>,
    /// Whether the node is being initialised: only then are taints set that are set once.
    is_initialising: bool,
    is_corrupt: bool,
}

impl Taints {
    fn of(node: &Node, ownership: &Ownership, occasion: Occasion) -> Self {
        let before = match ownership {
            Ownership::Known(owned) => owned.taints.clone(),
            Ownership::None | Ownership::Corrupt => BTreeSet::new(),
        };
        // The labels land in the same patch, so nothing is left that the startup taint protects.
        let is_startup = |taint: &Taint| taint.key == STARTUP_TAINT;
        Self {
            all: node
                .taints
                .iter()
                .filter(|taint| !is_startup(taint))
                .cloned()
                .collect(),
            before,
            ours: BTreeSet::new(),
            is_initialising: node.is_new() && (occasion == Occasion::Launch || node.has_startup_taint()),
            is_corrupt: *ownership == Ownership::Corrupt,
        }
    }

    fn settle(&mut self, desired: &Desired) {
        for wanted in desired.taints.values() {
            let id = owned::taint_id(&wanted.taint);
            let was_ours = self.before.contains(&id);
            let is_set = match wanted.mode {
                TaintMode::Always => true,
                TaintMode::OnInitialization => self.is_initialising && !wanted.of_agent,
            };
            if is_set {
                self.set(&wanted.taint);
            }
            if is_set || was_ours || (self.is_corrupt && self.has(&id)) {
                self.ours.insert(id);
            }
        }
        for id in self.before.difference(&self.ours.clone()) {
            let key = owned::key_of(id);
            // Set once, with another effect than its tag says now. Without it the node would be open to everybody.
            let is_settled = desired
                .taints
                .get(key)
                .is_some_and(|wanted| wanted.mode == TaintMode::OnInitialization);
            if is_settled || desired.left_taints.contains(key) {
                self.ours.insert(id.clone());
            } else {
                self.all.retain(|taint| owned::taint_id(taint) != *id);
            }
        }
    }

    fn has(&self, id: &str) -> bool {
        self.all.iter().any(|taint| owned::taint_id(taint) == id)
    }

    fn set(&mut self, wanted: &Taint) {
        let same = |taint: &&mut Taint| taint.key == wanted.key && taint.effect == wanted.effect;
        match self.all.iter_mut().find(same) {
            None => self.all.push(wanted.clone()),
            Some(taint) => taint.value.clone_from(&wanted.value),
        }
    }
}

#[cfg(test)]
mod tests;
