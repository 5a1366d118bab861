//! `backstop status`: how every provider stands, as the console of the running gateway tells it.

use crate::cli::{ConfigArgs, FallbackArg, StatusArgs};
use crate::{around, banner, out};
use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use config::Config;
use http::{HeaderName, HeaderValue, Request};
use ir::Failure;
use monitor::is_hidden;
use monitor::status::Status;
use serde_json::Value;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;
use transport::{Payload, Upstream, UpstreamSettings};

/// The console is near, and what it says is small.
const WITHIN: Duration = Duration::from_secs(5);
/// Whoever does not answer at once on this machine is not there.
const AT_ONCE: Duration = Duration::from_millis(500);
const BODY_MAX: usize = 16 << 20;
/// Where the key is read from, and how it is presented.
const KEY: &str = "BACKSTOP_KEY";
const KEY_HEADER: HeaderName = HeaderName::from_static("x-backstop-key");
/// Where nobody tells how wide it is, lines are as long as they are.
const COLUMNS_MIN: usize = 20;

/// Asks and shows.
pub(crate) async fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let Some((at, tls)) = console(args).await? else { return Ok(ExitCode::from(2)) };
    let body = ask(at, tls).await?;
    let text = std::str::from_utf8(&body).context("what came from there is not text")?;
    let status = read(&body)
        .with_context(|| format!("what came from {at} is not the status of a gateway"))?;
    if args.json {
        out::print(text)?;
    } else {
        out::part(&status.table(columns()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the console listens, and whether it speaks TLS there; `None` after every problem was said.
async fn console(args: &StatusArgs) -> anyhow::Result<Option<(SocketAddr, bool)>> {
    if let Some(at) = args.console.filter(|at| at.ip().is_loopback()) {
        return Ok(Some((at, false)));
    }
    let wanted =
        ConfigArgs { config: args.config.clone(), fallback: FallbackArg::Own, listen: None };
    let Some(loaded) = around::load(&wanted).await? else { return Ok(None) };
    let Config { console, tls, .. } = loaded.config;
    let Some(at) = args.console.or_else(|| console.listen.addr()) else {
        bail!("there is no console: console.listen = \"off\" in the configuration")
    };
    ensure!(
        at.port() != 0,
        "console.listen = \"{at}\" is any free port: name the one that it has with --console"
    );
    Ok(Some((at, tls.is_some() && !at.ip().is_loopback())))
}

/// Whether a gateway runs on this machine, and how it says that it stands.
#[derive(Debug)]
pub(crate) enum Here {
    /// Nobody answers as one.
    Nobody,
    /// One that wants a key first.
    Closed,
    /// How it stands.
    Open(Box<Status>),
}

/// Asks a console on this machine. Nobody asked us to show a key there.
pub(crate) async fn here(at: SocketAddr) -> Here {
    let Ok(Ok((_, status, body))) = timeout(AT_ONCE, get(at, false, None)).await else {
        return Here::Nobody;
    };
    let closed = wants_key(status, body.as_deref());
    let read = || read(&body?).ok();
    match status {
        401 | 403 if closed => Here::Closed,
        200 => read().map_or(Here::Nobody, |status| Here::Open(Box::new(status))),
        _ => Here::Nobody,
    }
}

/// The status of a gateway: it says when it was written, whatever else it leaves out.
fn read(body: &[u8]) -> anyhow::Result<Status> {
    let status: Status = serde_json::from_slice(body)?;
    ensure!(status.at_unix_ms != 0, "it does not say when it was written");
    Ok(status)
}

/// Asks, with our key only where one is wanted, by a refusal as a console writes it: whoever else listens
/// there does not get it.
async fn ask(at: SocketAddr, tls: bool) -> anyhow::Result<Bytes> {
    let (url, status, body) = get(at, tls, None).await?;
    let key = if wants_key(status, body.as_deref()) { key()? } else { None };
    let (url, status, body) = match key {
        Some(key) => get(at, tls, Some(key)).await?,
        None => (url, status, body),
    };
    match status {
        200 => body.with_context(|| format!("the answer of {url} was cut")),
        401 | 403 if wants_key(status, body.as_deref()) => {
            bail!("{}; set {KEY} to a key with console = true", said(body.as_deref()))
        }
        404 => bail!("what listens at {url} is no console of this version of backstop"),
        status => bail!("{url} answered {status}: {}", said(body.as_deref())),
    }
}

/// The key of whoever looks, where there is one.
fn key() -> anyhow::Result<Option<HeaderValue>> {
    let Ok(key) = std::env::var(KEY) else { return Ok(None) };
    let unfit = || format!("{KEY} is no key: it cannot stand in a header");
    let mut key = HeaderValue::from_str(key.trim()).ok().with_context(unfit)?;
    key.set_sensitive(true);
    Ok(Some(key))
}

/// The status that it answers with, and as much of the body as came.
async fn get(
    at: SocketAddr,
    tls: bool,
    key: Option<HeaderValue>,
) -> anyhow::Result<(String, u16, Option<Bytes>)> {
    let scheme = if tls { "https" } else { "http" };
    let url = format!("{scheme}://{}/status", banner::reached(at));
    let mut request = Request::get(&url).body(Payload::empty())?;
    if let Some(key) = key {
        request.headers_mut().insert(KEY_HEADER, key);
    }
    let settings = UpstreamSettings { connect: WITHIN, ..UpstreamSettings::default() };
    let upstream = Upstream::new(settings)?;
    let asked = async {
        let answer = match upstream.send(request).await {
            Ok(answer) => answer,
            Err(Failure::Connect(_)) => bail!(
                "nobody listens at {url}: is `backstop serve` running, and is its console there? \
                 See console.listen, or name it with --console ADDRESS:PORT"
            ),
            Err(failure) => bail!("{url} was not reached: {failure:?}"),
        };
        Ok((answer.status, answer.read(BODY_MAX).await))
    };
    let asked = timeout(WITHIN, asked).await;
    let (status, body) = asked.with_context(|| format!("{url} does not answer"))??;
    Ok((url, status, body))
}

/// A field of the error in a refusal, as every refusal of ours has it.
fn of_refusal(body: Option<&[u8]>, field: &str) -> Option<String> {
    let json: Value = serde_json::from_slice(body?).ok()?;
    Some(json.get("error")?.get(field)?.as_str()?.to_owned())
}

/// Whether it is the refusal of a console that wants a key, or another one (BS01…).
fn wants_key(status: u16, body: Option<&[u8]>) -> bool {
    let ours = || of_refusal(body, "code").is_some_and(|code| code.starts_with("BS01"));
    matches!(status, 401 | 403) && ours()
}

/// The message of a refusal, fit for a terminal.
fn said(body: Option<&[u8]>) -> String {
    let message = of_refusal(body, "message");
    let text = message.as_deref().unwrap_or("it does not say why");
    text.chars().take(400).filter(|it| !is_hidden(*it)).collect()
}

/// How wide the terminal is; without one there is no limit.
fn columns() -> usize {
    out::terminal().map_or(usize::MAX, |(columns, _)| columns.max(COLUMNS_MIN))
}
