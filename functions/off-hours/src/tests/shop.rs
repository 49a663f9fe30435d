//! What sleeps in most tests: a shop with everything that there is.

use domain::offhours::{Key, Scales, Size, Switch};
use domain::schedule::Context;

use super::fakes::{Fake, Object, Pool, World, database, map, ts};

/// Machines have it as a tag, workloads as an annotation.
pub(super) const OFFICE: (&str, &str) = ("lamplighter:schedule", "office");

/// When everything was made.
const LONG_AGO: &str = "2026-11-02T08:00:00Z";

impl World {
    pub(super) fn add(&mut self, key: &str, size: Size, annotations: &[(&str, &str)]) {
        let object = Object::new(size, annotations, ts(LONG_AGO));
        self.workloads.insert(Key::parse(key).unwrap(), object);
    }

    /// An autoscaler of the Deployment of its name.
    pub(super) fn add_autoscaler(&mut self, name: &str, min: u32, max: u32) {
        let scales = Scales {
            target: Some(Key::parse(&format!("deployment/shop/{name}")).unwrap()),
            max,
        };
        let mut object = Object::new(Size::Replicas(min), &[], ts(LONG_AGO));
        object.scales = Some(scales);
        let key = Key::parse(&format!("hpa/shop/{name}")).unwrap();
        self.workloads.insert(key, object);
    }
}

/// Nothing but a namespace that follows the schedule.
pub(super) fn empty(time: &str) -> Fake {
    let mut fake = Fake::at(time);
    fake.schedules("office=Mon-Fri 07:00-19:00 UTC");
    let mut world = fake.world();
    world
        .namespaces
        .insert("shop".to_owned(), map(&[("lamplighter.dev/schedule", "office")]));
    drop(world);
    fake
}

/// Everything that there is, awake since long ago.
pub(super) fn shop(time: &str) -> Fake {
    let fake = empty(time);
    let mut world = fake.world();
    world.namespaces.insert(
        "kube-system".to_owned(),
        map(&[("lamplighter.dev/schedule", "office")]),
    );
    world.namespaces.insert("other".to_owned(), map(&[]));
    world
        .groups
        .insert("workers".to_owned(), Pool::new("2-4-10", &[OFFICE]));
    world
        .groups
        .insert("batch".to_owned(), Pool::new("0-1-5", &[OFFICE]));
    world.groups.insert("always".to_owned(), Pool::new("1-1-1", &[]));
    world
        .nodegroups
        .insert("managed".to_owned(), Pool::new("1-2-4", &[OFFICE]));
    world
        .databases
        .insert("orders".to_owned(), database("orders", &[OFFICE]));
    let on = Size::Schedule(Switch::On);
    let off = Size::Schedule(Switch::Off);
    world.add(
        "deployment/shop/gateway",
        Size::Replicas(3),
        &[("lamplighter.dev/tier", "1")],
    );
    world.add("deployment/shop/web", Size::Replicas(7), &[]);
    world.add_autoscaler("web", 2, 10);
    world.add(
        "deployment/shop/mailer",
        Size::Replicas(1),
        &[("lamplighter.dev/tier", "9")],
    );
    world.add("deployment/shop/parked", Size::Replicas(0), &[]);
    world.add(
        "statefulset/shop/queue",
        Size::Replicas(2),
        &[("lamplighter.dev/tier", "2")],
    );
    world.add("cronjob/shop/report", on, &[]);
    world.add("cronjob/shop/retired", off, &[]);
    world.add("deployment/kube-system/coredns", Size::Replicas(2), &[]);
    world.add("deployment/other/wiki", Size::Replicas(1), &[]);
    world.settle(ts(LONG_AGO));
    drop(world);
    fake
}

/// One of each kind.
pub(super) fn corner_shop(time: &str) -> Fake {
    let fake = empty(time);
    let mut world = fake.world();
    world
        .groups
        .insert("workers".to_owned(), Pool::new("2-4-10", &[OFFICE]));
    world
        .nodegroups
        .insert("managed".to_owned(), Pool::new("1-2-4", &[OFFICE]));
    world
        .databases
        .insert("orders".to_owned(), database("orders", &[OFFICE]));
    world.add("deployment/shop/web", Size::Replicas(7), &[]);
    world.add_autoscaler("web", 2, 10);
    world.add(
        "statefulset/shop/queue",
        Size::Replicas(2),
        &[("lamplighter.dev/tier", "2")],
    );
    world.add("cronjob/shop/report", Size::Schedule(Switch::On), &[]);
    world.settle(ts(LONG_AGO));
    drop(world);
    fake
}

impl Fake {
    /// The schedules by name.
    pub(super) fn schedules(&mut self, named: &str) {
        self.config.policy.context = Context::parse(None, None, named, "").unwrap();
    }

    /// How large everything is, and what is written on it.
    pub(super) fn sizes(&self) -> Vec<String> {
        let world = self.world();
        let pools = [("group", &world.groups), ("nodegroup", &world.nodegroups)];
        let pools = pools.into_iter().flat_map(|(kind, pools)| {
            let text = move |(name, pool): (&String, &Pool)| {
                format!("{kind}/{name} {} {:?}", pool.capacity, pool.tags)
            };
            pools.iter().map(text)
        });
        let databases = world.databases.iter().map(|(name, one)| {
            format!(
                "database/{name} {} {:?}",
                one.described.status, one.described.tags
            )
        });
        let workloads = world
            .workloads
            .iter()
            .map(|(key, object)| format!("{key} {} {:?}", object.size, object.annotations));
        pools.chain(databases).chain(workloads).collect()
    }

    /// How large everything is, without what is written on it.
    pub(super) fn bare_sizes(&self) -> Vec<String> {
        let sizes = self.sizes().into_iter();
        sizes
            .map(|line| line.split(" {").next().unwrap().to_owned())
            .collect()
    }

    /// How many resources are remembered to be asleep.
    pub(super) fn count_asleep(&self) -> usize {
        let world = self.world();
        world
            .objects
            .values()
            .filter(|kept| kept.body.contains("\"asleep\""))
            .count()
    }
}
