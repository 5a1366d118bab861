//! The reference of every key and every provider, made from the tables that the parser reads.

use crate::providers::ROWS;
use crate::schema::{Kind, Scope, Spec};
use crate::unit::{show_duration, show_size};
use ir::{Auth, Dialect, Prefill, Quirks};
use std::time::Duration;

/// `docs/reference/config.md`.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for scope in Scope::ALL {
        text.push_str(&format_section(scope));
    }
    text.push_str(PROVIDERS);
    for row in ROWS {
        text.push_str(&format_row(row));
    }
    text.push_str(FOOT);
    text
}

const HEAD: &str = "\
<!-- Made by `config::reference()`; `BLESS=1 cargo test -p backstop-config` rewrites it. -->

# Configuration

One file, `backstop.toml`. Every key has a default, and so has the file: see
[without a file](#without-a-file). Unknown keys are errors; all problems are reported at once, each with its line and
column. Durations are written `500ms`, `10s`, `1m30s`, `2h`; sizes `64KiB`, `32MiB`, `1GiB`.

```toml
[providers.anthropic]                # its usual key: ANTHROPIC_API_KEY

[providers.openai]
api_key = [\"env:OPENAI_API_KEY\", \"file:/run/secrets/openai\"]

[providers.laptop]
kind = \"ollama\"
base_url = \"http://127.0.0.1:11434\"

[models.\"gpt-*\"]                     # what callers ask for; the most specific pattern wins
chain = [\"openai/*\", \"openai/gpt-5.4\", \"laptop/llama3.1:8b\"]

[deadlines]
patience = \"10s\"
```
";

const PROVIDERS: &str = "
## Known providers

`kind` names a row; a section with the name of a row needs no `kind`. Local servers speak all dialects below the same
`/v1`: say `kind = \"ollama\"` and `dialect = \"anthropic\"` for Messages. Where `openai-responses` stands beside `openai`,
one section serves callers of both.

| kind | dialect | base_url | key | sent as | continues a last assistant message | status page | checked |
|---|---|---|---|---|---|---|---|
";

const FOOT: &str = "
## Patterns

`*` stands for anything, also for nothing; everything else for itself, upper and lower case apart. Where several
patterns match a name, one without `*` wins, then the one with the most characters that are not `*`, then the first.

## Without a file

Anthropic and OpenAI are always there, with the key of their usual environment variable, else with the caller's own.
The other vendors of the table are there where their variable is set; Azure, which has no common address, is not. Local
servers that are found listening are added, as `ollama` for Chat Completions and Responses and as `ollama-anthropic` for Messages.
`…_BASE_URL` variables are not read: where Backstop runs they point at Backstop.

- `claude-*` is served by Anthropic; `gpt-*`, `chatgpt-*`, `o1*`, `o3*` and `o4*` by OpenAI.
- `PROVIDER/MODEL` is served by that provider as `MODEL`, as in `groq/openai/gpt-oss-120b`.
- A local server's models are served by their own names.
- Every chain ends with the first model of each local server. No chain crosses to another vendor, unless `--fallback any`
  is given: then the other vendors we have a key of our own for come before the local servers.

A file without `[models]` gets the same patterns for its own providers; one that names neither providers nor models
gets the same of both.
";

fn format_section(scope: Scope) -> String {
    let mut text = format!("\n## `{}`\n\n", scope.header());
    let note = match scope {
        Scope::Server => "Where and how we listen.",
        Scope::Console => {
            "Where those who watch may look: a listener apart, see [metrics](../guides/metrics.md)."
        }
        Scope::Key => "Who may ask. Without any, everyone who can connect.",
        Scope::Provider => "Who serves models.",
        Scope::Model => "What callers may ask for.",
        Scope::Deadlines => {
            "Also below a provider and below a model: the global ones, then the provider's, then the model's."
        }
        Scope::Retry => "How often to try again.",
        Scope::Breaker => "When a target is known to be down.",
        Scope::Upstream => {
            "The way to providers, where they do not say it themselves. See [network](../guides/network.md)."
        }
        Scope::Watch => {
            "The watch over every provider in use: is it them, or is it me? See [status](status.md)."
        }
        Scope::Telemetry => {
            "Traces and metrics for OpenTelemetry; off without it. See [OpenTelemetry](../guides/opentelemetry.md)."
        }
    };
    text.push_str(note);
    text.push_str("\n\n| key | type | default | example | what it does |\n|---|---|---|---|---|\n");
    for spec in scope.keys() {
        text.push_str(&format_key(spec));
    }
    text
}

fn format_key(spec: &Spec) -> String {
    let fixed = spec.default.starts_with(|c: char| c == '"' || c.is_ascii_digit());
    let default = if fixed { code(spec.default) } else { spec.default.to_owned() };
    let (name, kind, example) = (spec.name, format_kind(&spec.kind), code(spec.example));
    format!("| `{name}` | {kind} | {default} | {example} | {} |\n", spec.doc)
}

fn format_kind(kind: &Kind) -> String {
    let show = |millis| show_duration(Duration::from_millis(millis));
    match *kind {
        Kind::Text(what) | Kind::Texts(what) => what.to_owned(),
        Kind::Flag => "`true` or `false`".to_owned(),
        Kind::Time(from, to) => format!("duration, {} to {}", show(from), show(to)),
        Kind::Size(from, to) => format!("size, {} to {}", show_size(from), show_size(to)),
        Kind::Count(from, to) => format!("whole number, {from} to {to}"),
        Kind::Number(from, to) => format!("number, {from} to {to}"),
        Kind::Word { now, later } => {
            let now: Vec<String> = now.iter().map(|word| code(&format!("\"{word}\""))).collect();
            let later: Vec<String> = later.iter().map(|(word, _)| code(word)).collect();
            if later.is_empty() {
                now.join(", ")
            } else {
                format!("{} (not in this version: {})", now.join(", "), later.join(", "))
            }
        }
        Kind::Deadlines => "table of `[deadlines]`".to_owned(),
    }
}

fn format_row(row: &Quirks) -> String {
    let base_url = if row.base_url.is_empty() { "required".into() } else { code(row.base_url) };
    let env: Vec<String> = row.env.iter().map(|name| code(name)).collect();
    let key = match (env.is_empty(), row.auth) {
        (false, _) => env.join(", "),
        (true, Auth::Optional) => "none".to_owned(),
        (true, Auth::Bearer | Auth::Header(_)) => "required".to_owned(),
    };
    let sent = match row.auth {
        Auth::Bearer => "bearer".to_owned(),
        Auth::Header(name) => code(name),
        Auth::Optional => "bearer, if any".to_owned(),
    };
    let mut prefill = format_prefill(row.prefill);
    for (end, below) in row.below {
        let there = format_prefill(below.prefill);
        prefill.extend(["; ", &there, " where `base_url` ends in `", end, "`"]);
    }
    let status = if row.status_page.is_empty() {
        "–".to_owned()
    } else {
        format!("<{}>", row.status_page)
    };
    format!(
        "| `{}` | {} | {base_url} | {key} | {sent} | {prefill} | {status} | {} |\n",
        row.name,
        dialects(row),
        row.verified_on
    )
}

fn format_prefill(prefill: Prefill) -> String {
    match prefill {
        Prefill::No => "no".to_owned(),
        Prefill::Native => "yes".to_owned(),
        Prefill::Field(name) => format!("with `{name}: true`"),
        Prefill::Members(members) => {
            let said = members.iter().map(|(name, value)| format!("`{name}: {value}`"));
            format!("with {}", said.collect::<Vec<_>>().join(", "))
        }
        Prefill::ByModel => "by model".to_owned(),
    }
}

fn dialects(row: &Quirks) -> String {
    let beside = row.responses && row.dialect != Dialect::Responses;
    let beside = if beside { format!(", {}", Dialect::Responses.name()) } else { String::new() };
    format!("{}{beside}", row.dialect.name())
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
