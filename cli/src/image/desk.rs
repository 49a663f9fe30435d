//! The function, as a person looks through its eyes.

use access::Connect as _;
use aws::ecr::Ecr;
use domain::image::Target;
use function::Tally;
use image_deploy::{ImageDeploy, View};
use kubernetes::{Cluster, GetImageWorkload as _};
use runtime::clock::{Clock as _, SystemClock};
use runtime::error::chain;

use crate::args::Shared;
use crate::door::Door;
use crate::exit::Error;
use crate::hours::Nobody;
use crate::patience::patiently;
use crate::settings::Settings;

/// All that is needed to look.
pub(super) struct Desk {
    function: ImageDeploy<Ecr, Door, Nobody, Nobody, SystemClock, Nobody>,
}

impl Desk {
    /// As the command line says; nothing is asked yet.
    pub(super) async fn new(shared: &Shared) -> Result<Self, Error> {
        let settings = Settings::read(shared)?;
        let config = settings.image_deploy()?;
        let sdk = aws::config::load_as(shared.profile.as_deref(), shared.region.as_deref()).await;
        Ok(Self {
            function: ImageDeploy {
                registry: Ecr::new(&sdk),
                gate: Door::new(shared, &sdk, settings.cluster()),
                bus: Nobody,
                dead_letters: Nobody,
                clock: SystemClock,
                lines: Nobody,
                config,
            },
        })
    }

    /// How these workloads stand, or all that take part; and who could not be asked, each once.
    pub(super) async fn view(&self, workloads: &[Target]) -> Result<(Vec<View>, Vec<String>), Error> {
        let mut tally = Tally::default();
        let is_wanted = |target: &Target| workloads.is_empty() || workloads.contains(target);
        let looked = Box::pin(self.function.view(is_wanted, &mut tally));
        let views = patiently("asking the cluster and ECR", looked).await?;
        let mut blind: Vec<String> = tally
            .failures()
            .iter()
            .map(|failed| failed.message.clone())
            .collect();
        blind.sort();
        blind.dedup();
        Ok((views, blind))
    }

    /// The cluster.
    pub(super) async fn cluster(&self) -> Result<Cluster, Error> {
        let way = self.function.gate.connect(self.function.clock.now());
        patiently("the way into the cluster", way)
            .await
            .map_err(|error| Error::Unreachable(chain(&error)))
    }
}

/// A workload as it is.
pub(super) async fn workload(cluster: &Cluster, target: &Target) -> Result<domain::image::Workload, Error> {
    let found = patiently("asking the cluster", cluster.image_workload(target)).await;
    found
        .map_err(|error| Error::Unreachable(chain(&error)))?
        .ok_or_else(|| Error::NotFound(format!("{target} is not there")))
}
