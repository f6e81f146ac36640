//! What the tests say of themselves: figures, seeds, and what was skipped.

use std::io::{Write, stderr};

/// Prints a line past the capture of the test harness: it is always seen.
pub(crate) fn tell(line: &str) {
    drop(writeln!(stderr().lock(), "walkthroughs: {line}"));
}
