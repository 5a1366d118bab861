//! What went wrong between a request on HTTP/2 and the head of its answer, read from hyper's errors.

use ir::Failure;

/// An HTTP/2 stream ended without a head.
///
/// A stream above the last id of a GOAWAY ends with that GOAWAY; one below it that dies later ends
/// with an I/O error (`h2::proto::streams::Inner::{recv_go_away, recv_eof}`). So a peer's GOAWAY on
/// a stream says that it was not processed (RFC 9113 §6.8, §8.7).
pub(super) fn failure(error: &hyper::Error, reused: bool) -> Failure {
    if let Some(why) = malformed(error) {
        return Failure::BadHttp(why);
    }
    if error.is_canceled() {
        return Failure::Unprocessed;
    }
    let gone = if reused { Failure::Stale } else { Failure::Reset };
    let Some(error) = source(error) else { return gone };
    if error.is_library() {
        Failure::BadHttp("an answer that breaks the rules of HTTP/2")
    } else if error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM) {
        Failure::Unprocessed
    } else if error.is_reset() {
        // The connection lives; the peer gave up on this stream.
        Failure::Reset
    } else {
        gone
    }
}

fn malformed(error: &hyper::Error) -> Option<&'static str> {
    if error.is_parse_too_large() {
        Some("the head of the answer is too large")
    } else if error.is_parse_status() {
        Some("the answer has no valid status")
    } else if error.is_parse() {
        Some("the answer is not HTTP")
    } else {
        None
    }
}

fn source(error: &hyper::Error) -> Option<&h2::Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<h2::Error>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Whether the peer announced that it closes the connection.
pub(super) fn is_leaving(error: &hyper::Error) -> bool {
    source(error).is_some_and(h2::Error::is_go_away)
}
