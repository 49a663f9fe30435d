//! What a person can ask for.

mod hours;
mod image;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::ids::{ClusterName, HookName};

pub(crate) use hours::{Eval, Hold, HoursCommand, How, Plan, Release, Wish};
pub(crate) use image::{ImageCommand, Pick, Tags, Tell};

/// Shown below the options of every command.
const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  something needs attention
  2  wrong usage
  3  AWS or the cluster can't be reached, or does not let you in";

const STATUS_EXAMPLES: &str = "\
Examples:
  lamplighter status --cluster blue
  lamplighter status --cluster blue --access eks --region eu-central-1
  lamplighter status --cluster blue -o json | jq '.inFlight[] | select(.needsAttention)'";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  lamplighter node explain ip-10-0-1-7.eu-central-1.compute.internal --cluster blue
  lamplighter node explain i-0123456789abcdef0 --cluster blue -o json | jq .labels";

const REPLAY_EXAMPLES: &str = "\
Examples:
  What would be done about a recorded event:
    lamplighter events replay events/node-drain/terminate-action.json --cluster blue

  What the next sweep of one function would do:
    echo '{\"tick\": true}' | lamplighter events replay - --function node-label --cluster blue

  With the settings of the deployed function:
    aws lambda get-function-configuration --function-name lamplighter-node-label \\
      --query Environment.Variables > settings.json
    lamplighter events replay event.json --cluster blue --settings settings.json";

const EXAMPLES: &str = "\
Examples:
  What is draining, joining, or waiting until it may serve, and for what:
    lamplighter status --cluster blue

  Where each label and taint of a node comes from, and why it does not serve yet:
    lamplighter node explain ip-10-0-1-7.eu-central-1.compute.internal --cluster blue

  What a function would do about a recorded event, without doing it:
    lamplighter events replay events/node-drain/terminate-action.json --cluster blue

  Which tag would be deployed, and why:
    lamplighter image pick --policy minor --current 1.2.3 --tags 1.2.4,1.3.0,2.0.0

  What is asleep, and what its size was:
    lamplighter hours show --cluster blue --bucket sizes

  The same of an EKS cluster, for a script:
    lamplighter status --cluster blue --access eks --output json";

