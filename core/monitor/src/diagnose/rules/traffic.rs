//! Our own requests: the best witness there is.

use super::super::kinds::{Kind, count, portion};
use super::super::seen::{ENOUGH, Seen};
use super::{BEFORE_HTTP, Rule, THEM, bad, good, says};
use crate::{Cause, Layer};
use ir::evidence::Tally;

pub(super) const RULES: &[Rule] = &[
    good(
        Layer::Yours,
        well,
        &[
            (&[Cause::Fine], 26),
            (THEM, -22),
            (BEFORE_HTTP, -26),
            (&[Cause::Key, Cause::Quota, Cause::Config], -22),
            (&[Cause::Region], -4),
        ],
    ),
    bad(Layer::Yours, capacity, &[(&[Cause::Overloaded], 34)]),
    bad(Layer::Yours, some_capacity, &[(&[Cause::Overloaded], 38), (&[Cause::Degraded], 20)]),
    bad(Layer::Yours, mostly_errors, &[(&[Cause::Down], 44), (&[Cause::Degraded], 6)]),
    bad(Layer::Yours, some_errors, &[(&[Cause::Degraded], 36), (&[Cause::Down], 4)]),
    bad(Layer::Yours, pages, &[(&[Cause::Middlebox], 64)]),
    bad(Layer::Yours, pages_and_trouble, &[(&[Cause::Down], 34), (&[Cause::Middlebox], 20)]),
    bad(
        Layer::Yours,
        resets,
        &[(&[Cause::Down], 14), (&[Cause::Middlebox], 8), (&[Cause::Degraded], 6)],
    ),
    bad(Layer::Yours, some_resets, &[(&[Cause::Degraded], 32), (&[Cause::Middlebox], 6)]),
    bad(Layer::Yours, many_ways, &[(&[Cause::Degraded], 30)]),
    bad(
        Layer::Yours,
        runs,
        &[(&[Cause::Down], 24), (&[Cause::Degraded], -12), (&[Cause::Fine], -16)],
    ),
    bad(Layer::Yours, unwell, &[(&[Cause::Fine], -16)]),
    bad(Layer::Yours, nothing_by_name, &[(&[Cause::Config], 36)]),
    bad(Layer::Yours, some_keys, &[(&[Cause::Degraded], 34), (&[Cause::Key], -12)]),
    bad(Layer::Yours, stalls, &[(&[Cause::Stalled], 34)]),
    bad(Layer::Yours, some_stalls, &[(&[Cause::Stalled], 16), (&[Cause::Degraded], 22)]),
    bad(Layer::Yours, keys, &[(&[Cause::Key], 30)]),
    bad(Layer::Yours, account, &[(&[Cause::Quota], 36)]),
    bad(Layer::Yours, limits, &[(&[Cause::Quota], 14), (&[Cause::Overloaded], 12)]),
    bad(Layer::Yours, unreached, &[(BEFORE_HTTP, 4), (&[Cause::Down], 4)]),
    bad(Layer::Yours, proxy, &[(&[Cause::Proxy], 26)]),
    bad(
        Layer::Yours,
        one_model,
        &[
            (&[Cause::Model], 46),
            (&[Cause::Down, Cause::Degraded, Cause::Overloaded, Cause::Stalled], -14),
        ],
    ),
    bad(Layer::Yours, one_name, &[(&[Cause::Config], 46), (&[Cause::Model], -6)]),
    bad(Layer::Yours, slow, &[(&[Cause::Degraded], 32)]),
];

/// `71 % ok of 2311`.
fn figures(seen: &Seen<'_>) -> String {
    let Some(tally) = seen.tally() else { return String::new() };
    let percent = (100 * tally.ok).checked_div(tally.n).unwrap_or(0);
    format!("{percent} % ok of {}", tally.n)
}

fn well(seen: &Seen<'_>) -> Option<String> {
    let slow = seen.slower().is_some_and(|times| 3.0 <= times);
    let failing = seen.failing()?;
    says(
        failing < 0.05 && !slow && seen.lone_models().is_empty() && seen.failing_for_s().is_none(),
        format!("our own requests are answered: {}", figures(seen)),
    )
}

fn capacity(seen: &Seen<'_>) -> Option<String> {
    let share = seen.failing_by(Kind::Capacity);
    says(
        0.5 <= share && seen.fails_by() == Some(Kind::Capacity),
        format!("most of our requests meet no capacity: {}", figures(seen)),
    )
}

fn some_capacity(seen: &Seen<'_>) -> Option<String> {
    let share = seen.failing_by(Kind::Capacity);
    says(
        (0.05..0.5).contains(&share) && seen.fails_by() == Some(Kind::Capacity),
        format!("some of our requests meet no capacity: {}", figures(seen)),
    )
}

fn mostly_errors(seen: &Seen<'_>) -> Option<String> {
    let share = seen.failing_by(Kind::Server);
    says(
        0.7 <= share,
        format!("nearly all of our requests meet errors of theirs: {}", figures(seen)),
    )
}

fn some_errors(seen: &Seen<'_>) -> Option<String> {
    let share = seen.failing_by(Kind::Server);
    says(
        (0.05..0.7).contains(&share) && seen.fails_by() == Some(Kind::Server),
        format!("some of our requests meet errors of theirs: {}", figures(seen)),
    )
}

/// Whoever blocks our address, our country or what we send answers so; of the provider itself it tells
/// nothing, unless its own status page does.
fn pages(seen: &Seen<'_>) -> Option<String> {
    met_pages(seen).filter(|_| !seen.page_is_unwell())
}

