//! One cell of the table: a world of its own, one request, and what became of it.

use super::expect::{Asked, Expect, Served, Signal, Trouble, Way};
use crate::world::{
    self, Act, Canned, Heard, Pairing, Plan, Request, Said, World, sent, unanswered,
};
use drill::provider::{Fault, Flaw, Hint, Plain, Provider, unused_addr};
use ir::{Connect, Dialect, Dns, Ending, Proxy, Record, Shape, Usage};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use transport::{Resolver, Roots};

/// What is waited for where nothing is heard.
const SHORT: Duration = Duration::from_millis(300);

/// One request, and what became of it.
#[derive(Debug)]
pub(super) struct Cell {
    trouble: Trouble,
    /// What the targets speak.
    dialect: Dialect,
    pairing: Pairing,
    asked: Asked,
    pub(super) expect: Expect,
    heard: Heard,
    said: Result<Said, String>,
    record: Record,
    /// Requests that reached each cloud.
    calls: Vec<usize>,
    /// The bytes that the first cloud sent last, for each second of the run.
    sent: Vec<Vec<u8>>,
    decision: Option<Duration>,
}

// === impl Cell ===

impl Cell {
    pub(super) const HEADER: &str = concat!(
        "trouble of a                      dialect    caller   asked   the caller saw            ",
        "tries  calls a/b   took ms  decided ms"
    );

    pub(super) async fn run(
        trouble: Trouble,
        dialect: Dialect,
        pairing: Pairing,
        asked: Asked,
    ) -> Self {
        let (shape, caller) = (asked.shape(), pairing.beside(dialect));
        let (world, guards) = world(&trouble, dialect, asked).await;
        let model = match &trouble {
            Trouble::Fault(fault) => fault.name(),
            Trouble::Way(_) => "ok".to_owned(),
        };
        let request = Request::ask(caller, shape, &model);
        let mut earlier = 0;
        if matches!(trouble, Trouble::Fault(Fault::Plain(Plain::Stale))) {
            // Stale is a connection that was used.
            assert_eq!(world.hear(&request).await.status, 200);
            world.records(1).await;
            world.a().clear();
            earlier = 1;
        }
        let heard = world.hear(&request).await;
        let record = world.records(earlier + 1).await.remove(earlier);
        let expect = trouble.expect(dialect, pairing, asked);
        let seen = world.a().log().pop().filter(|_| expect.served != Served::Second);
        let cell = Self {
            expect,
            said: Said::read(caller, shape, &heard.body),
            calls: world.calls(),
            sent: seen.map(|it| sent(world.a(), &it, heard.took)).unwrap_or_default(),
            decision: decision(&trouble, &world, heard.began),
            trouble,
            dialect,
            pairing,
            asked,
            heard,
            record,
        };
        world.stop().await;
        drop(guards);
        cell
    }

    /// From the moment its signal was there to the moment the second target saw the request.
    pub(super) fn decision(&self) -> Option<Duration> {
        self.decision
    }

    /// Whether the caller got a complete answer.
    pub(super) fn is_served(&self) -> bool {
        let complete = self.said.as_ref().is_ok_and(Said::is_complete);
        self.heard.status == 200 && self.heard.whole && complete
    }

    fn tries(&self) -> usize {
        self.record.attempts.iter().filter(|attempt| attempt.target.starts_with("a/")).count()
    }

    /// What is wrong with it.
    pub(super) fn wrong(&self) -> Option<String> {
        let wrong = self.outcome().and_then(|()| self.counts()).and_then(|()| self.recorded());
        let wrong = wrong.err()?;
        let (heard, record) = (&self.heard, &self.record);
        Some(format!("{self}\n  {wrong}\n  {:?}\n  {record:?}\n", heard.text()))
    }

