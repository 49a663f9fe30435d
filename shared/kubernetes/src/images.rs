//! What images are deployed to: how it is found, watched and changed.

mod object;
mod owners;
mod pod;
mod status;

use std::collections::BTreeMap;

use domain::ids::Uid;
use domain::image::{Change, FIELD_MANAGER, Family, Kind, Target, Workload};
use kube::api::{GetParams, ListParams, Patch, PatchParams};
use kube::core::Request;

use crate::pages::Part;
use crate::place::{Place, checked, locate_images};
use crate::pod_counts::NOT_FINISHED;
use crate::{Cluster, Error};
use object::Object;
use owners::{Owned, Owners};

/// Finds what images are deployed to.
pub trait ListImageWorkloads {
    /// Every workload of that kind, of one namespace or of all.
    ///
    /// Annotations come without kubectl's copy of the whole manifest.
    async fn image_workloads(&self, kind: Kind, namespace: Option<&str>) -> Result<Vec<Workload>, Error>;
}

/// Looks at one workload.
pub trait GetImageWorkload {
    /// As it is now. `None` if there is none of that name.
    async fn image_workload(&self, target: &Target) -> Result<Option<Workload>, Error>;
}

/// Finds what belongs to workloads.
pub trait ListFamilies {
    /// The pods that have not finished, and what the `ReplicaSet`s of Deployments remember, of these workloads of one
    /// namespace; each workload has its own, be they empty.
    ///
    /// Whose a pod is, the UIDs of its owners say, never a name or a label: pods of a workload of this name that was
    /// deleted are not among them, and a `CronJob` has none, as its pods belong to its Jobs. What nothing is asked
    /// about is not called for.
    async fn families(
        &self,
        namespace: &str,
        workloads: &[(Target, Uid)],
    ) -> Result<BTreeMap<Target, Family>, Error>;
}

/// Changes images and our annotations.
pub trait PatchImages {
    /// Applies the change as [`FIELD_MANAGER`], by a strategic merge patch, and returns the workload as it is then. It
    /// is refused with a conflict when the workload has changed since it was seen, see [`Error::is_conflict`].
    async fn patch_images(&self, change: &Change) -> Result<Workload, Error>;
}

impl ListImageWorkloads for Cluster {
    async fn image_workloads(&self, kind: Kind, namespace: Option<&str>) -> Result<Vec<Workload>, Error> {
        let place = Place::of_images(kind);
        let (call, path) = match namespace {
            None => (format!("list every {kind}"), place.everywhere()),
            Some(namespace) => {
                let call = format!("list every {kind} of {namespace}");
                let path = place.within(checked(&call, namespace)?);
                (call, path)
            }
        };
        let listed: Vec<Object> = self
            .list_all(&call, &path, Part::Whole, ListParams::default())
            .await?;
        listed
            .into_iter()
            .map(|object| object.into_workload(&call, kind))
            .collect()
    }
}

impl GetImageWorkload for Cluster {
    async fn image_workload(&self, target: &Target) -> Result<Option<Workload>, Error> {
        let call = format!("get {target}");
        let place = locate_images(&call, target)?;
        let request = Request::new(place.within(&target.namespace))
            .get(&target.name, &GetParams::default())
            .map_err(|error| Error::new(call.as_str(), kube::Error::BuildRequest(error)))?;
        let found: Result<Object, _> = self.client.request(request).await;
        match found.map_err(|error| Error::new(call.as_str(), error)) {
            Ok(object) => object.into_workload(&call, target.kind).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl ListFamilies for Cluster {
    async fn families(
        &self,
        namespace: &str,
        workloads: &[(Target, Uid)],
    ) -> Result<BTreeMap<Target, Family>, Error> {
        let call = format!("list the pods of {namespace}");
        checked(&call, namespace)?;
        let mut found: BTreeMap<Target, Family> = workloads
            .iter()
            .map(|(target, _)| (target.clone(), Family::default()))
            .collect();
        let has = |kind: Kind| workloads.iter().any(|(target, _)| target.kind == kind);
        if !(has(Kind::Deployment) || has(Kind::StatefulSet) || has(Kind::DaemonSet)) {
            return Ok(found);
        }
        // Pods first: so a ReplicaSet that is made meanwhile can't be missing for a pod that is there.
        let unfinished = ListParams::default().fields(NOT_FINISHED);
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let pods: Vec<pod::Object> = self.list_all(&call, &path, Part::Whole, unfinished).await?;
        let mut owners = Owners::of(workloads);
        if has(Kind::Deployment) {
            let call = format!("list the ReplicaSets of {namespace}");
            let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets");
            let sets: Vec<Owned> = self
                .list_all(&call, &path, Part::Metadata, ListParams::default())
                .await?;
            owners.add_replica_sets(&sets);
            for (target, memory) in sets.into_iter().filter_map(|set| owners.memory(set)) {
                if let Some(family) = found.get_mut(target) {
                    family.revisions.push(memory);
                }
            }
        }
        for pod in pods {
            let owner = pod.controller().and_then(|owner| owners.workload(owner));
            if let Some(family) = owner.and_then(|target| found.get_mut(target)) {
                family.pods.push(pod.into_pod(&call)?);
            }
        }
        Ok(found)
    }
}

impl PatchImages for Cluster {
    async fn patch_images(&self, change: &Change) -> Result<Workload, Error> {
        let target = &change.target;
        let call = format!("patch {target}");
        let place = locate_images(&call, target)?;
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let request = Request::new(place.within(&target.namespace))
            .patch(&target.name, &params, &Patch::Strategic(change.patch()))
            .map_err(|error| Error::new(call.as_str(), kube::Error::BuildRequest(error)))?;
        let patched: Result<Object, _> = self.client.request(request).await;
        patched
            .map_err(|error| Error::new(call.as_str(), error))?
            .into_workload(&call, target.kind)
    }
}

#[cfg(test)]
mod tests;
