//! Where records go: into the counts, and as one line each to where the configuration says.
//!
//! **Invariant:** what is counted as written is a line of its own, also behind one that was cut.

use crate::around::is_pipe;
use crate::confine;
use crate::console::Counts;
use anyhow::Context;
use config::{RecordAs, RecordSink, Server};
use gateway::Sink;
use ir::Record;
use std::fs::{File, OpenOptions};
#[cfg(target_os = "linux")]
use std::io::Error;
use std::io::{ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
#[cfg(target_os = "linux")]
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How a record becomes a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Json,
    Human { colour: bool },
}

/// Lines one behind the other, whatever found no room.
struct Lines<W> {
    /// It keeps nothing back: what it says it took is written.
    writer: W,
    /// The file as it was found, to be looked at before the first line. Who wrote there before may have
    /// been cut in the middle of one, and until then may still be writing.
    found: Option<File>,
    /// Whether the last line has no end.
    cut: bool,
}

/// Opens the sink that the configuration names.
pub(crate) fn open(server: &Server, counts: Counts) -> anyhow::Result<Sink> {
    let mut found = None;
    let (writer, terminal): (Box<dyn Write + Send>, bool) = match &server.record {
        RecordSink::Off => return Ok(Sink::new(move |record| counts.take(record))),
        RecordSink::Stdout => {
            // Not `Stdout`: that keeps the rest of what was cut, and nobody could say what was written.
            let stdout = std::io::stdout();
            let file = stdout.as_fd().try_clone_to_owned().context("server.record: stdout")?;
            (Box::new(File::from(file)), stdout.is_terminal())
        }
        RecordSink::Stderr => (Box::new(std::io::stderr()), std::io::stderr().is_terminal()),
        RecordSink::File(path) => {
            let path = PathBuf::from(path);
            let hint = || confine::hint(&path);
            let file = unblocked(OpenOptions::new().create(true), &path).map_err(advised);
            let file =
                file.with_context(|| format!("server.record: {}{}", path.display(), hint()))?;
            // Whoever may only write there goes on behind what he cannot see.
            found = file.metadata()?.is_file().then(|| File::open(&path).ok()).flatten();
            (Box::new(file), false)
        }
    };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none();
    let lines = Lines { writer, found, cut: false };
    Ok(sink(lines, form(server.record_as, terminal, colour), counts))
}

/// Says whether this user could write records here and now, and makes no file for that. A pipe is left
/// alone: its reader would take our leaving for an end.
pub(crate) fn probe(server: &Server) -> anyhow::Result<()> {
    let RecordSink::File(path) = &server.record else { return Ok(()) };
    let path = Path::new(path);
    if is_pipe(path) {
        return Ok(());
    }
    let probed = match unblocked(&mut OpenOptions::new(), path) {
        Err(error) if error.kind() == ErrorKind::NotFound => confine::may_create(path),
        opened => opened.map(drop),
    };
    probed.map_err(advised).with_context(|| format!("server.record: {}", path.display()))
}

/// The same, with what to do about it.
fn advised(error: Error) -> Error {
    let advice = if error.kind() == ErrorKind::NotFound {
        "make its folder, or name another"
    } else if error.kind() == ErrorKind::IsADirectory {
        "name a file in it"
    } else {
        return error;
    };
    Error::other(format!("{error}; {advice}"))
}

/// Opens a file to add to it. Whoever opens a pipe would wait until somebody reads it; writing is for a
/// thread that may wait.
fn unblocked(options: &mut OpenOptions, path: &Path) -> std::io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        let opened = options.custom_flags(libc::O_NONBLOCK).append(true).open(path);
        let file = opened.map_err(|error| {
            let unread = error.raw_os_error() == Some(libc::ENXIO) && is_pipe(path);
            if unread { Error::other("it is a pipe that nobody reads") } else { error }
        })?;
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        Ok(file)
    }
    #[cfg(not(target_os = "linux"))]
    options.append(true).open(path)
}

fn form(wanted: RecordAs, terminal: bool, colour: bool) -> Form {
    match (wanted, terminal) {
        (RecordAs::Human, _) | (RecordAs::Auto, true) => Form::Human { colour },
        (RecordAs::Json, _) | (RecordAs::Auto, false) => Form::Json,
    }
}

/// A record that cannot be written (a full disk) costs nobody an answer. The first failure is said,
/// and so is the end of it.
fn sink(mut lines: Lines<Box<dyn Write + Send>>, form: Form, counts: Counts) -> Sink {
    let mut missing: u64 = 0;
    Sink::new(move |record| {
        // Counted first: what hangs later hides nothing.
        counts.take(record);
        match line(form, record).and_then(|line| lines.add(line)) {
            Ok(()) if missing != 0 => {
                crate::out::say(&format!("records are written again; {missing} are missing"));
                missing = 0;
            }
            Ok(()) => {}
            Err(error) => {
                if missing == 0 {
                    crate::out::say(&format!("records cannot be written: {error}"));
                }
                missing += 1;
                counts.unwritten();
            }
        }
    })
}

