//! What a verdict may do to the board, and what undoes it.

use crate::{
    Admission, Board, Breakers, Class, Deadlines, Leg, Member, Outcome, Probed, ProviderId, Retries,
};
use ir::{Dialect, Time};
use std::sync::Arc;
use std::time::Duration;

/// Two remote providers and, as the third, one on this machine.
const HOSTS: [(&str, bool); 3] =
    [("one.example:443", false), ("two.example:443", false), ("127.0.0.1:11434", true)];
const REMOTE: usize = 0;
const OTHER: usize = 1;
const LOCAL: usize = 2;

struct Bench {
    board: Board,
    now: Time,
}

fn leg(provider: usize) -> Leg {
    Leg {
        provider: ProviderId(provider),
        model: Arc::from("m"),
        name: Arc::from("p/m"),
        dialect: Dialect::Chat,
        local: HOSTS[provider].1,
        caller_owned: false,
        credentials: 1,
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
        let member =
            |(host, local): (&str, bool)| Member { host: host.to_owned(), local, credentials: 1 };
        let members = HOSTS.map(member);
        let board = Board::new(&members, Breakers::default(), &Retries::default(), 3);
        Self { board, now: Time::ZERO + Duration::from_secs(1000) }
    }

    fn later(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now + Duration::from_secs(seconds);
        self
    }

    fn ends(&mut self, provider: usize, outcome: Outcome) -> &mut Self {
        let permit = self.board.force(self.now, &leg(provider));
        self.board.ended(self.now, &leg(provider), &permit, outcome);
        self
    }

    fn fails(&mut self, provider: usize, class: Class) -> &mut Self {
        self.ends(provider, Outcome::Failed(class, None))
    }

    fn declare(&mut self, seconds: u64) -> bool {
        self.board.declare_local(self.now, self.now + Duration::from_secs(seconds))
    }

    /// Whether it holds, once somebody has asked.
    fn is_declared(&mut self) -> bool {
        if let Admission::Go(permit) = self.board.enter(self.now, &leg(LOCAL)) {
            self.board.ended(self.now, &leg(LOCAL), &permit, Outcome::Cancelled);
        }
        assert_eq!(self.board.is_declared_local(), self.board.local_first());
        assert!(!self.board.network_down(), "nobody met that");
        self.board.is_declared_local()
    }

    fn down(&self) -> Vec<usize> {
        self.board.down(self.now).into_iter().map(|provider| provider.0).collect()
    }
}

#[test]
fn what_is_declared_spares_the_vendors_and_runs_out() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.fails(REMOTE, Class::Unreachable).fails(REMOTE, Class::ServerError);
    }
    assert_eq!(bench.down(), [REMOTE], "its host, and its breaker");
    bench.later(40);
    assert!(bench.declare(60) && bench.is_declared());
    assert_eq!(bench.down(), [REMOTE], "it has not proved right yet");
    for _ in 0..20 {
        bench.fails(REMOTE, Class::Unreachable).fails(OTHER, Class::DnsFailed);
    }
    assert_eq!(bench.down(), [REMOTE], "nobody else out there is to blame");
    for _ in 0..5 {
        bench.fails(LOCAL, Class::Unreachable);
    }
    assert_eq!(bench.down(), [REMOTE, LOCAL], "who runs here is");
    bench.later(59);
    assert!(bench.is_declared());
    bench.later(1);
    assert!(!bench.is_declared());
    assert!(bench.declare(3600) && bench.is_declared());
    bench.later(60);
    assert!(!bench.is_declared(), "a minute at most");
}

#[test]
fn it_is_renewed_by_each_verdict_and_lifted_by_the_first_remote_answer() {
    let mut bench = Bench::new();
    assert!(bench.declare(60));
    bench.later(50);
    assert!(bench.declare(60));
    bench.later(50);
    assert!(bench.is_declared());
    bench.ends(LOCAL, Outcome::Good);
    assert!(bench.is_declared(), "an answer from here says nothing");
    bench.fails(REMOTE, Class::Silent);
    assert!(bench.is_declared(), "nor does silence");
    bench.ends(OTHER, Outcome::Good);
    assert!(!bench.is_declared());
    assert!(!bench.declare(60), "it is not believed against traffic");
    bench.later(31);
    assert!(!bench.declare(60), "nor soon after it was wrong");
    bench.later(600);
    assert!(bench.declare(60));
    bench.fails(REMOTE, Class::Overloaded);
    assert!(!bench.is_declared(), "whoever refuses us was reached");
}

#[test]
fn a_free_probe_lifts_it_too() {
    let mut bench = Bench::new();
    assert!(bench.declare(60));
    let due: Vec<usize> = bench.board.probes_due(bench.now).iter().map(|it| it.0).collect();
    assert_eq!(due, [REMOTE, OTHER]);
    bench.board.probed(bench.now, ProviderId(REMOTE), Probed::Unanswered);
    assert!(bench.is_declared());
    bench.board.probed(bench.now, ProviderId(REMOTE), Probed::Well);
    assert!(!bench.is_declared());
}

#[test]
fn what_proved_right_is_forgiven_and_what_proved_wrong_is_not() {
    // Who is reached after how long, and how the probe before that ended, if there was any; and who is
    // down then: one that is down by itself stays so.
    let check = |after, (reached, before): (_, Option<Probed>), down: &[usize], believed_again| {
        let mut bench = Bench::new();
        for _ in 0..5 {
            bench.fails(REMOTE, Class::Unreachable).fails(REMOTE, Class::ServerError);
        }
        bench.fails(REMOTE, Class::Unreachable).later(40);
        assert!(bench.declare(60) && bench.is_declared());
        if let Some(before) = before {
            bench.board.probed(bench.now, ProviderId(reached), before);
            assert!(bench.is_declared());
        }
        bench.later(after);
        bench.board.probed(bench.now, ProviderId(reached), Probed::Well);
        assert!(!bench.is_declared());
        assert_eq!(bench.down(), down, "{reached} after {after} s, {before:?}");
        for _ in 0..4 {
            bench.later(35);
            let believed = bench.declare(60);
            assert_eq!(believed, believed_again, "{reached} after {after} s, {before:?}");
            if believed {
                break;
            }
            assert_eq!(bench.down(), down, "and nothing is sent there because of it");
        }
    };
    check(1, (OTHER, None), &[REMOTE], false);
    check(45, (OTHER, None), &[REMOTE], false);
    check(45, (OTHER, Some(Probed::Unwell)), &[REMOTE], false);
    check(45, (REMOTE, None), &[], true);
    // A host that nobody asks is lost where no probe is answered.
    check(45, (OTHER, Some(Probed::Unanswered)), &[], true);
    // It was right, and did not last.
    check(1, (OTHER, Some(Probed::Unanswered)), &[REMOTE], true);
    check(1, (REMOTE, None), &[REMOTE], true);
}

#[test]
fn who_is_asked_by_nobody_any_more_is_not_down() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        bench.fails(REMOTE, Class::ServerError);
    }
    assert_eq!(bench.down(), [REMOTE]);
    let other = Leg { model: Arc::from("other"), ..leg(REMOTE) };
    for minute in 1..=20 {
        bench.later(60);
        let permit = bench.board.force(bench.now, &other);
        bench.board.ended(bench.now, &other, &permit, Outcome::Good);
        assert_eq!(bench.down().is_empty(), 15 < minute, "after {minute} min");
    }
    assert!(!bench.board.standing(&leg(REMOTE)).closed, "it is still to prove itself");
    let _ = bench.board.enter(bench.now, &leg(REMOTE));
    assert_eq!(bench.down(), [REMOTE], "asked again, it is");
}
