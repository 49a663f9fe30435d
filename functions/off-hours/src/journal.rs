//! What is remembered between invocations: objects in a bucket, each written on a condition.
//!
//! | object, below `off-hours/<cluster>/` | what |
//! | --- | --- |
//! | `<kind>/<name>.json` | the record of a resource that sleeps, or did a moment ago |
//! | `overrides/all.json`, `overrides/<kind>/<name>.json` | what a person told us, until some moment |
//! | `lease.json` | who converges now |

use std::collections::BTreeMap;

use aws::s3::{Condition, DeleteObject, Deleted, ETag, ListObjects, ReadObject, WriteObject, Written};
use domain::ids::ClusterName;
use domain::offhours::{Key, Lease, OVERRIDES, Override, Record, VERSION};
use function::report::count;
use function::rounds::IN_FLIGHT;
use function::{Failed, Tally};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// All that the journal does with a bucket.
pub trait Objects: ListObjects + ReadObject + WriteObject + DeleteObject {}
impl<B: ListObjects + ReadObject + WriteObject + DeleteObject> Objects for B {}

const LEASE: &str = "lease.json";
const SUFFIX: &str = ".json";

/// The journal of one cluster.
pub struct Journal<'a, B> {
    bucket: &'a B,
    prefix: String,
    /// What was read already, by the object's name: an object with the same tag has the same content.
    read: BTreeMap<String, (ETag, String)>,
}

/// What is in it.
#[derive(Debug, Default)]
pub struct Pages {
    /// Records that can be read.
    pub records: BTreeMap<Key, (Record, ETag)>,
    /// Records that can't, by the names of their objects; why.
    pub unreadable: BTreeMap<String, String>,
    /// What people told us.
    pub overrides: Vec<(Override, String, ETag)>,
    /// Who converges.
    pub lease: Option<(Lease, ETag)>,
}

impl<'a, B: Objects> Journal<'a, B> {
    /// That of `cluster`; nothing is read yet.
    pub fn new(bucket: &'a B, cluster: &ClusterName) -> Self {
        Self {
            bucket,
            prefix: format!("off-hours/{cluster}/"),
            read: BTreeMap::new(),
        }
    }

    /// Reads everything that has changed since it was last read.
    pub async fn open(&mut self, tally: &mut Tally) -> Result<Pages, Failed> {
        tally.one(count::AWS_CALLS);
        let objects = self.bucket.objects_below(&self.prefix).await?;
        let is_new = |object: &&aws::s3::ObjectInfo| {
            self.read
                .get(&object.key)
                .is_none_or(|(etag, _)| *etag != object.etag)
        };
        let fresh: Vec<_> = objects.iter().filter(is_new).collect();
        tally.count(count::AWS_CALLS, fresh.len() as u64);
        let bucket = self.bucket;
        let fetched: Vec<_> = futures::stream::iter(&fresh)
            .map(|object| async move {
                Ok::<_, Failed>((object.key.clone(), bucket.read_object(&object.key).await?))
            })
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await?;
        self.read
            .retain(|key, _| objects.iter().any(|object| object.key == *key));
        for (key, object) in fetched {
            match object {
                Some(object) => self.read.insert(key, (object.etag, object.body)),
                None => self.read.remove(&key),
            };
        }
        Ok(self.pages())
    }

    fn pages(&self) -> Pages {
        let mut pages = Pages::default();
        for (key, (etag, body)) in &self.read {
            let name = key.strip_prefix(&self.prefix).unwrap_or(key);
            if name == LEASE {
                pages.lease = parse(body).ok().map(|lease| (lease, etag.clone()));
                continue;
            }
            let outcome = if name.starts_with(OVERRIDES) {
                parse(body).map(|told| pages.overrides.push((told, name.to_owned(), etag.clone())))
            } else {
                parse::<Record>(body)
                    .and_then(|record| check(record, name))
                    .map(|record| {
                        pages
                            .records
                            .insert(record.resource.clone(), (record, etag.clone()));
                    })
            };
            if let Err(why) = outcome {
                pages.unreadable.insert(name.to_owned(), format!("{key}: {why}"));
            }
        }
        pages
    }

    /// Reads the lease alone. One that nobody can read counts as none, and is replaced by its tag.
    pub async fn lease(&self, tally: &mut Tally) -> Result<(Option<Lease>, Option<ETag>), Failed> {
        tally.one(count::AWS_CALLS);
        let object = self.bucket.read_object(&self.key(LEASE)).await?;
        Ok(object.map_or((None, None), |object| {
            (parse(&object.body).ok(), Some(object.etag))
        }))
    }

