//! Pins of the cluster's CA: by them a machine that knows nobody recognises the cluster.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use x509_parser::pem::Pem;

/// What kubeadm calls a hash of a CA: SHA-256 over the certificate's `SubjectPublicKeyInfo`, so that a renewed
/// certificate of the same key keeps its pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Pin(String);

impl Pin {
    /// `sha256:` and 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A bundle without certificates, or with one that can't be read. Nobody is told to join by it: who has no
/// pin would have to trust whoever answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPins {
    /// Nothing in it.
    #[error("the cluster's CA bundle has no certificate")]
    Empty,
    /// A block that is none.
    #[error("certificate {position} of the cluster's CA bundle: {problem}")]
    Unreadable {
        /// Which one, counted from 1.
        position: usize,
        /// What is wrong.
        problem: String,
    },
}

/// The pins of every certificate in a PEM bundle, in its order. During a rotation there are two, and a machine
/// may meet either.
pub fn pins(bundle: &[u8]) -> Result<Vec<Pin>, NoPins> {
    let mut pins: Vec<Pin> = Vec::new();
    for (n, block) in Pem::iter_from_buffer(bundle).enumerate() {
        let unreadable = |problem: String| NoPins::Unreadable {
            position: n + 1,
            problem,
        };
        let block = block.map_err(|error| unreadable(error.to_string()))?;
        if block.label != "CERTIFICATE" {
            return Err(unreadable(format!("it is a {}", block.label)));
        }
        let certificate = block
            .parse_x509()
            .map_err(|error| unreadable(error.to_string()))?;
        let pin = of_key(certificate.public_key().raw);
        if !pins.contains(&pin) {
            pins.push(pin);
        }
    }
    if pins.is_empty() {
        Err(NoPins::Empty)
    } else {
        Ok(pins)
    }
}

fn of_key(public_key_info: &[u8]) -> Pin {
    let digest = Sha256::digest(public_key_info);
    let mut text = String::from("sha256:");
    for byte in digest {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
    }
    Pin(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by OpenSSL; the pins by
    /// `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256`.
    const RSA: &str = include_str!("testdata/ca-rsa.pem");
    const RSA_PIN: &str = "sha256:91bc7b3ffa323cbcb0fa44e6c34e4ce2d3f571cf14da26ee85c2f98f65782588";
    const EC: &str = include_str!("testdata/ca-ec.pem");
    const EC_PIN: &str = "sha256:12bf7a47b981928824aa9b4ed91348d1404c08a77ef6b2e9588cc95ba942edde";

    fn texts(bundle: &str) -> Vec<String> {
        let pins = pins(bundle.as_bytes()).unwrap();
        pins.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn case_13_a_pin_is_what_openssl_computes() {
        assert_eq!(texts(RSA), [RSA_PIN]);
        assert_eq!(texts(EC), [EC_PIN]);
    }

    #[test]
    fn case_12_during_a_rotation_both_cas_are_pinned_each_once() {
        let comment = "# the new one\n";
        assert_eq!(texts(&format!("{RSA}{comment}{EC}{RSA}")), [RSA_PIN, EC_PIN]);
    }

    #[test]
    fn case_12_a_bundle_that_is_empty_or_can_not_be_read_pins_nothing() {
        for empty in ["", "\n", "no certificate here"] {
            assert_eq!(pins(empty.as_bytes()), Err(NoPins::Empty), "{empty:?}");
        }
        let key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        let cut = &EC[..EC.len() / 2];
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (second, problem) in [(key, "it is a PUBLIC KEY"), (cut, ""), (junk, "")] {
            let error = pins(format!("{RSA}{second}").as_bytes()).unwrap_err();
            let expected = format!("certificate 2 of the cluster's CA bundle: {problem}");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
}
