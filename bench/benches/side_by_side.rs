//! Backstop and nginx before one fast provider: ratios, taken in turns in one run (A B A B).
//!
//! nginx relays bytes and does nothing else; it is the floor that everything is held against. Both
//! are processes of their own, so that their CPU is their own. Callers and provider are threads of
//! this one.
//!
//! **Invariant:** what is held against an aim is CPU, instructions, memory or a ratio within a round,
//! never a time by itself: those depend on what else the machine does.

mod side_by_side {
    pub(crate) mod callgrind;
    pub(crate) mod load;
    pub(crate) mod process;
    pub(crate) mod provider;
    pub(crate) mod script;
    pub(crate) mod table;
}

use anyhow::{Result, bail, ensure};
use side_by_side::callgrind::instructions;
use side_by_side::load::{Callers, Question, median, percentile};
use side_by_side::process::{Places, Process};
use side_by_side::provider;
use side_by_side::script::{BURST, PACED, SMALL};
use side_by_side::table::{Figure, Table};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Turns of each side; the first of each is thrown away.
const ROUNDS: usize = 8;
/// The same where the sides are so close that their ratio must be known to a hundredth.
const ROUNDS_CLOSE: usize = 16;
/// Rounds that a case has at least, even where the machine is slow.
const ROUNDS_MIN: usize = 4;
/// From here on the cases that are left get no more than that.
const HURRY: Duration = Duration::from_mins(5);
/// Starts of which the middle one counts.
const STARTS: usize = 11;
/// Streams that are open at a time.
const STREAMS: u32 = 500;

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const RESPONSES: &str = "/v1/responses";

/// What stands before the provider during a run, and what came out so far.
struct Bench {
    runtime: Runtime,
    places: Places,
    provider: u16,
    began: Instant,
    table: Table,
}

/// The same asked of several sides, in turns.
struct Case<'a> {
    connections: usize,
    requests: usize,
    rounds: usize,
    sides: Vec<Side<'a>>,
}

/// Who is asked, and what. The provider itself has no process of its own.
struct Side<'a> {
    port: u16,
    process: Option<&'a Process>,
    question: Question,
}

/// What a side took, round by round.
#[derive(Debug, Default)]
struct Measured {
    /// µs per request.
    cpu: Vec<f64>,
    first: Vec<Vec<f64>>,
    last: Vec<Vec<f64>>,
}

/// What there is to measure; arguments choose among these.
const PARTS: [&str; 8] =
    ["start", "memory", "whole", "long", "streams", "continuing", "crossings", "instructions"];

fn main() -> Result<()> {
    // Cargo adds options of its own.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    if let Some(unknown) = chosen.iter().find(|it| !PARTS.contains(&it.as_str())) {
        bail!("there is no part {unknown:?}; there are: {}", PARTS.join(", "));
    }
    let wants = |part: &str| chosen.is_empty() || chosen.iter().any(|it| it == part);
    let provider = provider::start()?;
    let mut bench = Bench {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        places: Places::prepare(provider)?,
        provider,
        began: Instant::now(),
        table: Table::default(),
    };
    if wants("start") {
        bench.starts()?;
    }
    if wants("memory") {
        bench.memory()?;
    }
    if ["whole", "long", "streams", "continuing", "crossings"].into_iter().any(wants) {
        let (nginx, backstop) = (bench.places.nginx(vec![])?, bench.places.backstop(vec![])?);
        if wants("whole") {
            bench.whole(&nginx, &backstop)?;
        }
        if wants("long") {
            bench.long(&nginx, &backstop)?;
        }
        if wants("streams") {
            bench.streams(&nginx, &backstop)?;
        }
        if wants("continuing") {
            bench.continuing(&backstop)?;
        }
        if wants("crossings") {
            bench.crossings(&backstop)?;
        }
        let (ours, theirs) = (backstop.resident_kib()?, nginx.resident_kib()?);
        bench.table.add(Figure::beside("MiB after all of it", ours / 1024.0, theirs / 1024.0))?;
    }
    if wants("instructions") {
        bench.instructions()?;
    }
    bench.table.print()
}

// === impl Bench ===

