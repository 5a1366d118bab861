//! The built binary: found, started in surroundings of its own, listened to, signalled.
//!
//! **Invariant:** no process outlives its test, not even where the test is killed: a gateway left behind
//! would go on to ask and to export, and its ports are soon those of another test's fake clouds.

use crate::world::LIMIT;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// A folder of its own, as home and working folder; removed at the end.
#[derive(Debug)]
pub(super) struct Place(PathBuf);

/// A running binary. Dropped, it is killed.
pub(super) struct Process {
    child: Child,
    out: Arc<Ear>,
    err: Arc<Ear>,
    /// Pipes that are open, and that nobody empties.
    _stuck: Vec<Box<dyn Read + Send>>,
}

/// What a process is to be started with beside its arguments.
#[derive(Debug, Default)]
pub(super) struct With<'a> {
    pub(super) env: &'a [(&'a str, &'a str)],
    /// What it writes leads to nobody.
    pub(super) deaf: Deaf,
}

/// Whose readers are gone.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Deaf {
    #[default]
    Nobody,
    Out,
    Both,
    /// They are there and do not read: both pipes fill up.
    Stuck,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// `None` where a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

/// What was said so far.
#[derive(Debug, Default)]
struct Ear {
    heard: Mutex<String>,
    /// How often a text was waited for.
    counted: Mutex<BTreeMap<String, usize>>,
    changed: Notify,
    over: Mutex<bool>,
}

// === impl Place ===

impl Place {
    pub(super) fn new(name: &str) -> Self {
        let name = format!("backstop-binary-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder of its own");
        Self(path)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("a writable folder");
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("a file that was written")
    }

    /// Starts the binary here, in an environment with nothing but what is given.
    pub(super) fn start(&self, args: &[&str], with: &With<'_>) -> Process {
        self.run_as(mortal(binary()), args, with)
    }

    /// The same with a listening socket that a service manager opened at an address.
    pub(super) fn start_activated(&self, addr: &str, args: &[&str], with: &With<'_>) -> Process {
        // Passing a descriptor on takes what is unsafe in Rust.
        const MANAGER: &str = "import os, socket, sys\n\
            s = socket.socket()\n\
            s.bind((sys.argv.pop(1), 0))\n\
            s.listen(16)\n\
            os.dup2(s.fileno(), 3)\n\
            os.set_inheritable(3, True)\n\
            os.environ.update(LISTEN_FDS=\"1\", LISTEN_PID=str(os.getpid()))\n\
            os.execv(sys.argv[1], sys.argv[1:])\n";
        let python = std::env::var_os("BACKSTOP_PYTHON").unwrap_or_else(|| "python3".into());
        let mut command = mortal(python);
        command.args(["-c", MANAGER, addr]).arg(binary());
        self.run_as(command, args, with)
    }

    /// The same on a terminal: what it shows there is what it says, both in order.
    pub(super) fn start_on_terminal(&self, args: &[&str], with: &With<'_>) -> Process {
        const TERMINAL: &str = "import pty, sys\n\
            sized = 'stty cols 120 rows 50; exec \"$0\" \"$@\"'\n\
            pty.spawn(['/bin/sh', '-c', sized] + sys.argv[1:])\n";
        let python = std::env::var_os("BACKSTOP_PYTHON").unwrap_or_else(|| "python3".into());
        let mut command = mortal(python);
        command.args(["-c", TERMINAL]).arg(binary());
        self.run_as(command, args, with)
    }

