//! Looking at one namespace.

use std::collections::BTreeMap;

use domain::offhours::Namespace;
use domain::pullsecret::{Policy, Sight, recorded, wanted};
use function::Failed;

use crate::Kubernetes;

/// What is there, and what could not be seen. Without the Secret nothing is known of the namespace; a service account that
/// can't be looked at is left alone.
///
/// A namespace that names no service account, and whose Secret was added to none, costs no request for any: no permission is
/// needed there.
pub(crate) async fn see<K: Kubernetes>(
    cluster: &K,
    namespace: &Namespace,
    policy: &Policy,
) -> (Option<Sight>, Vec<Failed>) {
    let mut failures = Vec::new();
    let name = namespace.name.as_str();
    let secret = match cluster.pull_secret(name, &policy.name).await {
        Ok(secret) => secret,
        Err(error) => return (None, vec![error.into()]),
    };
    let wanted = wanted(&namespace.annotations)
        .map_err(|error| failures.push(Failed::permanent(format!("namespace {name}: {error}"))))
        .ok();
    let mut accounts = BTreeMap::new();
    if let Some(wanted) = &wanted {
        for account in wanted.union(&recorded(secret.as_ref())) {
            match cluster.service_account(name, account).await {
                Ok(seen) => {
                    if seen.is_none() && wanted.contains(account) {
                        tracing::warn!(namespace = name, %account, "there is no such service account yet");
                    }
                    accounts.insert(account.clone(), seen);
                }
                Err(error) => failures.push(error.into()),
            }
        }
    }
    let sight = Sight {
        namespace: name.to_owned(),
        secret,
        wanted,
        accounts,
    };
    (Some(sight), failures)
}
