//! Following until everything is there.

use std::collections::BTreeMap;

use domain::offhours::{Key, Standing, View};
use jiff::SignedDuration;
use off_hours::Look;
use runtime::clock::{Clock, SystemClock};

use super::desk::{Desk, blind};
use crate::exit::{Error, Exit};
use crate::print;

/// How often to look: what is followed takes minutes, and a look costs some twenty calls.
const EVERY: SignedDuration = SignedDuration::from_secs(5);
/// Who waits longer than this waits for something that does not come.
const AT_MOST: SignedDuration = SignedDuration::from_hours(1);

/// Follows these resources, or everything that is scheduled, and tells each change on standard error.
pub(super) async fn follow(desk: &Desk, resources: &[Key]) -> Result<Exit, Error> {
    let mut watch = desk.watch().await;
    let follower = Follower::of(resources);
    follower
        .follow(&SystemClock, async || watch.look().await, print::complain)
        .await
}

/// Remembers what was told last.
#[derive(Default)]
struct Follower<'a> {
    /// All, if none.
    resources: &'a [Key],
    /// How each stood when it was last told.
    told: BTreeMap<Key, String>,
    complained: Vec<String>,
}

/// How far it is.
#[derive(Debug, PartialEq, Eq)]
enum Course {
    /// Something is on its way.
    UnderWay,
    /// Everything is as it is to be.
    There,
    /// Nothing moves any more, and these are not as they are to be.
    Short(Vec<String>),
}

impl<'a> Follower<'a> {
    fn of(resources: &'a [Key]) -> Self {
        Self {
            resources,
            ..Self::default()
        }
    }

    async fn follow(
        mut self,
        clock: &impl Clock,
        mut look: impl AsyncFnMut() -> Result<Look, Error>,
        mut say: impl FnMut(&str),
    ) -> Result<Exit, Error> {
        let end = clock.now() + AT_MOST;
        loop {
            let look = look().await?;
            for line in self.news(&look) {
                say(&line);
            }
            match self.course(&look) {
                Course::UnderWay if clock.now() >= end => {
                    say(&format!(
                        "not there after {} h; `lamplighter hours show` tells why",
                        AT_MOST.as_hours()
                    ));
                    return Ok(Exit::Attention);
                }
                Course::UnderWay => clock.sleep(EVERY).await,
                Course::There => {
                    say("everything is as it is to be");
                    return Ok(Exit::Fine);
                }
                Course::Short(problems) => {
                    for problem in problems {
                        say(&problem);
                    }
                    return Ok(Exit::Attention);
                }
            }
        }
    }

    /// What has changed since the last look.
    fn news(&mut self, look: &Look) -> Vec<String> {
        let mut news = Vec::new();
        for failure in blind(look) {
            if !self.complained.contains(&failure) {
                news.push(failure.clone());
                self.complained.push(failure);
            }
        }
        for view in &look.plan.views {
            if !self.follows(&view.key) || view.standing == Standing::NotScheduled {
                continue;
            }
            let now = format!(
                "{}: {}, {}",
                view.key,
                view.standing.as_str().replace('-', " "),
                view.size
            );
            let before = self.told.insert(view.key.clone(), now.clone());
            // At first only what is on its way is news.
            let is_news = before.map_or_else(|| is_moving(view, look), |before| before != now);
            if is_news {
                news.push(now);
            }
        }
        news
    }

    fn course(&self, look: &Look) -> Course {
        let views: Vec<&View> = look
            .plan
            .views
            .iter()
            .filter(|view| self.follows(&view.key))
            .collect();
        let is_seen = |key: &Key| views.iter().any(|view| view.key == *key);
        let all_seen = look.sight.seen.unseen.is_empty() || !self.resources.is_empty();
        if !all_seen || !self.resources.iter().all(is_seen) || views.iter().any(|view| is_moving(view, look))
        {
            return Course::UnderWay;
        }
        let is_short = |view: &&&View| view.is_stuck || view.standing.needs_attention();
        let problem = |view: &&View| {
            let detail = view
                .standing
                .detail()
                .unwrap_or_else(|| "it does not move".to_owned());
            format!(
                "{}: {}: {detail}",
                view.key,
                view.standing.as_str().replace('-', " ")
            )
        };
        let problems: Vec<String> = views.iter().filter(is_short).map(problem).collect();
        if problems.is_empty() {
            Course::There
        } else {
            Course::Short(problems)
        }
    }

    fn follows(&self, key: &Key) -> bool {
        self.resources.is_empty() || self.resources.contains(key)
    }
}

/// Whether it is on its way. What does not move although it should is waited for by nobody, as the function does.
fn is_moving(view: &View, look: &Look) -> bool {
    let is_on_its_way = match view.standing {
        Standing::FallingAsleep | Standing::Waking => true,
        Standing::NotScheduled
        | Standing::Awake
        | Standing::Asleep
        | Standing::AlreadySmall
        | Standing::Grace(_)
        | Standing::WokenByHand
        | Standing::BackedOff
        | Standing::Maintenance
        | Standing::Autoscaled
        | Standing::LeftAlone
        | Standing::UnknownSize
        | Standing::Unsupported(_)
        | Standing::Refused(_)
        | Standing::Unreadable(_) => look.plan.moves.iter().any(|one| one.key == view.key),
    };
    is_on_its_way && !view.is_stuck
}

#[cfg(test)]
mod tests;
