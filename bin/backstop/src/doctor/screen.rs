//! The screen: a line for each layer, filled in as it is known, and the verdict below.
//!
//! On a terminal the lines change in place. Elsewhere they are printed once, when all is known.

use super::Finding;
use super::scope::Scope;
use crate::cli::DoctorArgs;
use crate::out;
use monitor::{Layer, Line, Mark, SHOWN, Side, Verdict};
use std::io::IsTerminal;

/// What is shown of one provider.
#[derive(Debug)]
struct Block {
    title: String,
    /// In the order of [`SHOWN`].
    lines: [Option<Line>; SHOWN.len()],
}

/// The lines on the way to being known.
#[derive(Debug)]
pub(super) struct Screen {
    blocks: Vec<Block>,
    style: Style,
    /// They change in place.
    live: bool,
    /// Lines that stand there now.
    drawn: usize,
}

/// What a terminal can show.
#[derive(Clone, Copy, Debug)]
struct Style {
    colour: bool,
    /// Letters beyond ASCII.
    wide: bool,
    /// Columns; lines are cut there.
    columns: Option<usize>,
    rows: usize,
}

/// The widest name of a layer.
const NAME: usize = 10;
/// A title, and a line between two blocks.
const AROUND: usize = 2;

// === impl Screen ===

impl Screen {
    pub(super) fn new(args: &DoctorArgs, scope: &Scope) -> Self {
        let style = Style::of_stdout();
        let blocks: Vec<Block> =
            scope.patients.iter().map(|it| Block::new(&title(&it.subject))).collect();
        let needed = blocks.len() * (SHOWN.len() + AROUND);
        let terminal = std::io::stdout().is_terminal() && style.columns.is_some();
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let live = terminal && !dumb && !args.json && needed < style.rows;
        Self { blocks, style, live, drawn: 0 }
    }

    /// Shows what is to be measured.
    pub(super) fn begin(&mut self) -> std::io::Result<()> {
        if self.live { self.draw() } else { Ok(()) }
    }

    /// A layer is known.
    pub(super) fn tell(&mut self, block: usize, line: Line) -> std::io::Result<()> {
        let at = SHOWN.iter().position(|layer| *layer == shown_as(line.layer));
        let slot = at.and_then(|at| self.blocks.get_mut(block)?.lines.get_mut(at));
        if let Some(slot) = slot {
            *slot = Some(line);
        }
        if self.live && 0 < self.drawn { self.draw() } else { Ok(()) }
    }

    /// All is known: what was drawn on the way makes room for the whole.
    pub(super) fn end(mut self) -> std::io::Result<()> {
        if 0 < self.drawn {
            out::part(&format!("\x1b[{}A\x1b[J", self.drawn))?;
            self.drawn = 0;
        }
        Ok(())
    }

    fn draw(&mut self) -> std::io::Result<()> {
        let mut text = String::new();
        if 0 < self.drawn {
            text.push_str(&up(self.drawn));
        }
        let mut drawn = 0;
        for block in &self.blocks {
            text.push_str(&self.style.cut(&block.title));
            text.push_str("\x1b[K\n");
            for (layer, line) in SHOWN.iter().zip(&block.lines) {
                let line = match line {
                    Some(line) => self.style.line(line),
                    None => self.style.pending(*layer),
                };
                text.push_str(&line);
                text.push_str("\x1b[K\n");
            }
            drawn += 1 + block.lines.len();
        }
        self.drawn = drawn;
        out::part(&text)
    }
}

fn up(lines: usize) -> String {
    format!("\x1b[{lines}A")
}

/// The line on which a layer is shown.
fn shown_as(layer: Layer) -> Layer {
    match layer {
        Layer::Control | Layer::Network => Layer::Network,
        Layer::Config | Layer::Http => Layer::Http,
        Layer::Dns | Layer::Tls | Layer::Status | Layer::Yours => layer,
    }
}

fn title(subject: &probe::Subject) -> String {
    format!("{}  {}", subject.provider, subject.base.authority())
}

