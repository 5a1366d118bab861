//! What an attempt needs that goes on with an answer that was cut: its request, and how what it says is
//! joined to what was shown.

use super::Drive;
use bytes::Bytes;
use codec::request::{GoOn, Promise, going_on, is_one_call, promised};
use codec::{Resume, own};
use config::Provider;
use ir::{Prefill, Said};
use policy::{Form, Joiner, Leg, NOTHING_MORE, Terms, Told, Way, anchor};

/// An attempt that goes on.
#[derive(Debug)]
pub(super) struct Going {
    /// The request, in the caller's dialect; the caller's own where nothing had to be added.
    pub(super) body: Option<Bytes>,
    pub(super) resume: Resume,
    pub(super) joiner: Joiner,
    pub(super) request_id: String,
}

// === impl Drive ===

impl Drive {
    /// What an attempt on this leg needs to go on in this way; `None` where it cannot be asked.
    pub(super) fn going(&self, leg: &Leg, provider: &Provider, way: Way) -> Option<Going> {
        let told = self.exchange.told()?;
        let said = self.sent_back(told, leg);
        let text = told.text();
        let (dialect, body) = (self.ask.dialect, &self.ask.body);
        let how = match way {
            Way::Fresh | Way::Restart => None,
            Way::Anchor => Some(GoOn::Anchor(anchor(&text)?)),
            Way::Prefill => Some(turn(provider.quirks.prefill, !leg.crossed)),
            Way::Calls => Some(GoOn::Calls(NOTHING_MORE)),
        };
        let body = match how {
            Some(how) => Some(going_on(dialect, body, &said, how)?),
            None => None,
        };
        let promise = promised(dialect, &self.ask.body);
        let form = match promise {
            Promise::Text => None,
            Promise::Json | Promise::Schema(_) => {
                Some(Form::new(move |document| promise.is_kept(document)))
            }
        };
        let one_call = is_one_call(dialect, &self.ask.body);
        let terms = Terms { form, one_call, held_max: self.wish.answer_max };
        let joiner = Joiner::new(told, way, terms);
        let request_id = self.ask.id.clone();
        // Where text was shown, thinking before the joint is left out.
        let signs = way == Way::Fresh && text.is_empty();
        let resume = Resume { signs, ..self.resume(told, leg) };
        Some(Going { body, resume, joiner, request_id })
    }

    /// Where the caller's stream stands, and who had a part in it once this leg has ended it.
    fn resume(&self, told: &Told, leg: &Leg) -> Resume {
        let report = self.exchange.report(self.now());
        let parts = self.exchange.leads().iter().filter_map(|id| report.attempts.get(id.0));
        let mut served: Vec<own::Served<'_>> = parts
            .map(|part| own::Served {
                target: &part.target,
                outcome: part.outcome,
                output_tokens_estimated: Some(part.usage.tokens().output),
            })
            .collect();
        let last = own::Served { target: &leg.name, outcome: "ok", output_tokens_estimated: None };
        served.push(last);
        let shown = told.parts().iter().filter_map(|part| match part {
            Said::Call(call, _) => Some(call.id.clone()),
            Said::Text(_) | Said::Thinking(..) | Said::Redacted(_) => None,
        });
        Resume {
            envelope: told.envelope().cloned().unwrap_or_default(),
            mark: told.mark(),
            shown: shown.collect(),
            used: self.exchange.used_before(),
            object: own::served(&self.ask.id, &served),
            kept: told.kept().to_vec(),
            open_text: told.open_text(),
            thought: told
                .is_thought_whole()
                .then(|| told.parts().iter().rev().find_map(thought).unwrap_or_default()),
            sequence: self.before().number(),
            signs: false,
        }
    }

    /// What was said, as it is sent back. Reasoning only to whom it came from, and all of it.
    fn sent_back(&self, told: &Told, leg: &Leg) -> Vec<Said> {
        let leads = self.exchange.leads();
        let first = leads.first().and_then(|id| self.exchange.target(*id));
        let issuer = leads.len() == 1
            && first == Some(&*leg.name)
            && !leg.crossed
            && told.is_thought_whole();
        let thought = |part: &&Said| matches!(part, Said::Thinking(..) | Said::Redacted(_));
        told.parts().iter().filter(|part| issuer || !thought(part)).cloned().collect()
    }
}

/// The inside of reasoning that was shown.
fn thought(part: &Said) -> Option<String> {
    match part {
        Said::Thinking(text, _) => Some(text.clone()),
        Said::Text(_) | Said::Redacted(_) | Said::Call(..) => None,
    }
}

/// How a turn is gone on with by itself. Where the request crosses, its writer knows.
fn turn(prefill: Prefill, same: bool) -> GoOn<'static> {
    let (field, members): (_, &'static [_]) = match prefill {
        Prefill::Field(field) if same => (Some(field), &[]),
        Prefill::Members(members) if same => (None, members),
        Prefill::Field(_)
        | Prefill::Members(_)
        | Prefill::No
        | Prefill::Native
        | Prefill::ByModel => (None, &[]),
    };
    GoOn::Turn { field, members }
}
