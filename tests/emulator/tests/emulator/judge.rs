//! IAM at the world's own endpoints is the emulator's IAM.

use autoscaling::judge::{Asked, SignedRequest, Verdict};
use base::{Credentials, Ports};
use emulator::{Client, EmulatorJudge};
use serde_json::json;

const GROUP: &str =
    "arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:1b2c:autoScalingGroupName/workers";

/// A `CompleteLifecycleAction` as it arrives at the world's Auto Scaling endpoint.
fn complete(ports: Ports, credentials: &Credentials) -> SignedRequest {
    Client::new(&Ports::http(ports.autoscaling()), credentials.clone())
        .unwrap()
        .signed_form(
            "autoscaling",
            "Action=CompleteLifecycleAction&Version=2011-01-01&AutoScalingGroupName=workers",
        )
        .unwrap()
}

fn asked(cluster: Option<&str>) -> Asked {
    Asked {
        action: "autoscaling:CompleteLifecycleAction".to_owned(),
        resource: GROUP.to_owned(),
        resource_tags: cluster
            .map(|cluster| ("lamplighter:cluster".to_owned(), cluster.to_owned()))
            .into_iter()
            .collect(),
    }
}

/// Status and body of a refusal; panics when it is none.
fn refusal(verdict: Verdict) -> (u16, String) {
    let Verdict::Refused {
        status,
        content_type,
        body,
    } = verdict
    else {
        panic!("the request was allowed");
    };
    assert_eq!(content_type, "text/xml");
    (status, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn requests_are_authenticated_and_authorised_as_aws_does() {
    let (emulator, ports) = crate::common::start(15_320).await;
    let admin = emulator.client().unwrap();
    let judge = EmulatorJudge::new(emulator.endpoint()).unwrap();
    let tagged = crate::common::role(
        &admin,
        "tagged",
        json!([{
            "Effect": "Allow",
            "Action": "autoscaling:CompleteLifecycleAction",
            "Resource": "arn:aws:autoscaling:*:*:autoScalingGroup:*",
            "Condition": { "StringEquals": { "autoscaling:ResourceTag/lamplighter:cluster": "demo" } },
        }]),
    )
    .await;
    let denied = crate::common::role(
        &admin,
        "denied",
        json!([
            { "Effect": "Allow", "Action": "autoscaling:*", "Resource": "*" },
            {
                "Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": { "StringEquals": { "aws:ResourceTag/lamplighter:cluster": "production" } },
            },
        ]),
    )
    .await;
    let nothing = crate::common::role(
        &admin,
        "nothing",
        json!([{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" }]),
    )
    .await;

    // The tag of the group decides.
    let request = complete(ports, &tagged);
    assert_eq!(
        judge.ask(&request, &asked(Some("demo"))).await.unwrap(),
        Verdict::Allowed
    );
    for cluster in [Some("other"), None] {
        let (status, body) = refusal(judge.ask(&request, &asked(cluster)).await.unwrap());
        let words = "assumed-role/tagged/test is not authorized to perform: autoscaling:CompleteLifecycleAction on resource";
        assert!(
            status == 403 && body.contains("AccessDenied") && body.contains(words),
            "{status} {body}"
        );
    }

    // So it does in an explicit deny.
    let request = complete(ports, &denied);
    assert_eq!(
        judge.ask(&request, &asked(Some("demo"))).await.unwrap(),
        Verdict::Allowed
    );
    let (_, body) = refusal(judge.ask(&request, &asked(Some("production"))).await.unwrap());
    assert!(
        body.contains("with an explicit deny in an identity-based policy"),
        "{body}"
    );

    // No statement, no permission, and the refusal names what is missing.
    let request = complete(ports, &nothing);
    let (_, body) = refusal(judge.ask(&request, &asked(Some("demo"))).await.unwrap());
    assert!(
        body.contains(
            "because no identity-based policy allows the autoscaling:CompleteLifecycleAction action"
        ),
        "{body}"
    );

    // The administrator may do everything, with a valid signature.
    let mut request = complete(ports, emulator.admin());
    assert_eq!(judge.ask(&request, &asked(None)).await.unwrap(), Verdict::Allowed);
    request.body.extend(b"&ShouldHonorCooldown=true");
    let (status, body) = refusal(judge.ask(&request, &asked(None)).await.unwrap());
    assert!(
        status == 403 && body.contains("SignatureDoesNotMatch"),
        "{status} {body}"
    );

    let mut unknown = emulator.admin().clone();
    unknown.access_key_id = "AKIAAAAAAAAAAAAAAAAA".to_owned();
    let (_, body) = refusal(judge.ask(&complete(ports, &unknown), &asked(None)).await.unwrap());
    assert!(body.contains("InvalidClientTokenId"), "{body}");

    let mut unsigned = complete(ports, emulator.admin());
    unsigned.headers.retain(|(name, _)| name != "authorization");
    let (_, body) = refusal(judge.ask(&unsigned, &asked(None)).await.unwrap());
    assert!(body.contains("MissingAuthenticationToken"), "{body}");
    emulator.stop().await;
}
