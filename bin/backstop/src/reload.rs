//! Taking up a changed configuration, without a restart: on SIGHUP, and when a file changes that it
//! was read from (itself, the keys and certificates that it names).
//!
//! ```text
//!            changed             still, for one look         good
//!   Still ───────────▶ Changing ────────────────────▶ read ───────▶ served from the next request on
//!     ▲                   │ changed again               │ bad
//!     └───────────────────┘                             └─────────▶ said, and nothing changes
//! ```
//!
//! **Invariants:** all of it or nothing; a file is read when nobody writes it any more; what is
//! wrong with it is one line, and the last good one goes on serving. A revoked key is refused within
//! a second.

use crate::around::{self, Loaded, Seen, Unloaded, guarded, is_pipe};
use crate::cli::ConfigArgs;
use crate::console::Counts;
use crate::serve::listener_settings;
use crate::telemetry::Telemetry;
use crate::{out, sink};
use anyhow::Context;
use config::{RecordSink, Server};
use gateway::{Gateway, Sink};
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, sleep};
use transport::{ListenerSettings, ServerTls};

/// How often the files are looked at. Twice this passes between a change and its effect.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Somebody who writes all the time is waited for this often.
const READS_MAX: usize = 10;

/// What takes up a changed configuration.
pub(crate) struct Reload {
    args: ConfigArgs,
    gateway: Gateway,
    telemetry: Telemetry,
    /// Where callers really connect.
    listen: SocketAddr,
    settings: watch::Sender<ListenerSettings>,
    loaded: Loaded,
    counts: Counts,
    /// Files that a configuration named which was not taken up.
    missed: Vec<Seen>,
}

/// Why it is read again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Why {
    Changed,
    /// Somebody waits for an answer, and for records to go to a new file.
    Asked,
}

// === impl Reload ===

impl Reload {
    pub(crate) fn new(
        args: ConfigArgs,
        (gateway, telemetry, listen): (Gateway, Telemetry, SocketAddr),
        settings: watch::Sender<ListenerSettings>,
        loaded: Loaded,
        counts: Counts,
    ) -> Self {
        Self { args, gateway, telemetry, listen, settings, loaded, counts, missed: Vec::new() }
    }

    /// Reads it all again and serves by it, or says why not. True where it serves by it.
    async fn again(&mut self, why: Why) -> bool {
        let taken = self.take_up(why).await;
        self.counts.reloaded(taken.is_ok());
        match taken {
            Ok(changes) if changes.is_empty() => {
                out::say("read again: the configuration is as it was");
            }
            Ok(changes) => {
                out::say(&format!("the configuration changed: {}", changes.join("; ")));
            }
            Err(wrong) => {
                out::say(&format!("{wrong}; the configuration stays as it was"));
                if why == Why::Asked {
                    self.open_records_anew().await;
                }
                return false;
            }
        }
        true
    }

    /// Records go on in a new file where the old one was moved away, whatever else is wrong.
    async fn open_records_anew(&self) {
        let server = &self.loaded.config.server;
        if !is_file(&server.record) {
            return;
        }
        match open(server.clone(), self.counts.clone()).await {
            Ok(sink) => self.gateway.redirect(self.telemetry.beside(sink)),
            Err(error) => out::say(&format!("{error:#}; records go where they went")),
        }
    }

    /// Reads it while nobody writes it: what was read looks afterwards as it did before.
    async fn read(&self) -> Result<Loaded, Unloaded> {
        if let Some(path) = self.loaded.path.as_deref().filter(|path| is_pipe(path)) {
            let what = format!("{} is a pipe, which cannot be read again", path.display());
            return Err(anyhow::anyhow!(what).into());
        }
        for _ in 0..READS_MAX {
            let before = looks(self.loaded.files.clone()).await;
            let read = load(self.args.clone()).await;
            let seen = read.as_ref().map_or(&before, |loaded| &loaded.files);
            if looks(seen.clone()).await == *seen && looks(before.clone()).await == before {
                return read;
            }
            sleep(LOOK_EVERY).await;
        }
        Err(anyhow::anyhow!("its files are written while they are read").into())
    }

