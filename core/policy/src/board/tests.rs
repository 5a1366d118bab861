//! The board under virtual time: hosts, the local network, credentials, probes, limits, permits.

use super::{Admission, Board, Member, Outcome, Permit, Probed, TARGETS_MAX};
use crate::{Breakers, Class, Deadlines, Leg, ProviderId, Retries, Turn};
use ir::{Dialect, Time};
use std::sync::Arc;
use std::time::Duration;

/// `a` with three credentials and `b`, remote; `c`, local; `d`, remote, on the host of `a`.
struct Bench {
    board: Board,
    now: Time,
}

const PROVIDERS: &[(&str, &str, bool, usize)] = &[
    ("a", "one.example:443", false, 3),
    ("b", "two.example:443", false, 1),
    ("c", "127.0.0.1:11434", true, 0),
    ("d", "one.example:443", false, 1),
    ("e", "three.example:443", false, 1),
];

fn leg(name: &str) -> Leg {
    let (name, own) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
    let (provider, model) = name.split_once('/').unwrap();
    let at = PROVIDERS.iter().position(|row| row.0 == provider).unwrap();
    Leg {
        provider: ProviderId(at),
        model: Arc::from(model),
        name: Arc::from(name),
        dialect: Dialect::Chat,
        local: PROVIDERS[at].2,
        caller_owned: own,
        credentials: PROVIDERS[at].3,
        only: None,
        thinking: false,
        crossed: false,
        watched: false,
        prefill: false,
        codes: &[],
        deadlines: Deadlines::default(),
    }
}

impl Bench {
    fn new() -> Self {
        Self::with(4)
    }

    /// And `e`, on a third remote host.
    fn wide() -> Self {
        Self::with(5)
    }

    fn with(count: usize) -> Self {
        let member = |row: &(&str, &str, bool, usize)| Member {
            host: row.1.to_owned(),
            local: row.2,
            credentials: row.3,
        };
        let members: Vec<Member> = PROVIDERS.iter().take(count).map(member).collect();
        let board = Board::new(&members, Breakers::default(), &Retries::default(), 3);
        Self { board, now: Time::ZERO + Duration::from_secs(1000) }
    }

    fn later(&mut self, seconds: f64) -> &mut Self {
        self.now = self.now + Duration::from_secs_f64(seconds);
        self
    }

    /// `go`, `go 1` (the credential), `prove`, or why not.
    fn asks(&mut self, name: &str) -> String {
        let leg = leg(name);
        match self.board.enter(self.now, &leg) {
            Admission::Go(permit) => {
                let said = match (permit.proving, leg.credentials) {
                    (true, _) => "prove".to_owned(),
                    (false, 0 | 1) => "go".to_owned(),
                    (false, _) => format!("go {}", permit.credential),
                };
                self.board.ended(self.now, &leg, &permit, Outcome::Cancelled);
                said
            }
            Admission::Shut(until, why) => {
                assert!(self.now < until, "a time to come");
                why.word().to_owned()
            }
        }
    }

    #[track_caller]
    fn check(&mut self, asked: &[(&str, &str)]) -> &mut Self {
        for (name, expect) in asked {
            assert_eq!(self.asks(name), *expect, "{name}");
        }
        self
    }

