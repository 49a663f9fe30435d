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

/// Taint with which a kubelet registers its node, so that nothing is scheduled there before the labels are in
/// place. It goes in the very patch that lands the last of them.
pub const STARTUP_TAINT: &str = "lamplighter.dev/uninitialized";

/// Annotation of a node that names the labels and taints that are ours. Its presence says that the node was
/// initialised.
pub const MANAGED_LABELS: &str = "lamplighter.dev/managed-labels";

/// Label of a node: the Auto Scaling group of its instance.
pub const GROUP_LABEL: &str = "lamplighter.dev/group";

/// Label of a node: how its machine is paid for, `spot` or `on-demand`.
pub const CAPACITY_TYPE_LABEL: &str = "lamplighter.dev/capacity-type";

/// Source of the events that we put on the account's bus, by which rules tell them from others'.
pub const EVENT_SOURCE: &str = "lamplighter";

/// Begins every tag of ours.
pub const TAG_PREFIX: &str = "lamplighter:";

/// Begins every annotation, label and taint of ours.
pub const ANNOTATION_PREFIX: &str = "lamplighter.dev/";

/// Tag of what off-hours put to sleep: since when. People see it; the record in the bucket is what counts.
pub const STATE_TAG: &str = "lamplighter:state";

/// Tag of a group that off-hours put to sleep: its size before. Whoever changes it there changes the size at which the
/// group wakes.
pub const SAVED_SIZE_TAG: &str = "lamplighter:saved-size";

/// Annotation of a workload that off-hours put to sleep: since when.
pub const STATE_ANNOTATION: &str = "lamplighter.dev/state";

/// Annotation of a workload that off-hours put to sleep: its replicas before. Whoever changes it there changes to how
/// many it wakes.
pub const ORIGINAL_REPLICAS: &str = "lamplighter.dev/original-replicas";

/// Label by which Kubernetes' own conventions say who manages an object (Kubernetes documentation, "Recommended Labels").
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Value of [`MANAGED_BY`] on what is ours.
pub const MANAGED_BY_US: &str = "lamplighter";

/// Annotation of a pull secret: when the first of its tokens expires. Whoever removes it has them all renewed.
pub const EXPIRES_AT: &str = "lamplighter.dev/expires-at";

/// Annotation of a pull secret: the registries whose entries are ours, each with the time at which its token expires. Its
/// presence, with the label [`MANAGED_BY`], says that the Secret is ours.
pub const REGISTRIES: &str = "lamplighter.dev/registries";

/// Annotation of a Secret that a person made: `true` gives it to us.
pub const ADOPT: &str = "lamplighter.dev/adopt";

/// Annotation of a namespace: the service accounts that are to pull by our Secret.
pub const PULL_SECRET_ACCOUNTS: &str = "lamplighter.dev/pull-secret-service-accounts";

/// Annotation of a pull secret: the service accounts to which we added it, so that they are found without a list.
pub const PATCHED_ACCOUNTS: &str = "lamplighter.dev/service-accounts";

/// Annotation of a service account: the Secret that we added to its `imagePullSecrets`.
pub const PULL_SECRET: &str = "lamplighter.dev/pull-secret";
