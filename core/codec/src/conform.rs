//! Whether a document conforms to a JSON schema, where that can be said for certain.
//!
//! It knows what tools and structured outputs use of JSON Schema
//! (<https://json-schema.org/draft/2020-12/json-schema-validation>), and `nullable`, which is of
//! `OpenAPI`. What it does not know is [`Conform::Unknown`], unless something else in the schema is
//! broken for certain.
//!
//! **Invariants:** a keyword that was not checked never comes to [`Conform::Yes`]; numbers are compared
//! as they are written; the work is bounded.

mod decimal;
mod node;
#[cfg(test)]
mod tests;

use crate::json;
use node::{Node, Tree};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Conform {
    /// It conforms.
    Yes,
    /// It does not; or it is no JSON.
    No,
    /// The schema, or the document, says something that is not understood here.
    Unknown,
}

/// Whether the document conforms to the schema.
pub fn conforms(document: &str, schema: &str) -> Conform {
    let (document, root) = match (Tree::read(document), Tree::read(schema)) {
        (_, Tree::Odd | Tree::Broken) | (Tree::Odd, _) => return Conform::Unknown,
        (Tree::Broken, Tree::Read(_)) => return Conform::No,
        (Tree::Read(document), Tree::Read(root)) => (document, root),
    };
    let Some(draft) = Draft::of(&root) else { return Conform::Unknown };
    Check { root: &root, draft, depth: 0, work: WORK_MAX }.schema(&document, &root)
}

type Members<'a> = BTreeMap<Cow<'a, str>, Node<'a>>;

/// Schemas within schemas, and references from one to another, that are followed: two for each level
/// that a document may have.
const DEPTH_MAX: usize = 2 * json::DEPTH_MAX;
/// Keywords, members, items and values that are looked at. A schema of a tool has hundreds.
const WORK_MAX: usize = 1 << 20;

/// Identifiers of drafts in which everything here means the same; with what they end.
const DRAFTS: [(&str, Draft); 5] = [
    ("json-schema.org/draft/2020-12/schema", Draft::New),
    ("json-schema.org/draft/2019-09/schema", Draft::Siblings),
    ("json-schema.org/draft-07/schema", Draft::Old),
    ("json-schema.org/draft-06/schema", Draft::Old),
    ("json-schema.org/schema", Draft::New),
];

/// What drafts differ in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Draft {
    /// A `$ref` stands alone, and `prefixItems` is unknown.
    Old,
    /// What stands beside a `$ref` counts, and `prefixItems` is unknown.
    Siblings,
    New,
    /// It does not say: what counts in one draft only is not certain.
    Unsaid,
}

/// Keywords that assert nothing. `format` asserts nothing unless a validator is asked for it; so
/// does what describes contents.
const SILENT: [&str; 17] = [
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "$comment",
    "$anchor",
    "$defs",
    "definitions",
    "nullable",
    "$schema",
];

/// One comparison of a document with a schema.
#[derive(Debug)]
struct Check<'a> {
    root: &'a Node<'a>,
    draft: Draft,
    depth: usize,
    work: usize,
}

// === impl Conform ===

impl Conform {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Both must hold: one that is broken for certain decides.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    /// What it is worth where it may not count.
    fn or_unknown(self) -> Self {
        match self {
            Self::Yes => Self::Yes,
            Self::No | Self::Unknown => Self::Unknown,
        }
    }
}

// === impl Draft ===

impl Draft {
    /// `None` where the root names rules that are not known.
    fn of(root: &Node<'_>) -> Option<Self> {
        let Some(named) = root.member("$schema") else { return Some(Self::Unsaid) };
        let named = named.text()?.trim_end_matches('#');
        let (_, named) = named.split_once("://")?;
        DRAFTS.iter().find(|(name, _)| *name == named).map(|(_, draft)| *draft)
    }
}

// === impl Check ===

