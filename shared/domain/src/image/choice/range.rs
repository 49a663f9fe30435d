//! Ranges of versions, as Flux and Argo CD Image Updater read them: by the rules of the Go library
//! Masterminds/semver, 3.4.
//!
//! Two liberties of the library are refused, since they say nothing clear: a number after a wildcard,
//! `1.x.3`, and a comparison with every version, `<*`. And `^*` is every version, as the library documents
//! it.

use std::cmp::Ordering;
use std::fmt;

use super::version::{Part, Version, Written, compare_pre_releases};

/// The longest range, in bytes, and the most alternatives of one: the limits of the library.
const LONGEST: usize = 512;
const MOST_ALTERNATIVES: usize = 32;

/// What a range is, for error messages.
const EXPECTED: &str = "comparisons such as `>=1.2 <2`, `~1.4`, `^1.2.3`, `1.x`, `1.2 - 1.4.5`, joined by \
                        spaces or commas, and `||` between alternatives";

/// A text that is no range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("range {0:?}: expected {EXPECTED}")]
pub struct RangeError(pub String);

impl RangeError {
    /// What a range is.
    pub fn expected(&self) -> &'static str {
        EXPECTED
    }
}

/// A range of versions.
///
/// ```
/// use domain::image::choice::{Fit, Range, Version};
/// let range = Range::parse(">=1.2 <2 || ~3.1")?;
/// let fit = |text| range.fit(&Version::parse(text).unwrap());
/// assert_eq!(fit("1.9.0"), Fit::Inside);
/// assert_eq!(fit("3.2.0"), Fit::Outside);
/// assert_eq!(fit("3.1.7-rc.1"), Fit::PreRelease);
/// # Ok::<(), domain::image::choice::RangeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    text: String,
    alternatives: Vec<Vec<Comparison>>,
}

/// How a version lies to a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// In it.
    Inside,
    /// In it but for being a pre-release, which the range does not ask for.
    PreRelease,
    /// Not in it.
    Outside,
}

impl Range {
    /// Parses a range. A version alone is exactly that one, `1.0.0`; one that leaves numbers out stands for
    /// all that begin so, `1.2` for `1.2.x`.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let error = || RangeError(text.to_owned());
        let parts: Vec<&str> = text.split("||").collect();
        if text.len() > LONGEST || parts.len() > MOST_ALTERNATIVES {
            return Err(error());
        }
        let alternatives: Option<_> = parts.into_iter().map(comparisons).collect();
        Ok(Self {
            text: text.trim().to_owned(),
            alternatives: alternatives.ok_or_else(error)?,
        })
    }

    /// How a version lies to this range. A pre-release is inside only where one of the comparisons that it
    /// meets together names a pre-release too: `>=1.0.0-0 <2` asks for them.
    pub fn fit(&self, version: &Version) -> Fit {
        let is_release = version.pre_release().is_empty();
        let met = self
            .alternatives
            .iter()
            .filter(|all| all.iter().all(|comparison| comparison.holds(version)));
        let mut fit = Fit::Outside;
        for comparisons in met {
            let names_one = |comparison: &Comparison| !comparison.version.pre_release().is_empty();
            if is_release || comparisons.iter().any(names_one) {
                return Fit::Inside;
            }
            fit = Fit::PreRelease;
        }
        fit
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    operator: Operator,
    /// With zeros for the numbers that are not written.
    version: Version,
    written: Precision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    /// None, or `=`.
    Equal,
    NotEqual,
    Greater,
    Less,
    AtLeast,
    AtMost,
    Tilde,
    Caret,
}

/// By their beginnings, the longer before the shorter.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::AtLeast),
    ("=>", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("=<", Operator::AtMost),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

/// How many of the numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    None,
    Major,
    Minor,
    Patch,
}

/// Comparisons that a version must meet together: separated by spaces, by commas or by both.
fn comparisons(text: &str) -> Option<Vec<Comparison>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    loop {
        let (operator, after) = operator(rest);
        let (version, after) = word(after.trim_start());
        let next = after.trim_start();
        let (upper, is_range) = match next.strip_prefix('-') {
            Some(upper) if next.len() < after.len() && upper.starts_with(char::is_whitespace) => {
                (upper, true)
            }
            Some(_) | None => (next, false),
        };
        let mut after = after;
        if is_range {
            let (last, beyond) = word(upper.trim_start());
            operator.is_none().then_some(())?;
            found.push(Comparison::parse(Operator::AtLeast, version)?);
            found.push(Comparison::parse(Operator::AtMost, last)?);
            after = beyond;
        } else {
            found.push(Comparison::parse(operator.unwrap_or(Operator::Equal), version)?);
        }
        let next = after.trim_start();
        if next.is_empty() {
            return Some(found);
        }
        rest = next.strip_prefix(',').unwrap_or(next).trim_start();
    }
}

