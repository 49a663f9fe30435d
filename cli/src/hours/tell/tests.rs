//! What people tell, in a bucket in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws::s3::{
    Condition, DeleteObject, Deleted, ListObjects, Object, ObjectInfo, ReadObject, WriteObject, Written,
};
use clap::Parser as _;
use domain::ids::ClusterName;
use domain::offhours::{Kind, Scales, Size};
use domain::schedule::Zone;
use off_hours::Look;

use super::*;
use crate::args::{Cli, Command, HoursCommand};
use crate::hours::fixtures::{World, key, ts};

const NOW: &str = "2026-11-26T20:00:00Z";

/// Objects by their keys; each write gives the object another tag.
#[derive(Default)]
struct Memory(Mutex<(u32, BTreeMap<String, Object>)>);

impl Memory {
    fn body(&self, key: &str) -> Option<String> {
        let objects = &self.0.lock().unwrap().1;
        objects.get(key).map(|object| object.body.clone())
    }
}

impl ListObjects for Memory {
    async fn objects_below(&self, prefix: &str) -> Result<Vec<ObjectInfo>, aws::Error> {
        let objects = &self.0.lock().unwrap().1;
        let below = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        let info = |(key, object): (&String, &Object)| ObjectInfo {
            key: key.clone(),
            etag: object.etag.clone(),
        };
        Ok(below.map(info).collect())
    }
}

impl ReadObject for Memory {
    async fn read_object(&self, key: &str) -> Result<Option<Object>, aws::Error> {
        Ok(self.0.lock().unwrap().1.get(key).cloned())
    }
}

impl WriteObject for Memory {
    async fn write_object(&self, key: &str, body: &str, when: Condition) -> Result<Written, aws::Error> {
        let (writes, objects) = &mut *self.0.lock().unwrap();
        let expected = match when {
            Condition::Absent => None,
            Condition::Unchanged(etag) => Some(etag),
        };
        if objects.get(key).map(|object| object.etag.clone()) != expected {
            return Ok(Written::Lost);
        }
        *writes += 1;
        let etag = ETag::new(&writes.to_string());
        let object = Object {
            body: body.to_owned(),
            etag: etag.clone(),
        };
        objects.insert(key.to_owned(), object);
        Ok(Written::Done(etag))
    }
}

impl DeleteObject for Memory {
    async fn delete_object(&self, key: &str, _: &ETag) -> Result<Deleted, aws::Error> {
        self.0.lock().unwrap().1.remove(key);
        Ok(Deleted::Done)
    }
}

fn cluster() -> ClusterName {
    ClusterName::parse("blue").unwrap()
}

fn order(arguments: &str) -> Order {
    let line = format!("lamplighter hours {arguments}");
    match Cli::try_parse_from(line.split_whitespace()).unwrap().command {
        Command::Hours(HoursCommand::Wake(wish)) => Order::of(Want::Awake, wish, AWAKE),
        Command::Hours(HoursCommand::Sleep(wish)) => Order::of(Want::Asleep, wish, ASLEEP),
        other => panic!("{other:?}"),
    }
}

fn told(arguments: &str) -> Vec<Override> {
    let order = order(arguments);
    let until = match &order.end {
        End::At(until) => until.after(ts(NOW), &Zone::parse("UTC").unwrap()).unwrap(),
        End::After(lasts) => ts(NOW) + *lasts,
    };
    order.overrides(until, ts(NOW))
}

fn answer() -> Answer {
    Answer::new(cluster(), ts(NOW), Zone::parse("Europe/Berlin").unwrap())
}

