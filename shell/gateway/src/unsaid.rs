//! What must not come back from a provider: the keys that it is asked with. Some repeat the key that
//! they refuse, in the text of the error or in a header, and whoever asked would read ours.
//!
//! **Invariant:** only heads, errors, and what stands beside the data of a stream are looked at. An answer
//! keeps its bytes.

use crate::forward::CREDENTIALS;
use bytes::Bytes;
use config::{Credential, Provider};
use http::header::{HeaderMap, HeaderName};
use ir::{Event, Frame, Rejection};
use secrecy::{ExposeSecret, SecretString};

/// The keys that one provider is asked with.
#[derive(Debug, Default)]
pub(crate) struct Unsaid(Vec<SecretString>);

/// Shorter ones are made up for servers that want some key (`ollama`): they would be found in words.
const KEY_MIN: usize = 8;
/// What stands in the place of a key.
const REDACTED: &[u8] = b"[redacted]";

// === impl Unsaid ===

impl Unsaid {
    pub(crate) fn of(provider: &Provider) -> Self {
        let ours = provider.credentials.iter().filter_map(|credential| match credential {
            Credential::Ours(key) => Some(key.clone()),
            Credential::Caller | Credential::None => None,
        });
        Self(ours.filter(|key| KEY_MIN <= key.expose_secret().len()).collect())
    }

    /// The caller's own, where that is what the provider is asked with: it may stand in its answer, and
    /// nowhere else.
    pub(crate) fn callers(headers: &HeaderMap) -> Self {
        let values = CREDENTIALS.iter().flat_map(|name| headers.get_all(*name));
        let keys = values.filter_map(|value| value.to_str().ok()?.split_ascii_whitespace().last());
        Self(keys.filter(|key| KEY_MIN <= key.len()).map(SecretString::from).collect())
    }

    /// Drops the headers that hold a key.
    pub(crate) fn head(&self, headers: &mut HeaderMap) {
        let holds = |value: &[u8]| {
            self.keys().any(|key| value.windows(key.len()).any(|window| window == key))
        };
        let holding = headers.iter().filter(|(_, value)| holds(value.as_bytes()));
        let holding: Vec<HeaderName> = holding.map(|(name, _)| name.clone()).collect();
        for name in holding {
            headers.remove(name);
        }
    }

    /// The body of an error.
    pub(crate) fn body(&self, body: Bytes) -> Bytes {
        self.without(&body).map_or(body, Bytes::from)
    }

    /// An error as it was read.
    pub(crate) fn rejection(&self, rejection: &mut Rejection) {
        let Rejection { kind, code, param, message, .. } = rejection;
        for text in [kind, code, param, message] {
            if let Some(clean) = self.without(text.as_bytes()) {
                *text = String::from_utf8_lossy(&clean).into_owned();
            }
        }
    }

    /// A frame of a stream: all of an error, comments, and the names of what says nothing of the answer.
    pub(crate) fn frame(&self, frame: &mut Frame) {
        let (mut fails, mut says) = (false, false);
        for event in &mut frame.events {
            match event {
                Event::Fail(rejection) => {
                    fails = true;
                    self.rejection(rejection);
                }
                Event::Ping
                | Event::Repeated(_)
                | Event::Malformed(_)
                | Event::Noise(_)
                | Event::Aside(_) => {}
                Event::Start(_)
                | Event::Open(..)
                | Event::Delta(..)
                | Event::Close(_)
                | Event::Finish(..)
                | Event::Progress
                | Event::Usage(_)
                | Event::End => says = true,
            }
        }
        // What an answer says is nearly all that comes.
        if !fails && says && self.is_plain(&frame.bytes) {
            return;
        }
        let bytes = std::mem::take(&mut frame.bytes);
        let is_error = fails || (!says && codec::names_error(&bytes));
        frame.bytes = if is_error { self.body(bytes) } else { self.beside(bytes) };
    }

    /// A frame whose data is left as it is.
    fn beside(&self, frame: Bytes) -> Bytes {
        let lines = || frame.split_inclusive(|byte| matches!(byte, b'\n' | b'\r'));
        let clean = |line: &[u8]| {
            let is_data = line.starts_with(b"data:") || line.trim_ascii_end() == b"data";
            if is_data { None } else { self.without(line) }
        };
        if lines().all(|line| clean(line).is_none()) {
            return frame;
        }
        let mut whole = Vec::with_capacity(frame.len());
        for line in lines() {
            whole.extend_from_slice(clean(line).as_deref().unwrap_or(line));
        }
        Bytes::from(whole)
    }

