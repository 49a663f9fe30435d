//! What a person can ask about images.

use clap::{Args, Subcommand};
use domain::image::{Digest, ImageRef, Repository, Tag, Target};
use jiff::{SignedDuration, Timestamp};

use crate::hours::until::lasting;

const PICK_EXAMPLES: &str = "\
Examples:
  lamplighter image pick --policy minor --current 1.2.3 --tags 1.2.4,1.3.0,2.0.0
  lamplighter image pick --policy 'semver:>=1.2 <2' --current 1.2.3 --tags 1.2.4,1.3.0,2.0.0 -o json | jq -r .picked
  lamplighter image pick --policy numerical --current main-9 --tags main-9,main-20,v1 \\
    --filter-tags '^main-(\\d+)$' --extract '$1'
  lamplighter image pick --policy newest-pushed --current a --tags a@2026-11-25T08:00:00Z,b@2026-11-26T08:00:00Z
  lamplighter image pick --policy minor --current 1.2.3 \\
    --repository 111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web

Exit codes:
  0  as told, whether or not something is picked
  2  a policy, an expression, a list or a tag can't be read
  3  with --repository: ECR can't be asked, or does not let you in";

const STATUS_EXAMPLES: &str = "\
Examples:
  lamplighter image status --cluster blue
  lamplighter image status deployment/shop/web --cluster blue
  lamplighter image status --cluster blue -o json | jq '.workloads[] | select(.needsAttention)'

Exit codes:
  0  everything runs what it is to run, or is on its way
  1  something needs attention: a rollout that failed, settings that can't be read, an image that vanished
  2  wrong usage
  3  ECR or the cluster can't be asked, or does not let you in";

const HISTORY_EXAMPLES: &str = "\
Examples:
  lamplighter image history deployment/shop/web --cluster blue";

const TELL_EXAMPLES: &str = "\
Examples:
  lamplighter image hold deployment/shop/web --for 2h --cluster blue
  lamplighter image hold deployment/shop/web --cluster blue                       # until it is resumed
  lamplighter image resume deployment/shop/web --cluster blue
  lamplighter image unblock deployment/shop/web sha256:… --cluster blue
  lamplighter image rollback deployment/shop/web --dry-run --cluster blue

Exit codes:
  0  it is written, or is so already
  1  it can't be done with such a workload
  2  wrong usage
  3  the cluster can't be asked, or does not let you in";

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Tell which of some tags a policy picks, and why each other one is not
    ///
    /// By the function's own code. Nobody is asked, unless by --repository: it needs no cluster and no --cluster. JSON is
    /// exactly {"picked":TAG or null,"candidates":[{"tag":…,"verdict":…,"reason":…}]}.
    #[command(after_long_help = PICK_EXAMPLES)]
    Pick(Pick),
    /// Show what every workload with a policy runs, and what would be deployed to it
    ///
    /// As the function's next sweep would see it. Changes nothing.
    #[command(after_long_help = STATUS_EXAMPLES)]
    Status {
        /// A workload; every one that names a policy, if none is named
        #[arg(value_name = "KIND/NAMESPACE/NAME", value_parser = target)]
        workloads: Vec<Target>,
    },
    /// Show what was deployed to a workload, what became of it, and which digests are blocked there
    #[command(after_long_help = HISTORY_EXAMPLES)]
    History {
        /// The workload
        #[arg(value_name = "KIND/NAMESPACE/NAME", value_parser = target)]
        workload: Target,
    },
    /// Let nothing be deployed to a workload, for a while or until it is resumed
    ///
    /// What is under way is watched to its end, and taken back if it fails.
    #[command(after_long_help = TELL_EXAMPLES)]
    Hold(Hold),
    /// Let images be deployed again: no hold, nothing that was taken back by hand, no count of failures
    ///
    /// Digests that failed stay blocked.
    #[command(after_long_help = TELL_EXAMPLES)]
    Resume(Tell),
    /// Let a digest be deployed again that failed, or all of them
    #[command(after_long_help = TELL_EXAMPLES)]
    Unblock {
        #[command(flatten)]
        tell: Tell,
        /// The digest; all, if none is named
        #[arg(value_name = "DIGEST", value_parser = digest)]
        digest: Option<Digest>,
    },
    /// Put the images back that were there before, and deploy nothing that is not newer than those that are there
    #[command(after_long_help = TELL_EXAMPLES)]
    Rollback(Tell),
}

