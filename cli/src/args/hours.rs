//! What a person can ask about off-hours.

use clap::{Args, Subcommand};
use domain::offhours::Key;
use domain::schedule::Zone;
use jiff::{SignedDuration, Timestamp};

use crate::hours::until::{Until, lasting};

const EVAL_EXAMPLES: &str = "\
Examples:
  Is it up on Christmas Eve at noon?
    lamplighter hours eval --uptime 'Mon-Fri 08:00-20:00 Europe/Berlin' --at 2026-12-24T12:00:00+01:00

  The same with holidays, for a script:
    lamplighter hours eval --uptime 'Mon-Fri 08:00-20:00' --time-zone Europe/Berlin \\
      --holidays 2026-12-24..2027-01-01 --at 2026-12-24T12:00:00+01:00 -o json

Exit codes:
  0  the spans say something
  2  the spans, or another option, can't be read: standard error marks the place";

const SHOW_EXAMPLES: &str = "\
Examples:
  lamplighter hours show --cluster blue --settings settings.json
  lamplighter hours show --cluster blue --bucket sizes --all
  lamplighter hours show --cluster blue --bucket sizes -o json | jq '.resources[] | select(.needsAttention)'

  The bucket is in the stack's outputs; with all other settings it is in the function's environment:
    aws lambda get-function-configuration --function-name lamplighter-off-hours \\
      --query Environment.Variables > settings.json

Exit codes:
  0  everything is as it is to be, or on its way
  1  something needs attention: settings that can't be read, a size that nobody knows, something that does not move
  2  wrong usage
  3  AWS or the cluster can't be asked, or does not let you in";

const PLAN_EXAMPLES: &str = "\
Examples:
  lamplighter hours plan --cluster blue --settings settings.json
  lamplighter hours plan --cluster blue --settings settings.json --days 31 --time-zone America/New_York
  lamplighter hours plan --cluster blue --settings settings.json -o json | jq '.schedules[].transitions[0]'

Exit codes:
  0  as told
  1  something is not in it, since its settings can't be read
  2  wrong usage
  3  AWS or the cluster can't be asked, or does not let you in";

const WISH_EXAMPLES: &str = "\
Examples:
  lamplighter hours wake --cluster blue --bucket sizes                            # everything, for 8 hours
  lamplighter hours wake deployment/shop/web group/workers --for 2h --wait --cluster blue --bucket sizes
  lamplighter hours sleep --until 08:00 --time-zone Europe/Berlin --cluster blue --bucket sizes
  lamplighter hours sleep database/reports --until 2026-12-01T08:00:00+01:00 --dry-run --cluster blue --bucket sizes

Exit codes:
  0  it is told, and with --wait: everything is there
  1  it can't be told of such a resource; with --wait: something does not get there
  2  wrong usage
  3  AWS or the cluster can't be asked, or does not let you in";

const HOLD_EXAMPLES: &str = "\
Examples:
  lamplighter hours hold deployment/shop/web --until 23:30 --cluster blue --bucket sizes
  lamplighter hours hold database/reports group/batch --until 2026-12-01T08:00:00+01:00 --cluster blue --bucket sizes";

const RELEASE_EXAMPLES: &str = "\
Examples:
  lamplighter hours release --cluster blue --bucket sizes                         # what was told of everything
  lamplighter hours release deployment/shop/web --cluster blue --bucket sizes     # what was told of this one";

#[derive(Debug, Subcommand)]
pub(crate) enum HoursCommand {
    /// Tell whether time spans are up or down at a moment, and why
    ///
    /// Nobody is asked: it needs no AWS, no cluster and no --cluster. JSON is exactly {"state":…,"reason":…}, with
    /// the state `up`, `down` or `any`. What spans leave out is taken from the options, then from the settings.
    #[command(after_long_help = EVAL_EXAMPLES)]
    Eval(Eval),
    /// Show what is asleep, since when, what its size was, and what it is to be
    ///
    /// One row for each resource that has a schedule, as the function sees it now; what people told of it; and who is
    /// at work on it. Changes nothing.
    #[command(after_long_help = SHOW_EXAMPLES)]
    Show {
        /// Show what has no schedule, too
        #[arg(long)]
        all: bool,
    },
    /// Show when everything goes to sleep and wakes, and what would be done right now
    ///
    /// A calendar for each schedule that resources share, with holidays and changes of the clocks marked, by the
    /// function's own code; and the function's plan of this moment. Changes nothing.
    #[command(after_long_help = PLAN_EXAMPLES)]
    Plan(Plan),
    /// Wake resources, or everything that is scheduled, for a while
    ///
    /// Whatever the schedules say, for 8 hours unless told otherwise, and for at most 31 days. It is written down
    /// where the function finds it, in place of what was told of the same before, and the function is asked to look
    /// at once.
    #[command(after_long_help = WISH_EXAMPLES)]
    Wake(Wish),
    /// Put resources, or everything that is scheduled, to sleep for a while
    ///
    /// Whatever the schedules say, for 12 hours unless told otherwise, and for at most 31 days. What is protected or
    /// excluded stays awake.
    #[command(after_long_help = WISH_EXAMPLES)]
    Sleep(Wish),
    /// Keep resources awake until some moment, whatever the schedules say
    #[command(after_long_help = HOLD_EXAMPLES)]
    Hold(Hold),
    /// Let the schedules decide again: forget what was told of resources, or of everything at once
    ///
    /// Without RESOURCE, what was told of everything is forgotten; what was told of single resources stays.
    #[command(after_long_help = RELEASE_EXAMPLES)]
    Release(Release),
}

