//! Where a provider's keys come from.
//!
//! **Invariant:** neither the text of an `api_key` nor what it names is shown; the line says where
//! it stands.

use crate::problem::Findings;
use crate::raw::Section;
use crate::{Access, Credential, Surroundings};
use ir::{Auth, Quirks};
use secrecy::SecretString;

/// The longest key, in bytes: what fits into a header without question.
const KEY_MAX: usize = 8 << 10;

/// The ways to name a key.
const FORMS: &str = "\"env:NAME\", \"file:PATH\", \"literal:VALUE\" or \"caller\"";

/// What is wrong, and what to do.
pub(super) type Fault = (String, String);

/// A provider, as far as its credentials depend on it.
pub(super) struct Owner<'a> {
    pub(super) section: &'a Section,
    pub(super) quirks: &'static Quirks,
    pub(super) local: bool,
}

/// The credentials of a provider.
pub(super) fn credentials(
    owner: &Owner<'_>,
    around: &dyn Surroundings,
    findings: &mut Findings<'_>,
) -> Vec<Credential> {
    let section = owner.section;
    let Some(texts) = section.texts("api_key") else {
        return if section.refused("api_key") {
            Vec::new()
        } else {
            usual(owner, around, findings)
        };
    };
    let path = section.key("api_key");
    if texts.is_empty() {
        let hint = format!("name one: {FORMS}; or leave api_key out");
        findings.problem(section.at("api_key"), path.clone(), "an empty list", hint);
    }
    let mut all = Vec::new();
    for (at, text) in texts {
        if text == "caller" && texts.len() > 1 {
            let what = "\"caller\" stands alone";
            let hint = "their key is never mixed with ours: make two providers of it";
            findings.problem(*at, path.clone(), what, hint);
            continue;
        }
        if text.starts_with("literal:") {
            let hint = "\"env:NAME\" and \"file:PATH\" keep it out";
            findings.warn(*at, path.clone(), "a key stands in the file itself", hint);
        }
        match named(text, around) {
            Ok(credential) => {
                if let Some(file) = text.strip_prefix("file:") {
                    guard(file, around, (*at, path.clone()), findings);
                }
                all.push(credential);
            }
            Err((what, hint)) => findings.problem(*at, path.clone(), what, hint),
        }
    }
    all
}

/// A file that holds a secret is for whoever runs us. What others may read works, and is common
/// where secrets are mounted; who may write to it decides whom requests are paid by.
pub(super) fn guard(
    file: &str,
    around: &dyn Surroundings,
    (at, key): (usize, String),
    findings: &mut Findings<'_>,
) {
    match around.access(file) {
        Access::Closed => {}
        Access::Read => {
            let hint = "chmod o-r, or put it into a folder that is closed to them";
            findings.warn(at, key, "other users of this machine may read the file", hint);
        }
        Access::Write => {
            let hint = "chmod o-w; where that cannot be, keep it elsewhere";
            findings.problem(at, key, "other users of this machine may write to the file", hint);
        }
    }
}

/// A key fit for a header, or why it is not.
pub(crate) fn secret(value: &str) -> Result<SecretString, Fault> {
    let value = value.trim();
    if value.is_empty() {
        return Err(("the key is empty".to_owned(), "fill it, or leave api_key out".to_owned()));
    }
    if value.len() > KEY_MAX || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = "the key has a character that no header can hold, or is too long".to_owned();
        return Err((what, "is it one key, on one line?".to_owned()));
    }
    Ok(SecretString::from(value.to_owned()))
}

/// The first key that the usual environment variables of a provider hold; an unusable one is
/// reported and passed over.
pub(crate) fn from_environment(
    quirks: &Quirks,
    around: &dyn Surroundings,
    mut unusable: impl FnMut(&'static str, String, String),
) -> Option<Credential> {
    for name in quirks.env {
        match around.env(name).map(|value| secret(&value)) {
            Some(Ok(secret)) => return Some(Credential::Ours(secret)),
            Some(Err((what, hint))) => unusable(name, what, hint),
            None => {}
        }
    }
    None
}

/// What a provider gets whose `api_key` is left out.
fn usual(
    owner: &Owner<'_>,
    around: &dyn Surroundings,
    findings: &mut Findings<'_>,
) -> Vec<Credential> {
    let section = owner.section;
    let path = section.key("api_key");
    let mut reported = false;
    let found = from_environment(owner.quirks, around, |name, what, hint| {
        findings.problem(section.at, path.clone(), format!("{name}: {what}"), hint);
        reported = true;
    });
    if let Some(credential) = found {
        return vec![credential];
    }
    if owner.local || owner.quirks.auth == Auth::Optional {
        return vec![Credential::None];
    }
    if !reported {
        let (what, hint) = match owner.quirks.env.first() {
            Some(name) => (
                format!("is missing, and {name} is not set"),
                format!("set {name}, or name a key: {FORMS}"),
            ),
            None => (
                "is missing".to_owned(),
                format!("name a key: {FORMS}; or say local = true where none is needed"),
            ),
        };
        findings.absent(section.at, path, what, hint);
    }
    Vec::new()
}

fn named(text: &str, around: &dyn Surroundings) -> Result<Credential, Fault> {
    if text == "caller" {
        return Ok(Credential::Caller);
    }
    let nowhere = || {
        let what = "does not say where the key comes from".to_owned();
        (what, format!("write {FORMS}"))
    };
    let value = source(text, around).ok_or_else(nowhere)??;
    secret(&value).map(Credential::Ours)
}

/// What stands where `env:NAME`, `file:PATH` or `literal:VALUE` says; `None` where it says nothing of
/// the kind.
pub(super) fn source(text: &str, around: &dyn Surroundings) -> Option<Result<String, Fault>> {
    let fault = |what: &str, hint: String| Err((what.to_owned(), hint));
    Some(match text.split_once(':')? {
        ("env", name) if is_variable(name) => variable(name, around),
        ("env", _) => fault(
            "not the name of an environment variable",
            "use letters, digits and underscores, without $".to_owned(),
        ),
        ("file", path) => around.file(path).or_else(|why| fault("the file cannot be read", why)),
        ("literal", value) => Ok(value.to_owned()),
        _ => return None,
    })
}

fn variable(name: &str, around: &dyn Surroundings) -> Result<String, Fault> {
    if let Some(value) = around.env(name) {
        return Ok(value);
    }
    // A key in the place of a name usually has lower case in it; then it stays unsaid.
    let what = if name.contains(|c: char| c.is_ascii_lowercase()) {
        "the environment variable is not set".to_owned()
    } else {
        format!("the environment variable {name} is not set")
    };
    Err((what, "set it where backstop is started".to_owned()))
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