/// Among what is picked, and how.
#[derive(Debug, Args)]
pub(crate) struct Pick {
    /// major, minor, patch, all, semver:RANGE, digest, newest-pushed, numerical or alphabetical
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: String,
    /// The tag that runs; nothing runs, if it is empty
    #[arg(long, value_name = "TAG", default_value = "", hide_default_value = true)]
    pub(crate) current: String,
    /// The digest that runs, if it is known
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) current_digest: Option<Digest>,
    #[command(flatten)]
    pub(crate) among: Among,
    /// A regular expression that tags must match
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    pub(crate) filter_tags: Option<String>,
    /// What of a matching tag is ordered, as in $1
    #[arg(long, value_name = "TEMPLATE", requires = "filter_tags")]
    pub(crate) extract: Option<String>,
    /// Tags that may be picked, as in glob:v* or regexp:^v
    #[arg(long, value_name = "LIST")]
    pub(crate) allow_tags: Option<String>,
    /// Tags that must not be picked
    #[arg(long, value_name = "LIST")]
    pub(crate) ignore_tags: Option<String>,
}

/// Where the tags are from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Among {
    /// The tags, with commas between them; each may have the time of its push behind an @
    #[arg(long, value_name = "TAG[@TIME],…", allow_hyphen_values = true, value_parser = tags)]
    pub(crate) tags: Option<Tags>,
    /// A repository of ECR, which is asked for them
    #[arg(long, value_name = "HOST/NAME", value_parser = repository)]
    pub(crate) repository: Option<Repository>,
}

/// Tags of a command line, with the times of their pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tags(pub(crate) Vec<(Tag, Option<Timestamp>)>);

/// To which workload, and whether in earnest.
#[derive(Debug, Args)]
pub(crate) struct Tell {
    /// The workload
    #[arg(value_name = "KIND/NAMESPACE/NAME", value_parser = target)]
    pub(crate) workload: Target,
    /// Show the patch, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is held, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Hold {
    #[command(flatten)]
    pub(crate) tell: Tell,
    /// Until when
    #[arg(long, value_name = "RFC3339", value_parser = moment, conflicts_with = "lasts")]
    pub(crate) until: Option<Timestamp>,
    /// For how long, as in 2h, 90m or 3d
    #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
    pub(crate) lasts: Option<SignedDuration>,
}

fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).map_err(|error| error.to_string())
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).map_err(|error| error.to_string())
}

fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "expected an RFC 3339 time such as 2026-12-24T18:00:00+01:00".to_owned())
}

fn repository(text: &str) -> Result<Repository, String> {
    let image = ImageRef::parse(text).map_err(|error| error.to_string())?;
    image
        .repository
        .filter(|_| image.tag.is_none() && image.digest.is_none())
        .ok_or_else(|| "expected <account>.dkr.ecr.<region>.amazonaws.com/<name>".to_owned())
}

fn tags(text: &str) -> Result<Tags, String> {
    let one = |text: &str| {
        let (tag, pushed) = match text.split_once('@') {
            Some((tag, pushed)) => (
                tag,
                Some(moment(pushed).map_err(|rule| format!("{pushed}: {rule}"))?),
            ),
            None => (text, None),
        };
        Ok((Tag::parse(tag).map_err(|error| error.to_string())?, pushed))
    };
    let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    texts.map(one).collect::<Result<_, String>>().map(Tags)
}
