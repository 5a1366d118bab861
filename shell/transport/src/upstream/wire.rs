//! One byte stream to a provider, plain or TLS.

use tokio_rustls::client::TlsStream;

use crate::Tcp;
use crate::stream::Stream;

/// An open connection.
pub(super) type Wire = Stream<Tcp, TlsStream<Tcp>>;

// === impl Wire ===

impl Wire {
    /// Whether both sides agreed on HTTP/2.
    pub(super) fn speaks_h2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}
