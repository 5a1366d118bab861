//! Scripts in virtual time: what attempts meet, what is asked because of it, and what is said.

#![expect(clippy::print_stdout, reason = "figures, for whoever asks with --nocapture")]

use super::{Around, Change, Counted, Due, Pace, Watch};
use crate::{Cause, Moment, Reason, Settled, Told, Verdict};
use ir::Time;
use ir::evidence::{Incident, Level, Page};
use std::time::Duration;

const START_UNIX_MS: u64 = 1_795_000_000_000;
const TICK: Duration = Duration::from_millis(250);
const PACE: Pace = Pace { every: Duration::from_mins(1), pages: true };
/// As long as a diagnosis may take in a running gateway, a page, and a free question.
const DIAGNOSIS: Duration = Duration::from_secs(6);
const PAGE: Duration = Duration::from_secs(1);
const CHEAP: Duration = Duration::from_millis(100);

/// What happens at a time, in ms since the beginning.
struct Script {
    /// An attempt ends this often, if any does.
    every_ms: Option<u64>,
    meets: fn(u64) -> Settled,
    around: fn(u64) -> Around,
    /// What a diagnosis finds that ends at this time.
    finds: fn(u64) -> (Cause, u8),
    page: fn(u64) -> Page,
    reaches: fn(u64) -> bool,
}

/// What came of it.
struct Story {
    watch: Watch,
    /// When something free was asked, in ms.
    asked: Vec<(u64, Due)>,
    changes: Vec<(u64, Change)>,
}

fn moment(ms: u64) -> Moment {
    Moment { at: Time::ZERO + Duration::from_millis(ms), unix_ms: START_UNIX_MS + ms }
}

fn verdict((cause, confidence): (Cause, u8)) -> Verdict {
    let text = format!("{cause} was seen");
    Verdict {
        cause,
        confidence,
        reasons: vec![Reason { layer: crate::Layer::Yours, text }],
        would_change: String::new(),
        advice: Vec::new(),
    }
}

const BAD: Settled = Settled::Bad { class: "overloaded", alarms: true };

impl Default for Script {
    fn default() -> Self {
        Self {
            every_ms: Some(1000),
            meets: |_| Settled::Good,
            around: |_| Around { first: true, ..Around::default() },
            finds: |_| (Cause::Overloaded, 85),
            page: |_| Page { level: Some(Level::Operational), ..Page::default() },
            reaches: |_| true,
        }
    }
}

impl Script {
    fn run(&self, length: Duration) -> Story {
        let tick = u64::try_from(TICK.as_millis()).unwrap();
        let mut story =
            Story { watch: Watch::new(moment(0), PACE, 7), asked: Vec::new(), changes: Vec::new() };
        let mut under_way: Vec<(u64, Due)> = Vec::new();
        for ms in (0..u64::try_from(length.as_millis()).unwrap()).step_by(250) {
            let (now, around) = (moment(ms), (self.around)(ms));
            if self.every_ms.is_some_and(|every| ms % every < tick) {
                let told = Told { model: "m", credential: 0, outcome: (self.meets)(ms) };
                story.watch.told(now, &told);
            }
            let over: Vec<Due> =
                under_way.extract_if(.., |(end, _)| *end <= ms).map(|(_, due)| due).collect();
            for due in over {
                let watch = &mut story.watch;
                let change = match due {
                    Due::Diagnosis => watch.judged(now, verdict((self.finds)(ms)), around),
                    Due::Page => watch.read(now, (self.page)(ms), 1),
                    Due::Cheap => {
                        watch.knocked(now, Some((self.reaches)(ms)));
                        None
                    }
                };
                story.changes.extend(change.map(|change| (ms, change)));
            }
            let (due, change) = story.watch.look(now, around);
            story.changes.extend(change.map(|change| (ms, change)));
            for due in due {
                assert!(under_way.iter().all(|(_, other)| *other != due), "two of {due:?} at {ms}");
                let takes = match due {
                    Due::Diagnosis => DIAGNOSIS,
                    Due::Page => PAGE,
                    Due::Cheap => CHEAP,
                };
                under_way.push((ms + u64::try_from(takes.as_millis()).unwrap(), due));
                story.asked.push((ms, due));
            }
        }
        story
    }
}

