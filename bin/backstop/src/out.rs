//! Standard output is data, standard error is talk: the only places that print.
//!
//! A terminal that is stopped, or a pipe that nobody reads, holds up whoever writes to it. While
//! answers are served a thread of its own does that, and what it cannot keep up with is counted.
//!
//! **Invariant:** after [`aside`] nobody waits for standard error but that thread, and the one that
//! writes records, where they go there.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines on their way to the thread that writes them, where there is one.
static ASIDE: OnceLock<SyncSender<Talk>> = OnceLock::new();
/// Lines that found no place there.
static MISSING: AtomicU64 = AtomicU64::new(0);

/// Lines that wait to be written.
const QUEUE_MAX: usize = 1024;
/// Who ends does not wait longer for them.
const SAID_WITHIN: Duration = Duration::from_millis(200);

enum Talk {
    Text(Vec<u8>),
    /// All before it is written.
    End(SyncSender<()>),
}

/// Where logs go, a line each: to standard error, the same way as all talk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log;

/// A line of talk.
pub(crate) fn say(line: &str) {
    talk(format!("{line}\n").into_bytes());
}

/// A line of data.
pub(crate) fn print(line: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// A part of a line of data, shown at once.
pub(crate) fn part(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// How many columns and rows the terminal has; none where standard output is no terminal, or does
/// not say.
pub(crate) fn terminal() -> Option<(usize, usize)> {
    let stdout = io::stdout();
    stdout.is_terminal().then(|| size(&stdout)).flatten().filter(|(columns, _)| *columns != 0)
}

#[cfg(target_os = "linux")]
fn size(stdout: &io::Stdout) -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(stdout).ok()?;
    Some((usize::from(size.ws_col), usize::from(size.ws_row)))
}

#[cfg(not(target_os = "linux"))]
fn size(_: &io::Stdout) -> Option<(usize, usize)> {
    let told = |name: &str| std::env::var(name).ok()?.parse().ok();
    Some((told("COLUMNS")?, told("LINES")?))
}

/// From now on a thread writes what is said.
pub(crate) fn aside() -> io::Result<()> {
    let (queue, lines) = sync_channel(QUEUE_MAX);
    drop(thread::Builder::new().name("talk".to_owned()).spawn(move || write_all(&lines))?);
    // Who was first has a thread already, and this one ends.
    drop(ASIDE.set(queue));
    std::panic::set_hook(Box::new(|panic| say(&panic.to_string())));
    Ok(())
}

/// Waits for what was said, but not long.
pub(crate) fn finish() {
    let Some(queue) = ASIDE.get() else { return };
    let (done, wait) = sync_channel(1);
    if queue.try_send(Talk::End(done)).is_ok() {
        // Whoever takes nothing misses the rest.
        wait.recv_timeout(SAID_WITHIN).unwrap_or_default();
    }
}

fn talk(mut text: Vec<u8>) {
    let Some(queue) = ASIDE.get() else { return write(&text) };
    let missing = MISSING.swap(0, Ordering::Relaxed);
    if missing != 0 {
        let gap = format!("{missing} lines are missing here: they were not read\n");
        text.splice(0..0, gap.into_bytes());
    }
    if queue.try_send(Talk::Text(text)).is_err() {
        MISSING.fetch_add(missing + 1, Ordering::Relaxed);
    }
}

fn write_all(lines: &Receiver<Talk>) {
    while let Ok(talk) = lines.recv() {
        match talk {
            Talk::Text(text) => write(&text),
            // Whoever waits may have gone.
            Talk::End(done) => done.send(()).unwrap_or_default(),
        }
    }
}

fn write(text: &[u8]) {
    // Where nobody can read it any more, there is nobody to tell.
    io::stderr().lock().write_all(text).unwrap_or_default();
}

// === impl Log ===

impl Write for Log {
    /// One event, which comes in one piece.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        talk(text.to_vec());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
