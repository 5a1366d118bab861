//! No file is written outside a few places, and none is executed: landlock
//! (<https://docs.kernel.org/userspace-api/landlock.html>).
//!
//! Reading stays as it is, see [`confine`](super). So do TCP connections: landlock can bound their
//! ports, but a reload may bring a provider with another one.

use landlock::{
    ABI, AccessFs, BitFlags, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use std::path::{Path, PathBuf};

/// The first landlock that guards everything that changes a file, truncation included: Linux 6.2. With
/// an older one the lock holds in part.
const COMPLETE: ABI = ABI::V3;

/// Locks the calling thread and the threads that it starts; says why where it does not hold whole.
pub(super) fn lock(places: &[PathBuf]) -> Result<(), String> {
    let status = restrict(places).map_err(|error| error.to_string())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced => {
            Err("by truncation alone: landlock is complete since Linux 6.2".to_owned())
        }
        RulesetStatus::NotEnforced => Err("this kernel has no landlock".to_owned()),
    }
}

fn restrict(places: &[PathBuf]) -> Result<RestrictionStatus, RulesetError> {
    let given_up = AccessFs::from_write(COMPLETE) | AccessFs::Execute;
    let mut ruleset = Ruleset::default().handle_access(given_up)?.create()?;
    for place in places {
        // Whoever opens what is not there is told then.
        let Ok(fd) = PathFd::new(place) else { continue };
        // A pipe without a name cannot be a rule and needs none. Any other rule that is missing makes
        // the lock tighter, not looser, and is met when the file is opened.
        if let Err(error) = (&mut ruleset).add_rule(PathBeneath::new(fd, rights(place))) {
            tracing::debug!(place = %place.display(), %error, "no rule of landlock");
        }
    }
    ruleset.restrict_self()
}

/// What records need: to be appended to, and a new file where the old one was moved away. What a
/// successor needs: a socket, in the place of the one before.
fn rights(place: &Path) -> BitFlags<AccessFs> {
    if place.is_dir() {
        AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::MakeSock | AccessFs::RemoveFile
    } else {
        AccessFs::WriteFile.into()
    }
}