impl Story {
    /// When this verdict was said, in ms.
    fn said(&self, word: &str) -> Vec<u64> {
        let said = |change: &Change| match change {
            Change::Verdict { cause, .. } => *cause == word,
            Change::Acknowledged { .. } => false,
        };
        self.changes.iter().filter(|(_, change)| said(change)).map(|(ms, _)| *ms).collect()
    }

    /// The most requests within any minute.
    fn most_within_a_minute(&self) -> usize {
        let within =
            |from: u64| self.asked.iter().filter(move |(ms, _)| (from..from + 60_000).contains(ms));
        self.asked.iter().map(|(ms, _)| within(*ms).count()).max().unwrap_or(0)
    }
}

#[test]
fn who_is_well_costs_one_free_request_a_minute_at_most() {
    let unused: fn(u64) -> Around = |_| Around::default();
    let first: fn(u64) -> Around = |_| Around { first: true, ..Around::default() };
    // Pages, free questions: of a day.
    let check = |every_ms, around, pages: std::ops::Range<u64>, cheaps: std::ops::Range<u64>| {
        let script = Script { every_ms, around, ..Script::default() };
        let story = script.run(Duration::from_hours(24));
        let Counted { page, cheap, diagnosis } = story.watch.counted();
        let most = story.most_within_a_minute();
        println!("every {every_ms:?} ms: {page} pages, {cheap} free questions, {most} a minute");
        assert!(most <= 1, "{most} requests within a minute, every {every_ms:?}");
        assert_eq!((diagnosis, story.changes.len()), (0, 0), "every {every_ms:?}");
        assert!(pages.contains(&page), "{page} pages, every {every_ms:?}");
        assert!(cheaps.contains(&cheap), "{cheap} free questions, every {every_ms:?}");
    };
    check(Some(1_000), first, 240..289, 0..1);
    check(Some(10_000), unused, 240..289, 0..1);
    check(None, first, 200..289, 900..1200);
    check(None, unused, 0..1, 0..1);
}

#[test]
fn from_the_first_failure_to_the_verdict() {
    let failing: fn(u64) -> Settled = |ms| if ms < 600_000 { Settled::Good } else { BAD };
    let half: fn(u64) -> Settled = |ms| {
        if ms < 600_000 || ms / 1000 % 2 == 0 { Settled::Good } else { BAD }
    };
    let opening: fn(u64) -> Around =
        |ms| Around { first: true, open: 605_000 <= ms, ..Around::default() };
    let well: fn(u64) -> Around = |_| Around { first: true, ..Around::default() };
    let check = |name: &str, every_ms, meets, around, most_ms| {
        let script = Script { every_ms: Some(every_ms), meets, around, ..Script::default() };
        let story = script.run(Duration::from_mins(15));
        let said = story.said("them.overloaded");
        let [said] = said[..] else { panic!("{name}: said at {said:?}") };
        let took = said - 600_000;
        println!("{name}: {took} ms");
        assert!(took <= most_ms, "{name}: {took} ms");
        let times = story.watch.times().unwrap();
        assert!(times.impact_unix_ms <= START_UNIX_MS + 601_000, "{name}: {times:?}");
        assert_eq!(times.verdict_unix_ms, Some(START_UNIX_MS + said), "{name}");
        assert!(story.watch.is_troubled(), "{name}");
    };
    check("all fail, ten a second", 100, failing, well, 10_000);
    check("all fail, one a second", 1_000, failing, well, 10_000);
    check("all fail, one in ten seconds", 10_000, failing, well, 30_000);
    check("a breaker opens, one a minute", 60_000, failing, opening, 15_000);
    check("every other fails, one a second", 1_000, half, well, 30_000);
}

#[test]
fn diagnoses_are_repeated_while_it_lasts_less_often_where_nothing_changes() {
    let failing: fn(u64) -> Settled = |_| BAD;
    let check = |finds, expect: std::ops::Range<u64>| {
        let script = Script { meets: failing, finds, ..Script::default() };
        let counted = script.run(Duration::from_mins(20)).watch.counted();
        assert!(expect.contains(&counted.diagnosis), "{counted:?}, not {expect:?}");
        assert!(counted.page <= 42 && counted.cheap == 0, "{counted:?}");
    };
    // Sure and stable: every minute. Sure, and something hangs on it: twice as often. Not sure: often
    // at first. Not the same: often.
    check(|_| (Cause::Overloaded, 85), 15..22);
    check(|_| (Cause::Link, 95), 28..38);
    check(|_| (Cause::Overloaded, 60), 20..28);
    check(|ms| (if ms / 40_000 % 2 == 0 { Cause::Down } else { Cause::Stalled }, 85), 22..60);
}

