//! What is in the Secret: the configuration of a container client, in which each registry has an entry.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::token::Password;

/// The user of every token of ECR (ECR user guide, "Private registry authentication").
const USER: &str = "AWS";

/// The value of `.dockerconfigjson`, decoded. It has no `Display` and can't be serialised; its `Debug` shows that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the request that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(redacted)")
    }
}

/// The configuration, taken apart as far as entries go. What we don't know of it is kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct DockerConfig {
    auths: Map<String, Value>,
    rest: Map<String, Value>,
}

impl fmt::Debug for DockerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DockerConfig")
            .field(&self.auths.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl DockerConfig {
    /// Reads a content; `None` if it is not an object, or its `auths` is none. Without `auths` it has no entries.
    pub(super) fn read(content: &Content) -> Option<Self> {
        let mut rest: Map<String, Value> = serde_json::from_str(&content.0).ok()?;
        match rest.remove("auths") {
            None | Some(Value::Null) => Some(Self {
                auths: Map::new(),
                rest,
            }),
            Some(Value::Object(auths)) => Some(Self { auths, rest }),
            Some(_) => None,
        }
    }

    /// Whether there is an entry of a token for this host that can be read.
    pub(super) fn has_token(&self, host: &str) -> bool {
        let Some(auth) = self.auths.get(host).and_then(|entry| entry["auth"].as_str()) else {
            return false;
        };
        let decoded = STANDARD
            .decode(auth)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let is_of_user = |text: String| {
            let password = text.split_once(':').filter(|(user, _)| *user == USER);
            password.is_some_and(|(_, password)| !password.is_empty())
        };
        decoded.is_some_and(is_of_user)
    }

    /// Puts a token in place of the entry that there is. The password is everything after the first colon, so it may have
    /// more of them.
    pub(super) fn set(&mut self, host: &str, password: &Password) {
        let auth = STANDARD.encode(format!("{USER}:{}", password.expose()));
        self.auths.insert(host.to_owned(), json!({ "auth": auth }));
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, host: &str) {
        self.auths.remove(host);
    }

    /// The whole, as it is stored.
    pub(super) fn into_content(self) -> Content {
        let mut whole = self.rest;
        whole.insert("auths".to_owned(), Value::Object(self.auths));
        Content(Value::Object(whole).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";

    fn read(text: &str) -> Option<DockerConfig> {
        DockerConfig::read(&Content::new(text))
    }

    #[test]
    fn case_52_the_user_is_aws_and_the_password_keeps_its_colons() {
        let mut config = DockerConfig::default();
        config.set(HOST, &Password::new("a:b:c"));
        assert!(config.has_token(HOST));
        let whole: Value = serde_json::from_str(config.into_content().expose()).unwrap();
        let auth = STANDARD.encode("AWS:a:b:c");
        assert_eq!(whole, json!({ "auths": { HOST: { "auth": auth } } }));
    }

    #[test]
    fn everything_else_is_kept_as_it_is() {
        let text = r#"{"auths":{"docker.io":{"auth":"eDp5","email":"a@b"},"quay.io":17},"credHelpers":{"a":"b"},"n":1.50}"#;
        let mut config = read(text).unwrap();
        config.set(HOST, &Password::new("p"));
        config.remove(HOST);
        let expected: Value = serde_json::from_str(text).unwrap();
        let whole: Value = serde_json::from_str(config.into_content().expose()).unwrap();
        assert_eq!(whole, expected);
    }

    #[test]
    fn what_can_not_be_read_is_told_from_what_is_empty() {
        for text in [
            "",
            "[]",
            "null",
            r#"{"auths":[]}"#,
            r#"{"auths":"x"}"#,
            r#"{"auths":{}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        for text in ["{}", r#"{"auths":null}"#, r#"{"auths":{}}"#] {
            assert_eq!(read(text), Some(DockerConfig::default()), "{text}");
        }
    }

    #[test]
    fn an_entry_that_is_no_token_is_found_out() {
        for entry in [
            json!(null),
            json!({}),
            json!({ "auth": 5 }),
            json!({ "auth": "%%%" }),
            json!({ "auth": STANDARD.encode("AWS:") }),
            json!({ "auth": STANDARD.encode("AWS") }),
            json!({ "auth": STANDARD.encode("alice:p") }),
            json!({ "auth": STANDARD.encode([0xff, 0xfe]) }),
        ] {
            let text = json!({ "auths": { HOST: entry } }).to_string();
            assert!(!read(&text).unwrap().has_token(HOST), "{text}");
        }
    }

    #[test]
    fn a_content_shows_nothing_of_itself() {
        let mut config = DockerConfig::default();
        config.set(HOST, &Password::new("hunter2"));
        let secret = STANDARD.encode("AWS:hunter2");
        let shown = format!("{config:?} {:?}", config.clone().into_content());
        assert!(shown.contains(HOST) && !shown.contains(&secret), "{shown}");
    }
}
