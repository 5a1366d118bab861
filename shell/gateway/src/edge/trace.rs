//! The caller's place in a trace: `traceparent` and `tracestate`, read strictly by
//! <https://www.w3.org/TR/trace-context-2/>.
//!
//! **Invariant:** what is odd is as if it was not there; it never refuses a request.

use http::HeaderMap;
use ir::trace::{SpanId, Trace, TraceId};
use std::sync::Arc;

/// `00-`, the trace, `-`, the span, `-`, the flags.
const PARENT_LEN: usize = 55;
/// The flag that says that the caller keeps its trace.
const SAMPLED: u8 = 1;
/// The longest state that is kept: what the specification asks to carry at least.
const STATE_MAX: usize = 512;
/// Members of a state.
const MEMBERS_MAX: usize = 32;
/// The longest key and the longest value of a member.
const PART_MAX: usize = 256;

/// The place of a request, in a trace called `own` where the caller names none.
pub(super) fn read(headers: &HeaderMap, own: TraceId) -> Trace {
    let mut named = headers.get_all("traceparent").iter();
    let (Some(value), None) = (named.next(), named.next()) else { return Trace::root(own) };
    let Some(found) = value.to_str().ok().and_then(parent) else { return Trace::root(own) };
    Trace { state: state(headers), ..found }
}

fn parent(text: &str) -> Option<Trace> {
    let version = hex(text.get(..2)?)?;
    let more = text.get(PARENT_LEN..)?;
    // Later versions may add fields behind; this one has none.
    let fits =
        if version == 0 { more.is_empty() } else { more.is_empty() || more.starts_with('-') };
    let mut fields = text.get(2..PARENT_LEN)?.split('-').skip(1);
    let (trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?);
    let sized = (trace.len(), span.len(), flags.len()) == (32, 16, 2) && fields.next().is_none();
    if !fits || !sized || version == 0xff {
        return None;
    }
    let id = TraceId(hex(trace)?);
    let parent = SpanId(u64::try_from(hex(span)?).ok()?);
    let flags = u8::try_from(hex(flags)?).ok()?;
    let named = id.0 != 0 && parent.0 != 0;
    let sampled = Some(flags & SAMPLED != 0);
    named.then_some(Trace { id, parent: Some(parent), sampled, state: None })
}

/// Digits in lower case and nothing else.
fn hex(digits: &str) -> Option<u128> {
    let known = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if !digits.bytes().all(known) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok()
}

/// The members of every `tracestate`, or nothing where one of them is none.
fn state(headers: &HeaderMap) -> Option<Arc<str>> {
    let mut members: Vec<&str> = Vec::new();
    for value in headers.get_all("tracestate") {
        for member in value.to_str().ok()?.split(',') {
            let member = member.trim_matches([' ', '\t']);
            let key = member.split('=').next();
            let twice = members.iter().any(|other| other.split('=').next() == key);
            match member.is_empty() {
                true => {}
                false if is_member(member) && !twice => members.push(member),
                false => return None,
            }
            if MEMBERS_MAX < members.len() {
                return None;
            }
        }
    }
    let joined = members.join(",");
    (!joined.is_empty() && joined.len() <= STATE_MAX).then(|| Arc::from(joined))
}

fn is_member(text: &str) -> bool {
    let Some((key, value)) = text.split_once('=') else { return false };
    let begins = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let of_key = |c: char| begins(c) || matches!(c, '_' | '-' | '*' | '/' | '@');
    let of_value = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'=';
    key.starts_with(begins)
        && key.chars().all(of_key)
        && key.len() <= PART_MAX
        && !value.is_empty()
        && value.bytes().all(of_value)
        && value.len() <= PART_MAX
}

#[cfg(test)]
mod tests {
    use super::{Trace, TraceId, read};
    use http::{HeaderMap, HeaderName, HeaderValue};

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    /// Headers, and the place that is made of them: trace, span, whether it is kept, state.
    #[track_caller]
    fn check(headers: &[(&str, &str)], expect: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let trace = read(&map, TraceId(7));
        let shown = if let (Some(span), Some(sampled)) = (trace.parent, trace.sampled) {
            let state = trace.state.unwrap_or_default();
            format!("{} {span} {sampled} {state}", trace.id)
        } else {
            assert_eq!(trace, Trace::root(TraceId(7)));
            "own".to_owned()
        };
        assert_eq!(shown.trim_end(), expect, "{headers:?}");
    }

    #[test]
    fn a_parent_is_read_strictly() {
        let here = |flags: &str, kept: bool| {
            check(
                &[("traceparent", &format!("00-{TRACE}-{SPAN}-{flags}"))],
                &format!("{TRACE} {SPAN} {kept}"),
            );
        };
        here("01", true);
        here("00", false);
        here("03", true);
        here("fe", false);
        let zero_trace = "0".repeat(32);
        let zero_span = "0".repeat(16);
        for odd in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01 "),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0A"),
            format!("00-{zero_trace}-{SPAN}-01"),
            format!("00-{TRACE}-{zero_span}-01"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0g-{TRACE}-{SPAN}-01"),
            format!("+0-{TRACE}-{SPAN}-01"),
            format!("00_{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}{SPAN}---01"),
            format!("01-{TRACE}-{SPAN}-01.more"),
            format!("00-{TRACE}-{SPAN}-0é"),
        ] {
            check(&[("traceparent", &odd)], "own");
        }
        let later = format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings");
        check(&[("traceparent", &later)], &format!("{TRACE} {SPAN} true"));
        check(&[("traceparent", &later), ("traceparent", &later)], "own");
        check(&[("tracestate", "a=1")], "own");
    }

    #[test]
    fn a_state_is_whole_or_nothing() {
        let parent = format!("00-{TRACE}-{SPAN}-01");
        let with = |states: &[&str], expect: &str| {
            let mut headers = vec![("traceparent", parent.as_str())];
            headers.extend(states.iter().map(|state| ("tracestate", *state)));
            let expect = format!("{TRACE} {SPAN} true {expect}");
            check(&headers, expect.trim_end());
        };
        with(&["rojo=00f067aa0ba902b7"], "rojo=00f067aa0ba902b7");
        with(&["a=1, ,b@c=2\t", "1-_*/=x y"], "a=1,b@c=2,1-_*/=x y");
        for odd in ["a", "A=1", "=1", "a=", "a=b=c", "a=1,a=2", "a b=1", "_a=1", "a=\u{e9}"] {
            with(&["ok=1", odd], "");
        }
        let many: Vec<String> = (0..33).map(|at| format!("k{at}=v")).collect();
        with(&[&many.join(",")], "");
        with(&[&many[..32].join(",")], &many[..32].join(","));
        with(&[&format!("a={}", "x".repeat(256)), &format!("b={}", "x".repeat(256))], "");
        with(&[&format!("a={}", "x".repeat(257))], "");
    }
}