/// Looks after the nodes of a Kubernetes cluster from outside: the operator's side of Lamplighter
///
/// The functions decide everything by what they observe, and so does this command, by the same code: it shows what
/// they see, and what they would do next. It reads AWS and the cluster, and changes nothing unless told to: by
/// --apply, or by `hours wake`, `sleep`, `hold` and `release`, and `image hold`, `resume`, `unblock` and `rollback`, which
/// write down what is wanted.
///
/// AWS credentials, region and endpoints come from where the AWS command line takes them, the cluster's from a
/// kubeconfig, as kubectl takes them. For a profile that signs in by SSO, run
/// `eval "$(aws configure export-credentials --format env)"` first.
#[derive(Debug, Parser)]
#[command(name = "lamplighter", version, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"), after_help = EXIT_CODES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command needs to know.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of all commands")]
pub(crate) struct Shared {
    /// The cluster, as the tag `lamplighter:cluster` of its groups names it
    #[arg(long, global = true, env = "LAMPLIGHTER_CLUSTER", hide_env_values = true, value_name = "NAME", value_parser = cluster_name)]
    pub(crate) cluster: Option<ClusterName>,
    /// The AWS region, if not the configured one
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The AWS profile, if not the configured one
    #[arg(long, global = true, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// The way into the cluster
    #[arg(long, global = true, value_enum, default_value_t = Access::Kubeconfig)]
    pub(crate) access: Access,
    /// The kubeconfig, if not $KUBECONFIG or ~/.kube/config
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig, if not the current one
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// A table for people, or JSON for scripts
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    /// The terminate hook that the stack was deployed with
    #[arg(long, global = true, value_name = "HOOK", default_value = "lamplighter-node-drain", value_parser = hook_name)]
    pub(crate) terminate_hook: HookName,
    /// The launch hook that the stack was deployed with
    #[arg(long, global = true, value_name = "HOOK", default_value = "lamplighter-node-launch", value_parser = hook_name)]
    pub(crate) launch_hook: HookName,
    /// The bucket in which off-hours saves sizes, if the settings do not name it
    ///
    /// It is the output `OffHoursBucketName` of the stack.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) bucket: Option<String>,
    /// Settings of the functions that differ from the defaults, as the JSON of a function's environment
    ///
    /// What `aws lambda get-function-configuration --function-name … --query Environment.Variables` prints. What
    /// it does not say is taken from the environment variables LAMPLIGHTER_… of this command.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}

/// The way into the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Access {
    /// A kubeconfig, as kubectl uses it
    Kubeconfig,
    /// The endpoint of the EKS cluster of that name, and a token of the AWS credentials
    Eks,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Table,
    /// For scripts
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show everything that is in flight: draining, joining, waiting until it may serve
    ///
    /// One row for each instance that waits at a hook of ours: since when, and what for. Whether a pod could leave
    /// is asked of the API server by a dry run of its eviction, which changes nothing.
    ///
    /// Exits with 1 if something is held back that does not move by itself.
    #[command(after_long_help = STATUS_EXAMPLES)]
    Status,
    /// Look at one node
    #[command(subcommand)]
    Node(NodeCommand),
    /// Look at what sleeps at night, and say what shall
    #[command(subcommand)]
    Hours(HoursCommand),
    /// Look at what is deployed and why, and say what shall not be
    #[command(subcommand)]
    Image(ImageCommand),
    /// Work with recorded events
    #[command(subcommand)]
    Events(EventsCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Tell where each label and taint of a node comes from, what was refused and why, and what it waits for
    ///
    /// Exits with 1 if a source says something that can't be done, or if the node is not what it claims to be.
    #[command(after_long_help = EXPLAIN_EXAMPLES)]
    Explain {
        /// The node's name, or the id of its instance
        #[arg(value_name = "NODE")]
        node: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Run a recorded event through the function that it is for
    ///
    /// FILE holds an event of EventBridge, a batch of SQS messages, `{"tick": true}`, or `{"edge": "wake"}` as a
    /// schedule of off-hours sends it; `-` reads standard input.
    ///
    /// The function's own handler runs here, with your credentials: it reads what the function would read, and
    /// without --apply it writes nothing. Its log and its metrics go to standard error.
    ///
    /// Exits with 1 if the function fails, or if it can't read the event.
    #[command(after_long_help = REPLAY_EXAMPLES)]
    Replay {
        /// The file with the event
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The function, if the event is for more than one
        #[arg(long, value_enum)]
        function: Option<Function>,
        /// Do what the function would do, and not only say it
        #[arg(long)]
        apply: bool,
    },
}

/// A function of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Function {
    /// Drains nodes
    #[value(name = "node-drain")]
    Drain,
    /// Issues tokens to join
    #[value(name = "node-join")]
    Join,
    /// Labels nodes and lets them serve
    #[value(name = "node-label")]
    Label,
    /// Puts to sleep at night, and wakes
    #[value(name = "off-hours")]
    Hours,
    /// Deploys images, and takes back what fails
    #[value(name = "image-deploy")]
    Images,
}

impl Function {
    /// Its name, as the stack has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Drain => "node-drain",
            Self::Join => "node-join",
            Self::Label => "node-label",
            Self::Hours => "off-hours",
            Self::Images => "image-deploy",
        }
    }
}

fn cluster_name(text: &str) -> Result<ClusterName, String> {
    ClusterName::parse(text).map_err(|error| error.to_string())
}

fn hook_name(text: &str) -> Result<HookName, String> {
    HookName::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(arguments: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(arguments.split_whitespace())
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_of_all_commands_stand_before_or_behind_the_command() {
        for line in [
            "lamplighter --cluster blue --output json --access eks status",
            "lamplighter status --cluster blue -o json --access eks",
        ] {
            let cli = parse(line).unwrap();
            assert!(matches!(cli.command, Command::Status));
            let shared = cli.shared;
            assert_eq!(shared.cluster.unwrap().as_str(), "blue");
            assert_eq!((shared.output, shared.access), (Output::Json, Access::Eks));
            assert_eq!(shared.launch_hook.as_str(), "lamplighter-node-launch");
        }
    }

    #[test]
    fn a_replay_writes_nothing_unless_told_to() {
        for (line, expected) in [
            ("lamplighter events replay event.json", (None, false)),
            (
                "lamplighter events replay - --function node-join --apply",
                (Some(Function::Join), true),
            ),
        ] {
            let Command::Events(EventsCommand::Replay { function, apply, .. }) = parse(line).unwrap().command
            else {
                panic!("{line}")
            };
            assert_eq!((function, apply), expected);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_the_rule() {
        let error = parse("lamplighter status --cluster a.b").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ValueValidation);
        assert!(error.to_string().contains("A-Z a-z 0-9 - _"), "{error}");
        assert_eq!(error.exit_code(), 2);
        for line in [
            "lamplighter",
            "lamplighter node",
            "lamplighter status --output yaml",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn help_shows_examples_and_exit_codes() {
        let help = Cli::command().render_long_help().to_string();
        for part in ["lamplighter events replay", "Exit codes:", "lamplighter:cluster"] {
            assert!(help.contains(part), "{part}: {help}");
        }
    }
}
