//! The log and the metrics of a function: to standard error, and kept.

use std::io::Write as _;

use runtime::lines::{Lines, Memory};

/// Writes lines to standard error and keeps them. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder(Memory);

impl Recorder {
    /// Everything written so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lines()
    }
}

impl Lines for Recorder {
    fn write(&self, line: &str) {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
        self.0.write(line);
    }
}
