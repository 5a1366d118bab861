//! A request's body: within its limits, in its time, and readable.

use crate::Shared;
use crate::edge::refuse;
use crate::edge::uploads::Upload;
use crate::refusal::{Reason, Refusal};
use bytes::{Bytes, BytesMut};
use config::Server;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use ir::Dialect;
use tokio::time::timeout;

/// Bodies up to this length are copied.
const COPIED_MAX: usize = 16 * 1024;

/// Why there is no body.
enum Unread {
    TooLarge,
    /// All that come at once are too large together.
    Crowded,
    BrokeOff,
}

/// Reads a body, up to `server.body_max` bytes and within `server.body_timeout`; with what it takes
/// up among all that are held.
pub(crate) async fn read(
    shared: &Shared,
    headers: &HeaderMap,
    incoming: Incoming,
    dialect: Dialect,
) -> Result<(Bytes, Upload), Refusal> {
    let server = &shared.config.server;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced = announced.and_then(|text| text.parse::<u64>().ok());
    if announced.is_some_and(|length| server.body_max < length) {
        return too_large(server, dialect);
    }
    let upload = shared.state.uploads.begin(announced.is_some());
    match timeout(server.body_timeout, collect(shared, upload, incoming)).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(Unread::TooLarge)) => too_large(server, dialect),
        Ok(Err(Unread::Crowded)) => {
            let message =
                "too many large bodies come at once (server.uploads_max, memory_max): try again";
            refuse(dialect, Reason::Busy, message)
        }
        Ok(Err(Unread::BrokeOff)) => refuse(dialect, Reason::BodyTooSlow, "the body broke off"),
        Err(_) => {
            let message = format!("the body did not come within {:?}", server.body_timeout);
            refuse(dialect, Reason::BodyTooSlow, message)
        }
    }
}

async fn collect(
    shared: &Shared,
    mut upload: Upload,
    mut incoming: Incoming,
) -> Result<(Bytes, Upload), Unread> {
    let server = &shared.config.server;
    let mut whole = BytesMut::new();
    let mut only: Option<Bytes> = None;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::BrokeOff)?.into_data() else { continue };
        let length = whole.len() + only.as_ref().map_or(0, Bytes::len) + data.len();
        if u64::try_from(length).is_ok_and(|length| server.body_max < length) {
            return Err(Unread::TooLarge);
        }
        let more = u64::try_from(data.len()).unwrap_or(u64::MAX);
        if !upload.more(more, server, shared.state.memory.pressure()) {
            return Err(Unread::Crowded);
        }
        // Most bodies come in one piece.
        match (only.take(), whole.is_empty()) {
            (None, true) => only = Some(data),
            (first, _) => {
                whole.extend_from_slice(&first.unwrap_or_default());
                whole.extend_from_slice(&data);
            }
        }
    }
    let body = match only {
        // A small one in memory of its own: it would hold all that was read with it.
        Some(only) if only.len() <= COPIED_MAX => Bytes::copy_from_slice(&only),
        Some(only) => only,
        None => whole.freeze(),
    };
    Ok((body, upload))
}

fn too_large<T>(server: &Server, dialect: Dialect) -> Result<T, Refusal> {
    let message = format!("the body is longer than {} bytes (server.body_max)", server.body_max);
    refuse(dialect, Reason::BodyTooLarge, message)
}

/// A body that could not be read, in the words of the codec.
pub(crate) fn unreadable(dialect: Dialect, error: &codec::Error) -> Refusal {
    let reason = if matches!(error, codec::Error::NotUtf8 { .. }) {
        Reason::BadUtf8
    } else if error.field().is_some() {
        Reason::BadField
    } else {
        Reason::BadJson
    };
    Refusal { field: error.field(), ..Refusal::new(dialect, reason, error.to_string()) }
}
