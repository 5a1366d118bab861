//! `[models."PATTERN"]`: what callers may ask for, and who serves it.

use super::{base_deadlines, own_deadlines};
use crate::problem::Findings;
use crate::raw::{Named, Raw, Section};
use crate::{Link, Midstream, Model, Name, OnEmpty, OnFilter, Pattern, Whole, near};
use policy::{Deadlines, Retries};

/// The longest pattern, and the longest model name.
const NAME_MAX: usize = 256;

/// Everything that a chain may refer to.
struct Scene<'a> {
    sections: &'a [Named],
    attempts_max: u32,
    base: Deadlines,
}

/// Reads all models, and says which providers none of them uses.
pub(super) fn models(raw: &Raw, retries: &Retries, findings: &mut Findings<'_>) -> Vec<Model> {
    let base = base_deadlines(raw);
    let scene = Scene { sections: &raw.providers, attempts_max: retries.total, base };
    let mut models: Vec<Model> = Vec::new();
    for named in &raw.models {
        if let Some(model) = model(named, &scene, findings) {
            if models.iter().any(|other| other.pattern == model.pattern) {
                let section = &named.section;
                let what = "the same pattern as an earlier one";
                findings.warn(section.at, section.path.clone(), what, "it never matches");
            }
            models.push(model);
        }
    }
    if !models.is_empty() {
        unused(&scene, &models, findings);
    }
    models
}

fn model(named: &Named, scene: &Scene<'_>, findings: &mut Findings<'_>) -> Option<Model> {
    let Named { name, section } = named;
    if !is_name(name) {
        let hint = "use up to 256 printable ASCII characters without spaces";
        findings.problem(section.at, section.path.clone(), "not a pattern of model names", hint);
    }
    let pattern = Pattern::new(name);
    let chain = chain(section, &pattern, scene, findings);
    let deadlines = own_deadlines(section, &scene.base, findings);
    let content_filter = match section.word("content_filter") {
        Some("next") => OnFilter::Next,
        Some(_) | None => OnFilter::Return,
    };
    let midstream = match section.word("midstream") {
        Some("stop") => Midstream::Stop,
        Some(_) | None => Midstream::Continue,
    };
    let whole = match section.word("whole") {
        Some("plain") => Whole::Plain,
        Some(_) | None => Whole::Watched,
    };
    let empty = match section.word("empty") {
        Some("next") => OnEmpty::Next,
        Some(_) | None => OnEmpty::Return,
    };
    let model = Model { pattern, chain, deadlines, midstream, whole, content_filter, empty };
    (!model.chain.is_empty()).then_some(model)
}

fn chain(
    section: &Section,
    pattern: &Pattern,
    scene: &Scene<'_>,
    findings: &mut Findings<'_>,
) -> Vec<Link> {
    let path = section.key("chain");
    let at = section.at("chain");
    let Some(texts) = section.texts("chain") else {
        if !section.refused("chain") {
            let hint = "name who serves it: chain = [\"PROVIDER/*\"]";
            findings.absent(section.at, path, "is missing", hint);
        }
        return Vec::new();
    };
    if texts.is_empty() {
        findings.problem(at, path.clone(), "an empty chain", "name who serves it: \"PROVIDER/*\"");
    }
    if u32::try_from(texts.len()).is_ok_and(|length| length > scene.attempts_max) {
        let what = format!("{} targets, and retry.total is {}", texts.len(), scene.attempts_max);
        findings.problem(at, path.clone(), what, "shorten the chain, or raise retry.total");
    }
    let mut links: Vec<Link> = Vec::new();
    for (at, text) in texts {
        match link(text, pattern, scene) {
            Ok(link) if links.contains(&link) => {
                findings.problem(*at, path.clone(), "the same target twice", "keep the first");
            }
            Ok(link) => links.push(link),
            Err(Fault { what, hint, absent: false }) => {
                findings.problem(*at, path.clone(), what, hint);
            }
            Err(Fault { what, hint, absent: true }) => {
                findings.absent(*at, path.clone(), what, hint);
            }
        }
    }
    links
}

/// What is wrong with an entry of a chain; `absent` where it may stand in lines that are not TOML.
struct Fault {
    what: String,
    hint: String,
    absent: bool,
}

fn link(text: &str, pattern: &Pattern, scene: &Scene<'_>) -> Result<Link, Fault> {
    let fault = |what: &str, hint: String| Fault { what: what.to_owned(), hint, absent: false };
    let named = text.split_once('/').filter(|(name, _)| !name.is_empty());
    let Some((name, model)) = named else {
        let hint = if scene.place(text).is_some() {
            format!("did you mean \"{text}/*\"?")
        } else {
            "write \"PROVIDER/MODEL\", or \"PROVIDER/*\" for the name that was asked for".to_owned()
        };
        return Err(fault("does not name a provider and a model", hint));
    };
    let Some(provider) = scene.place(name) else {
        let names: Vec<&str> = scene.sections.iter().map(|named| named.name.as_str()).collect();
        let hint = match near::nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}/{model}\"?"),
            None => format!("add [providers.{name}]"),
        };
        return Err(Fault { what: format!("no provider \"{name}\""), hint, absent: true });
    };
    let name = match model {
        "*" => Name::Asked,
        "$1" if pattern.as_exact().is_some() => {
            let hint = "name the model, or use \"*\" for the name that was asked for".to_owned();
            return Err(fault("\"$1\" in a pattern without *", hint));
        }
        "$1" => Name::Matched,
        fixed if fixed.contains('*') => {
            let hint = format!("\"{name}/*\" keeps the name that was asked for");
            return Err(fault("a * stands alone", hint));
        }
        fixed if !is_name(fixed) => {
            let hint = "use up to 256 printable ASCII characters without spaces".to_owned();
            return Err(fault("not the name of a model", hint));
        }
        fixed => Name::Fixed(fixed.to_owned()),
    };
    Ok(Link { provider, name })
}

fn unused(scene: &Scene<'_>, models: &[Model], findings: &mut Findings<'_>) {
    for (place, Named { section, .. }) in scene.sections.iter().enumerate() {
        let uses = |model: &Model| model.chain.iter().any(|link| link.provider == place);
        if !models.iter().any(uses) {
            findings.warn(section.at, section.path.clone(), "no chain names it", "");
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_MAX && name.bytes().all(|byte| byte.is_ascii_graphic())
}

// === impl Scene ===

impl Scene<'_> {
    /// The place of a provider. The places of whole configurations agree with
    /// [`Config::providers`](crate::Config::providers): a provider that cannot be read is a problem.
    fn place(&self, name: &str) -> Option<usize> {
        self.sections.iter().position(|named| named.name == name)
    }
}
