//! `lamplighter image hold`, `resume`, `unblock` and `rollback`: what people say, written on the workload by their own
//! permissions.

use domain::image::{Change, Request, RequestError, Target, Workload};
use jiff::Timestamp;
use kubernetes::{Cluster, PatchImages as _};
use runtime::clock::{Clock as _, SystemClock};
use runtime::error::chain;
use serde_json::json;

use super::desk::{Desk, workload};
use crate::args::{Output, Shared, Tell};
use crate::exit::{Error, Exit};
use crate::patience::patiently;
use crate::print;
use crate::words::to_the_second;

/// Controllers write to a workload at any time: so often it is read and written again.
const TRIES: u32 = 5;

/// Writes it, or shows what would be written.
pub(crate) async fn run(shared: &Shared, tell: &Tell, request: &Request) -> Result<Exit, Error> {
    let cluster = Desk::new(shared).await?.cluster().await?;
    let target = &tell.workload;
    let written = if tell.dry_run {
        change(&workload(&cluster, target).await?, request)?
    } else {
        write(&cluster, target, request).await?
    };
    say(shared.output, target, written.as_ref(), tell.dry_run);
    Ok(Exit::Fine)
}

async fn write(cluster: &Cluster, target: &Target, request: &Request) -> Result<Option<Change>, Error> {
    for _ in 0..TRIES {
        let Some(change) = change(&workload(cluster, target).await?, request)? else {
            return Ok(None);
        };
        match patiently("writing to the workload", cluster.patch_images(&change)).await {
            Ok(_) => return Ok(Some(change)),
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(Error::Unreachable(chain(&error))),
        }
    }
    Err(Error::Unreachable(format!(
        "{target} changed {TRIES} times while it was to be written; try again"
    )))
}

fn change(workload: &Workload, request: &Request) -> Result<Option<Change>, Error> {
    change_at(workload, request, to_the_second(SystemClock.now()))
}

fn change_at(workload: &Workload, request: &Request, now: Timestamp) -> Result<Option<Change>, Error> {
    let target = &workload.target;
    let refused = |error: RequestError| Error::NotFound(format!("{target}: {error}"));
    request.change(workload, &by(), now).map_err(refused)
}

/// Who says it, for those who read it there.
fn by() -> String {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(function::config::variable);
    let user = user.filter(|user| !user.is_empty());
    user.unwrap_or_else(|| "somebody".to_owned())
}

fn say(output: Output, target: &Target, change: Option<&Change>, dry_run: bool) {
    match output {
        Output::Json => print::json(&json!({
            "workload": target, "written": change.is_some() && !dry_run, "patch": change.map(Change::patch),
        })),
        Output::Table => print::text(&sentence(target, change, dry_run)),
    }
}

fn sentence(target: &Target, change: Option<&Change>, dry_run: bool) -> String {
    match change {
        None => format!("{target}: it is so already\n"),
        Some(change) if dry_run => format!("{target} would be patched:\n{:#}\n", change.patch()),
        Some(change) => {
            let images: Vec<String> = change
                .images
                .iter()
                .map(|(name, _, image)| format!("{name} runs {image}"))
                .collect();
            if images.is_empty() {
                format!("{target}: written\n")
            } else {
                format!("{target}: {}\n", images.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::image::{ImageRef, Role};

    use super::*;

    #[test]
    fn what_was_written_or_would_be_is_said_in_a_line() {
        let target = Target::parse("deployment/shop/web").unwrap();
        assert_eq!(
            sentence(&target, None, false),
            "deployment/shop/web: it is so already\n"
        );
        let mut change = Change {
            target: target.clone(),
            version: "41".to_owned(),
            images: vec![],
            annotations: BTreeMap::from([("lamplighter.dev/image-hold".to_owned(), Some("true".to_owned()))]),
        };
        assert_eq!(
            sentence(&target, Some(&change), false),
            "deployment/shop/web: written\n"
        );
        let dry = sentence(&target, Some(&change), true);
        assert!(dry.contains("\"lamplighter.dev/image-hold\": \"true\""), "{dry}");
        let image = ImageRef::parse("web:1.2.3").unwrap();
        change.images = vec![("app".to_owned(), Role::Main, image)];
        let said = sentence(&target, Some(&change), false);
        assert_eq!(said, "deployment/shop/web: app runs web:1.2.3\n");
    }
}
