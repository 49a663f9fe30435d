//! `lamplighter hours eval`: what time spans say about a moment.

use domain::schedule::{Context, Decision, Rules, Scope, SettingProblem, desired};
use jiff::Timestamp;
use runtime::clock::{Clock as _, SystemClock};

use crate::args::{Eval, Output, Shared};
use crate::exit::{Error, Exit};
use crate::print;
use crate::settings;
use crate::words::to_the_second;

/// Evaluates, and prints what comes of it.
pub(crate) fn run(shared: &Shared, asked: &Eval) -> Result<Exit, Error> {
    let context = settings::hours(
        shared,
        asked.time_zone.as_deref(),
        asked.weekdays.as_deref(),
        asked.holidays.as_deref(),
    )?;
    let at = asked.at.unwrap_or_else(|| to_the_second(SystemClock.now()));
    let decision = decide(asked, &context, at)?;
    match shared.output {
        Output::Table => print::text(&format!("{}: {}\n", decision.state, decision.reason)),
        Output::Json => print::json_line(&decision),
    }
    Ok(Exit::Fine)
}

fn decide(asked: &Eval, context: &Context, at: Timestamp) -> Result<Decision, Error> {
    let said = |key: &'static str| match key {
        "uptime" => asked.spans.uptime.as_deref(),
        "downtime" => asked.spans.downtime.as_deref(),
        _ => None,
    };
    let scope = Scope::read("the command line", said, context).map_err(|error| match &error.problem {
        SettingProblem::Text(text) => Error::marked(&format!("--{}: {text}", error.key), text),
        SettingProblem::Contradiction { .. } => Error::Usage(error.to_string()),
    })?;
    Ok(desired(&Rules::of(vec![scope]), &context.holidays, at))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command, HoursCommand};

    const WEDNESDAY_NOON: &str = "2026-12-23T12:00:00Z";

    /// With these options, each followed by its value.
    fn evaluate(options: &[&str], holidays: &str) -> Result<Decision, String> {
        let line = ["lamplighter", "hours", "eval"].iter().chain(options);
        let Command::Hours(HoursCommand::Eval(asked)) = Cli::try_parse_from(line).unwrap().command else {
            panic!("{options:?}")
        };
        let context = Context::parse(None, None, "", holidays).unwrap();
        decide(&asked, &context, WEDNESDAY_NOON.parse().unwrap()).map_err(|error| error.to_string())
    }

    fn state(options: &[&str], holidays: &str) -> String {
        evaluate(options, holidays).unwrap().state.to_string()
    }

    #[test]
    fn uptime_is_up_inside_and_downtime_is_down_inside() {
        let office = "Mon-Fri 08:00-20:00 UTC";
        assert_eq!(state(&["--uptime", office], ""), "up");
        assert_eq!(state(&["--downtime", office], ""), "down");
        assert_eq!(state(&["--uptime", "never"], ""), "down");
        assert_eq!(state(&["--uptime", office], "2026-12-23"), "down");
    }

    #[test]
    fn the_reason_names_the_spans_and_the_command_line() {
        let decision = evaluate(&["--uptime", "Mon-Fri 08:00-20:00 UTC"], "").unwrap();
        assert_eq!(
            serde_json::to_string(&decision).unwrap(),
            r#"{"state":"up","reason":"inside uptime Mon-Fri 08:00-20:00 UTC of the command line until 2026-12-23T20:00:00Z"}"#
        );
    }

    #[test]
    fn the_place_of_a_mistake_is_marked() {
        let error = evaluate(&["--uptime", "Mon-Fri 25:00-20:00 UTC"], "").unwrap_err();
        assert_eq!(
            error,
            "--uptime: \"25:00\" in \"Mon-Fri 25:00-20:00 UTC\": expected an hour from 00 to 24\n    \
             Mon-Fri 25:00-20:00 UTC\n            ^^^^^"
        );
        let error = evaluate(&["--downtime", "Mon-Fri 08:00-20:00"], "").unwrap_err();
        assert!(
            error.ends_with("\n    Mon-Fri 08:00-20:00\n                       ^"),
            "{error}"
        );
    }
}
