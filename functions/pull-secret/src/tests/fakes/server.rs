//! The API server.

use access::Connect;
use domain::keys::{MANAGED_BY, MANAGED_BY_US};
use domain::offhours::Namespace;
use domain::pullsecret::{AccountChange, Draft, ObjectName, PullSecret, ServiceAccount};
use jiff::Timestamp;
use kubernetes::{
    CountCalls, CreatePullSecret, Error, ListNamespaces, PatchPullSecret, PatchServiceAccount,
    ReadPullSecret, ReadServiceAccount,
};

use super::{Fake, Outcome, World, of_people};

/// What a call comes to, where it can't be carried out: a code and a message.
type Refusal = (u16, &'static str);

impl Fake {
    async fn kubernetes<T>(
        &self,
        call: String,
        effect: impl FnOnce(&mut World) -> Result<T, Refusal>,
    ) -> Result<T, Error> {
        let outcome = self.call(&call).await;
        let refused = |(code, message): Refusal| Error::Refused {
            message: format!("{call} is {message}"),
            call,
            code,
        };
        match outcome {
            Outcome::Hang => std::future::pending().await,
            Outcome::Away => Err(refused((503, "away"))),
            Outcome::Denied => Err(refused((403, "forbidden"))),
            Outcome::Answer => effect(&mut self.world()).map_err(refused),
            Outcome::DieAfter => {
                let _ = effect(&mut self.world());
                self.die().await
            }
        }
    }
}

impl World {
    fn draw(&mut self, secret: Option<PullSecret>, draft: &Draft) -> PullSecret {
        let mut after = secret.unwrap_or_else(|| PullSecret {
            content: None,
            ..of_people("", &[])
        });
        after.version = self.next();
        after
            .labels
            .insert(MANAGED_BY.to_owned(), MANAGED_BY_US.to_owned());
        for (key, value) in &draft.annotations {
            match value {
                Some(value) => drop(after.annotations.insert((*key).to_owned(), value.clone())),
                None => drop(after.annotations.remove(*key)),
            }
        }
        if let Some(content) = &draft.content {
            after.content = Some(content.clone());
        }
        after
    }
}

impl Connect for Fake {
    type Cluster = Self;

    async fn connect(&self, _: Timestamp) -> Result<Self, access::Error> {
        Ok(self.clone())
    }

    async fn forget(&self) {
        self.world().calls.push("forget the way in".to_owned());
    }
}

impl CountCalls for Fake {
    fn calls(&self) -> u64 {
        (self.called("") - self.called("token") - self.called("forget")) as u64
    }
}

impl ListNamespaces for Fake {
    async fn namespaces(&self) -> Result<Vec<Namespace>, Error> {
        self.kubernetes("list namespaces".to_owned(), |world| {
            let namespace = |(name, space): (&String, &super::Space)| Namespace {
                name: name.clone(),
                labels: space.labels.clone(),
                annotations: space.annotations.clone(),
                deleted: space.deleted,
            };
            Ok(world.spaces.iter().map(namespace).collect())
        })
        .await
    }
}

impl ReadPullSecret for Fake {
    async fn pull_secret(&self, namespace: &str, name: &ObjectName) -> Result<Option<PullSecret>, Error> {
        self.kubernetes(format!("get secret {namespace}/{name}"), |world| {
            Ok(world.space(namespace).secret.clone())
        })
        .await
    }
}

impl CreatePullSecret for Fake {
    async fn create_pull_secret(
        &self,
        namespace: &str,
        name: &ObjectName,
        draft: &Draft,
    ) -> Result<PullSecret, Error> {
        self.kubernetes(format!("create secret {namespace}/{name}"), |world| {
            if world.space(namespace).secret.is_some() {
                return Err((409, "there already"));
            }
            let made = world.draw(None, draft);
            world.space(namespace).secret = Some(made.clone());
            Ok(made)
        })
        .await
    }
}

impl PatchPullSecret for Fake {
    async fn patch_pull_secret(
        &self,
        namespace: &str,
        name: &ObjectName,
        draft: &Draft,
    ) -> Result<PullSecret, Error> {
        self.kubernetes(format!("patch secret {namespace}/{name}"), |world| {
            let Some(secret) = world.space(namespace).secret.clone() else {
                return Err((404, "not there"));
            };
            if draft.version.as_ref() != Some(&secret.version) {
                return Err((409, "changed"));
            }
            let after = world.draw(Some(secret), draft);
            world.space(namespace).secret = Some(after.clone());
            Ok(after)
        })
        .await
    }
}

impl ReadServiceAccount for Fake {
    async fn service_account(
        &self,
        namespace: &str,
        name: &ObjectName,
    ) -> Result<Option<ServiceAccount>, Error> {
        self.kubernetes(format!("get serviceaccount {namespace}/{name}"), |world| {
            Ok(world.space(namespace).accounts.get(name.as_str()).cloned())
        })
        .await
    }
}

impl PatchServiceAccount for Fake {
    async fn patch_service_account(&self, namespace: &str, change: &AccountChange) -> Result<(), Error> {
        let call = format!("patch serviceaccount {namespace}/{}", change.account);
        self.kubernetes(call, |world| {
            let version = world.next();
            let accounts = &mut world.space(namespace).accounts;
            let account = accounts
                .get_mut(change.account.as_str())
                .ok_or((404, "not there"))?;
            if account.version != change.version {
                return Err((409, "changed"));
            }
            *account = ServiceAccount {
                version,
                pulls: change.pulls.clone(),
                mark: change.mark.clone(),
            };
            Ok(())
        })
        .await
    }
}
