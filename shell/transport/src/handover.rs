//! Listening sockets that outlive a process: from a service manager, or from the process that is to
//! be replaced.
//!
//! ```text
//!   successor                      predecessor
//!       │ connects to its path         │ serves
//!       │◀── the sockets ──────────────│ serves
//!       │ starts                       │ serves
//!       │─── "ready" ─────────────────▶│ drains, and ends
//!       │ listens at the path itself   │
//! ```
//!
//! The sockets are the same ones, so that whoever connects in between waits in their queue and is
//! served by one of the two: nobody is refused.
//!
//! **Invariants:** sockets go to processes of the same user, and of root, only; a successor that fails before it is
//! ready changes nothing.

use std::fs::{self, Permissions};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener as StdListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use listenfd::ListenFd;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg, sockopt,
};
use tokio::net::{TcpListener, UnixListener};

/// What is said with the sockets; another version would say another word.
const WILL: &[u8] = b"backstop 1\n";
/// What a successor says when it serves.
const READY: &[u8] = b"ready\n";
/// How long each waits for the other's next word, but for `READY`.
const WORD_WITHIN: Duration = Duration::from_secs(5);
/// How long a successor may take to start.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// Sockets that are passed on at most.
const SOCKETS_MAX: usize = 4;

/// Sockets and where they came from.
#[derive(Debug)]
pub struct Inheritance {
    /// In the order in which they were opened.
    pub listeners: Vec<TcpListener>,
    testator: UnixStream,
}

/// Sockets of a process that serves, kept for its successor.
#[derive(Debug)]
pub struct Estate {
    sockets: Vec<OwnedFd>,
}

/// A process that serves and can be replaced: it listens at its path for its successor.
#[derive(Debug)]
pub struct Testator {
    listener: UnixListener,
    estate: Estate,
}

/// The sockets that a service manager opened for this process, in its order (`LISTEN_FDS`, systemd's
/// socket activation). To be called once, before there are other threads.
pub fn inherited() -> io::Result<Vec<StdListener>> {
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..passed.len().min(SOCKETS_MAX) {
        listeners.extend(passed.take_tcp_listener(index)?);
    }
    Ok(listeners)
}

// === impl Inheritance ===

impl Inheritance {
    /// Asks the process that listens at `path` for its sockets; `None` where nobody does. Blocks for
    /// a few seconds at most.
    pub fn claim(path: &Path) -> io::Result<Option<Self>> {
        let testator = match UnixStream::connect(path) {
            Ok(testator) => testator,
            Err(error) if nobody(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        testator.set_read_timeout(Some(WORD_WITHIN))?;
        testator.set_write_timeout(Some(WORD_WITHIN))?;
        let mut word = [0; WILL.len()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let words = &mut [IoSliceMut::new(&mut word)];
        let said = match recvmsg(&testator, words, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(said) if said.bytes != 0 => said,
            Ok(_) | Err(Errno::CONNRESET) => {
                let what = "the process that listens there hands nothing over: it is of another \
                            user, or it just ended; start again";
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, what));
            }
            Err(Errno::AGAIN) => {
                let what = "the process that listens there says nothing";
                return Err(io::Error::new(io::ErrorKind::TimedOut, what));
            }
            Err(error) => return Err(error.into()),
        };
        if word.get(..said.bytes) != Some(WILL) {
            let what = "whoever listens there is no backstop of this version";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let mut listeners = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(sockets) = message {
                for socket in sockets {
                    let listener = StdListener::from(socket);
                    listener.set_nonblocking(true)?;
                    listeners.push(TcpListener::from_std(listener)?);
                }
            }
        }
        Ok(Some(Self { listeners, testator }))
    }

    /// Tells the predecessor that it may go.
    pub fn ready(mut self) -> io::Result<()> {
        self.testator.write_all(READY)
    }
}

/// Nothing there, or what a process left behind that was killed.
fn nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

// === impl Estate ===

impl Estate {
    /// The same sockets once more.
    pub fn of(listeners: &[&TcpListener]) -> io::Result<Self> {
        let clone = |listener: &&TcpListener| listener.as_fd().try_clone_to_owned();
        let sockets = listeners.iter().take(SOCKETS_MAX).map(clone).collect::<io::Result<_>>()?;
        Ok(Self { sockets })
    }

