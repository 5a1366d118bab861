//! Which provider has which page: `data/pages.toml`, read once.
//!
//! **Invariant:** every row says when it was last checked and against what, so that a page that moved
//! is a change of one line.

use std::sync::LazyLock;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, ErrorKind, Spanned, Value};

use super::address;
use super::format::Format;

/// The registry.
const TEXT: &str = include_str!("../../data/pages.toml");

/// The part of a host's name that says the region.
const REGION: &str = "{region}";

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    parse(TEXT).unwrap_or_else(|error| {
        // A test holds that this cannot happen.
        tracing::error!(%error, "the registry of status pages");
        Vec::new()
    })
});

/// The page of one provider.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Row {
    /// The provider's names; the first one is that of the table of providers, where it stands there.
    pub names: Vec<String>,
    /// The page for people.
    pub page: String,
    /// What is asked, in order of trying.
    pub sources: Vec<Source>,
    /// Where incidents stand, if the sources do not tell them.
    pub incidents: Option<String>,
    /// What is used here, by the ids of the page.
    pub selection: Selection,
    /// The hosts that it is about. `{region}` is one part of a name that says the region, and `*`
    /// another that says nothing.
    pub hosts: Vec<String>,
    /// Some of its regions.
    pub regions: Vec<String>,
    /// Why no program can read it, where that is so.
    pub unreadable: Option<String>,
    /// When the row was last checked, as `2026-11-20`.
    pub verified_on: String,
    /// Against what.
    pub source: String,
}

/// Something to ask.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Its address.
    pub url: String,
    /// The format in which it answers; absent where what comes tells.
    pub format: Option<Format>,
}

/// What of a page is about what is used here. Whatever is empty selects everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selection {
    /// Components, all of which must be there.
    pub components: Vec<Component>,
    /// Products of Google Cloud.
    pub products: Vec<String>,
    /// Services of AWS, without their regions.
    pub services: Vec<String>,
    /// Surfaces of xAI.
    pub surfaces: Vec<String>,
    /// Words of categories and titles, where a format has nothing better.
    pub words: Vec<String>,
    /// The region that is used; absent where any may be.
    pub region: Option<String>,
}

/// A component of a page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Component {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
}

/// The page that a host belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Found<'h> {
    /// The row.
    pub row: &'static Row,
    /// The region that the host names.
    pub region: Option<&'h str>,
}

/// What is wrong with a registry, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Error {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// Every row.
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The row of a provider, by any of its names.
pub fn named(name: &str) -> Option<&'static Row> {
    rows().iter().find(|row| row.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The row of a host, and the region that the host names.
pub fn for_host(host: &str) -> Option<Found<'_>> {
    rows().iter().find_map(|row| {
        let place = row.hosts.iter().find_map(|pattern| match_host(pattern, host))?;
        let region = match place {
            Place::Region(region) => Some(region),
            Place::Any => None,
        };
        Some(Found { row, region })
    })
}

/// A host of the same provider in another region, where one is known.
pub(crate) fn other_region(host: &str) -> Option<String> {
    let Found { row, region } = for_host(host)?;
    let other = row.regions.iter().find(|it| Some(it.as_str()) != region)?;
    // A host of no region is beside those of its provider that have one.
    let same = |pattern: &&String| matches!(match_host(pattern, host), Some(Place::Region(_)));
    let patterns = || row.hosts.iter().filter(|pattern| pattern.contains(REGION));
    let pattern =
        patterns().find(same).or_else(|| patterns().next().filter(|_| region.is_none()))?;
    Some(pattern.replace(REGION, other))
}

/// Rows from a text. Every row must be whole: the first problem is told with its line.
pub fn parse(text: &str) -> Result<Vec<Row>, Error> {
    let told = |error: &toml_span::Error| {
        let before = text.get(..error.span.start).unwrap_or(text);
        Error { line: before.matches('\n').count() + 1, what: error.to_string() }
    };
    let mut root = toml_span::parse(text).map_err(|error| told(&error))?;
    let rows = TableHelper::new(&mut root).and_then(|mut table| {
        let rows = table.required("page")?;
        table.finalize(None)?;
        Ok(rows)
    });
    rows.map_err(|error: DeserError| {
        let first = error.errors.iter().min_by_key(|error| error.span.start);
        first.map_or(Error { line: 0, what: String::new() }, told)
    })
}

