//! The processes that are measured: Backstop and nginx, each one's CPU and memory its own.

use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A process that is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) port: u16,
    /// From its start to its first answer.
    pub(crate) answered: Duration,
}

/// Where the programs are, and a folder for what they need.
#[derive(Debug)]
pub(crate) struct Places {
    backstop: PathBuf,
    nginx: PathBuf,
    pub(crate) folder: PathBuf,
    provider: u16,
    /// Where the second targets of chains would be asked. It accepts nobody.
    spare: TcpListener,
}

/// Runs a program under another one, as an instrument does.
pub(crate) type Under = Vec<OsString>;

const STARTS_WITHIN: Duration = Duration::from_mins(1);
const STOPS_WITHIN: Duration = Duration::from_mins(1);

// === impl Places ===

impl Places {
    /// Writes down what the programs are to do.
    pub(crate) fn prepare(provider: u16) -> Result<Self> {
        let named = |variable: &str| {
            let value = std::env::var_os(variable).map(PathBuf::from);
            value.with_context(|| format!("{variable} names no program; run `cargo xtask bench`"))
        };
        let folder = std::env::temp_dir().join(format!("backstop-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let spare = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        spare.set_nonblocking(true)?;
        Ok(Self {
            backstop: named("BACKSTOP_BIN")?,
            nginx: named("BACKSTOP_NGINX")?,
            folder,
            provider,
            spare,
        })
    }

    /// Whether somebody connected to a second target since this was asked.
    pub(crate) fn spare_was_asked(&self) -> Result<bool> {
        match self.spare.accept() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A gateway whose aliases name how an answer is asked for. Under an instrument it has one
    /// worker, so that nothing depends on who is faster.
    pub(crate) fn backstop(&self, under: Under) -> Result<Process> {
        let port = free_port()?;
        let file = self.folder.join(format!("backstop-{port}.toml"));
        std::fs::write(&file, self.configuration(port)?)?;
        let alone = !under.is_empty();
        let mut command = command(under, &self.backstop);
        if alone {
            command.env("TOKIO_WORKER_THREADS", "1");
            // Without them it would start once more, and the instrument would lose it.
            command.env("GLIBC_TUNABLES", "");
        }
        command.args(["serve", "--config"]).arg(file);
        Process::start(command, port)
    }

    /// Providers by what they speak, each beside a spare one; what is held against each other is in
    /// pairs of models.
    fn configuration(&self, port: u16) -> Result<String> {
        let (provider, spare) = (self.provider, self.spare.local_addr()?.port());
        let mut text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nrecord = \"off\"\n\
             [models.\"plain-*\"]\nchain = [\"chat/$1\"]\nwhole = \"plain\"\n\
             [models.\"watched-*\"]\nchain = [\"chat/$1\"]\nwhole = \"watched\"\n\
             [models.\"claude-*\"]\nchain = [\"messages/$1\"]\nwhole = \"plain\"\n"
        );
        for (name, dialect) in
            [("chat", "openai"), ("messages", "anthropic"), ("responses", "openai-responses")]
        {
            let entry = |name: String, port: u16| {
                format!(
                    "[providers.{name}]\ndialect = \"{dialect}\"\n\
                     base_url = \"http://127.0.0.1:{port}/v1\"\napi_key = \"literal:k\"\n"
                )
            };
            text += &entry(name.to_owned(), provider);
            text += &entry(format!("{name}-spare"), spare);
            for midstream in ["continue", "stop"] {
                text.extend([
                    format!("[models.\"{midstream}-{name}-*\"]\nmidstream = \"{midstream}\"\n"),
                    format!("chain = [\"{name}/$1\", \"{name}-spare/$1\"]\n"),
                ]);
            }
        }
        Ok(text)
    }

    /// A plain reverse proxy with connections kept alive to the provider, nothing buffered and
    /// nothing logged, with as many workers as there are cores. An instrument follows one process.
    pub(crate) fn nginx(&self, under: Under) -> Result<Process> {
        let port = free_port()?;
        let prefix = self.folder.join(format!("nginx-{port}"));
        std::fs::create_dir_all(&prefix)?;
        let provider = self.provider;
        let alone = if under.is_empty() { "" } else { "master_process off;" };
        let file = prefix.join("nginx.conf");
        std::fs::write(
            &file,
            format!(
                "daemon off; {alone} worker_processes auto; pid nginx.pid; error_log stderr crit;\n\
                 events {{ worker_connections 4096; }}\n\
                 http {{\n\
                 access_log off; client_max_body_size 64m;\n\
                 client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n\
                 uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
                 keepalive_requests 1000000000;\n\
                 upstream provider {{ server 127.0.0.1:{provider}; keepalive 512;\n\
                 keepalive_requests 1000000000; }}\n\
                 server {{ listen 127.0.0.1:{port};\n\
                 location = /health {{ return 200; }}\n\
                 location / {{ proxy_pass http://provider; proxy_http_version 1.1;\n\
                 proxy_set_header Connection \"\"; proxy_buffering off;\n\
                 proxy_request_buffering off; }} }} }}\n"
            ),
        )?;
        let mut command = command(under, &self.nginx);
        command.arg("-p").arg(&prefix).arg("-c").arg(file);
        Process::start(command, port)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        // Left over in a folder for such things, at worst.
        std::fs::remove_dir_all(&self.folder).unwrap_or_default();
    }
}

fn command(mut under: Under, program: &Path) -> Command {
    under.push(program.into());
    let mut words = under.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

// === impl Process ===

impl Process {
    fn start(mut command: Command, port: u16) -> Result<Self> {
        let began = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{command:?} does not start"))?;
        let mut process = Self { child, port, answered: Duration::ZERO };
        while !is_healthy(port) {
            if let Some(status) = process.child.try_wait()? {
                bail!("{command:?} ended at once: {status}");
            }
            ensure!(began.elapsed() < STARTS_WITHIN, "{command:?} does not listen on {port}");
            std::thread::sleep(Duration::from_micros(200));
        }
        process.answered = began.elapsed();
        Ok(process)
    }

    /// Its process, and those that it started.
    fn ids(&self) -> Result<Vec<u32>> {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let mut ids = vec![id];
        for child in children.split_whitespace() {
            ids.push(child.parse()?);
        }
        Ok(ids)
    }

    /// CPU time so far, over all threads: the first field of each one's `schedstat`, in ns.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut total = Duration::ZERO;
        for id in self.ids()? {
            for task in std::fs::read_dir(format!("/proc/{id}/task"))? {
                let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
                let nanos = text.split(' ').next().unwrap_or("0").parse()?;
                total += Duration::from_nanos(nanos);
            }
        }
        Ok(total)
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> Result<f64> {
        let mut total = 0;
        for id in self.ids()? {
            let text = std::fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let line = line.context("no VmRSS")?;
            total += line.trim().trim_end_matches(" kB").parse::<u32>()?;
        }
        Ok(f64::from(total))
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<ExitStatus> {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status()?;
        ensure!(told.success(), "process {id} cannot be stopped");
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(began.elapsed() < STOPS_WITHIN, "process {id} does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already. nginx takes its workers along only when it is asked.
        let id = self.child.id().to_string();
        let told = matches!(self.child.try_wait(), Ok(None))
            && Command::new("kill").args(["-TERM", &id]).status().is_ok();
        let began = Instant::now();
        while told
            && began.elapsed() < Duration::from_secs(1)
            && matches!(self.child.try_wait(), Ok(None))
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.kill().unwrap_or_default();
        self.child.wait().map(|_| ()).unwrap_or_default();
    }
}

/// Whether it answers, on a connection of its own.
fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(STARTS_WITHIN))?;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}

/// A port that is free now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