    /// Whether a frame is one line of data, behind the name of an event at most, which holds no key: a name
    /// of small letters holds none but one of small letters.
    fn is_plain(&self, frame: &[u8]) -> bool {
        let is_small = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_');
        let mut data = frame.trim_ascii_end();
        if let Some(rest) = data.strip_prefix(b"event:") {
            let mut lines = rest.splitn(2, |byte| *byte == b'\n');
            let (name, rest) = (lines.next().unwrap_or_default(), lines.next());
            let is_name = name.trim_ascii().iter().all(is_small);
            if !is_name || self.keys().any(|key| key.iter().all(is_small)) {
                return false;
            }
            data = rest.unwrap_or_default();
        }
        data.starts_with(b"data:") && !data.contains(&b'\n') && !data.contains(&b'\r')
    }

    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|key| key.expose_secret().as_bytes())
    }

    /// The text with every key replaced; `None` where it holds none.
    fn without(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut clean = Vec::new();
        let (mut rest, mut kept) = (text, text);
        let mut found = false;
        while !rest.is_empty() {
            match self.keys().filter_map(|key| spelled(rest, key)).max() {
                Some(length) => {
                    found = true;
                    clean.extend_from_slice(kept.get(..kept.len() - rest.len())?);
                    clean.extend_from_slice(REDACTED);
                    rest = rest.get(length..)?;
                    kept = rest;
                }
                None => rest = rest.get(1..)?,
            }
        }
        clean.extend_from_slice(kept);
        found.then_some(clean)
    }
}

/// How much of the front of a text spells a key, as it is or in the escapes of JSON. Where the text
/// is cut within the key, its beginning counts.
fn spelled(text: &[u8], key: &[u8]) -> Option<usize> {
    if text.starts_with(key) {
        return Some(key.len());
    }
    let mut rest = text;
    for (place, byte) in key.iter().enumerate() {
        if rest.is_empty() {
            return (KEY_MIN <= place).then_some(text.len());
        }
        let (letter, length) = letter(rest)?;
        if letter != *byte {
            return None;
        }
        rest = rest.get(length..)?;
    }
    Some(text.len() - rest.len())
}

