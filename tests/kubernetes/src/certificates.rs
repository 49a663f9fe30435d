//! The cluster's certificates and keys, made anew for each world.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// The names by which the API server is called. The first address of the service range belongs to it, too.
const SERVER_NAMES: [&str; 7] = [
    "localhost",
    "127.0.0.1",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// A certificate authority that signs while the world is up.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?,
        })
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client certificate. The API server takes the common name for the user and the organisation for a
    /// group of theirs.
    pub(crate) fn client(&self, user: &str, group: Option<&str>) -> Result<Pair> {
        let mut params = CertificateParams::default();
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.distinguished_name.push(DnType::CommonName, user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn server(&self) -> Result<Pair> {
        let mut params = CertificateParams::new(SERVER_NAMES.map(str::to_owned))?;
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Pair> {
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair {
            certificate,
            key: key.serialize_pem(),
        })
    }
}

/// The files that the parts of the control plane are given, all of them readable by their owner only.
pub(crate) struct Files {
    dir: PathBuf,
}

impl Files {
    /// Makes every certificate and key, and the authority that signs more.
    pub(crate) fn make(dir: &Path) -> Result<(Self, Authority)> {
        let files = Self { dir: dir.to_owned() };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let cluster = Authority::new("lamplighter-world")?;
        let front_proxy = Authority::new("lamplighter-world-front-proxy")?;
        let cluster_pair = Pair {
            certificate: cluster.pem(),
            key: cluster.issuer.key().serialize_pem(),
        };
        files.write("ca", &cluster_pair)?;
        write_private(&files.certificate("front-proxy-ca"), &front_proxy.pem())?;
        files.write(
            "front-proxy-client",
            &front_proxy.client("front-proxy-client", None)?,
        )?;
        files.write("server", &cluster.server()?)?;
        let tokens = KeyPair::generate()?;
        write_private(&files.key("service-accounts"), &tokens.serialize_pem())?;
        write_private(&files.public_key("service-accounts"), &tokens.public_key_pem())?;
        Ok((files, cluster))
    }

    pub(crate) fn certificate(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.crt"))
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.key"))
    }

    pub(crate) fn public_key(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.pub"))
    }

    fn write(&self, name: &str, pair: &Pair) -> Result<()> {
        write_private(&self.certificate(name), &pair.certificate)?;
        write_private(&self.key(name), &pair.key)
    }
}

/// Writes a file that only its owner may read, also where one with other rights was before.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<()> {
    let write = || {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content.as_bytes())
    };
    write().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_the_owner_may_read_what_is_written() {
        let dir = std::env::temp_dir().join(format!("lamplighter-certificates-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("ca.key"), "somebody else's, readable by all").unwrap();
        Files::make(&dir).unwrap();
        for entry in fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{:?}",
                entry.path()
            );
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}
