//! Delivers the events that AWS itself would emit to the targets of the rules that are really deployed.
//!
//! The emulator refuses `PutEvents` for sources that start with `aws.`, as AWS does. So the relay stands in for AWS: it reads the enabled
//! rules of the default event bus, has the emulator judge each pattern (`TestEventPattern`), and hands the event to the rule's targets,
//! provided that their own policies let `EventBridge` in. What a target would not have goes to its dead-letter queue.
//!
//! A source is anything that calls [`Relay::emit`]: the Auto Scaling endpoint with its lifecycle events and its changes of tags, a scenario
//! with one of [`Origin`]'s, and the emulator's registry ([`Relay::follow_registry`]). [`Faults`] lose, repeat, delay and reorder events by a seed; [`Relay::journal`] says what
//! became of each.
#![allow(
    clippy::disallowed_methods,
    reason = "a part of the test world, which lives by the machine's clock"
)]

mod client;
mod delivery;
mod faults;
mod journal;
mod origin;
mod policy;
mod registry;
mod rules;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use base::Credentials;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use faults::Faults;
pub use journal::{Entry, Step};
pub use origin::{IMAGE_ACTION, ImageAction, Origin, ScheduledChange, SpotAction};

use client::Client;
use journal::Journal;

/// What the relay needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Of the emulator, as `http://127.0.0.1:14500`.
    pub endpoint: String,
    /// An administrator's: AWS itself needs nobody's permission, resource policies are checked apart.
    pub credentials: Credentials,
    /// Of the events that [`Relay::origin`] makes; calls are signed for the world's one region.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// The same seed, faults and order of events give the same deliveries.
    pub seed: u64,
    /// Where each step of each event is also written as a line.
    pub log: Option<PathBuf>,
}

/// A handle on the running relay. Clones are handles on the same one, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Relay {
    shared: Arc<Shared>,
    queue: mpsc::UnboundedSender<Due>,
    client: Client,
    origin: Origin,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Copies that are not delivered yet.
    pending: watch::Sender<usize>,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    rng: fastrand::Rng,
    journal: Journal,
    /// When the latest copy so far is due; without reordering none is due earlier than one before it.
    latest: Option<Instant>,
}

/// A copy of an event and when it arrives.
#[derive(Debug)]
struct Due {
    at: Instant,
    event: Arc<Value>,
}

impl Relay {
    /// Starts the relay as a task of the current runtime.
    pub fn start(settings: Settings) -> Result<Self> {
        let Settings {
            endpoint,
            credentials,
            region,
            account,
            seed,
            log,
        } = settings;
        let client = Client::new(&endpoint, credentials)?;
        let state = State {
            faults: Faults::default(),
            rng: fastrand::Rng::with_seed(seed),
            journal: Journal::new(log),
            latest: None,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            pending: watch::Sender::new(0),
        });
        let (queue, arrivals) = mpsc::unbounded_channel();
        tokio::spawn(pump(client.clone(), Arc::clone(&shared), arrivals));
        Ok(Self {
            shared,
            queue,
            client,
            origin: Origin { account, region },
        })
    }

    /// Takes an event, complete with its envelope, and returns at once.
    pub fn emit(&self, event: Value) {
        let now = Instant::now();
        let mut guard = self.shared.state();
        let state = &mut *guard;
        let delays = state.faults.deliveries(&event, &mut state.rng);
        state.journal.note(&event, Step::Emitted { copies: delays.len() });
        let event = Arc::new(event);
        for delay in delays {
            let mut at = now + delay;
            if !state.faults.reorder {
                at = state.latest.map_or(at, |latest| at.max(latest));
                state.latest = Some(at);
            }
            self.shared.pending.send_modify(|pending| *pending += 1);
            let sent = self.queue.send(Due {
                at,
                event: Arc::clone(&event),
            });
            if sent.is_err() {
                state.journal.note(
                    &event,
                    Step::Failed {
                        reason: "the relay has ended".to_owned(),
                    },
                );
                self.shared.pending.send_modify(|pending| *pending -= 1);
            }
        }
    }

    /// Emits what happens in the emulator's registry, in the order in which it happens, from the emulator's start until the task is
    /// aborted.
    pub fn follow_registry(&self) -> JoinHandle<()> {
        tokio::spawn(registry::follow(self.clone()))
    }

    /// Makes events of this account and region.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What happens to events from now on. Those on their way are not touched.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.state().faults = faults;
    }

    /// What happens to events now.
    pub fn faults(&self) -> Faults {
        self.shared.state().faults.clone()
    }

    /// Starts the deterministic sequence of faults again, from `seed`.
    pub fn reseed(&self, seed: u64) {
        self.shared.state().rng = fastrand::Rng::with_seed(seed);
    }

    /// Every step of every event, in the order in which they happened; the oldest are forgotten after thousands.
    pub fn journal(&self) -> Vec<Entry> {
        self.shared.state().journal.entries()
    }

    /// Returns when no copy of any event is on its way.
    pub async fn settled(&self) {
        // The sender lives as long as this handle, so the wait can only end by the count.
        let mut pending = self.shared.pending.subscribe();
        let _reached = pending.wait_for(|pending| *pending == 0).await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No step leaves the state half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers each copy when it is due, one after the other.
async fn pump(client: Client, shared: Arc<Shared>, mut arrivals: mpsc::UnboundedReceiver<Due>) {
    let mut waiting: Vec<Due> = Vec::new();
    loop {
        // The first of the earliest: copies that are due at the same time keep their order.
        let next = waiting
            .iter()
            .enumerate()
            .min_by_key(|(_, due)| due.at)
            .map(|(index, due)| (index, due.at));
        let arrived = match next {
            None => arrivals.recv().await,
            Some((index, at)) => tokio::select! {
                // What has arrived is looked at first, since it may be due earlier.
                biased;
                Some(due) = arrivals.recv() => Some(due),
                () = tokio::time::sleep_until(at) => {
                    let due = waiting.remove(index);
                    relay(&client, &shared, &due.event).await;
                    shared.pending.send_modify(|pending| *pending -= 1);
                    continue;
                }
            },
        };
        match arrived {
            Some(due) => waiting.push(due),
            // All handles are gone and nothing waits.
            None => return,
        }
    }
}

/// Hands one copy of an event to the targets of the rules that it matches.
async fn relay(client: &Client, shared: &Shared, event: &Value) {
    let note = |step| shared.state().journal.note(event, step);
    let failed = |error: anyhow::Error| Step::Failed {
        reason: format!("{error:#}"),
    };
    let rules = match rules::matching(client, event).await {
        Ok(rules) => rules,
        Err(error) => return note(failed(error)),
    };
    if rules.is_empty() {
        return note(Step::Unmatched);
    }
    for rule in rules {
        match rules::targets(client, &rule).await {
            Ok(targets) => {
                for target in targets {
                    note(delivery::deliver(client, event, &rule, &target).await);
                }
            }
            Err(error) => note(failed(error)),
        }
    }
}
