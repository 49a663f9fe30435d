//! The AWS side of the world, with the real emulator.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod buckets;
mod common;
mod eks;
mod fleet;
mod judge;
mod networks;
mod parameters;
mod roles;
mod tools;
