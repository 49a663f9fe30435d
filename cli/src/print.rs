//! Standard output is the answer, standard error is about the answer.

use std::io::Write as _;

use serde::Serialize;

/// Prints the answer. A closed standard output, as of `| head`, leaves nobody to tell.
pub(crate) fn text(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Prints the answer for a script.
pub(crate) fn json(answer: &impl Serialize) {
    match serde_json::to_string_pretty(answer) {
        Ok(json) => text(&format!("{json}\n")),
        Err(error) => complain(&error.to_string()),
    }
}

/// Prints the answer for a script, on one line.
pub(crate) fn json_line(answer: &impl Serialize) {
    match serde_json::to_string(answer) {
        Ok(json) => text(&format!("{json}\n")),
        Err(error) => complain(&error.to_string()),
    }
}

/// Says what is wrong.
pub(crate) fn complain(what: &str) {
    let _ = writeln!(std::io::stderr().lock(), "lamplighter: {what}");
}