#[test]
fn recovery_is_confirmed() {
    let outage: fn(u64) -> Settled =
        |ms| if (600_000..700_000).contains(&ms) { BAD } else { Settled::Good };
    let breaker: fn(u64) -> Around =
        |ms| Around { first: true, open: (603_000..720_000).contains(&ms), ..Around::default() };
    let well: fn(u64) -> Around = |_| Around { first: true, ..Around::default() };
    let check = |around, finds, back: std::ops::Range<u64>| {
        let script = Script { meets: outage, around, finds, ..Script::default() };
        let story = script.run(Duration::from_mins(20));
        let fine = story.said("fine");
        let [fine] = fine[..] else { panic!("fine at {fine:?}") };
        assert!(back.contains(&fine), "{fine}");
        let times = story.watch.times().unwrap();
        assert_eq!(times.recovered_unix_ms, Some(START_UNIX_MS + fine));
        assert!(!story.watch.is_troubled() && story.watch.verdict().is_none());
    };
    let overloaded: fn(u64) -> (Cause, u8) = |_| (Cause::Overloaded, 85);
    check(well, overloaded, 701_000..703_000);
    check(breaker, overloaded, 720_000..721_000);
}

#[test]
fn without_traffic_free_questions_tell() {
    let down: fn(u64) -> bool = |ms| !(600_000..900_000).contains(&ms);
    let script =
        Script { every_ms: None, reaches: down, finds: |_| (Cause::Down, 85), ..Script::default() };
    let story = script.run(Duration::from_mins(30));
    let (down, fine) = (story.said("them.down"), story.said("fine"));
    assert!(matches!(down[..], [at] if at < 600_000 + 100_000), "{down:?}");
    assert!(matches!(fine[..], [at] if (900_000..945_000).contains(&at)), "{fine:?}");
}

#[test]
fn an_answer_that_may_be_anybodys_shows_neither() {
    let check = |reached, status: Option<&str>, troubled| {
        let mut watch = Watch::new(moment(0), PACE, 7);
        for ms in [1_000, 2_000, 3_000] {
            watch.knocked(moment(ms), reached);
        }
        watch.look(moment(4_000), Around { first: true, ..Around::default() });
        let verdict = crate::status::Provider::in_brief("p", &watch, moment(4_000)).verdict;
        assert_eq!(verdict.as_ref().map(|it| &*it.cause), status, "{reached:?}");
        assert_eq!((watch.is_troubled(), watch.counted().cheap), (troubled, 3), "{reached:?}");
    };
    check(Some(true), Some("fine"), false);
    check(Some(false), Some("unknown"), true);
    check(None, None, false);
}

#[test]
fn whom_nobody_asks_is_left_alone_whatever_happens() {
    let around: fn(u64) -> Around =
        |ms| Around { first: false, open: true, network_down: 60_000 < ms };
    let story = Script { every_ms: None, around, ..Script::default() }.run(Duration::from_hours(1));
    assert!(story.asked.is_empty() && story.changes.is_empty(), "{:?}", story.asked);
}

#[test]
fn what_comes_and_goes_is_believed_less_and_less() {
    // Eleven bad ones, four good ones, and so on.
    let meets: fn(u64) -> Settled = |ms| if ms / 1000 % 15 < 11 { BAD } else { Settled::Good };
    let story = Script { meets, ..Script::default() }.run(Duration::from_mins(30));
    let fine = story.said("fine");
    assert!(fine.len() <= 3, "{fine:?}");
    assert!(story.watch.is_troubled());
}

