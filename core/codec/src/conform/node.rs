//! A JSON document as a tree whose numbers are exact.

use super::decimal::Decimal;
use crate::json::{self, Members, Type, Word};
use crate::lazy::{self, Raw};
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Decimal),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(BTreeMap<Cow<'a, str>, Node<'a>>),
}

/// What becomes of a text.
#[derive(Debug)]
pub(super) enum Tree<'a> {
    Read(Node<'a>),
    /// It is no JSON.
    Broken,
    /// It is JSON that readers understand differently, or too much of it: a key twice, half a
    /// surrogate pair, an exponent beyond all measure.
    Odd,
}

// === impl Tree ===

impl<'a> Tree<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Self::Broken;
        }
        if text.len() > json::TREE_BYTES_MAX || json::too_deep(text.as_bytes()) {
            return Self::Odd;
        }
        Node::read(text.trim_matches([' ', '\t', '\n', '\r'])).map_or(Self::Odd, Self::Read)
    }
}

// === impl Node ===

impl<'a> Node<'a> {
    /// Reads the text of a value. Each level is read anew, no deeper than [`json::DEPTH_MAX`].
    fn read(text: &'a str) -> Option<Self> {
        Some(match json::type_of_text(text) {
            Type::Null => Self::Null,
            Type::Bool => Self::Bool(text == "true"),
            Type::Number => Self::Number(Decimal::read(text)?),
            Type::String => Self::Text(lazy::read::<Word<'a>>(text).ok()?.0),
            Type::Array => {
                let items: Vec<Raw<'a>> = lazy::read(text).ok()?;
                let items = items.into_iter().map(|item| Self::read(item.get()));
                Self::List(items.collect::<Option<_>>()?)
            }
            Type::Object => {
                let mut members = BTreeMap::new();
                for (key, value) in Members::read(text)?.0 {
                    if members.insert(key, Self::read(value.get())?).is_some() {
                        return None;
                    }
                }
                Self::Object(members)
            }
        })
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(name),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// As a size, such as `minLength` has.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::Number(number) => number.count(),
            Self::Null | Self::Bool(_) | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// What it costs to compare it.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 1,
            Self::Text(text) => 1 + text.len() / 16,
            Self::List(items) => 1 + items.iter().map(Self::weight).sum::<usize>(),
            Self::Object(members) => 1 + members.values().map(Self::weight).sum::<usize>(),
        }
    }
}
