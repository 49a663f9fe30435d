//! The signature that a token leaves in `cluster-info`: a JWS whose payload is elsewhere (RFC 7515, appendix F).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::configuration::Token;

/// Whether `signature` is this token's for `content`.
pub(super) fn is_of(token: &Token, signature: &str, content: &str) -> bool {
    check(token, signature, content).is_some()
}

fn check(token: &Token, signature: &str, content: &str) -> Option<()> {
    let mut parts = signature.split('.');
    let (header, payload, code) = (parts.next()?, parts.next()?, parts.next()?);
    let named: Value = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
    let expected =
        named["alg"] == "HS256" && named["kid"] == token.id && payload.is_empty() && parts.next().is_none();
    if !expected {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(token.secret.as_bytes()).ok()?;
    mac.update(format!("{header}.{}", BASE64.encode(content)).as_bytes());
    mac.verify_slice(&BASE64.decode(code).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str, secret: &str) -> Token {
        Token {
            id: id.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// Made with `openssl dgst -sha256 -hmac 0123456789abcdef`.
    const SIGNATURE: &str =
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..psz1NayrXM3IaFzKZGsb5n_mBl7MjtlsZ1xE8MRmF_4";

    #[test]
    fn a_signature_is_that_of_one_token_for_one_content() {
        let ours = token("abcdef", "0123456789abcdef");
        assert!(is_of(&ours, SIGNATURE, "content"));
        assert!(!is_of(&ours, SIGNATURE, "contents"));
        assert!(!is_of(&token("abcdef", "0123456789abcdee"), SIGNATURE, "content"));
        assert!(!is_of(&token("abcdee", "0123456789abcdef"), SIGNATURE, "content"));
    }

    #[test]
    fn no_other_algorithm_and_no_attached_payload_is_accepted() {
        let ours = token("abcdef", "0123456789abcdef");
        let code = SIGNATURE.rsplit('.').next().unwrap();
        let none = BASE64.encode(r#"{"alg":"none","kid":"abcdef"}"#);
        assert!(!is_of(&ours, &format!("{none}.."), "content"));
        let header = SIGNATURE.split('.').next().unwrap();
        assert!(!is_of(
            &ours,
            &format!("{header}.{}.{code}", BASE64.encode("content")),
            "content"
        ));
        assert!(!is_of(&ours, "", "content"));
    }
}
