//! Little memory (R40): a control group of 256 MB, a gateway sized for it, and every attack at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::Bed;
use crate::gateway::{Folder, Gateway};
use crate::good::{Good, Turns};
use crate::http1::{HEAD, Http1, ask, connect, source};
use crate::provider::Provider;
use crate::report::{Report, mb};

const LIMIT: u64 = 256 << 20;
const DURING: Duration = Duration::from_secs(10);
/// What a gateway of this size is told.
const SERVER: &str = "requests_max = 128\nconnections_max = 1000\nbody_max = \"8MiB\"\n\
     uploads_max = \"32MiB\"\nanswer_max = \"1MiB\"";

/// A control group of our own (version 1); removed when dropped.
struct Group(PathBuf);

/// The scenario.
pub(crate) async fn play(bed: &Bed) -> Result<Report> {
    let group = match Group::new() {
        Ok(group) => group,
        Err(error) => {
            return Ok(Report::skipped(format!("no control group for memory: {error:#}")));
        }
    };
    let mut report = Report::default();
    let provider = Provider::start(&bed.aside).await?;
    let folder = Folder::new()?;
    let config = folder.write("backstop.toml", &provider.config(SERVER))?;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]);
    command.arg(group.0.join("cgroup.procs")).arg(&bed.binary);
    let mut gateway = Gateway::start_with(command, &config).await?;
    let good = Good::of(gateway.addr, &bed.aside);
    let calm = good.watch(Duration::from_secs(2)).await;
    let addr = gateway.addr;
    let mut attackers = JoinSet::new();
    for nth in 0..40 {
        // Large bodies, long whole answers, callers that read nothing, bodies that do not end.
        attackers.spawn(async move {
            loop {
                let body = " ".repeat(7 << 20);
                let request = format!("{HEAD}content-length: {}\r\n\r\n{body}", body.len());
                attack(addr, nth, request.as_bytes()).await.ok();
            }
        });
        attackers.spawn(async move {
            loop {
                attack(addr, nth, &ask("big-10", false)).await.ok();
            }
        });
        attackers.spawn(async move {
            let mut stream = connect(addr, source(nth), Some(4096)).await?;
            stream.write_all(&ask("big-10", true)).await?;
            sleep_until((std::time::Instant::now() + DURING * 2).into()).await;
            anyhow::Ok(()).map(|()| drop(stream))
        });
    }
    let (attacked, peak) = gateway.peak(good.watch(DURING)).await?;
    attackers.shutdown().await;
    let killed = group.killed()?;
    report.check(killed == 0, format!("{killed} killed for want of memory, {} at most", mb(peak)));
    report.check(peak <= LIMIT, format!("limit {}", mb(LIMIT)));
    let answered = attacked.times.len();
    report.check(
        answered > 0,
        format!("good callers: {answered} served, {} not", attacked.wrong.len()),
    );
    // It serves as before once they are gone.
    let after = good.watch(Duration::from_secs(2)).await;
    Turns { calm: vec![calm], attacked: vec![after] }.judge(&mut report, |calm| calm * 2);
    gateway.is_well(&mut report)?;
    Ok(report)
}

/// One request of an attacker, and its answer.
async fn attack(addr: std::net::SocketAddr, nth: usize, request: &[u8]) -> Result<()> {
    let mut http1 = Http1::open(addr, source(nth)).await?;
    http1.call(request).await?;
    Ok(())
}

// === impl Group ===

impl Group {
    fn new() -> Result<Self> {
        let name = format!("backstop-hostile-{}", std::process::id());
        let path = Path::new("/sys/fs/cgroup/memory").join(name);
        fs::create_dir(&path)?;
        let group = Self(path);
        fs::write(group.0.join("memory.limit_in_bytes"), LIMIT.to_string())?;
        Ok(group)
    }

    /// How many processes in it were killed.
    fn killed(&self) -> Result<u64> {
        let control = fs::read_to_string(self.0.join("memory.oom_control"))?;
        let killed = control.lines().find_map(|line| line.strip_prefix("oom_kill "));
        Ok(killed.and_then(|count| count.trim().parse().ok()).unwrap_or_default())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It stays while a process is in it; then it costs nothing.
        fs::remove_dir(&self.0).unwrap_or_default();
    }
}
