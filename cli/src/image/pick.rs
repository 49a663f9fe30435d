//! `lamplighter image pick`: which tag a policy picks.

use aws::ecr::{DescribeImages as _, Ecr};
use domain::image::choice::{Artifact, Candidate, Choice, Current, Rules, Texts, Verdict, choose};
use domain::image::{Repository, Tag, foreign};
use runtime::error::chain;
use serde::Serialize;

use crate::args::{Output, Pick, Shared, Tags};
use crate::exit::{Error, Exit};
use crate::patience::patiently;
use crate::print;
use crate::table::Table;

/// Picks, and prints what and why.
pub(crate) async fn run(shared: &Shared, asked: Pick) -> Result<Exit, Error> {
    let (rules, current) = (rules(&asked)?, current(&asked)?);
    let candidates = match (&asked.among.tags, &asked.among.repository) {
        (_, Some(repository)) => held(shared, repository).await?,
        (Some(tags), None) => named(tags),
        (None, None) => Vec::new(),
    };
    let choice = choose(&rules, current.as_ref(), &candidates);
    match shared.output {
        Output::Table => print::text(&table(&choice)),
        Output::Json => print::json_line(&Answer::of(&choice)),
    }
    Ok(Exit::Fine)
}

fn rules(asked: &Pick) -> Result<Rules, Error> {
    let texts = Texts {
        policy: &asked.policy,
        filter_tags: asked.filter_tags.as_deref(),
        extract: asked.extract.as_deref(),
        allow_tags: asked.allow_tags.as_deref(),
        ignore_tags: asked.ignore_tags.as_deref(),
    };
    Rules::read(&texts).map_err(|error| Error::Usage(format!("--{error}")))
}

fn current(asked: &Pick) -> Result<Option<Current>, Error> {
    let text = asked.current.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let tag = Tag::parse(text).map_err(|error| Error::Usage(format!("--current: {error}")))?;
    Ok(Some(Current {
        tag,
        digest: asked.current_digest.clone(),
        pushed: None,
    }))
}

fn named(Tags(tags): &Tags) -> Vec<Candidate> {
    let candidate = |(tag, pushed): &(Tag, _)| Candidate {
        pushed: *pushed,
        ..Candidate::of(tag.clone())
    };
    tags.iter().map(candidate).collect()
}

/// What the repository holds.
async fn held(shared: &Shared, repository: &Repository) -> Result<Vec<Candidate>, Error> {
    let sdk = aws::config::load_as(shared.profile.as_deref(), shared.region.as_deref()).await;
    let ecr = Ecr::new(&sdk);
    let images = patiently("asking ECR", ecr.images(repository))
        .await
        .map_err(|error| Error::Unreachable(chain(&error)))?;
    let of_image = |image: aws::ecr::Described| {
        let artifact = foreign(image.artifact).map_or(Artifact::Image, Artifact::Other);
        let candidate = move |tag| Candidate {
            tag,
            digest: Some(image.digest.clone()),
            pushed: Some(image.pushed),
            artifact: artifact.clone(),
            barred: None,
        };
        image.tags.into_iter().map(candidate)
    };
    Ok(images.into_iter().flat_map(of_image).collect())
}

/// What scripts read.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    picked: Option<&'a str>,
    candidates: Vec<Judged<'a>>,
}

#[derive(Debug, Serialize)]
struct Judged<'a> {
    tag: &'a str,
    verdict: Verdict,
    reason: &'a str,
}

impl<'a> Answer<'a> {
    fn of(choice: &'a Choice) -> Self {
        let judged = choice.candidates.iter().map(|one| Judged {
            tag: one.tag.as_str(),
            verdict: one.verdict,
            reason: &one.reason,
        });
        Self {
            picked: choice.picked.as_ref().map(|one| one.tag.as_str()),
            candidates: judged.collect(),
        }
    }
}

