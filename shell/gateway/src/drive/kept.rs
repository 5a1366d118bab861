//! Who keeps an answer, and who sealed what is in it: what a later request may speak of.
//!
//! **Invariant:** of what is sealed only digests stay, whatever a provider sends.

use super::Drive;
use crate::ask::Endpoint;
use crate::owners::{Digest, Digests, Owner};
use codec::own::Before;
use ir::{Aside, Dialect, Envelope, Event, Frame};
use policy::Leg;
use std::sync::Arc;

/// What an attempt's answer told of itself.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Who will keep it.
    owner: Option<Owner>,
    /// Who answers, where that was told.
    begun: Option<Box<Envelope>>,
    /// What only its provider can read of it.
    seals: Vec<Digest>,
    digests: Digests,
}

/// Pieces of sealed reasoning of one answer that are remembered.
const SEALS_MAX: usize = 64;

// === impl Kept ===

impl Kept {
    fn new(owner: Option<Owner>, digests: Digests) -> Self {
        Self { owner, digests, ..Self::default() }
    }

    /// Notes what a frame of a stream tells.
    pub(super) fn frame(&mut self, frame: &Frame) {
        for event in &frame.events {
            if let Event::Start(Some(envelope)) = event {
                self.begun = Some(envelope.clone());
            }
            if let Event::Aside(Aside::Sealed(_, seal)) = event
                && self.seals.len() < SEALS_MAX
            {
                self.seals.push(self.digests.of(seal));
            }
        }
    }

    /// Notes what a whole answer tells.
    pub(super) fn whole(&mut self, dialect: Dialect, body: &[u8]) {
        self.begun = codec::read_envelope(dialect, body).map(Box::new);
        let seals = codec::read_seals(dialect, body);
        self.seals = seals.iter().take(SEALS_MAX).map(|seal| self.digests.of(seal)).collect();
    }
}

// === impl Drive ===

impl Drive {
    /// Remembers who keeps the answer that is handed out, and who sealed what is in it.
    pub(super) fn keep(&self) {
        if self.ask.endpoint != Endpoint::Create || self.ask.dialect != Dialect::Responses {
            return;
        }
        let leads = self.exchange.leads();
        let lives = leads.iter().filter_map(|id| self.attempts.get(id.0));
        for (place, live) in lives.enumerate() {
            let Kept { owner: Some(owner), begun, seals, digests } = live.kept() else { continue };
            // Whoever goes on answers under the id of the first, and keeps nothing by it.
            let id = begun.as_ref().map(|begun| &*begun.id).filter(|_| place == 0);
            let id = id.filter(|id| !id.is_empty()).map(|id| digests.of(id));
            let (owners, who) = (&self.shared.owners, &self.ask.principal);
            if let Some(id) = id {
                owners.keeps(who, id, Owner { part: 1 < leads.len(), ..owner.clone() });
            }
            for seal in seals {
                owners.sealed(who, *seal, &owner.provider);
            }
        }
    }

    /// What will be kept of what this leg answers with this credential.
    pub(super) fn kept(&self, leg: &Leg, credential: usize) -> Kept {
        let owner = self.shared.provider(leg.provider).and_then(|(provider, served)| {
            let account = *served.accounts.get(credential)?;
            Some(Owner { provider: Arc::from(provider.name.as_str()), account, part: false })
        });
        Kept::new(owner, self.shared.owners.digests().clone())
    }

    /// Whether a leg can read what is sealed: who sealed it is known, or else it is presumed to be the
    /// first target of the chain, which serves while all is well.
    pub(super) fn opens(&self, leg: &Leg, seal: &str) -> bool {
        let Some((provider, _)) = self.shared.provider(leg.provider) else { return false };
        let first = self.exchange.plan().legs.first();
        match self.shared.owners.sealer(&self.ask.principal, seal) {
            Some(sealer) => *sealer == *provider.name,
            None => first.is_some_and(|first| first.provider == leg.provider),
        }
    }

    /// What of the answer's stream an error at its end must agree with.
    pub(super) fn before(&self) -> Before {
        // Whoever goes on may not have told its name yet; the stream has that of the first anyway.
        let first = self.exchange.leads().first().copied().or(self.winner);
        let first = first.and_then(|id| self.attempts.get(id.0));
        let named = Before::of(first.and_then(|live| live.kept().begun.as_deref()));
        Before { sequence: self.counted.sequence, ..named }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, SEALS_MAX};
    use crate::owners::Digests;
    use bytes::Bytes;
    use ir::{Aside, Block, BlockKind, Dialect, Event, Events, Frame};

    #[test]
    fn nothing_stays_of_what_is_sealed_but_digests() {
        let seal = |number: usize| format!("{number}{}", "gAAAAA".repeat(1000));
        let digests = Digests::default();
        let expect: Vec<_> = (0..SEALS_MAX).map(|number| digests.of(&seal(number))).collect();
        let mut streamed = Kept::new(None, digests.clone());
        let block = Block { kind: BlockKind::Reasoning, index: 0 };
        for number in 0..2 * SEALS_MAX {
            let mut events = Events::new();
            events.push(Event::Aside(Aside::Sealed(block, seal(number).into())));
            streamed.frame(&Frame { bytes: Bytes::new(), events });
        }
        let item =
            |number| format!(r#"{{"type":"reasoning","encrypted_content":"{}"}}"#, seal(number));
        let items: Vec<_> = (0..2 * SEALS_MAX).map(item).collect();
        let body = format!(r#"{{"id":"resp_1","output":[{}]}}"#, items.join(","));
        let mut whole = Kept::new(None, digests);
        whole.whole(Dialect::Responses, body.as_bytes());
        for kept in [streamed, whole] {
            assert_eq!(kept.seals, expect);
            assert!(!format!("{kept:?}").contains("gAAAAA"));
        }
    }
}
