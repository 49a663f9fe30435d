//! The steps of a plan, carried out. Each can be repeated: what a crash left undone, the next round does.

use std::collections::BTreeSet;

use aws::s3::{Condition, Deleted, Written};
use domain::failure::Class;
use domain::ids::ClusterName;
use domain::keys::{ORIGINAL_REPLICAS, SAVED_SIZE_TAG, STATE_ANNOTATION, STATE_TAG};
use domain::offhours::{Capacity, Key, Kind, Mirror, Move, Record, Size, Stage, Step, Switch};
use function::bus::Told;
use function::report::count;
use function::rounds::{IN_FLIGHT, Went};
use function::{Count, Failed, Tally};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::journal::{Journal, Objects};
use crate::look::{Handle, Sight};
use crate::tell;
use crate::{Databases, Groups, Kubernetes, Nodegroups, counts};

/// What plans are carried out with.
pub(crate) struct Bench<'a, A, E, D, K, B> {
    pub(crate) autoscaling: &'a A,
    pub(crate) eks: &'a E,
    pub(crate) rds: &'a D,
    pub(crate) cluster_name: &'a ClusterName,
    /// The way into the cluster, if there is one now.
    pub(crate) cluster: Option<&'a K>,
    pub(crate) journal: &'a Journal<'a, B>,
    pub(crate) sight: &'a Sight,
}

/// What came of the moves of a round.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// What people are to be told.
    pub(crate) told: Vec<Told>,
    /// Resources of which a step failed, and where only a person can help.
    pub(crate) refused: BTreeSet<Key>,
}

impl<A, E, D, K, B> Bench<'_, A, E, D, K, B>
where
    A: Groups,
    E: Nodegroups,
    D: Databases,
    K: Kubernetes,
    B: Objects,
{
    /// Carries all moves out, side by side.
    pub(crate) async fn apply(&self, moves: &[Move], tally: &mut Tally) -> Applied {
        let mut all = Applied::default();
        let mut going = futures::stream::iter(moves)
            .map(|one| self.one(one))
            .buffer_unordered(IN_FLIGHT);
        while let Some((counted, applied)) = going.next().await {
            tally.add(counted);
            all.told.extend(applied.told);
            all.refused.extend(applied.refused);
        }
        all
    }

    /// Carries one move out, step by step. The first step that fails, or finds things changed, ends it.
    async fn one(&self, one: &Move) -> (Tally, Applied) {
        let (mut tally, mut applied) = (Tally::default(), Applied::default());
        for note in &one.notes {
            tracing::warn!(resource = %one.key, %note, "it was changed while it was asleep");
        }
        for step in &one.steps {
            match self.step(&one.key, step, &mut tally).await {
                Ok(Went::On) => {
                    tracing::info!(resource = %one.key, why = one.why, "{step}");
                    if let Some(count) = counted(step) {
                        tally.one(count);
                    }
                    applied.told.extend(tell::told(&one.key, step, &one.why));
                }
                Ok(Went::Stale) => {
                    tracing::info!(resource = %one.key, "{step}: it has changed meanwhile; the next look decides");
                    break;
                }
                Err(failed) => {
                    tracing::error!(resource = %one.key, error = failed.message, "{step}: failed");
                    if failed.class != Class::Transient {
                        applied.refused.insert(one.key.clone());
                    }
                    tally.fail(failed);
                    break;
                }
            }
        }
        (tally, applied)
    }

    async fn step(&self, key: &Key, step: &Step, tally: &mut Tally) -> Result<Went, Failed> {
        match step {
            Step::Save(record) | Step::Journal(record) => self.write(record, tally).await,
            Step::Resize { to, mirror } => self.resize(key, *to, mirror.as_ref(), tally).await,
            Step::Show(mirror) => self.mark(key, None, Some(mirror), tally).await,
            Step::Hide => self.mark(key, None, None, tally).await,
            Step::Forget => match self.sight.etags.get(key) {
                None => Ok(Went::Stale),
                Some(seen) => Ok(match self.journal.delete_record(key, seen, tally).await? {
                    Deleted::Done => Went::On,
                    Deleted::Changed => Went::Stale,
                }),
            },
        }
    }

    /// Writes a record in place of the one that was seen, which may be that of another resource of its name that is no
    /// more.
    async fn write(&self, record: &Record, tally: &mut Tally) -> Result<Went, Failed> {
        let seen = self.sight.etags.get(&record.resource).cloned();
        let condition = seen.map_or(Condition::Absent, Condition::Unchanged);
        Ok(match self.journal.write_record(record, condition, tally).await? {
            Written::Done(_) => Went::On,
            Written::Lost => Went::Stale,
        })
    }

    async fn resize(
        &self,
        key: &Key,
        to: Size,
        mirror: Option<&Mirror>,
        tally: &mut Tally,
    ) -> Result<Went, Failed> {
        let went = match (self.handle(key)?, to) {
            // One patch: what is seen on it and its size never differ.
            (Handle::Workload { .. }, _) => return self.mark(key, Some(to), mirror, tally).await,
            (Handle::Group(name), Size::Capacity(capacity)) => self
                .autoscaling
                .resize_group(name, capacity)
                .await
                .map(|()| Went::On),
            (Handle::Nodegroup { .. }, Size::Capacity(capacity)) => self.nodegroup(key, capacity).await,
            (Handle::Database { .. }, Size::Power(Switch::Off)) => {
                self.rds.stop_database(key.name()).await.map(|()| Went::On)
            }
            (Handle::Database { .. }, Size::Power(Switch::On)) => {
                self.rds.start_database(key.name()).await.map(|()| Went::On)
            }
            (_, size) => return Err(Failed::permanent(format!("{key}: it can't be made {size}"))),
        };
        tally.one(count::AWS_CALLS);
        match went {
            // It was at rest when we looked: somebody else began a change since.
            Err(error) if error.is_busy() => {
                tracing::info!(resource = %key, "busy with another change: {error}");
                return Ok(Went::Stale);
            }
            other => other?,
        };
        tally.one(counts::RESIZED);
        self.mark(key, None, mirror, tally).await
    }

    async fn nodegroup(&self, key: &Key, capacity: Capacity) -> Result<Went, aws::Error> {
        let resized = self.eks.resize_nodegroup(self.cluster_name, key.name(), capacity);
        resized.await.map(|()| Went::On)
    }

    /// Writes on the resource what people are to see there; on a workload together with its size, if that changes.
    async fn mark(
        &self,
        key: &Key,
        size: Option<Size>,
        mirror: Option<&Mirror>,
        tally: &mut Tally,
    ) -> Result<Went, Failed> {
        match self.handle(key)? {
            Handle::Workload { version, .. } => {
                let cluster = self.cluster.ok_or_else(|| {
                    Failed::transient(format!("{key}: no way into the cluster")).of_cluster()
                })?;
                let patch = patch(key, version, size, mirror);
                return match cluster.patch_workload(key, &patch).await {
                    Ok(_) => {
                        if size.is_some() {
                            tally.one(counts::RESIZED);
                        }
                        Ok(Went::On)
                    }
                    Err(error) if error.is_conflict() || error.is_not_found() => Ok(Went::Stale),
                    Err(error) => Err(error.into()),
                };
            }
            Handle::Group(name) => match mirror.map(tags) {
                Some(tags) => self.autoscaling.tag_group(name, &borrowed(&tags)).await?,
                None => self.autoscaling.untag_group(name, &TAGS).await?,
            },
            Handle::Nodegroup { arn } => match mirror.map(tags) {
                Some(tags) => self.eks.tag_nodegroup(arn, &borrowed(&tags)).await?,
                None => self.eks.untag_nodegroup(arn, &TAGS).await?,
            },
            Handle::Database { arn } => match mirror.map(tags) {
                Some(tags) => self.rds.tag_database(arn, &borrowed(&tags)).await?,
                None => self.rds.untag_database(arn, &TAGS).await?,
            },
        }
        tally.one(count::AWS_CALLS);
        Ok(Went::On)
    }

    fn handle(&self, key: &Key) -> Result<&Handle, Failed> {
        let unknown = || Failed::permanent(format!("{key}: planned, and not seen"));
        self.sight.handles.get(key).ok_or_else(unknown)
    }
}

