//! What the deployment says: the settings that all functions have, and the policy for nodes.

use domain::label::{CloudController, InstanceTags, Policy, parse_aliases, parse_labels, parse_patterns};
use domain::lifecycle::HookResult;
use domain::machine::NodeNaming;
use function::Hooked;
use jiff::SignedDuration;
use runtime::env::{Invalid, Reader, seconds};

/// The function's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// What all functions have.
    pub common: Hooked,
    /// What is wanted of every node.
    pub policy: Policy,
}

impl Config {
    /// Reads the environment. The error names every variable that is missing or wrong.
    pub fn from_env() -> Result<Self, Invalid> {
        Self::read(function::config::variable)
    }

    /// | variable | unless set | |
    /// | --- | --- | --- |
    /// | `LAMPLIGHTER_NODE_NAMING` | `private-dns-name` | or `instance-id`: how nodes are named |
    /// | `LAMPLIGHTER_NODE_LABELS` | none | `key=value,key=value`: labels of every node |
    /// | `LAMPLIGHTER_CAPACITY_TYPE_ALIASES` | none | further keys of labels that say how a machine is paid for |
    /// | `LAMPLIGHTER_CLOUD_CONTROLLER` | `true` | whether a cloud controller manager runs in the cluster |
    /// | `LAMPLIGHTER_INSTANCE_TAGS` | `false` | whether tags of instances count |
    /// | `LAMPLIGHTER_READY_SECONDS` | 10 | for how long a node must have been ready |
    /// | `LAMPLIGHTER_GATE_TAINTS` | none | further taints that keep the gate closed, `*/agent-not-ready` |
    /// | `LAMPLIGHTER_READY_TIMEOUT_SECONDS` | 1800 | how long an instance waits at the hook, 60 or more |
    /// | `LAMPLIGHTER_READY_TIMEOUT_RESULT` | `ABANDON` | or `CONTINUE`: what follows then |
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
        let mut env = Reader::new(get);
        let usual = Policy::default();
        let common = Hooked::read(&mut env);
        let naming = env.or(
            "LAMPLIGHTER_NODE_NAMING",
            usual.naming,
            "private-dns-name or instance-id",
            |text| NodeNaming::parse(text).ok_or("no such naming"),
        );
        let labels = env.or(
            "LAMPLIGHTER_NODE_LABELS",
            usual.labels,
            "labels of nodes",
            parse_labels,
        );
        let aliases = env.or(
            "LAMPLIGHTER_CAPACITY_TYPE_ALIASES",
            usual.capacity_aliases,
            "keys of labels",
            parse_aliases,
        );
        let has_controller = env.flag("LAMPLIGHTER_CLOUD_CONTROLLER", true);
        let trusts_instances = env.flag("LAMPLIGHTER_INSTANCE_TAGS", false);
        let ready_for = env.or(
            "LAMPLIGHTER_READY_SECONDS",
            usual.ready_for,
            "whole seconds",
            seconds,
        );
        let gate_taints = env.or(
            "LAMPLIGHTER_GATE_TAINTS",
            usual.gate_taints,
            "keys of taints",
            parse_patterns,
        );
        let timeout = env.or(
            "LAMPLIGHTER_READY_TIMEOUT_SECONDS",
            usual.timeout,
            "whole seconds, 60 or more",
            patience,
        );
        let on_timeout = env.or(
            "LAMPLIGHTER_READY_TIMEOUT_RESULT",
            usual.on_timeout,
            "ABANDON or CONTINUE",
            result,
        );
        env.finish(|| {
            let policy = Policy {
                naming: naming?,
                labels: labels?,
                capacity_aliases: aliases?,
                cloud_controller: if has_controller? {
                    CloudController::Present
                } else {
                    CloudController::Absent
                },
                instance_tags: if trusts_instances? {
                    InstanceTags::Trusted
                } else {
                    InstanceTags::Ignored
                },
                ready_for: ready_for?,
                gate_taints: gate_taints?,
                timeout: timeout?,
                on_timeout: on_timeout?,
            };
            Ok(Self {
                common: common?,
                policy,
            })
        })
    }
}

