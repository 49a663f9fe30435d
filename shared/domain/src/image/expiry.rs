//! Which rule of a repository's lifecycle policy an image that is gone may have fallen to.

use serde_json::Value;

use super::choice::Tag;
use crate::glob;

/// The longest description of a rule that is told, in characters.
const LONGEST: usize = 80;

/// What is to be said of an image that a repository does not hold any more: the rules of its lifecycle policy that select
/// such images, by priority, or that none does. `tag` is the one that it still had, or `None` if another has it now.
///
/// By the properties of a lifecycle policy (Amazon ECR User Guide). An image may have had more tags than the one that we
/// know, so a rule of several tags counts if ours is one of them. A rule that archives counts too: what is in the archive
/// can't be pulled.
///
/// ```
/// use domain::image::{Tag, why_gone};
/// let policy = r#"{"rules":[{"rulePriority":2,"description":"ten releases","selection":{
///     "tagStatus":"tagged","tagPatternList":["1.*"],"countType":"imageCountMoreThan","countNumber":10}}]}"#;
/// let tag = Tag::parse("1.2.3").unwrap();
/// assert_eq!(why_gone(Some(policy), Some(&tag)), "lifecycle rule 2 (ten releases) may have expired it");
/// ```
pub fn why_gone(policy: Option<&str>, tag: Option<&Tag>) -> String {
    let Some(policy) = policy else {
        return "the repository has no lifecycle policy, so somebody deleted it".to_owned();
    };
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let Some(rules) = policy["rules"].as_array() else {
        return "its lifecycle policy, which can't be read, may have expired it".to_owned();
    };
    let mut rules: Vec<&Value> = rules.iter().filter(|rule| selects(rule, tag)).collect();
    rules.sort_by_key(|rule| rule["rulePriority"].as_u64());
    if rules.is_empty() {
        return "no rule of its lifecycle policy selects it, so somebody deleted it".to_owned();
    }
    let named: Vec<String> = rules.into_iter().map(named).collect();
    format!("lifecycle {} may have expired it", named.join(" or "))
}

fn selects(rule: &Value, tag: Option<&Tag>) -> bool {
    let selection = &rule["selection"];
    let any = |list: &str, is_met: &dyn Fn(&str) -> bool| {
        let entries = selection[list].as_array().into_iter().flatten();
        entries.filter_map(Value::as_str).any(is_met)
    };
    match (selection["tagStatus"].as_str(), tag.map(Tag::as_str)) {
        (Some("any"), _) | (Some("untagged"), None) => true,
        (Some("tagged"), Some(tag)) => {
            any("tagPrefixList", &|prefix| tag.starts_with(prefix))
                || any("tagPatternList", &|pattern| glob::matches(pattern, tag))
        }
        _ => false,
    }
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
        ]})
        .to_string()
    }

    fn why(policy: &str, tag: Option<&str>) -> String {
        why_gone(Some(policy), tag.map(|tag| Tag::parse(tag).unwrap()).as_ref())
    }

    #[test]
    fn case_20_the_rules_that_select_an_image_are_named_by_priority() {
        for (tag, wanted) in [
            (Some("1.0.3"), "rule 2 (ten releases) or rule 9 (a year)"),
            (
                Some("1.2.3"),
                "rule 2 (ten releases) or rule 3 (branches) or rule 9 (a year)",
            ),
            (Some("2.1.0"), "rule 2 (ten releases) or rule 9 (a year)"),
            (Some("2.1.1"), "rule 9 (a year)"),
            (Some("main-7"), "rule 3 (branches) or rule 9 (a year)"),
            (Some("x-main-7"), "rule 9 (a year)"),
            (None, "rule 1 or rule 9 (a year)"),
        ] {
            assert_eq!(
                why(&policy(), tag),
                format!("lifecycle {wanted} may have expired it"),
                "{tag:?}"
            );
        }
    }

    #[test]
    fn case_20_where_no_rule_selects_it_somebody_deleted_it() {
        let deleted = "so somebody deleted it";
        let tagged = json!({ "rules": [{ "rulePriority": 1, "selection": { "tagStatus": "untagged" } }] });
        assert!(why(&tagged.to_string(), Some("1.2.3")).ends_with(deleted));
        assert!(why(r#"{"rules":[]}"#, None).ends_with(deleted));
        assert!(why_gone(None, None).ends_with(deleted));
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_not_taken_for_none() {
        for text in ["", "{", "7", r#"{"rules":7}"#] {
            assert!(why(text, None).contains("can't be read"), "{text}");
        }
        let long = json!({ "rules": [{ "rulePriority": 1, "description": "é".repeat(300),
                                       "selection": { "tagStatus": "any" } }] });
        assert!(why(&long.to_string(), None).chars().count() < 150);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*", tag in proptest::option::of("[a-z0-9][a-z0-9.-]{0,20}")) {
            let tag = tag.map(|tag| Tag::parse(tag.as_str()).unwrap());
            prop_assert!(!why_gone(Some(&text), tag.as_ref()).is_empty());
        }
    }
}