/// What to evaluate.
#[derive(Debug, Args)]
pub(crate) struct Eval {
    #[command(flatten)]
    pub(crate) spans: SpansOf,
    /// The moment, if not now
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) at: Option<Timestamp>,
    /// The time zone of spans that name none
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// The weekdays of spans that name none, as in Mon-Fri
    #[arg(long, value_name = "DAYS")]
    pub(crate) weekdays: Option<String>,
    /// Days on which nobody works, as in 2026-12-25,2026-12-28..2027-01-01
    #[arg(long, value_name = "DATES")]
    pub(crate) holidays: Option<String>,
}

/// The spans, one way or the other.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SpansOf {
    /// Time spans in which something is up, outside of which it is down
    #[arg(long, value_name = "SPEC")]
    pub(crate) uptime: Option<String>,
    /// Time spans in which something is down, outside of which it is up
    #[arg(long, value_name = "SPEC")]
    pub(crate) downtime: Option<String>,
}

/// Which calendar.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// How many days it has
    #[arg(long, value_name = "NUMBER", default_value_t = 14, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub(crate) days: u16,
    /// The time zone in which times are shown, if not that of the deployment, or else UTC
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(crate) time_zone: Option<Zone>,
}

/// What is wanted, of what, and until when.
#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// A resource, as `hours show` names it; everything that is scheduled, if none is named
    #[arg(value_name = "RESOURCE", value_parser = key)]
    pub(crate) resources: Vec<Key>,
    /// Until when: an RFC 3339 time, or HH:MM for when clocks next show that
    #[arg(long, value_name = "TIME", value_parser = Until::parse, conflicts_with = "lasts")]
    pub(crate) until: Option<Until>,
    /// For how long, as in 2h, 90m or 3d
    #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
    pub(crate) lasts: Option<SignedDuration>,
    /// Follow it until everything is there
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) how: How,
}

/// What is to stay awake, and until when.
#[derive(Debug, Args)]
pub(crate) struct Hold {
    /// A resource, as `hours show` names it
    #[arg(value_name = "RESOURCE", value_parser = key, required = true)]
    pub(crate) resources: Vec<Key>,
    /// Until when: an RFC 3339 time, or HH:MM for when clocks next show that
    #[arg(long, value_name = "TIME", value_parser = Until::parse)]
    pub(crate) until: Until,
    #[command(flatten)]
    pub(crate) how: How,
}

/// What is left to its schedule.
#[derive(Debug, Args)]
pub(crate) struct Release {
    /// A resource of which something was told; what was told of everything, if none is named
    #[arg(value_name = "RESOURCE", value_parser = key)]
    pub(crate) resources: Vec<Key>,
    /// Say what would be deleted, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How it is told.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// The time zone of HH:MM, if not that of the deployment, or else UTC
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub(crate) time_zone: Option<Zone>,
    /// Say what would be written, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let expected = |_| "expected an RFC 3339 time such as 2026-12-24T18:00:00+01:00".to_owned();
    text.parse().map_err(expected)
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).map_err(|error| error.to_string())
}

fn key(text: &str) -> Result<Key, String> {
    Key::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn parse(arguments: &str) -> Result<HoursCommand, clap::Error> {
        let line = format!("lamplighter hours {arguments}");
        match Cli::try_parse_from(line.split_whitespace())?.command {
            Command::Hours(hours) => Ok(hours),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_kind_of_spans_is_evaluated() {
        let Ok(HoursCommand::Eval(eval)) = parse("eval --downtime never --at 2026-12-24T18:00:00+01:00")
        else {
            panic!("no eval")
        };
        assert_eq!(eval.spans.downtime.as_deref(), Some("never"));
        assert_eq!(eval.at.unwrap().to_string(), "2026-12-24T17:00:00Z");
        for wrong in [
            "eval",
            "eval --uptime always --downtime never",
            "eval --uptime always --at noon",
        ] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn a_wish_is_for_everything_or_for_some_until_a_moment_or_for_a_time() {
        let Ok(HoursCommand::Wake(wish)) = parse("wake") else {
            panic!("no wish")
        };
        assert!(wish.resources.is_empty() && wish.until.is_none() && wish.lasts.is_none());
        let Ok(HoursCommand::Sleep(wish)) = parse("sleep deployment/shop/web group/a --for 90m --wait")
        else {
            panic!("no wish")
        };
        assert_eq!((wish.resources.len(), wish.wait), (2, true));
        assert_eq!(wish.lasts, Some(SignedDuration::from_mins(90)));
        for wrong in [
            "wake web",
            "wake --until 08:00 --for 2h",
            "wake --until tonight",
            "wake --wait --dry-run",
            "hold group/a",
            "hold --until 08:00",
            "plan --days 0",
            "plan --time-zone Berlin",
        ] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
        let error = parse("wake web").unwrap_err().to_string();
        assert!(error.contains("expected KIND/NAME"), "{error}");
    }
}
