//! What there is at the beginning, what stands on it, and when it is to be up.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::offhours::fixtures::{autoscaler, key, resource, ts};
use crate::offhours::{Capacity, Key, Kind, Resource, Size, Switch};

const BEGIN: &str = "2026-11-26T08:00:00Z";

/// Everything that there may be. The last is never to be touched.
pub(super) const NAMES: [&str; 9] = [
    "deployment/shop/api",
    "deployment/shop/web",
    "hpa/shop/web",
    "statefulset/shop/queue",
    "cronjob/shop/report",
    "group/workers",
    "nodegroup/pool",
    "database/orders",
    "deployment/shop/safe",
];
pub(super) const UNTOUCHED: &str = NAMES[8];
pub(super) const POOL: &str = NAMES[6];
pub(super) const DATABASE: &str = NAMES[7];
/// What an autoscaler of pods keeps, and that.
pub(super) const KEPT: [&str; 2] = [NAMES[1], NAMES[2]];

/// How everything begins.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// Which of them there are.
    present: Vec<bool>,
    /// What stands on each.
    says: Vec<u8>,
    /// Its size.
    sizes: Vec<u8>,
    /// After how many minutes what each is to be changes.
    edges: Vec<u16>,
    is_autoscaled: bool,
}

pub(super) fn setting() -> impl Strategy<Value = Setting> {
    let of_each = || proptest::collection::vec(any::<u8>(), NAMES.len());
    (
        proptest::collection::vec(any::<bool>(), NAMES.len()),
        of_each(),
        of_each(),
        proptest::collection::vec(3_u16..240, 1..8),
        any::<bool>(),
    )
        .prop_map(|(present, says, sizes, edges, is_autoscaled)| Setting {
            present,
            says,
            sizes,
            edges,
            is_autoscaled,
        })
}

impl Setting {
    pub(super) fn resources(&self) -> Vec<Resource> {
        let present = (0..NAMES.len()).filter(|thing| self.present[*thing]);
        present.map(|thing| self.resource(thing)).collect()
    }

    fn resource(&self, thing: usize) -> Resource {
        let live = any_size(&key(NAMES[thing]), self.sizes[thing]);
        let mut made = match NAMES[thing] {
            "hpa/shop/web" => autoscaler(NAMES[thing], "2", 8, KEPT[0]),
            name => resource(name, &live.to_string()),
        };
        made.traits.is_autoscaled = self.is_autoscaled;
        made.size = live;
        self.said(made, thing, self.says[thing])
    }

    /// What stands on it.
    pub(super) fn said(&self, resource: Resource, thing: usize, what: u8) -> Resource {
        let (up, down) = self.spans();
        let (up, down) = (up.as_str(), down.as_str());
        let when: &[(&str, &str)] = match what % 4 {
            0 => &[("upscale-period", up), ("downscale-period", down)],
            1 => &[("downtime", down)],
            _ => &[("uptime", up)],
        };
        let how: &[(&str, &str)] = match what / 4 % 8 {
            0 => &[("manual-changes", "enforce")],
            1 => &[("downtime-replicas", "2"), ("off-size", "1-1-3")],
            2 => &[("off-size", "0-0-0"), ("on-size", "2-3-5")],
            3 => &[("grace-period", "0s"), ("tier", "9")],
            4 => &[
                ("downtime-replicas", "1"),
                ("manual-changes", "enforce"),
                ("tier", "0"),
            ],
            _ => &[],
        };
        let untouched: [&[(&str, &str)]; 4] = [
            &[],
            &[("uptime", up), ("protect", "true")],
            &[("downtime", "noon")],
            &[("uptime", up), ("exclude", "true")],
        ];
        match (NAMES[thing], what) {
            (UNTOUCHED, what) => resource.says(untouched[usize::from(what % 4)]),
            // Most autoscalers have no schedule of their own.
            ("hpa/shop/web", 0..200) | (_, 250..) => resource.says(how),
            (_, _) => resource.says(&[when, how].concat()),
        }
    }

    /// When it is up, and when it is down.
    fn spans(&self) -> (String, String) {
        let (mut up, mut down) = (vec![], vec![]);
        let mut from = Self::begin();
        for (n, minutes) in self.edges.iter().enumerate() {
            let to = from + SignedDuration::from_mins(i64::from(*minutes));
            match n % 3 {
                0 => up.push(format!("{from}-{to}")),
                1 => down.push(format!("{from}-{to}")),
                _ => {} // nothing is said where it says both
            }
            from = to;
        }
        up.push(format!("from {}", self.morning()));
        down.push(format!("{}-{}", self.night(), self.morning()));
        (up.join(", "), down.join(", "))
    }

    pub(super) fn begin() -> Timestamp {
        ts(BEGIN)
    }

    /// From then on everything is down.
    pub(super) fn night(&self) -> Timestamp {
        let whole: i64 = self.edges.iter().copied().map(i64::from).sum();
        Self::begin() + SignedDuration::from_mins(whole + 10)
    }

    /// From then on everything is up.
    pub(super) fn morning(&self) -> Timestamp {
        self.night() + SignedDuration::from_hours(8 * 24)
    }
}

/// A size that its API takes.
pub(super) fn any_size(key: &Key, seed: u8) -> Size {
    let seed = u32::from(seed);
    match key.kind() {
        Kind::Deployment | Kind::StatefulSet => Size::Replicas(seed % 6),
        Kind::Autoscaler => Size::Replicas(1 + seed % 6),
        Kind::CronJob => Size::Schedule(if seed % 3 == 0 { Switch::Off } else { Switch::On }),
        Kind::Database => Size::Power(if seed % 3 == 0 { Switch::Off } else { Switch::On }),
        Kind::Group | Kind::NodeGroup => {
            let max = seed % 7 + u32::from(key.kind() == Kind::NodeGroup);
            let desired = seed / 7 % (max + 1);
            let min = seed / 49 % (desired + 1);
            Size::Capacity(Capacity::new(min, desired, max))
        }
    }
}