fn operator(text: &str) -> (Option<Operator>, &str) {
    OPERATORS
        .iter()
        .find_map(|&(sign, operator)| Some((Some(operator), text.strip_prefix(sign)?)))
        .unwrap_or((None, text))
}

/// Everything up to a space or a comma, and the rest.
fn word(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| c.is_whitespace() || c == ',')
        .unwrap_or(text.len());
    text.split_at(end)
}

impl Comparison {
    fn parse(operator: Operator, text: &str) -> Option<Self> {
        let written = Written::parse(text)?;
        let mut numbers = [0; 3];
        let mut count = 0;
        let mut is_open = false;
        for part in &written.numbers {
            match part {
                Part::Any => is_open = true,
                Part::Number(_) if is_open => return None,
                Part::Number(number) => {
                    *numbers.get_mut(count)? = *number;
                    count += 1;
                }
            }
        }
        let precision = match count {
            0 => Precision::None,
            1 => Precision::Major,
            2 => Precision::Minor,
            _ => Precision::Patch,
        };
        let takes_all = match operator {
            Operator::Equal | Operator::AtLeast | Operator::Tilde | Operator::Caret => true,
            Operator::NotEqual | Operator::Greater | Operator::Less | Operator::AtMost => false,
        };
        (takes_all || precision != Precision::None).then(|| Self {
            operator,
            version: Version::new(numbers, written.pre),
            written: precision,
        })
    }

    /// Whether a version meets it, pre-release or not.
    fn holds(&self, version: &Version) -> bool {
        let order = version.cmp(&self.version);
        match self.operator {
            Operator::Equal if self.written == Precision::Patch => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => order != Ordering::Less && self.is_near(version),
            Operator::NotEqual => !self.is_meant(version),
            Operator::Greater if self.written == Precision::Patch => order == Ordering::Greater,
            Operator::Greater => self.leading(version) > self.leading(&self.version),
            Operator::Less => order == Ordering::Less,
            Operator::AtLeast => order != Ordering::Less,
            Operator::AtMost if self.written == Precision::Patch => order != Ordering::Greater,
            Operator::AtMost => self.leading(version) <= self.leading(&self.version),
            Operator::Caret => order != Ordering::Less && self.is_compatible(version),
        }
    }

    /// The numbers of a version that are written in this comparison.
    fn leading(&self, version: &Version) -> Vec<u64> {
        let count = match self.written {
            Precision::None => 0,
            Precision::Major => 1,
            Precision::Minor => 2,
            Precision::Patch => 3,
        };
        version.numbers().into_iter().take(count).collect()
    }

    /// The upper end of `~`: the last number that is written may grow, but for the first, and `~0.0.0` is
    /// every version.
    fn is_near(&self, version: &Version) -> bool {
        match self.written {
            Precision::None => true,
            Precision::Major => version.major == self.version.major,
            Precision::Minor => self.leading(version) == self.leading(&self.version),
            Precision::Patch => {
                self.version.numbers() == [0; 3]
                    || (version.major, version.minor) == (self.version.major, self.version.minor)
            }
        }
    }

    /// What `!=` rules out. Of two numbers and a pre-release, only that pre-release of each.
    fn is_meant(&self, version: &Version) -> bool {
        let is_same_pre_release =
            || compare_pre_releases(version.pre_release(), self.version.pre_release()) == Ordering::Equal;
        self.leading(version) == self.leading(&self.version)
            && (matches!(self.written, Precision::None | Precision::Major) || is_same_pre_release())
    }

    /// The upper end of `^`: the first number that is not zero stays, or the last that is written.
    fn is_compatible(&self, version: &Version) -> bool {
        let [major, minor, patch] = self.version.numbers();
        match self.written {
            Precision::None => true,
            Precision::Major => version.major == major,
            Precision::Minor | Precision::Patch if major > 0 => version.major == major,
            Precision::Minor => (version.major, version.minor) == (0, minor),
            Precision::Patch if minor > 0 => (version.major, version.minor) == (0, minor),
            Precision::Patch => version.numbers() == [0, 0, patch],
        }
    }
}

#[cfg(test)]
mod tests;
