//! The files of the machine.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::KeyPair;
use serde_json::json;

use super::Failure;
use super::cluster::{Cluster, Identity, kubeconfig};

/// The directory that is `/` to the machine.
pub(super) struct Root(PathBuf);

impl Root {
    /// As `MACHINE_ROOT` says. Without it, it would be this very computer that joins.
    pub(super) fn of_this_machine() -> Result<Self, Failure> {
        std::env::var_os("MACHINE_ROOT")
            .map(|root| Self(root.into()))
            .ok_or_else(|| Failure::Configuration("MACHINE_ROOT is not set".to_owned()))
    }

    fn kubelet_conf(&self) -> PathBuf {
        self.0.join("etc/kubernetes/kubelet.conf")
    }

    fn ca(&self) -> PathBuf {
        self.0.join("etc/kubernetes/pki/ca.crt")
    }

    fn pki(&self) -> PathBuf {
        self.0.join("var/lib/kubelet/pki")
    }

    /// The key of a certificate that was asked for and has not come yet.
    fn unused_key(&self) -> PathBuf {
        self.pki().join("kubelet-client.key.tmp")
    }

    /// Whether nothing is left of an earlier join.
    pub(super) fn check_vacant(&self) -> Result<(), Failure> {
        for (check, file) in [
            ("FileAvailable--etc-kubernetes-kubelet.conf", self.kubelet_conf()),
            ("FileAvailable--etc-kubernetes-pki-ca.crt", self.ca()),
        ] {
            if file.exists() {
                let problem = format!("[ERROR {check}]: {} already exists", file.display());
                return Err(Failure::Preflight(problem));
            }
        }
        Ok(())
    }

    /// Leaves the traces of a join that has begun.
    pub(super) fn occupy(&self, cluster: &Cluster) -> Result<()> {
        write(&self.ca(), &cluster.ca)
    }

    /// The key of this machine, made if there is none.
    pub(super) fn key(&self) -> Result<KeyPair> {
        let path = self.unused_key();
        match fs::read_to_string(&path) {
            Ok(pem) => Ok(KeyPair::from_pem(&pem)?),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = KeyPair::generate()?;
                write(&path, &key.serialize_pem())?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// The machine has joined.
    pub(super) fn write_kubelet_conf(&self, cluster: &Cluster, identity: &Identity) -> Result<()> {
        let pem = self.pki().join("kubelet-client-current.pem");
        write(&pem, &format!("{}{}", identity.certificate, identity.key))?;
        fs::remove_file(self.unused_key())?;
        let user = json!({"client-certificate": pem, "client-key": pem});
        write(
            &self.kubelet_conf(),
            &kubeconfig(&cluster.server, Some(&cluster.ca), &user).to_string(),
        )
    }

    /// Removes every trace of a join.
    pub(super) fn clear(&self) -> Result<()> {
        for directory in ["etc/kubernetes", "var/lib/kubelet"] {
            match fs::remove_dir_all(self.0.join(directory)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let write = || {
        if let Some(directory) = path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("writing {}", path.display()))
}
