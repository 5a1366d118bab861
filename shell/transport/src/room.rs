//! Room to read into, which all connections of a thread share: who waits for bytes holds none.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

/// What is read at once. An answer whose caller is slow holds no more than that.
const READ_MAX: usize = 8 * 1024;

thread_local! {
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_MAX].into_boxed_slice());
}

/// Adds what came to `input`, and tells how much; nothing is the end.
pub(crate) fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    input: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    ROOM.with_borrow_mut(|room| {
        let mut read = ReadBuf::new(room);
        ready!(Pin::new(stream).poll_read(cx, &mut read))?;
        input.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    })
}
