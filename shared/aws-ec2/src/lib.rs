//! EC2: what there is to know about a machine.
//!
//! This crate speaks EC2's Query API itself, through the runtime on which Amazon's own clients are built:
//! signing, credentials, time-outs, retries and endpoints are theirs, and only the form that is sent and the
//! XML that comes back are read here. The reason is `aws-sdk-ec2`: seen on two busy cores, `rustc` had not
//! finished that one crate (1.274, `opt-level = 1`, 16 units) after 5 minutes 30 seconds, 4 of them of
//! processor time, and had taken 6.5 GB of memory; without optimisation not after 3 minutes 30 seconds. This
//! crate takes a few seconds. We make one call, and it has not changed in ten years.

#![expect(
    async_fn_in_trait,
    reason = "functions run on a current-thread runtime with one implementation each: no future needs Send"
)]

mod answer;
mod query;

use aws::Error;
use aws::error::Call;
use aws_config::SdkConfig;
use domain::ids::InstanceId;
use domain::machine::Machine;

use crate::query::Query;

/// The most values that EC2 takes in one filter.
const IDS_IN_A_CALL: usize = 200;
/// The largest page that EC2 gives. A page is asked for so that the call counts against the larger of EC2's
/// two quotas, although one chunk of ids fits into it.
const PAGE: &str = "1000";

/// Describes machines.
pub trait DescribeMachines {
    /// The machines of these ids, in no order. Ids that EC2 does not know, or does not know yet, are left out.
    async fn machines(&self, ids: &[InstanceId]) -> Result<Vec<Machine>, Error>;
}

/// EC2 as this function's role may use it.
#[derive(Debug, Clone)]
pub struct Ec2 {
    query: Query,
}

impl Ec2 {
    /// A client of the configured region.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            query: Query::new(config),
        }
    }
}

impl DescribeMachines for Ec2 {
    async fn machines(&self, ids: &[InstanceId]) -> Result<Vec<Machine>, Error> {
        let mut machines = Vec::new();
        // Without ids EC2 would describe every machine of the account.
        for chunk in ids.chunks(IDS_IN_A_CALL) {
            let mut token = None;
            loop {
                let page = self.page(chunk, token.as_deref()).await?;
                machines.extend(page.machines);
                token = page.next;
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(machines)
    }
}

impl Ec2 {
    async fn page(&self, ids: &[InstanceId], token: Option<&str>) -> Result<answer::Page, Error> {
        let call = Call::new("ec2:DescribeInstances", subject(ids));
        let (body, region) = self.query.send(form(ids, token), &call).await?;
        answer::read(&body, region, &call)
    }
}

/// Asks by a filter and not by `InstanceId`: one machine that EC2 does not know fails a call by ids as a
/// whole, a filter merely finds nothing for it.
fn form(ids: &[InstanceId], token: Option<&str>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "DescribeInstances")
        .append_pair("Version", "2016-11-15")
        .append_pair("MaxResults", PAGE)
        .append_pair("Filter.1.Name", "instance-id");
    for (number, id) in (1..).zip(ids) {
        form.append_pair(&format!("Filter.1.Value.{number}"), id.as_str());
    }
    if let Some(token) = token {
        form.append_pair("NextToken", token);
    }
    form.finish()
}

/// The first id, and how many there are with it: 200 ids in an error help nobody.
fn subject(ids: &[InstanceId]) -> String {
    match ids {
        [] => "no instance".to_owned(),
        [only] => format!("instance {only}"),
        [first, others @ ..] => format!("instance {first} and {} more", others.len()),
    }
}

#[cfg(test)]
mod tests;
