//! TCP: from addresses to one open connection.
//!
//! **Invariant:** it connects to the addresses that it is given and to no other; nothing is looked up
//! here.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ir::Connect;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Net, Tcp};

/// How long one address may be silent before the next is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// The first address that answers, in order, each with a head start on the next.
pub(super) async fn dial(net: &Net, addresses: Vec<SocketAddr>) -> Result<Tcp, Connect> {
    if let [only] = addresses.as_slice() {
        return net.connect(*only).await.map_err(|error| observe(&error));
    }
    let mut queue = addresses.into_iter();
    let mut racing = JoinSet::new();
    let mut worst = Connect::Unreachable;
    loop {
        match queue.next() {
            Some(address) => {
                let net = net.clone();
                drop(racing.spawn(async move { net.connect(address).await }));
            }
            None if racing.is_empty() => return Err(worst),
            None => {}
        }
        let wait = if queue.len() == 0 { Duration::MAX } else { STAGGER };
        match timeout(wait, racing.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => worst = telling(worst, observe(&error)),
            Ok(Some(Err(_)) | None) | Err(_) => {}
        }
    }
}

/// What an operator learns more from: that the host answered, then that it was silent.
fn telling(one: Connect, other: Connect) -> Connect {
    match (one, other) {
        (Connect::Refused, _) | (_, Connect::Refused) => Connect::Refused,
        (Connect::Timeout, _) | (_, Connect::Timeout) => Connect::Timeout,
        (Connect::Unreachable, Connect::Unreachable) => Connect::Unreachable,
    }
}

fn observe(error: &io::Error) -> Connect {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) {
        Connect::Refused
    } else if kind == io::ErrorKind::TimedOut {
        Connect::Timeout
    } else {
        // No route, network down, no address of that family, no file descriptor left.
        Connect::Unreachable
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use ir::Connect;

    use super::{observe, telling};

    #[test]
    fn tells_how_tcp_failed() {
        let check = |kind: io::ErrorKind, expect| assert_eq!(observe(&kind.into()), expect);
        check(io::ErrorKind::ConnectionRefused, Connect::Refused);
        check(io::ErrorKind::TimedOut, Connect::Timeout);
        check(io::ErrorKind::NetworkUnreachable, Connect::Unreachable);
        check(io::ErrorKind::HostUnreachable, Connect::Unreachable);
        check(io::ErrorKind::NetworkDown, Connect::Unreachable);
        check(io::ErrorKind::AddrNotAvailable, Connect::Unreachable);
    }

    #[test]
    fn keeps_the_most_telling_of_several() {
        use Connect::{Refused, Timeout, Unreachable};
        for (one, other, expect) in [
            (Unreachable, Refused, Refused),
            (Refused, Timeout, Refused),
            (Timeout, Unreachable, Timeout),
            (Unreachable, Unreachable, Unreachable),
        ] {
            assert_eq!(telling(one, other), expect);
        }
    }
}
