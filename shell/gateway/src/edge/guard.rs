//! Who may ask: keys where there are any; on an open loopback gateway, nobody from outside.
//!
//! Without keys any page in the user's browser could reach the loopback port. So what is foreign
//! (`config::foreign`) is refused, and so is a body that a browser may send unasked.

use crate::edge::refuse;
use crate::refusal::{Reason, Refusal};
use config::{Config, Foreign, KEY_HEADERS, foreign, key_in};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use ir::Dialect;
use std::sync::Arc;

/// Admits a caller and tells the name of its key, where keys are required; or says why not.
///
/// **Invariant:** a key of ours goes no further: every header that holds one is taken out.
pub(crate) fn admit(
    config: &Config,
    headers: &mut HeaderMap,
    dialect: Dialect,
    has_body: bool,
) -> Result<Option<Arc<str>>, Refusal> {
    if has_body {
        check_body(headers, dialect)?;
    }
    if config.keys.is_empty() {
        check_open(config, headers, dialect)?;
        return Ok(None);
    }
    let Some(key) = KEY_HEADERS.iter().find_map(|name| presented(headers, name).next()) else {
        let message = "a key is required; present it as x-backstop-key, as a bearer token, or as \
                       x-api-key";
        return refuse(dialect, Reason::NoKey, message);
    };
    let Some(found) = config.key_for(key) else {
        let message = "this key is not known here; make one with: backstop key new NAME";
        return refuse(dialect, Reason::WrongKey, message);
    };
    let principal = Arc::from(found.name.as_str());
    let key = key.to_owned();
    let ours = |headers: &HeaderMap, name: &HeaderName| {
        let known = presented(headers, name.as_str()).any(|key| config.key_for(key).is_some());
        known || headers.get_all(name).iter().any(|value| holds(value.as_bytes(), key.as_bytes()))
    };
    let names: Vec<HeaderName> = headers.keys().filter(|it| ours(headers, it)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
    Ok(Some(principal))
}

/// Whether a header repeats the key, in whatever spelling stands around it.
fn holds(value: &[u8], key: &[u8]) -> bool {
    !key.is_empty() && value.windows(key.len()).any(|window| window == key)
}

/// The keys in a header.
fn presented<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let texts = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    texts.filter_map(move |text| key_in(name, text))
}

fn check_body(headers: &HeaderMap, dialect: Dialect) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = text(header::CONTENT_TYPE).unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = format!("the body is declared as {essence:?}; send application/json");
        return refuse(dialect, Reason::NotJson, message);
    }
    let plain = |value: &&HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    match headers.get_all(header::CONTENT_ENCODING).iter().find(|value| !plain(value)) {
        None => Ok(()),
        Some(encoding) => {
            let encoding = encoding.to_str().unwrap_or("?");
            let message = format!("the body is encoded as {encoding:?}; send it plain");
            refuse(dialect, Reason::Encoded, message)
        }
    }
}

fn check_open(config: &Config, headers: &HeaderMap, dialect: Dialect) -> Result<(), Refusal> {
    let texts = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?"));
    let listen = config.server.listen;
    let message = match foreign(texts(header::HOST), texts(header::ORIGIN), listen) {
        None => return Ok(()),
        Some(Foreign::Hosts) => "two Host headers: one of them is not ours".to_owned(),
        Some(Foreign::Host(host)) => format!(
            "Host {host:?} is not this machine, and this gateway is open to whoever reaches it; \
             ask by 127.0.0.1 or localhost, or set up keys: backstop key new NAME"
        ),
        Some(Foreign::Origin(origin)) => {
            format!("the page {origin:?} may not use this gateway; set up keys first")
        }
    };
    refuse(dialect, Reason::Foreign, message)
}
