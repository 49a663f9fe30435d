//! Sizes as the SDKs have them, with signs, and as we have them, without.

use domain::offhours::Capacity;

use crate::error::{Call, Error};

/// The three sizes of an answer.
pub(crate) fn read(
    min: Option<i32>,
    desired: Option<i32>,
    max: Option<i32>,
    call: &Call,
) -> Result<Capacity, Error> {
    let size = |what: &str, value: Option<i32>| {
        let value = call.must(what, value)?;
        u32::try_from(value).map_err(|_| call.unexpected(format!("{what} {value}: expected 0 or more")))
    };
    Ok(Capacity {
        min: size("minimum size", min)?,
        desired: size("desired size", desired)?,
        max: size("maximum size", max)?,
    })
}

/// A size for a request.
pub(crate) fn write(size: u32, call: &Call) -> Result<i32, Error> {
    i32::try_from(size).map_err(|error| call.not_sent(error))
}