    /// What is different now; or, in one line, what is wrong.
    async fn take_up(&mut self, why: Why) -> Result<Vec<String>, String> {
        let loaded = match self.read().await {
            Ok(loaded) => loaded,
            Err(unloaded) => {
                let told = in_one_line(&unloaded);
                if let Unloaded::Problems(_, _, files) = unloaded {
                    self.missed = files;
                }
                return Err(told);
            }
        };
        if is_blank(&loaded.text) && !is_blank(&self.loaded.text) {
            // Without a word in it, it would be as good as none.
            let path = loaded.path.map(|path| path.display().to_string()).unwrap_or_default();
            return Err(format!("{path} is empty: whoever wrote it may have failed"));
        }
        guarded(&loaded.config, self.listen).map_err(|error| format!("{error:#}"))?;
        let settings = listener_settings(&loaded.config).map_err(|error| format!("{error:#}"))?;
        let (old, new) = (&self.loaded.config.server, &loaded.config.server);
        let moved = new.record != old.record || new.record_as != old.record_as;
        let sink = if moved || (why == Why::Asked && is_file(&new.record)) {
            let opened = open(new.clone(), self.counts.clone()).await;
            Some(opened.map_err(|error| format!("{error:#}"))?)
        } else {
            None
        };
        let exporter =
            self.telemetry.prepare(&loaded.config).map_err(|error| format!("{error:#}"))?;
        let mut changes = config::changes(&self.loaded.text, &loaded.text);
        if changes.is_empty() && why == Why::Changed {
            let named = loaded.text == self.loaded.text;
            let what = if named {
                "a file that it names, or the rights to one"
            } else {
                "words that change nothing"
            };
            changes.push(what.to_owned());
        }
        for (name, differs) in [
            ("server.listen", old.listen != new.listen),
            ("server.connections_max", old.connections_max != new.connections_max),
            ("server.handover", old.handover != new.handover),
            ("console.listen", self.loaded.config.console != loaded.config.console),
        ] {
            if differs {
                changes.push(format!("{name} takes effect after a restart"));
            }
        }
        self.gateway.reload(loaded.config.clone()).map_err(|error| error.to_string())?;
        self.settings.send_replace(settings);
        self.telemetry.take_up(exporter, &loaded.config);
        if let Some(sink) = sink {
            self.gateway.redirect(self.telemetry.beside(sink));
        }
        around::say_all(loaded.path.as_deref(), &loaded.config.warnings);
        self.loaded = loaded;
        Ok(changes)
    }
}

/// Watches for changes, for ever.
pub(crate) async fn run(mut reload: Reload, mut hangup: Signal) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = reload.loaded.files.clone();
    let mut last = Vec::new();
    loop {
        let asked = tokio::select! {
            _ = ticks.tick() => false,
            hung_up = hangup.recv() => hung_up.is_some(),
        };
        let now = looks(known.clone()).await;
        let settled = now == last;
        last.clone_from(&now);
        if asked || (settled && now != known) {
            // What is bad is not read again before it changes, or a file that it names does.
            known = now;
            if reload.again(if asked { Why::Asked } else { Why::Changed }).await {
                known.clone_from(&reload.loaded.files);
            } else {
                let missed = std::mem::take(&mut reload.missed);
                known.retain(|it| !missed.iter().any(|other| other.path == it.path));
                known.extend(missed);
            }
            last.clear();
        }
    }
}

/// The configuration, read on a thread of its own: a disk that hangs holds nothing up but this.
async fn load(args: ConfigArgs) -> Result<Loaded, Unloaded> {
    let runtime = Handle::current();
    let loading = spawn_blocking(move || runtime.block_on(around::try_load(&args)));
    loading.await.unwrap_or_else(|error| Err(anyhow::Error::from(error).into()))
}

/// A new sink, opened the same way.
async fn open(server: Server, counts: Counts) -> anyhow::Result<Sink> {
    spawn_blocking(move || sink::open(&server, counts)).await?
}

/// How the files look now, the same way.
async fn looks(files: Vec<Seen>) -> Vec<Seen> {
    let looking = spawn_blocking(move || files.iter().map(|it| Seen::now(&it.path)).collect());
    looking.await.unwrap_or_default()
}

/// Whether there is nothing in it but comments: what a file looks like that is just being written.
fn is_blank(text: &str) -> bool {
    text.lines().all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#'))
}

fn is_file(record: &RecordSink) -> bool {
    match record {
        RecordSink::File(_) => true,
        RecordSink::Stdout | RecordSink::Stderr | RecordSink::Off => false,
    }
}

/// The first problem, and how many more there are.
fn in_one_line(unloaded: &Unloaded) -> String {
    match unloaded {
        Unloaded::Failed(error) => format!("{error:#}"),
        Unloaded::Problems(path, problems, _) => {
            let path = path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
            let first = problems.first().map(|it| it.render(&path)).unwrap_or_default();
            match problems.len() {
                0 | 1 => first,
                more => format!("{first} (and {} more)", more - 1),
            }
        }
    }
}

/// TLS as its files have it.
pub(crate) fn server_tls(tls: &config::Tls) -> anyhow::Result<ServerTls> {
    let clients = tls.clients.as_ref().map(String::as_bytes);
    let key = tls.key.expose_secret();
    ServerTls::new(tls.certificate.as_bytes(), key.as_bytes(), clients)
        .context("server.tls_cert, tls_key, tls_clients")
}
