//! The language of the cases: a plan, a script of what happens, and what the exchange did.
//!
//! ```text
//! a/x b/y*local            legs, provider/model; *local, *own (the caller's key), *2 (credentials),
//!                          *crossed, *watched
//! whole thinking total=30s options
//! before 0s open a/x       health, this long before the request arrives
//! @250 0 head 200          at 250 ms, to attempt 0
//! @300 0 text+finish+end   one frame with three meanings
//! @400 gone                the caller left
//! ```

use crate::board::{Board, Health, Member, Outcome};
use crate::classify::tests::{failure, rejection};
use crate::{Action, AttemptId, Breakers, Class, Deadlines, Exchange, Input, Leg, Plan};
use crate::{Probed, ProviderId, Retries, Words};
use bytes::Bytes;
use ir::{
    Block, BlockKind, Dialect, Event, Finish, Frame, Piece, Shape, Time, Tokens, Usage, Whole,
};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// When the request arrives.
pub(super) const START: Duration = Duration::from_secs(1000);
/// A driver that takes more steps than this hangs.
const STEPS_MAX: usize = 10_000;

/// A request and its world.
pub(super) struct Drive {
    pub(super) exchange: Exchange,
    pub(super) board: RefCell<Board>,
    pub(super) now: Time,
    frames: Vec<usize>,
    out: Vec<(u128, String)>,
}

/// Reads a duration: `250ms`, `2s`, `10m`.
pub(super) fn duration(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap_or_else(|_| panic!("not a duration: {text}"))
}

fn option<'a>(word: &'a str, key: &str) -> Option<&'a str> {
    word.strip_prefix(key)?.strip_prefix('=')
}

/// Reads a plan, and who lives where.
pub(super) fn plan(text: &str) -> (Plan, Vec<Member>, Retries) {
    let mut plan = Plan {
        legs: Vec::new(),
        shape: Shape::Stream,
        retries: Retries::default(),
        ping_every: Duration::from_secs(15),
        total: Duration::from_mins(10),
        filter_next: false,
        empty_next: false,
        continues: false,
        unjoinable: None,
        structured: false,
        hold_max: 1 << 20,
        seed: 7,
    };
    let mut members: Vec<Member> = Vec::new();
    let mut retries = Retries::default();
    let mut thinking = false;
    for word in text.split_whitespace() {
        match word {
            "whole" => plan.shape = Shape::Whole,
            "thinking" => thinking = true,
            "filter" => plan.filter_next = true,
            "continues" => plan.continues = true,
            "structured" => plan.structured = true,
            "empty" => plan.empty_next = true,
            _ if word.contains('/') => leg(word, &mut plan, &mut members),
            _ => setting(word, &mut plan, &mut retries),
        }
    }
    plan.retries = retries;
    plan.legs.iter_mut().for_each(|leg| leg.thinking = thinking);
    (plan, members, retries)
}

fn setting(word: &str, plan: &mut Plan, retries: &mut Retries) {
    if let Some(total) = option(word, "total") {
        plan.total = duration(total);
    } else if let Some(hold) = option(word, "hold") {
        plan.hold_max = hold.parse().unwrap();
    } else if let Some(max) = option(word, "max") {
        retries.total = max.parse().unwrap();
    } else if let Some(seed) = option(word, "seed") {
        plan.seed = seed.parse().unwrap();
    } else if let Some(reserve) = option(word, "reserve") {
        (retries.reserve, retries.ratio) = (reserve.parse().unwrap(), 0.0);
    } else {
        panic!("not an option: {word}");
    }
}

fn leg(word: &str, plan: &mut Plan, members: &mut Vec<Member>) {
    let mut marks = word.split('*');
    let name = marks.next().unwrap();
    let (provider, model) = name.split_once('/').unwrap();
    let known = members.iter().position(|member| member.host == provider);
    let at = known.unwrap_or(members.len());
    let marks: Vec<&str> = marks.collect();
    let count = marks.iter().find_map(|mark| mark.parse().ok()).unwrap_or(1);
    let local = marks.contains(&"local");
    if known.is_none() {
        members.push(Member { host: provider.to_owned(), local, credentials: count });
    }
    plan.legs.push(Leg {
        provider: ProviderId(at),
        model: Arc::from(model),
        name: Arc::from(name),
        dialect: Dialect::Chat,
        local,
        caller_owned: marks.contains(&"own"),
        credentials: count,
        only: None,
        thinking: false,
        crossed: marks.contains(&"crossed"),
        watched: marks.contains(&"watched"),
        prefill: marks.contains(&"prefill"),
        codes: &[],
        deadlines: Deadlines::default(),
    });
}

