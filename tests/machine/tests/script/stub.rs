//! A machine for one test, and a run of the script on it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;
use base::Credentials;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use machine::metadata::{Facts, Instance, Metadata, Session, Sessions};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::store::Store;

pub(crate) const INSTANCE: &str = "i-00000000000000001";

/// What must never be seen: the key, the session token and the bootstrap token.
pub(crate) const SECRETS: [&str; 3] = ["the/secret+key", "the/session+token==", "0123456789abcdef"];

/// No run takes longer.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Machine {
    pub(crate) dir: PathBuf,
    pub(crate) store: Store,
    metadata: Metadata,
    settings: Vec<(&'static str, String)>,
}

impl Machine {
    /// One with an instance profile.
    pub(crate) async fn new() -> Self {
        Self::with_role(Some("machine")).await
    }

    pub(crate) async fn with_role(role: Option<&str>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("lamplighter-script-{}-{number}", std::process::id()));
        std::fs::create_dir_all(dir.join("bin")).unwrap();
        let metadata = Metadata::serve("127.0.0.1:0".parse().unwrap(), Arc::new(OneSession))
            .await
            .unwrap();
        metadata.add(Instance {
            facts: Facts {
                instance_id: INSTANCE.to_owned(),
                region: "eu-central-1".to_owned(),
                availability_zone: "eu-central-1a".to_owned(),
                private_ip: "10.0.0.7".to_owned(),
                private_dns_name: "ip-10-0-0-7.eu-central-1.compute.internal".to_owned(),
                instance_type: "m7g.large".to_owned(),
            },
            role: role.map(str::to_owned),
            user_data: None,
        });
        let machine = Self {
            dir,
            store: Store::serve().await,
            metadata,
            settings: Vec::new(),
        };
        // Programs that get arguments note them first.
        for program in ["curl", "jq", "sed", "tail", "head", "od", "tr"] {
            let real = which(program);
            let note = format!(
                r#"printf '%s\n' "$0 $*" >>"{}""#,
                machine.dir.join("arguments").display()
            );
            machine.program(program, &format!("{note}\nexec {} \"$@\"", real.display()));
        }
        machine.kubeadm("exit 0");
        machine
    }

    /// With a setting of the script.
    pub(crate) fn setting(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    /// Notes what it was called with and the configuration with its mode, then does this.
    pub(crate) fn kubeadm(&self, script: &str) {
        let dir = self.dir.display();
        let note = format!(
            r#"echo "$1" >>"{dir}/kubeadm"
if [ "$1" = join ]; then cp "$3" "{dir}/configuration"; stat -c '%a %n' "$3" "$(dirname "$3")" >"{dir}/modes"; fi"#
        );
        self.program("kubeadm", &format!("{note}\n{script}"));
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.dir.join("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What `kubeadm` was asked, in order.
    pub(crate) fn asked_of_kubeadm(&self) -> Vec<String> {
        self.noted("kubeadm").lines().map(str::to_owned).collect()
    }

    pub(crate) fn noted(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.join(name)).unwrap_or_default()
    }

    pub(crate) fn kubelet_conf(&self) -> PathBuf {
        self.dir.join("kubelet.conf")
    }

    /// Runs the script to its end.
    pub(crate) async fn run(&self) -> Run {
        let script = base::paths::checkout().join("infra/node/lamplighter-join.sh");
        let path = format!(
            "{}:{}",
            self.dir.join("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let run = Command::new(script)
            .env_clear()
            .env("PATH", path)
            .env("LAMPLIGHTER_CLUSTER", "demo")
            .env("LAMPLIGHTER_IMDS_ENDPOINT", self.metadata.endpoint_of(INSTANCE))
            .env("LAMPLIGHTER_SSM_ENDPOINT", &self.store.endpoint)
            .env("LAMPLIGHTER_RUN_DIR", self.dir.join("run"))
            .env("LAMPLIGHTER_KUBELET_CONF", self.kubelet_conf())
            .env("LAMPLIGHTER_JOIN_POLL_MIN_SECONDS", "0")
            .env("LAMPLIGHTER_JOIN_POLL_MAX_SECONDS", "1")
            .env("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "30")
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(LIMIT, run).await.unwrap().unwrap();
        Run::of(&output)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// How a run ended and what it said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl Run {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            said: text(&output.stdout) + &text(&output.stderr),
        }
    }

    pub(crate) fn ended_with(&self, code: i32, words: &str) {
        assert!(self.code == Some(code) && self.said.contains(words), "{self:#?}");
    }
}

/// A document for the machine of the tests, as node-join leaves it.
pub(crate) fn document() -> Value {
    json!({
        "version": 1, "cluster": "demo", "instanceId": INSTANCE,
        "issuedAt": Timestamp::now().to_string(), "expiresAt": in_seconds(900).to_string(),
        "expiresAtEpoch": in_seconds(900).as_second(),
        "joinConfiguration": {
            "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "JoinConfiguration",
            "discovery": { "bootstrapToken": { "token": "abcdef.0123456789abcdef" } },
        },
    })
}

pub(crate) fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.exists())
        .unwrap()
}

struct OneSession;

impl Sessions for OneSession {
    fn session<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Session>> {
        Box::pin(async {
            Ok(Session {
                credentials: Credentials {
                    access_key_id: "ASIAEXAMPLE".to_owned(),
                    secret_access_key: SECRETS[0].to_owned(),
                    session_token: Some(SECRETS[1].to_owned()),
                },
                expiration: in_seconds(3600),
            })
        })
    }
}
