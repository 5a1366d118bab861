//! What holds for every head of a request: for the fuzz target `http`, and for the replay of its seeds.
//! Not in the product.

use super::fault::{self, Fault};
use super::scan::Scan;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};

/// A head, read once more and in another way: cut at its empty line, then at every line end.
struct Head<'a> {
    request: &'a str,
    fields: Vec<(&'a str, &'a str)>,
}

const HEAD_MAX: usize = 64 * 1024;

/// The first four bytes say where the rest is cut. However it is cut, the same is odd; and what is not
/// odd has one framing and names one host.
pub fn check_head(input: &[u8]) {
    let (places, bytes) = input.split_first_chunk::<4>().unwrap_or((&[0; 4], input));
    let mut places = places.map(|place| usize::from(place).min(bytes.len()));
    places.sort_unstable();
    let whole = Scan::new(HEAD_MAX).feed(bytes);
    let mut cut = Scan::new(HEAD_MAX);
    let mut start = 0;
    let mut found = None;
    for end in places.into_iter().chain([bytes.len()]) {
        found = cut.feed(bytes.get(start..end).unwrap_or_default());
        start = end;
    }
    assert_eq!(found, whole, "cut at {places:?}");
    let mut single = Scan::new(HEAD_MAX);
    let found = bytes.iter().fold(None, |_, byte| single.feed(std::slice::from_ref(byte)));
    assert_eq!(found, whole, "byte by byte");
    if whole.is_none_or(|(head, _)| head > 1)
        && let Some(head) = Head::read(bytes)
    {
        head.has_one_framing();
        head.names_one_host();
    }
}

// === impl Head ===

impl<'a> Head<'a> {
    /// The first head; `None` where it is none that HTTP knows.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.trim_start_matches(['\r', '\n']);
        let (head, _) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let request = lines.next()?;
        let fields = lines.map(|line| line.split_once(':')).collect::<Option<Vec<_>>>()?;
        Some(Self { request, fields })
    }

    fn named(&self, name: &str) -> Vec<&'a str> {
        let named = |(found, _): &&(&str, &str)| found.eq_ignore_ascii_case(name);
        self.fields.iter().filter(named).map(|(_, value)| value.trim()).collect()
    }

    fn has_one_framing(&self) {
        let feed = |text: &&str| text.contains('\n');
        assert!(!self.fields.iter().any(|(name, value)| feed(name) || feed(value)), "a bare feed");
        let (lengths, encodings) = (self.named("content-length"), self.named("transfer-encoding"));
        assert!(lengths.len() + encodings.len() < 2, "{lengths:?} {encodings:?}");
        let number = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
        assert!(lengths.iter().all(|it| number(it)), "{lengths:?}");
        assert!(encodings.iter().all(|it| it.eq_ignore_ascii_case("chunked")), "{encodings:?}");
        assert!(encodings.is_empty() || !self.request.ends_with("HTTP/1.0"), "{}", self.request);
    }

    fn names_one_host(&self) {
        let Some(request) = self.request() else { return };
        let Some(found) = fault::find(&request) else {
            let hosts = self.named("host");
            let asked = request.uri().authority().map(|it| it.as_str().to_ascii_lowercase());
            let old = request.version() == Version::HTTP_10;
            assert!(
                hosts.len() == 1 || (hosts.is_empty() && (old || asked.is_some())),
                "{hosts:?}"
            );
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
            for host in hosts.iter().copied().chain(asked.as_deref()) {
                assert!(!host.is_empty() && host.bytes().all(plain), "{host:?}");
            }
            if let (Some(asked), Some(host)) = (asked, hosts.first()) {
                assert!(asked.eq_ignore_ascii_case(host), "{asked:?} and {host:?}");
            }
            assert_ne!(request.method(), Method::CONNECT);
            return;
        };
        assert!(!found.words().is_empty());
        assert!(found != Fault::TwoHosts || self.named("host").len() > 1);
    }

    /// As hyper hands it over.
    fn request(&self) -> Option<Request<()>> {
        let mut words = self.request.split(' ');
        let (method, uri, version) = (words.next()?, words.next()?, words.next()?);
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
        *request.uri_mut() = uri.parse::<Uri>().ok()?;
        *request.version_mut() = match version {
            "HTTP/1.1" => Version::HTTP_11,
            "HTTP/1.0" => Version::HTTP_10,
            _ => return None,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &self.fields {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
        }
        *request.headers_mut() = headers;
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::check_head;
    use std::path::Path;

    /// Promise: what the listener lets through has one framing and names one host.
    #[test]
    fn seeds_of_heads_replay() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/http");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).expect("a folder of seeds") {
            let seed = std::fs::read(entry.expect("a seed").path()).expect("a readable seed");
            check_head(&seed);
            count += 1;
        }
        assert!(count > 30, "{count} seeds");
    }
}
