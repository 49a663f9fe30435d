//! Days and nights in which anything may go wrong at any time, by chance.

use domain::offhours::Size;

use super::fakes::{Fault, Haste};
use super::shop::shop;
use super::*;

/// As many worlds, each of four short days.
const WORLDS: u64 = 12;
/// A day and a night take an hour.
const DAYS: i64 = 4;

/// One minute, in which anything may go wrong once.
async fn wild_minute(fake: &Fake, chance: &mut fastrand::Rng) {
    let call = fake.called("") + chance.usize(1..60);
    let tick = || invoke(fake, json!({ "tick": true }));
    match chance.u8(0..10) {
        0 => {} // the tick is lost
        1 | 2 => {
            fake.set(Fault::CrashAfter(call));
            let _ = tick().await;
        }
        3 => {
            fake.set(Fault::FailAt(call));
            let _ = tick().await;
        }
        4 => {
            fake.set(Fault::LoseAnswerOf(call));
            let _ = tick().await;
        }
        5 | 6 => {
            let edge = async {
                fake.sleep(SignedDuration::from_millis(chance.i64(0..300))).await;
                invoke(fake, json!({ "edge": "wake" })).await
            };
            let _ = tokio::join!(tick(), edge, tick());
        }
        _ => drop(tick().await),
    }
    fake.set(Fault::None);
    next_minute(fake).await;
}

/// From here to that many minutes after `start`; the last ten are calm, so that everything settles.
async fn live(fake: &Fake, until: jiff::Timestamp, chance: &mut fastrand::Rng) {
    let calm = until - SignedDuration::from_mins(10);
    while fake.now() < calm {
        wild_minute(fake, chance).await;
    }
    ticks_until(fake, &until.to_string()).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_everything_sleeps_by_night_and_is_by_day_as_its_people_last_had_it() {
    for world in 0..WORLDS {
        let mut chance = fastrand::Rng::with_seed(world);
        let mut fake = shop("2026-11-26T08:00:00Z");
        let start = fake.now();
        let hour = |hours: i64| start + SignedDuration::from_hours(hours);
        let night = |day: i64| format!("{}-{}", hour(day) + SignedDuration::from_mins(30), hour(day + 1));
        let nights: Vec<String> = (0..DAYS).map(night).collect();
        fake.schedules(&format!("office=down:{}", nights.join(", ")));
        fake.world().haste = Haste(15);
        let mut before = fake.sizes();
        let mut asleep = None;
        for day in 0..DAYS {
            // The morning after the last night.
            live(&fake, hour(day) + SignedDuration::from_mins(29), &mut chance).await;
            assert_eq!(fake.sizes(), before, "world {world}, day {day}");
            assert_eq!(
                fake.world().remembered(),
                Vec::<String>::new(),
                "world {world}, day {day}"
            );
            // Somebody changes a size, as people do by day.
            let replicas = chance.u32(1..9);
            let now = fake.now().to_string();
            fake.world().scale(
                "deployment/shop/gateway",
                Size::Replicas(replicas),
                "kubectl",
                &now,
            );
            before = fake.sizes();
            live(&fake, hour(day) + SignedDuration::from_mins(59), &mut chance).await;
            let sizes: Vec<String> = fake.bare_sizes();
            assert_eq!(
                asleep.get_or_insert_with(|| sizes.clone()),
                &sizes,
                "world {world}, night {day}"
            );
        }
        live(&fake, hour(DAYS) + SignedDuration::from_mins(29), &mut chance).await;
        assert_eq!(
            (fake.sizes(), fake.world().remembered()),
            (before, vec![]),
            "world {world}"
        );
    }
}
