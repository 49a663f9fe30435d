//! Tags of groups.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::filters::Filter;
use super::pages::Page;
use super::{Call, Response};
use crate::error::ApiError;
use crate::model::{Group, Model, Tag, events};
use crate::wire::{Element, Form};

/// Quota of the service. [User Guide, Tag Auto Scaling groups and instances]
const MOST_TAGS: usize = 50;

/// One tag as it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagParameters {
    group: String,
    key: String,
    value: Option<String>,
    propagate: bool,
}

impl TagParameters {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        form.choice("ResourceType", &[("auto-scaling-group", ())])?;
        let group = form.required("ResourceId")?;
        Self::of_group(form, &group)
    }

    /// A tag whose group is known from elsewhere.
    pub(crate) fn of_group(form: &Form, group: &str) -> Result<Self, ApiError> {
        let key = form.name("Key", 128)?;
        if key.starts_with("aws:") {
            return Err(ApiError::validation(
                "aws: prefixed tag key names are not allowed for external use.",
            ));
        }
        let value = form.text("Value");
        if let Some(value) = value.as_ref().filter(|value| value.chars().count() > 256) {
            let rule = "Member must have length less than or equal to 256";
            return Err(form.violation("Value", Some(value), rule));
        }
        Ok(Self {
            group: group.to_owned(),
            key,
            value,
            propagate: form.flag("PropagateAtLaunch")?.unwrap_or(false),
        })
    }

    /// Adds the tag to its group, or changes it.
    pub(crate) fn put(self, group: &mut Group) -> Result<(), ApiError> {
        if !group.tags.contains_key(&self.key) && group.tags.len() >= MOST_TAGS {
            return Err(ApiError::new(
                "LimitExceeded",
                format!("An Auto Scaling group can have at most {MOST_TAGS} tags"),
            ));
        }
        let tag = Tag {
            value: self.value.unwrap_or_default(),
            propagate: self.propagate,
        };
        group.tags.insert(self.key, tag);
        Ok(())
    }

    /// Takes the tag away. A value that is given must match.
    fn delete(&self, group: &mut Group) {
        let same = |old: &Tag| self.value.as_ref().is_none_or(|value| *value == old.value);
        if group.tags.get(&self.key).is_some_and(same) {
            group.tags.remove(&self.key);
        }
    }

    /// As `CloudTrail` writes it down.
    fn recorded(&self) -> Value {
        json!({
            "resourceId": self.group,
            "resourceType": "auto-scaling-group",
            "key": self.key,
            "value": self.value,
            "propagateAtLaunch": self.propagate,
        })
    }
}

/// The tags of one call.
#[derive(Debug, Clone)]
struct Tags(Vec<TagParameters>);

impl Tags {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let tags = form.structures("Tags");
        if tags.is_empty() {
            return Err(form.violation("Tags", None, "Member must not be null"));
        }
        tags.iter()
            .map(TagParameters::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Makes `change` for each, and tells of the `call`.
    fn apply(
        self,
        call: &str,
        model: &mut Model,
        now: Timestamp,
        change: impl Fn(TagParameters, &mut Group) -> Result<(), ApiError>,
    ) -> Result<Response, ApiError> {
        let recorded: Vec<Value> = self.0.iter().map(TagParameters::recorded).collect();
        // Checked for all before anything is changed, so that a call changes everything or nothing.
        if let Some(TagParameters { group, .. }) = self.0.iter().find(|tag| model.group(&tag.group).is_none())
        {
            return Err(ApiError::validation(format!(
                "AutoScalingGroup not found - AutoScaling Group {group} not found"
            )));
        }
        for tag in self.0 {
            let (group, _) = model.turn(&tag.group.clone(), now)?;
            change(tag, group)?;
        }
        events::tags_changed(&mut model.turn_of_account(now), call, &recorded);
        Ok(Response::Nothing)
    }
}

/// Source: API reference, `CreateOrUpdateTags`. Instances that run don't get the tag. Left out: nothing.
#[derive(Debug, Clone)]
pub(crate) struct CreateOrUpdateTags(Tags);

impl Call for CreateOrUpdateTags {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Tags::parse(form).map(Self)
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        self.0.apply("CreateOrUpdateTags", model, now, TagParameters::put)
    }
}

/// Source: API reference, `DeleteTags`. A value that is given must match; a tag that is not there is passed over. Left
/// out: nothing.
#[derive(Debug, Clone)]
pub(crate) struct DeleteTags(Tags);

impl Call for DeleteTags {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Tags::parse(form).map(Self)
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        self.0.apply("DeleteTags", model, now, |tag, group| {
            tag.delete(group);
            Ok(())
        })
    }
}

/// Source: API reference, `DescribeTags` and Filter. Complete.
#[derive(Debug, Clone)]
pub(crate) struct DescribeTags {
    filters: Vec<Filter>,
    page: Page,
}

impl Call for DescribeTags {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let names = ["auto-scaling-group", "key", "value", "propagate-at-launch"];
        let listed = format!("[{}]", names.join(", "));
        Ok(Self {
            filters: Filter::parse(form, |name| names.contains(&name), &listed)?,
            page: Page::parse(form, 100)?,
        })
    }

    fn apply(self, model: &mut Model, _now: Timestamp) -> Result<Response, ApiError> {
        let tags = model
            .groups()
            .flat_map(|group| group.tags.iter().map(move |(key, tag)| (group, key, tag)));
        let asked = tags.filter(|(group, key, tag)| {
            self.filters.iter().all(|filter| match filter.name.as_str() {
                "auto-scaling-group" => filter.accepts(&group.name),
                "key" => filter.accepts(key),
                "value" => filter.accepts(&tag.value),
                _ => filter.accepts(if tag.propagate { "true" } else { "false" }),
            })
        });
        // The separator sorts before anything that a name can contain, so the keys are in the order of the items.
        let items = asked.map(|(group, key, tag)| {
            (
                format!("{}\u{0}{key}", group.name),
                describe(&group.name, key, tag),
            )
        });
        Ok(Response::Result(self.page.result("Tags", items)))
    }
}

/// A tag as it is described, here and with its group.
pub(crate) fn describe(group: &str, key: &str, tag: &Tag) -> Element {
    Element::new("Tag")
        .text("ResourceId", group)
        .text("ResourceType", "auto-scaling-group")
        .text("Key", key)
        .text("Value", &tag.value)
        .text("PropagateAtLaunch", tag.propagate)
}
