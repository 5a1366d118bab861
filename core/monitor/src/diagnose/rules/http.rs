//! What the provider answers.

use super::super::kinds::Kind;
use super::super::seen::{Part, Seen, has_no_list};
use super::{BEFORE_HTTP, Rule, SHUT_IN, bad, good, says};
use crate::{Cause, Layer};
use ir::evidence::{Asked, Form, Heard, Question};

pub(super) const RULES: &[Rule] = &[
    bad(Layer::Http, refused_key, &[(&[Cause::Key], 30), (&[Cause::Down], 2)]),
    bad(Layer::Http, refused_all_keys, &[(&[Cause::Down], 30), (&[Cause::Key], -10)]),
    bad(Layer::Http, refused_key_and_page, &[(&[Cause::Down], 18), (&[Cause::Key], -6)]),
    bad(Layer::Http, account, &[(&[Cause::Quota], 40)]),
    bad(Layer::Http, exhausted, &[(&[Cause::Quota], 34)]),
    bad(Layer::Http, limited, &[(&[Cause::Overloaded], 22), (&[Cause::Quota], 6)]),
    bad(Layer::Http, no_capacity, &[(&[Cause::Overloaded], 34)]),
    bad(Layer::Http, shed, &[(&[Cause::Overloaded], 24), (&[Cause::Down], 6)]),
    bad(Layer::Http, unavailable, &[(&[Cause::Down], 20), (&[Cause::Overloaded], 10)]),
    bad(Layer::Http, errors, &[(&[Cause::Down], 20), (&[Cause::Degraded], 10)]),
    bad(Layer::Http, origin_down, &[(&[Cause::Down], 34)]),
    bad(Layer::Http, whose_page, &[(&[Cause::Down, Cause::Proxy], 12)]),
    bad(Layer::Http, challenge, &[(&[Cause::Middlebox], 24), (&[Cause::Down], 6)]),
    bad(Layer::Http, portal_page, &[(&[Cause::CaptivePortal], 20)]),
    bad(
        Layer::Http,
        foreign_page,
        &[(&[Cause::CaptivePortal, Cause::Config, Cause::Proxy], 8), (&[Cause::Down], 8)],
    ),
    bad(Layer::Http, silent, &[(&[Cause::Down], 20), (&[Cause::Stalled], 12)]),
    bad(Layer::Http, stalls, &[(&[Cause::Stalled], 36)]),
    bad(
        Layer::Http,
        cut,
        &[(&[Cause::Down], 12), (&[Cause::Degraded], 6), (&[Cause::Middlebox], 6)],
    ),
    bad(Layer::Http, slow_list, &[(&[Cause::Degraded], 18)]),
    bad(Layer::Http, proxy_speaks, &[(&[Cause::Proxy], 30)]),
    bad(
        Layer::Config,
        elsewhere,
        &[(&[Cause::Config], 40), (&[Cause::Down, Cause::TheirDns, Cause::TheirTls], -10)],
    ),
    bad(Layer::Config, no_such_path, &[(&[Cause::Config], 20)]),
    bad(Layer::Config, no_such_model, &[(&[Cause::Config], 28)]),
    bad(Layer::Http, large_fails, &[(&[Cause::Degraded], 8), (&[Cause::Overloaded], 4)]),
    good(Layer::Http, answers, &[(BEFORE_HTTP, -24), (SHUT_IN, -6)]),
    good(
        Layer::Http,
        serves_list,
        &[
            (&[Cause::Down], -14),
            (&[Cause::Fine], 12),
            (&[Cause::Config], -8),
            (&[Cause::Quota, Cause::Overloaded], -4),
        ],
    ),
    good(Layer::Http, takes_the_key, &[(&[Cause::Key], -26)]),
    good(Layer::Http, speaks, &[(&[Cause::Down], -8), (&[Cause::Fine], 8)]),
    good(
        Layer::Http,
        serves,
        &[
            (&[Cause::Fine], 12),
            (&[Cause::Stalled, Cause::Overloaded, Cause::Down], -18),
            (&[Cause::Degraded, Cause::Model], -8),
        ],
    ),
];

const AUTH: &[&str] = &["unauthorized", "forbidden"];

fn status(asked: &Asked) -> String {
    asked.status.map_or_else(|| "no status".to_owned(), |status| status.to_string())
}

/// `×3`, where it was asked more than once.
fn times(asked: &Asked) -> String {
    if 1 < asked.times { format!(" ×{}", asked.times) } else { String::new() }
}

/// What the question with our key met, refused.
fn refusal<'a>(seen: &Seen<'a>) -> Option<&'a Asked> {
    let costly = [Question::Models, Question::Whole, Question::Streamed];
    let mut asked = costly.into_iter().filter_map(|question| seen.ask(question));
    asked.find(|it| AUTH.contains(&it.class.as_str()))
}

