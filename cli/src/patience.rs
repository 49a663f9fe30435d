//! Whoever waits longer than a moment is told for what.

use std::io::Write as _;
use std::time::Duration;

/// A person begins to wonder after this long.
const MOMENT: Duration = Duration::from_secs(2);

/// Does `work`, and says on standard error what it is if that takes longer than a moment.
pub(crate) async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(MOMENT) => {}
    }
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(std::io::stderr(), "lamplighter: {what} ...");
    work.await
}