fn table(choice: &Choice) -> String {
    let mut table = Table::new(["TAG", "VERDICT", "REASON"]);
    for one in &choice.candidates {
        table.row([one.tag.to_string(), one.verdict.to_string(), one.reason.clone()]);
    }
    let picked = choice.picked.as_ref().map_or("nothing", |one| one.tag.as_str());
    format!("{}\npicked: {picked}: {}\n", table.render(), choice.reason)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command, ImageCommand};

    fn pick(options: &[&str]) -> Result<String, String> {
        let line = ["lamplighter", "image", "pick"].iter().chain(options);
        let cli = Cli::try_parse_from(line).map_err(|error| error.to_string())?;
        let Command::Image(ImageCommand::Pick(asked)) = cli.command else {
            panic!("{options:?}")
        };
        let rules = rules(&asked).map_err(|error| error.to_string())?;
        let current = current(&asked).map_err(|error| error.to_string())?;
        let candidates = named(asked.among.tags.as_ref().unwrap());
        let choice = choose(&rules, current.as_ref(), &candidates);
        Ok(serde_json::to_string(&Answer::of(&choice)).unwrap())
    }

    fn picked(policy: &str, current: &str, tags: &str) -> Option<String> {
        let answer = pick(&["--policy", policy, "--current", current, "--tags", tags]).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["picked"].as_str().map(str::to_owned)
    }

    #[test]
    fn each_policy_picks_its_own() {
        let tags = "1.2.3, 1.2.4,1.3.0,2.0.0,2.1.0-rc.1,latest,7";
        let cases = [
            ("patch", "1.2.3", tags, Some("1.2.4")),
            ("minor", "1.2.3", tags, Some("1.3.0")),
            ("major", "1.2.3", tags, Some("2.0.0")),
            ("all", "1.2.3", tags, Some("2.1.0-rc.1")),
            ("semver:>=1.2 <1.3", "1.2.3", tags, Some("1.2.4")),
            ("semver:1.3.0", "1.2.3", tags, Some("1.3.0")),
            ("minor", "1.3.0", tags, None),
            ("minor", "", tags, Some("2.0.0")),
            ("minor", "1.2.3", "", None),
            ("digest", "latest", tags, Some("latest")),
            ("numerical", "v9", "v9,v10", Some("v10")),
            ("numerical:desc", "v9", "v8,v9,v10", Some("v8")),
            ("alphabetical", "a", "a,b,B", Some("b")),
            (
                "newest-pushed",
                "a",
                "a@2026-11-25T08:00:00Z,b@2026-11-26T08:00:00Z",
                Some("b"),
            ),
            ("newest-pushed", "a", "a,b", None),
        ];
        for (policy, current, tags, expected) in cases {
            assert_eq!(
                picked(policy, current, tags).as_deref(),
                expected,
                "{policy} at {current:?}"
            );
        }
    }

    #[test]
    fn the_answer_has_exactly_these_fields() {
        let answer = pick(&["--policy", "minor", "--current", "1.2.3", "--tags", "1.3.0"]).unwrap();
        assert!(
            answer.starts_with(
                r#"{"picked":"1.3.0","candidates":[{"tag":"1.3.0","verdict":"picked","reason":""#
            ),
            "{answer}"
        );
    }

    #[test]
    fn what_is_filtered_and_extracted_is_ordered() {
        let options = [
            "--policy",
            "numerical",
            "--current",
            "main-9",
            "--tags",
            "main-9,main-20,pr-99",
            "--filter-tags",
            r"^main-(?P<n>\d+)$",
            "--extract",
            "$n",
        ];
        assert!(pick(&options).unwrap().starts_with(r#"{"picked":"main-20""#));
    }

    #[test]
    fn what_can_not_be_read_names_the_option_the_value_and_what_was_expected() {
        let usual = ["--current", "1.2.3", "--tags", "1.3.0"];
        let cases = [
            (&["--policy", "newest"][..], "--policy \"newest\": expected major"),
            (&["--policy", "semver:>>1"], "--policy \"semver:>>1\": expected"),
            (
                &["--policy", "minor", "--filter-tags", "("],
                "--filter-tags \"(\": expected",
            ),
            (&["--policy", "minor", "--extract", "$1"], "--filter-tags"),
            (
                &["--policy", "minor", "--ignore-tags", "regexp:("],
                "--ignore-tags \"regexp:(\"",
            ),
        ];
        for (options, expected) in cases {
            let error = pick(&[options, &usual].concat()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = pick(&["--policy", "minor", "--tags", "1.3.0+b"]).unwrap_err();
        assert!(error.contains("tag \"1.3.0+b\": expected"), "{error}");
        let error = pick(&["--policy", "minor", "--tags", "1.3.0", "--current", "a b"]).unwrap_err();
        assert!(error.starts_with("--current: tag \"a b\""), "{error}");
    }
}