impl<'a> Check<'a> {
    /// Takes as much of what may be done; false where nothing is left.
    fn spend(&mut self, work: usize) -> bool {
        let left = self.work.checked_sub(work);
        self.work = left.unwrap_or(0);
        left.is_some()
    }

    fn schema(&mut self, value: &Node<'a>, schema: &'a Node<'a>) -> Conform {
        let members = match schema {
            Node::Bool(holds) => return Conform::from(*holds),
            Node::Object(members) => members,
            Node::Null | Node::Number(_) | Node::Text(_) | Node::List(_) => {
                return Conform::Unknown;
            }
        };
        // Within another resource, references mean something else.
        let inner = !std::ptr::eq(schema, self.root);
        let moved = inner && ["$id", "$schema"].iter().any(|key| members.contains_key(*key));
        if moved || self.depth == DEPTH_MAX || !self.spend(1 + members.len()) {
            return Conform::Unknown;
        }
        self.depth += 1;
        let referred = members.get("$ref").map(|to| self.reference(value, to));
        let mut beside = Conform::Yes;
        for (key, rule) in members.iter().filter(|(key, _)| *key != "$ref") {
            let mut found = self.keyword(value, members, (key, rule));
            if key == "prefixItems" && matches!(self.draft, Draft::Old | Draft::Siblings) {
                found = Conform::Unknown;
            }
            beside = beside.and(found);
        }
        self.depth -= 1;
        match (referred, self.draft) {
            (None, _) => beside,
            (Some(referred), Draft::New | Draft::Siblings) => referred.and(beside),
            (Some(referred), Draft::Old | Draft::Unsaid) => referred.and(beside.or_unknown()),
        }
    }

