//! `lamplighter hours wake`, `sleep`, `hold` and `release`: what people say, written where the function finds it.

mod check;
mod view;

use aws::s3::ETag;
use domain::offhours::{Key, Override, Want};
use domain::time::later;
use function::Tally;
use jiff::{SignedDuration, Timestamp};
use off_hours::journal::{Journal, Objects, Pages};

use super::bus::AskToLook;
use super::desk::Desk;
use super::until::{Until, within_bounds};
use super::{wait, zone_of};
use crate::args::{Hold, How, Output, Release, Shared, Wish};
use crate::exit::{Error, Exit};
use crate::patience::patiently;
use crate::print;
use view::{Answer, Forgotten};

/// Who wakes something works for a while: a long day, and not until somebody remembers.
const AWAKE: SignedDuration = SignedDuration::from_hours(8);
/// Who puts something to sleep means at least the night.
const ASLEEP: SignedDuration = SignedDuration::from_hours(12);

/// Wakes for a while.
pub(crate) async fn wake(shared: &Shared, wish: Wish) -> Result<Exit, Error> {
    Box::pin(give(shared, Order::of(Want::Awake, wish, AWAKE))).await
}

/// Puts to sleep for a while.
pub(crate) async fn sleep(shared: &Shared, wish: Wish) -> Result<Exit, Error> {
    Box::pin(give(shared, Order::of(Want::Asleep, wish, ASLEEP))).await
}

/// Keeps awake until some moment.
pub(crate) async fn hold(shared: &Shared, hold: Hold) -> Result<Exit, Error> {
    let order = Order {
        want: Want::Awake,
        resources: hold.resources,
        end: End::At(hold.until),
        how: hold.how,
        after: After::Return,
    };
    Box::pin(give(shared, order)).await
}

/// What is wanted, and how it is told.
struct Order {
    want: Want,
    /// Of everything, if none.
    resources: Vec<Key>,
    end: End,
    how: How,
    after: After,
}

/// Until when.
enum End {
    At(Until),
    After(SignedDuration),
}

/// What to do once it is told.
#[derive(PartialEq, Eq)]
enum After {
    Return,
    Follow,
}

impl Order {
    fn of(want: Want, wish: Wish, usual: SignedDuration) -> Self {
        let lasts = wish.lasts.unwrap_or(usual);
        Self {
            want,
            resources: wish.resources,
            end: wish.until.map_or(End::After(lasts), End::At),
            how: wish.how,
            after: if wish.wait { After::Follow } else { After::Return },
        }
    }

    /// What is written down; one object for each resource, or one for everything.
    fn overrides(&self, until: Timestamp, now: Timestamp) -> Vec<Override> {
        let of = |resource: Option<Key>| Override {
            resource,
            want: self.want,
            until,
            by: by(),
            at: now,
        };
        if self.resources.is_empty() {
            return vec![of(None)];
        }
        self.resources.iter().cloned().map(Some).map(of).collect()
    }
}

async fn give(shared: &Shared, order: Order) -> Result<Exit, Error> {
    let desk = Desk::new(shared).await?;
    let now = desk.now();
    let zone = zone_of(order.how.time_zone.as_ref(), &desk.config().policy.context)?;
    let until = match &order.end {
        End::At(until) => until.after(now, &zone).map_err(Error::Usage)?,
        End::After(lasts) => later(now, *lasts),
    };
    let until = within_bounds(until, now).map_err(Error::Usage)?;
    if !order.resources.is_empty() {
        let look = desk.look().await?;
        for doubt in check::can_be_told(&look, &order.resources)? {
            print::complain(&doubt);
        }
    }
    let told = order.overrides(until, now);
    let journal = desk.journal();
    let mut answer = Answer::new(desk.cluster().clone(), now, zone);
    answer.objects = object_keys(&journal, &told);
    if !order.how.dry_run {
        patiently("writing it down", Box::pin(write(&journal, &told))).await?;
        answer.written = true;
        answer.asked_to_look = ask(&desk.bus(), &desk).await;
    }
    answer.told = told;
    show(shared, &answer);
    match order.after {
        After::Return => Ok(Exit::Fine),
        After::Follow => wait::follow(&desk, &order.resources).await,
    }
}

