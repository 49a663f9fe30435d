//! The way into the cluster.

use access::Connect;
use jiff::Timestamp;
use kubernetes::{CountCalls, Error};

use crate::report::count;
use crate::{Failed, Tally};

/// Connects, and makes the invocation's first request. If the cluster does not know us, everything is made anew
/// once, token and endpoint, and the request repeated: what the sandbox remembers may be out of date, and only
/// an answer tells. Whatever the second answer is, it stands.
pub async fn enter<G: Connect<Cluster: CountCalls>, T>(
    gate: &G,
    now: Timestamp,
    tally: &mut Tally,
    first: impl AsyncFn(&G::Cluster) -> Result<T, Error>,
) -> Result<(G::Cluster, Result<T, Error>), Failed> {
    let mut is_new = false;
    loop {
        let cluster = gate.connect(now).await?;
        let calls_before = cluster.calls();
        let answer = first(&cluster).await;
        tally.count(count::KUBERNETES_CALLS, cluster.calls() - calls_before);
        if is_new || !answer.as_ref().is_err_and(Error::is_unauthenticated) {
            return Ok((cluster, answer));
        }
        tracing::warn!("the cluster does not know us; once more with a new credential");
        gate.forget().await;
        is_new = true;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Gives out clusters by number.
    #[derive(Default)]
    struct Numbered {
        made: Cell<u32>,
        remembered: Cell<bool>,
    }

    struct Cluster(u32);

    impl CountCalls for Cluster {
        fn calls(&self) -> u64 {
            7
        }
    }

    impl Connect for Numbered {
        type Cluster = Cluster;

        async fn connect(&self, _: Timestamp) -> Result<Cluster, access::Error> {
            if !self.remembered.replace(true) {
                self.made.set(self.made.get() + 1);
            }
            Ok(Cluster(self.made.get()))
        }

        async fn forget(&self) {
            self.remembered.set(false);
        }
    }

    fn refused(code: u16) -> Error {
        Error::Refused {
            call: "list draining nodes".to_owned(),
            code,
            message: "Unauthorized".to_owned(),
        }
    }

    /// Drain case 14.
    #[tokio::test]
    async fn case_14_a_401_is_asked_once_more_with_a_new_credential_and_a_second_one_stands() {
        for (good_from, code, made, fine) in [
            (1, 401, 1, true),
            (2, 401, 2, true),
            (3, 401, 2, false),
            (2, 403, 1, false),
        ] {
            let gate = Numbered::default();
            let first = async |cluster: &Cluster| {
                if cluster.0 >= good_from {
                    Ok(())
                } else {
                    Err(refused(code))
                }
            };
            let mut tally = Tally::default();
            let entered = enter(&gate, Timestamp::UNIX_EPOCH, &mut tally, first).await;
            let (cluster, answer) = entered.unwrap();
            assert_eq!(
                (cluster.0, answer.is_ok()),
                (made, fine),
                "good from {good_from}, {code}"
            );
        }
    }
}
