//! The image from which machines boot: what is installed on them, and how they run it.

use std::ffi::OsString;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base::{Spec, paths};

/// What a machine keeps of the environment of whoever starts the world: no proxy, no AWS account of a person.
const KEPT: [&str; 3] = ["LANG", "LC_ALL", "TZ"];

/// Programs of machines, in one directory: the script of the users and the stand-in for `kubeadm`.
#[derive(Debug, Clone)]
pub struct Image {
    bin: PathBuf,
}

/// What is different from machine to machine.
#[derive(Debug)]
pub struct Boot<'a> {
    /// `i-…`.
    pub instance_id: &'a str,
    /// The user data: a script, as cloud-init would run it.
    pub user_data: &'a str,
    /// Where it asks for its metadata.
    pub metadata: &'a str,
    /// Where it finds AWS.
    pub aws: &'a str,
    /// The directory that is `/` to its programs.
    pub root: &'a Path,
    /// Where its log goes: `<logs>/<instance id>.log`.
    pub logs: &'a Path,
}

impl Image {
    /// Builds `kubeadm` where it is not built yet and puts it beside the script, in the directory `bin`.
    pub async fn build(bin: &Path) -> Result<Self> {
        let kubeadm = base::programs::build("machine", "kubeadm").await?;
        Self::of(bin, &kubeadm)
    }

    /// An image with this `kubeadm`.
    pub fn of(bin: &Path, kubeadm: &Path) -> Result<Self> {
        std::fs::create_dir_all(bin)?;
        let script = paths::checkout().join("infra/node/lamplighter-join.sh");
        for (name, program) in [("kubeadm", kubeadm), ("lamplighter-join", &script)] {
            let link = bin.join(name);
            match std::fs::remove_file(&link) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
            symlink(program, &link).with_context(|| format!("linking {}", link.display()))?;
        }
        Ok(Self { bin: bin.to_owned() })
    }

    /// The `kubeadm` of machines.
    pub fn kubeadm(&self) -> PathBuf {
        self.bin.join("kubeadm")
    }

    /// The process that a machine with this user data starts when it boots.
    pub fn boot(&self, boot: &Boot<'_>) -> Result<Spec> {
        let script = boot.root.join("var/lib/cloud/user-data");
        write_private(&script, boot.user_data)?;
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let directories = std::iter::once(self.bin.clone()).chain(std::env::split_paths(&machine));
        let mut spec = Spec::new(boot.instance_id, "/bin/sh", boot.logs).args([script]);
        for (key, _) in std::env::vars_os() {
            if !KEPT.iter().any(|kept| key == *kept) {
                spec = spec.without(key);
            }
        }
        let below = |path: &str| boot.root.join(path).into_os_string();
        let variables: [(&str, OsString); 7] = [
            ("PATH", std::env::join_paths(directories)?),
            ("MACHINE_ROOT", boot.root.into()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", boot.metadata.into()),
            ("LAMPLIGHTER_IMDS_ENDPOINT", boot.metadata.into()),
            ("LAMPLIGHTER_SSM_ENDPOINT", boot.aws.into()),
            ("LAMPLIGHTER_RUN_DIR", below("run/lamplighter")),
            ("LAMPLIGHTER_KUBELET_CONF", below("etc/kubernetes/kubelet.conf")),
        ];
        for (key, value) in variables {
            spec = spec.env(key, value);
        }
        Ok(spec)
    }
}

/// Whether cloud-init would run this user data as a script.
pub fn is_script(user_data: &str) -> bool {
    user_data.starts_with("#!")
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("writing {}", path.display()))
}
