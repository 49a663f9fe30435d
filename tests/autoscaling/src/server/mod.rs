//! The shell around the model: it tells it the time, carries out what it asks for, and serves it over HTTP.

mod asked;
mod http;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::judge::Judge;
use crate::model::{Arrival, Effect, Home, Model, Order, Outcome};
use crate::notice::Notice;

/// What the endpoint needs from the world.
pub struct Settings {
    /// On loopback; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The account of the groups: 12 digits.
    pub account: String,
    /// For example `eu-central-1`.
    pub region: String,
    /// Real, scaled or manual.
    pub clock: Clock,
    /// EC2.
    pub fleet: Arc<dyn Fleet>,
    /// IAM.
    pub judge: Arc<dyn Judge>,
    /// Who is told what happens. Nobody listening is no error.
    pub notices: mpsc::UnboundedSender<Notice>,
}

/// A running endpoint. Dropping it ends it too.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    tasks: JoinSet<()>,
}

impl Server {
    /// Ends it; requests under way are cut off. Instances stay as they are in EC2.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Starts the endpoint, without groups.
pub async fn serve(settings: Settings) -> anyhow::Result<Server> {
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("the Auto Scaling endpoint can't listen on {}", settings.listen))?;
    let address = listener.local_addr()?;
    let Settings {
        account,
        region,
        clock,
        fleet,
        judge,
        notices,
        listen: _,
    } = settings;
    // Two worlds differ in their ids; a single one needs no more than that.
    let seed = u64::from_ne_bytes(clock.now().as_microsecond().to_ne_bytes()) ^ u64::from(address.port());
    let shell = Arc::new(Shell {
        model: Mutex::new(Model::new(Home { account, region }, seed)),
        clock,
        fleet,
        judge,
        notices,
        wake: watch::Sender::new(None),
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(keep_time(shell.clone()));
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, http::router(shell)).await {
            tracing::error!(%error, "the Auto Scaling endpoint ended");
        }
    });
    Ok(Server { address, tasks })
}

/// Everything that requests, the timer and EC2's answers share.
struct Shell {
    model: Mutex<Model>,
    clock: Clock,
    fleet: Arc<dyn Fleet>,
    judge: Arc<dyn Judge>,
    notices: mpsc::UnboundedSender<Notice>,
    /// When the model wants to be called again.
    wake: watch::Sender<Option<Timestamp>>,
}

impl Shell {
    /// Works on the model. What is due by now is done before, what follows is done after. Notices leave under
    /// the lock, so that they are in the order of what happened.
    fn turn<T>(self: &Arc<Self>, work: impl FnOnce(&mut Model, Timestamp) -> T) -> T {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let (before, _) = model.tick(now);
        let result = work(&mut model, now);
        let (after, wake) = model.tick(now);
        before
            .into_iter()
            .chain(after)
            .for_each(|effect| self.carry_out(effect));
        self.wake
            .send_if_modified(|old| std::mem::replace(old, wake) != wake);
        result
    }

    fn carry_out(self: &Arc<Self>, effect: Effect) {
        match effect {
            Effect::Tell(notice) => {
                // A world that is going down has nobody listening any more.
                let _unheard = self.notices.send(notice);
            }
            Effect::Launch { activity, order } => {
                let shell = self.clone();
                tokio::spawn(async move { shell.launch(activity, order).await });
            }
            Effect::Terminate { instance } => {
                let shell = self.clone();
                tokio::spawn(async move { shell.terminate(instance).await });
            }
        }
    }

    async fn launch(self: Arc<Self>, activity: String, order: Order) {
        let outcome = match self.ask_for_launch(order).await {
            Ok(arrival) => Outcome::Launched {
                activity,
                arrival: Box::new(arrival),
            },
            Err(why) => {
                tracing::warn!(%why, "EC2 launched nothing for an Auto Scaling group");
                Outcome::LaunchFailed { activity, why }
            }
        };
        self.turn(|model, now| model.report(outcome, now));
    }

    async fn ask_for_launch(&self, order: Order) -> Result<Arrival, String> {
        let template = self.fleet.template(&order.template).await?;
        let request = order.request(&template)?;
        let instance_type = request.instance_type.clone();
        let launched = self.fleet.launch(request).await?;
        Ok(Arrival {
            launched,
            template,
            instance_type,
        })
    }

    async fn terminate(self: Arc<Self>, instance: String) {
        let outcome = match self.fleet.terminate(&instance).await {
            Ok(()) => Outcome::Terminated { instance },
            Err(why) => {
                tracing::warn!(%instance, %why, "EC2 did not terminate an instance of an Auto Scaling group");
                Outcome::TerminationFailed { instance, why }
            }
        };
        self.turn(|model, now| model.report(outcome, now));
    }
}

/// Calls the model whenever something becomes due.
async fn keep_time(shell: Arc<Shell>) {
    let mut wake = shell.wake.subscribe();
    loop {
        let next = *wake.borrow_and_update();
        let due = async {
            match next {
                Some(at) => shell.clock.until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => shell.turn(|_, _| ()),
            changed = wake.changed() => if changed.is_err() { return },
        }
    }
}