fn pages_and_trouble(seen: &Seen<'_>) -> Option<String> {
    let most = 0.5 <= seen.failing_by(Kind::Page);
    met_pages(seen).filter(|_| most && seen.page_is_unwell())
}

fn met_pages(seen: &Seen<'_>) -> Option<String> {
    says(
        seen.meets_pages(),
        format!("our requests meet a page for browsers instead of an answer: {}", figures(seen)),
    )
}

fn resets(seen: &Seen<'_>) -> Option<String> {
    let share = seen.failing_by(Kind::Reset);
    says(
        0.5 <= share && seen.fails_by() == Some(Kind::Reset),
        format!("connections end before our answers do: {}", figures(seen)),
    )
}

fn some_resets(seen: &Seen<'_>) -> Option<String> {
    let share = seen.failing_by(Kind::Reset);
    says(
        (0.05..0.5).contains(&share) && seen.fails_by() == Some(Kind::Reset),
        format!("some connections end before our answers do: {}", figures(seen)),
    )
}

fn many_ways(seen: &Seen<'_>) -> Option<String> {
    says(seen.fails_in_many_ways(), format!("our requests fail in several ways: {}", figures(seen)))
}

fn runs(seen: &Seen<'_>) -> Option<String> {
    let run = seen.failing_for()?;
    // One or two of each kind may have any reason.
    let theirs = matches!(seen.fails_by(), Some(Kind::Server | Kind::Stall));
    says(theirs, format!("none of our requests was answered for {run}"))
}

fn unwell(seen: &Seen<'_>) -> Option<String> {
    let failing = seen.failing()?;
    says(0.05 <= failing, format!("our own requests fail: {}", figures(seen)))
}

fn nothing_by_name(seen: &Seen<'_>) -> Option<String> {
    let traffic = seen.it.traffic.as_ref()?;
    let never = traffic.all.ok == 0 && traffic.good_ago_s.is_none();
    // A few names may be a caller's own mistakes: one of them is asked for again.
    let again = |it: &Tally| ENOUGH <= count(it, Kind::Name);
    let models = &traffic.models;
    let again = again(&traffic.all) && (models.is_empty() || models.values().any(again));
    says(
        never && again && 0.5 <= portion(&traffic.all, Kind::Name),
        "what our requests ask for is refused by name, and never was answered",
    )
}

fn some_keys(seen: &Seen<'_>) -> Option<String> {
    let traffic = seen.it.traffic.as_ref()?;
    let some = 2 <= traffic.keys_refused && traffic.keys_refused < traffic.keys;
    says(
        some && seen.page_is_unwell(),
        format!(
            "{} of {} good keys are refused at once while the status page tells of trouble",
            traffic.keys_refused, traffic.keys
        ),
    )
}

fn stalls(seen: &Seen<'_>) -> Option<String> {
    let share = seen.failing_by(Kind::Stall);
    says(
        0.5 <= share,
        format!("our requests are taken, and no answer comes or goes on: {}", figures(seen)),
    )
}

fn some_stalls(seen: &Seen<'_>) -> Option<String> {
    let share = seen.failing_by(Kind::Stall);
    says(
        (0.05..0.5).contains(&share) && seen.fails_by() == Some(Kind::Stall),
        format!("some of our answers stall: {}", figures(seen)),
    )
}

fn keys(seen: &Seen<'_>) -> Option<String> {
    let traffic = seen.it.traffic.as_ref()?;
    let refused = 0.5 <= seen.failing_by(Kind::Auth) || 0 < traffic.keys_refused;
    says(
        refused && !seen.keys_fail_together() && seen.works() != Some(true),
        format!("our requests are refused for their key: {}", figures(seen)),
    )
}

fn account(seen: &Seen<'_>) -> Option<String> {
    says(
        0.05 <= seen.failing_by(Kind::Account),
        format!("our requests are told that the account is used up: {}", figures(seen)),
    )
}

fn limits(seen: &Seen<'_>) -> Option<String> {
    says(
        0.05 <= seen.failing_by(Kind::Limit),
        format!("our requests meet rate limits: {}", figures(seen)),
    )
}

fn unreached(seen: &Seen<'_>) -> Option<String> {
    says(
        0.5 <= seen.failing_by(Kind::Reach),
        format!("our requests do not get there: {}", figures(seen)),
    )
}

fn proxy(seen: &Seen<'_>) -> Option<String> {
    says(
        0.5 <= seen.failing_by(Kind::Proxy),
        format!("the proxy lets our requests not through: {}", figures(seen)),
    )
}

/// A model that is alone in its trouble, and whether it is one that has never been good here.
fn lone<'a>(seen: &Seen<'a>) -> Option<(&'a str, bool)> {
    let (name, tally) = seen.lone_models().into_iter().next()?;
    let never = tally.ok == 0 && !tally.answered;
    Some((name, never && 0.5 <= portion(tally, Kind::Name)))
}

fn one_model(seen: &Seen<'_>) -> Option<String> {
    let (name, unknown) = lone(seen)?;
    says(
        !unknown || seen.page_is_unwell(),
        format!("{} fails, and the other models of theirs are well", name.escape_debug()),
    )
}

fn one_name(seen: &Seen<'_>) -> Option<String> {
    let (name, unknown) = lone(seen)?;
    says(
        unknown,
        format!(
            "{} is refused by name and never was answered, and other models are well",
            name.escape_debug()
        ),
    )
}

fn slow(seen: &Seen<'_>) -> Option<String> {
    let times = seen.slower()?;
    let now = seen.it.traffic.as_ref()?.ttft_ms?;
    says(
        3.0 <= times && 2000 <= now && seen.failing_by(Kind::Reach) < 0.05,
        format!("the first content takes {now} ms, {times:.1} times as long as usual"),
    )
}
