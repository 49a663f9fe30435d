//! Regular expressions and globs over tags.

use std::fmt;

use regex::bytes::{Captures, Regex, RegexBuilder};

use crate::glob;

/// The most memory that one compiled expression may take, in bytes. Those for tags need some kilobytes; a
/// repetition of repetitions, written by mistake or on purpose, would take the function's memory.
const LARGEST: usize = 1 << 20;

/// A regular expression, which may match anywhere in a tag, as Go's do. Its classes are ASCII, as Go's are,
/// and as tags are.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles an expression. The error is what is wrong with it, in a few words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let compiled = RegexBuilder::new(text).unicode(false).size_limit(LARGEST).build();
        compiled.map(Self).map_err(|error| wrong_with(&error))
    }

    /// Whether it matches some part of a text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }

    pub(super) fn captures<'a>(&self, text: &'a str) -> Option<Captures<'a>> {
        self.0.captures(text.as_bytes())
    }

    /// The number of the group of this name.
    pub(super) fn group(&self, name: &str) -> Option<usize> {
        self.0.capture_names().position(|group| group == Some(name))
    }

    /// How many groups there are, the whole match among them.
    pub(super) fn groups(&self) -> usize {
        self.0.captures_len()
    }
}

/// What is wrong with an expression, in a few words: a syntax error shows the place on lines of its own, and ends with the
/// rule.
pub(crate) fn wrong_with(error: &regex::Error) -> String {
    let shown = error.to_string();
    let last = shown.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// A list of patterns, of which a tag is to match one.
///
/// Its text has commas between the entries. Each is a glob, with or without `glob:` before it, that must
/// match the whole tag and in which `*` stands for any characters and `?` for one; or `regexp:` and an
/// expression, which reaches to the end of the text, commas and all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagMatch {
    text: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Glob(String),
    Pattern(Pattern),
}

impl TagMatch {
    /// What a list is, for error messages.
    const EXPECTED: &str = "globs of letters, digits, _ . - * and ? with commas between them, perhaps a \
                            regular expression after `regexp:` at the end";

    /// Parses a list. The error is what was expected.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut entries = Vec::new();
        let mut rest = text;
        loop {
            rest = rest.trim_start();
            if let Some(expression) = rest.strip_prefix("regexp:") {
                let pattern = Pattern::parse(expression)
                    .map_err(|reason| format!("a regular expression after `regexp:` ({reason})"))?;
                entries.push(Entry::Pattern(pattern));
                break;
            }
            let (entry, after) = rest
                .split_once(',')
                .map_or((rest, None), |(entry, after)| (entry, Some(after)));
            let entry = entry.trim_end();
            let glob = entry.strip_prefix("glob:").unwrap_or(entry);
            if !is_glob(glob) {
                return Err(Self::EXPECTED.to_owned());
            }
            entries.push(Entry::Glob(glob.to_owned()));
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
        Ok(Self {
            text: text.to_owned(),
            entries,
        })
    }

    /// Whether one of the entries matches.
    pub(super) fn matches(&self, tag: &str) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Glob(glob) => glob::matches(glob, tag),
            Entry::Pattern(pattern) => pattern.matches(tag),
        })
    }
}

impl fmt::Display for TagMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A glob of anything that no tag can have would match nothing, and so is a mistake.
fn is_glob(text: &str) -> bool {
    let is_inner =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'*' | b'?');
    !text.is_empty() && text.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_the_whole_tag() {
        let cases = [
            ("*", "1.2.3", true),
            ("v*", "v10", true),
            ("v*", "10", false),
            ("*-dev", "1.2-dev", true),
            ("*-dev", "1.2-dev-1", false),
            ("1.?.3", "1.2.3", true),
            ("1.?.3", "1.10.3", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("latest", "latest", true),
            ("latest", "latest-1", false),
            ("1.2", "1x2", false),
            ("**", "x", true),
            ("x?", "x", false),
        ];
        for (glob, tag, expected) in cases {
            assert_eq!(
                TagMatch::parse(glob).unwrap().matches(tag),
                expected,
                "{glob} {tag}"
            );
        }
    }

    #[test]
    fn a_list_matches_if_one_of_its_entries_does() {
        let list = TagMatch::parse("1.*, glob:main-?,regexp:^x{1,2}$").unwrap();
        for tag in ["1.2", "main-7", "x", "xx"] {
            assert!(list.matches(tag), "{tag}");
        }
        for tag in ["2.1", "main-77", "xxx"] {
            assert!(!list.matches(tag), "{tag}");
        }
        assert!(!TagMatch::parse("regexp:a,b").unwrap().matches("a"));
        assert!(
            TagMatch::parse("regexp:rc").unwrap().matches("1.2-rc.1"),
            "anywhere"
        );
    }

    #[test]
    fn a_list_that_can_match_nothing_is_refused() {
        for text in [
            "",
            " ",
            ",",
            "a,",
            "a,,b",
            "[a-z]*",
            "a b",
            "glob:",
            "ä",
            "regexp:(",
            "a,regexp:[",
        ] {
            assert!(TagMatch::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn classes_are_those_of_ascii_and_an_expression_has_a_largest_size() {
        assert!(Pattern::parse(r"^\d+$").unwrap().matches("12"));
        assert!(!Pattern::parse(r"^\d+$").unwrap().matches("١٢"));
        assert_eq!(Pattern::parse("(").unwrap_err(), "unclosed group");
        assert!(Pattern::parse("((a{1000}){1000}){1000}").is_err());
    }
}
