//! Names close to one that is not known, for "did you mean".

use crate::Pattern;

/// Longer names are compared by their first characters only: a limit on what a caller can make us do.
const LENGTH_MAX: usize = 128;

/// The candidate closest to a name, where one is close.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(name, &[candidate]), candidate))
        .filter(|(distance, candidate)| close(*distance, name.len().min(candidate.len())))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean "…"?`, or what is possible.
pub(crate) fn did_you_mean(name: &str, candidates: &[&str]) -> String {
    nearest(name, candidates.iter().copied()).map_or_else(
        || {
            if candidates.is_empty() {
                String::new()
            } else {
                format!("possible here: {}", candidates.join(", "))
            }
        },
        |near| format!("did you mean \"{near}\"?"),
    )
}

/// Up to three patterns close to a name, the closest first.
pub(crate) fn patterns<'a>(name: &str, all: impl Iterator<Item = &'a Pattern>) -> Vec<String> {
    let mut ranked: Vec<(usize, String)> = all
        .map(|pattern| {
            let parts: Vec<&str> = pattern.parts().iter().map(String::as_str).collect();
            (distance(name, &parts), pattern)
        })
        .filter(|(distance, pattern)| {
            let literal: usize = pattern.parts().iter().map(String::len).sum();
            close(*distance, name.len().min(literal))
        })
        .map(|(distance, pattern)| (distance, pattern.to_string()))
        .collect();
    ranked.sort();
    ranked.into_iter().take(3).map(|(_, pattern)| pattern).collect()
}

fn close(distance: usize, length: usize) -> bool {
    distance <= length / 3
}

/// How many insertions, deletions, replacements and swaps of neighbours separate a name from the
/// nearest text that the parts match, with anything for free between two parts (optimal string
/// alignment, one row per character of the pattern). Case does not count.
fn distance(name: &str, parts: &[&str]) -> usize {
    let name: Vec<char> = name.to_lowercase().chars().take(LENGTH_MAX).collect();
    let mut before_last: Option<Vec<usize>> = None;
    let mut row: Vec<usize> = (0..=name.len()).collect();
    let mut previous = None;
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            // A star: whatever was reached so far may be extended for free.
            let mut least = usize::MAX;
            for cost in &mut row {
                least = least.min(*cost);
                *cost = least;
            }
            (before_last, previous) = (None, None);
        }
        for letter in part.to_lowercase().chars().take(LENGTH_MAX) {
            let swapped = before_last.as_deref().zip(previous);
            let next = next_row(&name, letter, &row, swapped);
            before_last = Some(std::mem::replace(&mut row, next));
            previous = Some(letter);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The costs after one more letter of the pattern; `swapped` holds the row before the last and the
/// letter before this one.
fn next_row(
    name: &[char],
    letter: char,
    row: &[usize],
    swapped: Option<(&[usize], char)>,
) -> Vec<usize> {
    let mut left = row.first().map_or(1, |cost| cost + 1);
    let mut next = vec![left];
    let mut last_seen = None;
    for (column, (&seen, costs)) in name.iter().zip(row.windows(2)).enumerate() {
        let &[diagonal, above] = costs else { continue };
        let mut cost = (diagonal + usize::from(seen != letter)).min(above + 1).min(left + 1);
        if let Some((before, previous)) = swapped
            && seen == previous
            && last_seen == Some(letter)
            && let Some(start) = column.checked_sub(1).and_then(|column| before.get(column))
        {
            cost = cost.min(start + 1);
        }
        next.push(cost);
        left = cost;
        last_seen = Some(seen);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest, patterns};
    use crate::Pattern;

    #[test]
    fn distances() {
        for (a, b, expect) in [
            ("", "", 0),
            ("dialect", "dialect", 0),
            ("dialekt", "dialect", 1),
            ("dailect", "dialect", 1),
            ("gtp", "gpt", 1),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("Listen", "listen", 0),
        ] {
            assert_eq!(distance(a, &[b]), expect, "{a} {b}");
        }
        assert_eq!(distance("gtp-5.4", &["gpt-", ""]), 1);
        assert_eq!(distance("gpt-5.4-min", &["gpt-", "-mini"]), 1);
        assert_eq!(distance("anything", &["", ""]), 0);
    }

    #[test]
    fn only_what_is_close_is_near() {
        assert_eq!(nearest("dialekt", ["kind", "dialect"]), Some("dialect"));
        assert_eq!(nearest("quux", ["kind", "dialect"]), None);
        let all = ["gpt-*", "claude-*", "o3*", "llama3.1:8b"].map(Pattern::new);
        assert_eq!(patterns("gtp-5", all.iter()), ["gpt-*"]);
        assert_eq!(patterns("cluade-sonnet", all.iter()), ["claude-*"]);
        assert_eq!(patterns("llama3.1:7b", all.iter()), ["llama3.1:8b"]);
        assert_eq!(patterns("mistral", all.iter()), Vec::<String>::new());
        assert_eq!(patterns(&"x".repeat(1 << 16), all.iter()), Vec::<String>::new());
    }
}