/// The first letter of a text in JSON, and how many bytes spell it.
fn letter(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'\\', b'u', digits @ ..] => {
            let digits = std::str::from_utf8(digits.get(..4)?).ok()?;
            let code = u16::from_str_radix(digits, 16).ok()?;
            Some((u8::try_from(code).ok()?, 6))
        }
        [b'\\', escaped @ (b'/' | b'"' | b'\\'), ..] => Some((*escaped, 2)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Unsaid;
    use bytes::Bytes;
    use codec::Decoder;
    use http::{HeaderMap, HeaderValue};
    use ir::{Dialect, Rejection};
    use secrecy::SecretString;

    const KEY: &str = "sk-aB/3+4=\"5\\6";
    const OTHER: &str = "sk-other-key";
    /// What an operator may have made up for a server of its own.
    const WORDS: &str = "my_local.key";

    fn unsaid() -> Unsaid {
        Unsaid(vec![SecretString::from(KEY), SecretString::from(OTHER)])
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let body = unsaid().body(Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(String::from_utf8_lossy(&body), expect);
    }

    #[test]
    fn keys_are_replaced_however_they_are_spelled() {
        check("", "");
        check("no key of ours: sk-aB/3+4.", "no key of ours: sk-aB/3+4.");
        check("Bearer sk-other-key.", "Bearer [redacted].");
        check("sk-other-keysk-other-key", "[redacted][redacted]");
        check("sksk-other-key", "sk[redacted]");
        check(&format!("a {KEY} b {OTHER} c"), "a [redacted] b [redacted] c");
        check(r#"{"m":"sk-aB\/3+4=\"5\\6"}"#, r#"{"m":"[redacted]"}"#);
        check(r#"{"m":"\u0073k-aB/3\u002B4=\u0022\u0035\u005c6"}"#, r#"{"m":"[redacted]"}"#);
        check("cut: sk-other-k", "cut: [redacted]");
        check("cut: sk-other", "cut: [redacted]");
        check("no cut: sk-oth", "no cut: sk-oth");
        check(r"\u00", r"\u00");
        check("\\", "\\");
    }

    #[test]
    fn what_was_read_of_an_error_holds_none() {
        let said = || format!("wrong key {OTHER}");
        let mut rejection = Rejection {
            kind: said(),
            code: said(),
            param: said(),
            message: said(),
            ..Rejection::default()
        };
        unsaid().rejection(&mut rejection);
        assert!(!format!("{rejection:?}").contains(OTHER));
        assert_eq!(rejection.message, "wrong key [redacted]");
    }

    /// Promise: of a stream, errors, comments and the names of what nobody knows hold no key; what the
    /// answer says keeps its bytes, whatever is in it.
    #[test]
    fn streams_repeat_none_beside_the_answer() {
        const CHAT: &str = r#"{"choices":[{"index":0,"delta":{"content":"KEY"}}]}"#;
        const BLOCK: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"KEY"}}"#;
        const DONE: &str = r#"{"type":"response.output_text.done","item_id":"m","output_index":0,"content_index":0,"text":"KEY"}"#;
        for (kept, hidden) in [
            ("", ": Basic KEY\n\n"),
            ("", ":KEYKEY\r\n\r\n"),
            ("", "\n\n: a\n: ESCAPED\n\n"),
            ("", "event: Basic KEY\n\n"),
            ("", "id: KEY\n\n"),
            ("", "event: Basic KEY\ndata: {\"error\":{\"type\":\"KEY\"}}\n\n"),
            ("", "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"KEY\"}}\n\n"),
            ("", "event: odd\ndata: {\"type\":\"odd\",\"error\":{\"message\":\"KEY\"}}\n\n"),
            ("", "data: {\"error\":{\"message\":\"KEY\"}}\n: KEY\n\n"),
            (CHAT, ": KEY\n"),
            (BLOCK, ": KEY\n"),
            (CHAT, "id: KEY\n"),
            (CHAT, "event: KEY\n"),
            (CHAT, "event: x\ndata-x: KEY\n"),
            (CHAT, ""),
            (BLOCK, ""),
            (DONE, ""),
            (r#"{"type":"response.odd","said":"KEY"}"#, "event: KEY\n"),
        ] {
            for dialect in Dialect::ALL {
                for key in [OTHER, WORDS] {
                    repeats_none(dialect, key, (kept, hidden));
                }
            }
        }
    }

    #[track_caller]
    fn repeats_none(dialect: Dialect, key: &str, (kept, hidden): (&str, &str)) {
        let spelled = format!("\\u{:04x}{}", key.as_bytes()[0], &key[1..]);
        let with_key = |text: &str| text.replace("ESCAPED", &spelled).replace("KEY", key);
        let data = if kept.is_empty() { String::new() } else { format!("data: {kept}\n\n") };
        let unsaid = Unsaid(vec![SecretString::from(key)]);
        let told = with_key(&format!("{hidden}{data}"));
        for mut decoder in [Decoder::new(dialect, 1), Decoder::carrying(dialect, 1)] {
            let mut frames = Vec::new();
            decoder.feed(Bytes::from(told.clone()), &mut frames).unwrap();
            for frame in &mut frames {
                unsaid.frame(frame);
            }
            let heard: Vec<u8> = frames.iter().flat_map(|it| it.bytes.to_vec()).collect();
            let heard = String::from_utf8(heard).unwrap();
            let beside = heard.strip_suffix(with_key(&data).as_str());
            let beside = beside.unwrap_or_else(|| panic!("{dialect:?} {told:?} {heard:?}"));
            let hides = !hidden.is_empty();
            let clean = !beside.contains(key) && !beside.contains(r"\u00");
            assert!(clean && beside.contains("[redacted]") == hides, "{dialect:?} {heard:?}");
        }
    }

    #[test]
    fn a_comment_behind_data_holds_none() {
        let data = r#"data: {"choices":[{"index":0,"delta":{"content":"sk-other-key"}}]}"#;
        let mut frames = Vec::new();
        let told = format!("{data}\n: sk-other-key\n\n");
        Decoder::new(Dialect::Chat, 1).feed(Bytes::from(told), &mut frames).unwrap();
        for frame in &mut frames {
            unsaid().frame(frame);
        }
        let heard: Vec<u8> = frames.iter().flat_map(|it| it.bytes.to_vec()).collect();
        assert_eq!(String::from_utf8(heard).unwrap(), format!("{data}\n: [redacted]\n\n"));
    }

    #[test]
    fn headers_that_hold_one_are_dropped() {
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_static("Bearer sk-other-key"));
        headers.append("x-echo", HeaderValue::from_static("else"));
        headers.insert("x-fine", HeaderValue::from_static("sk-other"));
        unsaid().head(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-fine"]);
    }
}
