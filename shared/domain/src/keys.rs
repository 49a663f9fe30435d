//! The names by which our state is found in AWS and Kubernetes: one place, since each is a contract with
//! the people who see it.

/// Tag by which an Auto Scaling group, node group or database opts in. Nothing without it is touched.
pub const CLUSTER_TAG: &str = "lamplighter:cluster";

/// Label, taint and annotation of a node that is being drained. The label's value is the instance, so that
/// such nodes are found by a selector; the annotation says why, since when and until when.
pub const DRAINING: &str = "lamplighter.dev/draining";

/// Makes cloud load balancers take the node out of their targets, as the service controller of Kubernetes
/// documents it; its presence counts, its value does not.
pub const EXCLUDE_FROM_LOAD_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
