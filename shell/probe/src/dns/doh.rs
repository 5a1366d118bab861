//! Public resolvers over HTTPS (RFC 8484): nobody on the way can change what they say.
//!
//! **Invariant:** only the authorities that browsers ship vouch for them: an inspecting proxy's
//! answer is not theirs.

use super::Fault;
use super::message::Question;
use crate::asked::{Request, exchange};
use crate::{Doh, Ground, wire};
use ::http::header::{ACCEPT, CONTENT_TYPE};
use ::http::{HeaderMap, HeaderValue, Method};
use bytes::Bytes;
use ir::evidence::{Answer, Heard};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::Instant;

const MESSAGE: &str = "application/dns-message";
/// No message of DNS is longer.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Asks the first of its addresses that lets itself be connected to.
pub(super) async fn ask(ground: &Ground, doh: &Doh, question: &Question) -> Result<Answer, Fault> {
    let config =
        wire::strict(&ground.roots.public, ground.clock).map_err(|_| Fault::Unreachable)?;
    let question = question.without_id();
    let until = Instant::now() + ground.limits.dns;
    for address in &doh.addresses {
        let to = SocketAddr::new(*address, doh.port);
        let (_, Some(stream)) = wire::tcp(ground, to, ground.limits.dns).await else { continue };
        let secured = wire::secure(Arc::clone(&config), &doh.host, stream).await;
        let stream = secured.map_err(|_| Fault::Unreachable)?;
        let media = HeaderValue::from_static(MESSAGE);
        let authority =
            if doh.port == 443 { doh.host.clone() } else { format!("{}:{}", doh.host, doh.port) };
        let request = Request {
            method: Method::POST,
            tls: true,
            authority,
            path: doh.path.clone(),
            headers: HeaderMap::from_iter([(ACCEPT, media.clone()), (CONTENT_TYPE, media)]),
            body: Bytes::from(question.bytes.clone()),
            body_max: MESSAGE_BYTES_MAX,
        };
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let reply = Box::pin(exchange(stream, h2, request, (ground.clock, until))).await;
        if reply.heard != Heard::Answer || reply.status != Some(200) {
            return Err(Fault::Garbled);
        }
        return Ok(question.read(&reply.body)?);
    }
    Err(Fault::Unreachable)
}