    fn keyword(
        &mut self,
        value: &Node<'a>,
        schema: &'a Members<'a>,
        (key, rule): (&str, &'a Node<'a>),
    ) -> Conform {
        let found = match key {
            "type" => of_type(value, rule),
            "enum" => self.one_of_these(value, rule),
            "const" => self.equal(value, rule),
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                number(value, key, rule)
            }
            "minLength" | "maxLength" | "minItems" | "maxItems" => self.size(value, key, rule),
            "uniqueItems" => self.unique(value, rule),
            "properties" => self.properties(value, rule),
            "required" => self.required(value, rule),
            "additionalProperties" => self.additional(value, schema, rule),
            "prefixItems" => self.first_items(value, rule),
            "items" => self.items(value, schema, rule),
            "allOf" | "anyOf" | "oneOf" => self.several(value, key, rule),
            "not" => self.schema(value, rule).not(),
            "$id" => Conform::Yes,
            _ if SILENT.contains(&key) => Conform::Yes,
            _ => Conform::Unknown,
        };
        // OpenAPI 3.0 has null beside the type, JSON Schema has no such word.
        let Some(nullable) = schema.get("nullable") else { return found };
        match (nullable, value, key) {
            (Node::Bool(true), Node::Null, "type") => Conform::Yes,
            (Node::Bool(true), Node::Null, _) => found.or_unknown(),
            (Node::Bool(_), _, _) => found,
            (_, _, _) => Conform::Unknown,
        }
    }

    /// `$ref`: a JSON Pointer within the schema (RFC 6901, in the spelling of URI fragments).
    fn reference(&mut self, value: &Node<'a>, to: &'a Node<'a>) -> Conform {
        let mut found = self.root;
        let Some(path) = to.text().and_then(|to| to.strip_prefix('#')) else {
            return Conform::Unknown;
        };
        let steps = path.split('/').skip(1);
        let plain = path.is_empty() || path.starts_with('/');
        if !plain || path.contains('%') || !self.spend(path.len()) {
            return Conform::Unknown;
        }
        for step in steps {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match found {
                Node::Object(members) => members.get(step.as_str()),
                Node::List(items) => {
                    // Only one spelling of a number is a place (RFC 6901, section 4).
                    let at = step.parse().ok().filter(|at: &usize| at.to_string() == step);
                    at.and_then(|at| items.get(at))
                }
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => None,
            };
            let Some(next) = next.filter(|next| next.member("$id").is_none()) else {
                return Conform::Unknown;
            };
            found = next;
        }
        self.schema(value, found)
    }

    fn equal(&mut self, value: &Node<'a>, rule: &'a Node<'a>) -> Conform {
        if self.spend(rule.weight()) { Conform::from(value == rule) } else { Conform::Unknown }
    }

    fn one_of_these(&mut self, value: &Node<'a>, rule: &'a Node<'a>) -> Conform {
        let Node::List(values) = rule else { return Conform::Unknown };
        if !self.spend(rule.weight()) {
            return Conform::Unknown;
        }
        Conform::from(values.contains(value))
    }

    fn size(&mut self, value: &Node<'a>, key: &str, rule: &'a Node<'a>) -> Conform {
        let Some(limit) = rule.count() else { return Conform::Unknown };
        let size = match (value, key) {
            (Node::Text(text), "minLength" | "maxLength") => {
                if !self.spend(text.len() / 16) {
                    return Conform::Unknown;
                }
                text.chars().count()
            }
            (Node::List(items), "minItems" | "maxItems") => items.len(),
            (_, _) => return Conform::Yes,
        };
        Conform::from(if key.starts_with("min") { limit <= size } else { size <= limit })
    }

    fn unique(&mut self, value: &Node<'a>, rule: &'a Node<'a>) -> Conform {
        let Node::Bool(unique) = rule else { return Conform::Unknown };
        let (true, Node::List(items)) = (unique, value) else { return Conform::Yes };
        // Sorting compares each item about as often as their number has digits.
        let times = 1 + usize::try_from(items.len().checked_ilog2().unwrap_or(0)).unwrap_or(0);
        if !self.spend(value.weight().saturating_mul(times)) {
            return Conform::Unknown;
        }
        let mut sorted: Vec<&Node<'a>> = items.iter().collect();
        sorted.sort_unstable();
        let pairs = sorted.iter().zip(sorted.iter().skip(1));
        Conform::from(pairs.into_iter().all(|(one, other)| one != other))
    }

    fn properties(&mut self, value: &Node<'a>, rule: &'a Node<'a>) -> Conform {
        let Node::Object(schemas) = rule else { return Conform::Unknown };
        let mut all = Conform::Yes;
        for (name, schema) in schemas {
            if !self.spend(1) {
                return Conform::Unknown;
            }
            if let Some(member) = value.member(name) {
                all = all.and(self.schema(member, schema));
            }
        }
        all
    }

    fn required(&mut self, value: &Node<'a>, rule: &'a Node<'a>) -> Conform {
        let Node::List(names) = rule else { return Conform::Unknown };
        if !self.spend(names.len()) || !names.iter().all(|name| name.text().is_some()) {
            return Conform::Unknown;
        }
        let Node::Object(members) = value else { return Conform::Yes };
        let has = |name: &Node<'_>| name.text().is_some_and(|name| members.contains_key(name));
        Conform::from(names.iter().all(has))
    }

    fn additional(
        &mut self,
        value: &Node<'a>,
        schema: &'a Members<'a>,
        rule: &'a Node<'a>,
    ) -> Conform {
        let Node::Object(members) = value else { return Conform::Yes };
        let known = match schema.get("properties") {
            Some(Node::Object(known)) => Some(known),
            Some(_) => return Conform::Unknown,
            None => None,
        };
        let mut all = Conform::Yes;
        for (name, member) in members {
            if !self.spend(1) {
                return Conform::Unknown;
            }
            if !known.is_some_and(|known| known.contains_key(name)) {
                all = all.and(self.schema(member, rule));
            }
        }
        // A pattern may have spoken for any of them.
        if schema.contains_key("patternProperties") { all.or_unknown() } else { all }
    }

    fn first_items(&mut self, value: &Node<'a>, rule: &'a Node<'a>) -> Conform {
        let Node::List(schemas) = rule else { return Conform::Unknown };
        let Node::List(items) = value else { return Conform::Yes };
        let pairs = items.iter().zip(schemas);
        pairs.fold(Conform::Yes, |all, (item, schema)| all.and(self.schema(item, schema)))
    }

    fn items(&mut self, value: &Node<'a>, schema: &'a Members<'a>, rule: &'a Node<'a>) -> Conform {
        // Older drafts have a list here; it is `prefixItems` now.
        let (Node::Object(_) | Node::Bool(_)) = rule else { return Conform::Unknown };
        let before = match schema.get("prefixItems") {
            Some(Node::List(schemas)) => schemas.len(),
            Some(_) => return Conform::Unknown,
            None => 0,
        };
        let Node::List(items) = value else { return Conform::Yes };
        let rest = items.iter().skip(before);
        let all = rest.fold(Conform::Yes, |all, item| all.and(self.schema(item, rule)));
        // Drafts without `prefixItems` ask this of the first items too.
        if before > 0 && self.draft != Draft::New { all.or_unknown() } else { all }
    }

    fn several(&mut self, value: &Node<'a>, key: &str, rule: &'a Node<'a>) -> Conform {
        let Node::List(schemas) = rule else { return Conform::Unknown };
        if schemas.is_empty() {
            return Conform::Unknown;
        }
        let (mut yes, mut no, mut unknown) = (0usize, 0usize, 0usize);
        for schema in schemas {
            match self.schema(value, schema) {
                Conform::Yes => yes += 1,
                Conform::No => no += 1,
                Conform::Unknown => unknown += 1,
            }
        }
        match key {
            "allOf" if no > 0 => Conform::No,
            "anyOf" if yes > 0 => Conform::Yes,
            "oneOf" if yes > 1 => Conform::No,
            _ if unknown > 0 => Conform::Unknown,
            "allOf" => Conform::Yes,
            "anyOf" => Conform::No,
            _ => Conform::from(yes == 1),
        }
    }
}

