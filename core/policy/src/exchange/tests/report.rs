//! What is kept: attempts with their times, outcomes, blame and usage; and the jitter's bounds.

use super::script::Drive;
use ir::{AttemptRecord, Usage};
use std::fmt::Write as _;
use std::time::Duration;

fn usage(usage: Usage) -> String {
    match usage {
        Usage::Unknown => "unknown".to_owned(),
        Usage::Estimated(tokens) => format!("about {}+{}", tokens.input, tokens.output),
        Usage::Exact(tokens) => format!("{}+{}", tokens.input, tokens.output),
    }
}

fn entry(attempt: &AttemptRecord) -> String {
    let ms = |at: Option<u64>| at.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let mut text = format!(
        "{} key {} at {} head {} content {} lasted {} status {} {}",
        attempt.target,
        attempt.credential,
        attempt.began_ms,
        ms(attempt.head_ms),
        ms(attempt.first_content_ms),
        attempt.lasted_ms,
        attempt.status.unwrap_or(0),
        attempt.outcome,
    );
    let blame = attempt.blame.unwrap_or("nobody");
    let id = attempt.upstream_id.as_deref().unwrap_or("-");
    let learnt = attempt.repair.as_ref().map_or_else(String::new, |word| format!(" ({word})"));
    let billed = if attempt.ambiguous_billing { " billed?" } else { "" };
    write!(text, " by {blame} id {id} usage {}{billed}{learnt}", usage(attempt.usage)).unwrap();
    text
}

#[track_caller]
fn check(plan: &str, script: &str, expect: &str) {
    let mut drive = Drive::new(plan);
    drive.play(script);
    let report = drive.exchange.report(drive.now);
    let mut found: Vec<String> = report.attempts.iter().map(entry).collect();
    let skipped: Vec<String> =
        report.skipped.iter().map(|(name, why)| format!("{name} {why}")).collect();
    found.push(format!(
        "{} {} of {} usage {} pings {} malformed {} content {} held {} total {} skipped {skipped:?} last {}",
        report.ending.word(),
        report.target.as_deref().unwrap_or("-"),
        report.preferred.as_deref().unwrap_or("-"),
        usage(report.usage),
        report.pings,
        report.malformed,
        report.first_content_ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string()),
        report.held_ms,
        report.total_ms,
        report.last_word.map_or("-", |word| word.class.word()),
    ));
    let expect: Vec<&str> = expect.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    assert_eq!(found, expect, "\n{plan}\n{script}");
}

