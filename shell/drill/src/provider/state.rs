//! What the connections of one provider share: its name, its log, its orders.

use super::asked::{Asked, Endpoint};
use super::fault::{Fault, Stage};
use super::frame::Scene;
use super::http::Request;
use super::log::Log;
use super::order::{Misspelt, Order};
use super::script::{Step, misspelt, script_for};
use super::seen::{End, Seen};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::Notify;

/// The most models whose requests are counted for `first-K-…`.
const COUNTED_MODELS_MAX: usize = 10_000;

/// One provider's shared state.
#[derive(Debug)]
pub(super) struct State {
    name: String,
    pub(super) begun: Instant,
    /// What the calendar says.
    pub(super) now_unix: fn() -> u64,
    log: Mutex<Log>,
    orders: Mutex<Orders>,
    connections: AtomicU64,
    /// Told whenever the log changes.
    pub(super) changed: Notify,
    /// Told when every connection shall be reset.
    pub(super) severed: Notify,
}

#[derive(Debug, Default)]
struct Orders {
    /// Strikes every model.
    all: Option<Fault>,
    /// Requests so far of the models that fail only at first.
    counts: BTreeMap<String, u32>,
}

/// The time by tokio's clock, which a test may have paused.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

// === impl State ===

impl State {
    /// A provider of this name, empty for none, and with this calendar.
    pub(super) fn new(name: &str, now_unix: fn() -> u64) -> Self {
        Self {
            name: name.to_owned(),
            begun: now(),
            now_unix,
            log: Mutex::default(),
            orders: Mutex::default(),
            connections: AtomicU64::new(0),
            changed: Notify::new(),
            severed: Notify::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The number of a new connection.
    pub(super) fn connect(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// How many connections there have been.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Lets a function look at the log.
    pub(super) fn look<T>(&self, look: impl FnOnce(&[Seen]) -> T) -> T {
        look(self.log.lock().seen())
    }

    pub(super) fn clear(&self) {
        self.log.lock().clear();
        self.orders.lock().counts.clear();
        self.changed.notify_waiters();
    }

    pub(super) fn set(&self, fault: Option<Fault>) {
        self.orders.lock().all = fault;
    }

    /// Writes a request into the log and answers with its number and script.
    pub(super) fn serve(&self, request: Request, connection: u64, nth: u32) -> (u64, Vec<Step>) {
        let endpoint = Endpoint::of(&request.method, &request.path, &request.headers);
        let asked = Asked::read(endpoint, &request.body);
        let order = self.order(&asked);
        let mut seen = Seen {
            at: now(),
            serial: 0,
            connection,
            nth,
            method: request.method,
            path: request.path,
            headers: request.headers,
            body: request.body,
            model: asked.model.clone(),
            fault: order.as_ref().map_or_else(|_| "misspelt".to_owned(), Order::label),
            way: asked.going.way(),
            ended: None,
        };
        let mut log = self.log.lock();
        seen.serial = log.next();
        log.push(seen.clone());
        drop(log);
        self.changed.notify_waiters();
        let scene = Scene { name: self.name.clone(), now_unix: (self.now_unix)() };
        let steps = match order {
            Ok(order) => script_for(&seen, &asked, &order, &scene),
            Err(wrong) => misspelt(&seen, &asked, &wrong.part, &scene),
        };
        (seen.serial, steps)
    }

    /// Writes down how an exchange ended.
    pub(super) fn end(&self, serial: u64, end: End) {
        self.log.lock().end(serial, end);
        self.changed.notify_waiters();
    }

    /// Writes down that a connection was reset in the middle of whatever it did.
    pub(super) fn sever(&self, connection: u64) {
        self.log.lock().sever(connection);
        self.changed.notify_waiters();
    }

    fn order(&self, asked: &Asked) -> Result<Order, Misspelt> {
        let mut orders = self.orders.lock();
        let (asks_answer, all) = match asked.endpoint {
            Endpoint::Answer(_) => (true, orders.all.clone()),
            Endpoint::CountTokens => (false, orders.all.clone()),
            // What is asked of answers that are kept names no model.
            Endpoint::InputTokens | Endpoint::Compact | Endpoint::Stored(_) => {
                (false, orders.all.clone())
            }
            Endpoint::Models(_) | Endpoint::Model(_) => {
                (false, orders.all.clone().filter(Fault::is_outage))
            }
            Endpoint::Unknown => return Ok(Order::plain()),
        };
        let read = Order::from_model(&asked.model);
        let mut order = match all {
            Some(fault) => {
                let order = read.unwrap_or_else(|_| Order::plain());
                Order { first: None, fault: Some(fault), ..order }
            }
            None => read?,
        };
        if let Some(first) = order.first
            && orders.struck(&asked.model, asks_answer) >= first
        {
            order.fault = None;
        }
        if !asks_answer {
            // A count has no content that could break.
            order.fault = order.fault.filter(|fault| fault.stage() != Stage::AfterContent);
        }
        Ok(order)
    }
}

// === impl Orders ===

impl Orders {
    /// How many requests for a model came before this one.
    fn struck(&mut self, model: &str, counts: bool) -> u32 {
        let before = self.counts.get(model).copied().unwrap_or_default();
        if counts && (before > 0 || self.counts.len() < COUNTED_MODELS_MAX) {
            self.counts.insert(model.to_owned(), before.saturating_add(1));
        }
        before
    }
}
