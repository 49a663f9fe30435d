//! A bucket that writes on conditions, the bus, and the queue for what nobody can read.

use aws::eventbridge::{BusEvent, PutEvents};
use aws::s3::{
    Condition, DeleteObject, Deleted, ETag, ListObjects, Object, ObjectInfo, ReadObject, WriteObject, Written,
};
use aws::sqs::{ParkMessage, ParkedMessage};
use domain::offhours::Record;

use super::{Fake, World};

/// An object.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Kept {
    pub(in crate::tests) body: String,
    version: u64,
}

/// All that is ours is below it.
const PREFIX: &str = "off-hours/blue/";

impl Kept {
    fn etag(&self) -> ETag {
        ETag::new(&self.version.to_string())
    }
}

impl World {
    /// Somebody writes an object, below our prefix.
    pub(in crate::tests) fn put(&mut self, name: &str, body: &str) {
        let version = self.next();
        let body = body.to_owned();
        self.objects
            .insert(format!("{PREFIX}{name}"), Kept { body, version });
    }

    /// The names of all objects but the lease, below our prefix.
    pub(in crate::tests) fn remembered(&self) -> Vec<String> {
        let names = self
            .objects
            .keys()
            .map(|key| key.trim_start_matches(PREFIX).to_owned());
        names.filter(|name| name != "lease.json").collect()
    }

    /// The record of a resource.
    pub(in crate::tests) fn record(&self, resource: &str) -> Option<Record> {
        let kept = self.objects.get(&format!("{PREFIX}{resource}.json"))?;
        serde_json::from_str(&kept.body).ok()
    }
}

/// `lease`, `override ...`, or the record and what it says.
fn words(key: &str, body: &str) -> String {
    let name = key.trim_start_matches(PREFIX).trim_end_matches(".json");
    match serde_json::from_str::<Record>(body) {
        Ok(record) => {
            let stage = serde_json::to_value(&record.stage).unwrap();
            let stage = stage["name"].as_str().unwrap_or_default().to_owned();
            format!("record {} {stage} {}", record.resource, record.saved)
        }
        Err(_) => name.to_owned(),
    }
}

impl ListObjects for Fake {
    async fn objects_below(&self, prefix: &str) -> Result<Vec<ObjectInfo>, aws::Error> {
        self.aws("s3 list", |world, _| {
            let below = world.objects.iter().filter(|(key, _)| key.starts_with(prefix));
            let info = |(key, kept): (&String, &Kept)| ObjectInfo {
                key: key.clone(),
                etag: kept.etag(),
            };
            Ok(below.map(info).collect())
        })
        .await
    }
}

impl ReadObject for Fake {
    async fn read_object(&self, key: &str) -> Result<Option<Object>, aws::Error> {
        self.aws("s3 get", |world, _| {
            let object = |kept: &Kept| Object {
                body: kept.body.clone(),
                etag: kept.etag(),
            };
            Ok(world.objects.get(key).map(object))
        })
        .await
    }
}

impl WriteObject for Fake {
    async fn write_object(&self, key: &str, body: &str, condition: Condition) -> Result<Written, aws::Error> {
        self.aws("s3 put", |world, _| {
            let holds = match (&condition, world.objects.get(key)) {
                (Condition::Absent, there) => there.is_none(),
                (Condition::Unchanged(etag), there) => there.is_some_and(|kept| kept.etag() == *etag),
            };
            if !holds {
                return Ok(Written::Lost);
            }
            let version = world.next();
            let body = body.to_owned();
            world.writes.push(words(key, &body));
            let kept = Kept { body, version };
            let etag = kept.etag();
            world.objects.insert(key.to_owned(), kept);
            Ok(Written::Done(etag))
        })
        .await
    }
}

impl DeleteObject for Fake {
    async fn delete_object(&self, key: &str, etag: &ETag) -> Result<Deleted, aws::Error> {
        self.aws("s3 delete", |world, _| {
            match world.objects.get(key) {
                Some(kept) if kept.etag() != *etag => return Ok(Deleted::Changed),
                Some(_) => {}
                None => return Ok(Deleted::Done),
            }
            let name = key.trim_start_matches(PREFIX).trim_end_matches(".json");
            world.writes.push(format!("forget {name}"));
            world.objects.remove(key);
            Ok(Deleted::Done)
        })
        .await
    }
}

impl PutEvents for Fake {
    async fn put_events(&self, events: &[BusEvent<'_>]) -> Result<(), aws::Error> {
        self.aws("bus put", |world, _| {
            for event in events {
                let word = |name: &str| event.detail[name].as_str().map(str::to_owned);
                let what = word("action").or_else(|| word("error")).unwrap_or_default();
                let resource = word("resource").unwrap_or_default();
                world.told.push((event.detail_type.to_owned(), resource, what));
            }
            Ok(())
        })
        .await
    }
}

impl ParkMessage for Fake {
    async fn park(&self, message: &ParkedMessage<'_>) -> Result<(), aws::Error> {
        self.aws("sqs park", |world, _| {
            world.writes.push(format!("park {}", message.message_id));
            Ok(())
        })
        .await
    }
}