/// What is counted of a step that was carried out.
fn counted(step: &Step) -> Option<Count> {
    match step {
        Step::Save(_) => Some(counts::SIZES_SAVED),
        Step::Journal(record) if record.stage == Stage::Saved && record.reverts > 0 => Some(counts::REVERTED),
        Step::Journal(_) | Step::Resize { .. } | Step::Show(_) | Step::Hide | Step::Forget => None,
    }
}

/// The tags that we write.
const TAGS: [&str; 2] = [STATE_TAG, SAVED_SIZE_TAG];

fn tags(mirror: &Mirror) -> Vec<(&'static str, String)> {
    let size = mirror.size.clone().map(|size| (SAVED_SIZE_TAG, size));
    std::iter::once((STATE_TAG, mirror.state())).chain(size).collect()
}

fn borrowed<'a>(tags: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    tags.iter().map(|(key, value)| (*key, value.as_str())).collect()
}

/// The one patch of a workload. It holds for the version that was seen and no other.
fn patch(key: &Key, version: &str, size: Option<Size>, mirror: Option<&Mirror>) -> Value {
    let mut patch = json!({ "metadata": {
        "resourceVersion": version,
        "annotations": {
            STATE_ANNOTATION: mirror.map(Mirror::state),
            ORIGINAL_REPLICAS: mirror.and_then(|mirror| mirror.size.clone()),
        },
    }});
    match size {
        Some(Size::Replicas(replicas)) if key.kind() == Kind::Autoscaler => {
            patch["spec"] = json!({ "minReplicas": replicas });
        }
        Some(Size::Replicas(replicas)) => patch["spec"] = json!({ "replicas": replicas }),
        Some(Size::Schedule(switch)) => patch["spec"] = json!({ "suspend": switch == Switch::Off }),
        Some(Size::Capacity(_) | Size::Power(_)) | None => {}
    }
    patch
}