/// `type`, with the name of a type or several.
fn of_type(value: &Node<'_>, rule: &Node<'_>) -> Conform {
    let one = std::slice::from_ref(rule);
    let names = match rule {
        Node::List(names) if !names.is_empty() => names.as_slice(),
        Node::Text(_) => one,
        Node::List(_) | Node::Null | Node::Bool(_) | Node::Number(_) | Node::Object(_) => {
            return Conform::Unknown;
        }
    };
    let mut found = Conform::No;
    for name in names {
        let is = match (name.text(), value) {
            (Some("null"), Node::Null)
            | (Some("boolean"), Node::Bool(_))
            | (Some("number"), Node::Number(_))
            | (Some("string"), Node::Text(_))
            | (Some("array"), Node::List(_))
            | (Some("object"), Node::Object(_)) => true,
            (Some("integer"), Node::Number(number)) => number.is_integer(),
            (
                Some("null" | "boolean" | "number" | "string" | "array" | "object" | "integer"),
                _,
            ) => false,
            (_, _) => {
                found = Conform::Unknown;
                continue;
            }
        };
        if is {
            return Conform::Yes;
        }
    }
    found
}

/// Keywords that compare a number with one.
fn number(value: &Node<'_>, key: &str, rule: &Node<'_>) -> Conform {
    let Node::Number(limit) = rule else { return Conform::Unknown };
    let Node::Number(number) = value else { return Conform::Yes };
    match key {
        "minimum" => Conform::from(number >= limit),
        "maximum" => Conform::from(number <= limit),
        "exclusiveMinimum" => Conform::from(number > limit),
        "exclusiveMaximum" => Conform::from(number < limit),
        _ => number.is_multiple_of(limit).map_or(Conform::Unknown, Conform::from),
    }
}
