//! What the functions' Kubernetes identities may do, against the code that needs it.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use emulator::Tools;
use serde_json::Value;
use template::functions::{FUNCTIONS, Function, NODE_JOIN, OFF_HOURS, PULL_SECRET};

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| template::translated(&Tools::ensure(&|_line| ()).unwrap()).unwrap());

/// The groups of the tokens that machines join with: strict, and compatible with kubeadm.
const TOKEN_GROUPS: [&str; 2] = [
    "c3lzdGVtOmJvb3RzdHJhcHBlcnM6bGFtcGxpZ2h0ZXI6bm9kZQ==",
    "c3lzdGVtOmJvb3RzdHJhcHBlcnM6a3ViZWFkbTpkZWZhdWx0LW5vZGUtdG9rZW4=",
];

/// What a rule allows: namespace (empty for everywhere), verb, API group, resource.
type Rule = (&'static str, &'static str, &'static str, &'static str);

/// A capability of `shared/kubernetes`: the trait by which functions ask for it, the file and the call behind it, and the rules that it
/// takes.
struct Capability {
    name: &'static str,
    call: (&'static str, &'static str),
    rules: &'static [Rule],
}

const CERTIFICATES: &str = "certificates.k8s.io";

const CAPABILITIES: [Capability; 24] = [
    Capability {
        name: "CountPods",
        call: ("pod_counts.rs", ".list_all("),
        rules: &[("", "list", "", "pods")],
    },
    Capability {
        name: "CreatePullSecret",
        call: ("pull_secrets.rs", ".create("),
        rules: &[("", "create", "", "secrets")],
    },
    Capability {
        name: "CreateToken",
        call: ("bootstrap_tokens.rs", ".create("),
        rules: &[("kube-system", "create", "", "secrets")],
    },
    Capability {
        name: "DecideSigningRequest",
        call: ("certificate_requests.rs", ".replace_subresource(\"approval\""),
        rules: &[
            ("", "update", CERTIFICATES, "certificatesigningrequests/approval"),
            ("", "approve", CERTIFICATES, "signers"),
        ],
    },
    Capability {
        name: "DeleteToken",
        call: ("bootstrap_tokens.rs", ".delete("),
        rules: &[("kube-system", "delete", "", "secrets")],
    },
    Capability {
        name: "EvictPod",
        call: ("eviction.rs", ".create_subresource(\"eviction\""),
        rules: &[("", "create", "", "pods/eviction")],
    },
    Capability {
        name: "GetImageWorkload",
        call: ("images.rs", ".get("),
        rules: &[
            ("", "get", "apps", "daemonsets"),
            ("", "get", "apps", "deployments"),
            ("", "get", "apps", "statefulsets"),
            ("", "get", "batch", "cronjobs"),
        ],
    },
    Capability {
        name: "ListImageWorkloads",
        call: ("images.rs", ".list_all("),
        rules: &[
            ("", "list", "apps", "daemonsets"),
            ("", "list", "apps", "deployments"),
            ("", "list", "apps", "statefulsets"),
            ("", "list", "batch", "cronjobs"),
        ],
    },
    Capability {
        name: "ListNamespaces",
        call: ("namespaces.rs", ".list_all("),
        rules: &[("", "list", "", "namespaces")],
    },
    Capability {
        name: "ListNodes",
        call: ("nodes.rs", "ListParams"),
        rules: &[("", "list", "", "nodes")],
    },
    Capability {
        name: "ListPods",
        call: ("pods.rs", ".list("),
        rules: &[("", "list", "", "pods")],
    },
    Capability {
        name: "ListFamilies",
        call: ("images.rs", ".list_all("),
        rules: &[("", "list", "", "pods"), ("", "list", "apps", "replicasets")],
    },
    Capability {
        name: "ListSigningRequests",
        call: ("certificate_requests.rs", ".list("),
        rules: &[("", "list", CERTIFICATES, "certificatesigningrequests")],
    },
    Capability {
        name: "ListWorkloads",
        call: ("workloads.rs", ".list_all("),
        rules: &[
            ("", "list", "apps", "deployments"),
            ("", "list", "apps", "statefulsets"),
            ("", "list", "autoscaling", "horizontalpodautoscalers"),
            ("", "list", "batch", "cronjobs"),
        ],
    },
    Capability {
        name: "PatchImages",
        call: ("images.rs", ".patch("),
        rules: &[
            ("", "patch", "apps", "daemonsets"),
            ("", "patch", "apps", "deployments"),
            ("", "patch", "apps", "statefulsets"),
            ("", "patch", "batch", "cronjobs"),
        ],
    },
    Capability {
        name: "PatchNode",
        call: ("nodes.rs", ".patch("),
        rules: &[("", "patch", "", "nodes")],
    },
    Capability {
        name: "PatchWorkload",
        call: ("workloads.rs", ".patch("),
        rules: &[
            ("", "patch", "apps", "deployments"),
            ("", "patch", "apps", "statefulsets"),
            ("", "patch", "autoscaling", "horizontalpodautoscalers"),
            ("", "patch", "batch", "cronjobs"),
        ],
    },
    Capability {
        name: "PatchPullSecret",
        call: ("pull_secrets.rs", ".patch(name"),
        rules: &[("", "patch", "", "secrets")],
    },
    Capability {
        name: "PatchServiceAccount",
        call: ("service_accounts.rs", ".patch(change"),
        rules: &[("", "patch", "", "serviceaccounts")],
    },
    Capability {
        name: "ReadClusterInfo",
        call: ("cluster_info.rs", ".get(NAME)"),
        rules: &[("kube-public", "get", "", "configmaps")],
    },
    Capability {
        name: "ReadPullSecret",
        call: ("pull_secrets.rs", ".get(name"),
        rules: &[("", "get", "", "secrets")],
    },
    Capability {
        name: "ReadServiceAccount",
        call: ("service_accounts.rs", ".get(name"),
        rules: &[("", "get", "", "serviceaccounts")],
    },
    Capability {
        name: "RecordNodeEvent",
        call: ("notices.rs", ".create("),
        rules: &[("", "create", "events.k8s.io", "events")],
    },
    Capability {
        name: "RecordWorkloadEvent",
        call: ("notices.rs", ".create_event("),
        rules: &[("", "create", "events.k8s.io", "events")],
    },
];

