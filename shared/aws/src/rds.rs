//! RDS: which database instances there are, stopping and starting them, and what is written on them.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, Tag};
use domain::offhours::DatabaseStatus;
use jiff::Timestamp;

use crate::error::{Call, Error};
use crate::time;

/// The largest page that the API gives.
const PAGE: i32 = 100;

/// Lists database instances.
pub trait DescribeDatabases {
    /// All of the account in this region, those of Aurora, Neptune and `DocumentDB` included: they are members of a
    /// [cluster](Database::db_cluster). The API filters by no tag.
    async fn databases(&self) -> Result<Vec<Database>, Error>;
}

/// Stops a database instance.
pub trait StopDatabase {
    /// Begins to stop it. RDS starts it by itself after seven days. One that is not `available` is refused, by an
    /// error that [is busy](Error::is_busy).
    async fn stop_database(&self, id: &str) -> Result<(), Error>;
}

/// Starts a database instance.
pub trait StartDatabase {
    /// Begins to start it. One that is not `stopped` is refused, by an error that [is busy](Error::is_busy).
    async fn start_database(&self, id: &str) -> Result<(), Error>;
}

/// Writes on a database instance what people and the next invocation read there.
pub trait TagDatabase {
    /// Sets these tags on the instance `arn`.
    async fn tag_database(&self, arn: &str, tags: &[(&str, &str)]) -> Result<(), Error>;

    /// Takes the tags of these keys away. One that is not there is fine.
    async fn untag_database(&self, arn: &str, keys: &[&str]) -> Result<(), Error>;
}

/// A database instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its identifier, one of its kind in account and region.
    pub id: String,
    /// Its name within AWS, by which it is tagged.
    pub arn: String,
    /// How it is doing.
    pub status: DatabaseStatus,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The weekly time in which AWS may work on it, in UTC: `sun:05:00-sun:05:30`.
    pub maintenance_window: String,
    /// The instance or cluster of which it is a read replica. Such a one can't be stopped.
    pub replica_of: Option<String>,
    /// Its own read replicas, instances and clusters. One that has any can't be stopped.
    pub replicas: Vec<String>,
    /// The cluster of which it is a member, and with which alone it is stopped.
    pub db_cluster: Option<String>,
    /// For example `db.t4g.medium`.
    pub class: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// For example `postgres`.
    pub engine: String,
    /// Where it runs.
    pub zones: Zones,
}

/// In how many availability zones a database instance runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zones {
    /// In one.
    Single,
    /// In one, with a standby in another. Such a one of SQL Server can't be stopped.
    Multi,
}

/// RDS as this function's role may use it.
#[derive(Debug, Clone)]
pub struct Rds {
    client: Client,
}

impl Rds {
    /// A client of the configured region.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

impl DescribeDatabases for Rds {
    async fn databases(&self) -> Result<Vec<Database>, Error> {
        let call = Call::new("rds:DescribeDBInstances", "all databases");
        let request = self.client.describe_db_instances().max_records(PAGE);
        let mut pages = request.into_paginator().send();
        let mut databases = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.clone().failed(error))?;
            for instance in page.db_instances() {
                databases.push(database_of(instance, &call)?);
            }
        }
        Ok(databases)
    }
}

impl StopDatabase for Rds {
    async fn stop_database(&self, id: &str) -> Result<(), Error> {
        let call = Call::new("rds:StopDBInstance", format!("database {id}"));
        let request = self.client.stop_db_instance().db_instance_identifier(id);
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }
}

impl StartDatabase for Rds {
    async fn start_database(&self, id: &str) -> Result<(), Error> {
        let call = Call::new("rds:StartDBInstance", format!("database {id}"));
        let request = self.client.start_db_instance().db_instance_identifier(id);
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }
}

impl TagDatabase for Rds {
    async fn tag_database(&self, arn: &str, tags: &[(&str, &str)]) -> Result<(), Error> {
        if tags.is_empty() {
            return Ok(());
        }
        let call = Call::new("rds:AddTagsToResource", arn);
        let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build();
        let request = self
            .client
            .add_tags_to_resource()
            .resource_name(arn)
            .set_tags(Some(tags.iter().map(tag).collect()));
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }

    async fn untag_database(&self, arn: &str, keys: &[&str]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let call = Call::new("rds:RemoveTagsFromResource", arn);
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let request = self
            .client
            .remove_tags_from_resource()
            .resource_name(arn)
            .set_tag_keys(Some(keys));
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }
}

fn database_of(instance: &DbInstance, call: &Call) -> Result<Database, Error> {
    let tag = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    let source = instance
        .read_replica_source_db_instance_identifier()
        .or(instance.read_replica_source_db_cluster_identifier());
    let replicas = [
        instance.read_replica_db_instance_identifiers(),
        instance.read_replica_db_cluster_identifiers(),
    ];
    Ok(Database {
        id: call
            .must("identifier", instance.db_instance_identifier())?
            .to_owned(),
        arn: call.must("ARN", instance.db_instance_arn())?.to_owned(),
        status: DatabaseStatus::parse(call.must("status", instance.db_instance_status())?),
        tags: instance.tag_list().iter().filter_map(tag).collect(),
        maintenance_window: instance
            .preferred_maintenance_window()
            .unwrap_or_default()
            .to_owned(),
        replica_of: source.map(str::to_owned),
        replicas: replicas.concat(),
        db_cluster: instance.db_cluster_identifier().map(str::to_owned),
        created: instance.instance_create_time().and_then(time::read),
        class: instance.db_instance_class().unwrap_or_default().to_owned(),
        engine: instance.engine().unwrap_or_default().to_owned(),
        zones: if instance.multi_az() == Some(true) {
            Zones::Multi
        } else {
            Zones::Single
        },
    })
}

#[cfg(test)]
mod tests;
