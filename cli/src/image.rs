//! `lamplighter image`: which images are deployed, why, and what people say about it.

mod desk;
mod history;
mod pick;
mod status;
mod tell;

use domain::image::{Hold, Request};
use domain::time::later;
use runtime::clock::{Clock as _, SystemClock};

use crate::args::{ImageCommand, Shared};
use crate::exit::{Error, Exit};
use crate::words::to_the_second;

/// Does what is asked.
pub(crate) async fn run(shared: &Shared, command: ImageCommand) -> Result<Exit, Error> {
    match command {
        ImageCommand::Pick(asked) => Box::pin(pick::run(shared, asked)).await,
        ImageCommand::Status { workloads } => Box::pin(status::run(shared, &workloads)).await,
        ImageCommand::History { workload } => Box::pin(history::run(shared, &workload)).await,
        ImageCommand::Hold(hold) => {
            let now = to_the_second(SystemClock.now());
            let end = hold.until.or_else(|| hold.lasts.map(|lasts| later(now, lasts)));
            let request = Request::Hold(end.map_or(Hold::Open, Hold::Until));
            Box::pin(tell::run(shared, &hold.tell, &request)).await
        }
        ImageCommand::Resume(tell) => Box::pin(tell::run(shared, &tell, &Request::Resume)).await,
        ImageCommand::Unblock { tell, digest } => {
            Box::pin(tell::run(shared, &tell, &Request::Unblock(digest))).await
        }
        ImageCommand::Rollback(tell) => Box::pin(tell::run(shared, &tell, &Request::RollBack)).await,
    }
}
