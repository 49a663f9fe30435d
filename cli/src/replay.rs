//! `lamplighter events replay`: a recorded event through the functions that it is for.

mod event;
mod record;
mod view;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use aws::autoscaling::AutoScaling;
use aws::ecr::Ecr;
use aws::eventbridge::{BusEvent, EventBridge, PutEvents};
use aws::rds::Rds;
use aws::s3::Bucket;
use aws::sqs::{ParkMessage, ParkedMessage};
use aws::ssm::ParameterStore;
use aws_config::SdkConfig;
use aws_ec2::Ec2;
use function::Failed;
use image_deploy::ImageDeploy;
use jiff::SignedDuration;
use node_drain::NodeDrain;
use node_join::{NodeJoin, OsRandom};
use node_label::NodeLabel;
use off_hours::OffHours;
use runtime::clock::{Clock as _, SystemClock};
use runtime::function::Invocation;
use runtime::telemetry::Logs;
use serde_json::Value;
use tracing::instrument::WithSubscriber as _;
use tracing::level_filters::LevelFilter;

use crate::args::{Function, Output, Shared};
use crate::door::Door;
use crate::exit::{Error, Exit};
use crate::hours::Nodegroups;
use crate::patience::patiently;
use crate::print;
use crate::settings::{NO_KEY, Settings};
use record::Recorder;
use view::{Replay, Run};

/// As long as Lambda gives a function.
const INVOCATION: SignedDuration = SignedDuration::from_secs(60);

/// Runs the event in `file`, which changes nothing unless `apply` is set.
pub(crate) async fn run(
    shared: &Shared,
    file: &Path,
    only: Option<Function>,
    apply: bool,
) -> Result<Exit, Error> {
    let settings = Settings::read(shared)?;
    let event = event::read(&text(file)?)
        .map_err(|problem| Error::Usage(format!("{}: {problem}", file.display())))?;
    let mut functions = event.functions(only).map_err(Error::NotFound)?;
    if only.is_none() && functions.len() > 1 && !settings.has_bucket() {
        functions.retain(|function| *function != Function::Hours);
        print::complain("off-hours is left out: the bucket with the saved sizes is not named, by --bucket");
    }
    let sdk = aws::config::load_as(shared.profile.as_deref(), shared.region.as_deref()).await;
    let stage = Stage {
        shared,
        settings: &settings,
        sdk: &sdk,
        apply,
    };
    let mut replay = Replay::new(apply);
    for function in functions {
        let what = format!("running {}", function.name());
        let run = patiently(&what, stage.play(function, event.payload())).await?;
        replay.runs.push(run);
    }
    match shared.output {
        Output::Table => print::text(&replay.table()),
        Output::Json => print::json(&replay),
    }
    Ok(if replay.needs_attention() {
        Exit::Attention
    } else {
        Exit::Fine
    })
}

fn text(file: &Path) -> Result<String, Error> {
    let read = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| Error::Usage(format!("{}: {error}", file.display())))
}

/// Where functions are run.
struct Stage<'a> {
    shared: &'a Shared,
    settings: &'a Settings,
    sdk: &'a SdkConfig,
    apply: bool,
}

