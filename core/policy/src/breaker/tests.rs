//! Scripts under virtual time. `@10 bad*4 good = closed`: what happened at second 10, and how the
//! breaker stands after it. `enter` remembers its epoch under the letter behind it, `bad:a` is of it.

use super::{Breaker, Entry, Epoch, Sample};
use crate::{Breakers, rng::Rng};
use ir::Time;
use std::collections::BTreeMap;
use std::time::Duration;

struct Bench {
    breaker: Breaker,
    epochs: BTreeMap<String, Epoch>,
    rng: Rng,
    settings: Breakers,
}

impl Bench {
    fn new(seed: u64) -> Self {
        Self {
            breaker: Breaker::default(),
            epochs: BTreeMap::new(),
            rng: Rng::new(seed),
            settings: Breakers::default(),
        }
    }

    fn op(&mut self, now: Time, op: &str) {
        let (op, label) = op.split_once(':').unwrap_or((op, ""));
        let epoch = self.epochs.get(label).copied().unwrap_or_else(|| self.breaker.epoch());
        let Self { breaker, rng, settings, .. } = self;
        let mut sample = |kind| breaker.sample(now, (epoch, kind), settings, rng);
        match op {
            "good" => sample(Sample::Good),
            "bad" => sample(Sample::Bad),
            "broken" => sample(Sample::Broken),
            "throttled" => sample(Sample::Throttled),
            "missed" => breaker.missed(now, epoch, settings, rng),
            "proved" => breaker.proved(epoch),
            "released" => breaker.released(now, epoch),
            "wrong" => breaker.misconfigured(now),
            "forgive" => breaker.forgive(),
            "probe-good" => breaker.probed(now, true, rng),
            "probe-bad" => breaker.probed(now, false, rng),
            "enters" => {
                assert_eq!(breaker.enter(now, settings), Entry::Open, "at {now:?}");
                self.epochs.insert(label.to_owned(), self.breaker.epoch());
            }
            "proves" => {
                assert_eq!(breaker.enter(now, settings), Entry::Proving, "at {now:?}");
                self.epochs.insert(label.to_owned(), self.breaker.epoch());
            }
            "shut" => {
                let Entry::Shut(until) = breaker.enter(now, settings) else {
                    panic!("not shut at {now:?}");
                };
                assert!(now < until, "a time to come");
            }
            _ => panic!("not an operation: {op}"),
        }
    }
}

/// Whatever the jitter, the script holds.
#[track_caller]
fn check(script: &str) {
    for seed in 0..50 {
        let mut bench = Bench::new(seed);
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (ops, expect) = line.split_once('=').unwrap();
            let mut ops = ops.split_whitespace();
            let at = ops.next().unwrap().strip_prefix('@').unwrap();
            let now = Time::ZERO + Duration::from_secs_f64(at.parse().unwrap());
            for op in ops {
                let (op, times) = op.split_once('*').unwrap_or((op, "1"));
                (0..times.parse().unwrap()).for_each(|_| bench.op(now, op));
            }
            assert_eq!(bench.breaker.word(), expect.trim(), "{line} (seed {seed})");
        }
    }
}

#[test]
fn failures_in_a_row_open_it() {
    check(
        "@100 bad*4 = closed
         @101 good bad*4 = closed
         @102 bad = open
         @102 shut = open",
    );
}

#[test]
fn a_low_rate_opens_it_but_only_with_enough_requests() {
    check(
        "@100 bad*2 good bad*2 good bad*2 good = closed
         @101 bad = open",
    );
    check(
        "@100 good*14 bad*3 good bad*3 = closed
         @101 bad = open",
    );
}

#[test]
fn the_window_forgets() {
    check(
        "@100 bad*2 good bad*2 good bad*2 good = closed
         @140 bad = closed
         @141 bad*3 = closed",
    );
    check(
        "@100 bad*2 good bad*2 good bad*2 good = closed
         @126 bad = open",
    );
}

#[test]
fn a_rate_limit_counts_in_the_rate_only() {
    check(
        "@100 throttled*9 = closed
         @101 throttled = open",
    );
    check("@100 bad*4 throttled*4 good*8 = closed");
    check("@100 throttled*4 bad*4 throttled = closed");
}

#[test]
fn a_rate_limit_fails_a_trial_and_the_ramp() {
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a = trial
         @107 throttled:a released:a = open
         @107 shut = open",
    );
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a proved:a proves:b = ramp
         @107 throttled:b = open",
    );
}

