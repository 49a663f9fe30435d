//! How long labels and taints follow their sources, as the tags of a group say.

use std::collections::BTreeMap;

use super::problem::{About, Origin, Problem};
use super::rules::Refusal;

/// How long a label follows its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelMode {
    /// For the life of the node: changed and removed with the source, and put back when somebody edits it.
    #[default]
    Live,
    /// Set once, when the node is initialised. What becomes of it then is the cluster's own affair.
    Launch,
}

/// How long a taint follows its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TaintMode {
    /// Set once, when the node is initialised. Whoever removes it later has done so for good.
    #[default]
    OnInitialization,
    /// For the life of the node.
    Always,
}

/// A mode, as tags write it.
pub(super) trait Mode: Copy + Default {
    /// The tag for all keys; with a slash and a key behind it, for one.
    const TAG: &'static str;
    /// The words.
    const EXPECTED: &'static str;

    /// Reads a word.
    fn parse(word: &str) -> Option<Self>;

    /// What a tag that says an unknown word is about.
    fn about(key: Option<&str>) -> About;
}

impl Mode for LabelMode {
    const TAG: &'static str = "lamplighter:label-mode";
    const EXPECTED: &'static str = "live or launch";

    fn parse(word: &str) -> Option<Self> {
        match word {
            "live" => Some(Self::Live),
            "launch" => Some(Self::Launch),
            _ => None,
        }
    }

    fn about(key: Option<&str>) -> About {
        match key {
            None => About::Labels,
            Some(key) => About::Label {
                key: key.to_owned(),
                value: None,
            },
        }
    }
}

impl Mode for TaintMode {
    const TAG: &'static str = "lamplighter:taint-mode";
    const EXPECTED: &'static str = "on-initialization or always";

    fn parse(word: &str) -> Option<Self> {
        match word {
            "on-initialization" => Some(Self::OnInitialization),
            "always" => Some(Self::Always),
            _ => None,
        }
    }

    fn about(key: Option<&str>) -> About {
        match key {
            None => About::Taints,
            Some(key) => About::Taint { key: key.to_owned() },
        }
    }
}

/// The mode of a group, and those of single keys. `None` stands for a word that nobody knows: what it is for is
/// left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Modes<M> {
    of_all: Option<M>,
    by_key: BTreeMap<String, Option<M>>,
}

impl<M: Default> Default for Modes<M> {
    fn default() -> Self {
        Self {
            of_all: Some(M::default()),
            by_key: BTreeMap::new(),
        }
    }
}

impl<M: Mode> Modes<M> {
    /// Reads the tags of a group, and adds what is wrong with them to `problems`.
    pub(super) fn read(tags: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Self {
        let mut modes = Self::default();
        for (tag, word) in tags {
            let Some(rest) = tag.strip_prefix(M::TAG) else {
                continue;
            };
            let key = match rest.strip_prefix('/') {
                None if rest.is_empty() => None,
                Some(key) => Some(key),
                None => continue,
            };
            let mode = M::parse(word);
            if mode.is_none() {
                problems.push(Problem {
                    origin: Origin::GroupTag(tag.clone()),
                    about: M::about(key),
                    refusal: Refusal::Mode {
                        mode: word.clone(),
                        expected: M::EXPECTED,
                    },
                });
            }
            match key {
                None => modes.of_all = mode,
                Some(key) => drop(modes.by_key.insert(key.to_owned(), mode)),
            }
        }
        modes
    }

    /// The mode of `key`.
    pub(super) fn of(&self, key: &str) -> Option<M> {
        self.by_key.get(key).copied().unwrap_or(self.of_all)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tags::tests::template;
    use super::*;

    #[test]
    fn a_key_has_its_own_mode_or_that_of_its_group_or_the_default() {
        let plain = template(&[]);
        assert_eq!(plain.label_mode("team"), Some(LabelMode::Live));
        assert_eq!(plain.taint_mode("gpu"), Some(TaintMode::OnInitialization));
        let tagged = template(&[
            ("lamplighter:label-mode", "launch"),
            ("lamplighter:label-mode/team", "live"),
            ("lamplighter:taint-mode", "always"),
            ("lamplighter:taint-mode/gpu", "on-initialization"),
            ("lamplighter:label-models", "x"),
        ]);
        assert_eq!(tagged.label_mode("team"), Some(LabelMode::Live));
        assert_eq!(tagged.label_mode("other"), Some(LabelMode::Launch));
        assert_eq!(tagged.taint_mode("gpu"), Some(TaintMode::OnInitialization));
        assert_eq!(tagged.taint_mode("other"), Some(TaintMode::Always));
        assert_eq!(tagged.problems, vec![]);
    }

    #[test]
    fn an_unknown_mode_is_told_and_is_no_mode() {
        let template = template(&[
            ("lamplighter:label-mode/team", "sometimes"),
            ("lamplighter:taint-mode", "Always"),
        ]);
        assert_eq!(template.label_mode("team"), None);
        assert_eq!(template.label_mode("other"), Some(LabelMode::Live));
        assert_eq!(template.taint_mode("gpu"), None);
        let problems: Vec<_> = template.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "group tag \"lamplighter:label-mode/team\": mode \"sometimes\": expected live or launch",
                "group tag \"lamplighter:taint-mode\": mode \"Always\": expected on-initialization or always",
            ]
        );
    }
}
