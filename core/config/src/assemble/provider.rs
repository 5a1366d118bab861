//! `[providers.NAME]`: which row of quirks, where, with which credentials.

use super::secret::{self, Owner};
use super::{Common, check_name, own_deadlines, way};
use crate::problem::Findings;
use crate::raw::{Named, Section};
use crate::{BaseUrl, Provider, Surroundings, near, providers};
use ir::{Dialect, Quirks};
use policy::Deadlines;

/// What a provider's own section does not say.
pub(super) struct Beside<'a> {
    pub(super) base: &'a Deadlines,
    pub(super) common: &'a Common,
    pub(super) around: &'a dyn Surroundings,
}

/// Reads a provider; reports everything that is wrong with it, and gives nothing where too little
/// is known.
pub(super) fn read(
    named: &Named,
    beside: &Beside<'_>,
    findings: &mut Findings<'_>,
) -> Option<Provider> {
    let Beside { base, common, around } = *beside;
    let Named { name, section } = named;
    check_name(name, section, findings);
    let deadlines = own_deadlines(section, base, findings).over(*base);
    let quirks = row(name, section, findings);
    let base_url = base_url(section, quirks, findings);
    let (Some(quirks), Some(base_url)) = (quirks, base_url) else { return None };
    let local = section
        .flag("local")
        .unwrap_or_else(|| base_url.is_loopback() || (quirks.local && base_url.is_private()));
    let way = {
        let owner = way::Owner { section, url: &base_url, local };
        way::read(&owner, common, around, findings)
    };
    let owner = Owner { section, quirks, local };
    let credentials = secret::credentials(&owner, around, findings);
    if credentials.is_empty() {
        return None;
    }
    let dialect = dialect(section).unwrap_or(quirks.dialect);
    let quirks = providers::at(quirks, &base_url.path);
    let name = name.clone();
    let status_page = status_page(section, findings);
    Some(Provider {
        name,
        quirks,
        dialect,
        base_url,
        credentials,
        local,
        deadlines,
        way,
        status_page,
    })
}

/// The page that the file names, if it does. It is anybody's to read: no secret goes there.
fn status_page(section: &Section, findings: &mut Findings<'_>) -> Option<String> {
    let text = section.text("status_page")?;
    if text.is_empty() {
        return Some(String::new());
    }
    // A page has a path of its own, and maybe a query: only what stands before them is looked at.
    let origin = text.split_inclusive('/').take(3).collect::<String>();
    let safe = |url: BaseUrl| url.https;
    let good =
        BaseUrl::parse(&origin).is_ok_and(safe) && text.chars().all(|c| c.is_ascii_graphic());
    if !good {
        let (at, path) = (section.at("status_page"), section.key("status_page"));
        let hint = "write \"https://HOST/…\", or \"\" where it has none";
        findings.problem(at, path, "not a URL of https", hint);
    }
    good.then(|| text.to_owned())
}

fn dialect(section: &Section) -> Option<Dialect> {
    section.word("dialect").and_then(Dialect::from_name)
}

/// The row of quirks: the one that `kind` names, else the one with the section's name where the
/// dialect agrees, else the generic one of the dialect. Local servers speak all dialects, so
/// their row fits any.
fn row(name: &str, section: &Section, findings: &mut Findings<'_>) -> Option<&'static Quirks> {
    let path = section.key("kind");
    if let Some(kind) = section.text("kind") {
        let row = providers::row(kind);
        if row.is_none() {
            let names: Vec<&str> = providers::ROWS.iter().map(|row| row.name).collect();
            let hint = near::did_you_mean(kind, &names);
            findings.problem(section.at("kind"), path, "unknown kind", hint);
        }
        return row;
    }
    if section.refused("kind") || section.refused("dialect") {
        return None;
    }
    let dialect = dialect(section);
    let own = providers::row(name);
    match (own, dialect) {
        (Some(row), None) => Some(row),
        (Some(row), Some(dialect)) if speaks(row, dialect) || row.local => Some(row),
        (Some(_) | None, Some(dialect)) => Some(providers::generic(dialect)),
        (None, None) => {
            let hint = "say dialect = \"openai\", \"openai-responses\" or \"anthropic\", or which kind it is";
            let what = "not a provider that is known by its name";
            findings.absent(section.at, section.path.clone(), what, hint);
            None
        }
    }
}

/// Whether the address and the keys of a row are good for a dialect.
fn speaks(row: &Quirks, dialect: Dialect) -> bool {
    row.dialect == dialect || (dialect == Dialect::Responses && row.responses)
}

fn base_url(
    section: &Section,
    quirks: Option<&'static Quirks>,
    findings: &mut Findings<'_>,
) -> Option<BaseUrl> {
    let path = section.key("base_url");
    let at = section.at("base_url");
    let Some(text) = section.text("base_url") else {
        if section.refused("base_url") {
            return None;
        }
        let quirks = quirks?;
        let speaks = dialect(section).is_none_or(|dialect| speaks(quirks, dialect));
        if quirks.base_url.is_empty() || !(speaks || quirks.local) {
            let hint = "write base_url = \"https://HOST/v1\"";
            findings.absent(section.at, path, "is missing", hint);
            return None;
        }
        return BaseUrl::parse(quirks.base_url).ok();
    };
    match BaseUrl::parse(text) {
        Ok(mut url) => {
            if let Some(path) = quirks.and_then(|quirks| path_of_row(quirks, &url, text)) {
                url.path = path;
            }
            if !url.https && !url.is_private() {
                let hint = "use https";
                findings.warn(at, path, "keys and prompts would go in plain text", hint);
            }
            Some(url)
        }
        Err(fault) => {
            findings.problem(at, path, fault.what, fault.hint);
            None
        }
    }
}

/// The path that a URL of this text has by its row, where that is not the one it was read with.
fn path_of_row(quirks: &Quirks, url: &BaseUrl, text: &str) -> Option<String> {
    if is_bare(text) {
        return usual_path(quirks, url);
    }
    // What the row takes for a version segment is one: none was missing.
    let read = url.path.strip_suffix("/v1")?;
    let written = text.trim_end_matches('/');
    let is_end = |end: &str| read.ends_with(end) && written.ends_with(end);
    quirks.below.iter().any(|(end, _)| is_end(end)).then(|| read.to_owned())
}

/// Whether a URL was written without a path.
fn is_bare(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| !rest.trim_end_matches('/').contains('/'))
}

/// The path that a provider's own host needs where the URL was written without one: that of its
/// row, and `/openai/v1` for the hosts of Azure.
fn usual_path(quirks: &Quirks, url: &BaseUrl) -> Option<String> {
    if url.host.ends_with(".azure.com") {
        return Some("/openai/v1".to_owned());
    }
    let own = BaseUrl::parse(quirks.base_url).ok()?;
    (own.host == url.host).then_some(own.path)
}
