//! Parameters that we make ourselves: created once, listed without their values, deleted.

use aws_sdk_ssm::types::{ParameterStringFilter, ParameterTier, ParameterType, Tag};

use super::{ParameterStore, ReadSecret as _};
use crate::Secret;
use crate::error::{Call, Error};

/// The largest page that the API gives.
const PAGE: i32 = 50;
/// The most names that the API takes in one deletion.
const NAMES_IN_A_CALL: usize = 10;

/// Creates a parameter.
pub trait PutParameter {
    /// Creates it, as a `SecureString` of the standard tier. One that is there already is left as it is: the
    /// creation is a lock.
    async fn put_parameter(&self, new: &NewParameter<'_>) -> Result<Stored, Error>;
}

/// Reads a secret that may be gone.
pub trait FindSecret {
    /// The decrypted value of the parameter `name`, if there is one.
    async fn find_secret(&self, name: &str) -> Result<Option<Secret>, Error>;
}

/// Lists parameters without reading any value.
pub trait ListParameters {
    /// Those right below `path`.
    async fn parameters_below(&self, path: &str) -> Result<Vec<ParameterInfo>, Error>;
}

/// Deletes parameters.
pub trait DeleteParameters {
    /// Deletes those of these names. One that is gone already is fine.
    async fn delete_parameters(&self, names: &[String]) -> Result<(), Error>;
}

/// A parameter to be created.
#[derive(Debug, Clone)]
pub struct NewParameter<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a Secret,
    /// What anybody who lists it may read.
    pub description: &'a str,
    /// The key that encrypts it.
    pub key: &'a str,
    /// Its tags, which policies look at.
    pub tags: &'a [(&'a str, String)],
}

/// What became of a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is ours.
    Created,
    /// There was one of this name.
    Exists,
}

/// A parameter without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Its name.
    pub name: String,
    /// Its description; empty if it has none.
    pub description: String,
}

impl PutParameter for ParameterStore {
    async fn put_parameter(&self, new: &NewParameter<'_>) -> Result<Stored, Error> {
        let call = Call::new("ssm:PutParameter", format!("parameter {}", new.name));
        let tags: Result<Vec<Tag>, Error> = new
            .tags
            .iter()
            .map(|(key, value)| {
                let tag = Tag::builder().key(*key).value(value).build();
                tag.map_err(|error| call.not_sent(error))
            })
            .collect();
        let sent = self
            .client
            .put_parameter()
            .name(new.name)
            .value(new.value.expose())
            .description(new.description)
            .r#type(ParameterType::SecureString)
            .tier(ParameterTier::Standard)
            .key_id(new.key)
            .overwrite(false)
            .set_tags(Some(tags?))
            .send()
            .await;
        match sent.map_err(|error| call.failed(error)) {
            Ok(_) => Ok(Stored::Created),
            Err(error) if error.is("ParameterAlreadyExists") => Ok(Stored::Exists),
            Err(error) => Err(error),
        }
    }
}