    fn outcome(&self) -> Result<(), String> {
        let Heard { status, whole, body, .. } = &self.heard;
        ensure(*whole, "the connection broke")?;
        let theirs = self.sent.iter().any(|sent| sent == body);
        let said = self.said.clone();
        match self.expect.served {
            Served::First => {
                let said = said?;
                ensure(*status == 200 && said.is_complete(), "not complete")?;
                let mended = self.is_mended() && said.cloud() == "a";
                let all = || theirs || mended || self.is_folded(&said);
                ensure(self.is_translated(&said).unwrap_or_else(all), "not what a said")
            }
            Served::Second => {
                let said = said?;
                ensure(*status == 200 && said.is_complete(), "not complete")?;
                ensure(said.cloud() == "b", "not of b")?;
                ensure(said.text.ends_with("w11"), "not the whole text")?;
                ensure(!self.heard.text().contains("[a]"), "something of a is left")
            }
            Served::Refused(expected) => {
                ensure(*status == expected, "another status")?;
                let in_band = self.record.attempts[0].status == Some(200);
                let crossed = self.pairing == Pairing::Crossed;
                ensure(theirs || in_band || crossed, "not the bytes of a")?;
                let told = || self.heard.json().get("error").is_some();
                ensure(body.is_empty() || told(), "no error in the dialect")
            }
            Served::Broken => {
                let said = said?;
                ensure(*status == 200, "another status")?;
                ensure(said.error.is_some() && !said.ended, "no honest end")?;
                let calls = self.trouble.calls();
                ensure(said.tools.len() == calls, format!("not {calls} complete tool calls"))?;
                let begun = self.sent.iter().any(|sent| shared(sent, body) > body.len() / 3);
                let begun = begun || self.pairing == Pairing::Crossed;
                // Thinking and calls bear no name.
                let unnamed = !said.thinking.is_empty() || !said.tools.is_empty();
                let named = said.cloud() == "a" || said.text.is_empty() && unnamed;
                ensure(named && begun, "not the bytes of a")
            }
        }
    }

    /// In the caller's dialect, what the first target had said in its own: `None` where both speak the
    /// same.
    fn is_translated(&self, said: &Said) -> Option<bool> {
        if self.pairing == Pairing::Same {
            return None;
        }
        let all = |said: &Said| {
            let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            let tools = said.tools.iter().map(|(name, text)| (name.clone(), json(text)));
            let finish = said.finish.as_deref().map(|word| match word {
                "end_turn" | "stop_sequence" => "stop",
                "tool_use" => "tool_calls",
                "max_tokens" => "length",
                "refusal" => "content_filter",
                other => other,
            });
            let finish = finish.map(str::to_owned);
            (said.text.clone(), said.thinking.clone(), tools.collect::<Vec<_>>(), finish)
        };
        // What is not to the letter of its dialect is mended on the way, as it would be without one.
        let upstream =
            self.sent.iter().map(|sent| Said::read(self.dialect, self.asked.upstream(), sent));
        let odd = upstream.clone().all(|sent| sent.is_err());
        let same = upstream.flatten().any(|sent| all(&sent) == all(said));
        Some(same || odd && said.cloud() == "a" && said.text.ends_with("w11"))
    }

    /// A document of ours that says what the first target had streamed, no more and no less.
    fn is_folded(&self, said: &Said) -> bool {
        // Behind the first end nobody listens.
        let end: &[u8] = match self.dialect {
            Dialect::Chat => b"data: [DONE]",
            Dialect::Messages => b"data: {\"type\":\"message_stop\"}",
            // Its last event is the one with token counts.
            Dialect::Responses => b"\"total_tokens\":",
        };
        let streamed = |sent: &Vec<u8>| {
            let found = sent.windows(end.len()).position(|window| window == end);
            let rest = found.map_or(&[][..], |at| &sent[at..]);
            let frame = rest.windows(2).position(|window| window == b"\n\n");
            let listened = found.zip(frame).map_or(sent.len(), |(at, length)| at + length + 2);
            Said::read(self.dialect, Shape::Stream, &sent[..listened]).ok()
        };
        self.asked == Asked::Watched
            && self.heard.header("content-type") == Some("application/json")
            && self.sent.iter().filter_map(streamed).any(|sent| {
                let all = |said: &Said| {
                    let Said { text, thinking, tools, finish, .. } = said.clone();
                    (text, thinking, tools, finish)
                };
                all(&sent) == all(said)
            })
    }

    /// Bytes of the first target with one thing put right: the end supplied, the second end left out, the
    /// document unfolded.
    fn is_mended(&self) -> bool {
        let Trouble::Fault(fault) = &self.trouble else { return false };
        let body = &self.heard.body;
        match fault {
            Fault::Plain(Plain::WholeToStream) => self.asked == Asked::Stream,
            Fault::Flaw(Flaw::NoEnd | Flaw::NoEndOpen) => {
                self.sent.iter().any(|sent| body.starts_with(sent))
            }
            Fault::Flaw(Flaw::DoubleEnd) => self.sent.iter().any(|sent| sent.starts_with(body)),
            Fault::Plain(_)
            | Fault::Flaw(_)
            | Fault::Status(..)
            | Fault::Html(_)
            | Fault::Refusal(_)
            | Fault::Break(..)
            | Fault::Error(..)
            | Fault::GarbleAfter(_)
            | Fault::Slow(..)
            | Fault::BigAnswer(_)
            | Fault::NeedsKey(_) => false,
        }
    }

