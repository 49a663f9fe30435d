//! Objects in buckets of a world, as its administrator sees them.

use anyhow::Result;
use emulator::Element;
use emulator::client::{Refused, encoded};
use reqwest::Method;

use crate::World;

/// The content of an object, `None` if there is none.
pub async fn read(world: &World, bucket: &str, key: &str) -> Result<Option<String>> {
    let path = format!("/{bucket}/{}", encoded(key));
    match world.aws()?.s3(Method::GET, &path, "").await {
        Ok(content) => Ok(Some(content)),
        Err(error) if Refused::is(&error, "NoSuchKey") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes an object, whether there is one or not.
pub async fn write(world: &World, bucket: &str, key: &str, content: &str) -> Result<()> {
    let path = format!("/{bucket}/{}", encoded(key));
    world.aws()?.s3(Method::PUT, &path, content).await.map(drop)
}

/// Deletes an object; none is deleted already.
pub async fn delete(world: &World, bucket: &str, key: &str) -> Result<()> {
    let path = format!("/{bucket}/{}", encoded(key));
    world.aws()?.s3(Method::DELETE, &path, "").await.map(drop)
}

/// The keys that begin with `prefix`, in order.
pub async fn keys(world: &World, bucket: &str, prefix: &str) -> Result<Vec<String>> {
    let client = world.aws()?;
    let first = format!("/{bucket}?list-type=2&prefix={}", in_query(prefix));
    let mut path = first.clone();
    let mut keys = Vec::new();
    loop {
        let page = Element::parse(&client.s3(Method::GET, &path, "").await?)?;
        let found = page.children.iter().filter(|child| child.name == "Contents");
        keys.extend(found.filter_map(|object| object.text_at("Key")));
        match page.text_at("NextContinuationToken") {
            Some(token) => path = format!("{first}&continuation-token={}", in_query(&token)),
            None => return Ok(keys),
        }
    }
}

/// How often the object was written since the bucket began to keep versions.
pub async fn writes(world: &World, bucket: &str, key: &str) -> Result<usize> {
    let path = format!("/{bucket}?versions&prefix={}", in_query(key));
    let page = Element::parse(&world.aws()?.s3(Method::GET, &path, "").await?)?;
    let is_one = |child: &&Element| child.name == "Version" && child.text_at("Key").as_deref() == Some(key);
    Ok(page.children.iter().filter(is_one).count())
}

fn in_query(text: &str) -> String {
    encoded(text).replace('/', "%2F")
}