/// Forgets what was told.
pub(crate) async fn release(shared: &Shared, release: Release) -> Result<Exit, Error> {
    let desk = Desk::new(shared).await?;
    let zone = zone_of(None, &desk.config().policy.context)?;
    let mut journal = desk.journal();
    let opened = async { journal.open(&mut Tally::default()).await };
    let pages = patiently("reading what was told", opened).await?;
    let mut answer = Answer::new(desk.cluster().clone(), desk.now(), zone);
    let told = chosen(&release.resources, &pages);
    answer.objects = told.iter().map(|one| journal.key(&one.object)).collect();
    if !release.dry_run && !told.is_empty() {
        patiently("forgetting it", forget(&journal, &told)).await?;
        answer.written = true;
        answer.asked_to_look = ask(&desk.bus(), &desk).await;
    }
    answer.remaining = remaining(&told, &pages);
    answer.released = told;
    show(shared, &answer);
    Ok(Exit::Fine)
}

fn show(shared: &Shared, answer: &Answer) {
    match shared.output {
        Output::Table => print::text(&answer.table()),
        Output::Json => print::json(answer),
    }
}

fn object_keys<B: Objects>(journal: &Journal<'_, B>, told: &[Override]) -> Vec<String> {
    let name = |told: &Override| journal.key(&Override::object_name(told.resource.as_ref()));
    told.iter().map(name).collect()
}

async fn write<B: Objects>(journal: &Journal<'_, B>, told: &[Override]) -> Result<(), Error> {
    for one in told {
        journal.tell(one, &mut Tally::default()).await?;
    }
    Ok(())
}

async fn forget<B: Objects>(journal: &Journal<'_, B>, told: &[Forgotten]) -> Result<(), Error> {
    for one in told {
        journal
            .release(one.resource.as_ref(), &mut Tally::default())
            .await?;
    }
    Ok(())
}

/// Of these resources, or of everything, what was told. Whatever stands there is forgotten, even what nobody can read.
fn chosen(resources: &[Key], pages: &Pages) -> Vec<Forgotten> {
    let resources: Vec<Option<Key>> = match resources {
        [] => vec![None],
        some => some.iter().cloned().map(Some).collect(),
    };
    let told = |resource: Option<Key>| {
        let object = Override::object_name(resource.as_ref());
        let found = pages.overrides.iter().find(|(_, name, _)| *name == object);
        let is_there = found.is_some() || pages.unreadable.contains_key(&object);
        is_there.then(|| Forgotten {
            resource,
            told: found.map(|(told, _, _): &(Override, String, ETag)| told.clone()),
            object,
        })
    };
    resources.into_iter().filter_map(told).collect()
}

/// What was told of others.
fn remaining(forgotten: &[Forgotten], pages: &Pages) -> Vec<Override> {
    let is_left = |name: &String| forgotten.iter().all(|one| one.object != *name);
    let left = pages.overrides.iter().filter(|(_, name, _)| is_left(name));
    left.map(|(told, _, _)| told.clone()).collect()
}

/// Asks the function to look at once. Nothing depends on it.
async fn ask(bus: &impl AskToLook, desk: &Desk) -> bool {
    let asked = patiently("asking the function to look", bus.ask_to_look(desk.cluster())).await;
    if let Err(error) = &asked {
        let error = runtime::error::chain(error);
        print::complain(&format!(
            "{error}: the function was not asked to look; its next tick finds it, within 5 minutes"
        ));
    }
    asked.is_ok()
}

/// Who tells it, for the reasons that others will read.
fn by() -> String {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(function::config::variable);
    let user = user.filter(|user| !user.is_empty());
    format!("{} with lamplighter hours", user.as_deref().unwrap_or("somebody"))
}

#[cfg(test)]
mod tests;