    fn begins(&mut self, name: &str) -> Permit {
        match self.board.enter(self.now, &leg(name)) {
            Admission::Go(permit) => permit,
            Admission::Shut(_, why) => panic!("{name} is shut: {why:?}"),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a permit comes back once")]
    fn ends(&mut self, name: &str, permit: Permit, outcome: Outcome) -> &mut Self {
        self.board.ended(self.now, &leg(name), &permit, outcome);
        self
    }

    /// An attempt that began, whatever health says, fails.
    fn fails(&mut self, name: &str, word: &str, wait: Option<f64>) -> &mut Self {
        let permit = self.board.force(self.now, &leg(name));
        let class = Class::from_word(word).unwrap();
        self.ends(name, permit, Outcome::Failed(class, wait.map(Duration::from_secs_f64)))
    }

    fn fails_times(&mut self, name: &str, word: &str, times: usize) -> &mut Self {
        (0..times).for_each(|_| {
            self.fails(name, word, None);
        });
        self
    }

    fn answers(&mut self, name: &str) -> &mut Self {
        let permit = self.board.force(self.now, &leg(name));
        self.ends(name, permit, Outcome::Good)
    }

    fn probes(&mut self) -> String {
        let due = self.board.probes_due(self.now);
        due.iter().map(|provider| PROVIDERS[provider.0].0).collect()
    }

    fn probed(&mut self, provider: &str, reached: bool) -> &mut Self {
        let at = PROVIDERS.iter().position(|row| row.0 == provider).unwrap();
        let probed = if reached { Probed::Well } else { Probed::Unanswered };
        self.board.probed(self.now, ProviderId(at), probed);
        self
    }
}

#[test]
fn targets_fail_apart() {
    let mut bench = Bench::new();
    bench.fails_times("a/x", "server_error", 5).check(&[("a/x", "open"), ("a/y", "go 0")]);
    assert!(!bench.board.standing(&leg("a/x")).closed);
    assert!(bench.board.standing(&leg("a/y")).closed);
    assert_eq!(bench.board.unwell().len(), 1);
}

#[test]
fn a_callers_mistakes_open_nothing() {
    let mut bench = Bench::new();
    for row in crate::ROWS.iter().filter(|row| row.blame == ir::Blame::Caller) {
        bench.fails_times("b/x", row.word, 50);
    }
    bench.check(&[("b/x", "go")]);
}

#[test]
fn credentials_take_turns() {
    let mut bench = Bench::new();
    bench.check(&[("a/x", "go 0"), ("a/x", "go 1"), ("a/y", "go 2"), ("a/x", "go 0")]);
}

#[test]
fn a_rate_limit_parks_the_credential_until_its_reset() {
    let mut bench = Bench::new();
    bench.fails("a/x", "rate_limited", Some(20.0));
    bench.check(&[("a/x", "go 1"), ("a/x", "go 2"), ("a/x", "go 1")]);
    bench.fails("a/x", "rate_limited", Some(20.0)).fails("a/x", "rate_limited", Some(8.0));
    bench.check(&[("a/x", "parked"), ("a/y", "parked"), ("d/x", "go")]);
    assert!(!bench.board.has_credential(bench.now, &leg("a/x")));
    bench.later(7.9).check(&[("a/x", "parked")]);
    bench.later(0.2).check(&[("a/x", "go 2")]);
    bench.later(12.0).check(&[("a/x", "go 0"), ("a/x", "go 1")]);
}

#[test]
fn a_rate_limit_without_a_word_parks_for_a_while() {
    let mut bench = Bench::new();
    bench.fails("b/x", "rate_limited", None).check(&[("b/x", "parked")]);
    bench.later(5.1).check(&[("b/x", "go")]);
}

#[test]
fn a_refused_credential_is_out_for_a_minute_and_a_quota_until_its_reset() {
    let mut bench = Bench::new();
    bench.fails("b/x", "unauthorized", Some(1.0)).check(&[("b/x", "parked"), ("b/y", "parked")]);
    bench.later(59.0).check(&[("b/x", "parked")]);
    bench.later(1.1).check(&[("b/x", "go")]);
    bench.fails("b/x", "quota", Some(600.0)).later(599.0).check(&[("b/x", "parked")]);
    bench.later(1.1).check(&[("b/x", "go")]);
    // Nobody is believed for more than an hour.
    bench.fails("b/x", "quota", Some(86_000.0)).later(3601.0).check(&[("b/x", "go")]);
}

#[test]
fn all_out_the_one_that_is_back_first_is_forced() {
    let mut bench = Bench::new();
    for wait in [30.0, 10.0, 20.0] {
        bench.fails("a/x", "rate_limited", Some(wait));
    }
    let permit = bench.board.force(bench.now, &leg("a/x"));
    assert_eq!(permit.credential, 1);
    bench.ends("a/x", permit, Outcome::Cancelled);
}

#[test]
fn what_one_account_keeps_is_asked_of_no_other() {
    let mut bench = Bench::new();
    let only = |credential| Leg { only: Some(credential), ..leg("a/x") };
    let entered = |bench: &mut Bench, leg: &Leg| match bench.board.enter(bench.now, leg) {
        Admission::Go(permit) => {
            bench.board.ended(bench.now, leg, &permit, Outcome::Cancelled);
            Ok(permit.credential)
        }
        Admission::Shut(_, why) => Err(why.word()),
    };
    for (credential, expect) in [(1, Ok(1)), (1, Ok(1)), (0, Ok(0)), (2, Ok(2))] {
        assert_eq!(entered(&mut bench, &only(credential)), expect);
    }
    // It rests, or it is not there: the others are well, and are not asked.
    bench.fails("a/x", "rate_limited", Some(20.0));
    for (credential, expect) in [(0, Err("parked")), (1, Ok(1)), (3, Err("parked"))] {
        let leg = only(credential);
        assert_eq!(entered(&mut bench, &leg), expect, "{credential}");
        assert_eq!(bench.board.has_credential(bench.now, &leg), expect.is_ok(), "{credential}");
        let forced = bench.board.force(bench.now, &leg);
        assert_eq!(forced.credential, credential);
        bench.board.ended(bench.now, &leg, &forced, Outcome::Cancelled);
    }
}

#[test]
fn what_is_the_callers_own_is_never_kept() {
    let mut bench = Bench::new();
    for word in ["unauthorized", "forbidden", "quota", "no_credit", "not_found", "rate_limited"] {
        for _ in 0..20 {
            bench.fails("b/x!", word, Some(60.0));
        }
    }
    bench.check(&[("b/x", "go"), ("b/x!", "go")]);
    assert!(!bench.board.has_credential(bench.now, &leg("b/x!")));
    // Nor does our own parked key keep the caller's out.
    bench.fails("b/x", "unauthorized", None).check(&[("b/x", "parked"), ("b/x!", "go")]);
    // What is the target's own fault counts, whoever's key it was.
    bench.fails_times("b/x!", "server_error", 5).check(&[("b/x!", "open")]);
}

#[test]
fn a_target_that_asks_to_be_left_alone_is() {
    let mut bench = Bench::new();
    bench.fails("b/x", "overloaded", Some(20.0)).check(&[("b/x", "cooling"), ("b/y", "go")]);
    bench.later(20.1).check(&[("b/x", "go")]);
    // For ten minutes at most.
    bench.fails("b/x", "unavailable", Some(80_000.0)).later(601.0).check(&[("b/x", "go")]);
}

#[test]
fn a_host_opens_for_everybody_on_it_and_closes_when_it_is_reached() {
    let mut bench = Bench::new();
    bench.fails_times("a/x", "tls_handshake", 4).check(&[("a/x", "go 0")]);
    bench.fails("a/y", "tls_handshake", None);
    bench.check(&[("a/x", "host_down"), ("a/z", "host_down"), ("d/x", "host_down"), ("b/x", "go")]);
    assert!(!bench.board.standing(&leg("d/x")).closed);
    assert!(bench.board.unwell().is_empty(), "no target is to blame");
    let down: Vec<&str> = bench.board.hosts().filter(|(_, up)| !up).map(|(host, _)| host).collect();
    assert_eq!((down, bench.board.hosts().count()), (vec!["one.example:443"], 3));
    bench.probed("d", true).check(&[("a/x", "go 1"), ("d/x", "go")]);
}

#[test]
fn an_open_host_lets_one_in_at_a_time() {
    let mut bench = Bench::new();
    bench.fails_times("b/x", "unreachable", 5).later(5.1);
    let permit = bench.begins("b/x");
    assert!(permit.proving);
    bench.check(&[("b/x", "host_down"), ("b/y", "host_down")]);
    bench.ends("b/x", permit, Outcome::Failed(Class::Unreachable, None));
    bench.later(10.1);
    let permit = bench.begins("b/y");
    bench.ends("b/y", permit, Outcome::Cancelled).check(&[("b/x", "prove")]);
    let mut permit = bench.begins("b/x");
    let now = bench.now;
    bench.board.alive(now, &leg("b/x"), &mut permit, None);
    bench.ends("b/x", permit, Outcome::Good).check(&[("b/x", "go"), ("b/y", "go")]);
}

#[test]
fn what_was_under_way_when_a_host_opened_does_not_prolong_it() {
    let mut bench = Bench::new();
    bench.fails_times("b/x", "unreachable", 60).later(5.1).check(&[("b/x", "prove")]);
}

#[test]
fn an_answer_resets_a_hosts_run_and_a_silence_does_not() {
    let mut bench = Bench::new();
    bench.fails_times("b/x", "unreachable", 4).fails("b/x", "invalid_request", None);
    bench.fails_times("b/x", "unreachable", 4).check(&[("b/x", "go")]);
    bench.fails("b/x", "silent", None).fails("b/x", "unreachable", None);
    bench.check(&[("b/x", "host_down")]);
}

#[test]
fn a_trial_that_does_not_reach_its_host_fails() {
    let mut bench = Bench::new();
    bench.fails_times("b/x", "server_error", 5).probed("b", true).later(5.1);
    let permit = bench.begins("b/x");
    bench.ends("b/x", permit, Outcome::Failed(Class::Unreachable, None)).check(&[("b/x", "open")]);
}

#[test]
fn two_remote_hosts_unreached_at_once_are_the_local_network() {
    for (one, other) in [
        ("dns_not_found", "dns_failed"),
        ("unreachable", "unreachable"),
        ("certificate", "tls_handshake"),
        ("certificate", "dns_failed"),
    ] {
        let mut bench = Bench::new();
        bench.fails_times("a/x", "server_error", 5).fails("c/x", "unreachable", None);
        bench.later(0.001).fails_times("a/x", one, 3);
        assert!(!bench.board.network_down(), "one remote host, and a local one");
        bench.fails("d/x", one, None);
        assert!(!bench.board.network_down(), "another provider on the same host");
        bench.later(29.0).fails("b/x", other, None);
        assert!(bench.board.network_down(), "{one}, {other}");
        bench.fails_times("a/x", one, 20).fails_times("b/x", other, 20);
        bench.check(&[("a/x", "go 0"), ("b/x", "go"), ("c/x", "go")]);
        assert!(bench.board.unwell().is_empty(), "no vendor's breaker opens");
        bench.answers("c/x");
        assert!(bench.board.network_down(), "a local answer says nothing");
        bench.answers("b/x");
        assert!(!bench.board.network_down(), "one answer from out there is enough");
    }
}

#[test]
fn it_is_not_the_local_network() {
    // Not within the same half minute.
    let mut bench = Bench::new();
    bench.fails("a/x", "unreachable", None).later(31.0).fails("b/x", "unreachable", None);
    assert!(!bench.board.network_down());
    // A host was reached in between.
    let mut bench = Bench::new();
    bench.fails("a/x", "unreachable", None).later(1.0).answers("b/x");
    bench.later(1.0).fails("b/x", "unreachable", None);
    assert!(!bench.board.network_down());
    bench.later(1.0).fails("a/x", "unreachable", None);
    assert!(!bench.board.network_down(), "one of them failed before");
    // Somebody else was reached a moment ago, and two others stay down for long.
    let mut bench = Bench::wide();
    for _ in 0..100 {
        bench.later(0.5).fails("e/x", "unavailable", None);
        bench.later(0.01).fails("a/x", "unreachable", None).fails("b/x", "unreachable", None);
        assert!(!bench.board.network_down());
    }
    // One that is down for long says nothing; two that begin to fail together do.
    bench.answers("b/x").answers("e/x").later(5.0).fails("b/x", "dns_failed", None);
    assert!(!bench.board.network_down());
    bench.later(0.1).fails("e/x", "dns_failed", None);
    assert!(bench.board.network_down());
    // An error answer is an answer.
    let mut bench = Bench::new();
    bench.fails("a/x", "unreachable", None).later(1.0).fails("b/x", "overloaded", None);
    bench.later(1.0).fails("b/x", "unreachable", None);
    assert!(!bench.board.network_down());
    // Whoever says that it is there and nothing else is known once it lost our patience.
    let mut bench = Bench::wide();
    let mut permit = bench.begins("a/x");
    bench.fails("b/x", "unreachable", None).later(0.1);
    permit.heard(bench.now);
    bench.later(10.0);
    bench.board.slow(bench.now, &leg("a/x"), &mut permit);
    bench.fails("e/x", "unreachable", None);
    assert!(!bench.board.network_down());
    bench.ends("a/x", permit, Outcome::Cancelled);
    // One of them was only probed.
    let mut bench = Bench::new();
    bench.probed("a", false).fails("b/x", "unreachable", None);
    assert!(!bench.board.network_down());
    // A page of HTML is somebody's answer, a captive portal's perhaps: no unreached host.
    let mut bench = Bench::new();
    bench.fails("a/x", "wrong_content", None).fails("b/x", "wrong_content", None);
    assert!(!bench.board.network_down());
}

#[test]
fn cuts_and_silences_do_not_hide_a_network_that_is_down() {
    let mut bench = Bench::new();
    bench.fails("a/x", "unreachable", None).later(1.0);
    for word in ["cut", "silent", "stalled", "reset", "stale"] {
        bench.fails("b/x", word, None);
    }
    // What was heard before says nothing about now.
    let mut permit = bench.board.force(Time::ZERO, &leg("b/x"));
    permit.heard(Time::ZERO + Duration::from_mins(15));
    bench.ends("b/x", permit, Outcome::Failed(Class::Cut, None));
    bench.later(1.0).fails("b/x", "unreachable", None);
    assert!(bench.board.network_down());
}

#[test]
fn probes_are_due_once_per_period_for_those_who_wait_for_them() {
    let mut bench = Bench::new();
    assert_eq!(bench.probes(), "");
    bench.fails_times("a/x", "server_error", 5).fails_times("a/y", "server_error", 5);
    assert_eq!(bench.probes(), "a");
    assert_eq!(bench.later(4.9).probes(), "");
    assert_eq!(bench.later(0.2).probes(), "a");
    bench.probed("a", true);
    assert_eq!(bench.later(60.0).probes(), "", "it is ready for its trial");
    bench.fails_times("b/x", "unreachable", 5);
    assert_eq!(bench.probes(), "b", "an open host");
    assert_eq!(bench.probed("b", false).later(5.0).probes(), "b");
    bench.probed("b", true);
    assert_eq!(bench.later(5.0).probes(), "");
}

#[test]
fn while_the_network_is_down_what_failed_is_probed() {
    let mut bench = Bench::new();
    bench.fails("a/x", "unreachable", None).fails("b/x", "unreachable", None);
    assert_eq!(bench.probes(), "abd");
    assert_eq!(bench.probed("a", false).probed("b", false).later(5.0).probes(), "abd");
    bench.probed("b", true);
    assert!(!bench.board.network_down());
    assert_eq!(bench.later(5.0).probes(), "");
}

#[test]
fn lost_patience_counts_once_per_attempt() {
    let mut bench = Bench::new();
    let mut permits: Vec<Permit> = (0..4).map(|_| bench.begins("b/x")).collect();
    let now = bench.now;
    for permit in &mut permits {
        bench.board.slow(now, &leg("b/x"), permit);
        bench.board.slow(now, &leg("b/x"), permit);
    }
    for permit in permits {
        bench.ends("b/x", permit, Outcome::Failed(Class::Silent, None));
    }
    assert_eq!(bench.board.standing(&leg("b/x")).run, 4);
    bench.check(&[("b/x", "go")]);
}

#[test]
fn what_began_before_the_outage_neither_prolongs_nor_ends_it() {
    let mut bench = Bench::new();
    let (one, mut two, other) = (bench.begins("b/x"), bench.begins("b/x"), bench.begins("b/x"));
    bench.fails_times("b/x", "server_error", 5).probed("b", true).later(1.0);
    bench.ends("b/x", one, Outcome::Good).check(&[("b/x", "open")]);
    bench.later(5.0);
    let mut trial = bench.begins("b/x");
    let now = bench.now;
    bench.board.slow(now, &leg("b/x"), &mut two);
    bench.ends("b/x", other, Outcome::Failed(Class::Silent, None));
    bench.check(&[("b/x", "trial")]);
    bench.board.alive(now, &leg("b/x"), &mut trial, None);
    bench.ends("b/x", trial, Outcome::Good).ends("b/x", two, Outcome::Failed(Class::Silent, None));
    bench.check(&[("b/x", "prove")]);
}

#[test]
fn the_pace_is_learnt() {
    let mut bench = Bench::new();
    for ms in [100, 200, 300, 400, 500, 600, 700, 800] {
        let mut permit = bench.begins("b/x");
        let now = bench.now;
        bench.board.alive(now, &leg("b/x"), &mut permit, Some(Duration::from_millis(ms)));
        bench.ends("b/x", permit, Outcome::Good);
    }
    let p95 = bench.board.standing(&leg("b/x")).p95;
    assert_eq!(p95, Some(Duration::from_millis(800)));
    assert_eq!(bench.board.standing(&leg("b/y")).p95, None);
}

#[test]
fn who_is_slow_is_passed_over_for_who_is_not() {
    let mut bench = Bench::new();
    let thinking = |name: &str| Leg { thinking: true, ..leg(name) };
    let paced = |bench: &mut Bench, leg: &Leg, times: usize, ms: u64| {
        for _ in 0..times {
            let mut permit = bench.board.force(bench.now, leg);
            bench.board.alive(bench.now, leg, &mut permit, Some(Duration::from_millis(ms)));
            bench.board.ended(bench.now, leg, &permit, Outcome::Good);
        }
    };
    let turn = |bench: &mut Bench, leg: &Leg, other: &Leg| {
        bench.board.turn(bench.now, leg, &mut [other.clone()].iter(), true)
    };
    let (a, b) = (leg("a/x"), leg("b/x"));
    paced(&mut bench, &a, 32, 400);
    assert_eq!(bench.board.standing(&a).late, Some(Duration::from_millis(1200)));
    bench.later(10.0);
    paced(&mut bench, &a, 16, 4000);
    assert_eq!(turn(&mut bench, &a, &b), Turn::Over);
    assert_eq!(turn(&mut bench, &b, &a), Turn::Usual, "nothing is known against it");
    assert_eq!(turn(&mut bench, &thinking("a/x"), &b), Turn::Usual, "that is another pace");
    assert_eq!(turn(&mut bench, &leg("a/y"), &b), Turn::Usual, "and another model");
    assert_eq!(turn(&mut bench, &a, &leg("c/x")), Turn::Usual, "a small one on this machine");
    assert_eq!(bench.board.turn(bench.now, &a, &mut [].iter(), true), Turn::Usual, "the last one");
    paced(&mut bench, &b, 40, 3000);
    assert_eq!(turn(&mut bench, &a, &b), Turn::Usual, "it is no faster");
    paced(&mut bench, &b, 40, 500);
    assert_eq!(turn(&mut bench, &a, &b), Turn::Over);
    bench.fails_times("b/x", "server_error", 5);
    assert_eq!(turn(&mut bench, &a, &b), Turn::Usual, "it is down");
}

#[test]
fn one_that_measures_may_lose_patience() {
    let mut bench = Bench::new();
    for _ in 0..8 {
        let mut permit = bench.begins("b/x");
        permit.measures = true;
        bench.board.slow(bench.now, &leg("b/x"), &mut permit);
        bench.ends("b/x", permit, Outcome::Cancelled);
    }
    bench.check(&[("b/x", "go")]);
}

#[test]
fn an_answer_after_our_patience_is_no_better_for_having_come() {
    let mut bench = Bench::new();
    let name = "b/x";
    for nth in 0..20 {
        bench.later(0.5);
        let mut permit = bench.begins(name);
        if nth % 3 == 0 {
            bench.board.slow(bench.now, &leg(name), &mut permit);
        }
        bench.ends(name, permit, Outcome::Good);
        if !bench.board.standing(&leg(name)).closed {
            return;
        }
    }
    panic!("a third of them was too slow, and its breaker is closed");
}

#[test]
fn where_answers_broke_content_proves_nothing() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        let mut permit = bench.begins("b/x");
        bench.board.alive(bench.now, &leg("b/x"), &mut permit, None);
        bench.ends("b/x", permit, Outcome::Failed(Class::Cut, None));
    }
    bench.later(6.0).probed("b", true);
    let mut trial = bench.begins("b/x");
    bench.board.alive(bench.now, &leg("b/x"), &mut trial, None);
    assert!(trial.proving, "it is not over");
    bench.check(&[("b/x", "trial")]);
    bench.ends("b/x", trial, Outcome::Good).check(&[("b/x", "prove")]);
}