#[test]
fn the_free_probe_gates_the_trial() {
    check(
        "@100 bad*5 = open
         @106 shut = open
         @200 shut probe-bad shut = open
         @201 probe-good = open
         @202.1 proves = trial",
    );
}

#[test]
fn a_probe_that_turns_good_ends_the_backoff() {
    // Several openings: a backoff of up to two minutes.
    let open = "@100 bad*5 probe-good = open
         @106 proves:a bad:a probe-good = open
         @120 proves:a bad:a probe-good = open
         @145 proves:a bad:a probe-good = open
         @190 proves:a bad:a = open";
    check(&format!("{open}\n@191 probe-bad = open\n@192 probe-good = open\n@193.1 proves = trial"));
}

#[test]
fn one_trial_at_a_time() {
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a shut*9 = trial
         @107 released:a = open
         @107 proves:b shut = trial
         @108 proved:b = ramp",
    );
}

#[test]
fn a_silent_trial_does_not_bar_the_way() {
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a = trial
         @115.9 shut*9 = trial
         @116.1 proves:b shut*9 = trial
         @117 proved:a = ramp
         @118 proved:b proves*4 shut = ramp",
    );
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a = trial
         @116.1 proves:b bad:a released:a = open
         @117 proved:b good:b = open",
    );
}

#[test]
fn the_ramp_doubles_with_every_success_and_fails_at_once() {
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a proved:a good:a = ramp
         @106 proves:r*2 shut = ramp
         @107 proved:r proves:r*3 shut = ramp
         @108 proved:r*4 = ramp
         @108 proved:r = closed",
    );
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a proved:a proves:r*2 = ramp
         @107 released:r proves:r shut = ramp
         @108 bad:r = open
         @108 released:r shut = open",
    );
}

#[test]
fn a_lone_user_is_back_at_once() {
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a proved:a good:a = ramp
         @110 proves:a proved:a good:a = ramp
         @120 proves:a proved:a good:a = ramp
         @130 proves:a proved:a good:a = ramp
         @140 proves:a proved:a good:a = ramp
         @150 proves:a proved:a good:a = ramp
         @160 proves:a proved:a good:a = closed
         @170 bad*4 = closed",
    );
}

#[test]
fn the_past_says_nothing_about_a_trial() {
    check(
        "@100 enters:old bad*5 probe-good = open
         @101 good:old = open
         @102 bad:old = open
         @106 proves:a bad:old shut = trial
         @107 proved:a bad:old throttled:old missed:old = ramp
         @108 released:old good:old proved:old = ramp
         @108 proves:r*2 shut = ramp",
    );
    // Nor does the proof of an earlier ramp.
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a proved:a proves:r bad = open
         @107 proved:r released:r = open
         @200 probe-good proves:b released:r proved:r shut = trial",
    );
}

#[test]
fn a_forced_success_while_open_begins_the_ramp() {
    check(
        "@100 bad*5 = open
         @101 good = ramp
         @101 proves*2 shut = ramp",
    );
    check(
        "@100 wrong = misconfigured
         @101 good = ramp",
    );
    // Forced while open, but a trial has begun since: it is the trial that finds out.
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a = trial
         @107 good:a = trial
         @108 proved:a = ramp",
    );
}

#[test]
fn forced_failures_change_nothing() {
    check(
        "@100 bad*5 = open
         @101 bad*9 throttled*9 = open
         @106 probe-good proves:a proved:a = ramp",
    );
}

#[test]
fn a_misconfigured_one_is_left_alone() {
    check(
        "@100 wrong = misconfigured
         @100 probe-good shut = misconfigured
         @399 shut = misconfigured
         @401 proves:a shut = trial
         @402 wrong released:a = misconfigured",
    );
}

#[test]
fn what_is_forgiven_is_forgotten() {
    check(
        "@100 bad*5 = open
         @101 forgive = closed
         @101 enters bad*4 = closed",
    );
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a forgive = closed
         @107 bad:a*9 released:a = closed",
    );
}

#[test]
fn one_that_did_not_even_reach_it_fails_the_trial_and_nothing_else() {
    check(
        "@100 missed*9 = closed
         @100 bad*5 missed = open
         @100 probe-good = open
         @106 proves:a missed:a released:a = open
         @106 shut = open",
    );
}

