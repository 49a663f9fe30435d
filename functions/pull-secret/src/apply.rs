//! Carrying out what is to be done in one namespace. Each step can be repeated: what a crash left undone, the next tick does.

use std::collections::{BTreeMap, BTreeSet};

use domain::offhours::Namespace;
use domain::pullsecret::{
    Draft, ObjectName, Policy, PullSecret, Refusal, Region, Sight, Stance, Token, Verdict, compose, record,
    remaining, stance,
};
use function::rounds::Went;
use function::{Failed, Tally};
use jiff::{SignedDuration, Timestamp};

use crate::{Kubernetes, counts, look, note};

/// How often a namespace is looked at in one invocation, where somebody else changes the same things meanwhile.
const LOOKS: usize = 3;

/// What plans are carried out with.
pub(crate) struct Bench<'a, K> {
    pub(crate) cluster: &'a K,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
}

impl<K> Bench<'_, K> {
    /// How long pods of the namespace can still pull, if that is known.
    pub(crate) fn life(&self, sight: &Sight) -> Option<(String, SignedDuration)> {
        let left = remaining(sight.secret.as_ref(), self.policy, self.now)?;
        Some((sight.namespace.clone(), left))
    }

    /// Says and counts that a Secret must not be touched.
    pub(crate) fn refuse(&self, namespace: &str, refusal: &Refusal, tally: &mut Tally) {
        let name = &self.policy.name;
        tally.one(counts::REFUSED);
        let failed = Failed::permanent(format!("secret {namespace}/{name}: {refusal}"));
        note(tally, failed, "it is not touched");
    }
}

impl<K: Kubernetes> Bench<'_, K> {
    /// Brings a namespace to where it should be, as far as the tokens go; looks again where things have changed meanwhile.
    /// How long its pods can pull then.
    pub(crate) async fn converge(
        &self,
        namespace: &Namespace,
        mut sight: Sight,
        tokens: &BTreeMap<Region, Token>,
    ) -> (Tally, Option<(String, SignedDuration)>) {
        let mut tally = Tally::default();
        for look in 1..=LOOKS {
            match self.carry_out(&mut sight, tokens, &mut tally).await {
                Ok(Went::On) => break,
                Err(failed) => {
                    note(&mut tally, failed, "the Secret can't be written");
                    break;
                }
                Ok(Went::Stale) if look == LOOKS => {
                    let name = &namespace.name;
                    let failed = Failed::transient(format!("namespace {name}: it changes again and again"));
                    note(&mut tally, failed, "the next tick goes on");
                }
                Ok(Went::Stale) => {
                    tracing::info!(namespace = namespace.name, "it has changed meanwhile; once more");
                    let (again, failures) = look::see(self.cluster, namespace, self.policy).await;
                    for failed in failures {
                        note(&mut tally, failed, "not everything could be seen");
                    }
                    match again {
                        Some(again) => sight = again,
                        None => break,
                    }
                }
            }
        }
        let life = self.life(&sight);
        (tally, life)
    }

    /// What is to be done now, step by step.
    async fn carry_out(
        &self,
        sight: &mut Sight,
        tokens: &BTreeMap<Region, Token>,
        tally: &mut Tally,
    ) -> Result<Went, Failed> {
        let stance = stance(sight, self.policy, self.now);
        match self.write_secret(sight, &stance, tokens, tally).await? {
            Went::On => {}
            Went::Stale => return Ok(Went::Stale),
        }
        // A Secret that could not be made, and one of somebody else, is none to pull by.
        let is_ours = sight.secret.as_ref().is_some_and(|_| self.life(sight).is_some());
        if !is_ours {
            return Ok(Went::On);
        }
        let mut has_failed = false;
        for change in &stance.accounts {
            match self.cluster.patch_service_account(&sight.namespace, change).await {
                Ok(()) => {
                    tracing::info!(namespace = sight.namespace, "{change}");
                    tally.one(counts::ACCOUNTS);
                }
                Err(error) if error.is_conflict() || error.is_not_found() => return Ok(Went::Stale),
                Err(error) => {
                    has_failed = true;
                    note(tally, error.into(), "the service account can't be changed");
                }
            }
        }
        match &stance.forget {
            // What could not be taken out has still to be found.
            Some(names) if !has_failed => self.note_accounts(sight, names).await,
            Some(_) | None => Ok(Went::On),
        }
    }

    /// The Secret itself, with what it has to say of service accounts before they are changed.
    async fn write_secret(
        &self,
        sight: &mut Sight,
        stance: &Stance,
        tokens: &BTreeMap<Region, Token>,
        tally: &mut Tally,
    ) -> Result<Went, Failed> {
        let change = match &stance.verdict {
            Verdict::Refuse(refusal) => {
                self.refuse(&sight.namespace, refusal, tally);
                return Ok(Went::On);
            }
            Verdict::Keep => None,
            Verdict::Create(change) | Verdict::Adopt(change) | Verdict::Renew(change) => Some(change),
        };
        let seen = sight.secret.as_ref();
        let accounts = stance.record.as_ref();
        if let Some(draft) = change.and_then(|change| compose(seen, change, tokens, accounts)) {
            let went = self.write(sight, &draft).await?;
            if went == Went::On {
                let namespace = sight.namespace.as_str();
                tracing::info!(namespace, "{}: done as far as there are tokens", stance.verdict);
                tally.one(counts::WRITTEN);
            }
            return Ok(went);
        }
        match (&stance.verdict, accounts) {
            (Verdict::Keep | Verdict::Renew(_), Some(names)) => self.note_accounts(sight, names).await,
            _ => Ok(Went::On),
        }
    }

    async fn note_accounts(&self, sight: &mut Sight, names: &BTreeSet<ObjectName>) -> Result<Went, Failed> {
        match &sight.secret {
            Some(secret) => {
                let draft = record(secret, names);
                self.write(sight, &draft).await
            }
            None => Ok(Went::On),
        }
    }

    /// Writes a draft; from then on the Secret is seen as it was written.
    async fn write(&self, sight: &mut Sight, draft: &Draft) -> Result<Went, Failed> {
        let (namespace, name) = (sight.namespace.as_str(), &self.policy.name);
        let is_new = draft.version.is_none();
        let written: Result<PullSecret, _> = if is_new {
            self.cluster.create_pull_secret(namespace, name, draft).await
        } else {
            self.cluster.patch_pull_secret(namespace, name, draft).await
        };
        match written {
            Ok(secret) => {
                sight.secret = Some(secret);
                Ok(Went::On)
            }
            Err(error) if error.is_conflict() || (error.is_not_found() && !is_new) => Ok(Went::Stale),
            Err(error) => Err(error.into()),
        }
    }
}
