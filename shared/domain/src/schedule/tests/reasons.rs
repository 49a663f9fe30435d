//! What decisions say.

use super::*;

#[test]
fn a_reason_names_what_says_so_where_and_until_when() {
    let holidays = Holidays::parse("2026-11-23, 2026-12-24..2026-12-26").unwrap();
    let uptime = ("uptime", "Mon-Fri 08:00-20:00 Europe/Berlin");
    let cases: &[(Values<'_>, &str, &str)] = &[
        (&[], "2026-11-26T12:00:00Z", "nothing is scheduled"),
        (
            &[uptime],
            "2026-11-26T12:00:00Z",
            "inside uptime Mon-Fri 08:00-20:00 Europe/Berlin of deployment shop/web until 2026-11-26T19:00:00Z",
        ),
        (
            &[uptime],
            "2026-11-27T22:00:00Z",
            "outside uptime Mon-Fri 08:00-20:00 Europe/Berlin of deployment shop/web until 2026-11-30T07:00:00Z",
        ),
        (
            &[uptime],
            "2026-11-23T12:00:00Z",
            "holiday 2026-11-23, outside uptime Mon-Fri 08:00-20:00 Europe/Berlin of deployment shop/web \
             until 2026-11-24T07:00:00Z",
        ),
        (
            &[("downtime", "Sat-Sun 00:00-24:00 UTC")],
            "2026-12-24T12:00:00Z",
            "holiday 2026-12-24, inside downtime Sat-Sun 00:00-24:00 UTC of deployment shop/web \
             until 2026-12-28T00:00:00Z",
        ),
        (
            &[("downtime", "Fri 20:00-Mon 08:00 UTC")],
            "2026-11-25T12:00:00Z",
            "outside downtime Fri 20:00-Mon 08:00 UTC of deployment shop/web until 2026-11-27T20:00:00Z",
        ),
        (
            &[
                ("upscale-period", "Mon-Fri 08:00-08:10 UTC"),
                ("downscale-period", "Mon-Fri 20:00-20:10 UTC"),
            ],
            "2026-11-25T12:00:00Z",
            "outside upscale-period Mon-Fri 08:00-08:10 UTC and downscale-period Mon-Fri 20:00-20:10 UTC \
             of deployment shop/web until 2026-11-25T20:00:00Z",
        ),
        (
            &[("upscale-period", "Mon-Fri 08:00-08:10 UTC")],
            "2026-11-25T08:00:00Z",
            "inside upscale-period Mon-Fri 08:00-08:10 UTC of deployment shop/web until 2026-11-25T08:10:00Z",
        ),
        (
            &[("upscale-period", "Mon-Fri 08:00-08:10 UTC")],
            "2026-11-25T08:10:00Z",
            "outside upscale-period Mon-Fri 08:00-08:10 UTC of deployment shop/web until 2026-11-26T08:00:00Z",
        ),
        (
            &[("downscale-period", "Mon-Fri 20:00-20:10 UTC")],
            "2026-11-25T08:10:00Z",
            "outside downscale-period Mon-Fri 20:00-20:10 UTC of deployment shop/web until 2026-11-25T20:00:00Z",
        ),
        (
            &[("downscale-period", "Mon-Fri 20:00-20:10 UTC")],
            "2026-11-25T20:00:00Z",
            "inside downscale-period Mon-Fri 20:00-20:10 UTC of deployment shop/web until 2026-11-25T20:10:00Z",
        ),
        (
            &[uptime, ("hold-until", "2026-11-26T22:00:00+01:00")],
            "2026-11-26T20:00:00Z",
            "held awake by hold-until of deployment shop/web until 2026-11-26T21:00:00Z",
        ),
        (
            &[uptime, ("force-uptime", "until 2026-11-26T21:00:00Z")],
            "2026-11-26T20:00:00Z",
            "forced up by force-uptime until 2026-11-26T21:00:00Z of deployment shop/web until 2026-11-26T21:00:00Z",
        ),
        (
            &[uptime, ("force-downtime", "true")],
            "2026-11-26T12:00:00Z",
            "forced down by force-downtime true of deployment shop/web",
        ),
        (
            &[uptime, ("protect", "true")],
            "2026-11-26T20:00:00Z",
            "kept by protect of deployment shop/web: outside uptime Mon-Fri 08:00-20:00 Europe/Berlin \
             of deployment shop/web until 2026-11-27T07:00:00Z",
        ),
        // What keeps it ends before what would put it to sleep.
        (
            &[uptime, ("exclude-until", "2026-11-26T21:00:00Z")],
            "2026-11-26T20:00:00Z",
            "kept by exclude-until of deployment shop/web: outside uptime Mon-Fri 08:00-20:00 Europe/Berlin \
             of deployment shop/web until 2026-11-26T21:00:00Z",
        ),
        // Without an end in sight.
        (
            &[("uptime", "always")],
            "2026-11-26T20:00:00Z",
            "inside uptime always of deployment shop/web",
        ),
        (
            &[("uptime", "Mon-Sun 00:00-24:00 UTC")],
            "2027-11-26T20:00:00Z",
            "inside uptime Mon-Sun 00:00-24:00 UTC of deployment shop/web",
        ),
    ];
    for (values, instant, expected) in cases {
        assert_eq!(
            desired(&rules(values), &holidays, at(instant)).reason,
            *expected,
            "{values:?}"
        );
    }
}

#[test]
fn a_reason_says_until_when_it_is_the_reason_though_the_state_may_last() {
    let values = [
        ("uptime", "Mon-Fri 08:00-20:00 UTC"),
        ("force-uptime", "Thu-Thu 18:00-22:00 UTC"),
    ];
    let decision = desired(&rules(&values), &Holidays::default(), at("2026-11-26T12:00:00Z"));
    let expected = "inside uptime Mon-Fri 08:00-20:00 UTC of deployment shop/web until 2026-11-26T18:00:00Z";
    assert_eq!(decision.reason, expected);
}

#[test]
fn a_decision_is_written_as_the_command_line_shows_it() {
    let decision = desired(
        &Rules::default(),
        &Holidays::default(),
        at("2026-11-26T12:00:00Z"),
    );
    let json = serde_json::to_value(&decision).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "state": "any", "reason": "nothing is scheduled" })
    );
    assert_eq!(
        [State::Up, State::Down, State::Any].map(|state| state.to_string()),
        ["up", "down", "any"]
    );
}