#[test]
fn a_verdict_gives_way_to_a_surer_one_or_to_one_found_twice() {
    use Cause::{Down, Fine, Link, Overloaded, Unknown};
    let check = |found: &[(Cause, u8)], expect: &[(Cause, bool)]| {
        let mut held = super::Held::default();
        for (step, (found, expect)) in found.iter().zip(expect).enumerate() {
            let changed = held.take(moment(0), verdict(*found));
            let holds = held.verdict().map_or(Fine, |(verdict, _)| verdict.cause);
            assert_eq!((holds, changed), *expect, "step {step}: {found:?}");
        }
    };
    check(&[(Down, 70), (Down, 60), (Down, 90)], &[(Down, true), (Down, false), (Down, false)]);
    check(&[(Down, 70), (Link, 90)], &[(Down, true), (Link, true)]);
    check(&[(Down, 70), (Link, 60), (Link, 60)], &[(Down, true), (Down, false), (Link, true)]);
    check(
        &[(Down, 70), (Link, 60), (Down, 70), (Link, 60)],
        &[(Down, true), (Down, false), (Down, false), (Down, false)],
    );
    check(
        &[(Down, 70), (Link, 60), (Overloaded, 60), (Link, 60)],
        &[(Down, true), (Down, false), (Down, false), (Down, false)],
    );
    check(&[(Unknown, 80), (Link, 30)], &[(Unknown, true), (Link, true)]);
    check(
        &[(Link, 30), (Unknown, 90), (Unknown, 90)],
        &[(Link, true), (Link, false), (Unknown, true)],
    );
    check(&[(Fine, 90), (Down, 30), (Fine, 95)], &[(Fine, false), (Down, true), (Down, false)]);
}

#[test]
fn the_lead_over_the_page() {
    let outage: fn(u64) -> Settled =
        |ms| if (600_000..1_200_000).contains(&ms) { BAD } else { Settled::Good };
    let check = |page: fn(u64) -> Page, expect: Option<std::ops::Range<i64>>| {
        let script = Script { meets: outage, page, ..Script::default() };
        let story = script.run(Duration::from_hours(1));
        let lead = story.watch.times().unwrap().lead_s;
        let told = story.changes.iter().filter_map(|(_, change)| match change {
            Change::Acknowledged { lead_s } => Some(*lead_s),
            Change::Verdict { .. } => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), Vec::from_iter(lead), "one line");
        match (lead, expect) {
            (None, None) => {}
            (Some(lead), Some(expect)) => assert!(expect.contains(&lead), "{lead} s"),
            (lead, expect) => panic!("{lead:?}, not {expect:?}"),
        }
    };
    let well = |_| Page { level: Some(Level::Operational), ..Page::default() };
    check(well, None);
    check(|_| Page { unknown: Some("a challenge".to_owned()), ..Page::default() }, None);
    // It says so as of the first reading in which it does, …
    check(|ms| unwell(900_000 <= ms, None), Some(290..340));
    // … or when it says that it first did, or was unwell before.
    check(|ms| unwell(900_000 <= ms, Some(720_000)), Some(117..119));
    check(|ms| unwell(500_000 <= ms, Some(500_000)), Some(-104..-101));
    // It speaks when all is over.
    check(|ms| unwell(1_500_000 <= ms, None), Some(890..1300));
    check(|ms| unwell(3_300_000 <= ms, None), None);
}

fn unwell(is: bool, told_ms: Option<u64>) -> Page {
    let incident = Incident {
        level: Some(Level::Major),
        told_unix_ms: told_ms.map(|ms| START_UNIX_MS + ms),
        ..Incident::default()
    };
    let level = if is { Level::Major } else { Level::Operational };
    Page {
        level: Some(level),
        incidents: Vec::from_iter(is.then_some(incident)),
        ..Page::default()
    }
}

