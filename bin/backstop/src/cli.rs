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
    /// Print what would run, per model, and what cannot be promised.
    Check(ConfigArgs),
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
