//! The labels and taints that a node shall have, each with where it comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::gate;
use super::modes::{LabelMode, TaintMode};
use super::policy::{CloudController, InstanceTags, Policy};
use super::problem::{About, Origin, Problem};
use super::rules::{self, Refusal};
use super::tags::{Tagged, Template};
use crate::ids::GroupName;
use crate::keys::{CAPACITY_TYPE_LABEL, GROUP_LABEL};
use crate::machine::{CapacityType, Machine};
use crate::taint::Taint;

/// Where the node is: what a cloud controller manager would say.
const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// The label of EKS for how a machine is paid for, whose values are written in its own way.
const EKS_CAPACITY_TYPE: &str = "eks.amazonaws.com/capacityType";
/// Keys of this domain are roles: there or not there, as kops sets `node-role.kubernetes.io/spot-worker`.
const ROLE: &str = "node-role.kubernetes.io/";

/// A label that a node shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its value.
    pub value: String,
    /// How long it follows its source.
    pub mode: LabelMode,
    /// Where it comes from.
    pub origin: Origin,
}

/// A taint that a node shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredTaint {
    /// The taint.
    pub taint: Taint,
    /// How long it follows its source.
    pub mode: TaintMode,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether the gate waits for somebody who takes it away: then it is theirs, and it is not set at
    /// initialisation. They may have looked for it already, and would never look again.
    pub of_agent: bool,
}

/// All labels and taints that a node shall have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Desired {
    /// Labels by key.
    pub labels: BTreeMap<String, Label>,
    /// Taints by key.
    pub taints: BTreeMap<String, DesiredTaint>,
    /// The provider id, for a node that does not say one, in a cluster where nobody else says it.
    pub provider_id: Option<String>,
    /// What sources say that can't be done.
    pub problems: Vec<Problem>,
    /// Keys of labels of which it is decided that there shall be none.
    pub(super) absent: BTreeSet<String>,
    /// Keys of labels whose values only EC2 knows, which was not asked.
    pub(super) unknown: BTreeSet<String>,
    /// Whether EC2 must be asked each time, since tags of instances may change.
    pub(super) follows_instance: bool,
    /// Keys of labels and taints that are left as they are, since nobody can tell what they shall be.
    pub(super) left_labels: BTreeSet<String>,
    pub(super) left_taints: BTreeSet<String>,
}

impl Desired {
    /// What a node of `group` shall have. Sources in order: facts of EC2, the configuration, the group's tags and,
    /// where they are trusted, the instance's; of two for one key the later counts. Without `machine` the facts
    /// are not known, which is enough to tell whether they are needed.
    pub fn of(group: &GroupName, template: &Template, machine: Option<&Machine>, policy: &Policy) -> Self {
        let mut desired = Self::default();
        desired.take_facts(group, machine, policy);
        desired.take_labels(template, &configured(policy));
        desired.take_labels(template, &template.labels);
        desired.take_taints(template, &template.taints, policy);
        desired.take_problems(&template.problems);
        if policy.instance_tags == InstanceTags::Trusted {
            desired.follows_instance = true;
            if let Some(machine) = machine {
                let of_instance = Template::of_instance(&machine.tags);
                desired.take_labels(template, &of_instance.labels);
                desired.take_taints(template, &of_instance.taints, policy);
                desired.take_problems(&of_instance.problems);
            }
        }
        for key in &desired.left_labels {
            desired.labels.remove(key);
        }
        for key in &desired.left_taints {
            desired.taints.remove(key);
        }
        desired
    }

    fn take_facts(&mut self, group: &GroupName, machine: Option<&Machine>, policy: &Policy) {
        // A group's name may hold what no label can; then there is no such label, rather than a mangled one.
        match rules::check_label(GROUP_LABEL, group.as_str()) {
            Ok(()) => self.fact(GROUP_LABEL, Some(group.as_str()), Origin::Group),
            Err(refusal) => self.problems.push(Problem {
                origin: Origin::Group,
                about: About::Label {
                    key: GROUP_LABEL.to_owned(),
                    value: Some(group.as_str().to_owned()),
                },
                refusal,
            }),
        }
        let capacity = machine.map(|machine| machine.capacity);
        let own = CAPACITY_TYPE_LABEL.to_owned();
        for key in policy.capacity_aliases.iter().chain([&own]) {
            match capacity {
                None => drop(self.unknown.insert(key.clone())),
                Some(capacity) => self.fact(key, capacity_value(key, capacity), Origin::Ec2),
            }
        }
        if policy.cloud_controller == CloudController::Present {
            return;
        }
        let Some(machine) = machine else {
            let topology = [ZONE, REGION, INSTANCE_TYPE];
            return self.unknown.extend(topology.map(str::to_owned));
        };
        self.fact(ZONE, Some(&machine.zone), Origin::Ec2);
        self.fact(REGION, Some(&machine.region), Origin::Ec2);
        self.fact(INSTANCE_TYPE, Some(&machine.instance_type), Origin::Ec2);
        self.provider_id = Some(format!("aws:///{}/{}", machine.zone, machine.id));
    }

