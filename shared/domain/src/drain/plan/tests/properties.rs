//! What holds whatever is observed.

use proptest::prelude::*;

use super::*;

fn any_pod() -> impl Strategy<Value = Pod> {
    let owner = prop_oneof![Just(Owner::None), Just(Owner::DaemonSet), Just(Owner::Other)];
    let phase = prop_oneof![4 => Just(Phase::Active), 1 => Just(Phase::Finished)];
    (0..50_u32, owner, phase, any::<bool>(), any::<bool>()).prop_map(|(n, owner, phase, mirror, goes)| Pod {
        owner,
        phase,
        mirror: mirror && n % 5 == 0,
        deletion_deadline: goes.then(|| at(i64::from(n))),
        ..pod(&n.to_string())
    })
}

fn any_node() -> impl Strategy<Value = Node> {
    prop_oneof![
        Just(node()),
        Just(cordoned()),
        Just(Node {
            unschedulable: false,
            ..cordoned()
        })
    ]
}

proptest! {
    /// The invariants of a drain, whatever is observed.
    #[test]
    fn whatever_is_seen(
        node in any_node(),
        pods in proptest::collection::vec(any_pod(), 0..12),
        second in 0_i64..40_000,
        refused_until in proptest::option::of(0_i64..40_000),
    ) {
        let mut observed = seen(node, pods.clone());
        if let (Some(until), Some(first)) = (refused_until, pods.first()) {
            observed.progress = refused(&first.key.name, until);
        }
        let plan = plan(&observed, at(second));
        let mut cordoned = matches!(&observed.cluster, Cluster::Node(node, _) if node.is_cordoned());
        let must_leave = pods.iter().any(|pod| !matches!(pod.disposition(), Disposition::Skip(_)));
        for step in &plan.steps {
            match step {
                Step::Cordon(_) => cordoned = true,
                Step::Evict(evicted) => {
                    prop_assert!(cordoned, "evicts before the cordon: {plan}");
                    for pod in evicted {
                        prop_assert_eq!(pod.disposition(), Disposition::Evict);
                        let held = observed.progress.refusals.get(&pod.uid);
                        prop_assert!(held.is_none_or(|(_, again)| at(second) >= *again));
                    }
                }
                Step::Complete(Finish::Drained) => prop_assert!(!must_leave, "completes too early: {plan}"),
                Step::Complete(Finish::DeadlinePassed(left)) => prop_assert!(must_leave && !left.is_empty()),
                Step::Complete(Finish::NoNode) => prop_assert!(false, "there is a node"),
                Step::Heartbeat | Step::Tell(_) | Step::Remember(_) => {}
            }
        }
        // The same observation at the same time gives the same plan, in whatever order pods are listed.
        let mut reversed = observed.clone();
        if let Cluster::Node(_, pods) = &mut reversed.cluster { pods.reverse(); }
        let again = super::plan(&reversed, at(second));
        prop_assert_eq!(again.then, plan.then);
        prop_assert_eq!(again.steps.len(), plan.steps.len());
    }
}
