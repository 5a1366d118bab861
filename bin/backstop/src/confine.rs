//! What the serving process gives up before it serves: starting programs, writing files outside the
//! folder of its records, and showing its memory. Whoever takes it over finds little to do.
//!
//! **Invariants:** nothing that was given up comes back while the process lives. It is given up thread by
//! thread and inherited by new ones, so [`apply`] comes while there is one thread only; where there are
//! more, it is not said to hold.
//!
//! Absent: limits to reading and connecting. A reload may name new key files, new authorities and new
//! providers, and none of them is known before. Reading is for the user it runs as, and for the
//! service manager.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;

use crate::out;
use config::{Confine, RecordSink, Server};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What was given up, or for each thing why not.
#[derive(Debug)]
struct Held {
    programs: Result<(), String>,
    files: Result<(), String>,
    memory: Result<(), String>,
    /// Where files can be written.
    places: Vec<PathBuf>,
}

/// Where this process may write; unset while it may write everywhere.
static PLACES: OnceLock<Vec<PathBuf>> = OnceLock::new();

/// Confines this process as its configuration says. To be called before any thread is started.
pub(crate) fn apply(server: &Server) -> anyhow::Result<()> {
    if is_root() {
        out::say("running as root: it needs no rights of root, so give it a user of its own");
    }
    if server.confine == Confine::Off {
        return Ok(());
    }
    let mut held = lock(places(server));
    held.memory = close_memory();
    if is_threaded() {
        let why = || Err("other threads run already".to_owned());
        (held.programs, held.files) = (why(), why());
    }
    if server.confine == Confine::Required && !held.is_whole() {
        anyhow::bail!(
            "server.confine is \"required\", but {held}; use \"auto\" to do without what is missing"
        );
    }
    if held.files.is_ok() {
        PLACES.get_or_init(|| held.places.clone());
    }
    tracing::debug!("{held}");
    Ok(())
}

/// What [`apply`] would give on this machine: tried on a thread that ends with it.
pub(crate) fn preview(server: &Server) -> String {
    if server.confine == Confine::Off {
        return "not confined: server.confine is \"off\"".to_owned();
    }
    let places = places(server);
    let tried = std::thread::Builder::new().spawn(move || lock(places).to_string());
    let tried = tried.ok().and_then(|thread| thread.join().ok());
    tried.unwrap_or_else(|| "not confined: it could not be tried".to_owned())
}

/// What to add to a refusal to write a file that was not configured when the process started.
pub(crate) fn hint(path: &Path) -> &'static str {
    let place = place(path);
    let outside = |places: &Vec<PathBuf>| !places.iter().any(|allowed| place.starts_with(allowed));
    if PLACES.get().is_some_and(outside) {
        "; it was outside of what may be written when backstop started: restart to allow it"
    } else {
        ""
    }
}

/// Whether the folder of a file that is not there lets us make one.
pub(crate) fn may_create(path: &Path) -> io::Result<()> {
    let folder = folder(path).ok_or(io::ErrorKind::NotFound)?;
    #[cfg(target_os = "linux")]
    rustix::fs::access(&folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)?;
    #[cfg(not(target_os = "linux"))]
    folder.metadata()?;
    Ok(())
}

/// Locks the calling thread.
fn lock(places: Vec<PathBuf>) -> Held {
    #[cfg(target_os = "linux")]
    let (files, programs) = (files::lock(&places), calls::lock());
    #[cfg(not(target_os = "linux"))]
    let (files, programs) = {
        let why = || Err("this system has no way to give it up".to_owned());
        (why(), why())
    };
    Held { programs, files, memory: Ok(()), places }
}

/// Cores and `/proc/PID/mem` hold keys and prompts.
fn close_memory() -> Result<(), String> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| error.to_string())
    }
    #[cfg(not(target_os = "linux"))]
    Err("this system has no way to close it".to_owned())
}

fn is_root() -> bool {
    #[cfg(target_os = "linux")]
    {
        rustix::process::geteuid().is_root()
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Whether there is a second thread. Where there is no `/proc` to count in, there is none by construction.
fn is_threaded() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() > 1)
}

/// Where records are written, and where a successor finds us.
fn places(server: &Server) -> Vec<PathBuf> {
    let records = match &server.record {
        RecordSink::Stdout | RecordSink::Stderr | RecordSink::Off => None,
        RecordSink::File(path) => Some(place(Path::new(path))),
    };
    let handover = server.handover.as_ref().and_then(|path| folder(Path::new(path)));
    records.into_iter().chain(handover).collect()
}

/// Where a socket is made anew, whatever stands there now.
fn folder(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let folder = absolute.parent()?;
    Some(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()))
}

/// What must be writable for a file: its folder, since a file is rotated by making it anew; a device or
/// a pipe for itself.
fn place(path: &Path) -> PathBuf {
    if path.metadata().is_ok_and(|it| !it.is_file()) {
        return path.to_owned();
    }
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let file = path.canonicalize().unwrap_or_else(|_| absolute());
    let folder = file.parent().unwrap_or(&file);
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

// === impl Held ===

impl Held {
    fn is_whole(&self) -> bool {
        self.programs.is_ok() && self.files.is_ok() && self.memory.is_ok()
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = self.programs.is_err() && self.files.is_err();
        f.write_str(match (self.is_whole(), nothing) {
            (true, _) => "confined: ",
            (false, false) => "confined in part: ",
            (false, true) => "not confined: ",
        })?;
        match &self.programs {
            Ok(()) => f.write_str("it starts no program")?,
            Err(why) => write!(f, "it could start programs ({why})")?,
        }
        let places: Vec<_> = self.places.iter().map(|it| it.display().to_string()).collect();
        match &self.files {
            Ok(()) if places.is_empty() => f.write_str(", writes no file")?,
            Ok(()) => write!(f, ", writes files in {} only", places.join(" and "))?,
            Err(why) => write!(f, ", could write files everywhere ({why})")?,
        }
        match &self.memory {
            Ok(()) => f.write_str(", shows its memory to nobody"),
            Err(why) => write!(f, ", could show its memory ({why})"),
        }
    }
}

#[cfg(test)]
mod tests;
