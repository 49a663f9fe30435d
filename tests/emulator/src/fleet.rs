//! The emulator's EC2 as the Auto Scaling endpoint of the world uses it.

use anyhow::{Context, Result, bail};
use autoscaling::fleet::{Fleet, LaunchRequest, Launched, Template, TemplateRef};
use futures::future::{BoxFuture, FutureExt};

use crate::client::{Client, Refused};

/// EC2's one and only API version.
const VERSION: &str = "2016-11-15";

/// Launches in the emulator. Zone, address and private DNS name are those that `DescribeInstances` shows.
#[derive(Debug, Clone)]
pub struct EmulatorFleet {
    client: Client,
}

type Parameters = Vec<(String, String)>;

impl EmulatorFleet {
    /// A fleet that is launched by `client`, who must be allowed to.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn ec2(&self, action: &str, parameters: Parameters) -> Result<crate::Element> {
        self.client.query("ec2", VERSION, action, parameters).await
    }

    async fn run(&self, request: LaunchRequest) -> Result<Launched> {
        let subnet = match &request.subnet_id {
            Some(subnet) => subnet.clone(),
            None => self.default_subnet(&request.availability_zone).await?,
        };
        let answer = self
            .ec2("RunInstances", run_parameters(&request, &subnet))
            .await?;
        let instance = answer
            .at("instancesSet/item")
            .context("RunInstances answered no instance")?;
        let text = |path| {
            instance
                .text_at(path)
                .with_context(|| format!("RunInstances answered no {path}"))
        };
        Ok(Launched {
            instance_id: text("instanceId")?,
            private_dns_name: text("privateDnsName")?,
            private_ip: text("privateIpAddress")?,
            availability_zone: text("placement/availabilityZone")?,
        })
    }

    /// The default VPC has a subnet in each of the zones a, b and c.
    async fn default_subnet(&self, zone: &str) -> Result<String> {
        let filter = [
            ("Filter.1.Name", "availability-zone"),
            ("Filter.1.Value.1", zone),
            ("Filter.2.Name", "default-for-az"),
            ("Filter.2.Value.1", "true"),
        ];
        self.ec2("DescribeSubnets", owned(&filter))
            .await?
            .text_at("subnetSet/item/subnetId")
            .with_context(|| format!("zone {zone} has no default subnet"))
    }

    async fn terminate_one(&self, instance_id: &str) -> Result<()> {
        let parameters = owned(&[("InstanceId.1", instance_id)]);
        match self.ec2("TerminateInstances", parameters).await {
            Err(error) if Refused::is(&error, "InvalidInstanceID.NotFound") => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    async fn find_template(&self, template: &TemplateRef) -> Result<Template> {
        let mut parameters = match (&template.id, &template.name) {
            // Auto Scaling fills in the other one.
            (Some(id), _) => owned(&[("LaunchTemplateId", id)]),
            (None, Some(name)) => owned(&[("LaunchTemplateName", name)]),
            (None, None) => bail!("a launch template is named by its id or by its name"),
        };
        let version = template.version.as_deref().unwrap_or("$Default");
        parameters.push(("LaunchTemplateVersion.1".to_owned(), version.to_owned()));
        let answer = self.ec2("DescribeLaunchTemplateVersions", parameters).await?;
        let found = answer
            .at("launchTemplateVersionSet/item")
            .with_context(|| format!("the launch template has no version {version}"))?;
        let text = |path| {
            found
                .text_at(path)
                .with_context(|| format!("DescribeLaunchTemplateVersions answered no {path}"))
        };
        let profile = |key| found.text_at(&format!("launchTemplateData/iamInstanceProfile/{key}"));
        Ok(Template {
            id: text("launchTemplateId")?,
            name: text("launchTemplateName")?,
            version: text("versionNumber")?,
            image_id: found.text_at("launchTemplateData/imageId"),
            instance_type: found.text_at("launchTemplateData/instanceType"),
            user_data: found.text_at("launchTemplateData/userData"),
            instance_profile: profile("arn").or_else(|| profile("name")),
        })
    }
}

fn owned(parameters: &[(&str, &str)]) -> Parameters {
    parameters
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn run_parameters(request: &LaunchRequest, subnet: &str) -> Parameters {
    let mut parameters = owned(&[
        ("ImageId", &request.image_id),
        ("InstanceType", &request.instance_type),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("SubnetId", subnet),
        ("Placement.AvailabilityZone", &request.availability_zone),
    ]);
    let mut set = |key: &str, value: &str| parameters.push((key.to_owned(), value.to_owned()));
    if let Some(user_data) = &request.user_data {
        set("UserData", user_data);
    }
    if let Some(profile) = &request.instance_profile {
        let by = if profile.starts_with("arn:") {
            "Arn"
        } else {
            "Name"
        };
        set(&format!("IamInstanceProfile.{by}"), profile);
    }
    if request.spot {
        set("InstanceMarketOptions.MarketType", "spot");
    }
    if !request.tags.is_empty() {
        set("TagSpecification.1.ResourceType", "instance");
    }
    for (number, (key, value)) in (1..).zip(&request.tags) {
        set(&format!("TagSpecification.1.Tag.{number}.Key"), key);
        set(&format!("TagSpecification.1.Tag.{number}.Value"), value);
    }
    parameters
}

/// EC2's own words where it answered, ours otherwise.
fn words(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Refused>() {
        Some(refused) => refused.message.clone(),
        None => format!("{error:#}"),
    }
}

impl Fleet for EmulatorFleet {
    fn launch(&self, request: LaunchRequest) -> BoxFuture<'_, Result<Launched, String>> {
        async move { self.run(request).await.map_err(|error| words(&error)) }.boxed()
    }

    fn terminate<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<(), String>> {
        async move {
            self.terminate_one(instance_id)
                .await
                .map_err(|error| words(&error))
        }
        .boxed()
    }

    fn template<'a>(&'a self, template: &'a TemplateRef) -> BoxFuture<'a, Result<Template, String>> {
        async move { self.find_template(template).await.map_err(|error| words(&error)) }.boxed()
    }
}
