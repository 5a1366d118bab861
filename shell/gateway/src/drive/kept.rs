//! Who keeps an answer, and who sealed what is in it: what a later request may speak of.

use super::Drive;
use crate::ask::Endpoint;
use crate::owners::Owner;
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
    seals: Vec<Box<str>>,
}

/// Pieces of sealed reasoning of one answer that are remembered.
const SEALS_MAX: usize = 64;

// === impl Kept ===

impl Kept {
    pub(super) fn new(owner: Option<Owner>) -> Self {
        Self { owner, ..Self::default() }
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
                self.seals.push(seal.clone());
            }
        }
    }

    /// Notes what a whole answer tells.
    pub(super) fn whole(&mut self, dialect: Dialect, body: &[u8]) {
        self.begun = codec::read_envelope(dialect, body).map(Box::new);
        self.seals = codec::read_seals(dialect, body);
        self.seals.truncate(SEALS_MAX);
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
            let Kept { owner: Some(owner), begun, seals } = live.kept() else { continue };
            // Whoever goes on answers under the id of the first, and keeps nothing by it.
            let id = begun.as_ref().map(|begun| &begun.id).filter(|_| place == 0);
            for what in id.into_iter().chain(seals) {
                let owner = Owner { part: 1 < leads.len(), ..owner.clone() };
                self.shared.owners.note(what, &owner);
            }
        }
    }

    /// Who will keep what this leg answers with this credential.
    pub(super) fn owner(&self, leg: &Leg, credential: usize) -> Option<Owner> {
        let (provider, _) = self.shared.provider(leg.provider)?;
        Some(Owner { provider: Arc::from(provider.name.as_str()), credential, part: false })
    }

    /// Whether a leg can read what is sealed: who sealed it is known, or else it is presumed to be the
    /// first target of the chain, which serves while all is well.
    pub(super) fn opens(&self, leg: &Leg, seal: &str) -> bool {
        let Some((provider, _)) = self.shared.provider(leg.provider) else { return false };
        let first = self.exchange.plan().legs.first();
        match self.shared.owners.of(seal) {
            Some(owner) => *owner.provider == *provider.name,
            None => first.is_some_and(|first| first.provider == leg.provider),
        }
    }

    /// What of the answer's stream an error at its end must agree with.
    pub(super) fn before(&self) -> Before {
        let winner = self.winner.and_then(|id| self.attempts.get(id.0));
        let mut before = Before::of(winner.and_then(|live| live.kept().begun.as_deref()));
        before.note(&self.last);
        before
    }
}
