//! `[telemetry]`, and the variables that OpenTelemetry has for the same, where it asks for them.
//!
//! **Invariant:** the value of a header is not shown, nor what names it.

use super::{Common, secret};
use crate::problem::Findings;
use crate::raw::Section;
use crate::url::unescaped;
use crate::{BaseUrl, Surroundings, Telemetry};
use secrecy::SecretString;
use std::time::Duration;

/// Where the environment names the collector, as OpenTelemetry calls it.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const SERVICE: &str = "OTEL_SERVICE_NAME";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// The port at which collectors speak gRPC, which we do not.
const GRPC: u16 = 4317;
/// Headers that are named, and attributes.
const NAMED_MAX: usize = 32;
/// The longest value of a header or an attribute, in bytes.
const VALUE_MAX: usize = 8 << 10;
/// Headers that an export has of itself.
const TAKEN: &[&str] = &[
    "host",
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
];
const FORM: &str = "write \"NAME=env:VARIABLE\", \"NAME=file:PATH\" or \"NAME=literal:VALUE\"";

/// What is wrong and what to do.
type Fault = (&'static str, &'static str);

/// The section and what it is read with.
struct Reader<'a, 'f, 't> {
    section: &'a Section,
    around: &'a dyn Surroundings,
    findings: &'f mut Findings<'t>,
}

/// Where traces and metrics go, if anywhere.
pub(super) fn read(
    section: &Section,
    common: &Common,
    around: &dyn Surroundings,
    findings: &mut Findings<'_>,
) -> Option<Telemetry> {
    let mut reader = Reader { section, around, findings };
    let headers = reader.headers();
    let Some(text) = section.text("otlp") else {
        reader.aimless();
        return None;
    };
    let from_env = text == "env";
    let otlp = if from_env { reader.endpoint()? } else { reader.url(text, "")? };
    if otlp.port == GRPC {
        let (at, key) = (section.at("otlp"), section.key("otlp"));
        let what = "4317 is the usual port of OTLP over gRPC";
        reader.findings.warn(at, key, what, "exports go over HTTP, whose usual port is 4318");
    }
    let (mut service, mut resource, mut standard) = (None, Vec::new(), Vec::new());
    if from_env {
        standard = reader.standard_headers();
        resource = reader.resource();
        service = around.env(SERVICE).filter(|name| !name.is_empty());
    }
    standard.retain(|(name, _)| !headers.iter().any(|(own, _)| own == name));
    standard.extend(headers);
    let named = resource.iter().position(|(key, _)| key == "service.name");
    let named = named.map(|at| resource.remove(at).1);
    Some(Telemetry {
        way: common.way(&otlp, otlp.is_loopback()),
        otlp,
        headers: standard,
        sample: section.number("sample").unwrap_or(1.0),
        interval: section.time("interval").unwrap_or(Duration::from_secs(10)),
        traces: section.flag("traces").unwrap_or(true),
        metrics: section.flag("metrics").unwrap_or(true),
        service: service.or(named).unwrap_or_else(|| "backstop".to_owned()),
        resource,
    })
}

// === impl Reader ===

