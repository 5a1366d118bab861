//! Scripts in, actions out, under virtual time. The cases stand in `tests/*.txt`, one file per
//! concern, in the language of [`script`].

mod laws;
mod report;
mod script;

use script::Drive;

#[track_caller]
fn check(plan: &str, script: &str, expect: &str) {
    let found = Drive::new(plan).run(script);
    assert_eq!(found.trim(), expect.trim(), "\nplan: {plan}\n{script}\nfound:\n{found}\n");
}

/// Runs every case of a file: `# what it shows`, the plan, the script, `---`, what was done.
fn check_all(cases: &str) {
    let blocks = cases.split("\n# ").skip(1);
    let mut wrong = Vec::new();
    let mut count = 0;
    for block in blocks {
        let (title, rest) = block.split_once('\n').unwrap();
        let (given, expect) = rest.split_once("---\n").unwrap();
        let (plan, script) = given.split_once('\n').unwrap();
        count += 1;
        let case = std::panic::AssertUnwindSafe(|| check(plan, script, expect));
        if std::panic::catch_unwind(case).is_err() {
            wrong.push(title);
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases: {wrong:#?}", wrong.len());
}

macro_rules! cases {
    ($($name:ident $file:literal;)*) => {
        $(#[test]
        fn $name() {
            check_all(include_str!(concat!("tests/", $file)));
        })*
    };
}

cases! {
    failover "failover.txt";
    the_same_again "again.txt";
    silence "silence.txt";
    the_hold "hold.txt";
    keep_alive "ping.txt";
    after_the_commit "committed.txt";
    going_on "resume.txt";
    whole_answers "whole.txt";
    watched_answers "watched.txt";
    what_refusals_teach "repair.txt";
    known_health "health.txt";
    slow_targets "slow.txt";
    the_last_word "last_word.txt";
    the_caller_leaves "gone.txt";
    the_gateway_stops "stop.txt";
}
