//! The function, as a person looks through its eyes: it sees what the function sees, and has no hands.

use access::Connect;
use aws::autoscaling::AutoScaling;
use aws::eventbridge::{BusEvent, EventBridge, PutEvents};
use aws::rds::Rds;
use aws::s3::Bucket;
use aws_config::SdkConfig;
use domain::ids::ClusterName;
use function::Tally;
use jiff::Timestamp;
use off_hours::journal::Journal;
use off_hours::{Config, Look, OffHours, WayIn};
use runtime::clock::{Clock as _, SystemClock};
use runtime::lines::Lines;

use crate::args::Shared;
use crate::door::Door;
use crate::exit::Error;
use crate::patience::patiently;
use crate::settings::Settings;
use crate::words::to_the_second;

mod nodegroups;

pub(crate) use nodegroups::Nodegroups;

/// All that is needed to look and to write down what a person wants.
pub(super) struct Desk {
    function: OffHours<AutoScaling, Nodegroups, Rds, Door, Bucket, Nobody, Nobody, SystemClock, Nobody>,
    sdk: SdkConfig,
}

impl Desk {
    /// As the command line says; nothing is asked yet.
    pub(super) async fn new(shared: &Shared) -> Result<Self, Error> {
        let settings = Settings::read(shared)?;
        let config = settings.off_hours()?;
        let sdk = aws::config::load_as(shared.profile.as_deref(), shared.region.as_deref()).await;
        let function = OffHours {
            autoscaling: AutoScaling::new(&sdk),
            eks: Nodegroups::new(&sdk),
            rds: Rds::new(&sdk),
            gate: Door::new(shared, &sdk, settings.cluster()),
            bucket: Bucket::new(&sdk, config.bucket.clone()),
            bus: Nobody,
            dead_letters: Nobody,
            clock: SystemClock,
            lines: Nobody,
            config,
        };
        Ok(Self { function, sdk })
    }

    /// What the deployment says.
    pub(super) fn config(&self) -> &Config {
        &self.function.config
    }

    /// The cluster.
    pub(super) fn cluster(&self) -> &ClusterName {
        &self.config().common.cluster
    }

    /// The time, as people read it.
    pub(super) fn now(&self) -> Timestamp {
        to_the_second(self.function.clock.now())
    }

    /// Where saved sizes are, and what people told.
    pub(super) fn journal(&self) -> Journal<'_, Bucket> {
        Journal::new(&self.function.bucket, self.cluster())
    }

    /// Where the function is asked to look.
    pub(super) fn bus(&self) -> EventBridge {
        EventBridge::new(&self.sdk)
    }

    /// Begins to look.
    pub(super) async fn watch(&self) -> Watch<'_> {
        // What does not work is told by each look.
        let mut tally = Tally::default();
        let way = patiently("the way into the cluster", self.function.way_in(&mut tally));
        Watch {
            way: way.await,
            journal: self.journal(),
            desk: self,
        }
    }

    /// One look at everything.
    pub(super) async fn look(&self) -> Result<Look, Error> {
        let mut watch = self.watch().await;
        patiently("asking AWS and the cluster", watch.look()).await
    }
}

/// Looks again and again. What has not changed in the bucket is read once.
pub(super) struct Watch<'a> {
    desk: &'a Desk,
    journal: Journal<'a, Bucket>,
    way: WayIn<<Door as Connect>::Cluster>,
}

impl Watch<'_> {
    /// One look at everything. Without the bucket nothing is known at all.
    pub(super) async fn look(&mut self) -> Result<Look, Error> {
        let looked = Box::pin(self.desk.function.look(&mut self.journal, &mut self.way));
        Ok(looked.await?)
    }
}

/// Who could not be asked in a look, each once.
pub(super) fn blind(look: &Look) -> Vec<String> {
    let mut blind = Vec::new();
    for failed in look.sight.tally.failures() {
        if !blind.contains(&failed.message) {
            blind.push(failed.message.clone());
        }
    }
    blind
}

/// Whom who only looks tells nothing.
pub(crate) struct Nobody;

impl PutEvents for Nobody {
    async fn put_events(&self, _: &[BusEvent<'_>]) -> Result<(), aws::Error> {
        Ok(())
    }
}

impl Lines for Nobody {
    fn write(&self, _: &str) {}
}
