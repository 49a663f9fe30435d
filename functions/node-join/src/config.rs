//! What the deployment says: one environment variable for each knob of the template.

use domain::join::{Endpoint, KubeadmApi, Mode, Policy};
use domain::machine::NodeNaming;
use function::Hooked;
use function::config::variable;
use jiff::SignedDuration;
use runtime::env::{Invalid, Reader, seconds};

/// How long after its launch a machine may still get a token, unless told otherwise: longer than any image
/// should take to boot, and short enough that one which never joins is not given tokens for ever.
const WINDOW: SignedDuration = SignedDuration::from_secs(3600);

/// The function's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// What all functions have.
    pub common: Hooked,
    /// `LAMPLIGHTER_JOIN_KEY_ARN`: the key that encrypts the parameters.
    pub key: String,
    /// `LAMPLIGHTER_JOIN_ENDPOINT`: where machines find the API server; unset, where `cluster-info` says.
    pub endpoint: Option<Endpoint>,
    /// `LAMPLIGHTER_KUBEADM_API`, `v1beta4` unless set: what the machines' kubeadm reads.
    pub kubeadm: KubeadmApi,
    /// Who gets a token: `LAMPLIGHTER_JOIN_MODE` (`strict` unless set), `LAMPLIGHTER_JOIN_WINDOW_SECONDS` (3600),
    /// `LAMPLIGHTER_INSTANCE_PROFILES` (ARNs between commas; unset, all), `LAMPLIGHTER_CONTROL_PLANE_GROUPS`
    /// (`false`), `LAMPLIGHTER_NODE_NAMING` (`private-dns-name`).
    pub policy: Policy,
}

impl Config {
    /// Reads the environment. The error names every variable that is missing or wrong.
    pub fn from_env() -> Result<Self, Invalid> {
        Self::read(variable)
    }

    /// Reads the settings from wherever `get` finds them.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
        let mut env = Reader::new(get);
        let common = Hooked::read(&mut env);
        let key = env.required("LAMPLIGHTER_JOIN_KEY_ARN", "the ARN of a KMS key", |text| {
            let is_arn = text.starts_with("arn:") && text.contains(":kms:");
            is_arn.then(|| text.to_owned()).ok_or("no such ARN")
        });
        let endpoint = env.optional("LAMPLIGHTER_JOIN_ENDPOINT", "<host>:<port>", Endpoint::parse);
        let kubeadm = env.or(
            "LAMPLIGHTER_KUBEADM_API",
            KubeadmApi::default(),
            "v1beta4 or v1beta3",
            |text| KubeadmApi::parse(text).ok_or("no such version"),
        );
        let mode = env.or(
            "LAMPLIGHTER_JOIN_MODE",
            Mode::default(),
            "strict or compatible",
            |text| Mode::parse(text).ok_or("no such mode"),
        );
        let window = env.or(
            "LAMPLIGHTER_JOIN_WINDOW_SECONDS",
            WINDOW,
            "whole seconds",
            seconds,
        );
        let profiles = env.optional(
            "LAMPLIGHTER_INSTANCE_PROFILES",
            "ARNs of instance profiles between commas",
            profiles,
        );
        let control_plane = env.flag("LAMPLIGHTER_CONTROL_PLANE_GROUPS", false);
        let naming = env.or(
            "LAMPLIGHTER_NODE_NAMING",
            NodeNaming::default(),
            "private-dns-name or instance-id",
            |text| NodeNaming::parse(text).ok_or("no such naming"),
        );
        env.finish(|| {
            Ok(Self {
                common: common?,
                key: key?,
                endpoint: endpoint?,
                kubeadm: kubeadm?,
                policy: Policy {
                    mode: mode?,
                    window: window?,
                    profiles: profiles?,
                    control_plane: control_plane?,
                    naming: naming?,
                },
            })
        })
    }

    /// Below this name each machine has its parameter.
    pub fn path(&self) -> String {
        format!("/lamplighter/{}/join", self.common.cluster)
    }
}

fn profiles(text: &str) -> Result<Vec<String>, String> {
    let arns = text.split(',').map(str::trim).filter(|arn| !arn.is_empty());
    arns.map(|arn| {
        if arn.starts_with("arn:") && arn.contains(":instance-profile/") {
            Ok(arn.to_owned())
        } else {
            Err(format!("{arn:?} is none"))
        }
    })
    .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const GOOD: [(&str, &str); 6] = [
        ("LAMPLIGHTER_DEPLOYMENT", "lamplighter"),
        ("LAMPLIGHTER_CLUSTER", "blue"),
        ("LAMPLIGHTER_CLUSTER_ACCESS", "eks"),
        ("LAMPLIGHTER_HOOK_NAME", "lamplighter-node-launch"),
        (
            "LAMPLIGHTER_DEAD_LETTER_QUEUE_URL",
            "https://sqs.eu-central-1.amazonaws.com/111122223333/failed",
        ),
        (
            "LAMPLIGHTER_JOIN_KEY_ARN",
            "arn:aws:kms:eu-central-1:111122223333:key/k1",
        ),
    ];

    pub(crate) fn config() -> Config {
        read(&[]).unwrap()
    }

    fn read(changes: &[(&str, &str)]) -> Result<Config, Invalid> {
        Config::read(|name| {
            let of = |table: &[(&str, &str)]| {
                table
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, v)| (*v).to_owned())
            };
            of(changes).or_else(|| of(&GOOD))
        })
    }

    #[test]
    fn what_is_not_set_has_the_safe_default() {
        let config = config();
        let safe = Policy {
            mode: Mode::Strict,
            window: SignedDuration::from_mins(60),
            profiles: None,
            control_plane: false,
            naming: NodeNaming::PrivateDnsName,
        };
        assert_eq!(config.policy, safe);
        assert_eq!((config.endpoint, config.kubeadm), (None, KubeadmApi::V1Beta4));
    }

    #[test]
    fn a_list_of_profiles_is_read_and_an_empty_one_is_no_list() {
        let arn = "arn:aws:iam::111122223333:instance-profile/workers";
        let of = |text: &str| {
            read(&[("LAMPLIGHTER_INSTANCE_PROFILES", text)])
                .unwrap()
                .policy
                .profiles
        };
        assert_eq!(of(&format!("{arn}, {arn}")), Some(vec![arn.to_owned(); 2]));
        assert_eq!(of(""), None);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let wrong = [
            ("LAMPLIGHTER_JOIN_KEY_ARN", "alias/aws/ssm"),
            ("LAMPLIGHTER_JOIN_MODE", "lenient"),
            ("LAMPLIGHTER_JOIN_WINDOW_SECONDS", "an hour"),
            ("LAMPLIGHTER_JOIN_ENDPOINT", "api.example.org"),
            ("LAMPLIGHTER_KUBEADM_API", "v1beta2"),
            ("LAMPLIGHTER_NODE_NAMING", "hostname"),
            ("LAMPLIGHTER_INSTANCE_PROFILES", "workers"),
            ("LAMPLIGHTER_CONTROL_PLANE_GROUPS", "some"),
        ];
        let text = read(&wrong).unwrap_err().to_string();
        for (variable, _) in wrong {
            assert!(text.contains(variable), "{variable}: {text}");
        }
    }
}