#[test]
fn under_load_the_backoff_is_cut_short() {
    let long = "@100 bad*5 probe-good = open
         @106 proves:a bad:a probe-good = open
         @120 proves:a bad:a probe-good = open
         @145 proves:a bad:a probe-good = open
         @190 proves:a bad:a probe-good = open";
    check(&format!("{long}\n@192 shut*40 = open\n@195.1 proves shut*40 = trial"));
    // Never before half of the first opening's time.
    check(&format!("{long}\n@192.4 shut*1000 = open"));
}

/// The times of trials, where each fails at once and nobody else asks.
fn backoffs(seed: u64) -> Vec<Duration> {
    let mut bench = Bench::new(seed);
    let mut now = Time::ZERO + Duration::from_secs(100);
    (0..5).for_each(|_| bench.op(now, "bad"));
    let mut waits = Vec::new();
    for _ in 0..10 {
        let opened = now;
        bench.op(now, "probe-good");
        loop {
            match bench.breaker.enter(now, &bench.settings) {
                Entry::Shut(until) => now = until,
                Entry::Proving => break,
                Entry::Open => panic!("it is open"),
            }
        }
        waits.push(now.since(opened));
        bench.op(now, "bad");
    }
    waits
}

#[test]
fn the_backoff_doubles_within_its_bounds_and_is_jittered() {
    let all: Vec<Vec<Duration>> = (0..200).map(backoffs).collect();
    for turn in 0..10 {
        // A shut door is asked again no sooner than half a probe period later.
        let floor = Duration::from_millis(2500);
        let ceiling = Duration::from_secs((5 << turn).min(120));
        let waits = || all.iter().map(|waits| waits[turn]);
        let max = waits().max().unwrap();
        assert!(max <= ceiling.max(floor), "turn {turn}: {max:?}");
        assert!(ceiling * 9 / 10 <= max, "turn {turn}: the whole range is used, not {max:?}");
        let mean = waits().sum::<Duration>() / 200;
        assert!(ceiling * 2 / 5 < mean && mean < ceiling * 7 / 10, "turn {turn}: mean {mean:?}");
    }
}

#[test]
fn a_full_recovery_resets_the_backoff() {
    check(
        "@100 bad*5 probe-good = open
         @106 proves:a bad:a probe-good = open
         @120 proves:a bad:a probe-good = open
         @145 proves:a proved:a proves:r*2 proved:r*2 proves:r*2 proved:r*3 proved:r = closed
         @150 bad*5 probe-good = open
         @155.1 proves = trial",
    );
}

#[test]
fn where_answers_broke_only_their_end_is_believed() {
    let mut bench = Bench::new(1);
    let now = Time::ZERO + Duration::from_secs(100);
    (0..5).for_each(|_| bench.op(now, "bad"));
    assert!(bench.breaker.believes_content());
    let mut bench = Bench::new(1);
    (0..5).for_each(|_| bench.op(now, "broken"));
    assert!(!bench.breaker.believes_content());
    // Back after the whole ramp, it believes again.
    bench.op(now + Duration::from_secs(6), "probe-good");
    bench.op(now + Duration::from_secs(6), "proves");
    (0..7).for_each(|_| bench.op(now + Duration::from_secs(7), "proved"));
    assert!(bench.breaker.is_closed() && bench.breaker.believes_content());
}

#[test]
fn load_does_not_bring_forward_a_trial_that_costs_an_answer() {
    let turned_away = |word: &str| {
        let away = |seed: &u64| {
            let mut bench = Bench::new(*seed);
            let at = |seconds| Time::ZERO + Duration::from_secs_f64(seconds);
            (0..5).for_each(|_| bench.op(at(100.0), word));
            // Its second opening may last ten seconds.
            for op in ["probe-good", "proves", word, "probe-good"] {
                bench.op(at(106.0), op);
            }
            let settings = bench.settings;
            let mut enters = |seconds| bench.breaker.enter(at(seconds), &settings);
            (0..40).for_each(|_| {
                enters(106.0);
            });
            matches!(enters(111.2), Entry::Shut(_))
        };
        (0..50).filter(away).count()
    };
    assert_eq!(turned_away("bad"), 0, "one of those turned away finds out");
    assert!((10..40).contains(&turned_away("broken")), "its own time rules");
}

#[test]
fn an_answer_that_broke_weighs_thrice() {
    check(
        "@100 good*9 broken = closed
         @101 good*5 broken = closed
         @102 broken = open",
    );
}
