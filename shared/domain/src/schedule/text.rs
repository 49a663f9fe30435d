//! A part of a text that knows where it stands in the whole, so that an error can point at it.

use std::ops::Range;

use super::error::{Rule, SpanError};

/// White space between the words of a span: what `\s` is in the regular expressions of Go.
pub(super) const BLANKS: [char; 5] = [' ', '\t', '\n', '\r', '\u{c}'];

/// A part of a text. Its bounds are always at characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    whole: &'a str,
    text: &'a str,
    start: usize,
}

impl<'a> Piece<'a> {
    /// All of a text.
    pub(super) fn new(whole: &'a str) -> Self {
        Self {
            whole,
            text: whole,
            start: 0,
        }
    }

    /// What it says.
    pub(super) fn text(self) -> &'a str {
        self.text
    }

    /// Where it stands in the whole, in bytes.
    pub(super) fn range(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Without the white space around it.
    pub(super) fn trim(self) -> Self {
        let text = self.text.trim_start();
        let skipped = self.text.len() - text.len();
        Self {
            text: text.trim_end(),
            start: self.start + skipped,
            ..self
        }
    }

    /// Its parts between separators.
    pub(super) fn split(self, separators: &'a [char]) -> impl Iterator<Item = Self> {
        let mut start = self.start;
        self.text.split(separators).map(move |text| {
            let part = Self { text, start, ..self };
            // Every separator that we use is one byte long.
            start += text.len() + 1;
            part
        })
    }

    /// The longest beginning whose characters all fit, and the rest.
    pub(super) fn split_while(self, fits: impl Fn(char) -> bool) -> (Self, Self) {
        let end = self.text.find(|c| !fits(c)).unwrap_or(self.text.len());
        self.split_at(end)
    }

    /// What comes after this beginning.
    pub(super) fn after(self, beginning: &str) -> Option<Self> {
        let text = self.text.strip_prefix(beginning)?;
        let start = self.start + beginning.len();
        Some(Self { text, start, ..self })
    }

    /// The parts before and after this separator where it stands first.
    pub(super) fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let (before, _) = self.text.split_once(separator)?;
        let (before, rest) = self.split_at(before.len());
        let (_, after) = rest.split_at(separator.len_utf8());
        Some((before, after))
    }

    /// The parts before and after this byte, which must begin a character or be the end.
    pub(super) fn split_at(self, at: usize) -> (Self, Self) {
        let (before, after) = self.text.split_at(at);
        let start = self.start + at;
        (
            Self { text: before, ..self },
            Self {
                text: after,
                start,
                ..self
            },
        )
    }

    /// Without the blanks at its beginning; nothing where there are none.
    pub(super) fn after_blanks(self) -> Option<Self> {
        let (blanks, rest) = self.split_while(|c| BLANKS.contains(&c));
        if blanks.text.is_empty() { None } else { Some(rest) }
    }

    /// The error that this place breaks this rule.
    pub(super) fn error(self, rule: Rule) -> SpanError {
        SpanError::new(self.whole, self.range(), rule)
    }
}
