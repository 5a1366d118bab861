//! The place that a connection takes up: among all, and among those of its address.
//!
//! **Invariant:** a place is given back when the last who holds it is dropped.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Phase;

/// How many connections each address has.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Arc<Mutex<HashMap<IpAddr, u32>>>);

/// One connection of an address.
#[derive(Debug)]
pub(super) struct Seat {
    addresses: Addresses,
    address: IpAddr,
}

/// The connections of a listener that are open. Clones are the same count.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<AtomicUsize>);

/// One of them, while it lives.
#[derive(Debug)]
pub(super) struct Open(Connections);

/// The streams of all connections, and who may have how many of them.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) room: Arc<Semaphore>,
    pub(super) addresses: Addresses,
    /// Whose they are, and how many that one may have.
    pub(super) address: IpAddr,
    pub(super) per_address_max: u32,
}

/// What a connection holds while it lives. Clones hold the same place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    phase: watch::Receiver<Phase>,
    /// In the order in which it is given back: who gets the next place finds this one counted off.
    _held: Arc<(Open, Seat, Option<OwnedSemaphorePermit>)>,
    streams: Streams,
}

// === impl Addresses ===

impl Addresses {
    /// One more connection of `address`, if it has fewer than `max`.
    pub(super) fn sit(&self, address: IpAddr, max: u32) -> Option<Seat> {
        let address = whose(address);
        let mut taken = self.0.lock();
        let count = taken.entry(address).or_default();
        if max <= *count {
            return None;
        }
        *count += 1;
        Some(Seat { addresses: self.clone(), address })
    }
}

/// A network of 64 bits is one subscriber's (RFC 6177), who has all addresses in it.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.addresses.0.lock();
        if let Some(count) = taken.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

// === impl Connections ===

impl Connections {
    /// How many are open now.
    pub fn open(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn opened(&self) -> Open {
        self.0.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Place ===

impl Place {
    pub(super) fn new(
        phase: watch::Receiver<Phase>,
        streams: Streams,
        held: (Open, Seat, Option<OwnedSemaphorePermit>),
    ) -> Self {
        Self { phase, streams, _held: Arc::new(held) }
    }

    /// The place of one more stream of this connection, if there is one. Each holds about as much as
    /// a connection, so that there may be as many.
    pub(super) fn stream(&self) -> Option<(OwnedSemaphorePermit, Seat)> {
        let Streams { room, addresses, address, per_address_max } = &self.streams;
        let permit = Arc::clone(room).try_acquire_owned().ok()?;
        Some((permit, addresses.sit(*address, *per_address_max)?))
    }

    /// The next phase. The listener outlives its connections, unless it is dropped unfinished.
    pub(super) async fn changed(&mut self) -> Phase {
        match self.phase.changed().await {
            Ok(()) => *self.phase.borrow_and_update(),
            Err(_) => Phase::Drop,
        }
    }

    /// Waits until it has come this far.
    pub(super) async fn reached(&mut self, phase: Phase) {
        // An error means that the listener is gone, and then there is nothing to wait for.
        drop(self.phase.wait_for(|now| phase <= *now).await);
    }

    /// Whether it has come this far.
    pub(super) fn has_reached(&self, phase: Phase) -> bool {
        phase <= *self.phase.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::Addresses;

    #[test]
    fn seats_are_counted_by_who_has_the_address() {
        let addresses = Addresses::default();
        let sit = |address: &str| addresses.sit(address.parse().unwrap(), 2);
        let first = sit("192.0.2.1");
        let second = sit("::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some() && sit("192.0.2.1").is_none());
        assert!(sit("192.0.2.2").is_some());
        drop(first);
        let third = sit("192.0.2.1");
        assert!(third.is_some() && sit("192.0.2.1").is_none());
        let six = [sit("2001:db8::1"), sit("2001:db8::2"), sit("2001:db8:0:1::1")];
        assert!(six.iter().all(Option::is_some) && sit("2001:db8::3").is_none());
        drop((second, third, six));
        assert!(addresses.0.lock().is_empty());
    }
}
