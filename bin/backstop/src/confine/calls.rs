//! System calls that serving does not need are refused: seccomp
//! (<https://docs.kernel.org/userspace-api/seccomp_filter.html>).
//!
//! **Invariant:** no program is started and no process is made; threads are.
//!
//! It is a list of what is denied, not of what is allowed: what a C library or a runtime calls changes
//! from version to version, and a gateway must not die of an update. A denied call fails with `EPERM`
//! and hurts nobody who did not mean it. A call of another architecture (a 32-bit call) ends the process.

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;

/// The rules of a filter: under each number of a call, when the filter is about it; empty means always.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What serving never calls.
const DENIED: &[i64] = &[
    // Other programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes: their memory, their descriptors, their execution.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // Parts of the kernel where most of its holes were found.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Another view of the machine.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_personality,
    // The machine itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_vhangup,
];

/// And what only this architecture has.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[i64] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[i64] = &[];

/// The second numbering of x86-64: its own numbers with this bit, and a few of its own
/// (<https://github.com/torvalds/linux/blob/v6.12/arch/x86/entry/syscalls/syscall_64.tbl>): `execve`,
/// `ptrace`, `kexec_load`, `process_vm_readv`, `process_vm_writev`, `execveat`, `move_pages`.
#[cfg(target_arch = "x86_64")]
const X32_BIT: i64 = 0x4000_0000;
#[cfg(target_arch = "x86_64")]
const X32_OWN: [i64; 7] = [520, 521, 528, 533, 539, 540, 545];

/// New surroundings that `clone` can make beside a thread.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

/// Locks the calling thread and the threads that it starts; says why where it does not hold.
pub(super) fn lock() -> Result<(), String> {
    let filters = [unknown(), denied()];
    for filter in filters {
        let filter = filter.map_err(|error| error.to_string())?;
        apply_filter(&filter).map_err(|error| format!("this kernel takes no filter: {error}"))?;
    }
    Ok(())
}

/// `clone3` passes its flags in memory, where a filter cannot read them. As a call that the kernel does
/// not know it makes C libraries fall back to `clone`.
fn unknown() -> Result<BpfProgram, BackendError> {
    let mut rules = Rules::new();
    deny(&mut rules, libc::SYS_clone3, &[]);
    filter(rules, libc::ENOSYS)
}

fn denied() -> Result<BpfProgram, BackendError> {
    let mut rules = Rules::new();
    for call in DENIED.iter().chain(DENIED_HERE) {
        deny(&mut rules, *call, &[]);
    }
    #[cfg(target_arch = "x86_64")]
    rules.extend(X32_OWN.map(|number| (number | X32_BIT, Vec::new())));
    deny(&mut rules, libc::SYS_clone, &processes()?);
    filter(rules, libc::EPERM)
}

/// `clone` where it makes anything but a thread of this process.
fn processes() -> Result<Vec<SeccompRule>, BackendError> {
    // The flags are the first argument on every architecture that there is a filter for.
    let flag = |bit: i32, value: i32| {
        let (mask, value) = (u64::from(bit.cast_unsigned()), u64::from(value.cast_unsigned()));
        let condition = SeccompCmpOp::MaskedEq(mask);
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Qword, condition, value)?;
        SeccompRule::new(vec![condition])
    };
    let no_thread = flag(libc::CLONE_THREAD, 0);
    let elsewhere = NAMESPACES.map(|bit| flag(bit, bit));
    std::iter::once(no_thread).chain(elsewhere).collect()
}

/// Denies a call under each of its numbers.
fn deny(rules: &mut Rules, call: i64, when: &[SeccompRule]) {
    rules.insert(call, when.to_vec());
    #[cfg(target_arch = "x86_64")]
    rules.insert(call | X32_BIT, when.to_vec());
}

fn filter(rules: Rules, errno: i32) -> Result<BpfProgram, BackendError> {
    let here = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = SeccompAction::Errno(errno.cast_unsigned());
    SeccompFilter::new(rules, SeccompAction::Allow, refused, here)?.try_into()
}
