//! What Lamplighter decides, and nothing of how it is carried out.
//!
//! Every decision is a pure function of what was observed, the policy and the time. This crate therefore
//! knows no AWS SDK, no Kubernetes client, no asynchronous runtime, no clock and no environment; a test
//! reads its manifest to keep it so.

pub mod drain;
pub mod failure;
mod glob;
pub mod hook;
pub mod ids;
pub mod image;
pub mod join;
pub mod keys;
pub mod label;
pub mod lifecycle;
pub mod machine;
pub mod node;
pub mod offhours;
pub mod pullsecret;
pub mod schedule;
mod states;
pub mod taint;
pub mod time;
mod words;

#[cfg(test)]
mod tests {
    /// Crates that would let a decision do I/O or read a clock behind our back.
    const FORBIDDEN: [&str; 6] = ["tokio", "aws-", "kube", "reqwest", "hyper", "tracing"];

    #[test]
    fn the_domain_depends_on_nothing_that_does_io() {
        let manifest = include_str!("../Cargo.toml");
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
        for line in dependencies.lines() {
            assert!(!FORBIDDEN.iter().any(|name| line.starts_with(name)), "{line}");
        }
    }
}
