//! Names from outside as values of labels: models, targets, keys, fields.
//!
//! **Invariant:** there are never more than [`NAMES_MAX`] of a kind, and what has a place keeps it.

use crate::shown::shown;
use std::collections::BTreeMap;

/// Names of a kind that have a place of their own; all others share `_other`.
pub const NAMES_MAX: usize = 256;

/// A name is cut at this.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// What stands for names without a place of their own.
pub(crate) const OTHER: &str = "_other";
/// What stands where there is no name.
pub(crate) const NONE: &str = "_none";

/// Places of these.
const RESERVED: usize = 2;

/// The place of a name among those of its kind.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place(usize);

/// The names of one kind.
#[derive(Debug)]
pub(crate) struct Names {
    places: BTreeMap<String, Place>,
    /// By place.
    texts: Vec<String>,
}

// === impl Place ===

impl Place {
    /// That of [`OTHER`].
    pub(crate) const OTHER: Self = Self(0);
}

// === impl Names ===

impl Default for Names {
    fn default() -> Self {
        let mut names = Self { places: BTreeMap::new(), texts: Vec::new() };
        names.add(OTHER);
        names.add(NONE);
        names
    }
}

impl Names {
    /// The place of a name. Names that nobody vouches for, since nothing was answered under them,
    /// find room in the first half only: who makes up names leaves room for those that are used.
    pub(crate) fn place(&mut self, name: &str, vouched: bool) -> Place {
        let name = shown(name, NAME_BYTES_MAX);
        if let Some(place) = self.places.get(&*name) {
            return *place;
        }
        let room = if vouched { NAMES_MAX } else { NAMES_MAX / 2 };
        if self.texts.len() < room + RESERVED { self.add(&name) } else { Place::OTHER }
    }

    /// The text of a place.
    pub(crate) fn text(&self, place: Place) -> &str {
        self.texts.get(place.0).map_or(OTHER, String::as_str)
    }

    /// The names that have a place of their own.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().skip(RESERVED).map(String::as_str)
    }

    fn add(&mut self, name: &str) -> Place {
        let place = Place(self.texts.len());
        self.texts.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES_MAX, Names, Place};

    #[test]
    fn a_name_keeps_its_place_and_room_ends() {
        let mut names = Names::default();
        let first = names.place("first", false);
        for made_up in 0..1000 {
            names.place(&format!("made up {made_up}"), false);
        }
        assert_eq!(names.iter().count(), NAMES_MAX / 2);
        assert_eq!(names.place("made up 999", false), Place::OTHER);
        for used in 0..1000 {
            names.place(&format!("used {used}"), true);
        }
        assert_eq!(names.iter().count(), NAMES_MAX);
        assert_eq!(names.place("used 999", true), Place::OTHER);
        assert_eq!((names.place("first", false), names.text(first)), (first, "first"));
    }

    #[test]
    fn no_name_is_taken_for_one_of_ours_or_for_another() {
        let mut names = Names::default();
        assert_eq!(names.place("_other", true), Place::OTHER);
        let none = names.place("_none", true);
        assert_eq!((names.text(none), names.iter().count()), ("_none", 0));
        let broken = names.place("a\nb", true);
        assert_ne!(names.place("a\\nb", true), broken);
        assert_eq!(names.text(broken), "a\\nb");
        let long = names.place(&"x".repeat(1 << 20), true);
        assert_eq!(names.text(long).len(), 128);
        assert_eq!(names.place(&"x".repeat(200), true), long);
    }
}
