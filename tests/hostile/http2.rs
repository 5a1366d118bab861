//! HTTP/2 by hand: frames as bytes, so that they can be wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};

use crate::http1;

/// Frame types (RFC 9113 §6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// Flags.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection to the gateway.
#[derive(Debug)]
pub(crate) struct Http2 {
    pub(crate) stream: TcpStream,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// When it was told to go or was gone, if it was.
    pub(crate) after: Option<Duration>,
    /// What was sent of the flood until then.
    pub(crate) sent: u64,
}

/// A frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = length.get(1..).unwrap_or_default().to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// SETTINGS with this window for each stream.
pub(crate) fn settings(window: u32) -> Vec<u8> {
    let mut payload = vec![0, 4];
    payload.extend(window.to_be_bytes());
    frame(SETTINGS, 0, 0, &payload)
}

/// A field, spelled out and not remembered (RFC 7541 §6.2.2).
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    text(name, &mut field);
    text(value, &mut field);
    field
}

/// A string with its length, not compressed (RFC 7541 §5.1, §5.2).
fn text(text: &str, into: &mut Vec<u8>) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    if length < 127 {
        into.push(length);
    } else {
        into.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            into.push(u8::try_from(rest % 128).unwrap_or_default() | 128);
            rest /= 128;
        }
        into.push(u8::try_from(rest).unwrap_or_default());
    }
    into.extend_from_slice(text.as_bytes());
}

/// The fields of a question.
pub(crate) fn question() -> Vec<u8> {
    // :method POST and :scheme http are rows 3 and 6 of the static table.
    let mut block = vec![0x83, 0x86];
    block.extend(field(":path", "/v1/chat/completions"));
    block.extend(field(":authority", "127.0.0.1"));
    block.extend(field("content-type", "application/json"));
    block
}

/// A whole question on a stream: HEADERS and DATA.
pub(crate) fn ask(stream: u32, model: &str) -> Vec<u8> {
    let mut bytes = frame(HEADERS, END_HEADERS, stream, &question());
    bytes.extend(frame(DATA, END_STREAM, stream, http1::body(model, true).as_bytes()));
    bytes
}

// === impl Http2 ===

impl Http2 {
    /// Connects and says hello with this window for each stream.
    pub(crate) async fn open(addr: SocketAddr, from: Ipv4Addr, window: u32) -> Result<Self> {
        let mut stream = http1::connect(addr, from, None).await?;
        stream.write_all(PREFACE).await?;
        stream.write_all(&settings(window)).await?;
        stream.write_all(&frame(SETTINGS, 1, 0, &[])).await?;
        Ok(Self { stream })
    }

    /// Sends pieces of a flood as fast as they are taken, while what comes back is read and thrown
    /// away, until the other side says that it is enough.
    pub(crate) async fn flood(
        self,
        within: Duration,
        mut piece: impl FnMut(u64) -> Vec<u8>,
    ) -> Ending {
        let began = Instant::now();
        let (mut read, mut write) = self.stream.into_split();
        let mut sent = 0;
        let sending = async {
            loop {
                if write.write_all(&piece(sent)).await.is_err() {
                    return;
                }
                sent += 1;
            }
        };
        let over = async {
            tokio::select! {
                () = sending => {}
                () = until_told_to_go(&mut read) => {}
            }
        };
        let ended = timeout(within, over).await.is_ok();
        Ending { after: ended.then(|| began.elapsed()), sent }
    }

    /// Reads until that many streams were reset, the connection is closed, or time is up; how many
    /// were.
    pub(crate) async fn resets(&mut self, wanted: u64, until: Instant) -> u64 {
        let mut resets = 0;
        let mut frames = Frames::default();
        let mut buffer = vec![0; 16 * 1024];
        while resets < wanted {
            let reading = timeout_at(until.into(), self.stream.read(&mut buffer));
            let Ok(Ok(count @ 1..)) = reading.await else { break };
            let read = buffer.get(..count).unwrap_or_default();
            frames.feed(read, |kind| resets += u64::from(kind == RST_STREAM));
        }
        resets
    }
}

/// Reads until GOAWAY or the end.
async fn until_told_to_go(read: &mut (impl AsyncReadExt + Unpin)) {
    let mut frames = Frames::default();
    let mut buffer = vec![0; 16 * 1024];
    let mut told = false;
    while let Ok(count @ 1..) = read.read(&mut buffer).await {
        frames.feed(buffer.get(..count).unwrap_or_default(), |kind| told |= kind == GOAWAY);
        if told {
            return;
        }
    }
}

/// Finds the kinds of frames in a stream of bytes.
#[derive(Debug, Default)]
struct Frames {
    head: Vec<u8>,
    /// Bytes of payload that are still to come.
    rest: usize,
}

// === impl Frames ===

impl Frames {
    fn feed(&mut self, mut bytes: &[u8], mut seen: impl FnMut(u8)) {
        while !bytes.is_empty() {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let wanted = (9 - self.head.len()).min(bytes.len());
            let (head, after) = bytes.split_at(wanted);
            self.head.extend_from_slice(head);
            bytes = after;
            if let [a, b, c, kind, _, _, _, _, _] = self.head[..] {
                self.rest = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                self.head.clear();
                seen(kind);
            }
        }
    }
}
