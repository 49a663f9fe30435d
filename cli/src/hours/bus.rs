//! Asking the function to look at once.

use aws::Error;
use aws::eventbridge::{BusEvent, EventBridge, PutEvents as _};
use domain::ids::ClusterName;
use events::hours::{REQUEST, REQUEST_SOURCE};
use serde_json::{Value, json};

/// Asks the function to look.
pub(super) trait AskToLook {
    /// Asks that of `cluster`. Without it, its next tick looks.
    async fn ask_to_look(&self, cluster: &ClusterName) -> Result<(), Error>;
}

/// On the account's bus, under a source of their own: what the functions tell has another one, and no request of ours
/// may look like it.
impl AskToLook for EventBridge {
    async fn ask_to_look(&self, cluster: &ClusterName) -> Result<(), Error> {
        let request = BusEvent {
            source: REQUEST_SOURCE,
            detail_type: REQUEST,
            detail: detail(cluster),
            resources: vec![],
        };
        self.put_events(&[request]).await
    }
}

fn detail(cluster: &ClusterName) -> Value {
    json!({ "cluster": cluster, "action": "look" })
}

#[cfg(test)]
mod tests {
    use domain::offhours::Request;
    use events::Event;

    use super::*;

    #[test]
    fn the_function_understands_the_request() {
        let cluster = ClusterName::parse("blue").unwrap();
        let event = json!({
            "source": REQUEST_SOURCE, "detail-type": REQUEST, "time": "2026-11-26T20:00:00Z",
            "detail": detail(&cluster),
        });
        let Ok(Event::Hours(asked)) = events::parse(&event.to_string()) else {
            panic!("{event}")
        };
        assert_eq!((asked.cluster, asked.request), (cluster, Request::Look));
    }
}
