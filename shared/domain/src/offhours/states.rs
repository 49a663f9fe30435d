//! What EKS and RDS say about themselves.

use crate::states::states;

states! {
    /// How a managed node group is doing, in EKS's own terms.
    NodegroupStatus {
        /// Being made.
        Creating = "CREATING",
        /// At rest: the only state, with `DEGRADED`, in which it takes another change.
        Active = "ACTIVE",
        /// Being changed; another change is refused meanwhile.
        Updating = "UPDATING",
        /// Being deleted.
        Deleting = "DELETING",
        /// It could not be made.
        CreateFailed = "CREATE_FAILED",
        /// It could not be deleted.
        DeleteFailed = "DELETE_FAILED",
        /// Something is wrong, for example too few machines to be had; its health says what.
        Degraded = "DEGRADED",
    }
    /// A status that this version does not know. Nothing is done about a node group in it.
    Other
}

states! {
    /// How a database instance is doing, in RDS's own terms (user guide, "Viewing Amazon RDS DB instance status").
    DatabaseStatus {
        /// Runs, and can be stopped.
        Available = "available",
        /// On its way down.
        Stopping = "stopping",
        /// Down. RDS starts it by itself after seven days.
        Stopped = "stopped",
        /// On its way up.
        Starting = "starting",
        /// Being made.
        Creating = "creating",
        /// Being deleted.
        Deleting = "deleting",
        /// Being backed up; it runs.
        BackingUp = "backing-up",
        /// Its settings are being changed.
        Modifying = "modifying",
        /// Being rebooted.
        Rebooting = "rebooting",
        /// Its engine is being upgraded.
        Upgrading = "upgrading",
        /// Under maintenance by AWS.
        Maintenance = "maintenance",
        /// Its storage settles after a change; it runs.
        StorageOptimization = "storage-optimization",
        /// Its disk is full.
        StorageFull = "storage-full",
        /// Beyond repair.
        Failed = "failed",
    }
    /// A status that this version does not know, of which there are many. Nothing is done about a database in it.
    Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_is_written() {
        for text in ["ACTIVE", "UPDATING", "DEGRADED", "CREATE_FAILED", "SOMETHING_NEW"] {
            assert_eq!(NodegroupStatus::parse(text).to_string(), text);
        }
        for text in [
            "available",
            "stopped",
            "storage-optimization",
            "incompatible-network",
        ] {
            assert_eq!(DatabaseStatus::parse(text).to_string(), text);
        }
        assert_eq!(
            NodegroupStatus::parse("active"),
            NodegroupStatus::Other("active".to_owned())
        );
        assert_eq!(DatabaseStatus::parse("stopped"), DatabaseStatus::Stopped);
    }
}
