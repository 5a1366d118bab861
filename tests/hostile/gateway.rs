//! The gateway under attack: a child process with a configuration of its own, and what the system
//! says about it.
//!
//! **Invariant:** dropped, it is killed and its folder is gone.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::time::interval;

use crate::Bed;
use crate::report::{Report, mb};

/// How long it may take to start and to say something.
const LIMIT: Duration = Duration::from_secs(20);
/// What is kept of what it said.
const SAID_MAX: usize = 256 * 1024;

/// A folder of its own for a scenario; removed when dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    pub(crate) addr: SocketAddr,
    said: Arc<Mutex<String>>,
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holding {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    pub(crate) rss: u64,
}

/// Lets this process, and with it its children, open as many descriptors as the system allows.
pub(crate) fn raise_descriptors() -> Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.current.unwrap_or(u64::MAX))
}

// === impl Folder ===

impl Folder {
    pub(crate) fn new() -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("backstop-hostile-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Writes a file and tells its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.path(name);
        fs::write(&path, text).with_context(|| path.clone())?;
        Ok(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the system's folder for such things.
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

// === impl Gateway ===

impl Gateway {
    /// Starts one with this configuration and waits until it listens.
    pub(crate) async fn start(bed: &Bed, folder: &Folder, config: &str) -> Result<Self> {
        let path = folder.write("backstop.toml", config)?;
        Self::start_with(Command::new(&bed.binary), &path).await
    }

    /// The same by a command that takes the program's arguments.
    pub(crate) async fn start_with(mut command: Command, config: &str) -> Result<Self> {
        command.arg("serve").arg("--config").arg(config);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("the gateway does not start")?;
        let said = Arc::<Mutex<String>>::default();
        let stderr = child.stderr.take().context("piped")?;
        let hears = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut said = hears.lock();
                if said.len() < SAID_MAX {
                    said.push_str(&line);
                    said.push('\n');
                }
            }
        });
        let mut gateway = Self { child, addr: SocketAddr::from(([127, 0, 0, 1], 0)), said };
        gateway.says("Ctrl-C stops").await?;
        gateway.addr = gateway.listens_on()?;
        Ok(gateway)
    }

    /// Waits until it said this.
    pub(crate) async fn says(&mut self, text: &str) -> Result<()> {
        let began = Instant::now();
        let mut ticks = interval(Duration::from_millis(10));
        while !self.said.lock().contains(text) {
            ticks.tick().await;
            if LIMIT < began.elapsed() || self.child.try_wait()?.is_some() {
                bail!("the gateway did not say {text:?}: {}", self.said.lock());
            }
        }
        Ok(())
    }

    fn listens_on(&self) -> Result<SocketAddr> {
        let said = self.said.lock();
        let rest = said.split_once("listens on ").context("no banner")?.1;
        let rest = rest.split_once("://").context("no scheme")?.1;
        Ok(rest.split_once(',').context("no end")?.0.parse()?)
    }

    /// How often it said this.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.said.lock().matches(text).count()
    }

    /// What it holds now.
    pub(crate) fn holding(&self) -> Result<Holding> {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        // A process that confines itself is hidden from all but root.
        let entries = |name: &str| -> Result<usize> {
            let path = folder.join(name);
            let entries = fs::read_dir(&path);
            Ok(entries.with_context(|| format!("{}: run this as root", path.display()))?.count())
        };
        let status = fs::read_to_string(folder.join("status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = rss.and_then(|rest| rest.trim().strip_suffix("kB"));
        let rss: u64 = rss.context("no VmRSS: it is gone")?.trim().parse()?;
        Ok(Holding { descriptors: entries("fd")?, threads: entries("task")?, rss: rss * 1024 })
    }

    /// Waits until it holds no more descriptors than this; how long that took, if it did.
    pub(crate) async fn returns_to(
        &self,
        descriptors: usize,
        within: Duration,
    ) -> Result<Option<Duration>> {
        let began = Instant::now();
        let mut ticks = interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
            if self.holding()?.descriptors <= descriptors {
                return Ok(Some(began.elapsed()));
            }
            if within < began.elapsed() {
                return Ok(None);
            }
        }
    }

    /// The most memory that it holds while this future runs.
    pub(crate) async fn peak<T>(&self, during: impl Future<Output = T>) -> Result<(T, u64)> {
        let mut peak = self.holding()?.rss;
        let mut ticks = interval(Duration::from_millis(100));
        let mut during = std::pin::pin!(during);
        loop {
            tokio::select! {
                done = during.as_mut() => return Ok((done, peak.max(self.holding()?.rss))),
                _ = ticks.tick() => peak = peak.max(self.holding()?.rss),
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status()?;
        if status.success() { Ok(()) } else { bail!("no process {pid} to send {name} to") }
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<bool>> {
        Ok(self.child.try_wait()?.map(|status| status.success()))
    }

    /// Whether it lives and nothing in it panicked, as a finding.
    pub(crate) fn is_well(&mut self, report: &mut Report) -> Result<()> {
        let lives = self.child.try_wait()?.is_none();
        let panics = self.count("panicked");
        if !lives || panics > 0 {
            report.check(false, format!("panics {panics}, alive {lives}: {}", self.said.lock()));
        }
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Gone already is as good.
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}

/// Growth of memory, in words.
pub(crate) fn growth(before: u64, after: u64) -> String {
    format!("memory +{}", mb(after.saturating_sub(before)))
}
