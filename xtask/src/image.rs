//! `cargo xtask image`: the files of the container image, made without a container. `deploy/Dockerfile`
//! runs this chore and copies its folder, so that what is checked here is what is shipped.
//!
//! **Invariants:** one executable file, static, with no set-user bit anywhere and hence no shell; not more than
//! [`SIZE_MAX`]; and it has answered a request from there before it passes.

mod trial;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use object::Endianness;
use object::elf::{ET_DYN, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::step::root;
use crate::{binary, say};

/// What we promise of the image, in bytes.
const SIZE_MAX: u64 = 40_000_000;

/// Where the program is, in the image.
const PROGRAM: &str = "backstop";

/// The files beside the program. Whoever runs containers lays their own `hosts` over ours. The user's
/// number is what `deploy/Dockerfile` names; many images without a shell use the same.
const FILES: [(&str, &str); 4] = [
    ("etc/passwd", "nonroot:x:65532:65532:nonroot:/:/none\n"),
    ("etc/group", "nonroot:x:65532:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    // What a static C library can do by itself.
    ("etc/nsswitch.conf", "hosts: files dns\n"),
];

/// Where authorities are read from, here and in the image: the name that Debian and others give it. A
/// private authority is laid over it. Without it the program has Mozilla's.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

/// An entry of the image, as it is listed.
struct Entry {
    path: PathBuf,
    mode: u32,
    size: u64,
    is_file: bool,
}

/// Builds, assembles, lists, checks, tries.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let folder = folder(args)?;
    let program = binary::build_static()?;
    assemble(&folder, &program)?;
    let mut entries = Vec::new();
    list(&folder, &folder, &mut entries)?;
    for Entry { path, mode, size, .. } in &entries {
        say::data(format_args!("{mode:04o} {size:>10} /{}", path.display()));
    }
    let size: u64 = entries.iter().map(|entry| entry.size).sum();
    say::data(format_args!("{size} bytes in {}", folder.display()));
    check(&entries, size)?;
    say::data(format_args!("the program is {}", linkage(&fs::read(folder.join(PROGRAM))?)?));
    trial::run(&program)
}

/// The folder to make; the default one is made anew.
fn folder(args: &[String]) -> Result<PathBuf> {
    match args {
        [] => {
            let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
            let folder = root()?.join(target.unwrap_or_else(|| "target".into())).join("image");
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            Ok(folder)
        }
        [flag, folder] if flag == "--folder" => {
            let folder = std::path::absolute(folder)?;
            let used = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
            ensure!(!used, "{} is not empty: name a folder to be made", folder.display());
            Ok(folder)
        }
        [other, ..] => bail!("unexpected argument {other:?}: [--folder DIR] is all there is"),
    }
}

/// Lays out the image below `folder`.
fn assemble(folder: &Path, program: &Path) -> Result<()> {
    for below in ["etc/backstop", "etc/ssl/certs"] {
        fs::create_dir_all(folder.join(below))?;
    }
    // The user of the image is not who makes it.
    for below in ["", "etc", "etc/backstop", "etc/ssl", "etc/ssl/certs"] {
        set_mode(&folder.join(below), 0o755)?;
    }
    let put = |path: &str, bytes: &[u8], mode: u32| {
        let path = folder.join(path);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        set_mode(&path, mode)
    };
    put(PROGRAM, &fs::read(program)?, 0o755)?;
    for (path, text) in FILES {
        put(path, text.as_bytes(), 0o644)?;
    }
    match fs::read(Path::new("/").join(AUTHORITIES)) {
        Ok(authorities) => put(AUTHORITIES, &authorities, 0o644),
        Err(error) => {
            say::talk(format_args!("no /{AUTHORITIES} here ({error}): Mozilla's are built in"));
            Ok(())
        }
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    let set = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    set.with_context(|| format!("cannot set the mode of {}", path.display()))
}

/// Everything below a folder, in order.
fn list(root: &Path, folder: &Path, entries: &mut Vec<Entry>) -> Result<()> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    for path in paths {
        let about = path.symlink_metadata()?;
        let size = if about.is_file() { about.len() } else { 0 };
        let mode = about.permissions().mode() & 0o7777;
        let shown = path.strip_prefix(root)?.to_owned();
        entries.push(Entry { path: shown, mode, size, is_file: about.is_file() });
        if about.is_dir() {
            list(root, &path, entries)?;
        }
    }
    Ok(())
}

fn check(entries: &[Entry], size: u64) -> Result<()> {
    ensure!(size <= SIZE_MAX, "the image has {size} bytes, and {SIZE_MAX} are promised");
    for Entry { path, mode, is_file, .. } in entries {
        let path = path.display();
        ensure!(mode & 0o7000 == 0, "/{path} would lend its owner's rights: mode {mode:04o}");
        ensure!(mode & 0o022 == 0, "/{path} can be written by others: mode {mode:04o}");
        let program = path.to_string() == PROGRAM;
        ensure!(
            program || !is_file || mode & 0o111 == 0,
            "/{path} can be executed, and only the program should be"
        );
    }
    Ok(())
}

/// How a program is linked; an error where it needs a loader, which the image has not.
fn linkage(program: &[u8]) -> Result<&'static str> {
    let header = object::elf::FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let mut headers = header.program_headers(endian, program)?.iter();
    ensure!(
        headers.all(|it| it.p_type(endian) != PT_INTERP),
        "the program needs a loader: it is not static"
    );
    let placed = header.e_type(endian) == ET_DYN;
    Ok(if placed { "static, at an address of chance (PIE)" } else { "static, at a fixed address" })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Entry, PROGRAM, SIZE_MAX, check, folder, linkage};

    #[test]
    fn what_does_not_belong_is_refused() {
        let entry = |path: &str, mode| Entry { path: path.into(), mode, size: 0, is_file: true };
        let said = |entries: &[Entry], size| check(entries, size).map_err(|it| it.to_string());
        assert_eq!(said(&[entry(PROGRAM, 0o755), entry("etc/passwd", 0o644)], SIZE_MAX), Ok(()));
        for (entry, part) in [
            (entry("bin/sh", 0o755), "/bin/sh can be executed"),
            (entry(PROGRAM, 0o4755), "lend its owner's rights: mode 4755"),
            (entry("etc/passwd", 0o666), "can be written by others"),
        ] {
            assert!(said(&[entry], 0).unwrap_err().contains(part), "{part}");
        }
        assert!(said(&[], SIZE_MAX + 1).unwrap_err().contains("40000000 are promised"));
    }

    #[test]
    fn a_program_with_a_loader_is_seen() {
        let dynamic = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(linkage(&dynamic).unwrap_err().to_string().contains("it is not static"));
        assert!(linkage(b"#!/bin/sh").is_err());
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let args =
            |args: &[&str]| folder(&args.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(args(&["--folder", "/none/image"]).unwrap(), PathBuf::from("/none/image"));
        let used = std::env::temp_dir();
        let used = used.to_str().unwrap();
        assert!(
            args(&["--folder", "/"]).unwrap_err().to_string().contains("is not empty"),
            "{used}"
        );
        assert!(args(&["--size"]).unwrap_err().to_string().contains("unexpected argument"));
    }
}