    fn pass(&self, heir: &UnixStream) -> io::Result<()> {
        let sockets: Vec<BorrowedFd<'_>> = self.sockets.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
            return Err(io::Error::other("too many sockets"));
        }
        sendmsg(heir, &[IoSlice::new(WILL)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

// === impl Testator ===

impl Testator {
    /// Waits at `path` for a successor. What stood there before is replaced.
    pub fn at(path: &Path, estate: Estate) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
            Ok(_) => {
                let what = "something stands there that is no socket";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, estate })
    }

    /// Resolves when a successor has the sockets and serves.
    pub async fn succeeded(self) {
        let Self { listener, mut estate } = self;
        loop {
            let heir = match listener.accept().await {
                Ok((heir, _)) => heir,
                Err(error) => {
                    tracing::warn!(%error, "a successor could not come");
                    tokio::time::sleep(WORD_WITHIN).await;
                    continue;
                }
            };
            let Ok(heir) = heir.into_std() else { continue };
            let handing = move || {
                let passed = hand_over(heir, &estate);
                (estate, passed)
            };
            let Ok((back, passed)) = tokio::task::spawn_blocking(handing).await else {
                return std::future::pending().await;
            };
            estate = back;
            match passed {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "a successor did not start"),
            }
        }
    }
}

/// Gives a successor the sockets and waits until it serves.
fn hand_over(mut heir: UnixStream, estate: &Estate) -> io::Result<()> {
    let theirs = sockopt::socket_peercred(&heir)?.uid;
    let ours = rustix::process::geteuid();
    if theirs != ours && !theirs.is_root() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "of another user"));
    }
    heir.set_nonblocking(false)?;
    heir.set_write_timeout(Some(WORD_WITHIN))?;
    heir.set_read_timeout(Some(READY_WITHIN))?;
    estate.pass(&heir)?;
    let mut word = [0; READY.len()];
    heir.read_exact(&mut word)?;
    if word == READY { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::spawn_blocking;
    use tokio::time::timeout;

    use super::{Estate, Inheritance, Testator};

    const SOON: Duration = Duration::from_secs(10);

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("backstop-{name}-{}.sock", std::process::id()))
    }

    async fn claim(path: &Path) -> io::Result<Option<Inheritance>> {
        let (path, handle) = (path.to_owned(), tokio::runtime::Handle::current());
        spawn_blocking(move || {
            let _runtime = handle.enter();
            Inheritance::claim(&path)
        })
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn a_successor_serves_whoever_waits() {
        let path = path("heir");
        assert!(claim(&path).await.unwrap().is_none(), "nobody is there");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let testator = Testator::at(&path, Estate::of(&[&listener]).unwrap()).unwrap();
        let waiting = tokio::spawn(testator.succeeded());
        // One that fails changes nothing.
        drop(claim(&path).await.unwrap().expect("a predecessor"));
        let mut caller = TcpStream::connect(addr).await.unwrap();
        let mut heir = claim(&path).await.unwrap().expect("a predecessor");
        let inherited = heir.listeners.remove(0);
        assert_eq!(inherited.local_addr().unwrap(), addr);
        assert!(!waiting.is_finished());
        heir.ready().unwrap();
        timeout(SOON, waiting).await.expect("told").unwrap();
        drop(listener);
        let (mut served, _) = timeout(SOON, inherited.accept()).await.unwrap().unwrap();
        served.write_all(b"x").await.unwrap();
        assert_eq!(timeout(SOON, caller.read_u8()).await.unwrap().unwrap(), b'x');
        // What is left behind is nobody's, and another may listen there.
        assert!(claim(&path).await.unwrap().is_none());
        drop(Testator::at(&path, Estate::of(&[&inherited]).unwrap()).unwrap());
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn somebody_else_at_the_path_is_an_error() {
        let path = path("stranger");
        let stranger = tokio::net::UnixListener::bind(&path).unwrap();
        let speaks = tokio::spawn(async move {
            let (mut heir, _) = stranger.accept().await.unwrap();
            heir.write_all(b"HTTP/1.1 400 Bad Request\r\n").await.unwrap();
        });
        let refused = claim(&path).await.expect_err("no backstop");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        speaks.await.unwrap();
        std::fs::remove_file(path).unwrap();
    }
}
