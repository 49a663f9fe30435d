//! Where log lines and metrics go: one line at a time, whole.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes whole lines.
pub trait Lines: Send + Sync {
    /// Writes `line`, which has no line break of its own.
    fn write(&self, line: &str);
}

/// Standard output, which Lambda copies to the log group line by line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stdout;

impl Lines for Stdout {
    fn write(&self, line: &str) {
        let mut whole = String::with_capacity(line.len() + 1);
        whole.push_str(line);
        whole.push('\n');
        // One write, so that lines never mix. A closed standard output leaves nobody to tell.
        let _ = std::io::stdout().lock().write_all(whole.as_bytes());
    }
}

/// Keeps the lines, for tests. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<String>>>);

impl Memory {
    /// Everything written so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Lines for Memory {
    fn write(&self, line: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.to_owned());
    }
}
