//! `lamplighter hours`: what sleeps at night, and what people say about it.

mod bus;
mod calendar;
mod desk;
mod eval;
#[cfg(test)]
mod fixtures;
mod show;
mod tell;
pub(crate) mod until;
mod wait;

use domain::schedule::{Context, Zone};

pub(crate) use desk::{Nobody, Nodegroups};

use crate::args::{HoursCommand, Shared};
use crate::exit::{Error, Exit};

/// Does what is asked.
pub(crate) async fn run(shared: &Shared, command: HoursCommand) -> Result<Exit, Error> {
    match command {
        HoursCommand::Eval(asked) => eval::run(shared, &asked),
        HoursCommand::Show { all } => show::run(shared, all).await,
        HoursCommand::Plan(asked) => calendar::run(shared, &asked).await,
        HoursCommand::Wake(wish) => tell::wake(shared, wish).await,
        HoursCommand::Sleep(wish) => tell::sleep(shared, wish).await,
        HoursCommand::Hold(hold) => tell::hold(shared, hold).await,
        HoursCommand::Release(release) => tell::release(shared, release).await,
    }
}

/// The time zone that was named, or else that of the deployment, or else UTC.
fn zone_of(named: Option<&Zone>, context: &Context) -> Result<Zone, Error> {
    if let Some(zone) = named.or(context.defaults.zone.as_ref()) {
        return Ok(zone.clone());
    }
    Zone::parse("UTC").map_err(|error| Error::Usage(error.to_string()))
}
