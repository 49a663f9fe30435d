//! `lamplighter image history`: what was deployed to a workload, and what became of it.

use domain::image::{Record, Stage, Target};
use serde_json::{Value, json};

use super::desk::{Desk, workload};
use crate::args::{Output, Shared};
use crate::exit::{Error, Exit};
use crate::print;
use crate::table::Table;

/// Looks, and shows what is remembered.
pub(crate) async fn run(shared: &Shared, target: &Target) -> Result<Exit, Error> {
    let cluster = Desk::new(shared).await?.cluster().await?;
    let workload = workload(&cluster, target).await?;
    let record = Record::read(&workload).map_err(|error| Error::NotFound(format!("{target}: {error}")))?;
    match shared.output {
        Output::Table => print::text(&table(&record)),
        Output::Json => print::json(&answer(target, &record)),
    }
    Ok(Exit::Fine)
}

fn answer(target: &Target, record: &Record) -> Value {
    json!({
        "workload": target, "rollouts": record.history, "status": record.status,
        "previousImages": record.previous, "blockedDigests": record.blocked,
    })
}

fn table(record: &Record) -> String {
    let mut text = if record.history.is_empty() {
        "nothing was deployed here\n".to_owned()
    } else {
        let mut table = Table::new(["DEPLOYED", "IMAGES", "OUTCOME", "WHY"]);
        for past in &record.history {
            let images: Vec<String> = past
                .images
                .iter()
                .map(|(name, image)| format!("{name}={image}"))
                .collect();
            let outcome = past.outcome.map_or("under way", Stage::as_str).to_owned();
            table.row([past.at.to_string(), images.join(", "), outcome, past.why.clone()]);
        }
        table.render()
    };
    if !record.blocked.is_empty() {
        let mut table = Table::new(["BLOCKED", "TAG", "SINCE", "WHY"]);
        for blocked in &record.blocked {
            let tag = blocked.tag.as_ref().map(ToString::to_string).unwrap_or_default();
            table.row([
                blocked.digest.to_string(),
                tag,
                blocked.at.to_string(),
                blocked.why.clone(),
            ]);
        }
        text.push('\n');
        text.push_str(&table.render());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::image::{Blocked, Digest, ImageRef, Past, Tag};

    use super::*;

    #[test]
    fn rollouts_and_blocked_digests_are_told_with_their_reasons() {
        let at = "2026-11-26T08:00:00Z".parse().unwrap();
        let record = Record {
            history: vec![Past {
                at,
                images: BTreeMap::from([("app".to_owned(), ImageRef::parse("web:1.3.0").unwrap())]),
                outcome: Some(Stage::RolledBack),
                why: "it crashed".to_owned(),
            }],
            blocked: vec![Blocked {
                digest: Digest::parse(format!("sha256:{:064}", 7)).unwrap(),
                tag: Some(Tag::parse("1.3.0").unwrap()),
                at,
                why: "it crashed".to_owned(),
            }],
            ..Record::default()
        };
        let text = table(&record);
        for part in [
            "app=web:1.3.0",
            "rolled-back",
            "it crashed",
            "BLOCKED",
            "sha256:000",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(table(&Record::default()), "nothing was deployed here\n");
        let target = Target::parse("deployment/shop/web").unwrap();
        assert_eq!(answer(&target, &record)["rollouts"][0]["outcome"], "rolled-back");
    }
}