fn refused_key(seen: &Seen<'_>) -> Option<String> {
    let asked = refusal(seen)?;
    says(!seen.keys_fail_together(), format!("{} with our key: it is refused", status(asked)))
}

fn refused_all_keys(seen: &Seen<'_>) -> Option<String> {
    says(
        seen.keys_fail_together() && seen.works() != Some(true),
        "several keys that were good are refused at once",
    )
}

fn refused_key_and_page(seen: &Seen<'_>) -> Option<String> {
    let refused = refusal(seen).is_some() || seen.keys_fail_together();
    says(
        refused && seen.page_is_unwell(),
        "the key is refused while the status page tells of trouble",
    )
}

fn account(seen: &Seen<'_>) -> Option<String> {
    let asked = seen.any(&["quota", "no_credit"])?;
    says(true, format!("{}: the account has no credit or quota left", status(asked)))
}

fn exhausted(seen: &Seen<'_>) -> Option<String> {
    let limited = 0.05 <= seen.failing_by(Kind::Limit);
    let (_, asked) =
        seen.asked().find(|(_, it)| it.exhausted && (limited || it.class == "rate_limited"))?;
    says(true, format!("{}, and its rate limit headers say that nothing remains", status(asked)))
}

fn limited(seen: &Seen<'_>) -> Option<String> {
    let asked = seen.any(&["rate_limited"]).filter(|asked| !asked.exhausted)?;
    let headers = if asked.limits { "the limit headers show room" } else { "no limit headers" };
    says(true, format!("{}{}, and {headers}", status(asked), times(asked)))
}

fn no_capacity(seen: &Seen<'_>) -> Option<String> {
    let asked = seen.any(&["overloaded", "saturated"])?;
    says(true, format!("{} overloaded{}", status(asked), times(asked)))
}

fn shed(seen: &Seen<'_>) -> Option<String> {
    let asked = seen.any(&["unavailable"]).filter(|it| it.form != Form::Html)?;
    let wait = asked.retry_after_s?;
    says(true, format!("{}{}, to be asked again in {wait} s", status(asked), times(asked)))
}

fn unavailable(seen: &Seen<'_>) -> Option<String> {
    let asked = seen.any(&["unavailable"]).filter(|it| it.retry_after_s.is_none())?;
    says(!is_origin(asked), format!("{} unavailable{}", status(asked), times(asked)))
}

fn errors(seen: &Seen<'_>) -> Option<String> {
    let asked = seen.any(&["server_error", "request_timeout", "not_implemented"])?;
    says(!is_origin(asked), format!("{}{}: an error of theirs", status(asked), times(asked)))
}

/// A front that cannot reach what is behind it.
fn is_origin(asked: &Asked) -> bool {
    let theirs = asked
        .status
        .is_some_and(|status| (520..=527).contains(&status) || (500..=504).contains(&status));
    theirs && asked.form == Form::Html
}

fn origin_down(seen: &Seen<'_>) -> Option<String> {
    let (_, asked) = seen.asked().find(|(_, it)| is_origin(it))?;
    says(
        is_of_them(seen, asked),
        format!(
            "{}{} as a page for browsers: the front is there, what is behind it is not",
            status(asked),
            times(asked)
        ),
    )
}

/// What comes through a proxy may be the proxy's own, unless it lets others' answers through.
fn is_of_them(seen: &Seen<'_>, asked: &Asked) -> bool {
    !asked.proxied || seen.siblings() == Some(true)
}

fn whose_page(seen: &Seen<'_>) -> Option<String> {
    let (_, asked) = seen.asked().find(|(_, it)| is_origin(it) && !is_of_them(seen, it))?;
    says(
        true,
        format!(
            "{} as a page for browsers, through the proxy: theirs or the proxy's",
            status(asked)
        ),
    )
}

fn challenge(seen: &Seen<'_>) -> Option<String> {
    let (_, asked) = seen.asked().find(|(_, it)| it.mark.as_deref() == Some("challenge"))?;
    says(true, format!("{}: a page that wants to see a browser", status(asked)))
}

fn portal_page(seen: &Seen<'_>) -> Option<String> {
    let (_, asked) = seen.asked().find(|(_, it)| it.mark.as_deref() == Some("portal"))?;
    says(true, format!("{}: a login page instead of JSON", status(asked)))
}

fn foreign_page(seen: &Seen<'_>) -> Option<String> {
    let odd = |it: &Asked| {
        it.heard == Heard::Answer
            && it.form == Form::Html
            && it.mark.is_none()
            && !is_origin(it)
            && (seen.is_elsewhere() || !has_no_list(it))
    };
    let (_, asked) = seen.asked().find(|(_, it)| odd(it))?;
    let told = seen.works() != Some(true);
    says(told, format!("{} with a page for browsers instead of JSON", status(asked)))
}

