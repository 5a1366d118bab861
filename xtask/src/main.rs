//! The project's chores, in Rust: `cargo xtask <chore>`. This is the one door for developers.
//!
//! **Invariant:** every command is shown before it runs, and a chore that fails exits non-zero: with 2
//! where the machine lacks what it needs, which only a chore that says so can tell.

mod binary;
mod bugs;
mod cache;
mod chores;
mod clients;
mod fuzz;
mod hostile;
mod image;
mod javascript;
mod lab;
mod python;
mod say;
mod step;
mod system;

use std::process::ExitCode;

use anyhow::Result;

/// One thing a developer may ask for.
struct Chore {
    name: &'static str,
    summary: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const CHORES: [Chore; 14] = [
    Chore {
        name: "dev",
        summary: "run the gateway from source; arguments go to `serve`",
        run: chores::dev,
    },
    Chore {
        name: "test",
        summary: "prepare what tests need, then run every test; arguments go to `cargo test`",
        run: chores::test,
    },
    Chore {
        name: "check",
        summary: "formatting, lints, documentation, licences and bans",
        run: chores::check,
    },
    Chore {
        name: "clients",
        summary: "run real client programs against the gateway; arguments name clients",
        run: clients::run,
    },
    Chore {
        name: "bench",
        summary: "run the benchmarks; arguments go to `cargo bench`",
        run: chores::bench,
    },
    Chore {
        name: "bless",
        summary: "accept what golden tests see now; an argument narrows the tests",
        run: chores::bless,
    },
    Chore {
        name: "fuzz",
        summary: "fuzz every decoder on stable Rust: [--seconds 60] [target…]",
        run: fuzz::run,
    },
    Chore {
        name: "sim",
        summary: "run the simulator, of the core or of the shell: [shell] [seeds=N] [from=N]",
        run: chores::sim,
    },
    Chore {
        name: "bugs",
        summary: "plant bugs in a copy and have the simulator find each; arguments name bugs",
        run: bugs::run,
    },
    Chore {
        name: "nines",
        summary: "prove five nines over quarters of made-up outages: [--seeds 10] [--whole]",
        run: chores::nines,
    },
    Chore {
        name: "hostile",
        summary: "attack the release binary on loopback; arguments name scenarios",
        run: hostile::run,
    },
    Chore {
        name: "lab",
        summary: "have `doctor` judge the lab's situations in network namespaces (root)",
        run: lab::run,
    },
    Chore {
        name: "image",
        summary: "make the container image's files, check them, answer from them: [--folder DIR]",
        run: image::run,
    },
    Chore {
        name: "docs",
        summary: "regenerate docs/reference and build the crates' documentation",
        run: chores::docs,
    },
];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "help".to_owned());
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        list(say::data);
        return ExitCode::SUCCESS;
    }
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        say::talk(format_args!("error: there is no chore {name:?}; these are the chores:"));
        list(say::talk);
        return ExitCode::from(2);
    };
    let rest: Vec<String> = args.collect();
    match (chore.run)(&rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::talk(format_args!("error: {name}: {error:#}"));
            // Nothing was tried: the machine lacks what the chore needs.
            if error.is::<system::Lacks>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// One line per chore, to standard output when it was asked for and to standard error otherwise.
fn list(line: fn(std::fmt::Arguments<'_>)) {
    line(format_args!("usage: cargo xtask <chore> [arguments]"));
    for chore in &CHORES {
        line(format_args!("  {:<8} {}", chore.name, chore.summary));
    }
}

#[cfg(test)]
mod tests {
    use super::CHORES;

    #[test]
    fn names_are_unique_and_summaries_fit_a_line() {
        for (at, chore) in CHORES.iter().enumerate() {
            assert!(chore.summary.chars().count() <= 80, "{}", chore.name);
            assert!(!chore.summary.ends_with('.'), "{}", chore.name);
            assert!(CHORES.iter().skip(at + 1).all(|other| other.name != chore.name));
        }
    }
}
