//! Everything that a run has written.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use world::function_logs;

use crate::Stage;

/// Each log of the world, by its place: the functions' log groups, and every file of the world's own logs and of its
/// machines.
pub async fn everything(stage: &Stage) -> Result<Vec<(String, String)>> {
    let world = &stage.world;
    let mut found = Vec::new();
    let groups = world
        .aws()?
        .json("logs", "Logs_20140328.DescribeLogGroups", &json!({}))
        .await?;
    for group in groups["logGroups"].as_array().into_iter().flatten() {
        let name = group["logGroupName"].as_str().context("a log group has a name")?;
        let lines = function_logs::lines(world, name).await?;
        found.push((name.to_owned(), lines.join("\n")));
    }
    files(&world.dir().join("logs"), &mut found)?;
    Ok(found)
}

fn files(directory: &Path, found: &mut Vec<(String, String)>) -> Result<()> {
    for entry in std::fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            found.push((
                path.display().to_string(),
                String::from_utf8_lossy(&bytes).into_owned(),
            ));
        }
    }
    Ok(())
}