fn silent(seen: &Seen<'_>) -> Option<String> {
    let quiet = [Question::Open, Question::Models].iter().filter_map(|it| seen.ask(*it));
    let quiet = quiet.filter(|it| matches!(it.heard, Heard::Silent | Heard::Stalled));
    let quiet = quiet.filter(|it| !it.proxied || seen.siblings() == Some(true)).count();
    says(
        0 < quiet && !seen.answers_small(),
        "the connection is there, and small questions get no answer in time",
    )
}

fn stalls(seen: &Seen<'_>) -> Option<String> {
    let large = [Question::Whole, Question::Streamed].iter().filter_map(|it| seen.ask(*it));
    let stalled = large.filter(|it| matches!(it.heard, Heard::Silent | Heard::Stalled)).count();
    says(
        0 < stalled && seen.answers_small(),
        "small questions are answered, and an answer of the model stalls",
    )
}

fn cut(seen: &Seen<'_>) -> Option<String> {
    let odd = |it: &Asked| matches!(it.heard, Heard::Reset | Heard::Cut | Heard::Garbled);
    let (_, asked) = seen.asked().find(|(_, it)| odd(it))?;
    let words =
        if asked.heard == Heard::Garbled { "what comes is not HTTP" } else { "answers are cut" };
    says(true, words)
}

fn slow_list(seen: &Seen<'_>) -> Option<String> {
    let models = seen.ask(Question::Models)?;
    let first = models.first_byte_ms.filter(|it| 3000 <= *it)?;
    says(
        models.is_as_it_should(Question::Models),
        format!("the list of models takes {first} ms to its first byte"),
    )
}

fn proxy_speaks(seen: &Seen<'_>) -> Option<String> {
    let asked = seen.any(&["proxy"])?;
    says(
        seen.it.here.proxy.is_some(),
        asked.status.map_or_else(
            || "the proxy does not let us through".to_owned(),
            |status| format!("{status}: the proxy does not let us through"),
        ),
    )
}

fn elsewhere(seen: &Seen<'_>) -> Option<String> {
    let elsewhere = seen.it.here.elsewhere.as_ref()?;
    let fails = seen.works() == Some(false)
        || seen.finds(Part::Cache) == Some(false)
        || seen.gets_through() == Some(false);
    // What is asked there is refused as it should be: the place is right.
    let right = seen.ask(Question::Open).is_some_and(|it| it.is_as_it_should(Question::Open));
    says(
        fails && !right,
        format!("{} says {}, not {}", elsewhere.from, elsewhere.url, elsewhere.usual),
    )
}

fn no_such_path(seen: &Seen<'_>) -> Option<String> {
    let asked = seen.free(&["not_found"])?;
    let told = asked.status == Some(404) && seen.is_elsewhere() && seen.works() != Some(true);
    says(told, "404 for the list of models: the base URL leads elsewhere")
}

fn no_such_model(seen: &Seen<'_>) -> Option<String> {
    let costly = [Question::Whole, Question::Streamed];
    let mut asked = costly.into_iter().filter_map(|question| seen.ask(question));
    let asked = asked.find(|it| it.class == "not_found")?;
    let once =
        seen.it.traffic.as_ref().is_some_and(|it| it.good_ago_s.is_some_and(|ago| ago < 3600));
    says(!once, format!("{}: there is no such model", status(asked)))
}

fn large_fails(seen: &Seen<'_>) -> Option<String> {
    says(
        seen.answers_large() == Some(false) && seen.answers_small(),
        "small questions are answered, and an answer of the model fails",
    )
}

fn answers(seen: &Seen<'_>) -> Option<String> {
    says(seen.answers_small(), "the provider's own answers come through")
}

fn serves_list(seen: &Seen<'_>) -> Option<String> {
    let models = seen.ask(Question::Models)?;
    says(models.is_as_it_should(Question::Models), "the list of models is served to our key")
}

fn takes_the_key(seen: &Seen<'_>) -> Option<String> {
    let models = seen.ask(Question::Models)?;
    says(models.is_as_it_should(Question::Models) && !seen.is_open(), "our key is accepted")
}

fn speaks(seen: &Seen<'_>) -> Option<String> {
    let open = seen.ask(Question::Open)?;
    says(open.is_as_it_should(Question::Open), "the host answers as the provider does")
}

fn serves(seen: &Seen<'_>) -> Option<String> {
    says(seen.answers_large() == Some(true), "a short answer of the model came as it should")
}