impl Bench {
    /// From the start of the program to its first answer.
    fn starts(&mut self) -> Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            theirs.push(self.places.nginx(vec![])?.answered.as_secs_f64() * 1e3);
            ours.push(self.places.backstop(vec![])?.answered.as_secs_f64() * 1e3);
        }
        let figure = Figure::beside("ms to the first answer", median(&ours), median(&theirs));
        self.table.add(figure.aim(50.0, 20.0))
    }

    /// Resident memory of a fresh process: idle, with many open streams, and after them.
    fn memory(&mut self) -> Result<()> {
        let question = Question::new(CHAT, "plain-hold", true, "hi");
        let mut taken = Vec::new();
        for process in [self.places.backstop(vec![])?, self.places.nginx(vec![])?] {
            let idle = process.resident_kib()?;
            let streams = usize::try_from(STREAMS)?;
            let mut callers = Callers::connect(&self.runtime, process.port, streams)?;
            callers.open(&self.runtime, &question)?;
            let open = process.resident_kib()?;
            drop(callers);
            // Until it has seen them go.
            std::thread::sleep(Duration::from_millis(500));
            taken.push((
                idle / 1024.0,
                (open - idle) / f64::from(STREAMS),
                process.resident_kib()?,
            ));
        }
        let [(idle, open, after), (idle_nginx, open_nginx, after_nginx)] = taken[..] else {
            return Ok(());
        };
        self.table.add(Figure::beside("MiB idle", idle, idle_nginx).aim(10.0, 7.0))?;
        let each = Figure::beside(format!("KiB per open stream, of {STREAMS}"), open, open_nginx);
        self.table.add(each.aim(20.0, 12.0))?;
        let after = Figure::beside("MiB after them", after / 1024.0, after_nginx / 1024.0);
        self.table.add(after)
    }

    /// 1 KiB in, 1 KiB out, with one connection and with many.
    fn whole(&mut self, nginx: &Process, backstop: &Process) -> Result<()> {
        let prompt = "p".repeat(1024);
        let plain = Question::new(CHAT, "plain-whole", false, &prompt);
        let watched = Question::new(CHAT, "watched-small", false, &prompt);
        for (connections, requests) in [(1, 1500), (64, 6400)] {
            let sides = vec![
                Side { port: self.provider, process: None, question: plain.clone() },
                Side::of(nginx, &plain),
                Side::of(backstop, &plain),
                Side::of(backstop, &watched),
            ];
            let measured = self.measure(&Case { connections, requests, rounds: ROUNDS, sides })?;
            let [direct, nginx, plain, watched] = &measured[..] else { return Ok(()) };
            let at = format!("1 KiB, {connections} connections");
            let aim = |figure: Figure| if 1 < connections { figure.aim(3.2, 2.0) } else { figure };
            self.table.add(aim(ratio(format!("{at}: CPU µs per request"), plain, nginx, 1)))?;
            self.table.add(ratio(format!("{at}: the same watched"), watched, nginx, 1))?;
            for percent in [50, 99] {
                let name = format!("{at}: added µs, p{percent}");
                let added = |side: &Measured| added(&side.last, &direct.last, percent);
                self.table.add(Figure::beside(name, added(plain), added(nginx)))?;
            }
        }
        Ok(())
    }

    /// A long prompt.
    fn long(&mut self, nginx: &Process, backstop: &Process) -> Result<()> {
        let prompt = "all work and no play ".repeat(400 * 1024 / 21);
        let question = Question::new(CHAT, "plain-whole", false, &prompt);
        let sides = vec![Side::of(nginx, &question), Side::of(backstop, &question)];
        let measured =
            self.measure(&Case { connections: 4, requests: 200, rounds: ROUNDS, sides })?;
        let [nginx, backstop] = &measured[..] else { return Ok(()) };
        let figure = ratio("400 KiB prompt: CPU µs per request", backstop, nginx, 1);
        self.table.add(figure.aim(2.2, 1.5))
    }

    /// Events as a model writes them, and as many as there are at once.
    fn streams(&mut self, nginx: &Process, backstop: &Process) -> Result<()> {
        for (script, events, connections, requests) in
            [("paced", PACED, 32, 32), ("burst", BURST, 8, 120)]
        {
            let question = Question::new(CHAT, &format!("plain-{script}"), true, "hi");
            let sides = vec![
                Side { port: self.provider, process: None, question: question.clone() },
                Side::of(nginx, &question),
                Side::of(backstop, &question),
            ];
            let measured = self.measure(&Case { connections, requests, rounds: ROUNDS, sides })?;
            let [direct, nginx, backstop] = &measured[..] else { return Ok(()) };
            let name = format!("stream, {script}: CPU µs per event");
            let figure = ratio(name, backstop, nginx, u32::try_from(events)?);
            let paced = script == "paced";
            self.table.add(if paced { figure.aim(1.4, 1.2) } else { figure })?;
            let added = |side: &Measured| added(&side.first, &direct.first, 50);
            let name = format!("stream, {script}: added µs to the first token, p50");
            self.table.add(Figure::beside(name, added(backstop), added(nginx)))?;
        }
        Ok(())
    }

    /// What it costs to be ready to go on with a stream: chains of two targets, of which the second is
    /// never asked.
    fn continuing(&mut self, backstop: &Process) -> Result<()> {
        for (spoken, path, provider) in [
            ("Chat", CHAT, "chat"),
            ("Messages", MESSAGES, "messages"),
            ("Responses", RESPONSES, "responses"),
            ("Chat from Messages", CHAT, "messages"),
        ] {
            for (script, events, connections, requests) in
                [("paced", PACED, 32, 32), ("burst", BURST, 8, 240)]
            {
                let ask = |midstream: &str| {
                    let model = format!("{midstream}-{provider}-{script}");
                    Side::of(backstop, &Question::new(path, &model, true, "hi"))
                };
                let sides = vec![ask("stop"), ask("continue")];
                let case = Case { connections, requests, rounds: ROUNDS_CLOSE, sides };
                let measured = self.measure(&case)?;
                ensure!(!self.places.spare_was_asked()?, "a second target was asked");
                let [stop, ready] = &measured[..] else { return Ok(()) };
                let each = f64::from(u32::try_from(events)?);
                let stopping = median(&stop.cpu) / each;
                let name = format!(
                    "{spoken}, {script}, ready to go on: CPU µs per event (stop: {stopping:.2})"
                );
                let figure =
                    Figure::ours(name, median(&ready.cpu) / each).over(&ready.cpu, &stop.cpu);
                self.table.add(figure.aim(1.1, 1.05))?;
            }
        }
        Ok(())
    }

    /// What it costs that caller and provider speak different dialects.
    fn crossings(&mut self, backstop: &Process) -> Result<()> {
        for (path, same, other) in [(CHAT, "plain", "claude"), (MESSAGES, "claude", "plain")] {
            for (script, stream, events, requests) in [
                ("whole", false, 0, 1000),
                ("small", true, SMALL, 1000),
                ("burst", true, BURST, 60),
            ] {
                let ask = |alias: &str| {
                    Side::of(
                        backstop,
                        &Question::new(path, &format!("{alias}-{script}"), stream, "hi"),
                    )
                };
                let sides = vec![ask(same), ask(other)];
                let measured =
                    self.measure(&Case { connections: 4, requests, rounds: ROUNDS, sides })?;
                let [same, crossed] = &measured[..] else { return Ok(()) };
                let (same, crossed) = (median(&same.cpu), median(&crossed.cpu));
                let spoken = format!("crossing from {path}, {script}");
                let named = format!("{spoken}: CPU µs per request (same: {same:.0})");
                self.table.add(Figure::ours(named, crossed))?;
                if 100 < events {
                    let each = (crossed - same) / f64::from(u32::try_from(events)?);
                    self.table.add(Figure::ours(format!("{spoken}: more µs per event"), each))?;
                }
            }
        }
        Ok(())
    }

    /// User instructions of one request, on one connection.
    fn instructions(&mut self) -> Result<()> {
        let prompt = "p".repeat(1024);
        let plain = Question::new(CHAT, "plain-whole", false, &prompt);
        let watched = Question::new(CHAT, "watched-small", false, &prompt);
        let (runtime, folder) = (&self.runtime, &self.places.folder);
        let nginx = |it| self.places.nginx(it);
        let nginx = instructions(runtime, folder, nginx, ("nginx", &plain))?;
        let ours = |asked| instructions(runtime, folder, |it| self.places.backstop(it), asked);
        let (plain, watched) = (ours(("plain", &plain))?, ours(("watched", &watched))?);
        let figure = Figure::beside("instructions per request", plain, nginx);
        self.table.add(figure.aim(140_000.0, 90_000.0))?;
        self.table.add(Figure::ours("instructions per request, watched", watched))
    }

    /// Asks every side in turn.
    fn measure(&self, case: &Case<'_>) -> Result<Vec<Measured>> {
        let connect =
            |side: &Side<'_>| Callers::connect(&self.runtime, side.port, case.connections);
        let mut callers: Vec<Callers> = case.sides.iter().map(connect).collect::<Result<_>>()?;
        let mut measured: Vec<Measured> = case.sides.iter().map(|_| Measured::default()).collect();
        for round in 0..case.rounds {
            if ROUNDS_MIN <= round && HURRY < self.began.elapsed() {
                break;
            }
            for ((side, callers), measured) in
                case.sides.iter().zip(&mut callers).zip(&mut measured)
            {
                let before = side.cpu()?;
                let taken = callers.ask(&self.runtime, &side.question, case.requests)?;
                let spent = side.cpu()?.saturating_sub(before);
                ensure!(!taken.last.is_empty(), "nothing was asked");
                if 0 < round {
                    let asked = f64::from(u32::try_from(taken.last.len())?);
                    measured.cpu.push(spent.as_secs_f64() * 1e6 / asked);
                    measured.first.push(taken.first);
                    measured.last.push(taken.last);
                }
            }
        }
        Ok(measured)
    }
}

// === impl Side ===

impl<'a> Side<'a> {
    fn of(process: &'a Process, question: &Question) -> Self {
        Self { port: process.port, process: Some(process), question: question.clone() }
    }

    fn cpu(&self) -> Result<Duration> {
        self.process.map_or(Ok(Duration::ZERO), Process::cpu)
    }
}

/// CPU of one of so many parts of a request, and its ratio to nginx's in the same round.
fn ratio(name: impl Into<String>, ours: &Measured, nginx: &Measured, parts: u32) -> Figure {
    let each = |side: &Measured| median(&side.cpu) / f64::from(parts);
    Figure::beside(name, each(ours), each(nginx)).over(&ours.cpu, &nginx.cpu)
}

/// What a side adds to a percentile of the direct way in the same round.
fn added(through: &[Vec<f64>], direct: &[Vec<f64>], percent: usize) -> f64 {
    let both = through.iter().zip(direct);
    let added: Vec<f64> =
        both.map(|(a, b)| percentile(a, percent) - percentile(b, percent)).collect();
    median(&added)
}