impl Reader<'_, '_, '_> {
    fn problem(&mut self, key: &str, what: impl Into<String>, hint: &str) {
        let (at, path) = (self.section.at(key), self.section.key(key));
        self.findings.problem(at, path, what, hint);
    }

    /// Warns where the section sets something, and no collector.
    fn aimless(&mut self) {
        let keys = ["headers", "sample", "interval", "traces", "metrics"];
        if keys.iter().any(|key| self.section.has(key)) && !self.section.refused("otlp") {
            let (at, path) = (self.section.at, self.section.key("otlp"));
            let hint = "name a collector: otlp = \"http://127.0.0.1:4318\"";
            self.findings.warn(at, path, "is missing: nothing is exported", hint);
        }
    }

    /// A collector's address, which stands in the file or in a variable.
    fn url(&mut self, text: &str, named: &str) -> Option<BaseUrl> {
        match BaseUrl::parse_otlp(text) {
            Ok(url) => Some(url),
            Err(fault) => {
                self.problem("otlp", format!("{named}{}", fault.what), fault.hint);
                None
            }
        }
    }

    fn endpoint(&mut self) -> Option<BaseUrl> {
        let value = self.around.env(ENDPOINT).filter(|value| !value.is_empty());
        if let Some(value) = value {
            return self.url(value.trim(), &format!("{ENDPOINT} "));
        }
        let hint = "set it where backstop is started, or write the address here";
        self.problem("otlp", format!("the environment variable {ENDPOINT} is not set"), hint);
        None
    }

    /// The headers that the file names.
    fn headers(&mut self) -> Vec<(String, SecretString)> {
        let mut all = Vec::new();
        let section = self.section;
        for (at, text) in section.texts("headers").unwrap_or_default() {
            match header(text, self.around) {
                Ok(header) if all.len() < NAMED_MAX => {
                    let file =
                        text.split_once('=').and_then(|(_, it)| it.trim().strip_prefix("file:"));
                    if let Some(file) = file {
                        secret::guard(
                            file,
                            self.around,
                            (*at, section.key("headers")),
                            self.findings,
                        );
                    }
                    all.push(header);
                }
                Ok(_) => {
                    self.problem("headers", "more than 32 headers", "no collector asks so much");
                }
                Err((what, hint)) => {
                    self.findings.problem(*at, section.key("headers"), what, hint);
                }
            }
        }
        all
    }

    fn standard_headers(&mut self) -> Vec<(String, SecretString)> {
        let text = self.around.env(HEADERS).unwrap_or_default();
        let read = pairs(&text).map(|pairs| {
            let fit = |(name, value): (String, String)| {
                Some((field_name(&name).ok()?, field_value(&value).ok()?))
            };
            pairs.into_iter().map(fit).collect::<Option<Vec<_>>>()
        });
        read.flatten().unwrap_or_else(|| {
            let hint = "write NAME=VALUE,NAME=VALUE, and what is special in a value as %XX";
            self.problem("otlp", format!("{HEADERS} cannot be read"), hint);
            Vec::new()
        })
    }

    fn resource(&mut self) -> Vec<(String, String)> {
        let text = self.around.env(RESOURCE).unwrap_or_default();
        pairs(&text).unwrap_or_else(|| {
            // As the specification has it: all of it is left out, and said.
            let (at, key) = (self.section.at("otlp"), self.section.key("otlp"));
            let what = format!("{RESOURCE} cannot be read and is left out");
            let hint = "write KEY=VALUE,KEY=VALUE, and what is special in a value as %XX";
            self.findings.warn(at, key, what, hint);
            Vec::new()
        })
    }
}

/// `NAME=env:VARIABLE` and its like.
fn header(text: &str, around: &dyn Surroundings) -> Result<(String, SecretString), secret::Fault> {
    let owned = |(what, hint): Fault| (what.to_owned(), hint.to_owned());
    let nowhere = || owned(("does not say where the value comes from", FORM));
    let (name, source) = text.split_once('=').ok_or_else(nowhere)?;
    let name = field_name(name.trim()).map_err(owned)?;
    let value = secret::source(source.trim(), around).ok_or_else(nowhere)??;
    Ok((name, field_value(&value).map_err(owned)?))
}

fn field_name(name: &str) -> Result<String, Fault> {
    let known = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || name.len() > 256 || !name.chars().all(known) {
        return Err(("not the name of a header", FORM));
    }
    let name = name.to_ascii_lowercase();
    if TAKEN.contains(&name.as_str()) {
        return Err(("a header that every export has already", "leave it out"));
    }
    Ok(name)
}

fn field_value(value: &str) -> Result<SecretString, Fault> {
    let value = value.trim();
    let known = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if value.is_empty() || value.len() > VALUE_MAX || !value.bytes().all(known) {
        return Err(("a value that no header can hold, or none", "write it on one line, in ASCII"));
    }
    Ok(SecretString::from(value.to_owned()))
}

/// `a=1,b=two%20words` as both variables have it; `None` where it is not that.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let pairs: Vec<_> = entries
        .take(NAMED_MAX + 1)
        .map(|entry| {
            let (name, value) = entry.split_once('=')?;
            let (name, value) = (name.trim(), String::from_utf8(unescaped(value.trim())?).ok()?);
            (!name.is_empty() && value.len() <= VALUE_MAX).then(|| (name.to_owned(), value))
        })
        .collect::<Option<_>>()?;
    (pairs.len() <= NAMED_MAX).then_some(pairs)
}
