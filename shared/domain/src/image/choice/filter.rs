//! Which part of a tag says how new it is.

use super::Tag;
use super::pattern::Pattern;

/// `filter-tags` and `extract`: only tags that match are candidates, and what is extracted from them is what
/// is ordered, as in Flux. The tag itself is what is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub(super) pattern: Pattern,
    template: Option<Vec<Piece>>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The number of a group of the pattern.
    Group(usize),
}

impl Filter {
    pub(super) fn new(pattern: Pattern) -> Self {
        Self {
            pattern,
            template: None,
        }
    }

    /// Adds a template, in which `$name`, `${name}`, `$1` and `${1}` stand for groups of the pattern and `$$`
    /// for a dollar, as in Go's `Regexp.Expand`: a name without braces is as long as it can be, so that `$1x`
    /// is group `1x`. Unlike there, a group that does not exist is an error rather than nothing. The error is
    /// what was expected.
    pub(super) fn extracting(self, template: &str) -> Result<Self, String> {
        let pieces = pieces(template, &self.pattern)?;
        Ok(Self {
            template: Some(pieces),
            ..self
        })
    }

    /// What is ordered of this tag; `None` if it does not match. A group that takes no part in the match is
    /// empty.
    pub(super) fn text(&self, tag: &Tag) -> Option<String> {
        let captures = self.pattern.captures(tag.as_str())?;
        let Some(pieces) = &self.template else {
            return Some(tag.as_str().to_owned());
        };
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Group(number) => {
                    let found = captures.get(*number).map_or(&b""[..], |group| group.as_bytes());
                    text.push_str(&String::from_utf8_lossy(found));
                }
            }
        }
        Some(text)
    }
}

fn pieces(template: &str, pattern: &Pattern) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        pieces.push(Piece::Text(before.to_owned()));
        if let Some(after) = after.strip_prefix('$') {
            pieces.push(Piece::Text("$".to_owned()));
            rest = after;
            continue;
        }
        let (name, after) = name(after).ok_or("`$name`, `${name}` or `$1` for a group, `$$` for a dollar")?;
        let group = group(name, pattern).ok_or_else(|| {
            format!("only groups of filter-tags {pattern}, and it has no group {name}; `${{1}}x` ends a name")
        })?;
        pieces.push(Piece::Group(group));
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    if pieces.iter().any(|piece| matches!(piece, Piece::Group(_))) {
        Ok(pieces)
    } else {
        // Every tag would be as new as every other.
        Err("at least one group of filter-tags, such as `$1`".to_owned())
    }
}

/// The name after a dollar, and the rest.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (name, rest) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => text.split_at(text.find(|c| !is_inner(c)).unwrap_or(text.len())),
    };
    (!name.is_empty() && name.chars().all(is_inner)).then_some((name, rest))
}

fn group(name: &str, pattern: &Pattern) -> Option<usize> {
    let is_number = name == "0" || (!name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit()));
    if is_number {
        name.parse().ok().filter(|number| *number < pattern.groups())
    } else {
        pattern.group(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pattern: &str, template: &str) -> Result<Filter, String> {
        Filter::new(Pattern::parse(pattern).unwrap()).extracting(template)
    }

    #[test]
    fn a_template_is_filled_as_go_fills_it() {
        let pattern = r"^(?P<branch>[a-z]+)-(?P<sha>[0-9a-f]{7})-(?P<ts>\d+)(-rc)?$";
        let cases = [
            ("$ts", "1701"),
            ("${ts}", "1701"),
            ("$3", "1701"),
            ("${3}0", "17010"),
            ("$branch.$ts", "main.1701"),
            ("$1-${2}", "main-abcdef0"),
            ("$0", "main-abcdef0-1701"),
            ("a$$$ts", "a$1701"),
            ("$ts$4", "1701"),
        ];
        for (template, expected) in cases {
            let tag = Tag::parse("main-abcdef0-1701").unwrap();
            let text = filter(pattern, template).unwrap().text(&tag);
            assert_eq!(text.as_deref(), Some(expected), "{template}");
        }
        let other = Tag::parse("1.2.3").unwrap();
        assert_eq!(filter(pattern, "$ts").unwrap().text(&other), None);
    }

    #[test]
    fn a_template_that_names_no_group_is_refused() {
        for template in [
            "$5", "$x", "$1x", "$01", "${", "${}", "${a b}", "$", "a$", "$-", "a", "",
        ] {
            assert!(
                filter(r"^(?P<ts>\d+)-(.)-(.)-(.)$", template).is_err(),
                "{template}"
            );
        }
        assert_eq!(
            filter("^v(.*)$", "$1x").unwrap_err(),
            "only groups of filter-tags ^v(.*)$, and it has no group 1x; `${1}x` ends a name"
        );
    }

    #[test]
    fn a_pattern_matches_anywhere_in_a_tag() {
        let filter = Filter::new(Pattern::parse("rc").unwrap());
        let text = |tag| filter.text(&Tag::parse(tag).unwrap());
        assert_eq!(text("1.2-rc.1").as_deref(), Some("1.2-rc.1"));
        assert_eq!(text("1.2"), None);
    }
}
