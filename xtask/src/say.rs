//! What a chore says: data on standard output, talk on standard error.
//!
//! A reader that went away is not an error of the chore, so a failed write is dropped.

use std::fmt::Arguments;
use std::io::{Write, stderr, stdout};

/// A line that was asked for.
pub(crate) fn data(line: Arguments<'_>) {
    writeln!(stdout().lock(), "{line}").ok();
}

/// A line about the work.
pub(crate) fn talk(line: Arguments<'_>) {
    writeln!(stderr().lock(), "{line}").ok();
}
