//! The outside, as the configuration asks for it: environment, files, and which file is read.

use crate::cli::{ConfigArgs, FallbackArg};
use crate::{discover, out};
use anyhow::Context;
use config::{Access, Config, Problem, Surroundings};
use std::cell::RefCell;
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The real environment and the real disk.
#[derive(Debug, Default)]
pub(crate) struct Around {
    /// Which files were asked for.
    files: RefCell<Vec<Seen>>,
}

pub(crate) use Around as Surrounding;

/// A configuration and where it came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// The file; `None` where the environment was used.
    pub(crate) path: Option<PathBuf>,
    /// What it says; empty where there is none.
    pub(crate) text: String,
    /// The files that it was made from: itself, and the keys and certificates that it names.
    pub(crate) files: Vec<Seen>,
}

/// A file, and how it looked before it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) path: PathBuf,
    look: Option<Look>,
}

/// What tells a file from one that was changed, without reading it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Look {
    inode: u64,
    modified: (i64, i64),
    /// Also moved by whoever changes its owner or its mode.
    changed: (i64, i64),
    length: u64,
}

/// Why there is no configuration.
#[derive(Debug)]
pub(crate) enum Unloaded {
    /// What is wrong with it, each with its line; and the files that it was to be made from.
    Problems(Option<PathBuf>, Vec<Problem>, Vec<Seen>),
    /// It cannot be read, or must not be used.
    Failed(anyhow::Error),
}

/// A secret or a configuration larger than this is neither.
const FILE_MAX: u64 = 16 << 20;

// === impl Around ===

impl Surroundings for Around {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let path = Path::new(path);
        self.files.borrow_mut().push(Seen::now(path));
        // Whoever opens a pipe waits for somebody to write, and a reload would wait for ever.
        if is_pipe(path) {
            return Err("it is a pipe, which cannot be read again".to_owned());
        }
        read(path).map_err(|error| error.to_string())
    }

    fn access(&self, path: &str) -> Access {
        access(Path::new(path))
    }
}

/// Where secrets are mounted for a container, open to all within: there are no others.
const MOUNTED: [&str; 2] = ["/run/secrets", "/var/run/secrets"];
/// The bits of a file's mode that are for everybody.
const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_ENTER: u32 = 0o001;

/// What others may do with a file. A pipe or a device is nobody's file; what cannot be looked at is
/// told where it is read.
fn access(path: &Path) -> Access {
    let Ok(path) = path.canonicalize() else { return Access::Closed };
    let mode = |path: &Path| path.metadata().ok().map(|seen| (seen.is_file(), seen.mode()));
    let Some((true, bits)) = mode(&path) else { return Access::Closed };
    if bits & OTHERS_WRITE != 0 {
        return Access::Write;
    }
    let closed = |folder: &Path| mode(folder).is_some_and(|(_, bits)| bits & OTHERS_ENTER == 0);
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let mounted = MOUNTED.iter().map(PathBuf::from).chain(credentials);
    let out_of_reach = path.ancestors().skip(1).any(closed);
    if bits & OTHERS_READ == 0
        || out_of_reach
        || mounted.filter_map(|it| it.canonicalize().ok()).any(|it| path.starts_with(it))
    {
        return Access::Closed;
    }
    Access::Read
}

// === impl Seen ===

impl Seen {
    /// How it looks now; also where it is not there.
    pub(crate) fn now(path: &Path) -> Self {
        let look = path.metadata().ok().map(|seen| Look {
            inode: seen.ino(),
            modified: (seen.mtime(), seen.mtime_nsec()),
            changed: (seen.ctime(), seen.ctime_nsec()),
            length: seen.len(),
        });
        Self { path: path.to_owned(), look }
    }
}

/// Whether somebody else is at the other end of it.
pub(crate) fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.file_type().is_fifo())
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    // One byte more than may be: devices and pipes have no length to ask for.
    std::fs::File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if FILE_MAX < text.len() as u64 {
        return Err(std::io::Error::other(format!("it is larger than {FILE_MAX} bytes")));
    }
    Ok(text)
}

/// The configuration, or `None` after every problem was said.
pub(crate) async fn load(args: &ConfigArgs) -> anyhow::Result<Option<Loaded>> {
    match try_load(args).await {
        Ok(loaded) => Ok(Some(loaded)),
        Err(Unloaded::Problems(path, problems, _)) => {
            say_all(path.as_deref(), &problems);
            Ok(None)
        }
        Err(Unloaded::Failed(error)) => Err(error),
    }
}

/// The configuration, or everything that is wrong with it.
pub(crate) async fn try_load(args: &ConfigArgs) -> Result<Loaded, Unloaded> {
    try_load_asking(args, true).await
}