#[test]
fn no_more_targets_are_remembered_than_may_be() {
    let mut bench = Bench::new();
    bench.fails_times("b/kept", "server_error", 5).later(1.0);
    for number in 0..3 * TARGETS_MAX {
        bench.answers(&format!("b/{number}")).later(0.001);
        assert!(bench.board.targets.len() <= TARGETS_MAX);
    }
    bench.later(120.0).answers("b/one-more");
    bench.check(&[("b/kept", "open")]);
    // Even where every one of them is open.
    for number in 0..2 * TARGETS_MAX {
        bench.fails_times(&format!("b/{number}"), "server_error", 5).later(0.001);
        assert!(bench.board.targets.len() <= TARGETS_MAX);
    }
}

#[test]
fn every_permit_comes_back() {
    let mut bench = Bench::new();
    let permits: Vec<Permit> = (0..9).map(|_| bench.begins("b/x")).collect();
    assert_eq!(bench.board.permits(), 9);
    for permit in permits {
        bench.ends("b/x", permit, Outcome::Cancelled);
    }
    assert_eq!(bench.board.permits(), 0);
}

#[test]
fn an_empty_answer_ends_a_trial_well() {
    let mut bench = Bench::new();
    bench.fails_times("b/x", "server_error", 5).probed("b", true).later(5.1);
    let permit = bench.begins("b/x");
    bench.ends("b/x", permit, Outcome::Good).check(&[("b/x", "prove"), ("b/x", "prove")]);
    assert_eq!(bench.board.unwell()[0].2, "ramp");
}

