//! Promise: a base URL names one host, which nobody reads otherwise, and a name leads only to where its
//! provider can be. The first is text, and proven here with every spelling that we know to mislead.

use super::{check, good};
use crate::{BaseUrl, Config, load};
use ir::Place;

/// The lines of the list: a host, and what is made of it.
fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("hosts.txt").lines().filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (host, rest) = line.split_once(char::is_whitespace).expect("a host and an answer");
        (host, rest.trim())
    })
}

/// What is made of a URL, in the words of the list; and its port.
fn made(url: &str) -> (String, u16) {
    let Ok(url) = BaseUrl::parse(url) else { return ("refused".to_owned(), 0) };
    let place = url.address().map(|address| match Place::of(address) {
        Place::Loopback => "this machine",
        Place::Metadata => "metadata",
        Place::LinkLocal => "link-local",
        Place::Private => "private",
        Place::Example => "examples",
        place @ (Place::Public | Place::Unspecified | Place::Multicast | Place::Reserved) => {
            place.words()
        }
    });
    (format!("{}: {}", place.unwrap_or("name"), url.host), url.port)
}

#[test]
fn a_host_is_refused_or_is_what_it_means() {
    let mut count = 0;
    for (host, expect) in lines() {
        let refused = expect == "refused";
        let port = |port| if refused { 0 } else { port };
        let (http, https) = (format!("http://{host}"), format!("https://{host}"));
        assert_eq!(made(&http), (expect.to_owned(), port(80)), "{http}");
        assert_eq!(made(&https), (expect.to_owned(), port(443)), "{https}");
        assert_eq!(made(&http.to_uppercase()), (expect.to_owned(), port(80)), "{http}, upper case");
        let path = format!("{http}/v1/");
        assert_eq!(made(&path), (expect.to_owned(), port(80)), "{path}");
        let ported = format!("{http}:8080");
        assert_eq!(made(&ported), (expect.to_owned(), port(8080)), "{ported}");
        let dotted = format!("{http}.");
        // The dot belongs to names and to dotted addresses.
        let expect = if host.ends_with(']') { "refused" } else { expect };
        assert_eq!(made(&dotted).0, expect, "{dotted}");
        for user in ["me@", "me:secret@", "@", "good.example:80@"] {
            let url = format!("http://{user}{host}");
            assert_eq!(made(&url).0, "refused", "{url}");
        }
        count += 1;
    }
    assert!(count >= 80, "{count}");
}

#[test]
fn other_schemes_are_refused() {
    for url in [
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "unix:/run/docker.sock",
        "http+unix://%2Frun%2Fdocker.sock/v1",
        "data:text/plain,x",
        "ftp://127.0.0.1",
        "ldap://127.0.0.1",
        "dict://127.0.0.1:11211",
        "jar:http://127.0.0.1!/",
        "//127.0.0.1/v1",
        "http:/127.0.0.1",
        "http:127.0.0.1",
        "http:///127.0.0.1",
        "http:\\\\127.0.0.1",
        " http://127.0.0.1",
        "http ://127.0.0.1",
        "h\u{131}ttp://127.0.0.1",
        "127.0.0.1",
        "",
    ] {
        assert_eq!(made(url).0, "refused", "{url}");
    }
}

/// A provider of a kind, with these lines in its section.
fn provider(lines: &str) -> Config {
    good(&format!("[providers.p]\napi_key = \"caller\"\n{lines}\n"))
}

#[test]
fn a_name_may_lead_where_the_operator_meant() {
    for (lines, loopback, private) in [
        ("kind = \"openai\"", false, true),
        ("dialect = \"openai\"\nbase_url = \"https://x.example\"", false, true),
        ("dialect = \"openai\"\nbase_url = \"http://x.example\"", false, true),
        ("dialect = \"openai\"\nbase_url = \"http://localhost:1\"", true, true),
        ("dialect = \"openai\"\nbase_url = \"http://gpu.lan\"\nlocal = true", true, true),
        ("kind = \"vllm\"\nbase_url = \"http://gpu.lan\"", true, true),
        ("kind = \"vllm\"\nbase_url = \"http://gpu.lan\"\nlocal = false", false, true),
        // Only a certificate could tell a vendor's private endpoint from anybody's.
        ("kind = \"openai\"\nbase_url = \"http://API.openai.com.\"", false, false),
        ("dialect = \"anthropic\"\nbase_url = \"http://api.anthropic.com\"", false, false),
        ("kind = \"groq\"\nbase_url = \"https://api.groq.com\"", false, true),
    ] {
        let reach = provider(lines).providers[0].way.reach;
        assert_eq!((reach.loopback, reach.private), (loopback, private), "{lines}");
    }
}

#[test]
fn addresses_at_which_nobody_serves_are_worth_a_word() {
    let file =
        |lines: &str| format!("[providers.p]\ndialect = \"openai\"\napi_key = \"caller\"\n{lines}");
    check(
        &file("base_url = \"https://169.254.169.254\""),
        "ok\nf:4:12: providers.p.base_url: 169.254.169.254 is a cloud's metadata service; no \
         provider is known to be there; is it the right address?",
    );
    for host in ["10.0.0.1", "8.8.8.8", "[fe80::1]", "127.0.0.1"] {
        check(&file(&format!("base_url = \"https://{host}\"")), "ok\n");
    }
    for host in ["127.1", "0.0.0.0", "017700000001"] {
        assert!(load(&file(&format!("base_url = \"https://{host}\"")), &super::outside()).is_err());
    }
}
