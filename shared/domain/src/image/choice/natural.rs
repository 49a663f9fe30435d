//! Natural-number order: the numbers within a text count as numbers, whatever their length.

use std::cmp::Ordering;
use std::fmt;

/// A number of any length, by its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    /// A text of digits alone.
    pub(super) fn parse(digits: &'a str) -> Option<Self> {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self(digits.trim_start_matches('0')))
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), self.0).cmp(&(other.0.len(), other.0))
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What stands around the numbers of a text, each of which is shown as `#`: `main-#`. Two texts can be
/// ordered by their numbers only if this is the same in both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape(Vec<String>);

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("#"))
    }
}

/// A text by its shape and, within one shape, by its numbers from left to right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Natural {
    pub(super) shape: Shape,
    numbers: Vec<BigNumber>,
}

/// An owned [`Number`]: its digits without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BigNumber(String);

impl Ord for BigNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        Number(&self.0).cmp(&Number(&other.0))
    }
}

impl PartialOrd for BigNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Natural {
    /// Reads a text; `None` if it has no digit.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut shape = vec![String::new()];
        let mut numbers = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, from) = rest.split_at(start);
            let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
            let (digits, after) = from.split_at(end);
            if let Some(last) = shape.last_mut() {
                last.push_str(before);
            }
            shape.push(String::new());
            numbers.push(BigNumber(digits.trim_start_matches('0').to_owned()));
            rest = after;
        }
        if let Some(last) = shape.last_mut() {
            last.push_str(rest);
        }
        (!numbers.is_empty()).then_some(Self {
            shape: Shape(shape),
            numbers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn natural(text: &str) -> Natural {
        Natural::parse(text).unwrap()
    }

    #[test]
    fn numbers_of_any_length_are_compared_as_numbers() {
        for (lower, higher) in [
            ("main-9", "main-20"),
            ("v9", "v10"),
            ("2026.9", "2026.10"),
            ("1-999999999999999999999999", "1-1000000000000000000000000"),
            ("a1b2", "a2b1"),
            ("0", "1"),
            ("009", "10"),
        ] {
            assert!(natural(lower) < natural(higher), "{lower}");
            assert_eq!(natural(lower).shape, natural(higher).shape);
        }
        assert_eq!(natural("v09"), natural("v9"));
        assert_eq!(natural("000"), natural("0"));
    }

    #[test]
    fn the_shape_is_what_stands_around_the_numbers() {
        for (text, shape) in [
            ("main-9", "main-#"),
            ("9", "#"),
            ("1.2.3-rc1", "#.#.#-rc#"),
            ("7a", "#a"),
        ] {
            assert_eq!(natural(text).shape.to_string(), shape);
        }
        assert_ne!(natural("main-9").shape, natural("9-main").shape);
        assert_ne!(natural("1#").shape, natural("1").shape);
        assert_eq!(Natural::parse(""), None);
        assert_eq!(Natural::parse("latest"), None);
        assert_eq!(Natural::parse("٣"), None);
    }
}