#[test]
fn where_nothing_is_found_it_rests_until_something_fails_anew() {
    // A breaker stays open that no request closes, and the rest is well; at last all fails.
    let open: fn(u64) -> Around =
        |ms| Around { first: true, open: 60_000 <= ms, ..Around::default() };
    let fails: fn(u64) -> Settled = |ms| if ms < 3_600_000 { Settled::Good } else { BAD };
    let found: fn(u64) -> (Cause, u8) =
        |ms| if ms < 3_600_000 { (Cause::Fine, 97) } else { (Cause::Overloaded, 93) };
    let one_model: fn(u64) -> (Cause, u8) = |ms| match ms {
        0..120_000 => (Cause::Model, 99),
        120_000..3_600_000 => (Cause::Fine, 97),
        _ => (Cause::Overloaded, 93),
    };
    let check = |name, finds, held: &[u64]| {
        let script = Script { meets: fails, around: open, finds, ..Script::default() };
        let Counted { page, cheap, diagnosis } =
            script.run(Duration::from_hours(1)).watch.counted();
        assert!(
            diagnosis <= 20 && page <= 20 && cheap == 0,
            "{name}: {diagnosis}, {page}, {cheap}"
        );
        let story = script.run(Duration::from_mins(62));
        assert_eq!(story.said("them.model").len(), held.len(), "{name}");
        assert_eq!(story.said("unknown").len(), held.len(), "{name}: it gives way");
        let said = story.said("them.overloaded");
        assert!(matches!(said[..], [at] if at < 3_610_000), "{name}: {said:?}");
    };
    check("nothing was ever found", found, &[]);
    check("one model was, at first", one_model, &[1]);
    // The target of the breaker is in use no longer.
    let closed: fn(u64) -> Around =
        |ms| Around { first: true, open: (60_000..960_000).contains(&ms), ..Around::default() };
    let script = Script { around: closed, finds: one_model, ..Script::default() };
    let story = script.run(Duration::from_hours(4));
    assert!(!story.watch.is_troubled() && story.watch.counted().diagnosis <= 20);
    assert!(matches!(story.said("fine")[..], [at] if at < 962_000));
}

#[test]
fn it_rests_although_something_failed_for_good() {
    let open: fn(u64) -> Around = |_| Around { first: true, open: true, ..Around::default() };
    let shut: fn(u64) -> Around = |_| Around { first: true, ..Around::default() };
    let fine: fn(u64) -> (Cause, u8) = |_| (Cause::Fine, 97);
    let three: fn(u64) -> Settled = |ms| if ms < 3000 { BAD } else { Settled::Nothing };
    let check = |name, every_ms, around, reaches| {
        let script =
            Script { every_ms, meets: three, around, reaches, finds: fine, ..Script::default() };
        let story = script.run(Duration::from_hours(1));
        let Counted { page, cheap, diagnosis } = story.watch.counted();
        assert!(
            diagnosis <= 20 && page <= 20 && cheap <= 70,
            "{name}: {diagnosis}, {page}, {cheap}"
        );
        assert!(story.watch.is_troubled() && story.said("fine").is_empty(), "{name}");
        let said = story.watch.undecided(moment(3_600_000)).unwrap();
        assert!(said.starts_with("what is measured is well, by the last "), "{name}: {said}");
    };
    check("three failed, a breaker stays open", Some(1000), open, |_| true);
    check("three failed, and all since were cancelled", Some(1000), shut, |_| true);
    check("free questions fail, a breaker stays open", None, open, |_| false);
    check("free questions fail", None, shut, |_| false);
    // It comes back, and that is seen; it fails anew, and that is seen too.
    let reaches: fn(u64) -> bool = |ms| (1_200_000..1_800_000).contains(&ms);
    let script = Script { every_ms: None, reaches, finds: fine, ..Script::default() };
    let story = script.run(Duration::from_mins(29));
    assert!(matches!(story.said("fine")[..], [at] if (1_200_000..1_320_000).contains(&at)));
    let story = script.run(Duration::from_mins(40));
    assert!(story.watch.is_troubled() && story.said("fine").len() == 1);
}

#[test]
fn what_fails_anew_is_looked_at_as_often_as_what_is_new() {
    let open: fn(u64) -> Around = |_| Around { first: true, open: true, ..Around::default() };
    let meets: fn(u64) -> Settled = |ms| if ms < 3_600_000 { Settled::Good } else { BAD };
    let finds: fn(u64) -> (Cause, u8) =
        |ms| if ms < 3_600_000 { (Cause::Fine, 97) } else { (Cause::Down, 60) };
    let script = Script { meets, around: open, finds, ..Script::default() };
    let story = script.run(Duration::from_mins(61));
    let from = |start: u64| {
        let within = |(ms, due): &&(u64, Due)| {
            *due == Due::Diagnosis && (start..start + 33_000).contains(ms)
        };
        story.asked.iter().filter(within).count()
    };
    assert_eq!((from(0), from(3_600_000)), (2, 3), "at first nothing is found, twice");
}

