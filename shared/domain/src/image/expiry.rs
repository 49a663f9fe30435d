//! Which rule of a repository's lifecycle policy an image that is gone may have fallen to.

use serde_json::Value;

use super::choice::Tag;
use crate::glob;

/// The longest description of a rule that is told, in characters.
const LONGEST: usize = 80;

/// What is to be said of an image that a repository does not hold any more: the rules of its lifecycle policy that may have
/// expired it, by priority, or that none is known to. `tag` is the one that we know of it; `is_moved` says that another image
/// has it now, and so that this one had it no longer, or was pushed anew after it expired.
///
/// By the properties of a lifecycle policy and how they are evaluated (Amazon ECR User Guide). An image that a rule selects by
/// its tags is left alone by the rules after it. It may have had more tags than the one that we know, so a rule of several tags
/// may have selected it, if ours is one of them. A rule that archives counts too: what is in the archive can't be pulled.
///
/// ```
/// use domain::image::{Tag, why_gone};
/// let policy = r#"{"rules":[{"rulePriority":2,"description":"ten releases","selection":{
///     "tagStatus":"tagged","tagPatternList":["1.*"],"countType":"imageCountMoreThan","countNumber":10}}]}"#;
/// let tag = Tag::parse("1.2.3").unwrap();
/// assert_eq!(why_gone(Some(policy), Some(&tag), false), "lifecycle rule 2 (ten releases) may have expired it");
/// ```
pub fn why_gone(policy: Option<&str>, tag: Option<&Tag>, is_moved: bool) -> String {
    let Some(policy) = policy else {
        return "the repository has no lifecycle policy now; somebody may have deleted it".to_owned();
    };
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let Some(rules) = policy["rules"].as_array() else {
        return "its lifecycle policy, which can't be read, may have expired it".to_owned();
    };
    let mut rules: Vec<&Value> = rules.iter().collect();
    rules.sort_by_key(|rule| rule["rulePriority"].as_u64());
    let mut selecting = Vec::new();
    for rule in rules {
        match selects(rule, tag.map(Tag::as_str), is_moved) {
            Selects::No => {}
            Selects::Perhaps => selecting.push(named(rule)),
            Selects::Surely => {
                selecting.push(named(rule));
                break;
            }
        }
    }
    if selecting.is_empty() {
        let known = tag.map_or_else(|| "it".to_owned(), |tag| format!("the tag {tag}"));
        return format!(
            "no rule of its lifecycle policy selects {known}; somebody may have deleted it, or a rule by another tag"
        );
    }
    format!("lifecycle {} may have expired it", selecting.join(" or "))
}

enum Selects {
    No,
    Perhaps,
    /// By its tags, so that no later rule touches it.
    Surely,
}

fn selects(rule: &Value, tag: Option<&str>, is_moved: bool) -> Selects {
    let selection = &rule["selection"];
    let entries = |list: &str| {
        let entries = selection[list].as_array().into_iter().flatten();
        entries.filter_map(Value::as_str).collect::<Vec<_>>()
    };
    let is_met = match (selection["tagStatus"].as_str(), tag) {
        (Some("any"), _) => true,
        (Some("untagged"), tag) => is_moved || tag.is_none(),
        (Some("tagged"), Some(tag)) => {
            let (prefixes, patterns) = (entries("tagPrefixList"), entries("tagPatternList"));
            let is_met = prefixes.iter().any(|prefix| tag.starts_with(prefix))
                || patterns.iter().any(|pattern| glob::matches(pattern, tag));
            if is_met && !is_moved && prefixes.len() + patterns.len() == 1 {
                return Selects::Surely;
            }
            is_met
        }
        _ => false,
    };
    if is_met { Selects::Perhaps } else { Selects::No }
}

fn named(rule: &Value) -> String {
    let number = &rule["rulePriority"];
    match rule["description"]
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        Some(text) => format!(
            "rule {number} ({})",
            text.chars().take(LONGEST).collect::<String>()
        ),
        None => format!("rule {number}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn policy() -> String {
        let rule = |priority: u32, description: &str, selection: Value| {
            json!({ "rulePriority": priority, "description": description, "selection": selection,
                    "action": { "type": "expire" } })
        };
        json!({ "rules": [
            rule(9, "a year", json!({ "tagStatus": "any" })),
            rule(1, "", json!({ "tagStatus": "untagged" })),
            rule(2, "ten releases", json!({ "tagStatus": "tagged", "tagPatternList": ["1.*", "2.*.0"] })),
            rule(3, "branches", json!({ "tagStatus": "tagged", "tagPrefixList": ["main-", "1.2"] })),
            rule(4, "drafts", json!({ "tagStatus": "tagged", "tagPrefixList": ["dev-"] })),
        ]})
        .to_string()
    }

    fn why(policy: &str, tag: Option<&str>, is_moved: bool) -> String {
        let tag = tag.map(|tag| Tag::parse(tag).unwrap());
        why_gone(Some(policy), tag.as_ref(), is_moved)
    }

    #[test]
    fn case_20_the_rules_that_may_have_expired_an_image_are_named_by_priority() {
        for (tag, is_moved, wanted) in [
            (Some("1.0.3"), false, "rule 2 (ten releases) or rule 9 (a year)"),
            (
                Some("1.2.3"),
                false,
                "rule 2 (ten releases) or rule 3 (branches) or rule 9 (a year)",
            ),
            (Some("2.1.0"), false, "rule 2 (ten releases) or rule 9 (a year)"),
            (Some("2.1.1"), false, "rule 9 (a year)"),
            (Some("main-7"), false, "rule 3 (branches) or rule 9 (a year)"),
            (Some("x-main-7"), false, "rule 9 (a year)"),
            (None, false, "rule 1 or rule 9 (a year)"),
            (
                Some("main-7"),
                true,
                "rule 1 or rule 3 (branches) or rule 9 (a year)",
            ),
            (Some("dev-7"), false, "rule 4 (drafts)"),
            (
                Some("dev-7"),
                true,
                "rule 1 or rule 4 (drafts) or rule 9 (a year)",
            ),
        ] {
            assert_eq!(
                why(&policy(), tag, is_moved),
                format!("lifecycle {wanted} may have expired it"),
                "{tag:?} {is_moved}"
            );
        }
    }

    #[test]
    fn case_20_where_no_rule_is_known_to_select_it_that_is_said() {
        let untagged = json!({ "rules": [{ "rulePriority": 1, "selection": { "tagStatus": "untagged" } }] });
        let told = why(&untagged.to_string(), Some("1.2.3"), false);
        assert!(
            told.starts_with("no rule of its lifecycle policy selects the tag 1.2.3; "),
            "{told}"
        );
        assert!(why(r#"{"rules":[]}"#, None, false).starts_with("no rule"));
        assert!(why_gone(None, None, false).starts_with("the repository has no lifecycle policy now"));
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_not_taken_for_none() {
        for text in ["", "{", "7", r#"{"rules":7}"#] {
            assert!(why(text, None, false).contains("can't be read"), "{text}");
        }
        let long = json!({ "rules": [{ "rulePriority": 1, "description": "é".repeat(300),
                                       "selection": { "tagStatus": "any" } }] });
        assert!(why(&long.to_string(), None, false).chars().count() < 150);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*", tag in proptest::option::of("[a-z0-9][a-z0-9.-]{0,20}"), is_moved: bool) {
            let tag = tag.map(|tag| Tag::parse(tag.as_str()).unwrap());
            prop_assert!(!why_gone(Some(&text), tag.as_ref(), is_moved).is_empty());
        }
    }
}
