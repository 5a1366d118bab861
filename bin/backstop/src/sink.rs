//! Where records go: one JSON line each.

use crate::confine;
use anyhow::Context;
use config::RecordSink;
use gateway::Sink;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// Opens the sink that the configuration names.
pub(crate) fn open(sink: &RecordSink) -> anyhow::Result<Sink> {
    let writer: Box<dyn Write + Send> = match sink {
        RecordSink::Off => return Ok(Sink::new(|_| {})),
        RecordSink::Stdout => Box::new(std::io::stdout()),
        RecordSink::Stderr => Box::new(std::io::stderr()),
        RecordSink::File(path) => {
            let path = PathBuf::from(path);
            let file = OpenOptions::new().create(true).append(true).open(&path);
            let hint = || confine::hint(&path);
            Box::new(file.with_context(|| format!("server.record: {}{}", path.display(), hint()))?)
        }
    };
    Ok(lines(writer))
}

/// A record that cannot be written (a full disk) costs nobody an answer. The first failure is said,
/// and so is the end of it.
fn lines(mut writer: Box<dyn Write + Send>) -> Sink {
    let mut missing: u64 = 0;
    Sink::new(move |record| {
        let written =
            serde_json::to_vec(record).map_err(std::io::Error::from).and_then(|mut line| {
                line.push(b'\n');
                writer.write_all(&line)?;
                writer.flush()
            });
        match written {
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
            }
        }
    })
}
