//! What was seen of everything that can sleep, at one moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Key, Kind, MaintenanceWindow, Mirror, Operation, Record, Scales, Settings, SettingsError, Size, Writer,
};

/// Everything that a plan rests on.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// What there is.
    pub resources: Vec<Resource>,
    /// The records of what sleeps, or did a moment ago.
    pub records: BTreeMap<Key, Record>,
    /// Records that can't be read, and why: their resources are left alone.
    pub unreadable: BTreeMap<Key, String>,
    /// Kinds that could not be asked about.
    pub unseen: BTreeSet<Kind>,
}

impl Observation {
    /// Whether something of the cluster could not be seen: then its workloads may be awake and unsaved.
    pub fn is_blind_in_cluster(&self) -> bool {
        self.unseen.iter().any(|kind| kind.is_in_cluster())
    }
}

/// One resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Which one.
    pub key: Key,
    /// Its size now.
    pub size: Size,
    /// What people say about it, or why that can't be read.
    pub settings: Result<Settings, SettingsError>,
    /// When it was created, if known.
    pub created: Option<Timestamp>,
    /// Who wrote its size last, if known.
    pub writer: Option<Writer>,
    /// What we wrote on it when it was put to sleep.
    pub mirror: Option<Mirror>,
    /// How it is.
    pub condition: Condition,
    /// Why it can't be put to sleep at all, if so.
    pub unsupported: Option<String>,
    /// What only some kinds have.
    pub traits: Traits,
}

/// How a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// All that it is to be at its size is there and ready.
    pub is_ready: bool,
    /// Nothing of it runs any more.
    pub is_quiet: bool,
    /// Another change of it is going on; it takes none now.
    pub is_busy: bool,
}

impl Condition {
    /// Ready, and at work.
    pub const READY: Self = Self {
        is_ready: true,
        is_quiet: false,
        is_busy: false,
    };
    /// Nothing runs.
    pub const QUIET: Self = Self {
        is_ready: false,
        is_quiet: true,
        is_busy: false,
    };
}

/// What only some kinds have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// Of a group: whether an autoscaler of nodes sets its desired capacity.
    pub is_autoscaled: bool,
    /// Of a HorizontalPodAutoscaler: what it scales.
    pub scales: Option<Scales>,
    /// Of a database: when AWS maintains it.
    pub maintenance: Option<MaintenanceWindow>,
    /// Of a group: how many machines of which type it has.
    pub machines: BTreeMap<String, u32>,
}

/// Field managers by which tools deliver what somebody declared elsewhere. Whoever else wrote a size did it by hand.
/// `kubectl scale` writes as `kubectl`, `kubectl edit` as `kubectl-edit`, `kubectl apply` as
/// `kubectl-client-side-apply`; what is applied by the server is declared, whoever the manager is.
const DELIVERY: [&str; 9] = [
    "helm",
    "argocd",
    "flux",
    "kustomize-controller",
    "terraform",
    "pulumi",
    "ansible",
    "kubectl-client-side-apply",
    "kapp",
];

/// As which our writes of workloads appear in managed fields. People name it where a delivery tool must leave our
/// writes alone, as in Argo CD's `ignoreDifferences.managedFieldsManagers`.
pub const FIELD_MANAGER: &str = "lamplighter-off-hours";

impl Writer {
    /// Whether a tool delivered it.
    pub fn is_delivery(&self) -> bool {
        let manager = self.manager.to_ascii_lowercase();
        let is_ours = self.manager == FIELD_MANAGER;
        let is_tool = DELIVERY.iter().any(|tool| manager.starts_with(tool));
        is_tool || (self.operation == Operation::Apply && !is_ours)
    }
}

impl Resource {
    /// Whether a delivery tool set the size that it has.
    pub(super) fn is_declared(&self) -> bool {
        self.writer.as_ref().is_some_and(Writer::is_delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_applied_is_declared_and_what_is_scaled_or_edited_is_by_hand() {
        let cases = [
            ("kubectl", Operation::Update, false),
            ("kubectl-edit", Operation::Update, false),
            ("kube-controller-manager", Operation::Update, false),
            (FIELD_MANAGER, Operation::Update, false),
            ("kubectl-client-side-apply", Operation::Update, true),
            ("kubectl", Operation::Apply, true),
            ("somebodys-own-tool", Operation::Apply, true),
            ("Helm", Operation::Update, true),
            ("argocd-controller", Operation::Update, true),
        ];
        for (manager, operation, expected) in cases {
            let writer = Writer {
                manager: manager.to_owned(),
                operation,
                at: None,
            };
            assert_eq!(writer.is_delivery(), expected, "{writer:?}");
        }
    }
}
