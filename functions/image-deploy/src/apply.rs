//! Carrying plans out: one patch for each workload, which holds for the version that was seen and no other.

use std::collections::BTreeSet;

use domain::failure::{Class, Classified as _};
use domain::image::{Change, Notice, NoticeKind, Target, Then};
use domain::time::later;
use function::bus::Told;
use function::rounds::{AFTER_FAILURE, IN_FLIGHT};
use function::{Failed, Tally};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use kubernetes::{PatchImages, RecordWorkloadEvent};
use runtime::error::chain;

use crate::look::{Lasting, Subject, View};
use crate::tell;

/// A workload that changed since it was seen is read again after this time. Controllers write its status many times in
/// a rollout, so that this is no rare thing.
const AFTER_CONFLICT: SignedDuration = SignedDuration::from_millis(200);

/// Plans are carried out with this.
pub(crate) struct Bench<'a, K> {
    pub(crate) cluster: &'a K,
    pub(crate) now: Timestamp,
}

/// What came of the plans of a round.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// What the bus is told.
    pub(crate) told: Vec<Told>,
    /// What is to be looked at again.
    pub(crate) lasting: Vec<Lasting>,
}

/// What came of one write.
enum Went {
    /// It is made, or there was none.
    On,
    /// The workload has changed since it was seen: nothing is written, and what is read then decides.
    Stale,
    /// It did not work.
    Failed(Failed),
}

/// What needs a person, as far as this invocation has said so. Each look finds it again.
#[derive(Debug, Default)]
pub(crate) struct Said(BTreeSet<(Target, String)>);

impl Said {
    fn is_new(&mut self, target: &Target, notice: &Notice) -> bool {
        notice.kind != NoticeKind::Attention || self.0.insert((target.clone(), notice.text.clone()))
    }
}

impl<K: PatchImages + RecordWorkloadEvent> Bench<'_, K> {
    /// Carries all plans out, side by side. One that fails stops no other.
    pub(crate) async fn apply(&self, views: Vec<View>, said: &mut Said, tally: &mut Tally) -> Applied {
        let mut all = Applied::default();
        let views = views.into_iter().map(|mut view| {
            let target = &view.subject.workload.target;
            view.plan.notices.retain(|notice| said.is_new(target, notice));
            view
        });
        let views: Vec<View> = views.collect();
        let mut going = futures::stream::iter(views)
            .map(|view| self.one(view))
            .buffer_unordered(IN_FLIGHT);
        while let Some((counted, applied)) = going.next().await {
            tally.add(counted);
            all.told.extend(applied.told);
            all.lasting.extend(applied.lasting);
        }
        all
    }

    async fn one(&self, view: View) -> (Tally, Applied) {
        let (mut tally, mut applied) = (Tally::default(), Applied::default());
        let View { subject, plan } = view;
        let target = &subject.workload.target;
        let after = match self.write(plan.change.as_ref()).await {
            Went::On => {
                tell::log(target, &plan.notices, &mut tally);
                let told = |notice| tell::told(target, notice, &subject.attention);
                applied.told.extend(plan.notices.iter().map(told));
                tell::on_workload(
                    self.cluster,
                    &subject.workload,
                    &plan.notices,
                    self.now,
                    &mut tally,
                )
                .await;
                match plan.then {
                    Then::LookAgain { after } => Some(after),
                    Then::Settled | Then::NextTick => None,
                }
            }
            Went::Stale => {
                tracing::info!(resource = %target, "it has changed meanwhile; it is read again");
                Some(AFTER_CONFLICT)
            }
            Went::Failed(failed) => {
                tracing::error!(resource = %target, error = failed.message, "it can't be changed");
                let may_help = failed.class == Class::Transient;
                tally.fail(failed);
                may_help.then_some(AFTER_FAILURE)
            }
        };
        applied
            .lasting
            .extend(after.map(|after| self.lasting(subject, after)));
        (tally, applied)
    }

    fn lasting(&self, subject: Subject, after: SignedDuration) -> Lasting {
        Lasting {
            target: subject.workload.target,
            attention: subject.attention,
            due: later(self.now, after),
        }
    }

    async fn write(&self, change: Option<&Change>) -> Went {
        let Some(change) = change else { return Went::On };
        match self.cluster.patch_images(change).await {
            Ok(_) => {
                tracing::info!(resource = %change.target, plan = tell::plan(change), "written");
                Went::On
            }
            Err(error) if error.is_conflict() || error.is_not_found() => {
                tracing::debug!(resource = %change.target, error = chain(&error), "not written");
                Went::Stale
            }
            Err(error) => {
                let class = error.class();
                Went::Failed(Failed {
                    class,
                    ..error.into()
                })
            }
        }
    }
}