#[test]
fn whoever_sent_a_head_was_there_then() {
    let mut bench = Bench::new();
    bench.fails("a/x", "unreachable", None).later(1.0);
    let mut permit = bench.begins("b/x");
    permit.heard(bench.now);
    bench.later(1.0).ends("b/x", permit, Outcome::Failed(Class::Cut, None));
    bench.fails("b/x", "unreachable", None);
    assert!(!bench.board.network_down());
}

#[test]
fn providers_come_and_go() {
    let mut bench = Bench::with(2);
    bench.fails_times("a/x", "server_error", 5).fails_times("b/y", "unreachable", 5);
    bench.check(&[("a/x", "open"), ("b/y", "host_down")]);
    let under_way = bench.begins("a/other");
    // `b` leaves, with all that is known of it; whoever comes next has its id, and a clean slate.
    assert_eq!(bench.board.leave_all_but(&[ProviderId(0)]), [ProviderId(1)]);
    assert_eq!(bench.board.leave_all_but(&[ProviderId(0)]), []);
    let member = |host: &str| Member { host: host.to_owned(), local: false, credentials: 1 };
    assert_eq!(bench.board.join(&member("two.example:443")), ProviderId(1));
    bench.check(&[("a/x", "open"), ("b/y", "go")]);
    // A host stays while somebody lives there.
    assert_eq!(bench.board.join(&member("one.example:443")), ProviderId(2));
    bench.fails_times("a/x", "unreachable", 5);
    assert_eq!(bench.board.leave_all_but(&[ProviderId(1), ProviderId(2)]), [ProviderId(0)]);
    assert_eq!(bench.asks("c/z"), "host_down");
    bench.ends("a/other", under_way, Outcome::Cancelled);
    assert_eq!(bench.board.permits(), 0);
}
