//! Which tool call a piece belongs to.
//!
//! `OpenAI` numbers the calls of a choice; servers that claim its protocol leave the number out
//! (<https://github.com/ollama/ollama/issues/7881>) or give every call the number 0, told apart by
//! their ids alone (<https://github.com/su-kaka/gcli2api/issues/406>).

use super::wire::Call;
use std::collections::BTreeSet;

/// Calls of one choice: a limit on everything.
pub(crate) const CALLS_MAX: usize = 1024;
/// The tool index has 16 bits.
const TOOL_MAX: u32 = 0xFFFF;

/// The calls of one choice, in the order they began.
#[cfg_attr(test, derive(Clone))]
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: Vec<Known>,
    /// The indexes that they have.
    taken: BTreeSet<u32>,
}

#[cfg_attr(test, derive(Clone))]
#[derive(Debug)]
struct Known {
    /// The provider's index.
    wire: Option<u32>,
    id: String,
    /// Ours: the provider's, where it is free.
    tool: u32,
    open: bool,
}

// === impl Calls ===

impl Calls {
    /// How many there were.
    pub(crate) fn count(&self) -> usize {
        self.calls.len()
    }

    /// Whether a piece goes on with a call that is known.
    pub(crate) fn knows(&self, call: &Call<'_>) -> bool {
        self.find(call).is_some()
    }

    fn find(&self, call: &Call<'_>) -> Option<usize> {
        let id = call.id.as_ref().map_or("", |id| id.as_str());
        let found = match call.index {
            Some(wire) => self.calls.iter().rposition(|known| known.wire == Some(wire)),
            None if !id.is_empty() => self.calls.iter().rposition(|known| known.id == id),
            // Neither number nor id: a name begins a call, anything else continues the last.
            None if call.has_name() => None,
            None => self.calls.len().checked_sub(1),
        };
        found.filter(|place| {
            self.calls.get(*place).is_some_and(|known| {
                let other = !id.is_empty() && !known.id.is_empty() && known.id != id;
                known.open && !(other && call.has_name())
            })
        })
    }

    /// The tool index of a piece, and whether its call is new.
    pub(crate) fn place(&mut self, call: &Call<'_>) -> (u32, bool) {
        let id = call.id.as_ref().map_or("", |id| id.as_str());
        let found = self.find(call);
        match found.and_then(|place| self.calls.get_mut(place)) {
            Some(known) => {
                if known.id.is_empty() {
                    id.clone_into(&mut known.id);
                }
                (known.tool, false)
            }
            None => (self.begin(call.index, id), true),
        }
    }

    /// Closes the open ones and names them, in the order they began.
    pub(crate) fn close(&mut self) -> impl Iterator<Item = u32> {
        let open = self.calls.iter_mut().filter(|known| known.open);
        open.map(|known| {
            known.open = false;
            known.tool
        })
    }

    fn begin(&mut self, wire: Option<u32>, id: &str) -> u32 {
        let tool = wire.filter(|&wire| wire <= TOOL_MAX && !self.taken.contains(&wire));
        // There are fewer calls than indexes: one is free.
        let free = || (0..=TOOL_MAX).find(|tool| !self.taken.contains(tool));
        let tool = tool.or_else(free).unwrap_or(TOOL_MAX);
        self.taken.insert(tool);
        self.calls.push(Known { wire, id: id.to_owned(), tool, open: true });
        tool
    }
}
