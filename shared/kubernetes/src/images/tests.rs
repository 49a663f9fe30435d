//! Every request, and whose a pod is.

use std::collections::BTreeMap;

use domain::image::{ImageRef, Role};
use serde_json::{Value, json};

use super::*;
use crate::scenario::{METADATA_ONLY, Scenario, workload};

const UNFINISHED: &str = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=500";

fn target(text: &str) -> Target {
    Target::parse(text).unwrap()
}

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

fn refusal(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message })
}

/// A workload whose pods have one container.
fn web(image: &str) -> Value {
    let containers = json!([{ "name": "app", "image": image }]);
    workload(
        "web",
        &json!({ "template": { "spec": { "containers": containers } } }),
    )
}

/// An object with one owner.
fn owned(uid: &str, kind: &str, owner: &str, controller: bool) -> Value {
    json!({ "metadata": {
        "namespace": "shop", "name": uid, "uid": uid, "creationTimestamp": "2026-11-20T08:00:00Z",
        "ownerReferences": [{ "apiVersion": "apps/v1", "kind": kind, "name": "web", "uid": owner, "controller": controller }],
    } })
}

fn list(items: &[Value]) -> Value {
    json!({ "metadata": {}, "items": items })
}

fn change(target: Target, image: &str) -> Change {
    Change {
        target,
        version: "41".to_owned(),
        images: vec![("app".to_owned(), Role::Main, ImageRef::parse(image).unwrap())],
        annotations: BTreeMap::from([
            ("lamplighter.dev/one".to_owned(), Some("1".to_owned())),
            ("lamplighter.dev/two".to_owned(), None),
        ]),
    }
}

#[tokio::test]
async fn every_kind_is_listed_where_it_lives_page_by_page() {
    let (cluster, scenario) = Scenario::new();
    let served = scenario
        .answer(
            "GET",
            "/apis/apps/v1/deployments?&limit=500",
            200,
            json!({
                "metadata": { "continue": "next" }, "items": [web("example/web:1")],
            }),
        )
        .answer(
            "GET",
            "/apis/apps/v1/deployments?&limit=500&continue=next",
            200,
            list(&[web("example/web:2")]),
        )
        .answer(
            "GET",
            "/apis/apps/v1/statefulsets?&limit=500",
            200,
            json!({ "metadata": {}, "items": null }),
        )
        .answer(
            "GET",
            "/apis/apps/v1/daemonsets?&limit=500",
            200,
            list(&[web("example/web:3")]),
        )
        .answer("GET", "/apis/batch/v1/cronjobs?&limit=500", 200, list(&[]))
        .answer(
            "GET",
            "/apis/apps/v1/namespaces/shop/deployments?&limit=500",
            200,
            list(&[web("example/web:4")]),
        )
        .serve();
    let mut found = Vec::new();
    for kind in Kind::ALL {
        found.extend(cluster.image_workloads(kind, None).await.unwrap());
    }
    found.extend(
        cluster
            .image_workloads(Kind::Deployment, Some("shop"))
            .await
            .unwrap(),
    );
    let said: Vec<_> = found
        .iter()
        .map(|found| format!("{} {}", found.target, found.containers[0].image))
        .collect();
    assert_eq!(
        said,
        [
            "deployment/shop/web example/web:1",
            "deployment/shop/web example/web:2",
            "daemonset/shop/web example/web:3",
            "deployment/shop/web example/web:4",
        ]
    );
    served.finished().await;
}

#[tokio::test]
async fn one_workload_is_got_or_is_not_there() {
    let (cluster, scenario) = Scenario::new();
    let daemon_set = "/apis/apps/v1/namespaces/shop/daemonsets/web";
    let cron_job = "/apis/batch/v1/namespaces/shop/cronjobs/web";
    let served = scenario
        .answer("GET", daemon_set, 200, web("example/web:1"))
        .answer("GET", cron_job, 404, refusal(404, "NotFound", "not found"))
        .answer(
            "GET",
            cron_job,
            403,
            refusal(403, "Forbidden", "cronjobs is forbidden"),
        )
        .serve();
    let found = cluster
        .image_workload(&target("daemonset/shop/web"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.containers[0].image, "example/web:1");
    let cron_job = target("cronjob/shop/web");
    assert_eq!(cluster.image_workload(&cron_job).await.unwrap(), None);
    let error = cluster.image_workload(&cron_job).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "get cronjob/shop/web: cronjobs is forbidden (status 403)"
    );
    served.finished().await;
}

