//! The AWS side of the world, with the real emulator.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is missing, and measures time"
)]

mod buckets;
mod common;
mod databases;
mod eks;
mod fleet;
mod judge;
mod networks;
mod nodegroups;
mod objects;
mod parameters;
mod roles;
mod rules;
mod schedules;
mod tools;
