//! Which tag is to run, decided from any text: nothing panics, and what holds of every choice holds.

#![no_main]

use domain::image::choice;
use libfuzzer_sys::fuzz_target;

#[path = "../../../shared/domain/src/image/choice/tests/invariants.rs"]
mod invariants;

fuzz_target!(|text: &str| invariants::check(text));
