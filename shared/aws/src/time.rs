//! Times as the SDKs have them, and as we have them.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// A time of an answer; none where it is beyond our calendar.
pub(crate) fn read(time: &DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
}
