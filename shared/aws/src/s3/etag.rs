//! Which content an object has.

use std::fmt;

/// Which content an object has, as S3 names it: another content has another one. Nothing else can be read from it;
/// it is the content's digest only where S3 feels like it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(String);

impl ETag {
    /// The one that S3 writes so, in quotes or without: some answers have them, and all requests must.
    ///
    /// ```
    /// use aws::s3::ETag;
    /// assert_eq!(ETag::new("\"6805f2cf\""), ETag::new("6805f2cf"));
    /// ```
    pub fn new(text: &str) -> Self {
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        Self(bare.unwrap_or(text).to_owned())
    }

    /// As a condition names it.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
