//! An answer that goes on with one that was cut: what must be known of that one.

use super::{Crossing, CrossingPlan, Encoder, chat, desk::Desk, messages, responses};
use crate::Decoder;
use ir::{Crossable, Dialect, Envelope, ItemEvent, Mark, Tokens};

/// Where the answer that was cut stands.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    /// Under which name its caller knows it.
    pub envelope: Envelope,
    /// Where its stream stands.
    pub mark: Mark,
    /// The ids of its tool calls that were shown, in their order: insides of JSON strings, empty where a
    /// call had none.
    pub shown: Vec<Box<str>>,
    /// What it has used.
    pub used: Tokens,
    /// What the last event says of who served: a JSON object, on one line.
    pub object: String,
    /// Of Responses: the events that began or ended something, as JSON; the inside of the text of the
    /// part that is open; the number of the last event.
    pub kept: Vec<ItemEvent>,
    /// See [`Self::kept`].
    pub open_text: String,
    /// What was shown of the reasoning that was shown last: the inside of a JSON string. `None` where
    /// more was shown than is kept.
    pub thought: Option<String>,
    /// See [`Self::kept`].
    pub sequence: u64,
    /// Whoever goes on was asked the question as it was, and nothing is left out of what it thinks: only then
    /// can it be given back what it signs, for a signature may hold for all that came before it
    /// (<https://platform.claude.com/docs/en/build-with-claude/preserved-thinking>).
    pub signs: bool,
}

// === impl Crossing ===

impl Crossing {
    /// Goes on with an answer that was cut, of whatever dialect: what was begun is not begun again,
    /// and its places are counted on. Its end tells what both have used, and who served.
    pub fn resumed(plan: CrossingPlan, mut resume: Resume, held_max: usize) -> Self {
        resume.object = format!(",\"backstop\":{}", resume.object);
        let decoder = Decoder::carrying(plan.from.dialect(), 1);
        let marked = Some(resume.mark);
        let choices = plan.from == Crossable::Chat;
        let encoder = match plan.to {
            Crossable::Chat => Encoder::Chat(Box::new(chat::Encoder::resumed(plan, resume))),
            Crossable::Messages => {
                Encoder::Messages(Box::new(messages::Encoder::resumed(plan, resume)))
            }
        };
        let desk = Desk::new(held_max);
        Self { decoder, encoder, desk, over: false, choices, chosen: None, marks: true, marked }
    }

    /// The same for an answer in Responses, by whoever speaks it too.
    pub fn resumed_responses(request_id: String, mut resume: Resume, held_max: usize) -> Self {
        resume.object = format!(",\"backstop\":{}", resume.object);
        let encoder = Encoder::Responses(Box::new(responses::Encoder::new(resume, request_id)));
        let decoder = Decoder::carrying(Dialect::Responses, 1);
        let marked = Some(Mark::default());
        let desk = Desk::new(held_max);
        Self {
            decoder,
            encoder,
            desk,
            over: false,
            choices: false,
            chosen: None,
            marks: true,
            marked,
        }
    }
}

/// Whether what a provider signs is of use to it when it comes back; else its seal is empty.
pub(super) fn signs(resume: Option<&Resume>) -> bool {
    resume.is_none_or(|resume| resume.signs)
}

/// What an end says of the usage, and of who served. Where `tokens` were not told, those of an answer that
/// goes on with another are estimated as that one's are: what the one has used is no count of what both
/// have.
pub(super) fn ending<'a>(
    resume: Option<&'a Resume>,
    tokens: Option<Tokens>,
    desk: &Desk,
) -> (Option<Tokens>, &'a str) {
    match resume {
        Some(resume) => {
            let own = desk.estimated(tokens.unwrap_or_default());
            (Some(resume.used.joined(own)), &resume.object)
        }
        None => (tokens, ""),
    }
}

/// How a usage came along that the provider did not tell.
pub(super) fn untold(told: Option<Tokens>, unknown: &'static str) -> &'static str {
    if told.is_some() { "estimated" } else { unknown }
}
