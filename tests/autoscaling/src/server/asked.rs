//! What a request asks of IAM: its action, and the groups it is about. Source: Service Authorization Reference,
//! "Actions, resources, and condition keys for Amazon EC2 Auto Scaling".

use std::collections::{BTreeMap, BTreeSet};

use crate::judge::Asked;
use crate::model::{Group, Model};
use crate::wire::Form;

/// One question for each group that the request is about; one about `*` for the describing operations.
pub(super) fn asked(model: &Model, operation: &str, form: &Form) -> Vec<Asked> {
    let action = format!("autoscaling:{operation}");
    if operation.starts_with("Describe") {
        return vec![Asked {
            action,
            resource: "*".to_owned(),
            resource_tags: BTreeMap::new(),
        }];
    }
    let questions = groups(model, form).into_iter().map(|name| {
        let group = model.group(&name);
        Asked {
            action: action.clone(),
            // A group that is not there has no unique id that a policy could name.
            resource: group.map_or_else(|| model.arn("*", &name), |group| group.arn.clone()),
            resource_tags: group.map(Group::plain_tags).unwrap_or_default(),
        }
    });
    questions.collect()
}

/// The names of the groups: named, or of the tags, or of the instances. At least one, if only `*`.
fn groups(model: &Model, form: &Form) -> BTreeSet<String> {
    let named = form.text("AutoScalingGroupName");
    let tagged = form
        .structures("Tags")
        .into_iter()
        .filter_map(|tag| tag.text("ResourceId"));
    let ids = form
        .texts("InstanceIds")
        .unwrap_or_default()
        .into_iter()
        .chain(form.text("InstanceId"));
    let names: BTreeSet<String> = if let Some(name) = named {
        BTreeSet::from([name])
    } else {
        let owners = ids.filter_map(|id| model.group_of(&id).ok().map(|group| group.name.clone()));
        tagged.chain(owners).collect()
    };
    if names.is_empty() {
        BTreeSet::from(["*".to_owned()])
    } else {
        names
    }
}
