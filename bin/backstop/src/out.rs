//! Standard output is data, standard error is talk: the only places that print.

use std::io::Write;

/// A line of talk.
pub(crate) fn say(line: &str) {
    // Where nobody can read it any more, there is nobody to tell.
    writeln!(std::io::stderr().lock(), "{line}").unwrap_or_default();
}

/// A line of data.
pub(crate) fn print(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
}

/// A part of a line of data, shown at once.
pub(crate) fn part(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