fn documents(function: Function) -> Vec<Value> {
    let tools = Tools::ensure(&|_line| ()).unwrap();
    let read = |path: &str| template::documents(&tools, path).unwrap();
    let mut documents = read(&format!("infra/rbac/{}.yaml", function.name));
    if function == PULL_SECRET {
        documents.extend(OF_A_NAMESPACE.into_iter().flat_map(read));
    }
    documents
}

/// What pull-secret may do is given in each namespace by itself: manifests without one.
const OF_A_NAMESPACE: [&str; 2] = [
    "infra/rbac/namespace/pull-secret.yaml",
    "infra/rbac/namespace/pull-secret-service-accounts.yaml",
];

fn of_kind(documents: &[Value], kind: &str) -> Vec<Value> {
    documents
        .iter()
        .filter(|document| document["kind"] == kind)
        .cloned()
        .collect()
}

/// The one value of a list that has one.
fn only(value: &Value) -> String {
    let values = value.as_array().filter(|values| values.len() == 1);
    values.and_then(|values| values[0].as_str()).unwrap().to_owned()
}

/// What the roles of a manifest allow, one rule for each.
fn allowed(documents: &[Value]) -> BTreeSet<(String, String, String, String)> {
    let roles = documents
        .iter()
        .filter(|document| document["kind"] == "Role" || document["kind"] == "ClusterRole");
    let rules = roles.flat_map(|role| {
        let namespace = role["metadata"]["namespace"].as_str().unwrap_or_default();
        let rules = role["rules"].as_array().unwrap().iter();
        rules.map(move |rule| {
            let (verb, group, resource) = (&rule["verbs"], &rule["apiGroups"], &rule["resources"]);
            (namespace.to_owned(), only(verb), only(group), only(resource))
        })
    });
    rules.collect()
}

#[test]
fn every_identity_may_do_exactly_what_the_code_of_its_function_does() {
    for function in FUNCTIONS {
        let asked = CAPABILITIES
            .iter()
            .filter(|capability| function.asks_for(capability.name).unwrap());
        let done = asked.flat_map(|capability| capability.rules);
        let done = done.map(|(namespace, verb, group, resource)| {
            let text = |text: &str| text.to_owned();
            (text(namespace), text(verb), text(group), text(resource))
        });
        assert_eq!(allowed(&documents(function)), done.collect(), "{}", function.name);
    }
}

#[test]
fn every_call_of_the_table_is_made() {
    for Capability {
        name,
        call: (file, call),
        ..
    } in CAPABILITIES
    {
        let file = base::paths::checkout().join("shared/kubernetes/src").join(file);
        let code = std::fs::read_to_string(&file).unwrap();
        assert!(
            code.contains(call),
            "{name}: {} no longer has {call}",
            file.display()
        );
        assert!(
            code.contains(&format!("pub trait {name} ")),
            "{}: no trait {name}",
            file.display()
        );
    }
}

