use aws::wire::Wire;
use domain::failure::{Class, Classified as _};
use domain::machine::{CapacityType, MachineState};

use super::*;

fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

async fn machines(wire: &Wire, ids: &[InstanceId]) -> Result<Vec<Machine>, Error> {
    Ec2::new(&wire.config()).machines(ids).await
}

fn answer(instances: &str, after: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
          <requestId>8f7724cf-496f-496e-8fe3-example</requestId>
          <reservationSet><item>
            <reservationId>r-1234567890abcdef0</reservationId>
            <ownerId>111122223333</ownerId>
            <groupSet/>
            <instancesSet>{instances}</instancesSet>
          </item></reservationSet>{after}
        </DescribeInstancesResponse>"#
    )
}

const WORKER: &str = "<item>
    <instanceId>i-0123456789abcdef0</instanceId>
    <imageId>ami-0123456789abcdef0</imageId>
    <instanceState><code>16</code><name>running</name></instanceState>
    <privateDnsName>ip-10-0-1-7.eu-central-1.compute.internal</privateDnsName>
    <dnsName/>
    <reason/>
    <instanceType>m7g.large</instanceType>
    <launchTime>2026-11-21T08:00:00.000Z</launchTime>
    <placement><availabilityZone>eu-central-1a</availabilityZone><groupName/></placement>
    <privateIpAddress>10.0.1.7</privateIpAddress>
    <architecture>arm64</architecture>
    <instanceLifecycle>spot</instanceLifecycle>
    <tagSet>
      <item><key>aws:autoscaling:groupName</key><value>workers</value></item>
      <item><key>empty</key><value/></item>
    </tagSet>
    <networkInterfaceSet>
      <item>
        <networkInterfaceId>eni-2</networkInterfaceId>
        <privateIpAddress>10.0.9.1</privateIpAddress>
        <attachment><deviceIndex>1</deviceIndex></attachment>
        <privateIpAddressesSet><item><privateIpAddress>10.0.9.1</privateIpAddress><primary>true</primary></item></privateIpAddressesSet>
        <ipv6AddressesSet/>
      </item>
      <item>
        <networkInterfaceId>eni-1</networkInterfaceId>
        <privateIpAddress>10.0.1.7</privateIpAddress>
        <attachment><deviceIndex>0</deviceIndex></attachment>
        <privateIpAddressesSet>
          <item><privateIpAddress>10.0.1.7</privateIpAddress><primary>true</primary></item>
          <item><privateIpAddress>10.0.1.8</privateIpAddress><primary>false</primary></item>
        </privateIpAddressesSet>
        <ipv6AddressesSet><item><ipv6Address>fd00::7</ipv6Address></item></ipv6AddressesSet>
      </item>
    </networkInterfaceSet>
    <iamInstanceProfile>
      <arn>arn:aws:iam::111122223333:instance-profile/worker</arn><id>AIPAEXAMPLE</id>
    </iamInstanceProfile>
  </item>";

const GONE: &str = "<item>
    <instanceId>i-0fedcba9876543210</instanceId>
    <instanceState><code>48</code><name>terminated</name></instanceState>
    <privateDnsName/>
    <instanceType>m7g.large</instanceType>
    <launchTime>2026-11-21T07:00:00.000Z</launchTime>
    <placement><availabilityZone>eu-central-1b</availabilityZone></placement>
    <architecture>arm64</architecture>
    <networkInterfaceSet/>
  </item>";

const NOTHING: &str = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>";

fn refusal(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
        <Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>
        <RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"
    )
}