/// Where a host is.
enum Place<'h> {
    Region(&'h str),
    Any,
}

/// Where a host is, if it is of a pattern.
fn match_host<'h>(pattern: &str, host: &'h str) -> Option<Place<'h>> {
    if pattern == host {
        return Some(Place::Any);
    }
    let wild = if pattern.contains(REGION) { REGION } else { "*" };
    let (before, after) = pattern.split_once(wild)?;
    let inner = host.strip_prefix(before)?.strip_suffix(after)?;
    let one_label = !inner.is_empty() && !inner.contains('.');
    one_label.then_some(if wild == REGION { Place::Region(inner) } else { Place::Any })
}

// === impl Selection ===

impl Selection {
    /// Whether the page counts as a whole.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self { region: self.region.clone(), ..Self::default() }
    }

    /// Whether it selects the component of this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.components.iter().any(|component| component.id == id)
    }
}

// === impl Row ===

impl<'de> Deserialize<'de> for Row {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let names = table.required::<Vec<String>>("names")?;
        let page = https(&table.required_s("page")?)?;
        let sources = table.optional("sources").unwrap_or_default();
        let incidents = table.optional_s("incidents").map(|it| https(&it)).transpose()?;
        let selection = Selection {
            components: table.optional("components").unwrap_or_default(),
            products: table.optional("products").unwrap_or_default(),
            services: table.optional("services").unwrap_or_default(),
            surfaces: table.optional("surfaces").unwrap_or_default(),
            words: table.optional("words").unwrap_or_default(),
            region: None,
        };
        let hosts = table.optional("hosts").unwrap_or_default();
        let regions = table.optional("regions").unwrap_or_default();
        let unreadable = table.optional("unreadable");
        let verified_on = date(&table.required_s("verified_on")?)?;
        let source = table.required("source")?;
        table.finalize(None)?;
        let row = Self {
            names,
            page,
            sources,
            incidents,
            selection,
            hosts,
            regions,
            unreadable,
            verified_on,
            source,
        };
        if row.names.is_empty() {
            return Err(wrong("a page belongs to somebody: `names` is empty", value.span));
        }
        if row.sources.is_empty() != row.unreadable.is_some() {
            let what = "a page has either sources or a reason why it is `unreadable`";
            return Err(wrong(what, value.span));
        }
        Ok(row)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let url = https(&table.required_s("url")?)?;
        let word: Spanned<String> = table.required_s("format")?;
        table.finalize(None)?;
        let format = Format::named(&word.value)
            .ok_or_else(|| wrong(&format!("{:?} is no format", word.value), word.span))?;
        Ok(Self { url, format: Some(format) })
    }
}

impl<'de> Deserialize<'de> for Component {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let (id, name) = (table.required("id")?, table.required("name")?);
        table.finalize(None)?;
        Ok(Self { id, name })
    }
}

fn https(url: &Spanned<String>) -> Result<String, DeserError> {
    let sound = address::is_https(&url.value) && url.value.parse::<http::Uri>().is_ok();
    if sound { Ok(url.value.clone()) } else { Err(wrong("expected an https address", url.span)) }
}

fn date(day: &Spanned<String>) -> Result<String, DeserError> {
    let sound = day.value.len() == "2026-11-20".len()
        && humantime::parse_rfc3339(&format!("{}T00:00:00Z", day.value)).is_ok();
    if sound { Ok(day.value.clone()) } else { Err(wrong("expected a date: 2026-11-20", day.span)) }
}

fn wrong(what: &str, span: toml_span::Span) -> DeserError {
    let kind = ErrorKind::Custom(what.to_owned().into());
    toml_span::Error { kind, span, line_info: None }.into()
}