    /// Facts do not change in the life of a machine, so they are decided once.
    fn fact(&mut self, key: &str, value: Option<&str>, origin: Origin) {
        let Some(value) = value else {
            self.absent.insert(key.to_owned());
            return;
        };
        let label = Label {
            value: value.to_owned(),
            mode: LabelMode::Launch,
            origin,
        };
        self.labels.insert(key.to_owned(), label);
    }

    fn take_labels(&mut self, template: &Template, labels: &BTreeMap<String, Tagged<String>>) {
        for (key, label) in labels {
            let Some(mode) = template.label_mode(key) else {
                self.left_labels.insert(key.clone());
                continue;
            };
            self.unknown.remove(key);
            self.absent.remove(key);
            let label = Label {
                value: label.value.clone(),
                mode,
                origin: label.origin.clone(),
            };
            self.labels.insert(key.clone(), label);
        }
    }

    fn take_taints(
        &mut self,
        template: &Template,
        taints: &BTreeMap<String, Tagged<Taint>>,
        policy: &Policy,
    ) {
        for (key, taint) in taints {
            let Some(mode) = template.taint_mode(key) else {
                self.left_taints.insert(key.clone());
                continue;
            };
            let taint = DesiredTaint {
                taint: taint.value.clone(),
                mode,
                origin: taint.origin.clone(),
                of_agent: gate::is_ephemeral(key, policy),
            };
            self.taints.insert(key.clone(), taint);
        }
    }

    fn take_problems(&mut self, problems: &[Problem]) {
        for problem in problems {
            match &problem.about {
                // What somebody else sets was never ours to leave.
                _ if matches!(problem.refusal, Refusal::Denied { .. }) => {}
                About::Label { key, .. } => drop(self.left_labels.insert(key.clone())),
                About::Taint { key } => drop(self.left_taints.insert(key.clone())),
                // The keys that it concerns are found one by one, where their mode is asked for.
                About::Labels | About::Taints => {}
            }
        }
        self.problems.extend_from_slice(problems);
    }
}

fn configured(policy: &Policy) -> BTreeMap<String, Tagged<String>> {
    let tagged = |value: &String| Tagged {
        value: value.clone(),
        origin: Origin::Configuration,
    };
    policy
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), tagged(value)))
        .collect()
}

