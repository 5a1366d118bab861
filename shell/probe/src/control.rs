//! What has nothing to do with the provider: whether anybody is reached at all, and whether what
//! comes back is what was asked for.

use crate::asked::{Request, exchange};
use crate::dns::Ask;
use crate::ground::PortalPage;
use crate::measure::Scene;
use crate::subject::Base;
use crate::{roads, wire};
use ::http::{HeaderMap, Method};
use bytes::Bytes;
use ir::Reach;
use ir::evidence::{Heard, Portal, Session};
use std::sync::Arc;

/// The pages are short.
const PAGE_BYTES_MAX: usize = 4 << 10;
const ADDRESS_CHARS_MAX: usize = 256;

/// Asks for a page whose answer is known; and how much our clock is ahead of its date, in ms.
/// Redirects are not followed.
pub(crate) async fn portal(scene: &Arc<Scene>, page: &PortalPage) -> (Portal, Option<i64>) {
    let nothing = (Portal::Nothing, None);
    // A base has no query, and these pages need none.
    let Ok(base) = page.url.parse::<Base>() else { return nothing };
    let found = scene.ground.resolver.find(&base.host, base.port);
    let limits = scene.ground.limits;
    let Ok(Ok(found)) = tokio::time::timeout(limits.dns, found).await else { return nothing };
    let admitted = |ip| Reach { loopback: true, private: true }.admits(ip).is_ok();
    let Some(at) = found.iter().map(std::net::SocketAddr::ip).find(|ip| admitted(*ip)) else {
        return nothing;
    };
    let (_, stream) = wire::tcp(&scene.ground, (at, base.port).into(), limits.tcp).await;
    let Some(stream) = stream else { return nothing };
    let request = Request {
        method: Method::GET,
        tls: false,
        authority: base.authority(),
        path: if base.path.is_empty() { "/".to_owned() } else { base.path.clone() },
        headers: HeaderMap::new(),
        body: Bytes::new(),
        body_max: PAGE_BYTES_MAX,
    };
    let until = scene.until(limits.http);
    let reply = Box::pin(exchange(stream, false, request, (scene.ground.clock, until))).await;
    let Some(status) = reply.status else { return nothing };
    let body = String::from_utf8_lossy(&reply.body);
    let said = if page.body.is_empty() {
        body.trim().is_empty()
    } else {
        body.contains(page.body.as_str())
    };
    if status == page.status && said && reply.heard == Heard::Answer {
        return (Portal::Expected, reply.ahead_ms);
    }
    let to = reply.headers.get("location").and_then(|to| to.to_str().ok()).map(place);
    let to = to.map(|to| to.chars().take(ADDRESS_CHARS_MAX).collect());
    // Its date is not the page's: who knows whose clock that is.
    (Portal::Altered { status, to }, None)
}

/// Where a URL leads, without who asks: portals put names, passwords and sessions into it.
fn place(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next();
    if authority.is_some_and(|it| it.contains('@')) { "" } else { url }
}

/// TLS to the neutral host, at an address that the system or a public resolver names.
pub(crate) async fn tls(scene: &Arc<Scene>, host: &str, port: u16) -> Option<Session> {
    let ground = &scene.ground;
    let system = Ask::System.about(ground, host).await;
    let mut found = system.addresses;
    if found.is_empty()
        && let Some(doh) = ground.doh.first()
    {
        found = Ask::Doh(doh.clone()).about(ground, host).await.addresses;
    }
    // IPv4 first: it is seldom the broken one, and one session is enough here.
    found.sort_by_key(std::net::IpAddr::is_ipv6);
    let at = found.first()?;
    roads::neutral(scene, host, (*at, port).into()).await
}