#[test]
fn why_no_verdict_holds() {
    let open: fn(u64) -> Around = |_| Around { first: true, open: true, ..Around::default() };
    let down: fn(u64) -> Around =
        |_| Around { first: true, network_down: true, ..Around::default() };
    let shut: fn(u64) -> Around = |_| Around { first: true, ..Around::default() };
    let check = |around, (every_ms, meets), seconds: u64, expect: Option<&str>| {
        let finds: fn(u64) -> (Cause, u8) = |_| (Cause::Fine, 97);
        let script = Script { every_ms, meets, around, finds, ..Script::default() };
        let script = Script { reaches: |_| false, ..script };
        let story = script.run(Duration::from_secs(seconds));
        let said = story.watch.undecided(moment(seconds * 1000));
        assert_eq!(said.as_deref(), expect, "after {seconds} s");
    };
    let good: fn(u64) -> Settled = |_| Settled::Good;
    check(shut, (Some(1000), good), 60, None);
    check(
        open,
        (Some(1000), good),
        5,
        Some("trouble was noticed, and the first diagnosis is under way"),
    );
    check(
        open,
        (Some(1000), good),
        10,
        Some("what is measured is well, by the last diagnosis; but a breaker stays open"),
    );
    check(
        down,
        (Some(1000), good),
        25,
        Some(
            "what is measured is well, by the last 2 diagnoses; but every remote host still fails",
        ),
    );
    // It rests, and then three fail.
    let again: fn(u64) -> Settled = |ms| if ms < 120_000 { Settled::Good } else { BAD };
    check(
        open,
        (Some(1000), again),
        124,
        Some("something failed anew, and a diagnosis is under way"),
    );
    // Every other is bad at first: trouble with some good answers, after which five are asked for.
    let some: fn(u64) -> Settled =
        |ms| if ms < 10_000 && ms % 4000 == 0 { BAD } else { Settled::Good };
    check(
        shut,
        (Some(2000), some),
        17,
        Some(
            "what is measured is well, by the last diagnosis; but of the 5 good answers in a row \
             that end trouble, 4 came so far",
        ),
    );
    check(
        shut,
        (None, good),
        300,
        Some("what is measured is well, by the last 6 diagnoses; but free questions still fail"),
    );
}

#[test]
fn free_questions_show_nothing_where_they_were_answered_all_the_time() {
    let failing: fn(u64) -> Settled = |_| BAD;
    let lost: fn(u64) -> Settled = |_| Settled::Bad { class: "unreachable", alarms: true };
    let down: fn(u64) -> (Cause, u8) = |_| (Cause::Down, 95);
    let blocked: fn(u64) -> Settled = |_| Settled::Bad { class: "firewall", alarms: true };
    let check = |name, (meets, finds), reaches, fine: Option<u8>| {
        // One attempt, and then nobody asks.
        let around: fn(u64) -> Around =
            |ms| Around { first: true, open: ms < 30_000, ..Around::default() };
        let every_ms = Some(600_000);
        let script = Script { every_ms, meets, around, finds, reaches, ..Script::default() };
        let story = script.run(Duration::from_mins(9));
        let said = story.changes.iter().find_map(|(_, change)| match change {
            Change::Verdict { cause: "fine", confidence, .. } => Some(*confidence),
            Change::Verdict { .. } | Change::Acknowledged { .. } => None,
        });
        assert_eq!(said, fine, "{name}");
        assert_eq!(story.watch.is_troubled(), fine.is_none(), "{name}");
        assert!(story.watch.counted().cheap <= 12, "{name}: {:?}", story.watch.counted());
    };
    check("answered, and attempts answered too", (failing, down), |_| true, None);
    check("answered, but attempts reached nobody", (lost, down), |_| true, Some(60));
    check("not answered at first", (failing, down), |ms| 60_000 <= ms, Some(60));
    // Somebody between us and them answers both.
    check("a firewall", (blocked, |_| (Cause::Middlebox, 95)), |_| true, None);
    check("a firewall on IPv6", (blocked, |_| (Cause::Ipv6, 95)), |_| true, None);
    check("another host", (blocked, |_| (Cause::HostsOverride, 95)), |_| true, None);
    // What is small gets through.
    check("a way for short messages", (failing, |_| (Cause::Route, 95)), |_| true, None);
    check("no way, and then one", (lost, |_| (Cause::Route, 95)), |_| true, Some(60));
    // A refusal is an answer too.
    check("a key that is refused", (lost, |_| (Cause::Key, 95)), |_| true, None);
}

