//! An EC2 that lives in memory, for tests of what is built on the endpoint.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;

use crate::fleet::{Fleet, LaunchRequest, Launched, Template, TemplateRef};

/// It launches and terminates at once, unless told to refuse. It knows one launch template, `nodes`.
#[derive(Debug)]
pub struct MemoryFleet {
    region: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: u16,
    running: BTreeMap<String, LaunchRequest>,
    refusing: Option<String>,
}

/// The one template.
const TEMPLATE: (&str, &str) = ("lt-00000000000000001", "nodes");

impl MemoryFleet {
    /// Nothing runs yet.
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            state: Mutex::default(),
        }
    }

    /// What runs, with what was asked for.
    pub fn running(&self) -> BTreeMap<String, LaunchRequest> {
        self.state().running.clone()
    }

    /// Answers every launch and termination from now on with this error, or with `None` no longer.
    pub fn refuse(&self, with: Option<&str>) {
        self.state().refusing = with.map(str::to_owned);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn launch_now(&self, request: LaunchRequest) -> Result<Launched, String> {
        let mut state = self.state();
        if let Some(error) = &state.refusing {
            return Err(error.clone());
        }
        state.count += 1;
        let [high, low] = state.count.to_be_bytes();
        let zone = match (&request.availability_zone, &request.subnet_id) {
            // Subnets are in the zone that their last letter names.
            (zone, Some(subnet)) if zone.is_empty() => {
                format!("{}{}", self.region, subnet.chars().last().unwrap_or('a'))
            }
            (zone, _) => zone.clone(),
        };
        let instance_id = format!("i-{:017x}", state.count);
        state.running.insert(instance_id.clone(), request);
        Ok(Launched {
            instance_id,
            private_dns_name: format!("ip-10-0-{high}-{low}.{}.compute.internal", self.region),
            private_ip: format!("10.0.{high}.{low}"),
            availability_zone: zone,
        })
    }

    fn terminate_now(&self, instance_id: &str) -> Result<(), String> {
        let mut state = self.state();
        if let Some(error) = &state.refusing {
            return Err(error.clone());
        }
        state.running.remove(instance_id);
        Ok(())
    }
}

impl Fleet for MemoryFleet {
    fn launch(&self, request: LaunchRequest) -> BoxFuture<'_, Result<Launched, String>> {
        Box::pin(async move { self.launch_now(request) })
    }

    fn terminate<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.terminate_now(instance_id) })
    }

    fn template<'a>(&'a self, template: &'a TemplateRef) -> BoxFuture<'a, Result<Template, String>> {
        let (id, name) = TEMPLATE;
        let known = template.id.as_deref().is_none_or(|it| it == id)
            && template.name.as_deref().is_none_or(|it| it == name);
        let answer = if known {
            Ok(Template {
                id: id.to_owned(),
                name: name.to_owned(),
                version: "1".to_owned(),
                image_id: Some("ami-00000000000000001".to_owned()),
                instance_type: Some("m7g.large".to_owned()),
                user_data: None,
                instance_profile: None,
            })
        } else {
            Err(
                "The specified launch template, with template ID or name as given, does not exist."
                    .to_owned(),
            )
        };
        Box::pin(async { answer })
    }
}
