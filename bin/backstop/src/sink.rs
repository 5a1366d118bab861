//! Where records go: into the counts, and as one line each to where the configuration says.

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
#[cfg(target_os = "linux")]
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How a record becomes a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Json,
    Human { colour: bool },
}

/// Opens the sink that the configuration names.
pub(crate) fn open(server: &Server, counts: Counts) -> anyhow::Result<Sink> {
    let (writer, terminal): (Box<dyn Write + Send>, bool) = match &server.record {
        RecordSink::Off => return Ok(Sink::new(move |record| counts.take(record))),
        RecordSink::Stdout => (Box::new(std::io::stdout()), std::io::stdout().is_terminal()),
        RecordSink::Stderr => (Box::new(std::io::stderr()), std::io::stderr().is_terminal()),
        RecordSink::File(path) => {
            let path = PathBuf::from(path);
            let hint = || confine::hint(&path);
            let file = unblocked(OpenOptions::new().create(true), &path);
            let file =
                file.with_context(|| format!("server.record: {}{}", path.display(), hint()))?;
            (Box::new(file), false)
        }
    };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none();
    Ok(lines(writer, form(server.record_as, terminal, colour), counts))
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
    probed.with_context(|| format!("server.record: {}", path.display()))
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
fn lines(mut writer: Box<dyn Write + Send>, form: Form, counts: Counts) -> Sink {
    let mut missing: u64 = 0;
    Sink::new(move |record| {
        // Counted first: what hangs later hides nothing.
        counts.take(record);
        match write(&mut writer, form, record) {
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

/// One write, so that lines of several writers do not mix.
fn write(writer: &mut dyn Write, form: Form, record: &Record) -> std::io::Result<()> {
    let mut line = match form {
        Form::Json => monitor::json(record)?,
        Form::Human { colour } => monitor::human(record, colour).into_bytes(),
    };
    line.push(b'\n');
    writer.write_all(&line)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::{Form, form};
    use config::RecordAs;

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