fn line(form: Form, record: &Record) -> std::io::Result<Vec<u8>> {
    Ok(match form {
        Form::Json => monitor::json(record)?,
        Form::Human { colour } => monitor::human(record, colour).into_bytes(),
    })
}

/// Whether a file ends in the middle of a line. What cannot be read is presumed whole.
fn is_cut(file: &File) -> bool {
    let last = file.metadata().ok().and_then(|it| it.len().checked_sub(1));
    let mut byte = *b"\n";
    last.is_some_and(|at| file.read_exact_at(&mut byte, at).is_ok() && byte != *b"\n")
}

// === impl Lines ===

impl<W: Write> Lines<W> {
    /// Adds a line, which comes without its end. One write, so that lines of several writers do not
    /// mix. What was cut is ended first; it is not cut off, since others may have written behind it.
    fn add(&mut self, mut line: Vec<u8>) -> std::io::Result<()> {
        if let Some(found) = self.found.take() {
            self.cut = is_cut(&found);
        }
        if self.cut {
            line.insert(0, b'\n');
        }
        line.push(b'\n');
        let mut rest = line.as_slice();
        let mut written = Ok(());
        while let (Ok(()), [_, ..]) = (&written, rest) {
            match self.writer.write(rest) {
                Ok(0) => written = Err(ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    let (put, left) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
                    self.cut = !put.ends_with(b"\n");
                    rest = left;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => written = Err(error),
            }
        }
        // A line that lacks its end alone is there, and the next brings it.
        if rest == b"\n" { Ok(()) } else { written }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Lines, form, is_cut};
    use config::RecordAs;
    use std::fs::{File, OpenOptions, read, remove_file, write};
    use std::io::{Error, ErrorKind, Write};

    /// A disk that is full, takes what finds room, and is given some once it has refused.
    #[derive(Debug)]
    struct Disk {
        text: Vec<u8>,
        rooms: Vec<usize>,
    }

    impl Write for Disk {
        fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
            let Some(room) = self.rooms.first_mut() else {
                self.text.extend_from_slice(text);
                return Ok(text.len());
            };
            if *room == 0 {
                self.rooms.remove(0);
                return Err(Error::from(ErrorKind::StorageFull));
            }
            let taken = text.len().min(*room);
            *room -= taken;
            self.text.extend_from_slice(&text[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Promise: wherever a disk becomes full, and full again, each record that is not counted as lost
    /// stands there as a line, and no other does.
    #[test]
    fn what_is_not_lost_is_a_line() {
        let records = ["first", "second", "third", "fourth"];
        for rooms in (0..20).flat_map(|first| (0..9).map(move |second| vec![first, second])) {
            let disk = Disk { text: Vec::new(), rooms: rooms.clone() };
            let mut lines = Lines { writer: disk, found: None, cut: false };
            let written = |it: &&&str| lines.add(it.as_bytes().to_vec()).is_ok();
            let whole: Vec<&str> = records.iter().filter(written).copied().collect();
            let text = String::from_utf8(lines.writer.text).unwrap();
            let read: Vec<&str> = text.lines().filter(|it| records.contains(it)).collect();
            assert_eq!(read, whole, "{rooms:?} {text:?}");
            assert!(!text.contains("\n\n") && !text.starts_with('\n'), "{rooms:?} {text:?}");
        }
    }

    /// Promise: a file that ends in half a line, by whoever wrote there before, costs no record.
    #[test]
    fn a_half_line_that_was_found_is_ended() {
        let path = std::env::temp_dir().join(format!("backstop-sink-{}", std::process::id()));
        for (before, cut, after) in [
            ("", false, "new\nnext\n"),
            ("old\n", false, "old\nnew\nnext\n"),
            ("old\nhal", true, "old\nhal\nnew\nnext\n"),
        ] {
            write(&path, before).unwrap();
            let found = File::open(&path).unwrap();
            assert_eq!(is_cut(&found), cut, "{before:?}");
            let writer = OpenOptions::new().append(true).open(&path).unwrap();
            let mut lines = Lines { writer, found: Some(found), cut: false };
            for line in ["new", "next"] {
                lines.add(line.as_bytes().to_vec()).unwrap();
            }
            assert_eq!(String::from_utf8(read(&path).unwrap()).unwrap(), after);
        }
        remove_file(&path).unwrap();
    }

    #[test]
    fn people_read_terminals() {
        let human = Form::Human { colour: false };
        for (wanted, terminal, expect) in [
            (RecordAs::Auto, true, human),
            (RecordAs::Auto, false, Form::Json),
            (RecordAs::Json, true, Form::Json),
            (RecordAs::Human, false, human),
        ] {
            assert_eq!(form(wanted, terminal, false), expect, "{wanted:?} {terminal}");
        }
        assert_eq!(form(RecordAs::Auto, true, true), Form::Human { colour: true });
    }
}
