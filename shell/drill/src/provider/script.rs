//! From a request and an order to the steps that answer it.
//!
//! **Invariant:** a pure function: the same request, order and scene give the same steps. Only the
//! driver in `socket` knows sockets and clocks.

use super::answer::Answer;
use super::asked::{Asked, Endpoint};
use super::fault::{ErrorPlace, Fault, Hint};
use super::frame::{Ids, Scene};
use super::order::Order;
use super::problem::{self, Problem};
use super::seen::Seen;
use super::words::{Pace, Plain, Refusal};
use super::{asked, chat, date, gzip, http, messages, responses, stream, strict, whole};
use bytes::Bytes;
use ir::{Dialect, Shape};
use serde_json::Value;
use std::time::Duration;

/// One step of an answer. After the last one the connection may serve again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Writes these bytes, framing included.
    Send(Bytes),
    /// Waits, unless the client leaves.
    Wait(Duration),
    /// Does nothing until the client closes.
    Hang,
    /// Resets the connection (RST).
    Reset,
    /// Closes the connection cleanly.
    Fin,
}

/// The bytes after which a drip gives up and sends the rest at once.
const DRIP_BYTES_MAX: usize = 64 * 1024;
/// The size above which joined sends are sent.
const JOINED_BYTES_MAX: usize = 64 * 1024;
/// The filler of a head that is too large.
const HUGE_HEAD_BYTES: usize = 1024 * 1024;

/// The answer to a request.
pub fn script(seen: &Seen, order: &Order, scene: &Scene) -> Vec<Step> {
    let endpoint = Endpoint::of(&seen.method, &seen.path, &seen.headers);
    let asked = Asked::read(endpoint, &seen.body);
    script_for(seen, &asked, order, scene)
}

/// The same, for a request that was read already.
pub(super) fn script_for(seen: &Seen, asked: &Asked, order: &Order, scene: &Scene) -> Vec<Step> {
    let answer = Answer::cook(order, asked, &scene.name);
    let ids = Ids::of(scene, seen);
    let desk = Desk { seen, asked, order, scene, answer, ids };
    if asked.endpoint == Endpoint::Unknown {
        return desk.problem(&Problem::refused(Dialect::Chat, 404, "unknown path"));
    }
    if !asked.readable {
        let dialect = desk.dialect();
        return desk.problem(&Problem::refused(dialect, 400, "the body is not a JSON object"));
    }
    if order.dish.strict
        && let Err(problem) =
            strict::check(asked.endpoint, &seen.path, &seen.headers, &asked.document)
    {
        return desk.problem(&problem);
    }
    let steps = match &order.fault {
        None => desk.good(),
        Some(fault) => desk.faulty(fault),
    };
    if order.dish.joined { joined(steps) } else { steps }
}

/// The same steps with neighbouring sends in one, up to a limit.
fn joined(steps: Vec<Step>) -> Vec<Step> {
    let mut out = Vec::new();
    let mut held = Vec::new();
    for step in steps {
        match step {
            Step::Send(bytes) if held.len() < JOINED_BYTES_MAX => held.extend_from_slice(&bytes),
            step @ (Step::Send(_) | Step::Wait(_) | Step::Hang | Step::Reset | Step::Fin) => {
                if !held.is_empty() {
                    out.push(Step::Send(std::mem::take(&mut held).into()));
                }
                out.push(step);
            }
        }
    }
    if !held.is_empty() {
        out.push(Step::Send(held.into()));
    }
    out
}

/// The answer to a model name that was misspelt.
pub(super) fn misspelt(seen: &Seen, asked: &Asked, part: &str, scene: &Scene) -> Vec<Step> {
    let order = Order::plain();
    let answer = Answer::cook(&order, asked, &scene.name);
    let desk = Desk { seen, asked, order: &order, scene, answer, ids: Ids::of(scene, seen) };
    let message = format!("the drill knows no fault or modifier `{part}`: see GET /_drill/menu");
    desk.problem(&Problem::refused(desk.dialect(), 404, &message))
}

