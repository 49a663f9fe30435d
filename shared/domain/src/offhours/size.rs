//! How large a resource is, awake and asleep.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The sizes of a group of machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// No fewer machines than this.
    pub min: u32,
    /// So many are wanted.
    pub desired: u32,
    /// No more than this.
    pub max: u32,
}

impl Capacity {
    /// These sizes.
    pub const fn new(min: u32, desired: u32, max: u32) -> Self {
        Self { min, desired, max }
    }

    /// Parses `<min>-<desired>-<max>`, as tags carry it.
    ///
    /// ```
    /// use domain::offhours::Capacity;
    /// assert_eq!(Capacity::parse("2-4-10").unwrap(), Capacity::new(2, 4, 10));
    /// assert!(Capacity::parse("4-2-10").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidSize> {
        let invalid = |rule| InvalidSize {
            value: text.to_owned(),
            rule,
        };
        let mut parts = text.trim().split('-').map(str::parse);
        match [parts.next(), parts.next(), parts.next(), parts.next()] {
            [Some(Ok(min)), Some(Ok(desired)), Some(Ok(max)), None] if min <= desired && desired <= max => {
                Ok(Self { min, desired, max })
            }
            [Some(Ok(_)), Some(Ok(_)), Some(Ok(_)), None] => {
                Err(invalid("min, desired and max in rising order"))
            }
            _ => Err(invalid("<min>-<desired>-<max> like 2-4-10")),
        }
    }

    /// The smaller of each of the three.
    #[must_use]
    pub(super) fn at_most(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            desired: self.desired.min(other.desired),
            max: self.max.min(other.max),
        }
    }

    /// Whether no machine is wanted: asleep already, or never used.
    pub const fn is_zero(self) -> bool {
        self.min == 0 && self.desired == 0
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.min, self.desired, self.max)
    }
}

/// How large a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// Machines, of a group or a node group.
    Capacity(Capacity),
    /// Pods of a Deployment or a StatefulSet; of a HorizontalPodAutoscaler, its `minReplicas`.
    Replicas(u32),
    /// Whether a CronJob starts Jobs.
    Schedule(Switch),
    /// Whether a database runs.
    Power(Switch),
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// Active.
    On,
    /// Suspended or stopped.
    Off,
}

impl Size {
    /// Whether nothing runs at this size: nothing that could be put to sleep, and nothing that may ever be saved.
    pub const fn is_zero(self) -> bool {
        match self {
            Self::Capacity(capacity) => capacity.is_zero(),
            Self::Replicas(replicas) => replicas == 0,
            Self::Schedule(switch) | Self::Power(switch) => matches!(switch, Switch::Off),
        }
    }
}

impl Size {
    /// The most machines that are allowed, of a group.
    pub(super) const fn max(self) -> Option<u32> {
        match self {
            Self::Capacity(capacity) => Some(capacity.max),
            Self::Replicas(_) | Self::Schedule(_) | Self::Power(_) => None,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity(capacity) => capacity.fmt(f),
            Self::Replicas(replicas) => replicas.fmt(f),
            Self::Schedule(Switch::On) => f.write_str("active"),
            Self::Schedule(Switch::Off) => f.write_str("suspended"),
            Self::Power(Switch::On) => f.write_str("running"),
            Self::Power(Switch::Off) => f.write_str("stopped"),
        }
    }
}

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("size {value:?}: expected {rule}")]
pub struct InvalidSize {
    /// The text.
    pub value: String,
    /// The rule.
    pub rule: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capacity_is_three_numbers_that_rise() {
        for good in ["0-0-0", "1-1-1", "0-3-10"] {
            assert_eq!(Capacity::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "", "1", "1-2", "1-2-3-4", "2-1-3", "1-4-3", "-1-2-3", "a-b-c", "1,2,3",
        ] {
            assert!(Capacity::parse(bad).is_err(), "{bad}");
        }
    }
}
