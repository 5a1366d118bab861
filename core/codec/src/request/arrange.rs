//! Turns in an order that every dialect takes: the results of calls directly behind their calls.
//!
//! **Invariant:** no result stands without its call, and nothing is left out.

use super::parts::{concat, is_empty};
use ir::Losses;
use ir::request::{Part, Role, Text, Turn};
use std::collections::BTreeSet;

/// The turns on their way.
#[derive(Debug, Default)]
struct Order<'a> {
    out: Vec<Turn<'a>>,
    /// Calls of the last assistant turn that have no result yet.
    open: BTreeSet<Text<'a>>,
    /// Their results so far.
    results: Vec<Part<'a>>,
    /// What came before the last of them, to stand behind.
    later: Vec<Turn<'a>>,
}

/// The turns, each result in the turn behind its call, and what stood between them behind it.
/// A result that answers no call becomes a text.
pub(super) fn arrange<'a>(turns: Vec<Turn<'a>>, losses: &mut Losses) -> Vec<Turn<'a>> {
    let mut order = Order::default();
    for turn in turns {
        match turn.role {
            Role::Assistant => order.assistant(turn),
            Role::System if order.open.is_empty() => order.put(turn),
            Role::System => order.later.push(turn),
            Role::User => order.user(turn, losses),
        }
    }
    order.flush();
    order.out
}

fn call<'p, 'a>(part: &'p Part<'a>) -> Option<&'p Text<'a>> {
    if let Part::Call { id, .. } = part { Some(id) } else { None }
}

// === impl Order ===

impl<'a> Order<'a> {
    /// Turns of the model that follow one another are one turn, with all its calls.
    fn assistant(&mut self, turn: Turn<'a>) {
        let calls: Vec<Text<'a>> = turn.parts.iter().filter_map(call).cloned().collect();
        let between = !self.results.is_empty() || !self.later.is_empty();
        let last = self.out.last_mut().filter(|last| last.role == Role::Assistant && !between);
        if let Some(last) = last {
            self.open.extend(calls);
            last.parts.extend(turn.parts);
        } else {
            self.flush();
            self.open = calls.into_iter().collect();
            self.put(turn);
        }
    }

    fn user(&mut self, turn: Turn<'a>, losses: &mut Losses) {
        let waiting = !self.open.is_empty();
        let mut others = Vec::new();
        for part in turn.parts {
            let Part::Result { id, parts, error } = part else {
                others.push(part);
                continue;
            };
            if self.open.remove(&id) {
                self.results.push(Part::Result { id, parts, error });
            } else {
                orphan(&id, parts, &mut others, losses);
            }
        }
        let turn = Turn { role: Role::User, parts: others };
        if waiting {
            self.later.push(turn);
            if self.open.is_empty() {
                self.flush();
            }
        } else {
            self.put(turn);
        }
    }

    /// The results that there are, and what waited for them.
    fn flush(&mut self) {
        self.open.clear();
        let results = Turn { role: Role::User, parts: std::mem::take(&mut self.results) };
        self.put(results);
        for turn in std::mem::take(&mut self.later) {
            self.put(turn);
        }
    }

    fn put(&mut self, turn: Turn<'a>) {
        if !is_empty(&turn) {
            self.out.push(turn);
        }
    }
}

/// No call has this id: the providers refuse it as a result.
fn orphan<'a>(id: &Text<'a>, parts: Vec<Part<'a>>, out: &mut Vec<Part<'a>>, losses: &mut Losses) {
    losses.add("messages[]: a result without its call", "as text");
    out.push(Part::Text(concat(&["Result of the tool call ", id.as_str(), ":"])));
    out.extend(parts);
}
