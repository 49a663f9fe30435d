//! Where the API server has what can sleep, and what images are deployed to.

use domain::image::{self, Target};
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
    resource: &'static str,
}

impl Place {
    const DEPLOYMENTS: Self = Self::new("apps/v1", "Deployment", "deployments");
    const STATEFUL_SETS: Self = Self::new("apps/v1", "StatefulSet", "statefulsets");
    const DAEMON_SETS: Self = Self::new("apps/v1", "DaemonSet", "daemonsets");
    const CRON_JOBS: Self = Self::new("batch/v1", "CronJob", "cronjobs");
    const AUTOSCALERS: Self = Self::new(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
    );

    const fn new(version: &'static str, kind: &'static str, resource: &'static str) -> Self {
        Self {
            version,
            kind,
            resource,
        }
    }

    /// The place of what can sleep, and what its size is there. `None` for what is in no cluster.
    pub(crate) const fn of(kind: Kind) -> Option<(Self, SizeField)> {
        match kind {
            Kind::Deployment => Some((Self::DEPLOYMENTS, SizeField::Replicas)),
            Kind::StatefulSet => Some((Self::STATEFUL_SETS, SizeField::Replicas)),
            Kind::CronJob => Some((Self::CRON_JOBS, SizeField::Suspend)),
            Kind::Autoscaler => Some((Self::AUTOSCALERS, SizeField::MinReplicas)),
            Kind::Group | Kind::NodeGroup | Kind::Database => None,
        }
    }

    /// The place of what images are deployed to.
    pub(crate) const fn of_images(kind: image::Kind) -> Self {
        match kind {
            image::Kind::Deployment => Self::DEPLOYMENTS,
            image::Kind::StatefulSet => Self::STATEFUL_SETS,
            image::Kind::DaemonSet => Self::DAEMON_SETS,
            image::Kind::CronJob => Self::CRON_JOBS,
        }
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

/// The place of one object that can sleep, what its size is there, and its namespace.
pub(crate) fn locate<'a>(call: &str, key: &'a Key) -> Result<(Place, SizeField, &'a str), Error> {
    let located = Place::of(key.kind()).zip(key.namespace());
    located
        .filter(|(_, namespace)| is_name(namespace) && is_name(key.name()))
        .map(|((place, size), namespace)| (place, size, namespace))
        .ok_or_else(|| nowhere(call, key.to_string()))
}

/// The place of one object that images are deployed to.
pub(crate) fn locate_images(call: &str, target: &Target) -> Result<Place, Error> {
    if is_name(&target.namespace) && is_name(&target.name) {
        Ok(Place::of_images(target.kind))
    } else {
        Err(nowhere(call, target.to_string()))
    }
}

/// A namespace that a path may hold.
pub(crate) fn checked<'a>(call: &str, namespace: &'a str) -> Result<&'a str, Error> {
    if is_name(namespace) {
        Ok(namespace)
    } else {
        Err(nowhere(call, format!("namespace {namespace:?}")))
    }
}

fn nowhere(call: &str, object: String) -> Error {
    Error::Incomplete {
        call: call.to_owned(),
        object,
        field: "place in a cluster",
    }
}

/// Keys and targets come from people, from a bucket and from events; a name that is none must not lead a request to another path.
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

    #[test]
    fn what_images_are_deployed_to_has_a_place_and_no_name_leads_to_another() {
        for kind in image::Kind::ALL {
            let target = Target::parse(&format!("{kind}/shop/web")).unwrap();
            let place = locate_images("look", &target).unwrap();
            assert_eq!(place.kind.to_lowercase(), kind.as_str());
            assert!(
                place
                    .within("shop")
                    .ends_with(&format!("/namespaces/shop/{kind}s"))
            );
        }
        for bad in [
            "deployment/shop/..",
            "daemonset/../web",
            "cronjob/shop/web?dryRun=All",
        ] {
            let error = locate_images("look", &Target::parse(bad).unwrap()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("look: {bad} has no place in a cluster")
            );
        }
        for bad in ["", "..", "shop/pods"] {
            assert!(checked("look", bad).is_err(), "{bad}");
        }
    }
}
