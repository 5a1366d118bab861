//! Further certificate authorities that variables and configuration name.

use super::bytes;
use crate::{Ground, Subject};
use ir::evidence::CaFile;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::path::Path;

/// Variables that name a file, and those that name folders.
const FILES: &[&str] =
    &["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
const FOLDERS: &[&str] = &["SSL_CERT_DIR"];

/// Files of a folder beyond these are not looked into.
const ENTRIES_MAX: usize = 64;

/// Those that are named, and whether each holds a certificate.
pub(super) fn seen(ground: &Ground, subject: &Subject) -> Vec<CaFile> {
    let named = |names: &'static [&'static str]| {
        names.iter().filter_map(|name| {
            let value = ground.env.get(*name).filter(|value| !value.trim().is_empty())?;
            Some(((*name).to_owned(), value.clone()))
        })
    };
    let row = |from: String, path: String| {
        let usable = is_usable(Path::new(&path));
        CaFile { from, path, usable }
    };
    let mut seen: Vec<CaFile> = named(FILES).map(|(from, path)| row(from, path)).collect();
    for (from, list) in named(FOLDERS) {
        let paths = std::env::split_paths(&list).take(ENTRIES_MAX);
        seen.extend(paths.map(|path| row(from.clone(), path.display().to_string())));
    }
    seen.extend(subject.ca.iter().map(|it| row(it.from.clone(), it.path.clone())));
    seen
}

fn is_usable(path: &Path) -> bool {
    if !path.is_dir() {
        return holds_one(path);
    }
    let Ok(entries) = path.read_dir() else { return false };
    entries.take(ENTRIES_MAX).flatten().any(|entry| holds_one(&entry.path()))
}

fn holds_one(path: &Path) -> bool {
    let Some(read) = bytes(path) else { return false };
    let mut found = CertificateDer::pem_slice_iter(&read);
    found.any(|it| it.is_ok_and(|der| x509_parser::parse_x509_certificate(&der).is_ok()))
}
