//! Citations of Messages as annotations of Chat.
//!
//! In Messages a citation belongs to its block of text. Chat says where in the whole text it
//! belongs, counted in characters: so the text is counted as it passes.

use crate::crossing::desk::Desk;
use crate::json::{self, Members, Word};

/// What was cited in the block that is open, and where it began.
#[derive(Debug, Default)]
pub(super) struct Citations {
    /// Characters of the whole text so far.
    count: usize,
    /// Where the block began.
    start: usize,
    /// The insides of address and title.
    cited: Vec<(String, String)>,
    /// How many annotations were written.
    written: usize,
}

/// How many characters the inside of a string stands for. Half a surrogate pair counts where it is
/// the first.
fn characters(raw: &str) -> usize {
    let mut count = 0usize;
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let counts = match byte {
            b'\\' if bytes.next() == Some(b'u') => {
                let digits = [bytes.next(), bytes.next(), bytes.next(), bytes.next()];
                !is_low_surrogate(digits)
            }
            b'\\' => true,
            // What goes on with a character is none.
            byte => byte & 0xC0 != 0x80,
        };
        count = count.saturating_add(usize::from(counts));
    }
    count
}

/// `\udc00` to `\udfff`.
fn is_low_surrogate(digits: [Option<u8>; 4]) -> bool {
    matches!(digits, [Some(b'd' | b'D'), Some(b'c'..=b'f' | b'C'..=b'F'), ..])
}

// === impl Citations ===

impl Citations {
    /// A block of text begins.
    pub(super) fn begin(&mut self) {
        self.start = self.count;
        self.cited.clear();
    }

    /// A piece of text.
    pub(super) fn pass(&mut self, raw: &str) {
        self.count = self.count.saturating_add(characters(raw));
    }

    /// A citation, a JSON object; what it takes to hold it.
    pub(super) fn add(&mut self, object: &str, desk: &mut Desk) -> usize {
        const PATH: &str = "content[].citations[]";
        let cited = Members::read(object).and_then(|members| {
            let kind: Word<'_> = serde_json::from_str(members.get("type")?.get()).ok()?;
            let text = |key| Some(json::inside(members.get(key)?)?.to_owned());
            if members.get("encrypted_index").is_some() {
                desk.lose("content[].citations[].encrypted_index", "dropped");
            }
            let web = kind.as_str() == "web_search_result_location";
            web.then(|| Some((text("url")?, text("title").unwrap_or_default())))?
        });
        let Some((url, title)) = cited else {
            desk.lose(PATH, "dropped");
            return 0;
        };
        let size = url.len().saturating_add(title.len());
        self.cited.push((url, title));
        size
    }

    /// The block of text is closed: its annotations, a JSON array, if it has any. They are numbered,
    /// since `OpenAI`'s own SDK refuses items of a second list that are not
    /// (`openai.lib.streaming._deltas.accumulate_delta`).
    pub(super) fn close(&mut self) -> Option<String> {
        let Self { count, start, cited, written } = self;
        let annotations: Vec<String> = cited
            .drain(..)
            .map(|(url, title)| {
                let index = *written;
                *written = index.saturating_add(1);
                format!(
                    "{{\"index\":{index},\"type\":\"url_citation\",\"url_citation\":{{\"start_index\":{start},\
                     \"end_index\":{count},\"url\":\"{url}\",\"title\":\"{title}\"}}}}"
                )
            })
            .collect();
        (!annotations.is_empty()).then(|| format!("[{}]", annotations.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::characters;

    #[test]
    fn characters_are_counted_as_they_are_read() {
        for (raw, count) in [
            ("", 0),
            ("abc", 3),
            ("é€😀", 3),
            (r#"\"\\\n\/"#, 4),
            (r"\u00e9\ud83d\ude00", 2),
            (r"\ud83d", 1),
            (r"\uDE00x", 1),
        ] {
            assert_eq!(characters(raw), count, "{raw}");
        }
    }
}