impl FindSecret for ParameterStore {
    async fn find_secret(&self, name: &str) -> Result<Option<Secret>, Error> {
        match self.read_secret(name).await {
            Ok(secret) => Ok(Some(secret)),
            Err(error) if error.is("ParameterNotFound") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl ListParameters for ParameterStore {
    async fn parameters_below(&self, path: &str) -> Result<Vec<ParameterInfo>, Error> {
        let call = Call::new("ssm:DescribeParameters", format!("path {path}"));
        let filter = ParameterStringFilter::builder()
            .key("Path")
            .option("OneLevel")
            .values(path)
            .build()
            .map_err(|error| call.not_sent(error))?;
        let request = self
            .client
            .describe_parameters()
            .parameter_filters(filter)
            .max_results(PAGE);
        let mut pages = request.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.clone().failed(error))?;
            for parameter in page.parameters() {
                found.push(ParameterInfo {
                    name: call.must("name", parameter.name())?.to_owned(),
                    description: parameter.description().unwrap_or_default().to_owned(),
                });
            }
        }
        Ok(found)
    }
}

impl DeleteParameters for ParameterStore {
    async fn delete_parameters(&self, names: &[String]) -> Result<(), Error> {
        for chunk in names.chunks(NAMES_IN_A_CALL) {
            match chunk {
                [one] => self.delete_one(one).await?,
                several => self.delete_several(several).await?,
            }
        }
        Ok(())
    }
}

impl ParameterStore {
    async fn delete_one(&self, name: &str) -> Result<(), Error> {
        let call = Call::new("ssm:DeleteParameter", format!("parameter {name}"));
        let sent = self.client.delete_parameter().name(name).send().await;
        match sent.map_err(|error| call.failed(error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is("ParameterNotFound") => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn delete_several(&self, names: &[String]) -> Result<(), Error> {
        let subject = format!("parameters {}", names.join(", "));
        let call = Call::new("ssm:DeleteParameters", subject);
        let request = self.client.delete_parameters().set_names(Some(names.to_vec()));
        let sent = request.send().await;
        sent.map(drop).map_err(|error| call.failed(error))
    }
}

#[cfg(test)]
mod tests {
    use domain::failure::{Class, Classified as _};
    use serde_json::json;

    use super::*;
    use crate::wire::Wire;

    const PATH: &str = "/lamplighter/blue/join";
    const NAME: &str = "/lamplighter/blue/join/i-0123456789abcdef0";

    async fn put(wire: &Wire) -> Result<Stored, Error> {
        let new = NewParameter {
            name: NAME,
            value: &Secret::new("abc123.0123456789abcdef"),
            description: "token abc123",
            key: "arn:aws:kms:eu-central-1:111122223333:key/k1",
            tags: &[("lamplighter:cluster", "blue".to_owned())],
        };
        ParameterStore::new(&wire.config()).put_parameter(&new).await
    }

    #[tokio::test]
    async fn case_11_a_parameter_is_created_once_encrypted_tagged_and_of_the_standard_tier() {
        let wire = Wire::answering([(200, r#"{"Version":1}"#)]);
        assert_eq!(put(&wire).await.unwrap(), Stored::Created);
        let [request] = wire.requests().try_into().unwrap();
        assert_eq!(request.target, "AmazonSSM.PutParameter");
        assert_eq!(
            request.json(),
            json!({
                "Name": NAME,
                "Value": "abc123.0123456789abcdef",
                "Description": "token abc123",
                "Type": "SecureString",
                "Tier": "Standard",
                "KeyId": "arn:aws:kms:eu-central-1:111122223333:key/k1",
                "Overwrite": false,
                "Tags": [{ "Key": "lamplighter:cluster", "Value": "blue" }],
            })
        );
    }

    #[tokio::test]
    async fn case_2_a_parameter_that_exists_is_left_and_no_error_shows_the_value() {
        let exists = Wire::answering([(400, r#"{"__type":"ParameterAlreadyExists"}"#)]);
        assert_eq!(put(&exists).await.unwrap(), Stored::Exists);
        let full = Wire::answering([(400, r#"{"__type":"ParameterLimitExceeded","message":"10000"}"#)]);
        let error = put(&full).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(
            error.to_string(),
            format!("ssm:PutParameter for parameter {NAME}: ParameterLimitExceeded: 10000")
        );
        assert!(!format!("{error:?}").contains("0123456789abcdef\""), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_is_asked_again() {
        let throttled = (
            400,
            r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
        );
        let wire = Wire::answering([throttled, throttled, (200, r#"{"Version":1}"#)]);
        assert_eq!(put(&wire).await.unwrap(), Stored::Created);
    }

    #[tokio::test]
    async fn a_list_has_names_and_descriptions_and_reads_no_value() {
        let wire = Wire::answering([
            (
                200,
                r#"{"Parameters":[{"Name":"/a/i-1","Description":"token abc123"}],"NextToken":"n"}"#,
            ),
            (200, r#"{"Parameters":[{"Name":"/a/i-2"}]}"#),
        ]);
        let found = ParameterStore::new(&wire.config())
            .parameters_below(PATH)
            .await
            .unwrap();
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|one| (one.name.as_str(), one.description.as_str()))
            .collect();
        assert_eq!(found, [("/a/i-1", "token abc123"), ("/a/i-2", "")]);
        let requests = wire.requests();
        assert!(
            requests
                .iter()
                .all(|one| one.target == "AmazonSSM.DescribeParameters")
        );
        assert_eq!(
            requests[0].json(),
            json!({
                "ParameterFilters": [{ "Key": "Path", "Option": "OneLevel", "Values": [PATH] }],
                "MaxResults": 50,
            })
        );
    }

    #[tokio::test]
    async fn many_are_deleted_ten_at_a_time_and_one_by_its_name() {
        let names: Vec<String> = (0..21).map(|n| format!("{PATH}/i-{n:08}")).collect();
        let wire = Wire::answering([(200, "{}"), (200, "{}"), (200, "{}")]);
        let store = ParameterStore::new(&wire.config());
        store.delete_parameters(&names).await.unwrap();
        let sent: Vec<(String, usize)> = wire
            .requests()
            .iter()
            .map(|one| {
                (
                    one.target.clone(),
                    one.json()["Names"].as_array().map_or(1, Vec::len),
                )
            })
            .collect();
        let several = "AmazonSSM.DeleteParameters".to_owned();
        let one = "AmazonSSM.DeleteParameter".to_owned();
        assert_eq!(sent, [(several.clone(), 10), (several, 10), (one, 1)]);

        let gone = Wire::answering([(400, r#"{"__type":"ParameterNotFound"}"#)]);
        let store = ParameterStore::new(&gone.config());
        store.delete_parameters(&names[..1]).await.unwrap();
    }

    #[tokio::test]
    async fn a_secret_that_is_gone_is_none_and_one_that_is_denied_an_error() {
        let gone = Wire::answering([(400, r#"{"__type":"ParameterNotFound"}"#)]);
        let found = ParameterStore::new(&gone.config()).find_secret(NAME).await;
        assert_eq!(found.unwrap(), None);
        let denied = Wire::answering([(400, r#"{"__type":"AccessDeniedException","message":"no"}"#)]);
        let found = ParameterStore::new(&denied.config()).find_secret(NAME).await;
        assert!(found.unwrap_err().is_access_denied());
    }
}