#[tokio::test]
async fn pods_are_told_apart_by_the_uids_of_their_owners() {
    let (cluster, scenario) = Scenario::new();
    let pods = list(&[
        owned("web-new", "ReplicaSet", "set-new", true),
        owned("web-old", "ReplicaSet", "set-old", true),
        owned("other", "ReplicaSet", "set-other", true),
        owned("db-0", "StatefulSet", "uid-db", true),
        owned("db-gone", "StatefulSet", "uid-db-deleted", true),
        owned("db-owned", "StatefulSet", "uid-db", false),
        json!({ "metadata": { "namespace": "shop", "name": "alone", "uid": "alone" } }),
    ]);
    let more = list(&[owned("agent-x", "DaemonSet", "uid-agent", true)]);
    let mut new = owned("set-new", "Deployment", "uid-web", true);
    new["metadata"]["annotations"] = json!({
        "lamplighter.dev/image-status": "{}", "deployment.kubernetes.io/revision": "2",
    });
    let sets = list(&[
        new,
        owned("set-old", "Deployment", "uid-web", true),
        owned("set-other", "Deployment", "uid-other", true),
        json!({ "metadata": { "namespace": "shop", "name": "alone", "uid": "set-alone" } }),
    ]);
    let mut first = pods;
    first["metadata"]["continue"] = json!("next");
    let path = format!("/api/v1/namespaces/shop/pods?&{UNFINISHED}");
    let served = scenario
        .answer("GET", &path, 200, first)
        .answer("GET", &format!("{path}&continue=next"), 200, more)
        .answer(
            "GET",
            "/apis/apps/v1/namespaces/shop/replicasets?&limit=500",
            200,
            sets,
        )
        .expect_header(METADATA_ONLY.0, METADATA_ONLY.1)
        .serve();
    let asked = [
        (target("deployment/shop/web"), uid("uid-web")),
        (target("statefulset/shop/db"), uid("uid-db")),
        (target("daemonset/shop/agent"), uid("uid-agent")),
        (target("deployment/shop/asleep"), uid("uid-asleep")),
        (target("cronjob/shop/night"), uid("uid-night")),
    ];
    let found = cluster.families("shop", &asked).await.unwrap();
    let ours = BTreeMap::from([("lamplighter.dev/image-status".to_owned(), "{}".to_owned())]);
    let revisions = &found[&target("deployment/shop/web")].revisions;
    assert_eq!(*revisions, [ours, BTreeMap::new()]);
    let said: Vec<_> = found
        .iter()
        .map(|(target, pods)| {
            let names: Vec<&str> = pods.pods.iter().map(|pod| pod.name.as_str()).collect();
            format!("{target}: {}", names.join(" "))
        })
        .collect();
    assert_eq!(
        said,
        [
            "deployment/shop/asleep: ",
            "deployment/shop/web: web-new web-old",
            "statefulset/shop/db: db-0",
            "daemonset/shop/agent: agent-x",
            "cronjob/shop/night: ",
        ]
    );
    served.finished().await;
}

#[tokio::test]
async fn replica_sets_are_listed_for_deployments_alone_and_nothing_for_what_has_no_pods_of_its_own() {
    let (cluster, scenario) = Scenario::new();
    let path = format!("/api/v1/namespaces/shop/pods?&{UNFINISHED}");
    let served = scenario
        .answer(
            "GET",
            &path,
            200,
            list(&[owned("db-0", "StatefulSet", "uid-db", true)]),
        )
        .serve();
    let night = (target("cronjob/shop/night"), uid("uid-night"));
    let found = cluster
        .families("shop", std::slice::from_ref(&night))
        .await
        .unwrap();
    assert_eq!(found, BTreeMap::from([(night.0.clone(), Family::default())]));
    assert!(cluster.families("shop", &[]).await.unwrap().is_empty());
    let database = (target("statefulset/shop/db"), uid("uid-db"));
    let found = cluster
        .families("shop", &[night, database.clone()])
        .await
        .unwrap();
    assert_eq!(found[&database.0].pods.len(), 1);
    served.finished().await;
}