#[tokio::test]
async fn what_is_told_is_written_where_the_function_finds_it() {
    let bucket = Memory::default();
    let mut journal = Journal::new(&bucket, &cluster());
    for (arguments, object, want, until) in [
        ("wake", "overrides/all.json", Want::Awake, "2026-11-27T04:00:00Z"),
        (
            "sleep",
            "overrides/all.json",
            Want::Asleep,
            "2026-11-27T08:00:00Z",
        ),
        (
            "wake deployment/shop/web --for 2h",
            "overrides/deployment/shop/web.json",
            Want::Awake,
            "2026-11-26T22:00:00Z",
        ),
        (
            "sleep group/workers --until 08:00",
            "overrides/group/workers.json",
            Want::Asleep,
            "2026-11-27T08:00:00Z",
        ),
    ] {
        let told = told(arguments);
        write(&journal, &told).await.unwrap();
        assert_eq!(
            object_keys(&journal, &told),
            [format!("off-hours/blue/{object}")],
            "{arguments}"
        );
        let pages = journal.open(&mut Tally::default()).await.unwrap();
        let (found, ..) = pages
            .overrides
            .iter()
            .find(|(_, name, _)| name == object)
            .unwrap();
        assert_eq!((found.want, found.until), (want, ts(until)), "{arguments}");
        assert!(found.by.ends_with(" with lamplighter hours"), "{}", found.by);
    }
}

#[tokio::test]
async fn what_is_released_is_forgotten_and_what_was_told_of_others_is_shown() {
    let bucket = Memory::default();
    let mut journal = Journal::new(&bucket, &cluster());
    write(&journal, &told("wake")).await.unwrap();
    write(&journal, &told("sleep group/workers deployment/shop/web"))
        .await
        .unwrap();
    let pages = journal.open(&mut Tally::default()).await.unwrap();

    let everything = chosen(&[], &pages);
    assert_eq!(everything.len(), 1);
    assert_eq!(remaining(&everything, &pages).len(), 2);
    forget(&journal, &everything).await.unwrap();
    assert_eq!(bucket.body("off-hours/blue/overrides/all.json"), None);

    let pages = journal.open(&mut Tally::default()).await.unwrap();
    let some = chosen(&[key("group/workers"), key("group/others")], &pages);
    let names: Vec<&str> = some.iter().map(|one| one.object.as_str()).collect();
    assert_eq!(names, ["overrides/group/workers.json"]);
    forget(&journal, &some).await.unwrap();
    assert!(
        bucket
            .body("off-hours/blue/overrides/deployment/shop/web.json")
            .is_some()
    );
}

#[tokio::test]
async fn what_nobody_can_read_can_be_released_too() {
    let bucket = Memory::default();
    let object = "off-hours/blue/overrides/all.json";
    bucket.write_object(object, "?", Condition::Absent).await.unwrap();
    let mut journal = Journal::new(&bucket, &cluster());
    let pages = journal.open(&mut Tally::default()).await.unwrap();
    let unreadable = chosen(&[], &pages);
    assert_eq!(unreadable[0].told, None);
    forget(&journal, &unreadable).await.unwrap();
    assert_eq!(bucket.body(object), None);
    let answer = Answer {
        written: true,
        released: unreadable,
        ..answer()
    };
    assert_eq!(answer.table(), "forgotten: everything: nobody can read it\n");
}

#[test]
fn a_resource_that_is_not_there_is_refused_with_names_that_may_have_been_meant() {
    let world = World::at(NOW)
        .with("deployment/shop/web", Size::Replicas(3), &[("uptime", "always")])
        .with("deployment/shop/api", Size::Replicas(3), &[("uptime", "always")])
        .with("statefulset/shop/web-cache", Size::Replicas(3), &[]);
    let mut look = world.look();
    let refused = |look: &Look, name: &str| check::can_be_told(look, &[key(name)]).unwrap_err().to_string();
    assert_eq!(
        refused(&look, "deployment/shops/web"),
        "deployment/shops/web: there is no such resource; there is deployment/shop/web, statefulset/shop/web-cache"
    );
    assert_eq!(
        refused(&look, "deployment/shop/ui"),
        "deployment/shop/ui: there is no such resource; there is deployment/shop/api, deployment/shop/web"
    );
    assert_eq!(
        refused(&look, "group/workers"),
        "group/workers: there is no such resource"
    );
    assert_eq!(
        check::can_be_told(&look, &[key("deployment/shop/web")]).unwrap(),
        Vec::<String>::new()
    );

    look.sight.seen.unseen.insert(Kind::Group);
    let doubts = check::can_be_told(&look, &[key("group/workers")]).unwrap();
    assert_eq!(
        doubts,
        ["group/workers: nobody could be asked whether it is there"]
    );
}

