//! What an answer says, whoever gives it; how a target goes on with one that was cut; and what of that
//! its caller may see.

use crate::dice::Dice;
use crate::provider::{Call, Yield};
use bytes::Bytes;
use ir::{BlockKind, Event, Failure, Frame, Piece, Said};
use policy::{Input, Joiner, NOTHING_MORE, Told, Way, anchor};

/// All that one request's answer says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Story {
    pub(crate) text: String,
    /// Tool calls behind it, numbered from 1.
    pub(crate) calls: u32,
}

/// An answer that is gone on with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Going<'a> {
    pub(crate) way: Way,
    pub(crate) told: &'a Told,
}

/// How a target goes on, when it is asked to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// As it was asked.
    Obeys,
    /// It talks before it does.
    Chats,
    /// It begins earlier than it was asked.
    Overlaps,
    /// It says all of it again.
    Restarts,
    /// It goes on without a joint.
    Bare,
    /// It says something else.
    Strays,
}

/// All of them.
pub(crate) const MANNERS: &[Manner] = &[
    Manner::Obeys,
    Manner::Chats,
    Manner::Overlaps,
    Manner::Restarts,
    Manner::Bare,
    Manner::Strays,
];

/// What an attempt is going to say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Says {
    pub(crate) text: String,
    /// The numbers of its tool calls.
    pub(crate) calls: Vec<u32>,
    /// Behind them.
    pub(crate) last: &'static str,
}

/// Words beside made-up ones: letters of several bytes, of several characters, and one that repeats.
const WORDS: &[&str] =
    &["Grüße", "naïve", "e\u{301}te\u{301}", "日本語", "👩\u{200d}💻", "the", "the", "of,", "end."];

// === impl Story ===

impl Story {
    /// Of a hundred so many show no text.
    pub(crate) fn draw(quiet: u64, dice: &mut Dice) -> Self {
        let mut text = String::new();
        if !dice.percent(quiet) {
            for _ in 0..dice.within(3..40) {
                let known = dice.pick(WORDS).filter(|_| dice.percent(30)).map(str::to_owned);
                text += &known.unwrap_or_else(|| format!("{:x}", dice.within(0..1 << 24)));
                text.push(' ');
            }
            text.push_str("end.");
        }
        let calls = if dice.percent(30) { dice.within(1..4) } else { 0 };
        Self { text, calls: u32::try_from(calls).unwrap_or(0) }
    }

    /// Whether what was told of it ends with a word, or with four letters, that stand behind it once more:
    /// nobody could tell them from a word that is begun anew.
    pub(crate) fn doubles(&self, told: &str) -> bool {
        let told = told.trim_end();
        let rest = self.text.get(told.len()..).unwrap_or_default().trim_start();
        let begins =
            |at: usize| told.get(..at).is_none_or(|it| !it.ends_with(char::is_alphanumeric));
        let ends = told.char_indices().rev().take(24).enumerate();
        let mut ends = ends.map(|(count, (at, _))| (count, at));
        ends.any(|(count, at)| (3 <= count || begins(at)) && rest.starts_with(&told[at..]))
    }

    /// All of it, as the bytes of frames say it.
    pub(crate) fn document(&self) -> String {
        let mut document = self.text.clone();
        for number in 1..=self.calls {
            document.push_str(&closes(number));
        }
        document
    }

    /// What an attempt says: all of it, or what goes on with what was told.
    pub(crate) fn says(&self, going: Option<Going<'_>>, manner: Manner, dice: &mut Dice) -> Says {
        let all = || Says { text: self.text.clone(), calls: (1..=self.calls).collect(), last: "" };
        let Some(Going { way, told }) = going else { return all() };
        let behind = told.text();
        // White space at the end is neither sent back nor quoted.
        let rest = self.text.get(behind.trim_end().len()..).unwrap_or_default();
        let quoted = match way {
            Way::Fresh | Way::Restart if manner != Manner::Strays => return all(),
            Way::Calls => return self.says_calls(told, manner),
            // Whoever goes on with its own turn is believed.
            Way::Prefill => return Says { text: rest.to_owned(), ..all() },
            Way::Fresh | Way::Restart | Way::Anchor => anchor(&behind).unwrap_or_default(),
        };
        let joint = behind.trim_end().len() - quoted.len();
        let from_joint = self.text.get(joint..).unwrap_or_default();
        let text = match manner {
            Manner::Obeys => from_joint.to_owned(),
            Manner::Chats => ["Of course, it goes on here:\n\n", from_joint].concat(),
            Manner::Overlaps => {
                let words = behind.match_indices(' ').map(|(at, _)| at + 1);
                let words: Vec<usize> = words.filter(|at| *at <= joint).collect();
                self.text.get(dice.pick(&words).unwrap_or(0)..).unwrap_or_default().to_owned()
            }
            Manner::Restarts => self.text.clone(),
            Manner::Bare => rest.to_owned(),
            Manner::Strays => ["No: ", &Self::draw(0, dice).text].concat(),
        };
        Says { text, ..all() }
    }