#[test]
fn an_old_incident_acknowledges_nothing() {
    let outage: fn(u64) -> Settled =
        |ms| if (600_000..1_800_000).contains(&ms) { BAD } else { Settled::Good };
    let old = || Incident {
        level: Some(Level::Degraded),
        told_unix_ms: Some(START_UNIX_MS - 7 * 86_400_000),
        ..Incident::default()
    };
    let check = |name, page: fn(&Page, u64) -> Page, expect: Option<std::ops::Range<i64>>| {
        let mut watch = Watch::new(moment(0), PACE, 7);
        let before =
            Page { level: Some(Level::Degraded), incidents: vec![old()], ..Page::default() };
        let mut changes = Vec::new();
        for ms in (0..1_800_000).step_by(1000) {
            let told = Told { model: "m", credential: 0, outcome: outage(ms) };
            watch.told(moment(ms), &told);
            if ms % 30_000 == 0 {
                changes.extend(watch.read(moment(ms), page(&before, ms), 1));
            }
            let (_, change) = watch.look(moment(ms), Around { first: true, ..Around::default() });
            changes.extend(change);
        }
        let lead = watch.times().unwrap().lead_s;
        assert_eq!(changes, Vec::from_iter(lead.map(|lead_s| Change::Acknowledged { lead_s })));
        match expect {
            None => assert_eq!(lead, None, "{name}"),
            Some(expect) => {
                assert!(lead.is_some_and(|it| expect.contains(&it)), "{name}: {lead:?}");
            }
        }
    };
    check("it goes on as it was", |before, _| before.clone(), None);
    let newer: fn(&Page, u64) -> Page = |before, ms| {
        let mut page = before.clone();
        if 900_000 <= ms {
            page.incidents.extend(unwell(true, Some(890_000)).incidents);
        }
        page
    };
    check("another comes", newer, Some(280..291));
    let worse: fn(&Page, u64) -> Page = |before, ms| {
        let level = if ms < 900_000 { Level::Degraded } else { Level::Major };
        Page { level: Some(level), ..before.clone() }
    };
    check("it gets worse", worse, Some(290..301));
}

#[test]
fn a_page_that_is_not_read_any_more_grows_stale() {
    let page = || Page { level: Some(Level::Operational), ..Page::default() };
    let mut watch = Watch::new(moment(0), PACE, 7);
    watch.read(moment(0), page(), 1);
    let check = |minutes: u64, level, unknown: Option<&str>| {
        let seen = watch.page(moment(minutes * 60_000)).unwrap();
        assert_eq!((seen.level, seen.unknown.as_deref()), (level, unknown), "{minutes} min");
    };
    check(15, Some(Level::Operational), None);
    check(16, None, Some("last read 16 min ago, as operational"));
    check(1440, None, Some("last read 24 h 0 min ago, as operational"));
    watch.configure(Pace { pages: false, ..PACE });
    assert!(watch.page(moment(0)).is_none(), "nobody wants it");
}

#[test]
fn what_was_lost_is_asked_again_as_soon_as_it_would_be() {
    for (fails, least, most) in [(false, 299, 420), (true, 29, 60)] {
        let mut watch = Watch::new(moment(0), PACE, 7);
        let mut asked = Vec::new();
        for ms in (0..1_200_000).step_by(1000) {
            let outcome = if fails { BAD } else { Settled::Good };
            watch.told(moment(ms), &Told { model: "m", credential: 0, outcome });
            let (due, _) = watch.look(moment(ms), Around { first: true, ..Around::default() });
            for due in due {
                watch.undone(moment(ms), due);
                asked.extend((due == Due::Page).then_some(ms / 1000));
            }
        }
        let between = asked.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(between.clone().all(|it| (least..most).contains(&it)), "{fails}: {asked:?}");
        assert!(2 < asked.len(), "{fails}: {asked:?}");
    }
}
