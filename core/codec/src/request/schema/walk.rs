//! What a schema is, found in one reading.
//!
//! **Invariant:** every byte is read once, however deep it stands and however many members there are.

use super::{LOOSE, NAMED, VALUES};
use crate::json::{Word, skip};
use crate::lazy::Raw;
use crate::request::text_of;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// What holds of a schema and of all within.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Every object is closed.
    pub(super) closed: bool,
    /// Every object is closed and requires all its members, and no key is loose.
    pub(super) strict: bool,
}

/// A reader of a schema, or of schemas by their names.
#[derive(Debug)]
struct Walk<'f> {
    found: &'f mut Found,
    named: bool,
}

/// What a value was.
#[derive(Debug, Eq, PartialEq)]
enum Seen<'a> {
    False,
    /// The word `object`.
    Object,
    /// An object; its names where they are the caller's.
    Members(Vec<Cow<'a, str>>),
    Other,
}

/// What a schema says of objects.
#[derive(Debug, Default)]
struct Object<'a> {
    typed: bool,
    closed: bool,
    properties: Option<Vec<Cow<'a, str>>>,
    required: BTreeSet<Cow<'a, str>>,
}

/// Reads a schema. What cannot be read is neither closed nor strict.
pub(super) fn found(schema: &str) -> Found {
    let mut found = Found { closed: true, strict: true };
    let mut json = serde_json::Deserializer::from_str(schema);
    match (Walk { found: &mut found, named: false }).deserialize(&mut json) {
        Ok(_) => found,
        Err(_) => Found { closed: false, strict: false },
    }
}

// === impl Object ===

impl<'a> Object<'a> {
    fn take(&mut self, key: &str, seen: Seen<'a>) {
        match key {
            "type" => self.typed = seen == Seen::Object,
            "additionalProperties" => self.closed = seen == Seen::False,
            "properties" => {
                self.properties = match seen {
                    Seen::Members(names) => Some(names),
                    Seen::False | Seen::Object | Seen::Other => None,
                }
            }
            _ => {}
        }
    }

    fn tell(self, found: &mut Found) {
        if !self.typed && self.properties.is_none() {
            return;
        }
        let mut names = self.properties.iter().flatten();
        found.closed &= self.closed;
        found.strict &= self.closed && names.all(|name| self.required.contains(name));
    }
}

// === impl Walk ===

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Seen<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Seen<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a schema")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Seen<'de>, E> {
        Ok(if value { Seen::Other } else { Seen::False })
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen<'de>, E> {
        Ok(if text == "object" { Seen::Object } else { Seen::Other })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen<'de>, E> {
        Ok(Seen::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Seen<'de>, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen<'de>, E> {
        Ok(Seen::Other)
    }

    fn visit_unit<E>(self) -> Result<Seen<'de>, E> {
        Ok(Seen::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Seen<'de>, A::Error> {
        while list.next_element_seed(Walk { found: self.found, named: false })?.is_some() {}
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seen<'de>, A::Error> {
        let mut names = Vec::new();
        let mut object = Object::default();
        while let Some(Word(key)) = map.next_key::<Word<'de>>()? {
            if self.named {
                map.next_value_seed(Walk { found: self.found, named: false })?;
                names.push(key);
                continue;
            }
            self.found.strict &= !LOOSE.contains(&key.as_ref());
            if key == "required" {
                object.required = texts(map.next_value()?);
            } else if VALUES.contains(&key.as_ref()) {
                skip(&mut map)?;
            } else {
                let named = NAMED.contains(&key.as_ref());
                let seen = map.next_value_seed(Walk { found: self.found, named })?;
                object.take(&key, seen);
            }
        }
        object.tell(self.found);
        Ok(Seen::Members(names))
    }
}

/// The strings of a list.
fn texts(raw: Raw<'_>) -> BTreeSet<Cow<'_, str>> {
    let items: Vec<Raw<'_>> = serde_json::from_str(raw.get()).unwrap_or_default();
    items.into_iter().filter_map(text_of).collect()
}