#[tokio::test]
async fn a_machine_is_read_with_all_that_is_known_of_it() {
    let wire = Wire::answering([(200, &answer(WORKER, ""))]);
    let found = machines(&wire, &[id("i-0123456789abcdef0")]).await.unwrap();
    let expected = Machine {
        id: id("i-0123456789abcdef0"),
        arn: "arn:aws:ec2:eu-central-1:111122223333:instance/i-0123456789abcdef0".into(),
        state: MachineState::Running,
        launched: "2026-11-21T08:00:00Z".parse().unwrap(),
        private_dns_name: "ip-10-0-1-7.eu-central-1.compute.internal".into(),
        ips: ["10.0.1.7", "10.0.9.1", "10.0.1.8", "fd00::7"]
            .map(|ip| ip.parse().unwrap())
            .into(),
        zone: "eu-central-1a".into(),
        region: "eu-central-1".into(),
        instance_type: "m7g.large".into(),
        capacity: CapacityType::Spot,
        architecture: "arm64".into(),
        profile_arn: Some("arn:aws:iam::111122223333:instance-profile/worker".into()),
        tags: [("aws:autoscaling:groupName", "workers"), ("empty", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    };
    assert_eq!(found, [expected]);

    let [request] = wire.requests().try_into().unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"));
    let expected = [
        ("Action", "DescribeInstances"),
        ("Filter.1.Name", "instance-id"),
        ("Filter.1.Value.1", "i-0123456789abcdef0"),
        ("MaxResults", "1000"),
        ("Version", "2016-11-15"),
    ];
    assert_eq!(
        request.form(),
        expected
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    );
}

#[tokio::test]
async fn a_machine_that_is_gone_has_neither_name_nor_address() {
    let wire = Wire::answering([(200, &answer(GONE, ""))]);
    let found = machines(&wire, &[id("i-0fedcba9876543210")]).await.unwrap();
    let [gone] = found.try_into().unwrap();
    assert_eq!(gone.state, MachineState::Terminated);
    assert_eq!((gone.private_dns_name.as_str(), gone.ips.len()), ("", 0));
    assert_eq!((gone.capacity, gone.profile_arn), (CapacityType::OnDemand, None));
}

#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let first = answer(WORKER, "<nextToken>more</nextToken>");
    let wire = Wire::answering([(200, &first), (200, &answer(GONE, "<nextToken/>"))]);
    let ids = [id("i-0123456789abcdef0"), id("i-0fedcba9876543210")];
    assert_eq!(machines(&wire, &ids).await.unwrap().len(), 2);
    let tokens: Vec<_> = wire
        .requests()
        .iter()
        .map(|request| request.form().remove("NextToken"))
        .collect();
    assert_eq!(tokens, [None, Some("more".to_owned())]);
}

#[tokio::test]
async fn many_ids_go_in_chunks_and_none_ask_nothing() {
    let ids: Vec<InstanceId> = (0..450).map(|number| id(&format!("i-{number:017x}"))).collect();
    let wire = Wire::answering([(200, NOTHING), (200, NOTHING), (200, NOTHING)]);
    assert_eq!(machines(&wire, &ids).await.unwrap(), []);
    let values = |name: &str| {
        let of_request = |request: &aws::wire::Request| {
            let form = request.form();
            form.keys().filter(|key| key.starts_with(name)).count()
        };
        wire.requests().iter().map(of_request).collect::<Vec<_>>()
    };
    assert_eq!(values("Filter.1.Value."), [200, 200, 50]);

    let silent = Wire::answering([]);
    assert_eq!(machines(&silent, &[]).await.unwrap(), []);
    assert_eq!(silent.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn throttling_is_tried_again_and_then_told_as_transient() {
    let later = refusal("RequestLimitExceeded", "Request limit exceeded.");
    let wire = Wire::answering([(503, &later), (200, &answer(WORKER, ""))]);
    assert_eq!(machines(&wire, &[id("i-01234567")]).await.unwrap().len(), 1);
    assert_eq!(wire.requests().len(), 2);

    let wire = Wire::answering([(503, &later), (503, &later), (503, &later), (200, NOTHING)]);
    let error = machines(&wire, &[id("i-01234567")]).await.unwrap_err();
    assert_eq!(wire.requests().len(), 3);
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(
        error.to_string(),
        "ec2:DescribeInstances for instance i-01234567: RequestLimitExceeded: Request limit exceeded."
    );
}

#[tokio::test]
async fn a_missing_permission_is_told_at_once_and_named() {
    let denied = refusal(
        "UnauthorizedOperation",
        "You are not authorized to perform: ec2:DescribeInstances",
    );
    let wire = Wire::answering([(403, &denied)]);
    let ids = [id("i-01234567"), id("i-12345678"), id("i-23456789")];
    let error = machines(&wire, &ids).await.unwrap_err();
    assert_eq!(wire.requests().len(), 1);
    assert_eq!(error.class(), Class::Permanent);
    assert!(error.is_access_denied());
    assert_eq!(
        error.to_string(),
        "ec2:DescribeInstances for instance i-01234567 and 2 more: UnauthorizedOperation: \
         You are not authorized to perform: ec2:DescribeInstances"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_and_a_foreign_answer_are_told_apart() {
    let wire = Wire::silent();
    let error = machines(&wire, &[id("i-01234567")]).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert!(
        wire.requests().len() > 1,
        "one attempt must not use up the whole time"
    );

    let wire = Wire::answering([(403, "<html>a proxy</html>")]);
    let error = machines(&wire, &[id("i-01234567")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ec2:DescribeInstances for instance i-01234567: HTTP 403: no message"
    );

    let wire = Wire::answering([(
        200,
        &answer("<item><instanceId>i-01234567</instanceId></item>", ""),
    )]);
    let error = machines(&wire, &[id("i-01234567")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ec2:DescribeInstances for instance i-01234567: unexpected answer: missing field `instanceState`"
    );
}

#[tokio::test]
async fn what_is_not_configured_is_told_by_the_call() {
    let wire = Wire::answering([]);
    let config = wire.config().into_builder().region(None).build();
    let error = Ec2::new(&config).machines(&[id("i-01234567")]).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert_eq!(
        error.to_string(),
        "ec2:DescribeInstances for instance i-01234567: request not sent"
    );
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "no region is configured"
    );
}