    fn counts(&self) -> Result<(), String> {
        let Expect { tries, served, .. } = self.expect;
        let tried = self.tries();
        ensure(tried == tries || self.is_odd(), format!("not {tries} tries on a"))?;
        let reached = match &self.trouble {
            Trouble::Fault(_) => tried,
            Trouble::Way(way) => usize::from(matches!(way, Way::Tls(_)) && served == Served::First),
        };
        ensure(self.calls[0] == reached, format!("a was not called {reached} times"))?;
        let second = usize::from(served == Served::Second);
        ensure(self.calls[1] == second, format!("b was not called {second} times"))
    }

    /// Where another number of tries is right as well: only what fails fast is tried again, and this
    /// machine may have stuttered; and a reset that is told in whole seconds of the wall clock may be
    /// near enough to be waited for.
    fn is_odd(&self) -> bool {
        const FAST_MS: u64 = 1000;
        let slow = self.record.attempts.first().is_some_and(|it| FAST_MS <= it.lasted_ms);
        match &self.trouble {
            Trouble::Fault(Fault::Status(_, Some(Hint::Reset(_)))) => self.tries() == 2,
            Trouble::Fault(_) | Trouble::Way(_) => slow && self.tries() == 1,
        }
    }

    fn recorded(&self) -> Result<(), String> {
        let Record { ending, attempts, target, status, usage, .. } = &self.record;
        let first = attempts.first().map_or("none", |attempt| attempt.outcome);
        let word = self.expect.word;
        ensure(first == word, format!("the first attempt was {word}, not {first}"))?;
        let (expected, server) = match self.expect.served {
            Served::First => (Ending::Answered, Some("a/")),
            Served::Second => (Ending::Answered, Some("b/ok")),
            Served::Refused(_) => (Ending::Rejected, None),
            Served::Broken => (Ending::Broken, Some("a/")),
        };
        ensure(*ending == expected, format!("ended as {expected:?}, not {ending:?}"))?;
        ensure(*status == self.heard.status, "another status was recorded")?;
        let named = server.is_none_or(|server| {
            let header = self.heard.header("x-backstop-target").unwrap_or_default();
            target.as_deref().is_some_and(|it| it.starts_with(server) && it == header)
        });
        ensure(named, "another target was recorded")?;
        let counted = match (expected, self.dialect, self.asked.shape()) {
            (Ending::Broken, ..) => matches!(usage, Usage::Estimated(_)),
            // Chat tells its usage in a stream only where it is asked to: by us where it crosses.
            (Ending::Answered, Dialect::Chat, Shape::Stream) if self.pairing == Pairing::Same => {
                *usage == Usage::Unknown
            }
            (Ending::Answered, ..) => matches!(usage, Usage::Exact(_)),
            _ => true,
        };
        ensure(counted, format!("usage {usage:?}"))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (heard, name) = (&self.heard, self.trouble.name());
        let target = heard.header("x-backstop-target").unwrap_or("-");
        let provider = target.split('/').next().unwrap_or_default();
        let state = match &self.said {
            _ if !heard.whole => "broken off",
            _ if heard.status != 200 => "refusal",
            Ok(said) if said.is_complete() => "complete",
            Ok(said) if said.error.is_some() => "error at the end",
            Ok(_) => "no end",
            Err(_) => "not the protocol",
        };
        let saw = format!("{} of {provider}, {state}", heard.status);
        let (dialect, shape) = (self.dialect.name(), self.asked.name());
        let caller = self.pairing.name();
        let calls = format!("{}/{}", self.calls[0], self.calls[1]);
        let (tries, took) = (self.tries(), heard.took.as_millis());
        let decided = self.decision.map(|it| format!("{:.1}", it.as_secs_f64() * 1e3));
        let decided = decided.unwrap_or_else(|| "-".to_owned());
        write!(
            f,
            "{name:33} {dialect:10} {caller:8} {shape:7} {saw:26} {tries:4}  {calls:>9}  {took:8}  {decided:>10}"
        )
    }
}

