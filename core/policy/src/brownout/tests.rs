//! Brown-outs under virtual time: a pace by the second, and how it is judged.

use super::{Brownout, Turn};
use ir::Time;
use std::time::Duration;

/// Plays a script and says what turns came of it.
///
/// ```text
/// 10 x 400ms for 20s      ten requests a second, each with its first content after so long; none passed over
/// pass 10 x 4s for 60s    the same where another is well and faster: how many were sent all the same
/// quiet 10m               nobody asks
/// ```
struct Play {
    brownout: Brownout,
    now: Time,
}

fn duration(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap()
}

// === impl Play ===

impl Play {
    fn new() -> Self {
        Self { brownout: Brownout::default(), now: Time::ZERO + Duration::from_hours(1) }
    }

    fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["quiet", time] => self.now = self.now + duration(time),
            ["pass", rate, "x", first, "for", time] => {
                return self.lives(rate.parse().unwrap(), first, duration(time), true);
            }
            [rate, "x", first, "for", time] => {
                self.lives(rate.parse().unwrap(), first, duration(time), false);
            }
            _ => panic!("not a line: {line}"),
        }
        if self.brownout.is_slow() { "slow".to_owned() } else { "brisk".to_owned() }
    }

    /// Requests at a rate, their news in the order of time. The times of first contents take turns
    /// (`400ms,4s`).
    fn lives(&mut self, rate: u32, first: &str, during: Duration, pass: bool) -> String {
        let firsts: Vec<Duration> = first.split(',').map(duration).collect();
        let (every, end) = (Duration::from_secs(1) / rate, self.now + during);
        let (mut asked, mut sent, mut over) = (0_usize, 0_usize, 0_usize);
        // When what is said of which request: it is late, or shows its content.
        let mut news: Vec<(Time, Time, Option<bool>)> = Vec::new();
        let mut next = self.now;
        loop {
            news.sort_unstable();
            let due = news.first().map(|(at, _, _)| *at).filter(|at| *at <= next);
            if let Some(at) = due {
                let (_, began, shows) = news.remove(0);
                match shows {
                    Some(told) => self.brownout.note(at, at.since(began), told),
                    None => self.brownout.late(at, at.since(began)),
                }
                continue;
            }
            if end <= next {
                break;
            }
            self.now = next;
            next = next + every;
            let turn = if pass { self.brownout.turn(self.now, true) } else { Turn::Usual };
            if turn == Turn::Over {
                over += 1;
                continue;
            }
            let first = firsts[asked % firsts.len()];
            asked += 1;
            sent += 1;
            let late = self.brownout.late_after().filter(|late| *late < first);
            news.extend(late.map(|late| (self.now + late, self.now, None)));
            news.push((self.now + first, self.now, Some(late.is_some())));
        }
        self.now = end;
        format!("{sent} sent, {over} over")
    }
}

#[track_caller]
fn check(script: &[(&str, &str)]) {
    let mut play = Play::new();
    for (line, expect) in script {
        assert_eq!(play.line(line), *expect, "{line}");
    }
}

#[test]
fn ten_times_as_slow_is_found_in_seconds() {
    check(&[("10 x 400ms for 20s", "brisk"), ("10 x 4s for 6s", "slow")]);
    check(&[("10 x 900ms for 20s", "brisk"), ("10 x 9s for 8s", "slow")]);
    check(&[("500 x 400ms for 20s", "brisk"), ("500 x 4s for 6s", "slow")]);
}

#[test]
fn it_takes_several_times_as_long_and_a_noticeable_time() {
    check(&[("10 x 400ms for 20s", "brisk"), ("10 x 1100ms for 2m", "brisk")]);
    check(&[("10 x 20ms for 20s", "brisk"), ("10 x 200ms for 2m", "brisk")]);
    check(&[("10 x 20ms for 20s", "brisk"), ("10 x 500ms for 6s", "slow")]);
}

#[test]
fn a_few_that_take_long_are_long_prompts() {
    check(&[("10 x 400ms for 20s", "brisk"), ("10 x 400ms,8s,8s for 10m", "brisk")]);
    // What is usual changes, in the course of minutes.
    check(&[("10 x 400ms for 20s", "brisk"), ("10 x 1100ms for 20m", "brisk")]);
    check(&[("10 x 1100ms for 20m", "brisk"), ("10 x 3s for 20m", "brisk")]);
    check(&[("10 x 8s for 5m", "brisk"), ("10 x 20s for 20m", "brisk")]);
}

#[test]
fn too_few_say_nothing() {
    check(&[("10 x 400ms for 2s", "brisk"), ("10 x 4s for 60s", "brisk")]);
    check(&[("10 x 400ms for 20s", "brisk"), ("1 x 4s for 10m", "brisk")]);
    let moment = [("200 x 3s for 2s", "brisk"), ("200 x 400ms for 4s", "brisk")];
    check(&[("200 x 400ms for 20s", "brisk"), moment[0], moment[1]]);
}

#[test]
fn fewer_than_one_in_a_hundred_measure_it() {
    let slow = [("10 x 400ms for 20s", "brisk"), ("10 x 4s for 8s", "slow")];
    let after = |line, expect| check(&[slow[0], slow[1], (line, expect)]);
    after("pass 10 x 4s for 10m", "30 sent, 5970 over");
    after("pass 1000 x 4s for 1m", "60 sent, 59940 over");
    after("pass 1 x 4s for 10m", "5 sent, 595 over");
}

#[test]
fn it_comes_back_in_steps_when_it_is_fast_again() {
    let mut play = Play::new();
    play.line("10 x 400ms for 20s");
    assert_eq!(play.line("10 x 4s for 8s"), "slow");
    assert_eq!(play.line("pass 10 x 400ms for 30s"), "96 sent, 204 over");
    assert!(!play.brownout.is_slow());
    assert_eq!(play.line("pass 10 x 400ms for 10s"), "100 sent, 0 over");
}

#[test]
fn one_quick_answer_does_not_bring_it_back() {
    let slow = [("10 x 400ms for 20s", "brisk"), ("10 x 4s for 8s", "slow")];
    let mixed = ("pass 10 x 400ms,4s,4s,4s for 10m", "108 sent, 5892 over");
    check(&[slow[0], slow[1], mixed]);
}

#[test]
fn a_day_of_it_is_how_it_is() {
    let slow = [("10 x 400ms for 20s", "brisk"), ("10 x 4s for 8s", "slow")];
    let day = [("quiet 24h", "slow"), ("pass 10 x 4s for 1m", "600 sent, 0 over")];
    check(&[slow[0], slow[1], day[0], day[1], ("10 x 4s for 10m", "brisk")]);
}

#[test]
fn who_does_not_tell_the_pace_does_not_measure() {
    let mut play = Play::new();
    play.line("10 x 400ms for 20s");
    assert_eq!(play.line("10 x 4s for 8s"), "slow");
    let later = play.now + Duration::from_mins(3);
    assert_eq!(play.brownout.turn(later, false), Turn::Over);
    assert_eq!(play.brownout.turn(later, true), Turn::Measures);
}
