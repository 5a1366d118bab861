//! The status as people see it, wide and narrow, and its shape as programs read it.

use super::{Judged, Page, Provider, Requests, Status, Target};
use crate::watch::{Around, Pace, Times, Watch};
use crate::{Advice, Layer, Reason};
use crate::{Moment, Settled, Told};
use ir::Time;
use std::collections::BTreeMap;
use std::time::Duration;

fn status() -> Status {
    let target = |name: &str, breaker: &str, ok, ttft_ms| Target {
        target: name.to_owned(),
        breaker: breaker.to_owned(),
        n: 40,
        ok_percent: ok,
        ttft_ms,
    };
    let overloaded = Judged {
        cause: "them.overloaded".to_owned(),
        side: "them".to_owned(),
        says: "no capacity".to_owned(),
        confidence: 93,
        reasons: vec![Reason { layer: Layer::Yours, text: "31 of 40 said 529".to_owned() }],
        would_change: String::new(),
        advice: vec![Advice { text: "wait, the next target serves".to_owned(), command: None }],
        since_unix_ms: Some(1_795_000_000_000),
    };
    let fine = Judged {
        cause: "fine".to_owned(),
        side: "fine".to_owned(),
        confidence: 95,
        ..Judged::default()
    };
    let page = Page { level: Some("operational".to_owned()), ..Page::default() };
    let times = Times { lead_s: Some(185), ..Times::default() };
    Status {
        at_unix_ms: 1_795_000_125_000,
        watching: true,
        providers: vec![
            Provider {
                provider: "anthropic".to_owned(),
                host: "api.anthropic.com:443".to_owned(),
                troubled: true,
                verdict: Some(overloaded),
                times: Some(times),
                page: Some(page),
                targets: vec![
                    target("anthropic/claude-sonnet-4-6", "open", Some(22), Some(1830)),
                    target("anthropic/\u{1b}[31mred", "closed", None, None),
                ],
                requests: Requests::default(),
                traffic: None,
            },
            Provider { provider: "openai".to_owned(), verdict: Some(fine), ..Provider::default() },
        ],
        ..Status::default()
    }
}

