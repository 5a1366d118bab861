//! Who may look: keys where one may read the console, and always beyond loopback; else this machine.

use crate::respond::Refusal;
use crate::route::{OPEN, Route};
use config::{Config, Foreign, KEY_HEADERS, foreign, key_in};
use http::{HeaderMap, header};
use std::net::SocketAddr;

/// Admits a request to a route, which is none where its path is unknown; or says why not.
pub(crate) fn admit(
    config: &Config,
    listen: SocketAddr,
    headers: &HeaderMap,
    route: Option<Route>,
) -> Result<(), Refusal> {
    if listen.ip().is_loopback() && !config.keys.iter().any(|key| key.console) {
        return check_here(listen, headers);
    }
    if route.is_some_and(|route| OPEN.contains(&route)) {
        return Ok(());
    }
    match presented(headers).map(|key| config.key_for(key)) {
        None => Err(Refusal::no_key()),
        Some(None) => Err(Refusal::wrong_key()),
        Some(Some(key)) if key.console => Ok(()),
        Some(Some(key)) => Err(Refusal::not_for_this(&key.name)),
    }
}

/// The first key in a request's headers.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let values = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    KEY_HEADERS.iter().find_map(|name| values(*name).find_map(|value| key_in(name, value)))
}

fn check_here(listen: SocketAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    let texts = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?"));
    let message = match foreign(texts(header::HOST), texts(header::ORIGIN), listen) {
        None => return Ok(()),
        Some(Foreign::Hosts) => "two Host headers: one of them is not ours".to_owned(),
        Some(Foreign::Host(host)) => format!(
            "Host {} is not this machine, and this console is open to whoever reaches it; ask by \
             127.0.0.1 or localhost, or set console = true in one of [keys]",
            short(host)
        ),
        Some(Foreign::Origin(origin)) => {
            format!("the page {} may not read this console", short(origin))
        }
    };
    Err(Refusal::foreign(message))
}

/// What a caller wrote, quoted and cut.
fn short(text: &str) -> String {
    format!("{:?}", text.chars().take(200).collect::<String>())
}
