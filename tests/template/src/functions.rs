//! The code of the functions, for the checks that hold it against the template and the manifests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A function of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// Its package, and the end of its name.
    pub name: &'static str,
    /// How its resources and outputs begin.
    pub prefix: &'static str,
    /// The condition under which it is part of a stack, if it is not of every one.
    pub condition: Option<&'static str>,
}

/// All of them.
pub const FUNCTIONS: [Function; 6] = [
    NODE_DRAIN,
    NODE_JOIN,
    NODE_LABEL,
    OFF_HOURS,
    IMAGE_DEPLOY,
    PULL_SECRET,
];

/// Those that have a queue of events.
pub const QUEUED: [Function; 5] = [NODE_DRAIN, NODE_JOIN, NODE_LABEL, OFF_HOURS, IMAGE_DEPLOY];

/// The one that drains nodes.
pub const NODE_DRAIN: Function = Function {
    name: "node-drain",
    prefix: "NodeDrain",
    condition: None,
};

/// The one that labels nodes.
pub const NODE_LABEL: Function = Function {
    name: "node-label",
    prefix: "NodeLabel",
    condition: None,
};

/// The one that gives tokens to machines.
pub const NODE_JOIN: Function = Function {
    name: "node-join",
    prefix: "NodeJoin",
    condition: Some("JoinsNodes"),
};

/// The one that puts to sleep and wakes.
pub const OFF_HOURS: Function = Function {
    name: "off-hours",
    prefix: "OffHours",
    condition: Some("UsesOffHours"),
};

/// The one that deploys images.
pub const IMAGE_DEPLOY: Function = Function {
    name: "image-deploy",
    prefix: "ImageDeploy",
    condition: Some("DeploysImages"),
};

/// The one that keeps pull secrets fresh.
pub const PULL_SECRET: Function = Function {
    name: "pull-secret",
    prefix: "PullSecret",
    condition: Some("RefreshesPullSecret"),
};

/// What leads every function into the cluster: what it asks for, all of them ask for.
const ACCESS: &str = "shared/access/src";

/// What only those read that answer a lifecycle hook, and the type by which they do.
const HOOK: (&str, &str) = ("LAMPLIGHTER_HOOK_NAME", "Hooked");

impl Function {
    /// The name of one of its resources.
    pub fn resource(&self, kind: &str) -> String {
        format!("{}{kind}", self.prefix)
    }

    /// Whether its code names a capability, which is a trait.
    pub fn asks_for(&self, capability: &str) -> Result<bool> {
        Ok(names(&(self.code()? + &code(ACCESS)?), capability))
    }

    fn code(&self) -> Result<String> {
        code(&format!("functions/{}/src", self.name))
    }

    /// The environment variables that its configuration reads.
    pub fn variables(&self) -> Result<BTreeSet<String>> {
        let mut code = code(ACCESS)? + &code("shared/function/src")?;
        let own = format!("functions/{}/src/config.rs", self.name);
        if base::paths::checkout().join(&own).exists() {
            code.push_str(&untested(&base::paths::checkout().join(own))?);
        }
        let texts = code.split('"').skip(1).step_by(2);
        let mut variables: BTreeSet<String> = texts
            .filter(|text| is_variable(text))
            .map(str::to_owned)
            .collect();
        let (hook, reader) = HOOK;
        if !names(&self.code()?, reader) {
            variables.remove(hook);
        }
        Ok(variables)
    }
}

/// Whether a word is somewhere in the code.
fn names(code: &str, word: &str) -> bool {
    code.split(|letter: char| !letter.is_alphanumeric())
        .any(|found| found == word)
}

fn is_variable(text: &str) -> bool {
    text.starts_with("LAMPLIGHTER_")
        && text
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

/// The code below a directory of the checkout, without tests.
pub fn code(directory: &str) -> Result<String> {
    let files = rust_files(&base::paths::checkout().join(directory))?;
    files.iter().map(|file| untested(file)).collect()
}

fn untested(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let marks = text.match_indices("#[cfg(test)]\n").map(|(at, _)| at);
    // A module of tests in the file itself ends it; one that is only named there has files of its own.
    let is_module = |at: &usize| text[*at..].lines().nth(1).is_some_and(|line| line.ends_with('{'));
    let end = marks.into_iter().find(is_module).unwrap_or(text.len());
    Ok(text[..end].to_owned())
}

/// The Rust files below a directory, without those that only hold tests.
fn rust_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        let is_test = ["tests", "tests.rs", "fakes.rs", "testdata"]
            .iter()
            .any(|name| path.ends_with(name));
        if is_test {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
