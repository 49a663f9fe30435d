//! How everything stands, for people and for scripts.

use domain::ids::ClusterName;
use domain::offhours::{Key, Lease, Override};
use domain::schedule::State;
use jiff::Timestamp;
use serde::Serialize;

use crate::table::Table;
use crate::words::{ago, to_the_second};

/// Everything that can sleep. Its JSON is a contract: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Show {
    pub(super) cluster: ClusterName,
    /// When it was looked at.
    pub(super) at: Timestamp,
    /// Who converges, or did last.
    pub(super) lease: Option<Lease>,
    /// What people told, as far as it holds.
    pub(super) overrides: Vec<Override>,
    pub(super) resources: Vec<Row>,
    /// Kinds of resources that nobody could be asked about.
    pub(super) unseen: Vec<&'static str>,
    /// What is wrong beside single resources.
    pub(super) problems: Vec<String>,
    /// What else people should know.
    pub(super) notes: Vec<String>,
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) resource: Key,
    /// Nothing if it could not be looked at.
    pub(super) size: Option<String>,
    /// What its size was when it was awake.
    pub(super) saved_size: Option<String>,
    pub(super) standing: &'static str,
    /// Since when.
    pub(super) since: Option<Timestamp>,
    /// What it is to be; nothing if it could not be looked at.
    pub(super) desired: Option<State>,
    /// Why.
    pub(super) reason: String,
    /// More about how it stands.
    pub(super) detail: Option<String>,
    /// What its people should change.
    pub(super) advice: Option<&'static str>,
    /// Whether it has taken too long, so that others go on without it.
    pub(super) stuck: bool,
    pub(super) needs_attention: bool,
}

impl Show {
    /// Whether a person has to do something.
    pub(super) fn needs_attention(&self) -> bool {
        !self.problems.is_empty() || self.resources.iter().any(|row| row.needs_attention)
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut text = format!("{}: {}; {}\n", self.cluster, self.counts(), self.at_work());
        let told: String = self.overrides.iter().map(|told| self.told(told)).collect();
        text.push_str(&told);
        if !self.resources.is_empty() {
            let headings = ["RESOURCE", "SIZE", "SAVED", "STANDING", "SINCE", "TO BE", "WHY"];
            let mut table = Table::new(headings);
            for row in &self.resources {
                row.add_to(&mut table, self.at);
            }
            text.push('\n');
            text.push_str(&table.render());
        }
        let unseen = (!self.unseen.is_empty()).then(|| self.unseen.join(", "));
        let unseen = unseen.map(|kinds| format!("\n! nobody could be asked about any {kinds}"));
        let problems = self.problems.iter().map(|problem| format!("\n! {problem}"));
        let notes = self.notes.iter().map(|note| format!("\n{note}"));
        let below: String = unseen.into_iter().chain(problems).chain(notes).collect();
        if !below.is_empty() {
            text.push_str(&below);
            text.push('\n');
        }
        text
    }

    fn told(&self, told: &Override) -> String {
        let of = told
            .resource
            .as_ref()
            .map_or_else(|| "everything".to_owned(), Key::to_string);
        let (want, until, by) = (told.want, told.until, &told.by);
        let ago = ago(told.at, self.at);
        format!("{of}: {want} until {until}, as {by} said {ago} ago\n")
    }

    /// How many stand how.
    fn counts(&self) -> String {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for row in &self.resources {
            match counts.iter_mut().find(|(standing, _)| *standing == row.standing) {
                Some((_, number)) => *number += 1,
                None => counts.push((row.standing, 1)),
            }
        }
        if counts.is_empty() {
            let seen = if self.unseen.is_empty() {
                ""
            } else {
                " that was seen"
            };
            return format!("nothing{seen} has a schedule");
        }
        counts.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        let words = counts
            .iter()
            .map(|(standing, number)| format!("{number} {}", words(standing)));
        words.collect::<Vec<_>>().join(", ")
    }

    /// Who converges.
    fn at_work(&self) -> String {
        let Some(lease) = &self.lease else {
            return "the function has not looked yet".to_owned();
        };
        // To the second, as the time of the look: what was given back within it is free.
        let until = to_the_second(lease.until);
        if until > self.at {
            return format!("{} is at work until {until} at most", lease.holder);
        }
        if lease.converging {
            return "the next tick goes on with what is left".to_owned();
        }
        let last = lease.looked_at.map(|last| ago(last, self.at));
        last.map_or_else(
            || "nobody is at work".to_owned(),
            |ago| format!("the function looked {ago} ago"),
        )
    }
}

impl Row {
    fn add_to(&self, table: &mut Table, now: Timestamp) {
        table.row([
            self.resource.to_string(),
            self.size.clone().unwrap_or_default(),
            self.saved_size.clone().unwrap_or_default(),
            words(self.standing),
            self.since.map(|since| ago(since, now)).unwrap_or_default(),
            self.desired.map(|state| state.to_string()).unwrap_or_default(),
            self.reason.clone(),
        ]);
        if self.stuck {
            table.note("! it does not move, and the others go on without it");
        }
        let sign = if self.needs_attention { "! " } else { "" };
        // What can't be read stands as the reason already.
        if let Some(detail) = self.detail.as_ref().filter(|detail| **detail != self.reason) {
            table.note(&format!("{sign}{detail}"));
        }
        if let Some(advice) = self.advice {
            table.note(advice);
        }
    }
}