/// How the label `key` says `capacity`; `None` where its absence says it.
fn capacity_value(key: &str, capacity: CapacityType) -> Option<&'static str> {
    match (key, capacity) {
        (EKS_CAPACITY_TYPE, CapacityType::Spot) => Some("SPOT"),
        (EKS_CAPACITY_TYPE, CapacityType::OnDemand) => Some("ON_DEMAND"),
        (key, CapacityType::Spot) if key.starts_with(ROLE) => Some("true"),
        (key, CapacityType::OnDemand) if key.starts_with(ROLE) => None,
        (_, capacity) => Some(capacity.as_str()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tags::tests::{tags, template};
    use super::*;
    use crate::ids::InstanceId;
    use crate::machine::MachineState;

    pub(in crate::label) fn group() -> GroupName {
        GroupName::parse("workers").unwrap()
    }

    /// The machine of `node::tests::node`.
    pub(in crate::label) fn machine() -> Machine {
        let id = InstanceId::parse("i-0123456789abcdef0").unwrap();
        Machine {
            arn: crate::machine::arn("eu-central-1", "111122223333", &id),
            id,
            state: MachineState::Running,
            launched: "2026-11-20T07:58:00Z".parse().unwrap(),
            private_dns_name: "ip-10-0-1-7.eu-central-1.compute.internal".to_owned(),
            ips: vec!["10.0.1.7".parse().unwrap()],
            zone: "eu-central-1a".to_owned(),
            region: "eu-central-1".to_owned(),
            instance_type: "m7g.large".to_owned(),
            capacity: CapacityType::Spot,
            architecture: "arm64".to_owned(),
            profile_arn: None,
            tags: BTreeMap::new(),
        }
    }

    fn desired(pairs: &[(&str, &str)], machine: &Machine, policy: &Policy) -> Desired {
        Desired::of(&group(), &template(pairs), Some(machine), policy)
    }

    fn values(desired: &Desired) -> BTreeMap<String, String> {
        let value = |(key, label): (&String, &Label)| (key.clone(), label.value.clone());
        desired.labels.iter().map(value).collect()
    }

    #[test]
    fn every_node_says_its_group_and_how_it_is_paid_for() {
        let desired = desired(&[], &machine(), &Policy::default());
        let own = tags(&[
            ("lamplighter.dev/capacity-type", "spot"),
            ("lamplighter.dev/group", "workers"),
        ]);
        assert_eq!(values(&desired), own);
        assert!(
            desired
                .labels
                .values()
                .all(|label| label.mode == LabelMode::Launch)
        );
        assert_eq!(desired.provider_id, None);
    }

    #[test]
    fn of_two_sources_the_later_counts_and_each_label_names_its_own() {
        let policy = Policy {
            labels: tags(&[("team", "platform"), ("env", "test")]),
            capacity_aliases: ["example.com/capacity".to_owned()].into(),
            ..Policy::default()
        };
        let pairs = [
            ("lamplighter:label/team", "payments"),
            ("lamplighter:label/example.com/capacity", "mixed"),
        ];
        let desired = desired(&pairs, &machine(), &policy);
        let said = |key: &str| {
            let label = &desired.labels[key];
            format!("{} by {}", label.value, label.origin)
        };
        assert_eq!(said("team"), "payments by group tag \"lamplighter:label/team\"");
        assert_eq!(said("env"), "test by the configuration");
        assert_eq!(
            said("example.com/capacity"),
            "mixed by group tag \"lamplighter:label/example.com/capacity\""
        );
        assert_eq!(said("lamplighter.dev/group"), "workers by the group's name");
    }

    #[test]
    fn case_39_tags_of_the_instance_count_only_where_they_are_trusted() {
        let machine = Machine {
            tags: tags(&[
                ("lamplighter:label/team", "forged"),
                ("lamplighter:taint/gpu", ":NoSchedule"),
            ]),
            ..machine()
        };
        let pairs = [("lamplighter:label/team", "payments")];
        let ignored = desired(&pairs, &machine, &Policy::default());
        assert_eq!(ignored.labels["team"].value, "payments");
        assert!(ignored.taints.is_empty());
        let trusting = Policy {
            instance_tags: InstanceTags::Trusted,
            ..Policy::default()
        };
        let trusted = desired(&pairs, &machine, &trusting);
        assert_eq!(
            trusted.labels["team"].origin,
            Origin::InstanceTag("lamplighter:label/team".to_owned())
        );
        assert_eq!(trusted.taints["gpu"].taint.to_string(), "gpu:NoSchedule");
    }

    #[test]
    fn case_34_where_a_node_is_is_said_only_where_no_cloud_controller_says_it() {
        let absent = Policy {
            cloud_controller: CloudController::Absent,
            ..Policy::default()
        };
        let zone_tag = [(
            "k8s.io/cluster-autoscaler/node-template/label/topology.kubernetes.io/zone",
            "mars",
        )];
        let alone = desired(&zone_tag, &machine(), &absent);
        assert_eq!(alone.labels[ZONE].value, "eu-central-1a");
        assert_eq!(alone.labels[REGION].value, "eu-central-1");
        assert_eq!(alone.labels[INSTANCE_TYPE].value, "m7g.large");
        assert_eq!(
            alone.provider_id.as_deref(),
            Some("aws:///eu-central-1a/i-0123456789abcdef0")
        );
        let with_controller = desired(&zone_tag, &machine(), &Policy::default());
        assert_eq!(with_controller.labels.get(ZONE), None);
    }

    #[test]
    fn aliases_say_it_in_the_words_of_whose_they_are() {
        let policy = Policy {
            capacity_aliases: [
                EKS_CAPACITY_TYPE,
                "karpenter.sh/capacity-type",
                "node-role.kubernetes.io/spot-worker",
            ]
            .map(str::to_owned)
            .into(),
            ..Policy::default()
        };
        let of = |capacity| {
            desired(
                &[],
                &Machine {
                    capacity,
                    ..machine()
                },
                &policy,
            )
        };
        let spot = values(&of(CapacityType::Spot));
        assert_eq!(spot[EKS_CAPACITY_TYPE], "SPOT");
        assert_eq!(spot["karpenter.sh/capacity-type"], "spot");
        assert_eq!(spot["node-role.kubernetes.io/spot-worker"], "true");
        let on_demand = of(CapacityType::OnDemand);
        assert_eq!(values(&on_demand)[EKS_CAPACITY_TYPE], "ON_DEMAND");
        assert!(on_demand.absent.contains("node-role.kubernetes.io/spot-worker"));
    }

    #[test]
    fn a_key_with_a_problem_is_left_alone_whoever_else_names_it() {
        let policy = Policy {
            labels: tags(&[("team", "platform")]),
            ..Policy::default()
        };
        let pairs = [
            ("lamplighter:label/team", "two words"),
            ("lamplighter:label/env", "test"),
            ("lamplighter:label-mode/env", "sometimes"),
            ("lamplighter:taint/gpu", ":NoSchedule"),
            ("lamplighter:taint-mode", "sometimes"),
        ];
        let desired = desired(&pairs, &machine(), &policy);
        assert_eq!(desired.left_labels, ["env".to_owned(), "team".to_owned()].into());
        assert_eq!(desired.left_taints, ["gpu".to_owned()].into());
        assert!(!desired.labels.contains_key("team") && !desired.labels.contains_key("env"));
        assert!(desired.taints.is_empty());
        assert_eq!(desired.problems.len(), 3);
    }

    #[test]
    fn a_group_whose_name_can_be_no_label_gives_none_and_says_so() {
        let odd = GroupName::parse("workers (blue)").unwrap();
        let desired = Desired::of(&odd, &Template::default(), Some(&machine()), &Policy::default());
        assert!(!desired.labels.contains_key(GROUP_LABEL));
        assert!(
            desired.problems[0]
                .to_string()
                .starts_with("the group's name: value \"workers (blue)\"")
        );
    }
}
