//! Signed thinking that a target of Messages refuses, since another signed it.

use ir::{Dialect, Event, Failure, Rejection, Repair};
use policy::{Input, repair};

/// What of a request in the caller's dialect could be left out, were it refused.
pub(super) fn leavable(dialect: Dialect, body: &[u8]) -> Vec<&'static str> {
    let signed = dialect == Dialect::Messages && codec::request::may_lack_seals(body);
    if signed { vec!["seals"] } else { Vec::new() }
}

/// Whether a provider of this dialect refuses the signed thinking that it was sent, by the law that the
/// exchange learns by.
pub(super) fn refuses(input: &Input, dialect: Dialect) -> bool {
    let unsealed = |rejection: &Rejection| {
        repair::named(rejection, dialect).is_some_and(|it| it.repair == Repair::Unsealed)
    };
    match input {
        Input::Failed(Failure::Rejected(rejection)) => unsealed(rejection),
        Input::Frame(frame) => frame
            .events
            .iter()
            .any(|event| matches!(event, Event::Fail(rejection) if unsealed(rejection))),
        Input::Head { .. }
        | Input::Written(_)
        | Input::Eof { .. }
        | Input::Progress
        | Input::Whole(..)
        | Input::Overflow(_)
        | Input::Chunk(_)
        | Input::Failed(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::refuses;
    use bytes::Bytes;
    use ir::{Dialect, Event, Failure, Frame, Rejection};
    use policy::Input;

    const SIGNATURE: &str = "messages.1.content.0: Invalid `signature` in `thinking` block";

    /// Promise: a request is searched only for a refusal that teaches to leave thinking out, and not for
    /// every failure of an outage.
    #[test]
    fn only_who_speaks_of_signatures_refuses_them() {
        for (status, message, expect) in [
            (400, SIGNATURE, true),
            (422, SIGNATURE, true),
            (400, "messages: at least one message is required", false),
            (401, SIGNATURE, false),
            (429, SIGNATURE, false),
            (500, SIGNATURE, false),
            (503, "overloaded", false),
            (529, SIGNATURE, false),
        ] {
            let message = message.to_owned();
            let rejection = Box::new(Rejection { status, message, ..Rejection::default() });
            let frame = Frame {
                bytes: Bytes::new(),
                events: [Event::Ping, Event::Fail(rejection.clone())].into_iter().collect(),
            };
            for input in [Input::Frame(frame), Input::Failed(Failure::Rejected(rejection))] {
                assert_eq!(refuses(&input, Dialect::Messages), expect, "{input:?}");
            }
        }
        for other in [Input::Progress, Input::Failed(Failure::Reset)] {
            assert!(!refuses(&other, Dialect::Messages), "{other:?}");
        }
    }
}