fn words(standing: &str) -> String {
    standing.replace('-', " ")
}

#[cfg(test)]
mod tests {
    use domain::offhours::Want;
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-11-26T22:00:00Z";

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn asleep() -> Row {
        Row {
            resource: Key::parse("deployment/shop/web").unwrap(),
            size: Some("0".to_owned()),
            saved_size: Some("3".to_owned()),
            standing: "asleep",
            since: Some(ts("2026-11-26T19:00:10Z")),
            desired: Some(State::Down),
            reason: "outside uptime Mon-Fri 08:00-20:00 of namespace shop".to_owned(),
            detail: None,
            advice: None,
            stuck: false,
            needs_attention: false,
        }
    }

    fn show(resources: Vec<Row>) -> Show {
        Show {
            cluster: ClusterName::parse("blue").unwrap(),
            at: ts(NOW),
            lease: Some(Lease {
                holder: "r1".to_owned(),
                until: ts("2026-11-26T21:58:00Z"),
                converging: false,
                looked_at: Some(ts("2026-11-26T21:58:00Z")),
            }),
            overrides: vec![],
            resources,
            unseen: vec![],
            problems: vec![],
            notes: vec![],
        }
    }

    #[test]
    fn one_row_for_each_resource_and_below_it_what_there_is_to_say() {
        let unknown = Row {
            resource: Key::parse("group/workers").unwrap(),
            size: Some("0-0-0".to_owned()),
            saved_size: None,
            standing: "unknown-size",
            since: None,
            desired: Some(State::Up),
            reason: "held".to_owned(),
            detail: Some("nobody knows how large it is by day".to_owned()),
            stuck: true,
            needs_attention: true,
            ..asleep()
        };
        let show = show(vec![asleep(), unknown]);
        assert_eq!(
            show.table(),
            "\
blue: 1 asleep, 1 unknown size; the function looked 2m ago

RESOURCE             SIZE   SAVED  STANDING      SINCE  TO BE  WHY
deployment/shop/web  0      3      asleep        2h59m  down   outside uptime Mon-Fri 08:00-20:00 of namespace shop
group/workers        0-0-0  -      unknown size  -      up     held
    ! it does not move, and the others go on without it
    ! nobody knows how large it is by day
"
        );
        assert!(show.needs_attention());
    }

    #[test]
    fn nothing_is_one_line() {
        let nothing = Show {
            lease: None,
            ..show(vec![])
        };
        let line = "blue: nothing has a schedule; the function has not looked yet\n";
        assert_eq!(
            (nothing.table().as_str(), nothing.needs_attention()),
            (line, false)
        );
    }

    #[test]
    fn what_people_told_stands_above_and_who_is_at_work_in_the_first_line() {
        let mut show = show(vec![asleep()]);
        show.overrides = vec![Override {
            resource: None,
            want: Want::Awake,
            until: ts("2026-11-27T02:00:00Z"),
            by: "jane".to_owned(),
            at: ts("2026-11-26T21:00:00Z"),
        }];
        let lease = |until: &str, converging| {
            Some(Lease {
                until: ts(until),
                converging,
                ..show.lease.clone().unwrap()
            })
        };
        let (at_work, back) = (
            lease("2026-11-26T22:00:40Z", true),
            lease("2026-11-26T22:00:00.7Z", true),
        );
        show.lease = at_work;
        let table = show.table();
        let first = "blue: 1 asleep; r1 is at work until 2026-11-26T22:00:40Z at most\n";
        let told = "everything: awake until 2026-11-27T02:00:00Z, as jane said 1h ago\n\n";
        assert!(table.starts_with(&format!("{first}{told}")), "{table}");
        // Given back in the second of the look.
        show.lease = back;
        assert!(
            show.table()
                .starts_with("blue: 1 asleep; the next tick goes on with what is left\n")
        );
    }

    #[test]
    fn problems_and_notes_stand_below_and_problems_need_attention() {
        let mut show = show(vec![asleep()]);
        show.notes = vec!["group/old is not there any more".to_owned()];
        assert!(!show.needs_attention());
        show.problems = vec!["off-hours/blue/overrides/all.json: expected value".to_owned()];
        assert!(show.needs_attention());
        let below =
            "\n\n! off-hours/blue/overrides/all.json: expected value\ngroup/old is not there any more\n";
        assert!(show.table().ends_with(below), "{}", show.table());
    }

    #[test]
    fn the_json_is_a_contract() {
        assert_eq!(
            serde_json::to_value(show(vec![asleep()])).unwrap(),
            json!({
                "cluster": "blue",
                "at": NOW,
                "lease": {
                    "holder": "r1",
                    "until": "2026-11-26T21:58:00Z",
                    "converging": false,
                    "lookedAt": "2026-11-26T21:58:00Z",
                },
                "overrides": [],
                "resources": [{
                    "resource": "deployment/shop/web",
                    "size": "0",
                    "savedSize": "3",
                    "standing": "asleep",
                    "since": "2026-11-26T19:00:10Z",
                    "desired": "down",
                    "reason": "outside uptime Mon-Fri 08:00-20:00 of namespace shop",
                    "detail": null,
                    "advice": null,
                    "stuck": false,
                    "needsAttention": false,
                }],
                "unseen": [],
                "problems": [],
                "notes": [],
            })
        );
    }
}
