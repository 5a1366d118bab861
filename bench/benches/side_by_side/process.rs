//! The processes that are measured: a fake provider and the gateway, each one's CPU its own.

use anyhow::{Context, Result, bail};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that is killed when it is dropped.
pub(crate) struct Process(Child);

// === impl Process ===

impl Process {
    pub(crate) fn provider(port: u16) -> Result<Self> {
        Self::start(&["drill", "provider", "--listen", &format!("127.0.0.1:{port}")], port)
    }

    pub(crate) fn gateway(config: &Path, port: u16) -> Result<Self> {
        Self::start(&["serve", "--config", &config.display().to_string()], port)
    }

    fn start(args: &[&str], port: u16) -> Result<Self> {
        let binary = std::env::var_os("BACKSTOP_BIN")
            .context("BACKSTOP_BIN names no binary; run `cargo xtask bench`")?;
        let child = Command::new(&binary)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} does not start", PathBuf::from(&binary).display()))?;
        let process = Self(child);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Duration::from_secs(10) < began.elapsed() {
                bail!("{args:?} does not listen on {port}");
            }
            std::thread::yield_now();
        }
        Ok(process)
    }

    /// CPU time so far, over all threads: the first field of each one's `schedstat`, in ns.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut total = Duration::ZERO;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let nanos = text.split(' ').next().unwrap_or("0").parse()?;
            total += Duration::from_nanos(nanos);
        }
        Ok(total)
    }

    /// Resident memory.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        self.0.kill().unwrap_or_default();
        self.0.wait().map(|_| ()).unwrap_or_default();
    }
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The gateway's configuration, in a file of its own.
pub(crate) fn config(gateway: u16, provider: u16) -> Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("backstop-bench-{}.toml", std::process::id()));
    std::fs::write(
        &path,
        format!(
            "[server]\nlisten = \"127.0.0.1:{gateway}\"\nrecord = \"off\"\n\
             [providers.chat]\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:{provider}\"\n\
             api_key = \"literal:k\"\n\
             [providers.messages]\ndialect = \"anthropic\"\n\
             base_url = \"http://127.0.0.1:{provider}\"\napi_key = \"literal:k\"\n\
             [models.\"*\"]\nchain = [\"chat/*\"]\n\
             [models.\"messages/*\"]\nchain = [\"messages/$1\"]\n"
        ),
    )?;
    Ok(path)
}
