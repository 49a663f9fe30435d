//! What tags say of labels and taints.

use std::collections::BTreeMap;

use super::modes::{LabelMode, Modes, TaintMode};
use super::problem::{About, Origin, Problem};
use super::rules;
use crate::taint::Taint;

/// Beginnings of tags whose rest is a label's key. Where a key is there by both, the later one counts.
const LABEL_TAGS: [&str; 2] = [
    "k8s.io/cluster-autoscaler/node-template/label/",
    "lamplighter:label/",
];
/// The same for taints.
const TAINT_TAGS: [&str; 2] = [
    "k8s.io/cluster-autoscaler/node-template/taint/",
    "lamplighter:taint/",
];

/// A value and the tag that said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged<T> {
    /// The value.
    pub value: T,
    /// Where from.
    pub origin: Origin,
}

/// What the tags of a group, or of an instance, say. Nothing is cut to fit: what can't be taken as it stands is a
/// [`Problem`].
///
/// ```
/// use std::collections::BTreeMap;
/// use domain::label::Template;
/// let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
/// let template = Template::of_group(&BTreeMap::from([
///     tag("k8s.io/cluster-autoscaler/node-template/label/team", "payments"),
///     tag("lamplighter:taint/dedicated", "payments:NoSchedule"),
///     tag("lamplighter:label/note", "two words"),
/// ]));
/// assert_eq!(template.labels["team"].value, "payments");
/// assert_eq!(template.taints["dedicated"].value.to_string(), "dedicated=payments:NoSchedule");
/// assert!(template.problems[0].to_string().starts_with(r#"group tag "lamplighter:label/note": value "two words""#));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// Labels by key.
    pub labels: BTreeMap<String, Tagged<String>>,
    /// Taints by key.
    pub taints: BTreeMap<String, Tagged<Taint>>,
    /// What could not be taken.
    pub problems: Vec<Problem>,
    label_modes: Modes<LabelMode>,
    taint_modes: Modes<TaintMode>,
}

impl Template {
    /// Reads the tags of a group.
    pub fn of_group(tags: &BTreeMap<String, String>) -> Self {
        let mut template = Self::read(tags, Origin::GroupTag);
        template.label_modes = Modes::read(tags, &mut template.problems);
        template.taint_modes = Modes::read(tags, &mut template.problems);
        template
    }

    /// Reads the tags of an instance. They say no modes: those are the group's.
    pub fn of_instance(tags: &BTreeMap<String, String>) -> Self {
        Self::read(tags, Origin::InstanceTag)
    }

    fn read(tags: &BTreeMap<String, String>, origin: fn(String) -> Origin) -> Self {
        let mut template = Self::default();
        for (key, (tag, value)) in by_key(tags, &LABEL_TAGS) {
            let origin = origin(tag.to_owned());
            let valid = rules::check_label(key, value).and_then(|()| rules::allow_label(key));
            let (key, value) = (key.to_owned(), value.to_owned());
            match valid {
                Ok(()) => drop(template.labels.insert(key, Tagged { value, origin })),
                Err(refusal) => template.problems.push(Problem {
                    origin,
                    about: About::Label {
                        key,
                        value: Some(value),
                    },
                    refusal,
                }),
            }
        }
        for (key, (tag, text)) in by_key(tags, &TAINT_TAGS) {
            let origin = origin(tag.to_owned());
            let key = key.to_owned();
            match rules::parse_taint(&key, text) {
                Ok(value) => drop(template.taints.insert(key, Tagged { value, origin })),
                Err(refusal) => template.problems.push(Problem {
                    origin,
                    about: About::Taint { key },
                    refusal,
                }),
            }
        }
        template
    }

    /// The labels with which the node of a machine of this group may register: those that its kubelet may set
    /// itself. The others come with the first patch.
    pub fn registration_labels(&self) -> BTreeMap<String, String> {
        self.labels
            .iter()
            .filter(|(key, _)| rules::kubelet_may_set(key) && self.label_mode(key).is_some())
            .map(|(key, label)| (key.clone(), label.value.clone()))
            .collect()
    }

    /// How long the label follows its source; `None` if nobody can tell.
    pub fn label_mode(&self, key: &str) -> Option<LabelMode> {
        self.label_modes.of(key)
    }