/// The same; `asks` is whether local servers may be asked if they are there, where no file names any.
pub(crate) async fn try_load_asking(args: &ConfigArgs, asks: bool) -> Result<Loaded, Unloaded> {
    let path = find(args)?;
    let around = Around::default();
    around.files.borrow_mut().extend(path.as_deref().map(Seen::now));
    let text = match &path {
        Some(path) => read(path).map_err(|error| {
            let unread = error.kind() == ErrorKind::InvalidData;
            let advice = if unread { "; save it as UTF-8" } else { "" };
            anyhow::anyhow!("{} cannot be read: {error}{advice}", path.display())
        })?,
        None => String::new(),
    };
    // A file without providers is completed from the environment, as no file would be.
    let begins = |line: &str, name: &str| {
        line.trim_start().trim_start_matches('[').trim_start().starts_with(name)
    };
    let named = text.lines().any(|line| begins(line, "providers"));
    let modelled = text.lines().any(|line| line.trim_start().starts_with("[models"));
    if modelled && args.fallback == FallbackArg::Any {
        out::say("--fallback any has no effect: the file names the chains itself");
    }
    let local = if named || !asks { Vec::new() } else { discover::local().await };
    let loaded = match &path {
        Some(_) => config::load_beside(&text, &around, &local, args.fallback.into()),
        None => Ok(config::zero(&around, &local, args.fallback.into())),
    };
    let mut config = match loaded {
        Ok(config) => config,
        Err(problems) => {
            let files = around.files.into_inner();
            return Err(Unloaded::Problems(path, problems, files));
        }
    };
    if let Some(listen) = args.listen {
        guarded(&config, listen).context("--listen")?;
        config.server.listen = listen;
    }
    Ok(Loaded { config, path, text, files: around.files.into_inner() })
}

/// Beyond this machine nobody may ask without a key, wherever the socket came from.
pub(crate) fn guarded(config: &Config, listen: SocketAddr) -> anyhow::Result<()> {
    anyhow::ensure!(
        listen.ip().is_loopback() || !config.keys.is_empty(),
        "{listen} is beyond this machine, and there are no keys: make one with \
         `backstop key new NAME` and put it into the configuration"
    );
    Ok(())
}

impl From<anyhow::Error> for Unloaded {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Says problems or warnings, one line each.
pub(crate) fn say_all(path: Option<&Path>, problems: &[Problem]) {
    let path = path.map_or_else(|| "environment".to_owned(), |path| path.display().to_string());
    for problem in problems {
        out::say(&problem.render(&path));
    }
}

fn find(args: &ConfigArgs) -> anyhow::Result<Option<PathBuf>> {
    if let Some(path) = &args.config {
        anyhow::ensure!(path.exists(), "{} does not exist", path.display());
        return Ok(Some(path.clone()));
    }
    // What is there but is no readable file (a dangling link, a directory) is somebody's mistake and
    // is told as one.
    Ok(search_path().into_iter().find(|path| path.symlink_metadata().is_ok()))
}

/// Where a file is looked for, in order.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let user = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|it| it.is_absolute());
    let user = user.or(home).map(|folder| folder.join("backstop/backstop.toml"));
    let here = Some(PathBuf::from("backstop.toml"));
    let system = Some(PathBuf::from("/etc/backstop/backstop.toml"));
    [here, user, system].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::access;
    use config::Access;
    use std::fs::{Permissions, create_dir_all, remove_dir_all, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn allow(path: &Path, mode: u32) {
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// Promise: a file with a secret that others may write to is refused, and one that they may read
    /// is told, unless they cannot get to it.
    #[test]
    fn what_others_may_do_with_a_file() {
        let name = format!("backstop-access-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        create_dir_all(&folder).unwrap();
        let file = folder.join("key");
        write(&file, "secret").unwrap();
        for (folders, files, expect) in [
            (0o755, 0o600, Access::Closed),
            (0o755, 0o640, Access::Closed),
            (0o755, 0o660, Access::Closed),
            (0o755, 0o644, Access::Read),
            (0o755, 0o604, Access::Read),
            (0o711, 0o644, Access::Read),
            (0o700, 0o644, Access::Closed),
            (0o750, 0o444, Access::Closed),
            (0o755, 0o666, Access::Write),
            (0o755, 0o602, Access::Write),
            (0o700, 0o666, Access::Write),
        ] {
            allow(&file, files);
            allow(&folder, folders);
            assert_eq!(access(&file), expect, "{folders:o} {files:o}");
        }
        assert_eq!(access(&folder.join("none")), Access::Closed);
        assert_eq!(access(Path::new("/dev/null")), Access::Closed);
        remove_dir_all(&folder).unwrap();
    }
}
