//! `lamplighter hours plan`: when everything goes to sleep and wakes, and what would be done right now.

mod view;

use std::collections::BTreeMap;

use domain::ids::ClusterName;
use domain::offhours::{Key, Resource, Settings, Standing};
use domain::schedule::{Edge, Holidays, Mark, State, Zone, desired, edges, marks};
use domain::time::later;
use jiff::{SignedDuration, Timestamp};
use off_hours::Look;

use super::desk::{Desk, blind};
use super::zone_of;
use crate::args::{Output, Plan, Shared};
use crate::exit::{Error, Exit};
use crate::print;
use view::{Calendar, Moment, Refused, Schedule, Transition};

/// Looks, and tells what comes.
pub(crate) async fn run(shared: &Shared, asked: &Plan) -> Result<Exit, Error> {
    let desk = Desk::new(shared).await?;
    let context = &desk.config().policy.context;
    let zone = zone_of(asked.time_zone.as_ref(), context)?;
    let look = desk.look().await?;
    let from = desk.now();
    let ahead = SignedDuration::from_hours(24 * i64::from(asked.days));
    let stretch = Stretch {
        from,
        until: later(from, ahead),
        zone,
        holidays: &context.holidays,
    };
    let calendar = stretch.calendar(&look, desk.cluster());
    match shared.output {
        Output::Table => print::text(&calendar.table()),
        Output::Json => print::json(&calendar),
    }
    let blind = blind(&look);
    for why in &blind {
        print::complain(why);
    }
    Ok(match (blind.is_empty(), calendar.refused.is_empty()) {
        (false, _) => Exit::Blind,
        (true, false) => Exit::Attention,
        (true, true) => Exit::Fine,
    })
}

/// The time that a calendar covers, and how it is shown.
struct Stretch<'a> {
    from: Timestamp,
    until: Timestamp,
    zone: Zone,
    holidays: &'a Holidays,
}

impl Stretch<'_> {
    fn calendar(&self, look: &Look, cluster: &ClusterName) -> Calendar {
        Calendar {
            cluster: cluster.clone(),
            from: self.from,
            until: self.until,
            time_zone: self.zone.clone(),
            schedules: self.schedules(look),
            refused: refused(look),
            unseen: look.sight.seen.unseen.iter().map(|kind| kind.as_str()).collect(),
            now: Moment::of(&look.plan),
        }
    }

    /// The transitions of everything that has a schedule. What goes the same way stands together.
    fn schedules(&self, look: &Look) -> Vec<Schedule> {
        let resources: BTreeMap<&Key, &Resource> = look
            .sight
            .seen
            .resources
            .iter()
            .map(|resource| (&resource.key, resource))
            .collect();
        let mut schedules: Vec<(Course, Schedule)> = Vec::new();
        for (key, resource) in &resources {
            let Some(settings) = scheduled(resource, &resources) else {
                continue;
            };
            let (course, reasons) = self.course(settings);
            if let Some((_, schedule)) = schedules.iter_mut().find(|(known, _)| *known == course) {
                schedule.resources.push((*key).clone());
            } else {
                let schedule = self.schedule(key, settings, &course, reasons);
                schedules.push((course, schedule));
            }
        }
        schedules.into_iter().map(|(_, schedule)| schedule).collect()
    }

    /// Where a resource goes, and why at each transition.
    fn course(&self, settings: &Settings) -> (Course, Vec<String>) {
        let rules = &settings.rules;
        let (steps, reasons) = edges(rules, self.holidays, self.from, self.until)
            .into_iter()
            .map(|edge| {
                (
                    Edge {
                        reason: String::new(),
                        ..edge.clone()
                    },
                    edge.reason,
                )
            })
            .unzip();
        let course = Course {
            now: desired(rules, self.holidays, self.from).state,
            edges: steps,
            marks: marks(rules, self.holidays, self.from, self.until),
        };
        (course, reasons)
    }

    fn schedule(&self, key: &Key, settings: &Settings, course: &Course, reasons: Vec<String>) -> Schedule {
        let transition = |(edge, reason): (&Edge, String)| Transition {
            at: edge.at,
            local: edge
                .at
                .display_with_offset(self.zone.offset_at(edge.at))
                .to_string(),
            from: edge.from,
            to: edge.to,
            reason,
            marks: edge.marks.clone(),
        };
        let now = desired(&settings.rules, self.holidays, self.from);
        Schedule {
            resources: vec![key.clone()],
            desired: now.state,
            reason: now.reason,
            transitions: course.edges.iter().zip(reasons).map(transition).collect(),
            marks: course.marks.clone(),
        }
    }
}

/// What resources must have in common to stand together: all but the reasons, which name the resource.
#[derive(Debug, PartialEq, Eq)]
struct Course {
    now: State,
    edges: Vec<Edge>,
    marks: Vec<Mark>,
}

/// The settings by which a resource sleeps, if by any: an autoscaler of pods that has no schedule follows what it
/// scales.
fn scheduled<'a>(resource: &'a Resource, all: &BTreeMap<&Key, &'a Resource>) -> Option<&'a Settings> {
    let own = resource.settings.as_ref().ok()?;
    if own.is_scheduled {
        return Some(own);
    }
    let target = resource.traits.scales.as_ref()?.target.as_ref()?;
    let settings = all.get(target)?.settings.as_ref().ok()?;
    settings.is_scheduled.then_some(settings)
}

fn refused(look: &Look) -> Vec<Refused> {
    let refused = look.plan.views.iter().filter_map(|view| {
        let Standing::Refused(why) = &view.standing else {
            return None;
        };
        Some(Refused {
            resource: view.key.clone(),
            why: why.clone(),
        })
    });
    refused.collect()
}

#[cfg(test)]
mod tests;