    /// How long the taint follows its source; `None` if nobody can tell.
    pub fn taint_mode(&self, key: &str) -> Option<TaintMode> {
        self.taint_modes.of(key)
    }
}

/// The tags that begin with one of `beginnings`, by the rest of their names.
fn by_key<'a>(
    tags: &'a BTreeMap<String, String>,
    beginnings: &[&str],
) -> BTreeMap<&'a str, (&'a str, &'a str)> {
    let mut found = BTreeMap::new();
    for beginning in beginnings {
        for (tag, value) in tags {
            if let Some(key) = tag.strip_prefix(beginning) {
                found.insert(key, (tag.as_str(), value.as_str()));
            }
        }
    }
    found
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::label) fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    pub(in crate::label) fn template(pairs: &[(&str, &str)]) -> Template {
        Template::of_group(&tags(pairs))
    }

    fn problems(template: &Template) -> Vec<String> {
        template.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn case_25_one_tag_that_can_not_be_a_label_leaves_the_other_nine() {
        let long = "x".repeat(64);
        for bad in ["two words", "a/b", long.as_str()] {
            let mut tags: BTreeMap<_, _> = (0..9)
                .map(|n| (format!("lamplighter:label/key-{n}"), format!("{n}")))
                .collect();
            tags.insert("lamplighter:label/bad".to_owned(), bad.to_owned());
            let template = Template::of_group(&tags);
            assert_eq!(template.labels.len(), 9);
            assert!(!template.labels.contains_key("bad"), "neither cut nor mangled");
            let [problem] = template.problems.as_slice() else {
                panic!("{:?}", template.problems)
            };
            assert_eq!(
                problem.to_string(),
                format!(
                    "group tag \"lamplighter:label/bad\": value {bad:?}: expected nothing, or at most 63 characters \
                     of A-Z a-z 0-9 - _ . that begin and end with a letter or digit"
                )
            );
        }
    }

    #[test]
    fn case_24_a_role_is_taken_and_the_control_plane_is_refused() {
        let of = |role: &str| {
            format!("k8s.io/cluster-autoscaler/node-template/label/node-role.kubernetes.io/{role}")
        };
        let template = template(&[(&of("batch"), ""), (&of("control-plane"), "")]);
        let keys: Vec<_> = template.labels.keys().collect();
        assert_eq!(keys, ["node-role.kubernetes.io/batch"]);
        assert!(problems(&template)[0].contains("for control-plane nodes"));
    }

    #[test]
    fn our_own_tag_counts_where_the_autoscalers_says_something_else() {
        let template = template(&[
            ("k8s.io/cluster-autoscaler/node-template/label/team", "not valid"),
            ("lamplighter:label/team", "b"),
            (
                "k8s.io/cluster-autoscaler/node-template/taint/gpu",
                "a:NoSchedule",
            ),
            ("lamplighter:taint/gpu", "b:NoExecute"),
            (
                "k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage",
                "20Gi",
            ),
        ]);
        assert_eq!(template.labels["team"].value, "b");
        assert_eq!(template.taints["gpu"].value.to_string(), "gpu=b:NoExecute");
        assert_eq!(problems(&template), Vec::<String>::new());
    }

    #[test]
    fn a_tag_without_a_key_names_itself() {
        let template = template(&[
            ("lamplighter:label/", "x"),
            ("lamplighter:taint/a b", "x:NoSchedule"),
        ]);
        let problems = problems(&template);
        assert!(problems[0].starts_with("group tag \"lamplighter:label/\": key \"\": expected"));
        assert!(problems[1].starts_with("group tag \"lamplighter:taint/a b\": key \"a b\": expected"));
    }

    #[test]
    fn a_node_registers_with_the_labels_that_its_kubelet_may_set() {
        let template = template(&[
            ("lamplighter:label/team", "payments"),
            ("lamplighter:label/node-role.kubernetes.io/batch", ""),
            ("lamplighter:label/x.node-restriction.kubernetes.io/pci", "true"),
        ]);
        assert_eq!(template.registration_labels(), tags(&[("team", "payments")]));
    }
}