/// No machine joins within a minute: with less patience, every one would be given up at the first look.
fn patience(text: &str) -> Result<SignedDuration, String> {
    let timeout = seconds(text).map_err(|error| error.to_string())?;
    if timeout < SignedDuration::from_mins(1) {
        return Err("too short".to_owned());
    }
    Ok(timeout)
}

fn result(text: &str) -> Result<HookResult, &'static str> {
    match text {
        "ABANDON" => Ok(HookResult::Abandon),
        "CONTINUE" => Ok(HookResult::Continue),
        _ => Err("no such result"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("LAMPLIGHTER_DEPLOYMENT", "lamplighter"),
        ("LAMPLIGHTER_CLUSTER", "blue"),
        ("LAMPLIGHTER_CLUSTER_ACCESS", "eks"),
        ("LAMPLIGHTER_HOOK_NAME", "lamplighter-node-launch"),
        (
            "LAMPLIGHTER_DEAD_LETTER_QUEUE_URL",
            "https://sqs.eu-central-1.amazonaws.com/111122223333/failed",
        ),
    ];

    pub(crate) fn config() -> Config {
        read(&[]).unwrap()
    }

    fn read(changes: &[(&str, &str)]) -> Result<Config, Invalid> {
        let value = |table: &[(&str, &str)], name: &str| {
            let entry = table.iter().find(|(key, _)| *key == name);
            entry.map(|(_, value)| (*value).to_owned())
        };
        Config::read(|name| value(changes, name).or_else(|| value(&GOOD, name)))
    }

    #[test]
    fn what_is_not_set_has_the_usual_value() {
        assert_eq!(config().policy, Policy::default());
    }

    #[test]
    fn every_setting_reaches_the_policy() {
        let set = [
            ("LAMPLIGHTER_NODE_NAMING", "instance-id"),
            ("LAMPLIGHTER_NODE_LABELS", "team=platform"),
            ("LAMPLIGHTER_CAPACITY_TYPE_ALIASES", "karpenter.sh/capacity-type"),
            ("LAMPLIGHTER_CLOUD_CONTROLLER", "false"),
            ("LAMPLIGHTER_INSTANCE_TAGS", "true"),
            ("LAMPLIGHTER_READY_SECONDS", "5"),
            ("LAMPLIGHTER_GATE_TAINTS", "*/agent-not-ready"),
            ("LAMPLIGHTER_READY_TIMEOUT_SECONDS", "600"),
            ("LAMPLIGHTER_READY_TIMEOUT_RESULT", "CONTINUE"),
        ];
        let policy = read(&set).unwrap().policy;
        let expected = Policy {
            naming: NodeNaming::InstanceId,
            labels: parse_labels("team=platform").unwrap(),
            capacity_aliases: parse_aliases("karpenter.sh/capacity-type").unwrap(),
            cloud_controller: CloudController::Absent,
            instance_tags: InstanceTags::Trusted,
            ready_for: SignedDuration::from_secs(5),
            gate_taints: parse_patterns("*/agent-not-ready").unwrap(),
            timeout: SignedDuration::from_secs(600),
            on_timeout: HookResult::Continue,
        };
        assert_eq!(policy, expected);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let wrong = [
            ("LAMPLIGHTER_NODE_LABELS", "kubernetes.io/arch=x"),
            (
                "LAMPLIGHTER_CAPACITY_TYPE_ALIASES",
                "node-role.kubernetes.io/master",
            ),
            ("LAMPLIGHTER_GATE_TAINTS", "*"),
            ("LAMPLIGHTER_READY_TIMEOUT_SECONDS", "59"),
            ("LAMPLIGHTER_READY_TIMEOUT_RESULT", "perhaps"),
            ("LAMPLIGHTER_NODE_NAMING", "hostname"),
        ];
        let error = read(&wrong).unwrap_err().to_string();
        for (variable, _) in wrong {
            assert!(error.contains(variable), "{variable}: {error}");
        }
        assert!(error.contains("left to the kubelet"), "{error}");
    }
}