impl Stage<'_> {
    async fn play(&self, function: Function, event: Value) -> Result<Run, Error> {
        let recorder = Recorder::default();
        let crate_name = function.name().replace('-', "_");
        let logs = Logs::new(function.name(), crate_name, LevelFilter::INFO);
        let logs = logs.subscriber(SystemClock, Arc::new(recorder.clone()));
        let end = SystemClock.now() + INVOCATION;
        let end = u64::try_from(end.as_millisecond()).unwrap_or(u64::MAX);
        // Who holds a lease is known by this: two replays must not be one.
        let id = format!(
            "replay-{}-{}",
            std::process::id(),
            SystemClock.now().as_millisecond()
        );
        let invocation = Invocation::new(&id, function.name(), end);
        let answer = match function {
            Function::Drain => {
                self.node_drain(event, &invocation, &recorder)
                    .with_subscriber(logs)
                    .await
            }
            Function::Label => {
                self.node_label(event, &invocation, &recorder)
                    .with_subscriber(logs)
                    .await
            }
            Function::Join => {
                self.node_join(event, &invocation, &recorder)
                    .with_subscriber(logs)
                    .await
            }
            Function::Hours => {
                self.off_hours(event, &invocation, &recorder)
                    .with_subscriber(logs)
                    .await
            }
            Function::Images => {
                self.image_deploy(event, &invocation, &recorder)
                    .with_subscriber(logs)
                    .await
            }
        }?;
        Ok(Run::new(function.name(), answer, &recorder.lines()))
    }

    async fn node_drain(&self, event: Value, invocation: &Invocation, lines: &Recorder) -> Answer {
        let mut config = self.settings.common(&self.shared.terminate_hook)?;
        config.common.dry_run = !self.apply;
        let function = NodeDrain {
            config,
            autoscaling: AutoScaling::new(self.sdk),
            gate: self.door(),
            dead_letters: Aside,
            clock: SystemClock,
            lines: lines.clone(),
        };
        Ok(Box::pin(function.handle(event, invocation)).await)
    }

    async fn node_label(&self, event: Value, invocation: &Invocation, lines: &Recorder) -> Answer {
        let mut config = self.settings.node_label(&self.shared.launch_hook)?;
        config.common.common.dry_run = !self.apply;
        let function = NodeLabel {
            config,
            autoscaling: AutoScaling::new(self.sdk),
            ec2: Ec2::new(self.sdk),
            gate: self.door(),
            dead_letters: Aside,
            clock: SystemClock,
            lines: lines.clone(),
        };
        Ok(Box::pin(function.handle(event, invocation)).await)
    }

    async fn node_join(&self, event: Value, invocation: &Invocation, lines: &Recorder) -> Answer {
        let mut config = self.settings.node_join(&self.shared.launch_hook)?;
        if self.apply && config.key == NO_KEY {
            let lacks = "--apply: node-join needs LAMPLIGHTER_JOIN_KEY_ARN, by --settings or the environment";
            return Err(Error::Usage(lacks.to_owned()));
        }
        config.common.common.dry_run = !self.apply;
        let function = NodeJoin {
            config,
            autoscaling: AutoScaling::new(self.sdk),
            machines: Ec2::new(self.sdk),
            parameters: ParameterStore::new(self.sdk),
            gate: self.door(),
            dead_letters: Aside,
            random: OsRandom,
            clock: SystemClock,
            lines: lines.clone(),
        };
        Ok(Box::pin(function.handle(event, invocation)).await)
    }

    async fn off_hours(&self, event: Value, invocation: &Invocation, lines: &Recorder) -> Answer {
        let mut config = self.settings.off_hours()?;
        config.common.dry_run = !self.apply;
        let function = OffHours {
            autoscaling: AutoScaling::new(self.sdk),
            eks: Nodegroups::new(self.sdk),
            rds: Rds::new(self.sdk),
            gate: self.door(),
            bucket: Bucket::new(self.sdk, config.bucket.clone()),
            bus: self.bus(),
            dead_letters: Aside,
            clock: SystemClock,
            lines: lines.clone(),
            config,
        };
        Ok(Box::pin(function.handle(event, invocation)).await)
    }

    async fn image_deploy(&self, event: Value, invocation: &Invocation, lines: &Recorder) -> Answer {
        let mut config = self.settings.image_deploy()?;
        config.common.dry_run = !self.apply;
        let function = ImageDeploy {
            registry: Ecr::new(self.sdk),
            gate: self.door(),
            bus: self.bus(),
            dead_letters: Aside,
            clock: SystemClock,
            lines: lines.clone(),
            config,
        };
        Ok(Box::pin(function.handle(event, invocation)).await)
    }

    fn bus(&self) -> Told {
        if self.apply {
            Told::Bus(EventBridge::new(self.sdk))
        } else {
            Told::Nobody
        }
    }

    fn door(&self) -> Door {
        Door::new(self.shared, self.sdk, self.settings.cluster())
    }
}

/// What a function answers, unless it can't even be set up.
type Answer = Result<Result<Value, Failed>, Error>;

/// Who is told what a function did. Without --apply nobody is, whatever the function does.
enum Told {
    Bus(EventBridge),
    Nobody,
}

impl PutEvents for Told {
    async fn put_events(&self, events: &[BusEvent<'_>]) -> Result<(), aws::Error> {
        match self {
            Self::Bus(bus) => bus.put_events(events).await,
            Self::Nobody => Ok(()),
        }
    }
}

/// A recorded message that nobody can read stays in its file: nothing is sent to a queue.
struct Aside;

impl ParkMessage for Aside {
    async fn park(&self, message: &ParkedMessage<'_>) -> Result<(), aws::Error> {
        print::complain(&format!("not sent to the dead-letter queue: {}", message.reason));
        Ok(())
    }
}