/// All that was found about one provider.
pub(super) fn verdict(args: &DoctorArgs, scope: &Scope, finding: &Finding) -> std::io::Result<()> {
    let style = Style::of_stdout();
    let patient = scope.patients.iter().find(|it| it.subject.provider == finding.provider);
    out::print(&patient.map_or_else(|| finding.provider.clone(), |it| title(&it.subject)))?;
    for line in &finding.layers {
        out::print(&style.line(line))?;
        if args.verbose {
            for detail in &line.details {
                out::print(&format!("  {:NAME$}     {detail}", ""))?;
            }
        }
    }
    let Verdict { cause, confidence, reasons, would_change, advice } = &finding.verdict;
    let (side, word) = (cause.row().side, cause.word());
    let head = match side {
        Side::Fine => format!("all is well ({confidence} %)"),
        Side::Them => format!("it is THEM: {} ({confidence} %, {word})", finding.says),
        Side::Me => format!("it is ME: {} ({confidence} %, {word})", finding.says),
        Side::Path => format!("it is the PATH: {} ({confidence} %, {word})", finding.says),
        Side::Unknown => format!("UNKNOWN: {} ({confidence} %)", finding.says),
    };
    out::print(&style.paint(&format!("VERDICT  {head}"), colour_of(side)))?;
    for (place, reason) in reasons.iter().enumerate() {
        let lead = if place == 0 { "because" } else { "" };
        out::print(&format!("  {lead:NAME$} {}", reason.text))?;
    }
    if side != Side::Fine {
        out::print(&format!("  {:NAME$} {would_change}", "unless"))?;
    }
    for (place, advice) in advice.iter().enumerate() {
        let lead = if place == 0 { "now" } else { "" };
        out::print(&format!("  {lead:NAME$} {}", advice.text))?;
        if let Some(command) = &advice.command {
            out::print(&format!("  {:NAME$}   $ {command}", ""))?;
        }
    }
    out::print("")
}

fn colour_of(side: Side) -> &'static str {
    match side {
        Side::Fine => "32",
        Side::Them | Side::Path => "33",
        Side::Me => "31",
        Side::Unknown => "36",
    }
}

// === impl Block ===

impl Block {
    fn new(title: &str) -> Self {
        Self { title: title.to_owned(), lines: std::array::from_fn(|_| None) }
    }
}

// === impl Style ===

impl Style {
    fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let size = out::terminal();
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|it| std::env::var(it).ok());
        let locale = { locale }.find(|it| !it.is_empty()).unwrap_or_default();
        let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        Self {
            colour: terminal && std::env::var_os("NO_COLOR").is_none(),
            // What is read by programs and in files is UTF-8.
            wide: utf8 || !terminal,
            columns: size.map(|(columns, _)| columns),
            rows: size.map_or(0, |(_, rows)| rows),
        }
    }

    fn line(&self, line: &Line) -> String {
        let (mark, colour) = match (line.mark, self.wide) {
            (Mark::Well, true) if line.layer == Layer::Status => ("●", "32"),
            (Mark::Well, true) => ("✔", "32"),
            (Mark::Well, false) => ("+", "32"),
            (Mark::Unwell, true) => ("✖", "31"),
            (Mark::Unwell, false) => ("x", "31"),
            (Mark::Untold, _) => ("?", "36"),
        };
        let plain = format!("  {:NAME$} {mark} {}", line.layer.word(), line.text);
        let cut = self.cut(&plain);
        cut.replacen(mark, &self.paint(mark, colour), 1)
    }

    fn pending(&self, layer: Layer) -> String {
        let mark = if self.wide { "…" } else { "..." };
        self.cut(&format!("  {:NAME$} {mark}", layer.word()))
    }

    /// A line that fits; on a terminal a longer one would break the picture.
    fn cut(&self, text: &str) -> String {
        let Some(columns) = self.columns else { return text.to_owned() };
        if text.chars().count() <= columns {
            return text.to_owned();
        }
        let end = if self.wide { "…" } else { "." };
        let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
        format!("{kept}{end}")
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
