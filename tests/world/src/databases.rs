//! Instances of RDS, as their people make them. No database runs behind them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use emulator::Element;
use emulator::client::Refused;

use crate::World;
use crate::world::LOOK;

/// A transition takes a second; a machine that compiles at the same time is slower.
const LIMIT: Duration = Duration::from_secs(30);

/// The status of an instance that serves.
pub const AVAILABLE: &str = "available";

/// The status of an instance that is stopped.
pub const STOPPED: &str = "stopped";

/// An instance to be made.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its identifier, in lower case.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    more: Vec<(String, String)>,
}

impl Database {
    /// A small instance of `PostgreSQL` in one zone, without tags.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            tags: BTreeMap::new(),
            more: Vec::new(),
        }
    }

    /// With a tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With another parameter of `CreateDBInstance`, such as `Engine` or `MultiAZ`; the last one of a name counts.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: &str) -> Self {
        self.more.push((parameter.to_owned(), value.to_owned()));
        self
    }

    /// Makes it, and returns its ARN when it is available.
    pub async fn create(&self, world: &World) -> Result<String> {
        let given = [
            ("DBInstanceIdentifier", self.name.as_str()),
            ("DBInstanceClass", "db.t4g.micro"),
            ("Engine", "postgres"),
            ("MasterUsername", "people"),
            ("MasterUserPassword", "not used by anybody"),
            ("AllocatedStorage", "20"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut parameters = BTreeMap::from(given);
        parameters.extend(self.more.iter().cloned());
        for (n, (key, value)) in (1..).zip(&self.tags) {
            parameters.insert(format!("Tags.Tag.{n}.Key"), key.clone());
            parameters.insert(format!("Tags.Tag.{n}.Value"), value.clone());
        }
        call(world, "CreateDBInstance", parameters).await?;
        wait_for(world, &self.name, AVAILABLE).await?;
        field(world, &self.name, "DBInstanceArn").await
    }

    /// Deletes it, in any state and without a snapshot.
    pub async fn delete(&self, world: &World) -> Result<()> {
        let parameters = [
            ("DBInstanceIdentifier", self.name.as_str()),
            ("SkipFinalSnapshot", "true"),
        ];
        call(world, "DeleteDBInstance", parameters).await.map(drop)
    }
}

/// Makes a read replica of `source`, which neither of them stops by itself.
pub async fn create_replica(world: &World, name: &str, source: &str) -> Result<()> {
    let parameters = [
        ("DBInstanceIdentifier", name),
        ("SourceDBInstanceIdentifier", source),
    ];
    call(world, "CreateDBInstanceReadReplica", parameters)
        .await
        .map(drop)
}

/// Its status, such as [`STOPPED`]; `None` if there is no such instance.
pub async fn status(world: &World, name: &str) -> Result<Option<String>> {
    match described(world, name).await {
        Ok(instance) => Ok(instance.text_at("DBInstanceStatus")),
        Err(error) if Refused::is(&error, "DBInstanceNotFound") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Stops it, as a person does, and returns when it is stopped.
pub async fn stop(world: &World, name: &str) -> Result<()> {
    call(world, "StopDBInstance", [("DBInstanceIdentifier", name)]).await?;
    wait_for(world, name, STOPPED).await
}

/// Starts it, as a person does, or AWS after seven days, and returns when it is available.
pub async fn start(world: &World, name: &str) -> Result<()> {
    call(world, "StartDBInstance", [("DBInstanceIdentifier", name)]).await?;
    wait_for(world, name, AVAILABLE).await
}

/// Waits until its status is `wanted`.
pub async fn wait_for(world: &World, name: &str, wanted: &str) -> Result<()> {
    let started = Instant::now();
    loop {
        let status = status(world, name).await?;
        if status.as_deref() == Some(wanted) {
            return Ok(());
        }
        if started.elapsed() >= LIMIT {
            bail!("database {name} is {status:?} and not {wanted} after {LIMIT:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Its tags.
pub async fn tags(world: &World, name: &str) -> Result<BTreeMap<String, String>> {
    let instance = described(world, name).await?;
    let tag = |tag: &Element| Some((tag.text_at("Key")?, tag.text_at("Value").unwrap_or_default()));
    Ok(instance.list("TagList").iter().filter_map(tag).collect())
}

/// Sets a tag.
pub async fn tag(world: &World, name: &str, key: &str, value: &str) -> Result<()> {
    let arn = field(world, name, "DBInstanceArn").await?;
    let parameters = [
        ("ResourceName", arn.as_str()),
        ("Tags.Tag.1.Key", key),
        ("Tags.Tag.1.Value", value),
    ];
    call(world, "AddTagsToResource", parameters).await.map(drop)
}

/// Takes a tag away.
pub async fn untag(world: &World, name: &str, key: &str) -> Result<()> {
    let arn = field(world, name, "DBInstanceArn").await?;
    let parameters = [("ResourceName", arn.as_str()), ("TagKeys.member.1", key)];
    call(world, "RemoveTagsFromResource", parameters).await.map(drop)
}

async fn field(world: &World, name: &str, field: &str) -> Result<String> {
    let instance = described(world, name).await?;
    instance
        .text_at(field)
        .with_context(|| format!("database {name} has no {field}"))
}

async fn described(world: &World, name: &str) -> Result<Element> {
    let answer = call(world, "DescribeDBInstances", [("DBInstanceIdentifier", name)]).await?;
    let instances = answer.list("DescribeDBInstancesResult/DBInstances");
    let instance = instances.first();
    instance
        .cloned()
        .with_context(|| format!("there is no database {name}"))
}

/// A call to RDS, as the administrator.
async fn call<K, V>(
    world: &World,
    action: &str,
    parameters: impl IntoIterator<Item = (K, V)>,
) -> Result<Element>
where
    K: AsRef<str>,
    V: AsRef<str>,
{
    world.aws()?.query("rds", "2014-10-31", action, parameters).await
}