#[test]
fn a_table_where_there_is_room_and_lines_where_there_is_not() {
    let check = |columns, expect: &str| assert_eq!(status().table(columns), expect, "{columns}");
    check(
        120,
        "\
TARGET                       BREAKER  OK    FIRST  VERDICT               SINCE  PAGE SAYS    LEAD
anthropic/claude-sonnet-4-6  open     22 %  1.8 s  them.overloaded 93 %  2 min  operational  +3 min
anthropic/\u{fffd}[31mred           closed   –     –
openai                       –        –     –      fine 95 %             –      –            –
anthropic: no capacity: 31 of 40 said 529
  → wait, the next target serves
",
    );
    check(
        44,
        "\
anthropic/claude-sonnet-4-6
  breaker: open · ok: 22 % · first: 1.8 s
  verdict: them.overloaded 93 %
  since: 2 min · page says: operational
  lead: +3 min
anthropic/\u{fffd}[31mred
  breaker: closed · ok: – · first: –
openai
  breaker: – · ok: – · first: –
  verdict: fine 95 % · since: –
  page says: – · lead: –
anthropic: no capacity: 31 of 40 said 529
  → wait, the next target serves
",
    );
}

#[test]
fn what_is_written_is_read_again() {
    let text = serde_json::to_string(&status()).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status());
    // A newer gateway may say more, an older one less.
    let other = "{\"at_unix_ms\":1,\"more\":2,\"providers\":[{\"provider\":\"a\"}]}";
    assert_eq!(serde_json::from_str::<Status>(other).unwrap().providers.len(), 1);
}

#[test]
fn percentages_are_rounded_down_and_what_is_unwell_is_shown() {
    let at = |ms| Moment { at: Time::ZERO + Duration::from_millis(ms), unix_ms: ms };
    let pace = Pace { every: Duration::from_mins(1), pages: true };
    let mut watch = Watch::new(at(0), pace, 1);
    for ms in 0..200 {
        let bad = Settled::Bad { class: "silent", alarms: true };
        let outcome = if ms == 7 { bad } else { Settled::Good };
        watch.told(at(ms), &Told { model: "m\n", credential: 0, outcome });
    }
    let unwell = BTreeMap::from([("m\n".to_owned(), "ramp"), ("other".to_owned(), "open")]);
    let (due, change) = watch.look(at(200), Around::default());
    assert!(due.is_empty() && change.is_none());
    let seen = Provider::of("p", &watch, at(200), &unwell);
    let targets: Vec<_> =
        seen.targets.iter().map(|it| (&*it.target, &*it.breaker, it.ok_percent)).collect();
    assert_eq!(targets, [("p/m\\n", "ramp", Some(99)), ("p/other", "open", None)]);
    assert_eq!(seen.verdict.map(|it| (it.cause, it.confidence)), Some(("fine".to_owned(), 95)));
}

#[test]
fn what_good_answers_say_depends_on_how_many_they_are() {
    let at = |ms| Moment { at: Time::ZERO + Duration::from_millis(ms), unix_ms: ms };
    let pace = Pace { every: Duration::from_mins(1), pages: true };
    let busy = Settled::Bad { class: "saturated", alarms: false };
    // Good ones of so many, one a second, and those that are not good first.
    let check = |good: u64, all: u64, says: Option<(&str, u8)>, why: &str| {
        let mut watch = Watch::new(at(0), pace, 1);
        for second in 0..all {
            let outcome = if second < all - good { busy } else { Settled::Good };
            watch.told(at(second * 1000), &Told { model: "m", credential: 0, outcome });
        }
        let verdict = Provider::in_brief("p", &watch, at(all * 1000)).verdict;
        let said = verdict.as_ref().map(|it| (it.cause.as_str(), it.confidence));
        assert_eq!(said, says, "{good} of {all}");
        let reason = verdict.map(|it| it.reasons[0].text.clone()).unwrap_or_default();
        assert_eq!(reason, why, "{good} of {all}");
    };
    check(0, 0, None, "");
    check(1, 1, Some(("fine", 95)), "1 of the last 1 attempts were good");
    check(0, 1, Some(("unknown", 0)), "0 of the last 1 attempts were good");
    check(1, 491, Some(("unknown", 0)), "1 of the last 51 attempts were good");
    check(2, 4, Some(("unknown", 0)), "2 of the last 4 attempts were good");
    check(40, 300, Some(("fine", 95)), "40 of the last 50 attempts were good");
}

#[test]
fn after_trouble_it_counts_what_came_since() {
    let at = |ms| Moment { at: Time::ZERO + Duration::from_millis(ms), unix_ms: ms };
    let pace = Pace { every: Duration::from_mins(1), pages: true };
    let mut watch = Watch::new(at(0), pace, 1);
    let bad = Settled::Bad { class: "silent", alarms: true };
    for second in 0..70 {
        let outcome = if second < 60 { bad } else { Settled::Good };
        watch.told(at(second * 1000), &Told { model: "m", credential: 0, outcome });
        watch.look(at(second * 1000), Around::default());
    }
    let fine = |ms: u64| {
        let verdict = Provider::in_brief("p", &watch, at(ms)).verdict;
        verdict.map(|it| (it.cause, it.confidence))
    };
    assert!(!watch.is_troubled());
    let expect = |sure| Some(("fine".to_owned(), sure));
    assert_eq!((fine(70_000), fine(400_000)), (expect(95), expect(95)));
    assert_eq!(fine(2_000_000), None, "too long ago");
}

#[test]
fn a_page_is_shown_with_its_age_where_it_is_old() {
    let says = |level: Option<&str>, age_s| {
        let page = Page { level: level.map(str::to_owned), age_s, ..Page::default() };
        let provider =
            Provider { provider: "p".to_owned(), page: Some(page), ..Provider::default() };
        let status = Status { watching: true, providers: vec![provider], ..Status::default() };
        let table = status.table(200);
        let row = table.lines().nth(1).unwrap();
        row.trim_start_matches(['p', ' ', '–']).trim_end_matches(['–', ' ']).to_owned()
    };
    assert_eq!(says(Some("operational"), 599), "operational");
    assert_eq!(says(Some("operational"), 720), "operational, 12 min old");
    assert_eq!(says(None, 86_400), "unknown");
}
