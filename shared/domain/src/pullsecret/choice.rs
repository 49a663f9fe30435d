//! Which namespaces get the Secret.

use super::name::listed;
use super::selector::Selector;
use crate::glob;
use crate::ids::InvalidId;
use crate::offhours::Namespace;

/// Namespaces of the cluster itself. A glob or a label does not mean them; their names do.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// Names of namespaces, or globs: `*` is any run of characters, `?` is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns(Vec<String>);

impl Patterns {
    /// Parses names and globs with commas or spaces between them.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let pattern = |part: &str| {
            let is_valid = part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '*' | '?'));
            if is_valid {
                return Ok(part.to_owned());
            }
            Err(InvalidId {
                what: "namespace",
                value: part.to_owned(),
                expected: "a name, or a glob of lower-case letters, digits, -, * and ?",
            })
        };
        listed(text).map(pattern).collect::<Result<_, _>>().map(Self)
    }

    fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| glob::matches(pattern, name))
    }

    fn names(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern == name)
    }
}

/// Which namespaces are chosen: by a name, a glob or their labels, and not excluded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// By name.
    pub names: Patterns,
    /// By label; `None` chooses nothing.
    pub selector: Option<Selector>,
    /// Never these, whatever chooses them.
    pub exclude: Patterns,
}

impl Choice {
    /// Whether the namespace gets the Secret. One that is being deleted takes no new one.
    pub fn chooses(&self, namespace: &Namespace) -> bool {
        let name = namespace.name.as_str();
        if self.exclude.matches(name) || namespace.deleted.is_some() {
            return false;
        }
        if SYSTEM.contains(&name) {
            return self.names.names(name);
        }
        let by_label = |selector: &Selector| selector.matches(&namespace.labels);
        self.names.matches(name) || self.selector.as_ref().is_some_and(by_label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(name: &str, team: &str) -> Namespace {
        Namespace {
            name: name.to_owned(),
            labels: [("team".to_owned(), team.to_owned())].into(),
            annotations: [].into(),
            deleted: None,
        }
    }

    fn choice(names: &str, exclude: &str, selector: Option<&str>) -> Choice {
        Choice {
            names: Patterns::parse(names).unwrap(),
            selector: selector.map(|text| Selector::parse(text).unwrap()),
            exclude: Patterns::parse(exclude).unwrap(),
        }
    }

    #[test]
    fn a_namespace_is_chosen_by_name_glob_or_label_and_an_excluded_one_never() {
        for (names, exclude, selector, chosen) in [
            ("shop", "", None, "shop"),
            ("shop, mail", "", None, "shop mail"),
            ("shop-*", "", None, "shop-a shop-b"),
            ("shop-?", "shop-b", None, "shop-a"),
            ("*", "shop*", None, "mail"),
            ("*", "", None, "shop shop-a shop-b mail"),
            ("", "", Some("team=red"), "shop mail"),
            ("shop-a", "mail", Some("team=red"), "shop shop-a"),
            ("kube-system", "", Some("team=red"), "kube-system shop mail"),
            ("kube-*", "", None, ""),
            ("kube-system", "kube-*", None, ""),
            ("", "", None, ""),
            ("s*p-*b", "", None, "shop-b"),
        ] {
            let choice = choice(names, exclude, selector);
            let all = [
                ("kube-system", "red"),
                ("shop", "red"),
                ("shop-a", "blue"),
                ("shop-b", "blue"),
                ("mail", "red"),
            ];
            let found = all
                .iter()
                .filter(|(name, team)| choice.chooses(&namespace(name, team)));
            let mut found: Vec<&str> = found.map(|(name, _)| *name).collect();
            let mut expected: Vec<&str> = chosen.split_whitespace().collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{names:?} but {exclude:?}, {selector:?}");
        }
    }

    #[test]
    fn a_namespace_that_is_being_deleted_is_not_chosen() {
        let going = Namespace {
            deleted: Some(jiff::Timestamp::UNIX_EPOCH),
            ..namespace("shop", "red")
        };
        assert!(!choice("shop", "", None).chooses(&going));
    }

    #[test]
    fn what_is_no_name_or_glob_is_named_with_the_rule() {
        let error = Patterns::parse("shop,Shop_1").unwrap_err().to_string();
        assert!(
            error.starts_with("namespace \"Shop_1\": expected a name, or a glob"),
            "{error}"
        );
    }

    #[test]
    fn a_glob_of_many_stars_ends_soon() {
        let pattern = "*a".repeat(60);
        let name = "a".repeat(59) + "b";
        assert!(!glob::matches(&pattern, &name));
        assert!(glob::matches(&pattern, &"a".repeat(60)));
    }
}