    /// Writes the lease, if nobody has since `seen`.
    pub async fn write_lease(
        &self,
        lease: &Lease,
        seen: Option<ETag>,
        tally: &mut Tally,
    ) -> Result<Written, Failed> {
        self.write(
            LEASE,
            lease,
            seen.map_or(Condition::Absent, Condition::Unchanged),
            tally,
        )
        .await
    }

    /// Creates or replaces a record.
    pub async fn write_record(
        &self,
        record: &Record,
        condition: Condition,
        tally: &mut Tally,
    ) -> Result<Written, Failed> {
        self.write(&record_name(&record.resource), record, condition, tally)
            .await
    }

    /// Deletes a record that is still the one of `seen`.
    pub async fn delete_record(&self, key: &Key, seen: &ETag, tally: &mut Tally) -> Result<Deleted, Failed> {
        self.delete(&record_name(key), seen, tally).await
    }

    /// Sets what a person told us, in place of what was told of the same before.
    pub async fn tell(&self, told: &Override, tally: &mut Tally) -> Result<(), Failed> {
        let name = Override::object_name(told.resource.as_ref());
        // Somebody else tells us of the same at this moment: the later one counts, as at any other moment.
        for _ in 0..TRIES {
            let seen = self.told(&name, tally).await?;
            let is_older = seen
                .as_ref()
                .is_some_and(|(before, _)| before.as_ref().is_some_and(|before| before.at > told.at));
            if is_older {
                return Ok(());
            }
            let condition = seen.map_or(Condition::Absent, |(_, etag)| Condition::Unchanged(etag));
            if let Written::Done(_) = self.write(&name, told, condition, tally).await? {
                return Ok(());
            }
        }
        Err(Failed::transient(format!(
            "{name}: somebody else writes it at each try"
        )))
    }

    /// Forgets what a person told us of `resource`; of everything, for none.
    pub async fn release(&self, resource: Option<&Key>, tally: &mut Tally) -> Result<(), Failed> {
        let name = Override::object_name(resource);
        if let Some((_, etag)) = self.told(&name, tally).await? {
            self.delete(&name, &etag, tally).await?;
        }
        Ok(())
    }

    /// Deletes what a person told us, if it is still the one of `seen`.
    pub async fn expire(&self, name: &str, seen: &ETag, tally: &mut Tally) -> Result<(), Failed> {
        self.delete(name, seen, tally).await.map(drop)
    }

    async fn told(&self, name: &str, tally: &mut Tally) -> Result<Option<(Option<Override>, ETag)>, Failed> {
        tally.one(count::AWS_CALLS);
        let object = self.bucket.read_object(&self.key(name)).await?;
        Ok(object.map(|object| (parse(&object.body).ok(), object.etag)))
    }

    async fn write(
        &self,
        name: &str,
        what: &impl Serialize,
        condition: Condition,
        tally: &mut Tally,
    ) -> Result<Written, Failed> {
        let body = serde_json::to_string_pretty(what)
            .map_err(|error| Failed::permanent(format!("{name}: {error}")))?;
        tally.one(count::AWS_CALLS);
        Ok(self
            .bucket
            .write_object(&self.key(name), &body, condition)
            .await?)
    }

    async fn delete(&self, name: &str, seen: &ETag, tally: &mut Tally) -> Result<Deleted, Failed> {
        tally.one(count::AWS_CALLS);
        Ok(self.bucket.delete_object(&self.key(name), seen).await?)
    }

    /// The whole key of the object `name`.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// How often something is written against others who write the same.
const TRIES: u32 = 3;

/// The name of a record's object, below the cluster's prefix.
pub fn record_name(key: &Key) -> String {
    format!("{}{SUFFIX}", key.object_name())
}

fn parse<T: DeserializeOwned>(body: &str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| error.to_string())
}

/// A record counts only if it is of our version, and is where it belongs.
fn check(record: Record, name: &str) -> Result<Record, String> {
    if record.version != VERSION {
        return Err(format!("version {}: expected {VERSION}", record.version));
    }
    if record_name(&record.resource) != name {
        return Err(format!("it is the record of {}", record.resource));
    }
    if record.saved.is_zero() {
        return Err(format!(
            "saved size {}: expected one that is not zero",
            record.saved
        ));
    }
    Ok(record)
}
