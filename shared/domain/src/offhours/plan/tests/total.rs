//! Whatever is seen, there is a plan, and always the same one.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use crate::offhours::fixtures::{OFFICE, at, key, resource, seen};
use crate::offhours::{
    Capacity, Condition, Kind, MaintenanceWindow, Mirror, Observation, Operation, Policy, Record, Resource,
    Scales, Size, Stage, Switch, VERSION, Writer, plan,
};

const NAMES: [&str; 7] = [
    "deployment/shop/web",
    "statefulset/shop/queue",
    "cronjob/shop/report",
    "hpa/shop/web",
    "group/workers",
    "nodegroup/pool",
    "database/orders",
];

fn number() -> impl Strategy<Value = u32> {
    select(vec![0, 1, 2, 3, 10, u32::MAX])
}

fn time() -> impl Strategy<Value = Timestamp> {
    let times = ["19:59", "20:00", "20:01", "23:00", "27T08:00"].map(at);
    select(
        [
            &times[..],
            &[Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH],
        ]
        .concat(),
    )
}

/// Any, of any kind, in no order.
fn any_size() -> impl Strategy<Value = Size> {
    prop_oneof![
        (number(), number(), number()).prop_map(|(min, desired, max)| Size::Capacity(Capacity {
            min,
            desired,
            max
        })),
        number().prop_map(Size::Replicas),
        select(vec![Size::Schedule(Switch::On), Size::Schedule(Switch::Off)]),
        select(vec![Size::Power(Switch::On), Size::Power(Switch::Off)]),
    ]
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        Just(Stage::Saved),
        time().prop_map(|since| Stage::Asleep { since }),
        (time(), any_size()).prop_map(|(since, target)| Stage::Waking { since, target }),
        time().prop_map(|since| Stage::Woken { since }),
    ]
}

fn any_record(name: &'static str) -> impl Strategy<Value = Record> {
    (any_size(), any_size(), time(), stage(), number()).prop_map(move |(saved, off, now, stage, reverts)| {
        Record {
            version: if reverts == 10 { VERSION + 1 } else { VERSION },
            reverts,
            ..Record::new(key(name), saved, off, "night", now).at(stage)
        }
    })
}

const SAYS: [(&str, &str); 12] = [
    ("uptime", OFFICE),
    ("uptime", "never"),
    ("downtime", "never"),
    ("uptime", "noon"),
    ("protect", "true"),
    ("manual-changes", "enforce"),
    ("downtime-replicas", "4294967295"),
    ("off-size", "1-1-4294967295"),
    ("on-size", "0-4294967295-4294967295"),
    ("grace-period", "175307616h"),
    ("nodes-only", "true"),
    ("honor-maintenance", "true"),
];

fn any_resource(name: &'static str) -> impl Strategy<Value = Resource> {
    let says = proptest::collection::vec(select(SAYS.to_vec()), 0..5);
    let mirror = proptest::option::of((any_size(), time()));
    let writer = select(vec![None, Some("helm"), Some("kubectl")]);
    let rest = (
        any::<[bool; 5]>(),
        proptest::option::of(number()),
        proptest::option::of(time()),
    );
    (any_size(), says, mirror, writer, time(), rest).prop_map(
        move |(
            size,
            says,
            mirror,
            writer,
            wrote,
            ([is_ready, is_quiet, is_busy, is_autoscaled, fails], max, created),
        )| {
            let mut made = resource(name, "0").says(&says);
            (made.size, made.created) = (size, created);
            made.condition = Condition {
                is_ready,
                is_quiet,
                is_busy,
            };
            made.mirror = mirror.map(|(size, since)| Mirror {
                size: Some(size.to_string()),
                since,
            });
            made.writer = writer.map(|manager| Writer {
                manager: manager.to_owned(),
                operation: Operation::Update,
                at: Some(wrote),
            });
            made.unsupported = fails.then(|| "for no reason".to_owned());
            made.traits.is_autoscaled = is_autoscaled;
            made.traits.maintenance = MaintenanceWindow::parse("thu:20:00-thu:23:30");
            made.traits.scales = max.map(|max| Scales {
                target: Some(key(NAMES[0])),
                max,
            });
            made
        },
    )
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let all: Vec<_> = NAMES
        .into_iter()
        .map(|name| (any_resource(name), proptest::option::of(any_record(name))))
        .collect();
    let unseen = proptest::collection::btree_set(select(Kind::ALL.to_vec()), 0..2);
    (all, unseen).prop_map(|(all, unseen)| {
        let (resources, records): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        Observation {
            unseen,
            ..seen(resources).remembering(records.into_iter().flatten())
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_is_seen_has_one_plan_that_names_everybody_whom_it_moves(
        seen in any_observation(),
        now in time(),
        patience in select(vec![SignedDuration::MIN, SignedDuration::from_mins(10), SignedDuration::MAX]),
    ) {
        let policy = Policy { patience, grace: patience, ..Policy::default() };
        let plan = plan(&seen, &policy, now);
        let said = plan.to_string();
        prop_assert!(plan.moves.iter().all(|one| said.contains(&one.key.to_string())), "{}", said);
        prop_assert_eq!(plan.views.len(), seen.resources.len());
        let mut reversed = seen.clone();
        reversed.resources.reverse();
        let again = super::super::plan(&reversed, &policy, now);
        prop_assert_eq!((plan.moves, plan.views, plan.then), (again.moves, again.views, again.then));
    }
}