/// Reads one meaning: `text`, `tool:1`, `/tool:1` (closed), `finish`, `usage:10:5` …
pub(super) fn event(word: &str, rest: &[&str]) -> Event {
    let (name, index) = word.split_once(':').unwrap_or((word, "0"));
    let block = |kind| Block { kind, index: index.parse().unwrap() };
    match name {
        "ping" => Event::Ping,
        "start" => Event::Start(None),
        "work" => Event::Progress,
        "text" => Event::Delta(block(BlockKind::Text), Piece::Unread),
        "say" => Event::Delta(block(BlockKind::Text), Piece::Text(rest.join(" ").into())),
        "letters" => {
            let letters = "x".repeat(index.parse().unwrap());
            Event::Delta(Block { kind: BlockKind::Text, index: 0 }, Piece::Text(letters.into()))
        }
        "argues" => {
            let letters = "x".repeat(index.parse().unwrap());
            let tool = Block { kind: BlockKind::Tool, index: 1 };
            Event::Delta(tool, Piece::Arguments(letters.into()))
        }
        "call" => {
            let call = ir::Call { name: "f".into(), ..ir::Call::default() };
            Event::Open(block(BlockKind::Tool), Some(Box::new(ir::Opening::Call(call))))
        }
        "+text" => Event::Open(block(BlockKind::Text), None),
        "/text" => Event::Close(block(BlockKind::Text)),
        "think" => Event::Delta(block(BlockKind::Reasoning), Piece::Unread),
        "tool" => Event::Open(block(BlockKind::Tool), None),
        "args" => Event::Delta(block(BlockKind::Tool), Piece::Unread),
        "/tool" => Event::Close(block(BlockKind::Tool)),
        "finish" => Event::Finish(Finish::Stop, None),
        "refusal" => Event::Finish(Finish::Refusal, None),
        "end" => Event::End,
        "twice" => Event::Repeated("a block"),
        "bad" => Event::Malformed("not JSON"),
        "noise" => Event::Noise("not JSON"),
        "usage" => {
            let (input, output) = index.split_once(':').unwrap();
            let (input, output) = (input.parse().unwrap(), output.parse().unwrap());
            Event::Usage(Tokens { input, output, ..Tokens::default() })
        }
        "mark" => Event::Fail(rejection(500, "in_band bare")),
        "err" => {
            let rest = rest.join(" ");
            Event::Fail(rejection(index.parse().unwrap(), &format!("in_band {rest}")))
        }
        _ => panic!("not an event: {word}"),
    }
}

// === impl Drive ===

