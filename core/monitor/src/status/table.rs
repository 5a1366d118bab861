//! The status as one screen: a table, or where the terminal is too narrow for it, a few lines per target.

use super::{Page, Provider, Status, Target};
use crate::shown::is_hidden;
use std::fmt::Write as _;

const HEAD: [&str; 8] =
    ["TARGET", "BREAKER", "OK", "FIRST", "VERDICT", "SINCE", "PAGE SAYS", "LEAD"];
/// What stands where nothing is known.
const NOTHING: &str = "–";
/// Between two columns.
const GAP: usize = 2;
/// What a page says is shown with its age from here on, in seconds: one of a provider in use is read
/// more often.
const OLD_S: u64 = 600;
/// A cell, or a sentence, is cut at this.
const PLAIN_MAX: usize = 240;

// === impl Status ===

impl Status {
    /// As a table of so many columns, or narrower.
    pub fn table(&self, columns: usize) -> String {
        let rows: Vec<[String; 8]> = self.providers.iter().flat_map(|it| self.rows(it)).collect();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|it| it.chars().count());
            let head = HEAD.get(column).map_or(0, |it| it.chars().count());
            cells.fold(head, usize::max)
        };
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        let whole = widths.iter().sum::<usize>() + GAP * (HEAD.len() - 1);
        let mut text = String::new();
        if whole <= columns {
            line(&mut text, &HEAD.map(str::to_owned), &widths);
            for row in &rows {
                line(&mut text, row, &widths);
            }
        } else {
            for row in &rows {
                stack(&mut text, row, columns);
            }
        }
        self.remarks(&mut text);
        text
    }

    /// One row per target; what is the provider's stands in the first one.
    fn rows(&self, provider: &Provider) -> Vec<[String; 8]> {
        let nobody = [Target { target: provider.provider.clone(), ..Target::default() }];
        let targets = if provider.targets.is_empty() { &nobody[..] } else { &provider.targets };
        let of_target = |it: &Target| {
            let breaker = if it.breaker.is_empty() { NOTHING } else { &it.breaker };
            let ok = it.ok_percent.map_or_else(nothing, |percent| format!("{percent} %"));
            [plain(&it.target), plain(breaker), ok, it.ttft_ms.map_or_else(nothing, duration)]
        };
        let verdict = provider.verdict.as_ref();
        let since = verdict.and_then(|it| it.since_unix_ms);
        let page = provider.page.as_ref();
        let of_provider = [
            verdict.map_or_else(nothing, |it| format!("{} {} %", plain(&it.cause), it.confidence)),
            since.map_or_else(nothing, |since| ago(self.at_unix_ms.saturating_sub(since))),
            page.map_or_else(nothing, page_says),
            provider.times.and_then(|it| it.lead_s).map_or_else(nothing, lead),
        ];
        let mut of_provider = Some(of_provider);
        let row = |it: &Target| {
            let [target, breaker, ok, first] = of_target(it);
            let [verdict, since, page, lead] = of_provider.take().unwrap_or_default();
            [target, breaker, ok, first, verdict, since, page, lead]
        };
        targets.iter().map(row).collect()
    }

    /// Why, and what to do, of each that is not well.
    fn remarks(&self, text: &mut String) {
        let mut say = |line: String| writeln!(text, "{line}").unwrap_or_default();
        if !self.watching {
            say("nobody watches: [watch] enabled = false".to_owned());
        }
        if self.network_down {
            say("every remote host fails at once: targets on this machine come first".to_owned());
        } else if self.local_first {
            say("because of a verdict, targets on this machine come first".to_owned());
        }
        for provider in &self.providers {
            let Some(verdict) = provider.verdict.as_ref().filter(|it| !it.is_fine()) else {
                continue;
            };
            let why = verdict.reasons.first().map(|it| plain(&it.text)).unwrap_or_default();
            let (name, says) = (plain(&provider.provider), plain(&verdict.says));
            say(format!("{name}: {says}{}{why}", if why.is_empty() { "" } else { ": " }));
            if let Some(advice) = verdict.advice.first() {
                let command = advice.command.as_deref().map(|it| format!(": {}", plain(it)));
                say(format!("  → {}{}", plain(&advice.text), command.unwrap_or_default()));
            }
        }
    }
}

fn line(text: &mut String, row: &[String; 8], widths: &[usize]) {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(cell);
        let pad = (width + GAP).saturating_sub(cell.chars().count());
        line.extend(std::iter::repeat_n(' ', pad));
    }
    writeln!(text, "{}", line.trim_end()).unwrap_or_default();
}

/// The target on a line of its own, and below it what fits beside each other.
fn stack(text: &mut String, row: &[String; 8], columns: usize) {
    let [target, rest @ ..] = row;
    let mut line = target.clone();
    for (head, cell) in HEAD.iter().skip(1).zip(rest).filter(|(_, cell)| !cell.is_empty()) {
        let item = format!("{}: {cell}", head.to_lowercase());
        let beside =
            line.starts_with(' ') && line.chars().count() + 3 + item.chars().count() <= columns;
        if beside {
            line.push_str(" · ");
        } else {
            writeln!(text, "{line}").unwrap_or_default();
            "  ".clone_into(&mut line);
        }
        line.push_str(&item);
    }
    writeln!(text, "{line}").unwrap_or_default();
}

/// On one line, without control over the terminal, not too long.
fn plain(cell: &str) -> String {
    let safe = |c: char| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut cells = cell.chars().map(safe);
    let mut plain: String = cells.by_ref().take(PLAIN_MAX).collect();
    if cells.next().is_some() {
        plain.push('…');
    }
    plain
}

/// What a page says, and how old that is where it was not read lately.
fn page_says(page: &Page) -> String {
    match page.level.as_deref() {
        None => "unknown".to_owned(),
        Some(level) if page.age_s < OLD_S => plain(level),
        Some(level) => format!("{}, {} old", plain(level), ago(page.age_s.saturating_mul(1000))),
    }
}

fn nothing() -> String {
    NOTHING.to_owned()
}

fn duration(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

/// So long, in the coarsest words that tell.
pub(crate) fn ago(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min", s / 60),
        _ => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

/// `+3 min`: we knew so much earlier.
fn lead(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{}", ago(seconds.unsigned_abs().saturating_mul(1000)))
}
