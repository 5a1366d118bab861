//! Real faults against the built binary: what is too heavy for the test command.

use anyhow::Result;

use crate::binary;
use crate::step::Step;

/// `cargo xtask hostile [name…]`: all scenarios, or those with these names or promises.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let binary = binary::build("release")?;
    let attackers = Step::cargo(["run", "--release", "--package", "backstop-e2e"]);
    let attackers = attackers.args(["--example", "hostile", "--"]).args(args);
    attackers.env(binary::VARIABLE, binary).run()
}
