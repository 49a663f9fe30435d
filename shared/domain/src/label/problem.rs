//! Where a label or a taint comes from, and what may be wrong there.

use std::fmt;

use super::rules::Refusal;

/// Where a label, a taint or a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A fact of EC2.
    Ec2,
    /// The group's name.
    Group,
    /// The function's configuration.
    Configuration,
    /// A tag of the group.
    GroupTag(String),
    /// A tag of the instance.
    InstanceTag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec2 => f.write_str("EC2"),
            Self::Group => f.write_str("the group's name"),
            Self::Configuration => f.write_str("the configuration"),
            Self::GroupTag(tag) => write!(f, "group tag {tag:?}"),
            Self::InstanceTag(tag) => write!(f, "instance tag {tag:?}"),
        }
    }
}

/// What is wrong with what a source says. Nothing is done about the key that it is for: it is neither set nor
/// changed nor removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {refusal}")]
pub struct Problem {
    /// Where it says so.
    pub origin: Origin,
    /// What it is for.
    pub about: About,
    /// Why not.
    pub refusal: Refusal,
}

/// What a problem is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The label of this key, which was to have this value.
    Label {
        /// Its key.
        key: String,
        /// The value that was asked for; none where the problem is its mode.
        value: Option<String>,
    },
    /// The taints of this key.
    Taint {
        /// Their key.
        key: String,
    },
    /// Every label without a mode of its own.
    Labels,
    /// Every taint without a mode of its own.
    Taints,
}
