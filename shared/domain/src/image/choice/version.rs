//! What counts as a version, and which of two is the higher one.

use std::cmp::Ordering;
use std::fmt;

use super::natural::Number;

/// A version, as tags write it: `1.2.3`, `v1.2.3`, `1.4` (which is 1.4.0), each perhaps with a pre-release
/// after a hyphen.
///
/// A bare number is none: `7` may be a build, `20260101` a day, and 3 would be older than `2.1`. Leading
/// zeros are let pass, unlike in Semantic Versioning 2.0.0, since calendar versions have them: `2026.01`.
/// Numbers above [`u64::MAX`] make no version. Two texts may be one version, as `1.4` and `v1.4.0` are:
/// neither is newer.
///
/// ```
/// use domain::image::choice::Version;
/// let version = |text| Version::parse(text).unwrap();
/// assert!(version("1.10") > version("v1.9.3"));
/// assert!(version("2.0.0") > version("2.0.0-rc.11") && version("2.0.0-rc.11") > version("2.0.0-rc.2"));
/// assert!(Version::parse("20260101").is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number, 0 where it is not written.
    pub patch: u64,
    pre: String,
}

impl Version {
    /// Reads a tag, or what was extracted from one.
    pub fn parse(text: &str) -> Option<Self> {
        let written = Written::parse(text)?;
        let patch = match written.numbers.as_slice() {
            [_, _] => 0,
            [_, _, Part::Number(patch)] => *patch,
            _ => return None,
        };
        match written.numbers.as_slice() {
            [Part::Number(major), Part::Number(minor), ..] if written.build.is_none() => Some(Self {
                major: *major,
                minor: *minor,
                patch,
                pre: written.pre.to_owned(),
            }),
            _ => None,
        }
    }

    pub(super) fn new([major, minor, patch]: [u64; 3], pre: &str) -> Self {
        Self {
            major,
            minor,
            patch,
            pre: pre.to_owned(),
        }
    }

    /// What stands after the hyphen; empty if this is a release.
    pub fn pre_release(&self) -> &str {
        &self.pre
    }

    /// The three numbers.
    pub(super) fn numbers(&self) -> [u64; 3] {
        [self.major, self.minor, self.patch]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if self.pre.is_empty() {
            return Ok(());
        }
        write!(f, "-{}", self.pre)
    }
}

impl Ord for Version {
    /// The precedence of Semantic Versioning 2.0.0, point 11.
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers()
            .cmp(&other.numbers())
            .then_with(|| compare_pre_releases(&self.pre, &other.pre))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// Which of two pre-releases of one version comes later: none is the release itself, and so the last.
pub(super) fn compare_pre_releases(one: &str, other: &str) -> Ordering {
    match (one.is_empty(), other.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => one
            .split('.')
            .map(Identifier::of)
            .cmp(other.split('.').map(Identifier::of)),
    }
}

/// One part of a pre-release. Numbers come before words, as the order of the variants says.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(Number<'a>),
    Word(&'a str),
}

impl<'a> Identifier<'a> {
    fn of(text: &'a str) -> Self {
        Number::parse(text).map_or(Self::Word(text), Self::Number)
    }
}

/// One of the numbers of a version, or what stands for any in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Number(u64),
    Any,
}

/// A version as it is written, in a tag or in a range: up to three parts, a pre-release and build metadata.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub(super) numbers: Vec<Part>,
    pub(super) pre: &'a str,
    build: Option<&'a str>,
}

impl<'a> Written<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = match text.split_once('+') {
            Some((text, build)) => (text, Some(build)),
            None => (text, None),
        };
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (text, None),
        };
        if !pre.is_none_or(are_identifiers) || !build.is_none_or(are_identifiers) {
            return None;
        }
        let numbers: Vec<Part> = numbers.split('.').map(part).collect::<Option<_>>()?;
        (numbers.len() <= 3).then(|| Self {
            numbers,
            pre: pre.unwrap_or_default(),
            build,
        })
    }
}

fn part(text: &str) -> Option<Part> {
    if matches!(text, "x" | "X" | "*") {
        return Some(Part::Any);
    }
    // `parse` alone would also take a plus sign.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten().map(Part::Number)
}

fn are_identifiers(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(is_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_or_three_numbers_are_a_version_and_nothing_else_is() {
        let cases = [
            ("1.2.3", "1.2.3"),
            ("v1.2.3", "1.2.3"),
            ("1.4", "1.4.0"),
            ("v1.4", "1.4.0"),
            ("1.4-rc.1", "1.4.0-rc.1"),
            ("1.2.3-alpha", "1.2.3-alpha"),
            ("1.2.3--x-", "1.2.3--x-"),
            ("2026.01", "2026.1.0"),
            ("01.002.0003", "1.2.3"),
            ("18446744073709551615.0.0", "18446744073709551615.0.0"),
        ];
        for (text, expected) in cases {
            assert_eq!(Version::parse(text).unwrap().to_string(), expected, "{text}");
        }
        for text in [
            "",
            "v",
            "7",
            "v7",
            "20260101",
            "latest",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4",
            "V1.2",
            "vv1.2",
            "1.2.3-",
            "1.2.3-a..b",
            "1.2.3_x",
            "1.2.3-a_b",
            "1.2.3+build",
            "1.x",
            "1.*",
            "+1.2",
            "1.+2",
            "-1.2",
            "1.2a",
            "18446744073709551616.0.0",
            "1.٣",
            "main-1.2",
        ] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn versions_are_in_the_order_of_the_specification() {
        let ascending = [
            "0.9.9",
            "1.0.0-1",
            "1.0.0-9",
            "1.0.0-10",
            "1.0.0-99999999999999999999999999",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.9.0",
            "1.10.0",
            "2.0",
            "10.0",
        ];
        let versions: Vec<Version> = ascending
            .iter()
            .map(|text| Version::parse(text).unwrap())
            .collect();
        assert!(versions.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn one_version_may_be_written_in_several_ways() {
        for (one, other) in [
            ("1.4", "v1.4.0"),
            ("2026.01", "2026.1"),
            ("1.2.3-rc.01", "1.2.3-rc.1"),
        ] {
            assert_eq!(Version::parse(one), Version::parse(other), "{one}");
        }
    }
}
