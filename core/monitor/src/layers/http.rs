//! What the provider answers.

use super::{Line, Parts, ms, shown};
use crate::Layer;
use ir::Evidence;
use ir::evidence::{Asked, Form, Heard, KeySeen, Question};

pub(super) fn line(evidence: &Evidence) -> Line {
    let mut parts = Parts::default();
    if let Some(elsewhere) = &evidence.here.elsewhere {
        parts.good(format!("{} is {}", shown(&elsewhere.from), shown(&elsewhere.url)));
    }
    let asked = |question| evidence.asked.get(&question);
    let open = asked(Question::Open);
    if let Some(open) = open {
        plain("without key", open, open.is_as_it_should(Question::Open), &mut parts);
    }
    if let Some(models) = asked(Question::Models) {
        keyed(models, open.is_some_and(is_good), &mut parts);
    }
    if let Some(KeySeen::Missing { from }) = &evidence.here.key {
        parts.bad(format!("no key: {} is not set", shown(from)));
    }
    for (name, question) in [("answer", Question::Whole), ("stream", Question::Streamed)] {
        if let Some(it) = asked(question) {
            plain(name, it, is_good(it), &mut parts);
        }
    }
    for (question, it) in &evidence.asked {
        parts.detail(detail(*question, it));
    }
    for (host, it) in &evidence.control.regions {
        parts.detail(format!("in another region, {}: {}", shown(host), said(it)));
    }
    let well = open.is_some_and(|it| it.is_as_it_should(Question::Open))
        || asked(Question::Models).is_some_and(is_good);
    parts.line(Layer::Http, well)
}

fn is_good(asked: &Asked) -> bool {
    let good = matches!(asked.status, Some(200..=299));
    asked.heard == Heard::Answer && asked.class.is_empty() && good
}

fn is_theirs(asked: &Asked) -> bool {
    asked.heard == Heard::Answer && asked.form == Form::Json
}

/// `open`: the list is shown to anybody, so that it tells nothing of the key.
fn keyed(models: &Asked, open: bool, parts: &mut Parts) {
    plain("with key", models, is_good(models), parts);
    match models.class.as_str() {
        "unauthorized" | "forbidden" => parts.bad("key refused"),
        // Whoever is turned away for other reasons may not have been looked at.
        "" | "rate_limited" | "quota" if is_theirs(models) && !open => parts.good("key accepted"),
        _ => {}
    }
    if models.exhausted {
        parts.bad("nothing remains of the rate limit");
    } else if models.limits {
        parts.good("quota headers present");
    }
}

fn plain(what: &str, asked: &Asked, good: bool, parts: &mut Parts) {
    let text = match (asked.heard, asked.class.as_str()) {
        (Heard::Unasked, "") => "not asked: no connection".to_owned(),
        (Heard::Unasked, class) => format!("not asked: {}", shown(class)),
        _ => format!("{what} {}", said(asked)),
    };
    // Two questions that were not asked were not asked for one reason.
    if parts.bad.contains(&text) {
        return;
    }
    if good { parts.good(text) } else { parts.bad(text) }
}

/// `529 overloaded ×3 (1.2 s)`.
fn said(asked: &Asked) -> String {
    let mut text = match (asked.heard, asked.status) {
        (Heard::Answer, Some(status)) => status.to_string(),
        (Heard::Answer, None) => "an answer".to_owned(),
        (heard, _) => heard_word(heard).to_owned(),
    };
    if !asked.class.is_empty() {
        text = format!("{text} {}", shown(&asked.class));
    }
    if asked.form == Form::Html {
        text.push_str(" as a page for browsers");
    }
    if let Some(mark) = &asked.mark {
        text = format!("{text} ({})", shown(mark));
    }
    if 1 < asked.times {
        text = format!("{text} ×{}", asked.times);
    }
    format!("{text} ({})", ms(asked.took_ms))
}

fn heard_word(heard: Heard) -> &'static str {
    match heard {
        Heard::Answer => "an answer",
        Heard::Unasked => "not asked: no connection",
        Heard::Silent => "no answer in time",
        Heard::Reset => "cut before an answer",
        Heard::Stalled => "the answer stalls",
        Heard::Cut => "the answer is cut",
        Heard::Garbled => "what comes is not HTTP",
    }
}

fn detail(question: Question, asked: &Asked) -> String {
    let name = match question {
        Question::Open => "GET models without a key",
        Question::Models => "GET models with our key",
        Question::Whole => "a short answer, whole",
        Question::Streamed => "a short answer, streamed",
    };
    let phases = [
        ("dns", asked.dns_ms),
        ("connect", asked.connect_ms),
        ("tls", asked.tls_ms),
        ("first byte", asked.first_byte_ms),
    ];
    let phases: Vec<String> = phases
        .iter()
        .filter_map(|(name, took)| took.map(|took| format!("{name} {}", ms(took))))
        .collect();
    let retry = asked.retry_after_s.map(|it| format!(", retry after {it} s")).unwrap_or_default();
    let proxied = if asked.proxied { ", through the proxy" } else { "" };
    format!("{name}: {}; {}{retry}{proxied}", said(asked), phases.join(", "))
}
