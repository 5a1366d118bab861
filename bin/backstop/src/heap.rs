//! Memory that is given back, and small pieces of it that are at hand.
//!
//! glibc raises its own limits as it goes: once a buffer of 20 MiB was freed, buffers of up to 20 MiB
//! come from its heaps, and each heap keeps twice that for later. A gateway that held a few long
//! answers for seconds would hold their memory for ever, and refuse requests for want of memory that
//! nobody uses. The limits stay where they are set (mallopt(3)), which a program can do only in C, or
//! before it starts. So it starts once more, in the same process.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Where the C library is told. Whoever sets it himself is not overruled.
const TUNABLES: &str = "GLIBC_TUNABLES";

/// What has a megabyte or more is taken from the system and given back to it, and no heap keeps more.
/// Prompts of a few hundred kilobytes stay below, for which that would cost more than the rest. Events
/// come many at a time, each with a piece of text of its own: of each size a thread has so many at hand,
/// not seven, after which every one of them would be asked of the heap.
const LIMITS: &str = "glibc.malloc.mmap_threshold=1048576:glibc.malloc.trim_threshold=1048576:\
                      glibc.malloc.tcache_count=64";

/// Says that it was done: the C library takes its own variable out where a program has rights that
/// its user has not, and it would be done again for ever.
const DONE: &str = "BACKSTOP_STARTED_ONCE_MORE";

/// Sets the limits. Comes back where they are set, or cannot be.
pub(crate) fn limit() {
    let done = env::var_os(TUNABLES).is_some() || env::var_os(DONE).is_some();
    if cfg!(not(target_env = "gnu")) || done {
        return;
    }
    let mut args = env::args_os();
    let (Ok(program), Some(name)) = (env::current_exe(), args.next()) else { return };
    // A program that was replaced is not there any more, and one that was started by the loader would
    // start the loader.
    let loader = program.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b"ld"));
    if loader || !program.is_file() {
        return;
    }
    let mut again = Command::new(program);
    let error = again.arg0(name).args(args).env(TUNABLES, LIMITS).env(DONE, "1").exec();
    tracing::debug!(%error, "memory is given back late");
}
