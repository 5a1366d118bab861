//! The lab's situations in network namespaces, judged by the real `backstop doctor`.
//!
//! For each situation there are two namespaces with a cable between them: one plays the world and holds
//! the addresses of everybody in it, the other is the machine of somebody whose provider does not
//! answer. `doctor` runs there as it would for a user; `/etc/hosts` and `/etc/resolv.conf` are those of
//! the situation, because `ip netns exec` puts `/etc/netns/NAME` over `/etc`.
//!
//! **Invariants:** the machine's own network is not touched, nothing of the world's reaches it, and what
//! was made is removed, also after a failure; what a killed run left, the next one removes.

mod space;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::binary;
use crate::say;
use crate::step::Step;
use crate::system::{self, Lacks};
use space::Space;

/// The programs that play and judge.
struct Programs {
    lab: PathBuf,
    backstop: PathBuf,
}

/// A situation, and the words that a right verdict may have.
struct Row {
    name: String,
    causes: Vec<String>,
}

/// `cargo xtask lab [name…]`: all situations that can be played in a network, or these, with what `doctor`
/// shows in each. A binary that
/// is there already is named by `BACKSTOP_BIN`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    needs()?;
    let backstop = match std::env::var_os(binary::VARIABLE) {
        Some(there) => PathBuf::from(there),
        None => binary::build("dev")?,
    };
    let programs = Programs { lab: binary::build_example("lab")?, backstop };
    let rows = rows(&programs.lab, args)?;
    say::data(format_args!("{:<22} {:<24} {:<20} took", "situation", "expected", "found"));
    let (mut right, mut played) = (0_usize, 0_usize);
    for row in &rows {
        let wishes = Step::new(&programs.lab).args(["wishes", &row.name]).output()?;
        if wishes.is_empty() {
            continue;
        }
        played += 1;
        let began = Instant::now();
        let found = play(&programs, row, &wishes, !args.is_empty()).unwrap_or_else(|error| {
            say::talk(format_args!("{}: {error:#}", row.name));
            "nothing".to_owned()
        });
        let is_right = row.causes.contains(&found);
        right += usize::from(is_right);
        let mark = if is_right { "✔" } else { "✖" };
        let (expected, seconds) = (row.causes.join("|"), began.elapsed().as_secs_f64());
        let name = &row.name;
        say::data(format_args!("{name:<22} {expected:<24} {found:<20} {seconds:.1} s {mark}"));
    }
    say::data(format_args!("{right} of {played} right"));
    if right < played {
        bail!("{} verdicts are wrong", played - right);
    }
    Ok(())
}

/// Says what is missing before anything is built.
fn needs() -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Err(Lacks("network namespaces are Linux'; run this there".to_owned()).into());
    }
    if !system::is_root() {
        let why = "network namespaces are made by root: run `sudo --preserve-env cargo xtask lab`";
        return Err(Lacks(why.to_owned()).into());
    }
    for (program, package) in [("ip", "iproute2"), ("timeout", "coreutils")] {
        system::program(program, package, "the lab needs it").map_err(|error| {
            Lacks(format!("{program} is needed, of the package {package}: {error:#}"))
        })?;
    }
    Space::possible().map_err(|error| {
        Lacks(format!("this machine makes no network namespaces (in a container?): {error:#}"))
    })?;
    Ok(())
}

/// The situations of the lab, or those with these names.
fn rows(lab: &Path, names: &[String]) -> Result<Vec<Row>> {
    let listed = Step::new(lab).arg("list").output()?;
    let rows = listed.lines().filter_map(|line| {
        let mut words = line.split(' ').map(str::to_owned);
        Some(Row { name: words.next()?, causes: words.collect() })
    });
    let rows: Vec<Row> = rows.collect();
    if let Some(name) = names.iter().find(|name| !rows.iter().any(|row| row.name == **name)) {
        bail!("there is no situation {name:?}; `{} list` has them", lab.display());
    }
    Ok(rows.into_iter().filter(|row| names.is_empty() || names.contains(&row.name)).collect())
}

/// Plays one, and tells the cause that `doctor` finds; what it shows to people too, where that is wanted.
fn play(programs: &Programs, row: &Row, wishes: &str, shows: bool) -> Result<String> {
    let mut space = Space::open(wishes)?;
    space.serve(&programs.lab, &row.name)?;
    let told = space.ask(&programs.backstop, &["doctor", "anthropic", "--json"])?;
    let json = told.lines().next_back().and_then(|_| serde_json::from_str::<Value>(&told).ok());
    let json = json.with_context(|| format!("`doctor --json` said no JSON: {told:.200}"))?;
    if shows {
        say::data(format_args!("{}", space.ask(&programs.backstop, &["doctor", "anthropic"])?));
    }
    cause(&json).context("`doctor --json` told no verdict")
}

/// The first `verdict.cause` in an answer.
fn cause(json: &Value) -> Option<String> {
    if let Some(cause) = json.pointer("/verdict/cause") {
        return cause.as_str().map(str::to_owned);
    }
    let mut inner: Box<dyn Iterator<Item = &Value>> = match json {
        Value::Array(all) => Box::new(all.iter()),
        Value::Object(all) => Box::new(all.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    inner.find_map(cause)
}

#[cfg(test)]
mod tests {
    use super::cause;

    #[test]
    fn the_verdict_is_found_wherever_it_stands() {
        let check = |json: &str, expect: Option<&str>| {
            let json = serde_json::from_str(json).unwrap();
            assert_eq!(cause(&json).as_deref(), expect);
        };
        check(r#"{"verdict":{"cause":"me.link"}}"#, Some("me.link"));
        check(r#"{"providers":[{"name":"a","verdict":{"cause":"fine"}}]}"#, Some("fine"));
        check(r#"{"anthropic":{"verdict":{"cause":"them.dns"}}}"#, Some("them.dns"));
        check(r#"{"cause":"no verdict"}"#, None);
    }
}
