//! The rules of one workload, read from what people write on it.

use super::pattern::Pattern;
use super::{Filter, Policy, TagMatch};

/// A rule that can't be read: nothing is chosen by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {value:?}: expected {expected}")]
pub struct RuleError {
    /// The field, as people write it: `filter-tags`.
    pub field: &'static str,
    /// What stands there.
    pub value: String,
    /// What was expected.
    pub expected: String,
}

/// The texts of the rules, as they are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts<'a> {
    /// See [`Policy::parse`].
    pub policy: &'a str,
    /// A regular expression, of which tags must match one part.
    pub filter_tags: Option<&'a str>,
    /// What of a tag is ordered, by the groups of the expression: `$1`.
    pub extract: Option<&'a str>,
    /// Which tags may be deployed, see [`TagMatch`]; `any` is all.
    pub allow_tags: Option<&'a str>,
    /// Which must not. `*` ignores all, and so pauses everything.
    pub ignore_tags: Option<&'a str>,
}

/// Which tag is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// By what it is chosen.
    pub policy: Policy,
    /// Which tags are candidates, and what of them is ordered.
    pub filter: Option<Filter>,
    /// Which candidates may be deployed; all, if none are named. What runs may be another.
    pub allow: Option<TagMatch>,
    /// Which must not.
    pub ignore: Option<TagMatch>,
    /// Which pre-releases may follow, where the policy leaves that open.
    pub pre_releases: PreReleases,
}

/// Which pre-releases `major`, `minor` and `patch` move to. `all` takes any, and a range says itself which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PreReleases {
    /// Those with the very pre-release part of what runs, as in keel: 1.3.0-alpha follows 1.2.0-alpha alone,
    /// and a release follows a release. So nothing follows 1.3.0-rc.1 but an rc.1; who wants rc.2 names a
    /// range, `semver:>=1.3.0-0`. From `latest`, and where nothing runs, only releases do.
    #[default]
    Equal,
    /// Any, as keel's `matchPreRelease: false`.
    Any,
}

impl Rules {
    /// Reads the rules. The first text that can't be read is the error.
    ///
    /// ```
    /// use domain::image::choice::{Rules, Texts};
    /// let texts = Texts { policy: "numerical", extract: Some("$1"), ..Texts::default() };
    /// assert_eq!(
    ///     Rules::read(&texts).unwrap_err().to_string(),
    ///     "extract \"$1\": expected filter-tags beside it, whose groups it names"
    /// );
    /// ```
    pub fn read(texts: &Texts<'_>) -> Result<Self, RuleError> {
        Ok(Self {
            policy: Policy::parse(texts.policy)?,
            filter: filter(texts)?,
            allow: match texts.allow_tags {
                None | Some("any") => None,
                Some(text) => Some(list("allow-tags", text)?),
            },
            ignore: match texts.ignore_tags {
                None => None,
                Some("any") => {
                    return Err(RuleError {
                        field: "ignore-tags",
                        value: "any".to_owned(),
                        expected: "`*` for every tag, `glob:any` for the one of that name".to_owned(),
                    });
                }
                Some(text) => Some(list("ignore-tags", text)?),
            },
            pre_releases: PreReleases::default(),
        })
    }
}

fn filter(texts: &Texts<'_>) -> Result<Option<Filter>, RuleError> {
    let extract_error = |expected: String| RuleError {
        field: "extract",
        value: texts.extract.unwrap_or_default().to_owned(),
        expected,
    };
    let Some(text) = texts.filter_tags else {
        return match texts.extract {
            None => Ok(None),
            Some(_) => Err(extract_error(
                "filter-tags beside it, whose groups it names".to_owned(),
            )),
        };
    };
    let pattern = Pattern::parse(text).map_err(|reason| RuleError {
        field: "filter-tags",
        value: text.to_owned(),
        expected: format!("a regular expression ({reason})"),
    })?;
    let filter = Filter::new(pattern);
    match texts.extract {
        None => Ok(Some(filter)),
        Some(template) => filter.extracting(template).map(Some).map_err(extract_error),
    }
}

fn list(field: &'static str, text: &str) -> Result<TagMatch, RuleError> {
    TagMatch::parse(text).map_err(|expected| RuleError {
        field,
        value: text.to_owned(),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_field_the_value_and_what_was_expected() {
        let good = Texts {
            policy: "minor",
            ..Texts::default()
        };
        let cases = [
            (
                Texts {
                    policy: "newest",
                    ..good
                },
                "policy \"newest\": expected major, minor, patch, all,",
            ),
            (
                Texts {
                    policy: "semver:1.x.3",
                    ..good
                },
                "policy \"semver:1.x.3\": expected comparisons such as `>=1.2 <2`",
            ),
            (
                Texts {
                    filter_tags: Some("("),
                    ..good
                },
                "filter-tags \"(\": expected a regular expression (unclosed group)",
            ),
            (
                Texts {
                    filter_tags: Some("^v(.*)$"),
                    extract: Some("$version"),
                    ..good
                },
                "extract \"$version\": expected only groups of filter-tags ^v(.*)$, and it has no group",
            ),
            (
                Texts {
                    extract: Some(""),
                    ..good
                },
                "extract \"\": expected filter-tags beside it",
            ),
            (
                Texts {
                    allow_tags: Some("[1-9]"),
                    ..good
                },
                "allow-tags \"[1-9]\": expected globs of",
            ),
            (
                Texts {
                    ignore_tags: Some("regexp:["),
                    ..good
                },
                "ignore-tags \"regexp:[\": expected a regular expression after `regexp:` (unclosed",
            ),
            (
                Texts {
                    ignore_tags: Some("any"),
                    ..good
                },
                "ignore-tags \"any\": expected `*` for every tag",
            ),
        ];
        for (texts, expected) in cases {
            let error = Rules::read(&texts).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn any_tag_is_allowed_where_none_is_named() {
        let read = |allow_tags| {
            Rules::read(&Texts {
                policy: "all",
                allow_tags,
                ..Texts::default()
            })
        };
        assert_eq!(read(Some("any")), read(None));
    }
}
