//! `lamplighter hours show`: how everything stands that can sleep.

mod view;

use domain::ids::ClusterName;
use domain::offhours::{Record, Stage, Standing, View};
use jiff::Timestamp;
use off_hours::Look;
use off_hours::journal::record_name;

use super::desk::{Desk, blind};
use crate::args::{Output, Shared};
use crate::exit::{Error, Exit};
use crate::print;
use view::{Row, Show};

/// Looks, and shows what is seen; what has no schedule too, if `all` is set.
pub(crate) async fn run(shared: &Shared, all: bool) -> Result<Exit, Error> {
    let desk = Desk::new(shared).await?;
    let look = desk.look().await?;
    let show = show(&look, desk.cluster(), desk.now(), all);
    match shared.output {
        Output::Table => print::text(&show.table()),
        Output::Json => print::json(&show),
    }
    let blind = blind(&look);
    for why in &blind {
        print::complain(why);
    }
    Ok(match (blind.is_empty(), show.needs_attention()) {
        (false, _) => Exit::Blind,
        (true, true) => Exit::Attention,
        (true, false) => Exit::Fine,
    })
}

fn show(look: &Look, cluster: &ClusterName, now: Timestamp, all: bool) -> Show {
    let views = &look.plan.views;
    let shown = views
        .iter()
        .filter(|view| all || view.standing != Standing::NotScheduled);
    let seen = &look.sight.seen;
    let (hidden, lost): (Vec<&Record>, Vec<&Record>) = seen
        .records
        .values()
        .filter(|record| views.iter().all(|view| view.key != record.resource))
        .partition(|record| seen.unseen.contains(&record.resource.kind()));
    Show {
        cluster: cluster.clone(),
        at: now,
        lease: look.lease.clone(),
        overrides: look.overrides.clone(),
        resources: shown
            .map(|view| row(view, look))
            .chain(hidden.into_iter().map(remembered))
            .collect(),
        unseen: seen.unseen.iter().map(|kind| kind.as_str()).collect(),
        problems: problems(look),
        notes: lost.into_iter().map(left_over).collect(),
    }
}

fn row(view: &View, look: &Look) -> Row {
    let record = look.sight.seen.records.get(&view.key);
    Row {
        resource: view.key.clone(),
        size: Some(view.size.to_string()),
        saved_size: record.map(|record| record.saved.to_string()),
        standing: view.standing.as_str(),
        since: record.map(Record::since),
        desired: Some(view.decision.state),
        reason: view.decision.reason.clone(),
        detail: view.standing.detail(),
        advice: view.advice,
        stuck: view.is_stuck,
        needs_attention: view.is_stuck || view.standing.needs_attention(),
    }
}

/// What could not be seen, by its record.
fn remembered(record: &Record) -> Row {
    let standing = match record.stage {
        Stage::Saved => Standing::FallingAsleep,
        Stage::Asleep { .. } => Standing::Asleep,
        Stage::Waking { .. } | Stage::Woken { .. } => Standing::Waking,
    };
    Row {
        resource: record.resource.clone(),
        size: None,
        saved_size: Some(record.saved.to_string()),
        standing: standing.as_str(),
        since: Some(record.since()),
        desired: None,
        reason: "by its record: it could not be looked at".to_owned(),
        detail: None,
        advice: None,
        stuck: false,
        needs_attention: false,
    }
}

/// Objects in the bucket that nobody can read, beside those that stand at their resource.
fn problems(look: &Look) -> Vec<String> {
    let shown = |name: &String| {
        let mut views = look.plan.views.iter();
        views.any(|view| record_name(&view.key) == *name)
    };
    let left = look.unreadable.iter().filter(|(name, _)| !shown(name));
    left.map(|(_, why)| why.clone()).collect()
}

/// A size that is saved of what is not there.
fn left_over(record: &Record) -> String {
    let (key, saved, at) = (&record.resource, record.saved, record.saved_at);
    format!("{key} is not there any more; its size {saved} is saved since {at}")
}

#[cfg(test)]
mod tests;
