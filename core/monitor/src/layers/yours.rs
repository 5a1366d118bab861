//! What our own requests met.

use super::{Line, Mark, shown};
use crate::Layer;
use crate::diagnose::Seen;
use ir::Evidence;
use ir::evidence::{Tally, Traffic};

pub(super) fn line(evidence: &Evidence) -> Line {
    let Some(traffic) = &evidence.traffic else {
        let text = "no gateway's requests are known".to_owned();
        return Line { layer: Layer::Yours, mark: Mark::Untold, text, details: Vec::new() };
    };
    let Traffic { window_s, all, lately, .. } = traffic;
    let details = details(traffic);
    if all.n == 0 {
        let what = if all.all() == 0 { "no requests" } else { "none but of what is not there" };
        let text = format!("{what} in the last {} min", window_s / 60);
        return Line { layer: Layer::Yours, mark: Mark::Untold, text, details };
    }
    let percent = |it: &Tally| (100 * it.ok).checked_div(it.n).unwrap_or(0);
    let mut text = format!("{} % ok last {} min (n={})", percent(all), window_s / 60, all.n);
    if 0 < lately.n {
        text = format!("{text}, {} % last minute (n={})", percent(lately), lately.n);
    }
    if let Some(run) = Seen::of(evidence).failing_for() {
        text = format!("{text}, failing for {run}");
    }
    let judged = if 3 <= lately.n { lately } else { all };
    let mark = if 95 <= percent(judged) { Mark::Well } else { Mark::Unwell };
    Line { layer: Layer::Yours, mark, text, details }
}

fn details(traffic: &Traffic) -> Vec<String> {
    let classes = |it: &Tally| {
        let classes: Vec<String> =
            it.classes.iter().map(|(class, count)| format!("{} {count}", shown(class))).collect();
        classes.join(", ")
    };
    let mut details: Vec<String> = traffic
        .models
        .iter()
        .map(|(model, it)| format!("{}: {} of {} ok {}", shown(model), it.ok, it.n, classes(it)))
        .collect();
    if let Some(now) = traffic.ttft_ms {
        let usual = traffic.ttft_usual_ms.map(|it| format!(", usually {it} ms"));
        details.push(format!("first content after {now} ms{}", usual.unwrap_or_default()));
    }
    details
}
