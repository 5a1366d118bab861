//! Whatever happens, in whatever order and at whatever time, the promises hold.

use super::script::{Drive, START, event};
use crate::classify::tests::failure;
use crate::{Action, AttemptId, Input, Plan};
use bytes::Bytes;
use ir::{BlockKind, Ending, Event, Finish, Frame, Repair, Shape, Time, Usage, Whole};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use std::time::Duration;

/// After the last news an exchange ends by its own deadlines: the total one, then the longest idle
/// one, then the tail.
const ENDS_WITHIN: Duration = Duration::from_secs(30 + 120 + 2);

/// Something that happens to one of the attempts under way, this long after what came before.
#[derive(Clone, Debug)]
struct News {
    after: Duration,
    attempt: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Head,
    Frame(Vec<&'static str>),
    Failed(&'static str),
    Eof(bool),
    Progress,
    Whole(bool),
    Overflow,
    Room,
    Gone,
    Health(&'static str),
}

fn plans() -> impl Strategy<Value = String> {
    let legs = prop::collection::vec(
        prop::sample::select(vec![
            "a/x",
            "a/y*watched",
            "b/x",
            "b/z*2*watched*crossed",
            "c/y*local",
            "d/x*own",
        ]),
        1..5,
    );
    let words = prop::collection::vec(
        prop::sample::select(vec![
            "whole",
            "thinking",
            "filter",
            "empty",
            "hold=40",
            "max=2",
            "reserve=0",
            "seed=3",
        ]),
        0..4,
    );
    (legs, words).prop_map(|(mut legs, words)| {
        let mut seen = Vec::new();
        legs.retain(|leg| {
            !seen.contains(leg) && {
                seen.push(*leg);
                true
            }
        });
        format!("{} {} total=30s", legs.join(" "), words.join(" "))
    })
}

fn frames() -> impl Strategy<Value = What> {
    let events = prop::sample::select(vec![
        "ping",
        "start",
        "text",
        "text",
        "text",
        "+text:1",
        "/text:1",
        "think",
        "tool:1",
        "args:1",
        "/tool:1",
        "tool:2",
        "/tool:2",
        "finish",
        "refusal",
        "end",
        "usage:9:2",
    ]);
    let meanings = prop::collection::vec(events, 0..3).prop_map(|mut meanings| {
        // Nothing stands behind an end marker in its own frame.
        let end = meanings.iter().position(|word| *word == "end");
        meanings.truncate(end.map_or(meanings.len(), |end| end + 1));
        meanings
    });
    prop_oneof![
        12 => meanings.prop_map(What::Frame),
        1 => Just(What::Frame(vec!["bad"])),
        1 => Just(What::Frame(vec!["err:529"])),
        1 => Just(What::Frame(vec!["mark"])),
    ]
}

fn news() -> impl Strategy<Value = News> {
    let failures = prop::sample::select(vec![
        "dns",
        "servfail",
        "refused",
        "timeout",
        "cert",
        "tls",
        "unprocessed",
        "stale",
        "reset",
        "badhttp",
        "html",
        "malformed",
        "cut",
        "400",
        "400 code=context_length_exceeded",
        "401",
        "402",
        "403 html",
        "404",
        "413",
        "429",
        "429 after=2s",
        "429 after=20s",
        "500",
        "501",
        "502",
        "503 said: Loading model",
        "503 said: server busy",
        "529 after=1s",
        "302",
        "400 code=content_filter",
        "400 code=unsupported_value",
        "500 retry=false",
        "400 retry=true",
        "400 code=unsupported_value param=stream",
        "400 code=unsupported_value param=user",
    ]);
    let health =
        prop::sample::select(vec!["open", "bad", "probe", "pace", "brown", "refused", "parked"]);
    let what = prop_oneof![
        4 => Just(What::Head),
        20 => frames(),
        5 => failures.prop_map(What::Failed),
        2 => any::<bool>().prop_map(What::Eof),
        2 => Just(What::Progress),
        2 => any::<bool>().prop_map(What::Whole),
        2 => Just(What::Overflow),
        1 => Just(What::Room),
        1 => prop_oneof![7 => Just(What::Room), 1 => Just(What::Gone)],
        2 => health.prop_map(What::Health),
    ];
    let after = prop_oneof![
        6 => 0..300_u64, 2 => 300..3000_u64, 1 => 3000..16_000_u64
    ];
    (after, 0..4_usize, what).prop_map(|(after, attempt, what)| News {
        after: Duration::from_millis(after),
        attempt,
        what,
    })
}

/// What the caller and the providers would have seen, and the laws about it.
struct Witness {
    shape: Shape,
    /// Frames each attempt was handed while it was under way, malformed ones left out.
    fed: Vec<Vec<(Bytes, Vec<Event>)>>,
    live: Vec<bool>,
    /// Which attempts answer a watched request with the stream that was asked for; every third sends
    /// a document all the same.
    watched: Vec<bool>,
    /// Legs that were asked again in another way.
    repaired: Vec<(usize, Repair)>,
    begun: usize,
    headed: bool,
    server: Option<AttemptId>,
    relayed: Vec<Bytes>,
    ends: usize,
}

impl Witness {
    fn sees(&mut self, action: Action, plan: &Plan) {
        assert_eq!(self.ends, 0, "EX1, EX2: {action:?} after the end");
        match action {
            Action::Begin { attempt, leg, .. } => {
                assert_eq!(attempt.0, self.live.len(), "attempts are numbered in order");
                self.watched.push(plan.legs[leg].watched && attempt.0 % 3 != 2);
                self.begun += 1;
                self.live.push(true);
                self.fed.push(Vec::new());
            }
            Action::Cancel(id) => {
                assert!(std::mem::take(&mut self.live[id.0]), "{id:?} was cancelled twice");
            }
            Action::Repair { attempt, leg, repair } => {
                assert!(!self.live[attempt.0], "it is still under way");
                assert!(!self.repaired.contains(&(leg, repair)), "once per leg");
                self.repaired.push((leg, repair));
            }
            Action::Learn { leg, repair } => {
                assert!(self.repaired.contains(&(leg, repair)), "nothing taught this");
                assert!(self.server.is_some() && self.ends == 0, "it has not helped");
            }
            Action::Head(who) => {
                assert!(!std::mem::replace(&mut self.headed, true), "a second head");
                self.server = who;
            }
            Action::Note(id) => {
                assert!(self.headed, "a note before any head");
                assert!(self.server.replace(id).is_none(), "a second server");
            }
            Action::Relay(bytes) => {
                assert!(self.server.is_some(), "bytes of nobody");
                let watched = self.server.is_some_and(|id| self.watched[id.0]);
                assert!(self.shape == Shape::Stream || !watched, "a frame of a whole answer");
                self.relayed.push(bytes);
            }
            Action::Ping => assert!(self.headed, "a ping before the head"),
            Action::Finish { .. } => {
                assert!(self.server.is_some(), "an end of nothing");
                self.ends += 1;
            }
            Action::Fail(_) => self.ends += 1,
            Action::Break => {
                assert_eq!(self.shape, Shape::Whole, "a stream ends in words");
                self.ends += 1;
            }
        }
    }

    /// EX5, CD2: what was relayed are the server's frames, in order, without loss or doubling; its
    /// error may come behind what was held. EX6: no tool call among them is half there.
    fn checks(&self) {
        let Some(server) = self.server.filter(|_| self.shape == Shape::Stream) else { return };
        let fed = &self.fed[server.0];
        let mut open = Vec::new();
        let fails = |events: &[Event]| events.iter().any(|it| matches!(it, Event::Fail(_)));
        let error = |bytes: &&Bytes| fed.iter().any(|(it, events)| it == *bytes && fails(events));
        let errors = usize::from(self.relayed.last().as_ref().is_some_and(error));
        for (index, bytes) in self.relayed[..self.relayed.len() - errors].iter().enumerate() {
            let (frame, events) = &fed[index];
            assert_eq!(bytes, frame, "EX5: relayed {:?}, fed {fed:?}", self.relayed);
            for event in events {
                match event {
                    Event::Open(block, _) if block.kind == BlockKind::Tool => open.push(*block),
                    Event::Close(block) => open.retain(|it| it != block),
                    Event::Open(..)
                    | Event::Delta(..)
                    | Event::Start(_)
                    | Event::Progress
                    | Event::Ping
                    | Event::Finish(..)
                    | Event::Usage(_)
                    | Event::End
                    | Event::Fail(_)
                    | Event::Repeated(_)
                    | Event::Malformed(_)
                    | Event::Noise(_)
                    | Event::Aside(_) => {}
                }
            }
        }
        assert!(open.is_empty(), "EX6: half a call left: {:?}", self.relayed);
    }
}

fn input(what: &What, number: usize, shape: Shape) -> Option<Input> {
    let bytes = Bytes::from(number.to_string());
    match (what, shape) {
        (What::Head, _) => Some(Input::Head { status: 200, upstream_id: None }),
        (What::Frame(words), Shape::Stream) => {
            let events = words.iter().map(|word| event(word, &[])).collect();
            Some(Input::Frame(Frame { bytes, events }))
        }
        (What::Failed(text), _) => Some(Input::Failed(failure(text))),
        (What::Eof(clean), _) => Some(Input::Eof { clean: *clean }),
        (What::Progress, Shape::Whole) => Some(Input::Progress),
        (What::Whole(empty), Shape::Whole) => {
            let whole = Whole { finish: Some(Finish::Stop), usage: Usage::Unknown, empty: *empty };
            Some(Input::Whole(bytes, whole))
        }
        (What::Overflow, Shape::Whole) => Some(Input::Overflow(bytes)),
        _ => None,
    }
}

fn happens(drive: &mut Drive, witness: &mut Witness, news: &News, number: usize) {
    let now = drive.now;
    let first = drive.exchange.plan().legs[0].name.to_string();
    match news.what {
        What::Room => drive.exchange.room(now),
        What::Gone => drive.exchange.caller_gone(now, &drive.board),
        What::Health("probe") => drive.health(&format!("probe {first} good")),
        What::Health("pace") => drive.health(&format!("pace {first} 2s")),
        What::Health("brown") => drive.health(&format!("brown {first} 400ms 9s")),
        What::Health("refused") => drive.health(&format!("class {first} unreachable")),
        What::Health("parked") => drive.health(&format!("park {first} 4s")),
        What::Health(word) => drive.health(&format!("{word} {first}")),
        What::Head
        | What::Frame(_)
        | What::Failed(_)
        | What::Eof(_)
        | What::Progress
        | What::Whole(_)
        | What::Overflow => {
            let live: Vec<usize> = (0..witness.live.len()).filter(|id| witness.live[*id]).collect();
            let Some(id) = live.get(news.attempt % live.len().max(1)).copied() else { return };
            let wanted = drive.exchange.plan().shape;
            let shape = if witness.watched[id] { Shape::Stream } else { wanted };
            let Some(input) = input(&news.what, number, shape) else { return };
            if let Input::Frame(frame) = &input {
                let malformed = |event: &Event| matches!(event, Event::Malformed(_));
                if drive.exchange.is_live(AttemptId(id)) && !frame.events.iter().any(malformed) {
                    let events = frame.events.to_vec();
                    witness.fed[id].push((frame.bytes.clone(), events));
                }
            }
            drive.exchange.handle(now, AttemptId(id), input, &drive.board);
        }
    }
}

/// Runs timers up to `until`, witnessing every action.
fn lets_time_pass(drive: &mut Drive, witness: &mut Witness, until: Time) {
    for _ in 0..10_000 {
        while let Some(action) = drive.exchange.poll() {
            witness.sees(action, drive.exchange.plan());
        }
        witness.checks();
        match drive.exchange.poll_timeout() {
            Some(due) if due < until => {
                drive.now = drive.now.max(due);
                drive.exchange.tick(drive.now, &drive.board);
                let next = drive.exchange.poll_timeout();
                assert!(next.is_none_or(|next| drive.now < next), "a timer that spins");
            }
            Some(_) | None => return,
        }
    }
    panic!("timers without end");
}

fn obeys(plan: &str, news: &[News]) {
    let mut drive = Drive::new(plan);
    let shape = drive.exchange.plan().shape;
    let mut witness = Witness {
        shape,
        fed: Vec::new(),
        live: Vec::new(),
        watched: Vec::new(),
        repaired: Vec::new(),
        begun: 0,
        headed: false,
        server: None,
        relayed: Vec::new(),
        ends: 0,
    };
    drive.exchange.tick(drive.now, &drive.board);
    for (number, item) in news.iter().enumerate() {
        let at = drive.now + item.after;
        lets_time_pass(&mut drive, &mut witness, at);
        drive.now = at;
        happens(&mut drive, &mut witness, item, number);
    }
    let last = drive.now;
    lets_time_pass(&mut drive, &mut witness, Time::MAX);
    assert!(drive.exchange.is_done(), "it never ends");
    assert!(drive.now.since(last) <= ENDS_WITHIN, "it ends late: {:?}", drive.now.since(last));
    let ending = drive.exchange.report(drive.now).ending;
    if let (Ending::Answered, Shape::Stream, Some(server)) = (ending, shape, witness.server) {
        let left = &witness.fed[server.0][witness.relayed.len()..];
        let error = |event: &Event| matches!(event, Event::Fail(_));
        assert!(left.iter().all(|(_, events)| events.iter().any(error)), "EX5: lost {left:?}");
    }
    assert_eq!(witness.ends, usize::from(ending != Ending::Abandoned), "EX2: {ending:?}");
    let live = witness.live.iter().filter(|live| **live).count();
    assert!(
        live <= usize::from(ending == Ending::Answered),
        "EX4: only who answered is not cancelled"
    );
    let plan = drive.exchange.plan();
    let uncounted = plan.legs.len() * (2 + 1 + 33 + 1);
    assert!(witness.begun <= plan.attempts_max() + uncounted, "EX3");
    assert_eq!(drive.board.borrow().permits(), 0, "BD1");
    assert!(Time::ZERO + START <= drive.now);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::option_env!("BACKSTOP_CASES").map_or(2000, |n| n.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_news_breaks_a_promise(plan in plans(), news in prop::collection::vec(news(), 0..40)) {
        obeys(&plan, &news);
    }
}
