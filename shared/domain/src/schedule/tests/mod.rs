//! Tests of the module as a whole.

use jiff::Timestamp;

use super::*;

mod cases;
mod edges;
mod errors;
mod grammar;
mod holidays;
mod places;
mod properties;
mod reasons;
mod scopes;
mod simulation;
mod zones;

/// Keys and values of a place.
type Values<'a> = &'a [(&'a str, &'a str)];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Spans without defaults.
fn spans(text: &str) -> Spans {
    Spans::parse(text, &Defaults::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn try_scope(origin: &str, values: &[(&str, &str)], context: &Context) -> Result<Scope, SettingError> {
    let lookup = |key: &'static str| {
        values
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    };
    Scope::read(origin, lookup, context)
}

fn scope(origin: &str, values: &[(&str, &str)]) -> Scope {
    try_scope(origin, values, &Context::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// What a workload says itself.
fn rules(values: &[(&str, &str)]) -> Rules {
    Rules::of(vec![scope("deployment shop/web", values)])
}

fn state(rules: &Rules, at: Timestamp) -> State {
    desired(rules, &Holidays::default(), at).state
}

/// The edges of a stretch of time without their reasons.
fn changes(rules: &Rules, holidays: &Holidays, from: &str, to: &str) -> Vec<(String, State)> {
    let edges = super::edges(rules, holidays, at(from), at(to));
    edges.iter().map(|edge| (edge.at.to_string(), edge.to)).collect()
}
