//! Placeholder.

pub mod fleet;
pub mod judge;
