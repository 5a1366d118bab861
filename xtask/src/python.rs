//! A Python environment with the real SDKs, at the versions of `tests/clients/requirements.txt`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache::{Cache, fingerprint};
use crate::step::{Step, root};
use crate::{say, system};

const REQUIREMENTS: &str = "tests/clients/requirements.txt";

/// What the pinned packages ask for.
const VERSION_MIN: (u32, u32) = (3, 11);

/// Interpreters to try, the machine's default first.
const PYTHONS: [&str; 7] = [
    "python3",
    "/usr/bin/python3",
    "python3.15",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
];

/// The interpreter of an environment that has the SDKs; made when missing.
pub(crate) fn prepare(cache: &Cache) -> Result<PathBuf> {
    let list = root()?.join(REQUIREMENTS);
    let text = std::fs::read_to_string(&list)
        .with_context(|| format!("cannot read {}", list.display()))?;
    let name = format!("python-{}", fingerprint(&text));
    let works = |folder: &Path| {
        Step::new(interpreter(folder)).args(["-c", "import anthropic, openai"]).succeeds()
    };
    let folder = cache.thing(&name, works, |folder| {
        Step::new(find()?).args(["-m", "venv"]).arg(folder).run()?;
        // The scripts of a venv hold its path and this one will be renamed: only `-m` works.
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
        Step::new(interpreter(folder)).args(pip).arg("--requirement").arg(&list).run()
    })?;
    let python = interpreter(&folder);
    say::talk(format_args!("the SDKs are in {}", python.display()));
    Ok(python)
}

fn interpreter(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

/// A Python that is new enough and can make environments.
fn find() -> Result<&'static str> {
    let (major, minor) = VERSION_MIN;
    if let Some(python) = working() {
        return Ok(python);
    }
    let why = format!("Python {major}.{minor} or newer with venv is missing");
    system::install(&["python3", "python3-venv"], &why)?;
    match working() {
        Some(python) => Ok(python),
        None => {
            bail!("the Python of this machine is older than {major}.{minor}; install a newer one")
        }
    }
}

fn working() -> Option<&'static str> {
    let (major, minor) = VERSION_MIN;
    // Debian ships venv without ensurepip unless python3-venv is installed.
    let question =
        format!("import ensurepip, sys, venv; sys.exit(sys.version_info < ({major}, {minor}))");
    PYTHONS.into_iter().find(|python| Step::new(python).arg("-c").arg(&question).succeeds())
}
