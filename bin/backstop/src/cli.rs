//! What can be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use config::Fallback;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One endpoint that keeps answering when AI providers do not.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve: answer applications, with what the configuration or the environment names.
    Serve(ConfigArgs),
    /// Watch it keep answering while a fake cloud breaks: no key, no configuration, no network.
    Demo,
    /// Show how every provider stands, and whose fault it is: asks the gateway that is running.
    Status(StatusArgs),
    /// Print what would run, per model, and what cannot be promised.
    Check(ConfigArgs),
    /// Is it them, or is it me? Verify a provider: name, address, TLS, HTTP, status page; and say whose
    /// fault it is, with the evidence.
    ///
    /// Ends with 0 fine, 10 them, 20 me, 30 path, 40 unknown, 2 usage.
    Doctor(DoctorArgs),
    /// Keys that callers present.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Fake providers and their faults, for trying things out.
    Drill {
        #[command(subcommand)]
        command: DrillCommand,
    },
}

/// Where the configuration comes from.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgs {
    /// The configuration file. Else `./backstop.toml`, then
    /// `$XDG_CONFIG_HOME/backstop/backstop.toml`, then `/etc/backstop/backstop.toml`; else the
    /// environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Without a file: may a request go to another vendor than the model's own?
    #[arg(long, value_enum, default_value_t = FallbackArg::Own)]
    pub(crate) fallback: FallbackArg,
    /// Listen here instead of where the configuration says.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

/// What to examine, and how to show it.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct DoctorArgs {
    /// Providers by name: of the configuration, or well-known ones. Else all that are configured.
    #[arg(value_name = "PROVIDER")]
    pub(crate) providers: Vec<String>,
    /// Print everything as JSON, for programs.
    #[arg(long)]
    pub(crate) json: bool,
    /// Look again every 30 s, and print what changes.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Show the evidence below each line.
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Ask nobody: read what is on this machine, and name whom it would have asked.
    #[arg(long, conflicts_with_all = ["watch", "complete"])]
    pub(crate) offline: bool,
    /// Write the evidence into this file, for a ticket; names of your network are taken out.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Ask this model for a real answer too, whole and as a stream. Costs some tokens.
    #[arg(long, value_name = "MODEL")]
    pub(crate) complete: Option<String>,
    /// What that may cost at most, for each provider, in US dollars.
    #[arg(long, value_name = "USD", default_value_t = 0.05, requires = "complete")]
    pub(crate) spend_max: f64,
    /// The configuration file; looked for as by `serve`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Whom to ask how it stands, and how to say it.
#[derive(Args, Clone, Debug)]
pub(crate) struct StatusArgs {
    /// As JSON, as `GET /status` of the console gives it.
    #[arg(long)]
    pub(crate) json: bool,
    /// Where its console listens, instead of where the configuration says. Where it wants a key, that
    /// is read from `BACKSTOP_KEY`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) console: Option<SocketAddr>,
    /// The configuration file of the gateway, found as `serve` finds it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FallbackArg {
    /// The model's own vendor, then this machine.
    Own,
    /// Then every vendor we have a key for.
    Any,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key: shown once, kept as a hash.
    New {
        /// Who will use it: the name in records and limits.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// Run a fake provider that speaks every dialect; its model names order faults.
    Provider {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:9100", value_name = "ADDRESS:PORT")]
        listen: SocketAddr,
        /// Its name, which its answers tell.
        #[arg(long, default_value = "cloud-a")]
        name: String,
    },
}

// === impl FallbackArg ===

impl From<FallbackArg> for Fallback {
    fn from(arg: FallbackArg) -> Self {
        match arg {
            FallbackArg::Own => Self::OwnVendor,
            FallbackArg::Any => Self::Any,
        }
    }
}
