//! Patterns of model names: `*` stands for anything, everything else for itself.

use std::fmt;

/// A pattern of model names.
///
/// **Invariant:** never two `*` in a row, so that equal patterns are equal values.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pattern {
    /// What stands between the stars; one more than there are stars, empty at an open end.
    parts: Vec<String>,
}

// === impl Pattern ===

impl Pattern {
    /// Reads a pattern; every `*` is a star.
    pub fn new(text: &str) -> Self {
        let mut parts: Vec<String> = text.split('*').map(str::to_owned).collect();
        let last = parts.len().saturating_sub(1);
        let mut place = 0;
        parts.retain(|part| {
            let inside = place != 0 && place != last;
            place += 1;
            !(inside && part.is_empty())
        });
        Self { parts }
    }

    /// The pattern of exactly one name, in which a `*` is nothing special.
    pub fn exact(name: &str) -> Self {
        Self { parts: vec![name.to_owned()] }
    }

    /// The one name it matches, where there is only one.
    pub fn as_exact(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }

    /// Whether it matches a name.
    pub fn matches(&self, name: &str) -> bool {
        self.star(name).is_some()
    }

    /// What its first star stands for in a name; `None` where it does not match or has no star.
    /// Every star takes as little as it can, but the last.
    pub fn capture<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.as_exact().is_some() { None } else { self.star(name) }
    }

    /// Whether it is more specific: a name beats a pattern, then more literal characters win.
    pub(crate) fn beats(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    /// What stands between its stars.
    pub(crate) fn parts(&self) -> &[String] {
        &self.parts
    }

    fn rank(&self) -> (bool, usize) {
        (self.as_exact().is_some(), self.parts.iter().map(|part| part.chars().count()).sum())
    }

    /// What the first star stands for, or the whole name where there is no star; `None` where the
    /// name does not match. Taking each inner part at its first place is enough: an earlier place
    /// never leaves less room for the rest.
    fn star<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (last, rest) = self.parts.split_last()?;
        let Some((first, inner)) = rest.split_first() else {
            return (last == name).then_some(name);
        };
        let mut middle = name.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        let mut star = None;
        for part in inner {
            let (before, after) = middle.split_once(part.as_str())?;
            star = star.or(Some(before));
            middle = after;
        }
        star.or(Some(middle))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    /// `expect`: what the first star stands for, in a pattern that matches.
    #[track_caller]
    fn check(pattern: &str, name: &str, expect: Result<&str, &str>) {
        let pattern = Pattern::new(pattern);
        let found = match (pattern.matches(name), pattern.capture(name)) {
            (true, Some(star)) => Ok(star),
            (true, None) => Err("no star"),
            (false, _) => Err("no match"),
        };
        assert_eq!(found, expect, "{pattern} on {name}");
    }

    #[test]
    fn stars_stand_for_anything() {
        check("gpt-5", "gpt-5", Err("no star"));
        check("gpt-5", "gpt-5.4", Err("no match"));
        check("gpt-*", "gpt-", Ok(""));
        check("gpt-*", "gpt-5.4", Ok("5.4"));
        check("gpt-*", "GPT-5.4", Err("no match"));
        check("groq/*", "groq/meta/llama", Ok("meta/llama"));
        check("*", "", Ok(""));
        check("*", "anything", Ok("anything"));
        check("*-latest", "x-latest", Ok("x"));
        check("*-latest", "-lates", Err("no match"));
        check("a*a", "a", Err("no match"));
        check("a*a", "aa", Ok(""));
        check("a*b*c", "abbc", Ok(""));
        check("a*b*c", "axbybc", Ok("x"));
        check("a*b*c", "acb", Err("no match"));
        check("*a*a*", "aa", Ok(""));
        check("*a*a*", "a", Err("no match"));
        check("é*", "é1", Ok("1"));
        check("", "", Err("no star"));
        check("", "x", Err("no match"));
    }

    #[test]
    fn stars_in_a_row_are_one() {
        assert_eq!(Pattern::new("a**b***"), Pattern::new("a*b*"));
        assert_eq!(Pattern::new("***"), Pattern::new("*"));
        assert_eq!(Pattern::new("a**").to_string(), "a*");
        assert_eq!(Pattern::exact("a*").capture("ab"), None);
        assert!(Pattern::exact("a*").matches("a*"));
    }

    #[test]
    fn the_more_specific_beats() {
        for (winner, loser) in [("a", "a*"), ("ab*", "a*"), ("a*bc", "ab*"), ("", "*")] {
            assert!(Pattern::new(winner).beats(&Pattern::new(loser)), "{winner} {loser}");
            assert!(!Pattern::new(loser).beats(&Pattern::new(winner)), "{winner} {loser}");
        }
    }
}