    fn run_as(&self, mut command: Command, args: &[&str], with: &With<'_>) -> Process {
        command.env_clear().env("HOME", &self.0).current_dir(&self.0).args(args);
        command.envs(with.env.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let (out, err) = (Arc::new(Ear::default()), Arc::new(Ear::default()));
        let pipes = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let mut stuck: Vec<Box<dyn Read + Send>> = Vec::new();
        if with.deaf == Deaf::Stuck {
            out.end();
            err.end();
            stuck.extend([Box::new(pipes.0) as Box<dyn Read + Send>, Box::new(pipes.1)]);
        } else {
            out.listen(pipes.0, with.deaf != Deaf::Nobody);
            err.listen(pipes.1, with.deaf == Deaf::Both);
        }
        Process { child, out, err, _stuck: stuck }
    }

    /// Runs it to its end.
    pub(super) async fn run(&self, args: &[&str]) -> Ended {
        self.start(args, &With::default()).ended().await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left is in the system's folder for such things.
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

// === impl Process ===

impl Process {
    /// Waits until standard error holds this text.
    pub(super) async fn says(&self, text: &str) {
        self.err.hears(text).await;
    }

    /// Waits until standard output holds this text.
    pub(super) async fn prints(&self, text: &str) {
        self.out.hears(text).await;
    }

    /// Where it listens, once its banner says so.
    pub(super) async fn addr(&self) -> SocketAddr {
        self.says("Ctrl-C stops").await;
        self.listens_on(",")
    }

    /// Waits until standard error says this once more than when this was last asked.
    pub(super) async fn says_once_more(&self, text: &str) {
        let count = self.err.counted.lock().entry(text.to_owned()).or_insert(0).to_owned() + 1;
        let holds = || count <= self.err.heard.lock().matches(text).count();
        let in_time = timeout(LIMIT, self.err.until(holds)).await.is_ok();
        assert!(in_time, "{text:?} was not said {count} times: {}", self.said());
        self.err.counted.lock().insert(text.to_owned(), count);
    }

    /// What it said so far, on standard error.
    pub(super) fn said(&self) -> String {
        self.err.heard.lock().clone()
    }

    /// Where its console listens, once its banner says so.
    pub(super) async fn console(&self) -> SocketAddr {
        self.says("Ctrl-C stops").await;
        self.named("Metrics        http://", "/metrics")
    }

    /// The address where it said that it listens, up to `end`.
    pub(super) fn listens_on(&self, end: &str) -> SocketAddr {
        self.listens_by("http", end)
    }

    /// The same by another scheme.
    pub(super) fn listens_by(&self, scheme: &str, end: &str) -> SocketAddr {
        self.named(&format!("listens on {scheme}://"), end)
    }

    /// The address that it named between two texts.
    fn named(&self, begin: &str, end: &str) -> SocketAddr {
        let said = self.said();
        let rest = said.split(begin).nth(1).unwrap_or_default();
        let addr = rest.split(end).next().unwrap_or_default();
        addr.parse().unwrap_or_else(|_| panic!("{addr:?} is no address: {said}"))
    }

    /// The number of the process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by its name.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(status.expect("kill").success(), "no process {pid} to send {name} to");
    }

    /// How it ends, by itself.
    pub(super) async fn ended(mut self) -> Ended {
        let pid = self.child.id();
        let over = async {
            // Both pipes close with it, unless nobody listens to them.
            self.out.is_over().await;
            self.err.is_over().await;
            while self.child.try_wait().expect("it was started").is_none() {
                tokio::task::yield_now().await;
            }
        };
        let in_time = timeout(LIMIT, over).await.is_ok();
        let (out, err) = (self.out.heard.lock().clone(), self.err.heard.lock().clone());
        assert!(in_time, "{pid} does not end: {out}{err}");
        let status = self.child.wait().expect("it was started");
        Ended { code: status.code(), out, err }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is as good.
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}

// === impl Ear ===

impl Ear {
    fn listen(self: &Arc<Self>, mut source: impl Read + Send + 'static, deaf: bool) {
        if deaf {
            return self.end();
        }
        let ear = Arc::clone(self);
        drop(spawn_blocking(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = source.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                ear.heard.lock().push_str(&text);
                ear.changed.notify_waiters();
            }
            ear.end();
        }));
    }

    fn end(&self) {
        *self.over.lock() = true;
        self.changed.notify_waiters();
    }

    async fn hears(&self, text: &str) {
        let heard = || self.heard.lock().contains(text) || *self.over.lock();
        let in_time = timeout(LIMIT, self.until(heard)).await.is_ok();
        let said = self.heard.lock().clone();
        assert!(in_time && said.contains(text), "{text:?} was not said: {said}");
    }

    async fn is_over(&self) {
        self.until(|| *self.over.lock()).await;
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        loop {
            // Made before the look, so that no change falls between the two.
            let changed = self.changed.notified();
            if holds() {
                return;
            }
            changed.await;
        }
    }
}

/// A program that the kernel kills together with the thread that starts it, where it can.
fn mortal(program: impl AsRef<OsStr>) -> Command {
    if !cfg!(target_os = "linux") {
        return Command::new(program);
    }
    // Of util-linux, and replaced by the program: its number stays.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The binary under test: the one that `cargo xtask test` built, else the one beside this test,
/// where it is there and not older than its sources.
fn binary() -> PathBuf {
    const CHORE: &str = "run `cargo xtask test`, or `cargo build --package backstop` before";
    if let Some(path) = std::env::var_os("BACKSTOP_BIN").map(PathBuf::from) {
        assert!(path.is_file(), "BACKSTOP_BIN: there is no {}: {CHORE}", path.display());
        return path;
    }
    // target/PROFILE/deps/e2e-HASH
    let me = std::env::current_exe().expect("a path of this test");
    let beside = me.parent().and_then(Path::parent).expect("a folder").join("backstop");
    let built = modified(&beside);
    let built = built.unwrap_or_else(|| panic!("there is no {}: {CHORE}", beside.display()));
    let list = std::fs::read_to_string(beside.with_extension("d")).unwrap_or_default();
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources).trim_end();
    // A space within a path is escaped.
    for source in sources.replace("\\ ", "\0").split(' ').map(|path| path.replace('\0', " ")) {
        let newer = modified(Path::new(&source)).is_none_or(|changed| built < changed);
        assert!(!newer, "{source} is newer than {}: {CHORE}", beside.display());
    }
    beside
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|it| it.modified()).ok()
}
