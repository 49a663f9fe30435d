//! S3: objects that are written on a condition, so that two writers never undo each other's work.
//!
//! Every write says what it expects to find. A bucket is strongly consistent: who reads after a write sees it.

mod endpoint;
mod etag;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types;

use crate::error::{Call, Error};

pub use etag::ETag;

/// The largest page that the API gives.
const PAGE: i32 = 1000;
/// What we write.
const CONTENT_TYPE: &str = "application/json";

/// Lists objects without reading any.
pub trait ListObjects {
    /// Those whose key begins with `prefix`, by their keys.
    async fn objects_below(&self, prefix: &str) -> Result<Vec<ObjectInfo>, Error>;
}

/// Reads an object.
pub trait ReadObject {
    /// The object `key`, if there is one. Who may not list the bucket is told of a missing object that access is
    /// denied.
    async fn read_object(&self, key: &str) -> Result<Option<Object>, Error>;
}

/// Writes an object on a condition.
pub trait WriteObject {
    /// Writes `body` to the object `key`, if `condition` holds for it.
    async fn write_object(&self, key: &str, body: &str, condition: Condition) -> Result<Written, Error>;
}

/// Deletes an object on a condition.
pub trait DeleteObject {
    /// Deletes the object `key`, if it is still `etag`. IAM asks for `s3:GetObject` too, as for every deletion on a
    /// condition.
    async fn delete_object(&self, key: &str, etag: &ETag) -> Result<Deleted, Error>;
}

/// An object without what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its name in the bucket.
    pub key: String,
    /// Which content it has.
    pub etag: ETag,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What is in it.
    pub body: String,
    /// Which content it has, for the condition of the next write.
    pub etag: ETag,
}

/// What must hold for a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is no such object.
    Absent,
    /// The object is still this one.
    Unchanged(ETag),
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is written, and this is what it is known by.
    Done(ETag),
    /// The condition does not hold, or a writer at the same time was first. Read it to know what is there: it may
    /// even be ours, when the answer to a first attempt was lost on the way and a second one found its work.
    Lost,
}

/// What came of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone, and may have been before.
    Done,
    /// It is another one by now, and was left.
    Changed,
}

/// A bucket as this function's role may use it.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The bucket `name` in the configured region.
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        Self {
            client: Client::from_conf(endpoint::config(config)),
            name: name.into(),
        }
    }

    fn call(&self, operation: &'static str, key: &str) -> Call {
        Call::new(operation, format!("object {key}, bucket {}", self.name))
    }
}

impl ListObjects for Bucket {
    async fn objects_below(&self, prefix: &str) -> Result<Vec<ObjectInfo>, Error> {
        let subject = format!("objects below {prefix}, bucket {}", self.name);
        let call = Call::new("s3:ListBucket", subject);
        let request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix);
        let mut pages = request.max_keys(PAGE).into_paginator().send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.clone().failed(error))?;
            for object in page.contents() {
                objects.push(info_of(object, &call)?);
            }
        }
        Ok(objects)
    }
}

impl ReadObject for Bucket {
    async fn read_object(&self, key: &str) -> Result<Option<Object>, Error> {
        let call = self.call("s3:GetObject", key);
        let request = self.client.get_object().bucket(&self.name).key(key);
        let answer = match request.send().await.map_err(|error| call.clone().failed(error)) {
            Ok(answer) => answer,
            Err(error) if error.is("NoSuchKey") => return Ok(None),
            Err(error) => return Err(error),
        };
        let etag = etag(answer.e_tag(), &call)?;
        let body = answer
            .body
            .collect()
            .await
            .map_err(|error| call.unanswered(error))?;
        let body = String::from_utf8(body.to_vec()).map_err(|error| call.unexpected(error))?;
        Ok(Some(Object { body, etag }))
    }
}

impl WriteObject for Bucket {
    async fn write_object(&self, key: &str, body: &str, condition: Condition) -> Result<Written, Error> {
        let call = self.call("s3:PutObject", key);
        let request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(CONTENT_TYPE)
            .body(ByteStream::from(body.as_bytes().to_vec()));
        let request = match &condition {
            Condition::Absent => request.if_none_match("*"),
            Condition::Unchanged(etag) => request.if_match(etag.quoted()),
        };
        match request.send().await.map_err(|error| call.clone().failed(error)) {
            Ok(answer) => etag(answer.e_tag(), &call).map(Written::Done),
            Err(error) if does_not_hold(&error) => Ok(Written::Lost),
            Err(error) => match condition {
                // There is nothing left that could be unchanged.
                Condition::Unchanged(_) if error.is("NoSuchKey") => Ok(Written::Lost),
                Condition::Absent | Condition::Unchanged(_) => Err(error),
            },
        }
    }
}

impl DeleteObject for Bucket {
    async fn delete_object(&self, key: &str, etag: &ETag) -> Result<Deleted, Error> {
        let call = self.call("s3:DeleteObject", key);
        let request = self.client.delete_object().bucket(&self.name).key(key);
        let sent = request.if_match(etag.quoted()).send().await;
        match sent.map_err(|error| call.failed(error)) {
            Ok(_) => Ok(Deleted::Done),
            Err(error) if error.is("NoSuchKey") => Ok(Deleted::Done),
            Err(error) if does_not_hold(&error) => Ok(Deleted::Changed),
            Err(error) => Err(error),
        }
    }
}

/// User guide, "Add preconditions to S3 operations with conditional requests": 412, or 409 where another request
/// about the object was going on.
fn does_not_hold(error: &Error) -> bool {
    error.is("PreconditionFailed") || error.is("ConditionalRequestConflict")
}

fn info_of(object: &types::Object, call: &Call) -> Result<ObjectInfo, Error> {
    Ok(ObjectInfo {
        key: call.must("key", object.key())?.to_owned(),
        etag: etag(object.e_tag(), call)?,
    })
}

fn etag(text: Option<&str>, call: &Call) -> Result<ETag, Error> {
    call.must("ETag", text).map(ETag::new)
}

#[cfg(test)]
mod tests;
