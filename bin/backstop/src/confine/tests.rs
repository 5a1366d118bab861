//! On this machine's kernel, each lock on a thread of its own: it ends with the thread.

use super::{Held, PLACES, close_memory, hint, lock, place, places, preview};
use config::{Confine, RecordSink, Server};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("backstop-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    fn make(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

/// What happens on a thread that gave up everything but these places.
fn confined<T: Send + 'static>(
    places: Vec<PathBuf>,
    work: impl FnOnce(Held) -> T + Send + 'static,
) -> T {
    std::thread::spawn(move || work(lock(places))).join().unwrap()
}

fn kind<T>(result: std::io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// A kernel that cannot do it is no failure, and must not look like a proof either.
fn lacking(held: &Held, words: &str) {
    crate::out::say(&format!("not shown on this kernel: {held}"));
    assert!(held.to_string().contains(words), "{held}");
}

const REFUSED: Option<ErrorKind> = Some(ErrorKind::PermissionDenied);

#[test]
fn no_program_is_started_and_threads_are() {
    assert!(Command::new("true").status().unwrap().success(), "it is there to be started");
    let (held, direct, by_thread) = confined(Vec::new(), |held| {
        let start = || kind(Command::new("true").status());
        (held, start(), std::thread::spawn(start).join().unwrap())
    });
    match held.programs {
        Ok(()) => assert_eq!((direct, by_thread), (REFUSED, REFUSED)),
        Err(_) => lacking(&held, "it could start programs ("),
    }
    assert!(Command::new("true").status().unwrap().success(), "other threads are as they were");
}

#[test]
fn nothing_is_written_outside_the_folder_of_records() {
    let folder = Folder::new("confine");
    let (inside, outside) = (folder.make("inside"), folder.make("outside"));
    for place in [&inside, &outside] {
        std::fs::write(place.join("old"), "kept").unwrap();
    }
    let record = RecordSink::File(inside.join("records.jsonl").display().to_string());
    let server = Server { record, ..Server::default() };
    let allowed = places(&server);
    assert_eq!(allowed, [inside.as_path()]);
    let append = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
    let (held, within, without, read) = confined(allowed, move |held| {
        let within =
            [kind(append(&inside.join("records.jsonl"))), kind(append(&inside.join("old")))];
        let old = outside.join("old");
        let read = kind(std::fs::read(&old));
        let without = [
            kind(append(&outside.join("new"))),
            kind(append(&old)),
            kind(OpenOptions::new().write(true).truncate(true).open(&old)),
            kind(std::fs::rename(&old, outside.join("older"))),
            kind(std::fs::create_dir(outside.join("folder"))),
            kind(std::fs::remove_file(&old)),
        ];
        (held, within, without, read)
    });
    assert_eq!((within, read), ([None, None], None), "records are written, and reading stays");
    if held.files.is_ok() {
        assert_eq!(without, [REFUSED; 6]);
        assert_eq!(std::fs::read_to_string(folder.0.join("outside/old")).unwrap(), "kept");
    } else {
        lacking(&held, "could write files everywhere (");
    }
}

#[test]
fn devices_and_pipes_stand_for_themselves() {
    let folder = Folder::new("places");
    let check = |path: &Path, expected: &Path| assert_eq!(place(path), expected, "{path:?}");
    check(&folder.0.join("new.jsonl"), &folder.0);
    check(&folder.0.join("none/new.jsonl"), &folder.0.join("none"));
    check(Path::new("new.jsonl"), &std::env::current_dir().unwrap());
    check(Path::new("/dev/null"), Path::new("/dev/null"));
    std::os::unix::fs::symlink("/dev/null", folder.0.join("link")).unwrap();
    check(&folder.0.join("link"), &folder.0.join("link"));
    let opened = confined(vec![folder.0.join("link")], |_| {
        kind(OpenOptions::new().append(true).open("/dev/null"))
    });
    assert_eq!(opened, None);
}

#[test]
fn what_holds_is_said() {
    let held = |programs: Result<(), &str>, files: Result<(), &str>, places: &[&str]| Held {
        programs: programs.map_err(str::to_owned),
        files: files.map_err(str::to_owned),
        memory: Ok(()),
        places: places.iter().map(PathBuf::from).collect(),
    };
    for (held, expected) in [
        (held(Ok(()), Ok(()), &[]), "confined: it starts no program, writes no file"),
        (
            held(Ok(()), Ok(()), &["/var/log/backstop"]),
            "confined: it starts no program, writes files in /var/log/backstop only",
        ),
        (
            held(Ok(()), Err("no landlock"), &[]),
            "confined in part: it starts no program, could write files everywhere (no landlock)",
        ),
        (
            held(Err("no seccomp"), Err("no landlock"), &[]),
            "not confined: it could start programs (no seccomp), could write files everywhere (no landlock)",
        ),
    ] {
        assert_eq!(held.to_string(), format!("{expected}, shows its memory to nobody"));
    }
    let off = Server { confine: Confine::Off, ..Server::default() };
    assert_eq!(preview(&off), "not confined: server.confine is \"off\"");
    let auto = preview(&Server::default());
    assert!(auto.contains("confined") && auto.contains("it "), "{auto}");
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_closed_and_later_places_are_hinted_at() {
    use rustix::process::{DumpableBehavior, dumpable_behavior, set_dumpable_behavior};
    close_memory().unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    set_dumpable_behavior(DumpableBehavior::Dumpable).unwrap();

    let folder = Folder::new("hint");
    assert_eq!(hint(&folder.0.join("any")), "", "nothing was given up");
    PLACES.get_or_init(|| vec![folder.make("logs")]);
    assert_eq!(hint(&folder.0.join("logs/new.jsonl")), "");
    assert!(hint(&folder.0.join("new.jsonl")).contains("restart to allow it"));
    assert!(File::open(&folder.0).is_ok());
}