/// Everything at hand for one answer.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    seen: &'a Seen,
    pub(super) asked: &'a Asked,
    pub(super) order: &'a Order,
    scene: &'a Scene,
    pub(super) answer: Answer,
    ids: Ids,
}

// === impl Desk ===

impl Desk<'_> {
    pub(super) fn dialect(&self) -> Dialect {
        self.asked.endpoint.dialect()
    }

    fn request_id(&self) -> String {
        self.ids.id("req_01", 2)
    }

    /// The answer as a document.
    pub(super) fn document(&self) -> Vec<u8> {
        let text = match self.asked.endpoint {
            Endpoint::Answer(Dialect::Chat) | Endpoint::Unknown => self.chat().whole(),
            Endpoint::Answer(Dialect::Messages) => self.messages().whole(),
            Endpoint::Answer(Dialect::Responses) => self.responses().whole(),
            Endpoint::Stored(what) => {
                let (id, _) = asked::response(&self.seen.path).unwrap_or_default();
                self.responses().stored(what, id)
            }
            Endpoint::Compact => self.responses().compacted(),
            Endpoint::InputTokens => responses::count(),
            Endpoint::CountTokens => messages::count(),
            Endpoint::Models(Dialect::Chat | Dialect::Responses) => chat::models(),
            Endpoint::Models(Dialect::Messages) => messages::models(),
            Endpoint::Model(Dialect::Chat | Dialect::Responses) => chat::model(self.named()),
            Endpoint::Model(Dialect::Messages) => messages::model(self.named()),
        };
        text.into_bytes()
    }

    /// The model that the path names.
    fn named(&self) -> &str {
        asked::model(&self.seen.path).unwrap_or_default()
    }

    pub(super) fn chat(&self) -> chat::Chat<'_> {
        chat::Chat {
            answer: &self.answer,
            ids: &self.ids,
            model: &self.asked.model,
            created: self.scene.now_unix,
            include_usage: self.asked.include_usage,
        }
    }

    pub(super) fn responses(&self) -> responses::Responses<'_> {
        responses::Responses {
            answer: &self.answer,
            ids: &self.ids,
            model: &self.asked.model,
            created: self.scene.now_unix,
            previous: self.asked.document.get("previous_response_id").and_then(Value::as_str),
        }
    }

    pub(super) fn messages(&self) -> messages::Messages<'_> {
        messages::Messages { answer: &self.answer, ids: &self.ids, model: &self.asked.model }
    }

    /// The same desk with another answer on it.
    pub(super) fn with(&self, answer: Answer) -> Desk<'_> {
        let Self { seen, asked, order, scene, answer: _, ids } = self;
        Desk { seen, asked, order, scene, answer, ids: ids.clone() }
    }

    /// The headers that every answer of the dialect carries.
    fn headers(&self, kind: &str) -> Vec<(&'static str, String)> {
        let mut headers = vec![("content-type", kind.to_owned())];
        match self.dialect() {
            Dialect::Chat | Dialect::Responses => headers.extend([
                ("x-request-id", self.request_id()),
                ("openai-processing-ms", "3".to_owned()),
                ("x-ratelimit-remaining-requests", "9999".to_owned()),
            ]),
            Dialect::Messages => headers.extend([
                ("request-id", self.request_id()),
                ("anthropic-ratelimit-requests-remaining", "9999".to_owned()),
            ]),
        }
        headers
    }

    /// A head whose body is chunked.
    pub(super) fn open_head(&self) -> Step {
        let mut headers = self.headers(self.kind());
        headers.push(("transfer-encoding", "chunked".to_owned()));
        Step::Send(http::head(200, &headers).into())
    }

    /// A head whose body has this length.
    pub(super) fn sized_head(&self, length: usize) -> Step {
        let mut headers = self.headers("application/json");
        headers.push(("content-length", length.to_string()));
        Step::Send(http::head(200, &headers).into())
    }

    /// A complete answer of a kind and a body.
    fn reply(&self, status: u16, kind: &str, extra: Extra, body: Vec<u8>) -> Vec<Step> {
        let mut headers = self.headers(kind);
        headers.extend(extra);
        headers.push(("content-length", body.len().to_string()));
        let head = Step::Send(http::head(status, &headers).into());
        if body.is_empty() { vec![head] } else { vec![head, Step::Send(body.into())] }
    }

    pub(super) fn problem(&self, problem: &Problem) -> Vec<Step> {
        self.problem_with(problem, Vec::new())
    }

    fn problem_with(&self, problem: &Problem, extra: Extra) -> Vec<Step> {
        let body = self.problem_body(problem);
        self.reply(problem.status, "application/json", extra, body.into_bytes())
    }

    pub(super) fn problem_body(&self, problem: &Problem) -> String {
        problem.body(self.dialect(), &self.request_id())
    }

    /// Nothing goes wrong.
    pub(super) fn good(&self) -> Vec<Step> {
        let closing = self.asked.prefill.as_deref().and_then(|text| text.chars().next_back());
        if self.dialect() == Dialect::Messages && closing.is_some_and(char::is_whitespace) {
            // The real API says so, and a seam must heed it.
            let message = "messages: final assistant content cannot end with trailing whitespace";
            return self.problem(&Problem::refused(Dialect::Messages, 400, message));
        }
        match self.asked.shape {
            Shape::Stream => stream::good(self),
            Shape::Whole => whole::good(self),
        }
    }

    fn faulty(&self, fault: &Fault) -> Vec<Step> {
        match fault {
            Fault::Plain(plain) => self.plain(*plain),
            Fault::Status(status, hint) => {
                let problem = Problem::of_status(*status, self.dialect());
                let extra = hint.map_or_else(Vec::new, |hint| self.hint(hint));
                self.problem_with(&problem, extra)
            }
            Fault::Html(status) => self.page(*status),
            Fault::Refusal(refusal) => self.refusal(*refusal),
            Fault::NeedsKey(key) if self.seen.key() == Some(key) => self.good(),
            Fault::NeedsKey(_) => self.refusal(Refusal::Unauthorized),
            Fault::Slow(Pace::Head, wait) => {
                let mut steps = vec![Step::Wait(*wait)];
                steps.extend(self.good());
                steps
            }
            Fault::Slow(Pace::Drip, wait) => drip(self.good(), *wait),
            Fault::Error(kind, ErrorPlace::First) if self.asked.shape == Shape::Whole => {
                let body = self.problem_body(&Problem::in_band(*kind, self.dialect()));
                self.reply(200, "application/json", Vec::new(), body.into_bytes())
            }
            Fault::Flaw(_)
            | Fault::Break(..)
            | Fault::Error(..)
            | Fault::GarbleAfter(_)
            | Fault::Slow(Pace::First | Pace::Tool, _)
            | Fault::BigAnswer(_) => self.body(fault),
        }
    }

    /// A fault within the body of a 200 answer.
    fn body(&self, fault: &Fault) -> Vec<Step> {
        match self.asked.shape {
            Shape::Stream => stream::faulty(self, fault),
            Shape::Whole => whole::faulty(self, fault),
        }
    }

    fn plain(&self, plain: Plain) -> Vec<Step> {
        match plain {
            Plain::ResetBeforeHead => vec![Step::Reset],
            Plain::HangBeforeHead => vec![Step::Hang],
            Plain::FinBeforeHead => vec![Step::Fin],
            Plain::GarbageHttp => {
                let garbage = b"\x15\x03\x01\x00\x02\x02\x0a this is not HTTP\r\n\r\n";
                vec![Step::Send(Bytes::from_static(garbage)), Step::Fin]
            }
            Plain::HugeHead => {
                let (kind, body) = self.at_once();
                let extra = vec![("x-filler", "x".repeat(HUGE_HEAD_BYTES))];
                self.reply(200, kind, extra, body)
            }
            Plain::Redirect => {
                let location = format!("https://elsewhere.invalid{}", self.seen.path);
                self.reply(307, "text/plain", vec![("location", location)], Vec::new())
            }
            Plain::Empty200 => self.reply(200, self.kind(), Vec::new(), Vec::new()),
            Plain::WrongType => {
                self.reply(200, "text/html; charset=utf-8", Vec::new(), problem::PORTAL.into())
            }
            Plain::WholeToStream => whole::good(self),
            Plain::Gzip => self.gzipped(),
            Plain::Silent200 => vec![self.open_head(), Step::Hang],
            Plain::Stale if self.seen.nth > 0 => vec![Step::Fin],
            // What the answer is made of has seen to it.
            Plain::EmptyAnswer | Plain::Stale => self.good(),
            Plain::Overloaded => self.problem(&Problem::overloaded(self.dialect())),
            Plain::Loading => {
                self.reply(503, "application/json", Vec::new(), problem::LOADING.into())
            }
            Plain::RefusesPrefill if self.asked.prefill.is_none() => self.good(),
            Plain::RefusesPrefill => self.problem(&Problem::prefill(self.dialect())),
        }
    }

    fn page(&self, status: u16) -> Vec<Step> {
        self.reply(status, "text/html", Vec::new(), problem::html(status).into_bytes())
    }

    fn refusal(&self, refusal: Refusal) -> Vec<Step> {
        match Problem::of_refusal(refusal, self.dialect(), &self.asked.model) {
            Some(problem) => self.problem(&problem),
            None if refusal == Refusal::Firewall => self.page(403),
            None => self.reply(400, "application/json", Vec::new(), Vec::new()),
        }
    }

    fn gzipped(&self) -> Vec<Step> {
        let (kind, body) = self.at_once();
        let extra = vec![("content-encoding", "gzip".to_owned())];
        self.reply(200, kind, extra, gzip::gzip(&body))
    }

    /// The body of a good answer in one piece, with its content type.
    fn at_once(&self) -> (&'static str, Vec<u8>) {
        let body = match self.asked.shape {
            Shape::Stream => stream::frames(self).into_iter().flat_map(|one| one.bytes).collect(),
            Shape::Whole => self.document(),
        };
        (self.kind(), body)
    }

    /// The content type of a good answer.
    fn kind(&self) -> &'static str {
        match self.asked.shape {
            Shape::Stream => "text/event-stream; charset=utf-8",
            Shape::Whole => "application/json",
        }
    }

    /// The headers of a hint.
    fn hint(&self, hint: Hint) -> Extra {
        match hint {
            Hint::After(seconds) => vec![("retry-after", seconds.to_string())],
            Hint::AfterDate => {
                vec![("retry-after", date::http(self.scene.now_unix.saturating_add(2)))]
            }
            Hint::AfterMs(ms) => vec![("retry-after-ms", ms.to_string())],
            Hint::Absurd => vec![("retry-after", "99999999999999999999".to_owned())],
            Hint::ShouldRetry(yes) => vec![("x-should-retry", yes.to_string())],
            Hint::Reset(seconds) => match self.dialect() {
                Dialect::Chat | Dialect::Responses => vec![
                    ("x-ratelimit-remaining-tokens", "0".to_owned()),
                    ("x-ratelimit-reset-tokens", format!("{seconds}s")),
                ],
                Dialect::Messages => {
                    let at = date::rfc3339(self.scene.now_unix.saturating_add(seconds));
                    vec![
                        ("anthropic-ratelimit-tokens-remaining", "0".to_owned()),
                        ("anthropic-ratelimit-tokens-reset", at),
                    ]
                }
            },
        }
    }
}

/// Headers beyond the usual ones.
type Extra = Vec<(&'static str, String)>;

/// One byte at a time, head included.
fn drip(steps: Vec<Step>, wait: Duration) -> Vec<Step> {
    let mut out = Vec::new();
    let mut left = DRIP_BYTES_MAX;
    for step in steps {
        let Step::Send(mut bytes) = step else {
            out.push(step);
            continue;
        };
        while !bytes.is_empty() {
            let size = if left == 0 { bytes.len() } else { 1 };
            left = left.saturating_sub(1);
            out.push(Step::Send(bytes.split_to(size)));
            if !wait.is_zero() {
                out.push(Step::Wait(wait));
            }
        }
    }
    out
}