#[tokio::test]
async fn no_list_of_pods_or_replica_sets_is_no_answer() {
    let (cluster, scenario) = Scenario::new();
    let path = format!("/api/v1/namespaces/shop/pods?&{UNFINISHED}");
    let sets = "/apis/apps/v1/namespaces/shop/replicasets?&limit=500";
    let served = scenario
        .answer("GET", &path, 403, refusal(403, "Forbidden", "pods is forbidden"))
        .answer("GET", &path, 200, list(&[]))
        .answer(
            "GET",
            sets,
            403,
            refusal(403, "Forbidden", "replicasets is forbidden"),
        )
        .serve();
    let asked = [(target("deployment/shop/web"), uid("uid-web"))];
    for expected in [
        "list the pods of shop: pods is forbidden (status 403)",
        "list the ReplicaSets of shop: replicasets is forbidden (status 403)",
    ] {
        let error = cluster.families("shop", &asked).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    served.finished().await;
}

#[tokio::test]
async fn a_change_goes_out_as_a_strategic_merge_patch_under_our_name() {
    let (cluster, scenario) = Scenario::new();
    let annotations = json!({ "lamplighter.dev/one": "1", "lamplighter.dev/two": null });
    let metadata = json!({ "resourceVersion": "41", "annotations": annotations });
    let template =
        json!({ "template": { "spec": { "containers": [{ "name": "app", "image": "example/web:2" }] } } });
    let ours = "?&fieldManager=lamplighter-image-deploy";
    let content = "application/strategic-merge-patch+json";
    let served = scenario
        .expect_body(
            "PATCH",
            &format!("/apis/apps/v1/namespaces/shop/deployments/web{ours}"),
            json!({ "metadata": metadata, "spec": template }),
        )
        .expect_header("content-type", content)
        .answer_last(200, web("example/web:2"))
        .expect_body(
            "PATCH",
            &format!("/apis/batch/v1/namespaces/shop/cronjobs/web{ours}"),
            json!({ "metadata": metadata, "spec": { "jobTemplate": { "spec": template } } }),
        )
        .expect_header("content-type", content)
        .answer_last(200, workload("web", &json!({})))
        .serve();
    let patched = cluster
        .patch_images(&change(target("deployment/shop/web"), "example/web:2"))
        .await
        .unwrap();
    assert_eq!(patched.containers[0].image, "example/web:2");
    let patched = cluster
        .patch_images(&change(target("cronjob/shop/web"), "example/web:2"))
        .await
        .unwrap();
    assert_eq!(patched.target, target("cronjob/shop/web"));
    served.finished().await;
}

/// Case 32: a workload that changed since it was seen refuses the patch, and the caller can tell.
#[tokio::test]
async fn case_32_a_patch_of_a_version_that_is_no_more_is_a_conflict() {
    let (cluster, scenario) = Scenario::new();
    let path = "/apis/apps/v1/namespaces/shop/statefulsets/web?&fieldManager=lamplighter-image-deploy";
    let served = scenario
        .answer("PATCH", path, 409, refusal(409, "Conflict", "changed"))
        .serve();
    let error = cluster
        .patch_images(&change(target("statefulset/shop/web"), "example/web:2"))
        .await
        .unwrap_err();
    assert!(error.is_conflict());
    assert_eq!(
        error.to_string(),
        "patch statefulset/shop/web: changed (status 409)"
    );
    served.finished().await;
}

#[tokio::test]
async fn a_name_that_is_none_leads_no_request_anywhere() {
    let (cluster, scenario) = Scenario::new();
    let served = scenario.serve();
    let astray = target("deployment/../web");
    let pods = cluster.families("shop/pods", &[]).await.map(drop);
    for refused in [
        cluster.image_workload(&astray).await.map(drop),
        cluster
            .image_workloads(Kind::Deployment, Some(".."))
            .await
            .map(drop),
        cluster
            .patch_images(&change(astray.clone(), "example/web:2"))
            .await
            .map(drop),
        pods,
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(error.ends_with("has no place in a cluster"), "{error}");
    }
    served.finished().await;
}
