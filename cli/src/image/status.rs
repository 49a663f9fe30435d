//! `lamplighter image status`: what every workload with a policy runs, and what would be deployed to it.

use domain::image::{Change, Container, Record, Role, Target};
use image_deploy::View;
use serde::Serialize;

use super::desk::Desk;
use crate::args::{Output, Shared};
use crate::exit::{Error, Exit};
use crate::print;
use crate::table::Table;

/// Looks, and shows what is seen.
pub(crate) async fn run(shared: &Shared, workloads: &[Target]) -> Result<Exit, Error> {
    let (mut views, blind) = Desk::new(shared).await?.view(workloads).await?;
    views.sort_by(|one, other| one.subject.workload.target.cmp(&other.subject.workload.target));
    let status = Status {
        workloads: views.iter().map(Row::of).collect(),
    };
    match shared.output {
        Output::Table => print::text(&status.table()),
        Output::Json => print::json(&status),
    }
    for why in &blind {
        print::complain(why);
    }
    let seen = |target: &&Target| status.workloads.iter().all(|row| row.workload != **target);
    for target in workloads.iter().filter(seen) {
        print::complain(&format!("{target} is not there, or names no policy"));
    }
    let is_whole = blind.is_empty();
    let needs_attention = status.workloads.iter().any(|row| row.needs_attention)
        || workloads.iter().any(|target| seen(&target));
    Ok(match (is_whole, needs_attention) {
        (false, _) => Exit::Blind,
        (true, true) => Exit::Attention,
        (true, false) => Exit::Fine,
    })
}

#[derive(Debug, Serialize)]
struct Status {
    workloads: Vec<Row>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    workload: Target,
    images: Vec<Image>,
    standing: &'static str,
    detail: String,
    needs_attention: bool,
    blocked_digests: usize,
    /// What the next sweep would write.
    next: Vec<Image>,
}

#[derive(Debug, Serialize)]
struct Image {
    container: String,
    image: String,
}

impl Row {
    fn of(View { subject, plan }: &View) -> Self {
        let workload = &subject.workload;
        let image = |container: &Container| Image {
            container: container.name.clone(),
            image: container.image.clone(),
        };
        let mains = workload.containers.iter().filter(|one| one.role == Role::Main);
        let next = |change: &Change| -> Vec<Image> {
            let images = change.images.iter().map(|(container, _, image)| Image {
                container: container.clone(),
                image: image.to_string(),
            });
            images.collect()
        };
        Self {
            workload: workload.target.clone(),
            images: mains.map(image).collect(),
            standing: plan.standing.as_str(),
            detail: plan.standing.to_string(),
            needs_attention: plan.standing.needs_attention(),
            blocked_digests: Record::read(workload).map_or(0, |record| record.blocked.len()),
            next: plan.change.as_ref().map(next).unwrap_or_default(),
        }
    }
}

/// An image without the registry and the digest, which nobody reads in a table.
fn short(image: &str) -> &str {
    let named = image.split('@').next().unwrap_or(image);
    named.split_once('/').map_or(named, |(_, path)| path)
}

impl Status {
    fn table(&self) -> String {
        if self.workloads.is_empty() {
            return "no workload names a policy by lamplighter.dev/image-policy\n".to_owned();
        }
        let mut table = Table::new(["WORKLOAD", "RUNS", "STANDING", "BLOCKED"]);
        for row in &self.workloads {
            let images: Vec<&str> = row.images.iter().map(|one| short(&one.image)).collect();
            table.row([
                row.workload.to_string(),
                images.join(", "),
                row.standing.to_owned(),
                row.blocked_digests.to_string(),
            ]);
            table.note(&row.detail);
            for next in &row.next {
                table.note(&format!("next: {} {}", next.container, next.image));
            }
        }
        table.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_names_what_runs_how_it_stands_and_what_comes_next() {
        let image = |image: &str| Image {
            container: "app".to_owned(),
            image: image.to_owned(),
        };
        let place = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web";
        let status = Status {
            workloads: vec![Row {
                workload: Target::parse("deployment/shop/web").unwrap(),
                images: vec![image(&format!("{place}:1.2.3@sha256:12"))],
                standing: "held-back",
                detail: "1.3.0 is held back: freeze Fri 18:00-Mon 08:00 UTC".to_owned(),
                needs_attention: false,
                blocked_digests: 0,
                next: vec![image("web:1.3.0")],
            }],
        };
        assert_eq!(
            status.table(),
            "WORKLOAD             RUNS            STANDING   BLOCKED\n\
             deployment/shop/web  shop/web:1.2.3  held-back  0\n    \
             1.3.0 is held back: freeze Fri 18:00-Mon 08:00 UTC\n    \
             next: app web:1.3.0\n"
        );
        let none = Status { workloads: vec![] };
        assert!(none.table().contains("lamplighter.dev/image-policy"));
    }
}
