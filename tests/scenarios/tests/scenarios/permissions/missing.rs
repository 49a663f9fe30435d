//! A permission that is taken away, and given back.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result};
use deploy::policy;
use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams, PostParams};
use scenarios::function::Function;
use serde_json::Value;
use world::World;

use crate::ensure;

/// What a function may do: one capability.
#[derive(Debug, Clone, Copy)]
pub(super) enum Permission {
    /// A statement of its policy, by its name.
    Statement(&'static str),
    /// A statement that only the kubeconfig way has.
    OfKubeconfig(&'static str),
    /// A rule of its role in the cluster.
    Rule(Rule),
}

/// A rule of a role: one verb, one resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Where the role is; the cluster role is nowhere.
    pub(super) namespace: Option<&'static str>,
    pub(super) verb: &'static str,
    pub(super) resource: &'static str,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement(sid) | Self::OfKubeconfig(sid) => f.write_str(sid),
            Self::Rule(Rule {
                namespace,
                verb,
                resource,
            }) => f.write_str(&named(namespace.unwrap_or_default(), verb, resource)),
        }
    }
}

fn named(namespace: &str, verb: &str, resource: &str) -> String {
    match namespace {
        "" => format!("{verb} {resource}"),
        namespace => format!("{verb} {resource} in {namespace}"),
    }
}

/// Everything that a function may do, by its name: statements of both ways into the cluster, and rules.
pub(super) async fn all(world: &World, name: &str, functions: &[&Function]) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for function in functions {
        let document = function.policy.get(&world.aws()?).await?;
        found.extend(policy::sids(&document).map(str::to_owned));
    }
    let client = world.control_plane().client();
    let only = ListParams::default().fields(&format!("metadata.name={}", role_name(name)));
    for kind in [cluster_role(), role()] {
        let roles = Api::<DynamicObject>::all_with(client.clone(), &kind);
        for role in roles.list(&only).await? {
            let namespace = role.metadata.namespace.unwrap_or_default();
            for rule in role.data["rules"].as_array().into_iter().flatten() {
                let (verb, resource) = one_of_each(rule)?;
                found.insert(named(&namespace, verb, resource));
            }
        }
    }
    Ok(found)
}

/// The verb and the resource of a rule, which has one of each, so that each can be taken away by itself.
fn one_of_each(rule: &Value) -> Result<(&str, &str)> {
    let only = |key: &str| match rule[key].as_array().map(Vec::as_slice) {
        Some([one]) => one.as_str(),
        _ => None,
    };
    let both = only("verbs").zip(only("resources"));
    both.with_context(|| format!("the rule has not one verb and one resource: {rule}"))
}

/// What is missing now.
pub(super) enum Missing<'a> {
    /// A statement.
    Statement {
        /// Whose.
        function: &'a Function,
        /// The document with it.
        whole: Value,
    },
    /// A rule.
    Rule(Box<MissingRule>),
}

/// A rule that is missing.
pub(super) struct MissingRule {
    /// Where the role is.
    roles: Api<DynamicObject>,
    /// The role with it.
    whole: DynamicObject,
}

impl<'a> Missing<'a> {
    /// Takes it away.
    pub(super) async fn take(
        world: &World,
        name: &str,
        function: &'a Function,
        permission: &Permission,
    ) -> Result<Self> {
        match permission {
            Permission::Statement(sid) | Permission::OfKubeconfig(sid) => {
                let whole = function.policy.take_out(&world.aws()?, sid).await?;
                Ok(Self::Statement { function, whole })
            }
            Permission::Rule(rule) => {
                let client = world.control_plane().client();
                let roles = match rule.namespace {
                    None => Api::all_with(client, &cluster_role()),
                    Some(namespace) => Api::namespaced_with(client, namespace, &role()),
                };
                let missing = take_rule(roles, &role_name(name), rule).await?;
                Ok(Self::Rule(Box::new(missing)))
            }
        }
    }

    /// Gives it back.
    pub(super) async fn give_back(self, world: &World) -> Result<()> {
        match self {
            Self::Statement { function, whole } => function.policy.put(&world.aws()?, &whole).await,
            Self::Rule(missing) => {
                let MissingRule { roles, mut whole } = *missing;
                let name = whole.metadata.name.clone().unwrap_or_default();
                // Whatever the version is now.
                whole.metadata.resource_version = None;
                let given = roles.replace(&name, &PostParams::default(), &whole).await;
                given
                    .map(drop)
                    .with_context(|| format!("giving role {name} its rule back"))
            }
        }
    }
}

async fn take_rule(roles: Api<DynamicObject>, name: &str, rule: &Rule) -> Result<MissingRule> {
    let whole = roles.get(name).await?;
    let mut lacking = whole.clone();
    let rules = lacking.data["rules"].as_array_mut().context("a role has rules")?;
    let all = rules.len();
    rules.retain(|one| one_of_each(one).ok() != Some((rule.verb, rule.resource)));
    ensure(rules.len() + 1 == all, || {
        format!("no rule of its own for {} {}", rule.verb, rule.resource)
    })?;
    roles.replace(name, &PostParams::default(), &lacking).await?;
    Ok(MissingRule { roles, whole })
}

fn role_name(function: &str) -> String {
    format!("lamplighter:{function}")
}

fn cluster_role() -> ApiResource {
    ApiResource::erase::<ClusterRole>(&())
}

fn role() -> ApiResource {
    ApiResource::erase::<Role>(&())
}