impl Drive {
    pub(super) fn new(text: &str) -> Self {
        let (plan, members, retries) = plan(text);
        let start = Time::ZERO + START;
        let board = RefCell::new(Board::new(&members, Breakers::default(), &retries, 5));
        Self {
            exchange: Exchange::new(plan, start),
            board,
            now: start,
            frames: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Runs a script to its end, and the exchange to its own; what was done, and how it stands.
    pub(super) fn run(mut self, script: &str) -> String {
        self.play(script);
        self.render()
    }

    pub(super) fn play(&mut self, script: &str) {
        let lines = || script.lines().map(str::trim).filter(|line| !line.is_empty());
        let start = self.now;
        for line in lines().filter_map(|line| line.strip_prefix("before ")) {
            let (ago, line) = line.split_once(' ').unwrap();
            self.now = Time::ZERO + START.checked_sub(duration(ago)).unwrap();
            self.health(line);
        }
        self.tick(start);
        for line in lines().filter_map(|line| line.strip_prefix('@')) {
            let (at, what) = line.split_once(' ').unwrap();
            let at = start + Duration::from_millis(at.parse().unwrap());
            self.wait_until(at);
            self.now = at;
            self.happens(what);
            self.drain();
        }
        self.wait_until(Time::MAX);
        assert!(self.exchange.is_done(), "it never ends: {:?}", self.out);
        assert_eq!(self.board.borrow().permits(), 0, "BD1: permits out after the end");
    }

    /// Lets timers fire at their instants until `at`.
    pub(super) fn wait_until(&mut self, at: Time) {
        for _ in 0..STEPS_MAX {
            match self.exchange.poll_timeout() {
                Some(due) if due < at => {
                    assert!(self.now <= due, "a timer in the past: the driver would spin");
                    self.tick(due);
                    let next = self.exchange.poll_timeout();
                    assert!(next.is_none_or(|next| due < next), "the same timer again: a spin");
                }
                Some(_) | None => return,
            }
        }
        panic!("timers without end: {:?}", self.out);
    }

    pub(super) fn tick(&mut self, now: Time) {
        self.now = now;
        self.exchange.tick(now, &self.board);
        self.drain();
    }

    fn happens(&mut self, what: &str) {
        let words: Vec<&str> = what.split_whitespace().collect();
        match words[0] {
            "gone" => self.exchange.caller_gone(self.now, &self.board),
            "stop" => self.exchange.stop(self.now, &self.board),
            "room" => self.exchange.room(self.now),
            "board" => self.health(&words[1..].join(" ")),
            attempt => {
                let id = AttemptId(attempt.parse().unwrap());
                let input = self.input(id, &words[1..]);
                self.exchange.handle(self.now, id, input, &self.board);
            }
        }
    }

    fn input(&mut self, id: AttemptId, words: &[&str]) -> Input {
        match words[0] {
            "head" => Input::Head {
                status: words[1].parse().unwrap(),
                upstream_id: words.get(2).map(|&id| id.to_owned()),
            },
            "wrote" => {
                Input::Written(words[1..].iter().map(|word| &*(*word).to_owned().leak()).collect())
            }
            "eof" => Input::Eof { clean: true },
            "cut" => Input::Eof { clean: false },
            "progress" => Input::Progress,
            "overflow" => Input::Overflow(Bytes::from(format!("{}.over", id.0))),
            "chunk" => Input::Chunk(Bytes::from(format!("{}.chunk", id.0))),
            "whole" => {
                let finish =
                    if words.contains(&"refusal") { Finish::Refusal } else { Finish::Stop };
                let usage = Usage::Exact(Tokens { input: 9, output: 4, ..Tokens::default() });
                let empty = words.contains(&"empty");
                let whole = Whole { finish: Some(finish), usage, empty };
                Input::Whole(Bytes::from(format!("{}.whole", id.0)), whole)
            }
            "fail" => Input::Failed(failure(&words[1..].join(" "))),
            _ => Input::Frame(self.frame(id, words)),
        }
    }

    /// A frame whose bytes are the attempt's number and its own.
    fn frame(&mut self, id: AttemptId, words: &[&str]) -> Frame {
        if self.frames.len() <= id.0 {
            self.frames.resize(id.0 + 1, 0);
        }
        self.frames[id.0] += 1;
        let events = words[0].split('&').filter(|word| *word != "comment");
        Frame {
            bytes: Bytes::from(format!("{}.{}", id.0, self.frames[id.0])),
            events: events.map(|word| event(word, &words[1..])).collect(),
        }
    }

    /// What others did to health: `open a/x`, `probe a`, `pace a/x 20s`, `spend 10`, `brown a/x 400ms
    /// 4s` (its usual pace, and that of the last second) …
    pub(super) fn health(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let now = self.now;
        let legs = self.exchange.plan().legs.clone();
        let named = |name: &str| legs.iter().find(|leg| leg.name.as_ref() == name).unwrap();
        let fails = |name: &str, class: Class, wait| {
            let leg = named(name);
            let permit = Health::force(&self.board, now, leg);
            Health::ended(&self.board, now, leg, permit, Outcome::Failed(class, wait));
        };
        match words[0] {
            "open" => (0..5).for_each(|_| fails(words[1], Class::ServerError, None)),
            "bad" => fails(words[1], Class::ServerError, None),
            "class" => fails(words[1], Class::from_word(words[2]).unwrap(), None),
            "wait" => fails(words[1], Class::Unavailable, Some(duration(words[2]))),
            "park" => fails(words[1], Class::RateLimited, Some(duration(words[2]))),
            "probe" => {
                let provider = named(words[1]).provider;
                let probed = if words[2] == "good" { Probed::Well } else { Probed::Unanswered };
                self.board.borrow_mut().probed(now, provider, probed);
            }
            "heal" => (0..8).for_each(|_| {
                let leg = named(words[1]);
                let mut permit = match Health::enter(&self.board, now, leg) {
                    crate::Admission::Go(permit) => permit,
                    crate::Admission::Shut(..) => Health::force(&self.board, now, leg),
                };
                Health::alive(&self.board, now, leg, &mut permit, None);
                Health::ended(&self.board, now, leg, permit, Outcome::Good);
            }),
            "pace" => (0..8).for_each(|_| {
                let mut permit = Health::force(&self.board, now, named(words[1]));
                let after = Some(duration(words[2]));
                Health::alive(&self.board, now, named(words[1]), &mut permit, after);
                Health::ended(&self.board, now, named(words[1]), permit, Outcome::Good);
            }),
            "brown" => (0..56).for_each(|nth| {
                // What is usual was learnt a while ago.
                let (ago, after) = if nth < 32 { (600, words[2]) } else { (0, words[3]) };
                let then = Time::ZERO + now.since(Time::ZERO + Duration::from_secs(ago));
                let mut permit = Health::force(&self.board, then, named(words[1]));
                let after = Some(duration(after));
                Health::alive(&self.board, then, named(words[1]), &mut permit, after);
                Health::ended(&self.board, then, named(words[1]), permit, Outcome::Good);
            }),
            "rate" => (0..8).for_each(|_| {
                let leg = named(words[1]);
                let mut permit = Health::force(&self.board, now, leg);
                permit.gap = Some(duration(words[2]));
                Health::ended(&self.board, now, leg, permit, Outcome::Good);
            }),
            "spend" => (0..words[1].parse().unwrap()).for_each(|_| {
                assert!(Health::spend(&self.board), "the budget is spent already");
            }),
            _ => panic!("not a word about health: {line}"),
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.exchange.poll() {
            let at = self.now.since(Time::ZERO + START).as_millis();
            let text = self.said(&action);
            match (self.out.last_mut(), text.strip_prefix("relay ")) {
                (Some((last, line)), Some(bytes)) if *last == at && line.contains("relay") => {
                    line.extend([" ", bytes]);
                }
                (Some((last, line)), _) if *last == at => line.extend([", ", text.as_str()]),
                _ => self.out.push((at, text)),
            }
        }
    }

    fn said(&self, action: &Action) -> String {
        match action {
            Action::Begin { attempt, leg, credential, way } => {
                let leg = &self.exchange.plan().legs[*leg];
                let key =
                    if leg.credentials > 1 { format!(" key {credential}") } else { String::new() };
                let way = way.map(|way| format!(" by {}", way.word())).unwrap_or_default();
                format!("begin {} {}{key}{way}", attempt.0, leg.name)
            }
            Action::Cancel(id) => format!("cancel {}", id.0),
            Action::Repair { attempt, leg, repair } => {
                let leg = &self.exchange.plan().legs[*leg];
                format!("repair {} {} {}", attempt.0, leg.name, repair.word())
            }
            Action::Learn { leg, repair } => {
                let leg = &self.exchange.plan().legs[*leg];
                format!("learn {} {}", leg.name, repair.word())
            }
            Action::Head(Some(id)) => format!("head {}", id.0),
            Action::Head(None) => "head ours".to_owned(),
            Action::Note(id) => format!("note {}", id.0),
            Action::Relay(bytes) => format!("relay {}", String::from_utf8_lossy(bytes)),
            Action::Ping => "ping".to_owned(),
            Action::Finish { supply_end: false } => "finish".to_owned(),
            Action::Finish { supply_end: true } => "finish supplied".to_owned(),
            Action::Break => "break".to_owned(),
            Action::Fail(last) => {
                let words = match last.words {
                    Words::Theirs(id) => format!("theirs {}", id.0),
                    Words::Ours(Some(id)) => format!("ours {}", id.0),
                    Words::Ours(None) => "ours".to_owned(),
                    Words::Said(id) => format!("said {}", id.0),
                };
                let after = last.retry_after_s.map_or_else(String::new, |s| format!(" after {s}"));
                let hopeless = if last.hopeless { " hopeless" } else { "" };
                let why = last.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                format!("fail {} {} {words}{after}{hopeless}{why}", last.status, last.class.word())
            }
        }
    }

    fn render(&self) -> String {
        let lines = self.out.iter().map(|(at, line)| format!("@{at} {line}"));
        let report = self.exchange.report(self.now);
        let target = report.target.as_deref().unwrap_or("-");
        let trail = self.exchange.trail(self.now);
        let last = format!("= {} {target} | {trail}", report.ending.word());
        lines.chain([last]).collect::<Vec<_>>().join("\n")
    }
}
