//! Tokens: given once, to whom they are for, and taken back.

use domain::join::pins;

use super::fakes::{CA, NEW_CA, TokenSecret};
use super::*;

#[tokio::test(start_paused = true)]
async fn case_1_an_event_gives_the_machine_one_token_and_no_line_shows_its_secret() {
    let fake = Fake::new();
    fake.tag("lamplighter:label/team", "search");
    fake.tag("lamplighter:label/node-role.kubernetes.io/batch", "");
    let answer = invoke(&function(&fake), launch()).await.unwrap().unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(fake.writes(), ["put", "create secret"]);
    assert!(fake.has_one_token());
    let issued = fake.issued(FIRST).unwrap();
    let life = issued.expires.duration_since(issued.issued);
    assert_eq!(life, SignedDuration::from_mins(15));
    let state = fake.state();
    let kept = &state.parameters[&Fake::parameter_name(FIRST)];
    let secret = state.secrets.values().next().unwrap();
    assert_eq!(secret.group, "system:bootstrappers:lamplighter:node");
    assert_eq!(secret.instance.as_deref(), Some(FIRST));
    assert_eq!(secret.expires, issued.expires);
    let tags: Vec<(&str, &str)> = kept
        .tags
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let arn = format!("arn:aws:ec2:eu-central-1:111122223333:instance/{FIRST}");
    assert_eq!(
        tags,
        [
            ("ExpiresAt", secret.expires.to_string().as_str()),
            ("InstanceArn", &arn),
            ("lamplighter:cluster", "blue"),
            ("lamplighter:deployment", "lamplighter"),
        ]
    );
    let document: Value = serde_json::from_str(&kept.value).unwrap();
    let registration = &document["joinConfiguration"]["nodeRegistration"];
    assert_eq!(registration["name"], "ip-10-0-1-7.eu-central-1.compute.internal");
    assert_eq!(
        registration["kubeletExtraArgs"],
        json!([{ "name": "node-labels", "value": "team=search" }])
    );
    assert_eq!(
        document["joinConfiguration"]["discovery"]["bootstrapToken"]["apiServerEndpoint"],
        "10.0.0.1:6443"
    );
}

#[tokio::test(start_paused = true)]
async fn case_2_ten_invocations_at_once_and_one_more_event_give_one_token() {
    let fake = Fake::new();
    let functions: Vec<Function> = (0..10).map(|_| function(&fake)).collect();
    let starts = functions
        .iter()
        .enumerate()
        .map(|(n, function)| invoke(function, if n % 2 == 0 { launch() } else { tick() }));
    let answers = futures::future::join_all(starts).await;
    assert!(
        answers.iter().all(|answer| matches!(answer, Some(Ok(_)))),
        "{answers:?}"
    );
    invoke(&function(&fake), launch()).await.unwrap().unwrap();
    assert_eq!(fake.writes(), ["put", "create secret"]);
    assert!(fake.has_one_token());
}