fn ensure(holds: bool, otherwise: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

/// How many bytes two texts begin with alike.
fn shared(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

/// From the signal to the request at the second target.
fn decision(trouble: &Trouble, world: &World, began: Instant) -> Option<Duration> {
    let second = world.b().log().first()?.at;
    let last = world.a().log().last().map_or(began, |seen| seen.at);
    let signal = match trouble.signal() {
        Signal::Heard => last,
        Signal::Patience => last + SHORT,
        // The last deadline of several is not seen from here.
        Signal::Connect | Signal::Idle => return None,
    };
    Some(second.saturating_duration_since(signal))
}

/// The first cloud in trouble, the second one well; and what must live as long.
async fn world(trouble: &Trouble, dialect: Dialect, asked: Asked) -> (World, Box<dyn Any + Send>) {
    let keys: &[&str] = match trouble.signal() {
        Signal::Heard => &[],
        Signal::Connect => &["connect"],
        Signal::Idle => &["idle", "idle_thinking"],
        Signal::Patience => &["patience", "patience_whole"],
    };
    let short = |key: &&str| format!("deadlines.{key} = \"{}ms\"\n", SHORT.as_millis());
    let mut lines: String = keys.iter().map(short).collect();
    if let Trouble::Way(Way::Proxy(_)) = trouble {
        lines.push_str("proxy = \"{proxy}\"\n");
    }
    // Of the first target only: the second one has all the time it may need.
    let header = "[providers.a]\n";
    let text = world::pair(dialect, "retry.wait = \"200ms\"\n");
    let text = if asked == Asked::Plain { world::plain(&text) } else { text };
    let plan = Plan::new(text.replace(header, &format!("{header}{lines}")));
    let mut guards: Box<dyn Any + Send> = Box::new(());
    let plan = match trouble {
        Trouble::Fault(_) => plan.clouds(&["a"]).await,
        Trouble::Way(Way::Tls(tls)) => {
            let cloud = Provider::named("a").start_tls(*tls).await.expect("a free port");
            let root = cloud.root().expect("a root");
            plan.cloud(cloud).roots(Roots::native().with_der(root))
        }
        Trouble::Way(Way::Connect(Connect::Refused)) => {
            plan.at("a", format!("http://{}/v1", unused_addr())).clouds(&["idle"]).await
        }
        Trouble::Way(Way::Connect(Connect::Timeout)) => {
            let (addr, held) = unanswered().await;
            guards = Box::new(held);
            plan.at("a", format!("http://{addr}/v1")).clouds(&["idle"]).await
        }
        Trouble::Way(Way::Connect(Connect::Unreachable)) => {
            // Without a zone nobody knows which network it is on.
            plan.at("a", "http://[fe80::1]:9/v1").clouds(&["idle"]).await
        }
        Trouble::Way(Way::Dns(Dns::Forbidden(address, _))) => {
            named(plan, Ok(vec![(*address, 443).into()])).clouds(&["idle"]).await
        }
        Trouble::Way(Way::Proxy(proxy)) => {
            let (addr, held) = proxy_that(*proxy).await;
            guards = held;
            let plan = plan.at("proxy", format!("http://{addr}"));
            plan.at("a", "https://a.test/v1").clouds(&["idle"]).await
        }
        Trouble::Way(Way::Dns(dns)) => named(plan, Err(*dns)).clouds(&["idle"]).await,
    };
    (plan.clouds(&["b"]).await.start().await, guards)
}

/// A proxy that does this.
async fn proxy_that(proxy: Proxy) -> (SocketAddr, Box<dyn Any + Send>) {
    let answer = match proxy {
        Proxy::Unreachable => return (unused_addr(), Box::new(())),
        Proxy::Silent => {
            let (addr, held) = unanswered().await;
            return (addr, Box::new(held));
        }
        Proxy::Denied(status) => format!("HTTP/1.1 {status} No\r\n\r\n"),
        Proxy::Garbled => "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(),
    };
    let canned = Canned::start(vec![Act::Send(answer.into_bytes())]).await;
    (canned.addr(), Box::new(canned))
}

/// `a` has a name, of which the resolver says this.
fn named(plan: Plan, found: Result<Vec<SocketAddr>, Dns>) -> Plan {
    let script = BTreeMap::from([("a.test".to_owned(), found)]);
    plan.at("a", "https://a.test/v1").resolver(Resolver::Scripted(Arc::new(script)))
}