    /// Calls were delivered last.
    fn says_calls(&self, told: &Told, manner: Manner) -> Says {
        let told = told.parts().iter().filter(|part| matches!(part, Said::Call(..))).count();
        let next = u32::try_from(told).unwrap_or(u32::MAX).saturating_add(1);
        let rest: Vec<u32> = (next..=self.calls).collect();
        let last = if rest.is_empty() { NOTHING_MORE } else { "" };
        let calls = match manner {
            Manner::Obeys | Manner::Bare => rest,
            Manner::Overlaps | Manner::Restarts => (1..=self.calls).collect(),
            Manner::Chats | Manner::Strays => {
                return Says { text: self.text.clone(), calls: rest, last: "" };
            }
        };
        Says { text: String::new(), calls, last }
    }
}

// === impl Manner ===

impl Manner {
    /// Who is asked in this way and is well does go on.
    pub(crate) fn serves(self, way: Way) -> bool {
        match self {
            Self::Obeys | Self::Overlaps | Self::Restarts => true,
            Self::Chats => way != Way::Calls,
            Self::Bare => way != Way::Anchor,
            Self::Strays => way == Way::Prefill,
        }
    }
}

/// The bytes of a stream's frames name them: request, attempt, number, tool calls open behind it,
/// whether the answer has its finish by then; the text, and the numbers of calls that close; the end.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    number: u32,
    open: usize,
}

/// How a call is said, once it is closed: as no text is.
fn closes(number: u32) -> String {
    format!("\u{1}{number}\u{1}")
}

// === impl Labels ===

impl Labels {
    /// The next frame's.
    pub(crate) fn frame(&mut self, call: Call<'_>, events: &[Event]) -> Bytes {
        // Malformed: it never leaves. An error may be relayed behind a half call that was dropped.
        match events {
            [Event::Malformed(_)] => return Bytes::from_static(b"malformed"),
            [Event::Fail(_)] => return label(call, 0, (0, false), ""),
            _ => {}
        }
        let mut says = String::new();
        let mut finish = false;
        for event in events {
            match event {
                Event::Open(block, _) if block.kind == BlockKind::Tool => self.open += 1,
                Event::Close(block) if block.kind == BlockKind::Tool => {
                    self.open -= 1;
                    says.push_str(&closes(block.index));
                }
                Event::Delta(_, Piece::Text(text)) => says.push_str(text),
                Event::Finish(..) => finish = true,
                Event::Open(..)
                | Event::Close(_)
                | Event::Delta(..)
                | Event::Start(_)
                | Event::Progress
                | Event::Ping
                | Event::Usage(_)
                | Event::End
                | Event::Fail(_)
                | Event::Repeated(_)
                | Event::Malformed(_)
                | Event::Noise(_)
                | Event::Aside(_) => {}
            }
        }
        self.number += 1;
        label(call, self.number, (self.open, finish), &says)
    }
}

/// One frame's bytes.
pub(crate) fn label(
    call: Call<'_>,
    number: u32,
    (open, finish): (usize, bool),
    says: &str,
) -> Bytes {
    let Call { request, attempt, .. } = call;
    Bytes::from(format!("{request} {attempt} {number} {open} {};{says};", u8::from(finish)))
}

/// What the caller may see of an answer that goes on with another, written anew.
pub(crate) fn joined(news: Yield, call: Call<'_>, mut joiner: Joiner) -> Yield {
    let mut labels = Labels::default();
    let mut out = Yield::with_capacity(news.len());
    for (at, input) in news {
        let Input::Frame(Frame { mut events, .. }) = input else {
            out.push((at, input));
            continue;
        };
        if let Err(why) = joiner.pass(&mut events) {
            out.push((at, Input::Failed(Failure::Unjoined(why))));
            break;
        }
        let seen = events.iter().any(is_seen);
        let bytes = if seen { labels.frame(call, &events) } else { Bytes::new() };
        out.push((at, Input::Frame(Frame { bytes, events })));
    }
    out
}

/// Whether it has bytes in a stream that goes on with another.
fn is_seen(event: &Event) -> bool {
    match event {
        Event::Open(..)
        | Event::Delta(..)
        | Event::Close(_)
        | Event::Finish(..)
        | Event::End
        | Event::Fail(_)
        | Event::Malformed(_) => true,
        Event::Start(_)
        | Event::Progress
        | Event::Ping
        | Event::Usage(_)
        | Event::Repeated(_)
        | Event::Noise(_)
        | Event::Aside(_) => false,
    }
}
