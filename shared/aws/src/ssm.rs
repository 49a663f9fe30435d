//! Systems Manager's Parameter Store: secrets at rest.

mod parameters;

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;

use crate::Secret;
use crate::error::{Call, Error};

pub use parameters::{
    DeleteParameters, FindSecret, ListParameters, NewParameter, ParameterInfo, PutParameter, Stored,
};

/// Reads one secret.
pub trait ReadSecret {
    /// The decrypted value of the secure parameter `name`.
    async fn read_secret(&self, name: &str) -> Result<Secret, Error>;
}

/// Parameter Store as this function's role may use it.
#[derive(Debug, Clone)]
pub struct ParameterStore {
    client: Client,
}

impl ParameterStore {
    /// A client of the configured region.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

impl ReadSecret for ParameterStore {
    async fn read_secret(&self, name: &str) -> Result<Secret, Error> {
        let call = Call::new("ssm:GetParameter", format!("parameter {name}"));
        let request = self.client.get_parameter().name(name).with_decryption(true);
        let answer = request.send().await.map_err(|error| call.clone().failed(error))?;
        let value = answer.parameter().and_then(|parameter| parameter.value());
        call.must("value", value).map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::Wire;
    use domain::failure::{Class, Classified as _};

    const NAME: &str = "/lamplighter/blue/kubeconfig";

    #[tokio::test]
    async fn a_secret_is_asked_for_decrypted_and_does_not_show_itself() {
        let wire = Wire::answering([(200, r#"{"Parameter":{"Name":"x","Value":"apiVersion: v1"}}"#)]);
        let secret = ParameterStore::new(&wire.config())
            .read_secret(NAME)
            .await
            .unwrap();
        assert_eq!(secret.expose(), "apiVersion: v1");
        assert!(!format!("{secret:?}").contains("apiVersion"));
        let [request] = wire.requests().try_into().unwrap();
        assert_eq!(request.target, "AmazonSSM.GetParameter");
        assert_eq!(request.json(), json!({ "Name": NAME, "WithDecryption": true }));
    }

    #[tokio::test]
    async fn a_parameter_that_is_not_there_is_named() {
        let wire = Wire::answering([(400, r#"{"__type":"ParameterNotFound"}"#)]);
        let error = ParameterStore::new(&wire.config())
            .read_secret(NAME)
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(
            error.to_string(),
            "ssm:GetParameter for parameter /lamplighter/blue/kubeconfig: ParameterNotFound: no message"
        );
    }
}
