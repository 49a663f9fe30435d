//! The calendar, for people and for scripts.

use domain::ids::ClusterName;
use domain::offhours::{Key, Plan};
use domain::schedule::{Mark, State, Zone};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::Serialize;

use crate::table::Table;

/// The most resources that a heading names.
const NAMES: usize = 5;

/// What comes, and what would be done now. Its JSON is a contract: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Calendar {
    pub(super) cluster: ClusterName,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// That of `local` times.
    pub(super) time_zone: Zone,
    /// What goes to sleep and wakes together.
    pub(super) schedules: Vec<Schedule>,
    /// What is not in it.
    pub(super) refused: Vec<Refused>,
    /// Kinds of resources that nobody could be asked about.
    pub(super) unseen: Vec<&'static str>,
    /// What the function would do right now.
    pub(super) now: Moment,
}

/// Resources that go to sleep and wake at the same times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schedule {
    pub(super) resources: Vec<Key>,
    /// What they are to be now.
    pub(super) desired: State,
    /// Why, in the words of the first of them.
    pub(super) reason: String,
    pub(super) transitions: Vec<Transition>,
    /// Holidays and changes of the clocks in this time, in the zones of the schedule.
    pub(super) marks: Vec<Mark>,
}

/// A moment at which they are to be something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transition {
    pub(super) at: Timestamp,
    /// The same in the zone of the calendar.
    pub(super) local: String,
    pub(super) from: State,
    pub(super) to: State,
    /// Why, in the words of the first resource.
    pub(super) reason: String,
    /// What is unusual about the day.
    pub(super) marks: Vec<Mark>,
}

/// A resource whose settings can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Refused {
    pub(super) resource: Key,
    pub(super) why: String,
}

/// The function's plan of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moment {
    moves: Vec<Move>,
    /// What comes after.
    then: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    resource: Key,
    steps: Vec<String>,
    why: String,
    /// What was found changed, and what is made of it.
    notes: Vec<String>,
}

impl Refused {
    /// The reason, which names the place where it is said; that may be the resource itself.
    fn line(&self) -> String {
        let Self { resource, why } = self;
        let own = format!("{resource}: ");
        let why = why.strip_prefix(&own).unwrap_or(why);
        format!("! {own}{why}\n")
    }
}

impl Moment {
    pub(super) fn of(plan: &Plan) -> Self {
        let moves = plan.moves.iter().map(|one| Move {
            resource: one.key.clone(),
            steps: one.steps.iter().map(ToString::to_string).collect(),
            why: one.why.clone(),
            notes: one.notes.iter().map(ToString::to_string).collect(),
        });
        Self {
            moves: moves.collect(),
            then: plan.then.to_string(),
        }
    }

    fn table(&self) -> String {
        if self.moves.is_empty() {
            return format!("Right now: {}\n", self.then);
        }
        let mut table = Table::new(["RESOURCE", "RIGHT NOW", "WHY"]);
        for one in &self.moves {
            table.row([one.resource.to_string(), one.steps.join(", "), one.why.clone()]);
            for note in &one.notes {
                table.note(note);
            }
        }
        format!("{}Then: {}\n", table.render(), self.then)
    }
}

impl Calendar {
    /// For people.
    pub(super) fn table(&self) -> String {
        let zone = &self.time_zone;
        let (from, until) = (self.minute(self.from), self.minute(self.until));
        let mut parts = vec![format!("{}: {from} to {until} {zone}\n", self.cluster)];
        parts.extend(self.schedules.iter().map(|schedule| self.schedule(schedule)));
        match (self.schedules.is_empty(), self.unseen.is_empty()) {
            (false, true) => {}
            (true, true) => parts.push("nothing has a schedule\n".to_owned()),
            (_, false) => parts.push(format!(
                "! this is not all: nobody could be asked about any {}\n",
                self.unseen.join(", ")
            )),
        }
        if !self.refused.is_empty() {
            parts.push(self.refused.iter().map(Refused::line).collect());
        }
        parts.push(self.now.table());
        parts.join("\n")
    }

    fn schedule(&self, schedule: &Schedule) -> String {
        let heading = format!(
            "{}: {}, {}\n",
            names(&schedule.resources),
            schedule.desired,
            schedule.reason
        );
        let mut lines: Vec<Line> = schedule.marks.iter().map(|mark| self.mark(mark)).collect();
        lines.extend(
            schedule
                .transitions
                .iter()
                .map(|transition| self.transition(transition)),
        );
        if lines.is_empty() {
            return format!("{heading}    no transition\n");
        }
        // The day before what happens on it.
        lines.sort_by_key(|line| (line.day, line.at));
        let mut table = Table::new(["WHEN", "TO BE", "MARK"]);
        for line in lines {
            table.row([line.when, line.to_be, line.mark]);
        }
        let indented = table.render().replace('\n', "\n    ");
        format!("{heading}    {}\n", indented.trim_end())
    }

    fn transition(&self, transition: &Transition) -> Line {
        let marks: Vec<&str> = transition.marks.iter().map(name).collect();
        Line {
            day: self.time_zone.clock_at(transition.at).date(),
            at: Some(transition.at),
            when: self.minute(transition.at),
            to_be: transition.to.to_string(),
            mark: marks.join(", "),
        }
    }

    fn mark(&self, mark: &Mark) -> Line {
        match mark {
            Mark::Dst {
                zone,
                at,
                before,
                after,
            } => Line {
                day: self.time_zone.clock_at(*at).date(),
                at: Some(*at),
                when: self.minute(*at),
                to_be: String::new(),
                mark: format!("clocks of {zone} change from {before} to {after}"),
            },
            Mark::Holiday(date) => Line {
                day: *date,
                at: None,
                when: date.strftime("%a %Y-%m-%d").to_string(),
                to_be: String::new(),
                mark: name(mark).to_owned(),
            },
        }
    }

    /// A time to the minute, or to the second if it has any, with its offset: clocks show some times twice.
    fn minute(&self, at: Timestamp) -> String {
        let clock: DateTime = self.time_zone.clock_at(at);
        let form = if clock.second() == 0 {
            "%a %Y-%m-%d %H:%M"
        } else {
            "%a %Y-%m-%d %H:%M:%S"
        };
        format!("{} {}", clock.strftime(form), self.time_zone.offset_at(at))
    }
}

/// A line of a schedule's calendar.
struct Line {
    day: Date,
    /// Nothing for a whole day.
    at: Option<Timestamp>,
    when: String,
    to_be: String,
    mark: String,
}

const fn name(mark: &Mark) -> &'static str {
    match mark {
        Mark::Dst { .. } => "clocks change",
        Mark::Holiday(_) => "holiday",
    }
}

fn names(resources: &[Key]) -> String {
    let shown: Vec<String> = resources.iter().take(NAMES).map(ToString::to_string).collect();
    match resources.len().checked_sub(NAMES) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}