#[test]
fn every_binding_of_a_functions_role_is_for_the_group_that_the_stack_names() {
    for function in FUNCTIONS {
        let group = &TEMPLATE["Outputs"][function.resource("KubernetesGroup")]["Value"];
        let own = format!("lamplighter:{}", function.name);
        assert_eq!(*group, own);
        let documents = documents(function);
        let roles = of_kind(&documents, "ClusterRole").len() + of_kind(&documents, "Role").len();
        let mut bindings = of_kind(&documents, "ClusterRoleBinding");
        bindings.extend(of_kind(&documents, "RoleBinding"));
        let is_own = |name: &str| name == own || name == format!("{own}-service-accounts");
        bindings.retain(|binding| binding["roleRef"]["name"].as_str().is_some_and(is_own));
        assert_eq!(
            bindings.len(),
            roles,
            "{}: one binding for each role",
            function.name
        );
        for binding in bindings {
            let subjects = binding["subjects"].as_array().unwrap();
            assert_eq!(subjects.len(), 1);
            assert_eq!(
                (&subjects[0]["kind"], &subjects[0]["name"]),
                (&Value::from("Group"), group)
            );
        }
    }
}

#[test]
fn a_machines_token_may_not_have_its_own_request_approved() {
    let documents = documents(NODE_JOIN);
    let mut bindings = of_kind(&documents, "ClusterRoleBinding");
    bindings.extend(of_kind(&documents, "RoleBinding"));
    let of_machines = bindings
        .iter()
        .filter(|binding| binding["subjects"][0]["name"] == "system:bootstrappers:lamplighter:node");
    let roles: BTreeSet<&str> = of_machines
        .map(|binding| binding["roleRef"]["name"].as_str().unwrap())
        .collect();
    let expected = [
        "kubeadm:get-nodes",
        "kubeadm:kubelet-config",
        "kubeadm:nodes-kubeadm-config",
        "system:node-bootstrapper",
    ];
    assert_eq!(roles, BTreeSet::from(expected));
}

/// That it fences what it is meant to is shown against a real API server, in `tests/kubernetes`.
#[test]
fn the_fence_around_secrets_is_for_node_join_and_names_the_groups_of_its_tokens() {
    let text = fence(NODE_JOIN)["spec"]["validations"].to_string();
    for group in TOKEN_GROUPS {
        assert!(text.contains(group), "{group}: not in {text}");
    }
}

#[test]
fn the_fence_around_workloads_is_for_off_hours_and_for_all_that_it_patches() {
    let policy = fence(OFF_HOURS);
    let rules = policy["spec"]["matchConstraints"]["resourceRules"]
        .as_array()
        .unwrap()
        .iter();
    let fenced: BTreeSet<(&str, &str)> = rules
        .flat_map(|rule| {
            let resources = rule["resources"].as_array().unwrap().iter();
            resources.map(|resource| (rule["apiGroups"][0].as_str().unwrap(), resource.as_str().unwrap()))
        })
        .collect();
    for (namespace, verb, group, resource) in allowed(&documents(OFF_HOURS)) {
        if verb != "list" && resource != "events" {
            assert_eq!((namespace.as_str(), verb.as_str()), ("", "patch"), "{resource}");
            assert!(
                fenced.contains(&(group.as_str(), resource.as_str())),
                "{group} {resource}: {fenced:?}"
            );
        }
    }
}

/// The admission policy of a function, which is for its group alone, and closed when it fails.
fn fence(function: Function) -> Value {
    let documents = documents(function);
    let policy = of_kind(&documents, "ValidatingAdmissionPolicy").remove(0);
    assert_eq!(policy["spec"]["failurePolicy"], "Fail");
    let conditions = policy["spec"]["matchConditions"].as_array().unwrap();
    assert_eq!(conditions.len(), 1, "{conditions:?}");
    assert_eq!(
        conditions[0]["expression"],
        format!("'lamplighter:{}' in request.userInfo.groups", function.name)
    );
    let binding = &of_kind(&documents, "ValidatingAdmissionPolicyBinding")[0];
    assert_eq!(binding["spec"]["policyName"], policy["metadata"]["name"]);
    assert_eq!(binding["spec"]["validationActions"], serde_json::json!(["Deny"]));
    policy
}
