//! What happened, and when: by what was seen from outside, and by what the functions logged.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use deploy::Outputs;
use jiff::Timestamp;
use relay::Step;
use serde_json::Value;
use world::drain_watch::Seen;
use world::{What, World, function_logs};

/// The lines of an invocation come when it ends: after 50 s at most.
const LOG_LIMIT: Duration = Duration::from_secs(70);

/// One instance that went, and the one that came for it.
pub(super) struct Story<'a> {
    pub(super) instance: &'a str,
    pub(super) replacement: &'a str,
    /// When the instance was terminated.
    pub(super) start: Timestamp,
    /// Its drain.
    pub(super) seen: &'a Seen,
}

type Row = (&'static str, Option<Timestamp>);

impl Story<'_> {
    /// Prints it as two tables.
    pub(super) async fn tell(&self, world: &World, outputs: &Outputs) -> Result<()> {
        println!("\n{}: {} pods evicted", self.instance, self.seen.asked.len());
        self.table(self.drain(world))?;
        let mut waited = Duration::ZERO;
        let step = Duration::from_millis(500);
        let join = loop {
            let rows = self.join(world, outputs).await?;
            let missing = rows.iter().find(|(_, at)| at.is_none());
            match missing {
                None => break rows,
                Some((what, _)) if waited >= LOG_LIMIT => bail!("never seen: {what}"),
                Some(_) => tokio::time::sleep(step).await,
            }
            waited += step;
        };
        println!("\n{}, its replacement", self.replacement);
        self.table(join)
    }

    fn drain(&self, world: &World) -> Vec<Row> {
        let delivered = world.relay().journal().into_iter().find_map(|entry| {
            let ours = entry.instance.as_deref() == Some(self.instance)
                && matches!(entry.step, Step::Delivered { .. });
            (ours && entry.detail_type.contains("terminate")).then_some(entry.at)
        });
        let seen = self.seen;
        vec![
            ("event delivered to the queue", delivered),
            ("node cordoned", seen.cordoned),
            ("first pod evicted", seen.asked.values().min().copied()),
            ("last pod evicted", seen.asked.values().max().copied()),
            ("last pod gone", seen.gone.values().max().copied()),
            ("hook completed", seen.completed),
            (
                "instance terminated",
                world.timeline().entered(self.instance, "Terminated"),
            ),
        ]
    }

    async fn join(&self, world: &World, outputs: &Outputs) -> Result<Vec<Row>> {
        let joins = function_logs::records(world, outputs.get("NodeJoinLogGroupName")?).await?;
        let labels = function_logs::records(world, outputs.get("NodeLabelLogGroupName")?).await?;
        let issued = self.line(&joins, "token issued");
        let approved = issued.and_then(|issued| {
            let user = format!("system:bootstrap:{}", issued["token"].as_str()?);
            joins
                .iter()
                .find(|line| line["message"] == "certificate approved" && line["user"] == user.as_str())
        });
        let script = world
            .timeline()
            .entries()
            .into_iter()
            .find_map(|(at, id, what)| (id == self.replacement && what == What::Joined).then_some(at));
        Ok(vec![
            (
                "launched, waits at the launch hook",
                world.timeline().entered(self.replacement, "Pending:Wait"),
            ),
            ("token issued for it alone", issued.and_then(time)),
            ("certificate approved", approved.and_then(time)),
            ("kubeadm join has ended", script),
            ("token revoked", self.line(&joins, "token revoked").and_then(time)),
            (
                "labels set, startup taint removed",
                self.line(&labels, "written").and_then(time),
            ),
            (
                "ready for 10 s, in service",
                world.timeline().entered(self.replacement, "InService"),
            ),
        ])
    }

    /// The first log line about the replacement that begins so.
    fn line<'a>(&self, records: &'a [Value], begins: &str) -> Option<&'a Value> {
        records.iter().find(|line| {
            line["instance_id"] == self.replacement
                && line["message"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(begins))
        })
    }

    fn table(&self, rows: Vec<Row>) -> Result<()> {
        let seen = |(what, at): Row| {
            at.map(|at| (at, what))
                .with_context(|| format!("never seen: {what}"))
        };
        let mut rows = rows.into_iter().map(seen).collect::<Result<Vec<_>>>()?;
        rows.sort();
        println!("\n{:>8}  what", "s");
        for (at, what) in rows {
            println!("{:>8.1}  {what}", at.duration_since(self.start).as_secs_f64());
        }
        Ok(())
    }
}

/// When a line was written.
fn time(line: &Value) -> Option<Timestamp> {
    line["timestamp"].as_str()?.parse().ok()
}
