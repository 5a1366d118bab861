//! The image at work: its program, with nothing around it but its files, as its user. It serves a
//! request that a fake provider answers, which is the same program once more.
//!
//! The provider is configured by name (`localhost`), so that the C library inside the program has to
//! look a name up, with no other file than those of the image.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::assemble;
use crate::say;
use crate::step::Step;

/// Whoever says nothing for so long will not.
const LIMIT: Duration = Duration::from_secs(20);

/// A copy of the image with a configuration, removed at the end.
struct Scene {
    root: PathBuf,
    /// The command that enters it, up to the folder.
    enter: &'static [&'static str],
}

/// A program that runs in it. Dropped, it is killed.
struct Running {
    child: Child,
    /// What it says on standard error, line by line.
    lines: Receiver<String>,
}

/// As the image's user where we may become it, else as root of a namespace of ours.
const ENTRANCES: [&[&str]; 2] =
    [&["chroot", "--userspec=65532:65532"], &["unshare", "--map-root-user", "chroot"]];

/// Tries the program, or says why it cannot be tried here.
pub(super) fn run(program: &Path) -> Result<()> {
    let enters = |enter: &&&[&str]| command(enter, Path::new("/")).arg("true").succeeds();
    let Some(enter) = ENTRANCES.iter().find(enters) else {
        say::data(format_args!("not tried: neither chroot nor unshare is permitted here"));
        return Ok(());
    };
    let root = std::env::temp_dir().join(format!("backstop-image-{}", std::process::id()));
    let scene = Scene { root, enter };
    assemble(&scene.root, program)?;
    let version = scene.step(&["--version"]).output()?;
    let mut provider = scene.start(&["drill", "provider", "--name", "inside", "--listen", FREE])?;
    let provider_at = provider.listens_on("/v1")?;
    fs::write(scene.root.join("etc/backstop/backstop.toml"), configuration(provider_at))?;
    let checked = scene.step(&["check"]).output()?;
    let mut gateway = scene.start(&["serve"])?;
    let answer = ask(gateway.listens_on(",")?)?;
    ensure!(answer.starts_with("HTTP/1.1 200") && answer.contains("[inside] w0 w1"), "{answer}");
    let confined = checked.lines().find(|line| line.contains("confined")).unwrap_or_default();
    say::data(format_args!("tried by {}: {}, {confined}", enter.join(" "), version.trim()));
    say::data(format_args!("it answered a request whose provider it knew by name"));
    Ok(())
}

const FREE: &str = "127.0.0.1:0";

fn command(enter: &[&str], root: &Path) -> Step {
    let (program, args) = enter.split_first().unwrap_or((&"chroot", &[]));
    Step::new(*program).args(args).arg(root)
}

fn configuration(provider: SocketAddr) -> String {
    format!(
        "[server]\nlisten = \"{FREE}\"\n[providers.inside]\ndialect = \"openai\"\n\
         base_url = \"http://localhost:{}/v1\"\n[models.\"*\"]\nchain = [\"inside/ok\"]\n",
        provider.port()
    )
}

/// Asks for a whole answer, and returns everything that comes.
fn ask(addr: SocketAddr) -> Result<String> {
    let body = r#"{"model":"any","messages":[{"role":"user","content":"hi"}]}"#;
    let mut stream = TcpStream::connect_timeout(&addr, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

// === impl Scene ===

impl Scene {
    /// The program with these arguments, and nothing in its environment that it would look at.
    fn step(&self, args: &[&str]) -> Step {
        command(self.enter, &self.root).arg("/backstop").args(args).without("HOME")
    }

    fn start(&self, args: &[&str]) -> Result<Running> {
        let mut command = Command::new(self.enter.first().unwrap_or(&"chroot"));
        command.args(self.enter.iter().skip(1)).arg(&self.root).arg("/backstop").args(args);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("the program does not start")?;
        let (tell, lines) = channel();
        if let Some(source) = child.stderr.take() {
            std::thread::spawn(move || {
                let lines = BufReader::new(source).lines().map_while(Result::ok);
                lines.map(|line| tell.send(line)).all(|told| told.is_ok())
            });
        }
        Ok(Running { child, lines })
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // What is left is in the system's folder for such things.
        fs::remove_dir_all(&self.root).unwrap_or_default();
    }
}

// === impl Running ===

impl Running {
    /// The address that it says it listens on, up to `end`.
    fn listens_on(&mut self, end: &str) -> Result<SocketAddr> {
        let (mut said, until) = (String::new(), Instant::now() + LIMIT);
        while let Ok(line) =
            self.lines.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            let place = line.split("listens on http://").nth(1);
            if let Some(place) = place.and_then(|it| it.split(end).next()) {
                return Ok(place.parse()?);
            }
            said.push_str(&line);
            said.push('\n');
        }
        anyhow::bail!("it does not say where it listens: {said}")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already is as good.
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}
