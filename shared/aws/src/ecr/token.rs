//! Tokens by which the registries of a region let one pull.

use aws_config::SdkConfig;
use aws_sdk_ecr::types::AuthorizationData;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::{Ecr, read_time};
use crate::Secret;
use crate::error::{Call, Error};

/// The user of every token (ECR user guide, "Private registry authentication").
const USER: &str = "AWS";

/// Asks for a pull token.
pub trait GetToken {
    /// A token for the registries of a region: of every account, as far as the role that asks may pull from them. It is
    /// good for what that role may do in ECR, for 12 hours.
    ///
    /// A token that has no end, or whose end has passed by the clock with which requests are signed, is an error.
    async fn token(&self, region: &str) -> Result<PullToken, Error>;
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullToken {
    /// The password of the user `AWS`.
    pub password: Secret,
    /// From when on registries refuse it.
    pub expires: Timestamp,
}

impl GetToken for Ecr {
    async fn token(&self, region: &str) -> Result<PullToken, Error> {
        let call = Call::new("ecr:GetAuthorizationToken", format!("registries in {region}"));
        let client = self.client(region, &call)?;
        // No registries are named: that is deprecated, and a token is good for all of them.
        let request = client.get_authorization_token();
        let answer = request.send().await.map_err(|error| call.clone().failed(error))?;
        let data = call.must("authorization data", answer.authorization_data().first())?;
        token_of(data, now(&self.config, &call)?, &call)
    }
}

/// What is wrong with a token is told without any part of it.
fn token_of(data: &AuthorizationData, now: Timestamp, call: &Call) -> Result<PullToken, Error> {
    let token = call.must("authorization token", data.authorization_token())?;
    let expires = call.must("expiry", data.expires_at().and_then(read_time))?;
    if expires <= now {
        let reason = format!("the token expired at {expires}, and it is {now}");
        return Err(call.unexpected(reason));
    }
    let password =
        password_in(token).map_err(|wrong| call.unexpected(format!("authorization token: {wrong}")))?;
    Ok(PullToken {
        password: Secret::new(password),
        expires,
    })
}

/// A token is the Base64 of user, colon and password. Only the first colon parts them: the password may have its own.
fn password_in(token: &str) -> Result<String, &'static str> {
    let decoded = STANDARD.decode(token).map_err(|_| "not Base64")?;
    let text = String::from_utf8(decoded).map_err(|_| "not UTF-8")?;
    match text.split_once(':') {
        Some((USER, "")) => Err("an empty password"),
        Some((USER, password)) => Ok(password.to_owned()),
        Some(_) => Err("a user other than AWS"),
        None => Err("no colon between user and password"),
    }
}

/// The time by which the SDK signs.
fn now(config: &SdkConfig, call: &Call) -> Result<Timestamp, Error> {
    let now = config.time_source().unwrap_or_default().now();
    Timestamp::try_from(now).map_err(|error| call.unexpected(error))
}

#[cfg(test)]
mod tests;
