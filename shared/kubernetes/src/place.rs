//! Where the API server has what can sleep.

use domain::offhours::{Key, Kind};

use crate::Error;

/// Which field says how large an object is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SizeField {
    /// `spec.replicas`.
    Replicas,
    /// `spec.suspend`.
    Suspend,
    /// `spec.minReplicas`.
    MinReplicas,
}

/// The place of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Group and version.
    pub(crate) version: &'static str,
    /// The API's name of the kind.
    pub(crate) kind: &'static str,
    /// Its size.
    pub(crate) size: SizeField,
    resource: &'static str,
}

impl Place {
    /// `None` for what is in no cluster.
    pub(crate) const fn of(kind: Kind) -> Option<Self> {
        let (version, kind, resource, size) = match kind {
            Kind::Deployment => ("apps/v1", "Deployment", "deployments", SizeField::Replicas),
            Kind::StatefulSet => ("apps/v1", "StatefulSet", "statefulsets", SizeField::Replicas),
            Kind::CronJob => ("batch/v1", "CronJob", "cronjobs", SizeField::Suspend),
            Kind::Autoscaler => (
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "horizontalpodautoscalers",
                SizeField::MinReplicas,
            ),
            Kind::Group | Kind::NodeGroup | Kind::Database => return None,
        };
        Some(Self {
            version,
            kind,
            size,
            resource,
        })
    }

    /// The path of the list of all namespaces.
    pub(crate) fn everywhere(self) -> String {
        format!("/apis/{}/{}", self.version, self.resource)
    }

    /// The path of the list of a namespace.
    pub(crate) fn within(self, namespace: &str) -> String {
        format!("/apis/{}/namespaces/{namespace}/{}", self.version, self.resource)
    }
}

/// The place of one object, and its namespace.
pub(crate) fn locate<'a>(call: &str, key: &'a Key) -> Result<(Place, &'a str), Error> {
    let namespace = key.namespace().filter(|namespace| is_name(namespace));
    let found = Place::of(key.kind()).zip(namespace);
    found
        .filter(|_| is_name(key.name()))
        .ok_or_else(|| Error::Incomplete {
            call: call.to_owned(),
            object: key.to_string(),
            field: "place in a cluster",
        })
}

/// Keys come from people and from a bucket; a name that is none must not lead a request to another path.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    text.bytes().all(plain) && text.starts_with(|first: char| first != '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_a_cluster_has_a_place_and_no_name_leads_to_another() {
        for good in [
            "deployment/shop/web",
            "statefulset/shop/db.v1",
            "cronjob/a/0",
            "hpa/shop/web",
        ] {
            assert!(locate("look", &Key::parse(good).unwrap()).is_ok(), "{good}");
        }
        for bad in [
            "group/workers",
            "deployment/shop/web/scale",
            "deployment/shop/..",
            "deployment/../web",
            "deployment/shop/web?dryRun=All",
        ] {
            let error = locate("look", &Key::parse(bad).unwrap()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("look: {bad} has no place in a cluster")
            );
        }
    }
}