#[test]
fn a_resource_that_nothing_would_be_done_about_is_refused_and_says_why() {
    let mut world = World::at(NOW)
        .with("deployment/shop/free", Size::Replicas(3), &[])
        .with(
            "deployment/shop/odd",
            Size::Replicas(3),
            &[("uptime", "whenever")],
        )
        .with("hpa/shop/web", Size::Replicas(3), &[])
        .with(
            "database/replica",
            Size::Power(domain::offhours::Switch::On),
            &[("uptime", "always")],
        );
    world.seen.resources[2].traits.scales = Some(Scales {
        target: Some(key("deployment/shop/web")),
        max: 10,
    });
    world.seen.resources[3].unsupported = Some("RDS stops no read replica".to_owned());
    let look = world.look();
    for (name, why) in [
        ("deployment/shop/free", "it has no schedule"),
        ("deployment/shop/odd", "its settings can't be read"),
        ("hpa/shop/web", "follows deployment/shop/web: tell it of that one"),
        ("database/replica", "RDS stops no read replica"),
    ] {
        let error = check::can_be_told(&look, &[key(name)]).unwrap_err();
        assert!(
            matches!(error, Error::NotFound(_)) && error.to_string().contains(why),
            "{error}"
        );
    }
}

#[test]
fn a_dry_run_shows_the_object_and_its_content() {
    let told = told("wake deployment/shop/web");
    let answer = Answer {
        objects: vec!["off-hours/blue/overrides/deployment/shop/web.json".to_owned()],
        told,
        ..answer()
    };
    let table = answer.table();
    assert!(
        table.starts_with("would write off-hours/blue/overrides/deployment/shop/web.json:\n{\n"),
        "{table}"
    );
    let (_, body) = table.split_once('\n').unwrap();
    let told: Override = serde_json::from_str(body).unwrap();
    assert_eq!(told.resource, Some(key("deployment/shop/web")));
}

#[test]
fn what_was_told_is_said_in_the_zone_of_the_deployment() {
    let mut told = told("wake");
    told[0].by = "jane with lamplighter hours".to_owned();
    let answer = Answer {
        written: true,
        objects: vec!["off-hours/blue/overrides/all.json".to_owned()],
        remaining: told.clone(),
        told,
        ..answer()
    };
    let words =
        "everything: awake until Fri 2026-11-27 05:00 +01 (for 8h), as jane with lamplighter hours said";
    assert_eq!(answer.table(), format!("{words}\nstill holds: {words}\n"));
    assert_eq!(
        self::answer().table(),
        "nothing was told that could be forgotten\n"
    );
}

#[test]
fn the_json_is_a_contract() {
    let mut told = told("sleep");
    told[0].by = "jane".to_owned();
    let released = Forgotten {
        resource: Some(key("group/workers")),
        told: None,
        object: String::new(),
    };
    let answer = Answer {
        told,
        released: vec![released],
        objects: vec!["off-hours/blue/overrides/all.json".to_owned()],
        ..answer()
    };
    assert_eq!(
        serde_json::to_value(answer).unwrap(),
        serde_json::json!({
            "cluster": "blue",
            "written": false,
            "askedToLook": false,
            "told": [{
                "resource": null,
                "want": "asleep",
                "until": "2026-11-27T08:00:00Z",
                "by": "jane",
                "at": "2026-11-26T20:00:00Z",
            }],
            "released": [{ "resource": "group/workers", "told": null }],
            "remaining": [],
            "objects": ["off-hours/blue/overrides/all.json"],
        })
    );
}