#[tokio::test(start_paused = true)]
async fn case_3_a_crash_after_any_call_leaves_one_token_with_one_secret() {
    let whole = Fake::new();
    invoke(&function(&whole), launch()).await;
    let calls = whole.calls();
    assert!(calls > 8, "only {calls} calls: the matrix would prove little");
    for crash in 1..=calls {
        let fake = Fake::new();
        fake.set(Fault::CrashAfter(crash));
        assert!(
            invoke(&function(&fake), launch()).await.is_none(),
            "no crash after call {crash}"
        );
        fake.set(Fault::None);
        let given = fake.token_of(FIRST);
        invoke(&function(&fake), tick()).await.unwrap().unwrap();
        assert!(
            fake.has_one_token(),
            "crashed after call {crash}: {:?}",
            fake.writes()
        );
        if given.is_some() {
            assert_eq!(fake.token_of(FIRST), given, "crashed after call {crash}");
        }
        assert_eq!(
            fake.writes(),
            ["put", "create secret"],
            "crashed after call {crash}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_any_call_of_the_end_leaves_nothing() {
    let prepared = || async {
        let fake = Fake::new();
        invoke(&function(&fake), launch()).await;
        fake.register(FIRST, 7);
        fake
    };
    let whole = prepared().await;
    let before = whole.calls();
    invoke(&function(&whole), tick()).await;
    for crash in before + 1..=whole.calls() {
        let fake = prepared().await;
        fake.set(Fault::CrashAfter(crash));
        invoke(&function(&fake), tick()).await;
        fake.set(Fault::None);
        invoke(&function(&fake), tick()).await.unwrap().unwrap();
        assert!(fake.is_clean(), "crashed after call {crash}: {:?}", fake.writes());
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_any_call_of_a_replacement_leaves_the_new_token_alone() {
    let prepared = || async {
        let fake = Fake::new();
        invoke(&function(&fake), launch()).await;
        fake.sleep(SignedDuration::from_secs(13 * 60)).await;
        fake
    };
    let whole = prepared().await;
    let (before, old) = (whole.calls(), whole.issued(FIRST).unwrap());
    invoke(&function(&whole), tick()).await;
    assert_ne!(whole.issued(FIRST).unwrap().token, old.token);
    for crash in before + 1..=whole.calls() {
        let fake = prepared().await;
        fake.set(Fault::CrashAfter(crash));
        invoke(&function(&fake), tick()).await;
        fake.set(Fault::None);
        invoke(&function(&fake), tick()).await.unwrap().unwrap();
        assert!(
            fake.has_one_token(),
            "crashed after call {crash}: {:?}",
            fake.writes()
        );
        assert_ne!(fake.issued(FIRST).unwrap().token, old.token);
        assert_eq!(
            fake.writes().len(),
            6,
            "crashed after call {crash}: {:?}",
            fake.writes()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_taken_back_while_its_secret_is_made_leaves_no_secret() {
    let fake = Fake::new();
    invoke(&function(&fake), launch()).await.unwrap().unwrap();
    let lost = fake.issued(FIRST).unwrap().token;
    // As after a crash between the two.
    fake.state().secrets.clear();
    fake.state().values_read.clear();
    let other_invocation = async {
        while fake.state().values_read.is_empty() {
            fake.sleep(SignedDuration::from_millis(1)).await;
        }
        fake.state().parameters.clear();
    };
    let function = function(&fake);
    let (answer, ()) = tokio::join!(invoke(&function, tick()), other_invocation);
    answer.unwrap().unwrap();
    assert!(fake.writes().contains(&"delete secret".to_owned()));
    assert_ne!(fake.issued(FIRST).unwrap().token, lost);
    assert!(fake.has_one_token(), "{:?}", fake.writes());
}

#[tokio::test(start_paused = true)]
async fn case_4_a_secret_without_its_parameter_is_left_to_die_and_a_new_token_is_issued() {
    let fake = Fake::new();
    invoke(&function(&fake), launch()).await.unwrap().unwrap();
    let lost = fake.issued(FIRST).unwrap();
    fake.state().parameters.clear();
    invoke(&function(&fake), tick()).await.unwrap().unwrap();
    let now = fake.issued(FIRST).unwrap();
    assert_ne!(now.token, lost.token);
    assert_eq!(fake.writes(), ["put", "create secret", "put", "create secret"]);
    fake.sleep(lost.left(fake.now())).await;
    fake.clean_tokens();
    assert!(fake.has_one_token());
}

#[tokio::test(start_paused = true)]
async fn case_9_what_an_event_says_is_nothing_against_what_is_seen() {
    type Prepare = fn(&Fake);
    let cases: [(&str, Prepare); 6] = [
        ("in service", |fake| fake.move_to(FIRST, "InService")),
        ("terminating", |fake| fake.move_to(FIRST, "Terminating:Wait")),
        ("before the hook", |fake| fake.move_to(FIRST, "Pending")),
        ("in no group of ours, as one of another account", |fake| {
            fake.remove(FIRST);
        }),
        ("in a group of another cluster", |fake| {
            fake.tag("lamplighter:cluster", "green");
        }),
        ("in a group without our hook", |fake| {
            fake.state().hook = "somebody-elses".to_owned();
        }),
    ];
    for (what, prepare) in cases {
        for start in [launch(), tick()] {
            let fake = Fake::new();
            prepare(&fake);
            invoke(&function(&fake), start).await.unwrap().unwrap();
            assert_eq!(fake.writes(), Vec::<String>::new(), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_10_a_machine_gets_its_token_on_the_way_out_of_a_warm_pool_and_not_before() {
    let fake = Fake::new();
    fake.move_to(FIRST, "Warmed:Pending:Wait");
    let into = event("launch-into-warm-pool", FIRST);
    for start in [into, tick()] {
        invoke(&function(&fake), start).await.unwrap().unwrap();
    }
    assert!(fake.is_clean() && fake.writes().is_empty());
    fake.move_to(FIRST, "Pending:Wait");
    let out = event("launch-from-warm-pool", FIRST);
    invoke(&function(&fake), out).await.unwrap().unwrap();
    assert!(fake.has_one_token());
}

#[tokio::test(start_paused = true)]
async fn case_11_a_document_that_is_too_long_is_an_error_and_is_not_put_away() {
    let fake = Fake::new();
    for n in 0..45 {
        fake.tag(
            &format!("lamplighter:label/{}-{n}", "k".repeat(40)),
            &"v".repeat(60),
        );
    }
    let failed = invoke(&function(&fake), tick()).await.unwrap().unwrap_err();
    assert!(
        failed.message.contains("expected at most 4096"),
        "{}",
        failed.message
    );
    assert!(fake.is_clean() && fake.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn case_12_every_ca_of_the_bundle_is_pinned_and_without_any_there_is_no_token() {
    let fake = Fake::new();
    fake.state().ca = "# nothing here\n".to_owned();
    let failed = invoke(&function(&fake), tick()).await.unwrap().unwrap_err();
    assert_eq!(failed.message, "the cluster's CA bundle has no certificate");
    assert!(fake.is_clean() && fake.writes().is_empty());

    let both = format!("{CA}{NEW_CA}");
    fake.state().ca.clone_from(&both);
    invoke(&function(&fake), tick()).await.unwrap().unwrap();
    let state = fake.state();
    let document: Value =
        serde_json::from_str(&state.parameters[&Fake::parameter_name(FIRST)].value).unwrap();
    let written = &document["joinConfiguration"]["discovery"]["bootstrapToken"]["caCertHashes"];
    assert_eq!(*written, json!(pins(both.as_bytes()).unwrap()));
    assert_eq!(written.as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn case_15_a_slow_machine_always_finds_a_token_until_its_window_ends() {
    let fake = Fake::new();
    let mut tokens = std::collections::BTreeSet::new();
    for minute in 0..70 {
        ticks(&fake, 1).await;
        fake.clean_tokens();
        if minute < 59 {
            tokens.insert(fake.issued(FIRST).unwrap().token);
            assert!(fake.state().secrets.len() == 1, "minute {minute}");
            // The machine's script waits for a fresh one when there is little left of this one.
            let left = fake.issued(FIRST).unwrap().left(fake.now());
            assert!(left > SignedDuration::ZERO, "minute {minute}: {left:#}");
        }
    }
    assert_eq!(tokens.len(), 5, "{:?}", fake.writes());
    assert!(fake.is_clean());
    let puts = fake.writes().iter().filter(|write| *write == "put").count();
    assert_eq!(puts, 5);
}

#[tokio::test(start_paused = true)]
async fn case_16_terminated_or_abandoned_before_it_joined_its_token_is_gone_at_once() {
    type End = fn(&Fake);
    let cases: [(&str, Value, End); 4] = [
        ("terminated", event("terminate-successful", FIRST), |fake| {
            fake.remove(FIRST);
        }),
        ("abandoned", event("launch-abandoned", FIRST), |fake| {
            fake.remove(FIRST);
        }),
        ("terminating, by the sweep", tick(), |fake| {
            fake.move_to(FIRST, "Terminating:Wait");
        }),
        ("put in service all the same", tick(), |fake| {
            fake.move_to(FIRST, "InService");
        }),
    ];
    for (what, end, prepare) in cases {
        let fake = Fake::new();
        invoke(&function(&fake), launch()).await.unwrap().unwrap();
        assert!(fake.has_one_token());
        prepare(&fake);
        let started = fake.now();
        invoke(&function(&fake), end).await.unwrap().unwrap();
        assert!(fake.is_clean(), "{what}: {:?}", fake.writes());
        assert!(
            fake.now().duration_since(started) < SignedDuration::from_secs(5),
            "{what}"
        );
        assert_eq!(
            fake.writes()[2..],
            ["delete secret", "delete 1 parameters"],
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn case_21_a_token_id_that_another_machine_has_is_given_up_and_left_alone() {
    let fake = Fake::new();
    let other = TokenSecret {
        secret: "0123456789abcdef".to_owned(),
        group: "somebody's".to_owned(),
        expires: fake.now() + SignedDuration::from_mins(10),
        instance: None,
    };
    fake.state().secrets.insert("aaaaaa".to_owned(), other);
    fake.next_random([0; 24]); // the token aaaaaa.aaaaaaaaaaaaaaaa
    let function = function(&fake);
    invoke(&function, launch()).await.unwrap().unwrap();
    assert_eq!(
        fake.writes(),
        ["put", "delete 1 parameters", "put", "create secret"]
    );
    let issued = fake.issued(FIRST).unwrap();
    assert_ne!(issued.token.as_str(), "aaaaaa");
    let state = fake.state();
    assert_eq!(state.secrets.len(), 2);
    assert_eq!(state.secrets["aaaaaa"].secret, "0123456789abcdef");
    drop(state);
    let lines = function.lines.lines();
    let metrics: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(
        (&metrics["TokenCollisions"], &metrics["TokensIssued"]),
        (&json!(1), &json!(2))
    );
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_takes_no_bootstrap_tokens_is_named_and_nothing_is_left_behind() {
    let fake = Fake::new();
    fake.set(Fault::NoTokens);
    let failed = invoke(&function(&fake), tick()).await.unwrap().unwrap_err();
    assert!(
        failed.message.contains("--enable-bootstrap-token-auth"),
        "{}",
        failed.message
    );
    assert!(fake.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_nobody_can_use_is_replaced() {
    for change in ["description", "value"] {
        let fake = Fake::new();
        invoke(&function(&fake), launch()).await.unwrap().unwrap();
        let before = fake.issued(FIRST).unwrap();
        fake.change(FIRST, |kept| match change {
            "value" => kept.value = "changed by hand".to_owned(),
            _ => kept.description = "changed by hand".to_owned(),
        });
        invoke(&function(&fake), tick()).await.unwrap().unwrap();
        assert_ne!(fake.issued(FIRST).unwrap().token, before.token, "{change}");
        fake.sleep(before.left(fake.now())).await;
        fake.clean_tokens();
        assert!(fake.has_one_token(), "{change}");
    }
}

#[tokio::test(start_paused = true)]
async fn control_plane_groups_and_other_profiles_get_nothing() {
    let fake = Fake::new();
    fake.tag("k8s.io/role/control-plane", "1");
    invoke(&function(&fake), tick()).await.unwrap().unwrap();
    assert!(fake.writes().is_empty());

    let fake = Fake::new();
    let mut function = function(&fake);
    function.config.policy.profiles = Some(vec!["arn:aws:iam::111122223333:instance-profile/db".to_owned()]);
    invoke(&function, tick()).await.unwrap().unwrap();
    assert!(fake.writes().is_empty());
}
