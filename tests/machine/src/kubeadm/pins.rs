//! The pins of a certificate authority.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use webpki::EndEntityCert;

/// Passes when any certificate of the bundle has any of the pins, as kubeadm does.
pub(super) fn check(bundle: &str, pins: &[String]) -> Result<()> {
    let found = of(bundle)?;
    let pinned = |pin: &String| pins.iter().any(|one| one.eq_ignore_ascii_case(pin));
    if !found.iter().any(pinned) {
        bail!(
            "cluster CA found in cluster-info ConfigMap is invalid: none of the public keys {found:?} are pinned"
        );
    }
    Ok(())
}

/// The pin of each certificate of a bundle, as `caCertHashes` has them.
pub fn of(bundle: &str) -> Result<Vec<String>> {
    CertificateDer::pem_slice_iter(bundle.as_bytes())
        .map(|certificate| pin(&certificate.context("failed to parse cluster CA")?))
        .collect()
}

/// `sha256:` and the digest of the certificate's public key with its algorithm (`SubjectPublicKeyInfo`, DER).
fn pin(certificate: &CertificateDer<'_>) -> Result<String> {
    let parsed = EndEntityCert::try_from(certificate).context("failed to parse cluster CA")?;
    let digest = Sha256::digest(parsed.subject_public_key_info().as_ref());
    Ok(format!("sha256:{}", hex(&digest)))
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl req -x509`.
    const CA: &str = "-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUZh4OC4hFlu1yDPm2LGSZ4SaVfyEwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEcGluczAgFw0yNjExMjExMTEzMTdaGA8yMTI2MTAyODExMTMx
N1owDzENMAsGA1UEAwwEcGluczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHN8
cs8Y5Hu03gSuwfXTJhbI5dYugAhDJYlc+v9BTFAFeY6q0+H22pVRYIpvTq/B6k3k
f32C5EtV9na9elafxuSjUzBRMB0GA1UdDgQWBBSiUR7GmelKjRh/BAOUYnGFxVG0
CzAfBgNVHSMEGDAWgBSiUR7GmelKjRh/BAOUYnGFxVG0CzAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIBQPOQoC3eb8Z7JU76E4icDvYqcWlja4b2Do
htFpkv2oAiEA03RYbXihPeZTTKcjLgP+rsrQZMTmJi/aWAvMs8Otnm8=
-----END CERTIFICATE-----
";

    /// By `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum`.
    const PIN: &str = "sha256:c693d7bf8b3a40ab34c9450f98ea8cb0d70de8ef44857d402c44a1b1b80b48e6";

    #[test]
    fn a_pin_is_what_openssl_makes_of_the_public_key() {
        let other = "sha256:00".to_owned();
        check(CA, &[other.clone(), PIN.to_owned()]).unwrap();
        check(CA, &[PIN.to_uppercase().replace("SHA256", "sha256")]).unwrap();
        let refused = check(CA, &[other]).unwrap_err().to_string();
        assert!(refused.contains(PIN), "{refused}");
    }

    #[test]
    fn an_empty_bundle_has_no_pin() {
        assert!(check("", &[PIN.to_owned()]).is_err());
    }
}