#[test]
fn an_answer_with_exact_usage() {
    check(
        "a/x b/y c/z",
        "before 1s open a/x
         @100 0 fail 529 after=9s
         @300 1 head 200 req_7
         @350 1 start&usage:9:1
         @400 1 text
         @500 1 finish&usage:9:20
         @500 1 bad
         @501 1 end",
        "b/y key 0 at 0 head - content - lasted 100 status 529 overloaded by provider id - usage unknown
         c/z key 0 at 100 head 200 content 300 lasted 401 status 200 ok by nobody id req_7 usage 9+20
         answered c/z of a/x usage 9+20 pings 0 malformed 1 content 400 held 0 total 501 skipped [\"a/x open\"] last -",
    );
}

#[test]
fn an_answer_whose_usage_nobody_told() {
    check(
        "a/x",
        "@100 0 head 200\n@200 0 text\n@300 0 finish\n@301 0 end",
        "a/x key 0 at 0 head 100 content 200 lasted 301 status 200 ok by nobody id - usage unknown
         answered a/x of a/x usage unknown pings 0 malformed 0 content 200 held 0 total 301 skipped [] last -",
    );
}

#[test]
fn a_cut_answer_is_estimated_and_may_be_billed() {
    check(
        "a/x b/y",
        "@10 0 head 200\n@20 0 start&usage:9:1\n@30 0 text\n@40 0 text\n@50 0 text\n@60 0 cut",
        "a/x key 0 at 0 head 10 content 30 lasted 60 status 200 cut by provider id - usage about 9+3 billed?
         broken a/x of a/x usage about 9+3 pings 0 malformed 0 content 30 held 0 total 60 skipped [] last cut",
    );
}

#[test]
fn the_loser_may_be_billed_too() {
    check(
        "a/x b/y",
        "@10100 1 head 200\n@10200 1 text\n@10300 1 finish\n@10301 1 end",
        "a/x key 0 at 0 head - content - lasted 10200 status 0 lost by nobody id - usage unknown billed?
         b/y key 0 at 10000 head 100 content 200 lasted 301 status 200 ok by nobody id - usage unknown
         answered b/y of a/x usage unknown pings 0 malformed 0 content 10200 held 0 total 10301 skipped [] last -",
    );
}

#[test]
fn an_abandoned_one_is_estimated() {
    check(
        "a/x",
        "@10 0 head 200\n@20 0 text\n@30 0 text\n@9000 gone",
        "a/x key 0 at 0 head 10 content 20 lasted 9000 status 200 abandoned by nobody id - usage about 0+2 billed?
         abandoned a/x of a/x usage about 0+2 pings 0 malformed 0 content 20 held 0 total 9000 skipped [] last -",
    );
}

#[test]
fn what_was_never_reached_is_not_billed() {
    check(
        "a/x*2 b/y",
        "@10 0 fail refused\n@20 1 fail unprocessed\n@30 2 fail 401\n@40 3 fail 503 after=9s",
        "a/x key 0 at 0 head - content - lasted 10 status 0 unreachable by network id - usage unknown
         b/y key 0 at 10 head - content - lasted 10 status 0 unprocessed by provider id - usage unknown
         b/y key 0 at 20 head - content - lasted 10 status 401 unauthorized by gateway id - usage unknown
         failed - of a/x usage unknown pings 0 malformed 0 content - held 0 total 30 skipped [] last unreachable",
    );
}

#[test]
fn a_broken_whole_answer_names_its_server_and_its_error() {
    check(
        "a/x b/y whole",
        "@10 0 head 200 req_1\n@20 0 overflow\n@30 0 cut",
        "a/x key 0 at 0 head 10 content 20 lasted 30 status 200 cut by provider id req_1 usage unknown billed?
         broken a/x of a/x usage unknown pings 0 malformed 0 content 20 held 0 total 30 skipped [] last cut",
    );
}

#[test]
fn a_whole_answer_tells_its_usage() {
    check(
        "a/x whole",
        "@10 0 head 200\n@20 0 whole",
        "a/x key 0 at 0 head 10 content 20 lasted 20 status 200 ok by nobody id - usage 9+4
         answered a/x of a/x usage 9+4 pings 0 malformed 0 content 20 held 0 total 20 skipped [] last -",
    );
}

/// How long the answer of a script was held back at the longest.
#[track_caller]
fn held(plan: &str, script: &str, expect: u64) {
    let mut drive = Drive::new(plan);
    drive.play(script);
    assert_eq!(drive.exchange.report(drive.now).held_ms, expect, "{plan}\n{script}");
}

#[test]
fn the_longest_hold_is_of_what_was_shown_and_handed_over() {
    // Text leaves as it comes; the envelope before it shows nothing.
    held("a/x", "@10 0 start\n@900 0 text\n@2000 0 text\n@2010 0 finish&end", 0);
    // A call waits until it is closed, and text behind it with it.
    held("a/x", "@10 0 tool\n@40 0 args\n@90 0 /tool\n@95 0 finish&end", 80);
    held("a/x", "@10 0 text\n@20 0 tool\n@30 0 text:1\n@100 0 /tool\n@110 0 finish&end", 80);
    // The longer of two counts, and each from its own beginning.
    held(
        "a/x",
        "@10 0 tool:1\n@40 0 /tool:1\n@500 0 tool:2\n@520 0 /tool:2\n@530 0 finish&end",
        30,
    );
    // What was held of an attempt that failed was never handed over.
    held("a/x b/y", "@10 0 tool\n@1500 0 cut\n@1600 1 text\n@1610 1 finish&end", 0);
    held("a/x", "@10 0 text\n@20 0 tool\n@300 0 cut", 0);
    held("a/x", "@10 0 tool\n@300 gone", 0);
    // A whole answer is held from the first that is there of it to its end.
    held("a/x*watched whole", "@10 0 start\n@50 0 text\n@900 0 finish\n@950 0 end", 900);
    held("a/x whole", "@10 0 head 200\n@800 0 progress\n@850 0 progress\n@900 0 whole", 100);
    held("a/x whole", "@10 0 head 200\n@900 0 whole", 0);
    held("a/x whole", "@10 0 progress\n@60 0 overflow\n@900 0 chunk\n@910 0 eof", 50);
}

/// When the same target is asked again after its first failure, for many seeds.
#[test]
fn the_pause_before_the_same_again_is_full_jitter() {
    let pause = |seed: u64| {
        let mut drive = Drive::new(&format!("a/x seed={seed}"));
        drive.play("@0 0 fail 500\n@5000 1 fail 400");
        let second = &drive.exchange.report(drive.now).attempts[1];
        Duration::from_millis(second.began_ms)
    };
    let pauses: Vec<Duration> = (0..400).map(pause).collect();
    let (min, max) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
    assert!(*max <= Duration::from_millis(250), "{max:?}");
    assert!(
        *min < Duration::from_millis(10) && Duration::from_millis(240) < *max,
        "{min:?} {max:?}"
    );
}
