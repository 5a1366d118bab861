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
