//! Nothing of the house is left, and what the verdict rests on is.

use super::redacted;
use ir::evidence::{Page, Witness};
use ir::{Evidence, Place};

/// A house with something to hide in every field that is its own.
const HOUSE: &str = r#"{
  "provider": "canary-cloud", "host": "llm.canary.internal", "port": 8443,
  "here": {
    "os": "linux",
    "interfaces": [{"name": "enx00e04cca4a47", "up": true, "addresses": ["10.77.1.5", "2001:db8:77::5"]},
                   {"name": "wg-canary", "up": true, "addresses": ["203.0.113.77"]}],
    "gateway": "10.77.1.1",
    "proxy": {"from": "providers.canary-cloud.proxy", "authority": "proxy.canary:3128"},
    "ca": [{"from": "SSL_CERT_FILE", "path": "/opt/canary/ca.pem", "usable": true}],
    "hosts": [{"path": "/opt/canary/hosts", "line": 7, "address": "10.77.2.2", "name": "LLM.canary.internal"}],
    "resolv_conf": {"path": "/etc/resolv.conf", "leads_to": "/run/canary/resolv.conf",
      "servers": ["10.77.3.3", "198.51.100.77"], "upstreams": ["1.1.1.1"], "search": ["canary.example"]},
    "key": {"is": "present", "from": "providers.canary-cloud.api_key"},
    "elsewhere": {"from": "providers.canary-cloud.base_url", "path": "/opt/canary/backstop.toml", "line": 3,
      "url": "https://llm.canary.internal/token-canary/v1", "usual": "https://api.openai.com/v1"}
  },
  "control": {
    "portals": {"http://captive.apple.com/": {"came": "altered", "status": 302, "to": "http://canary.hotel/?mac=canary"}},
    "tls": {"shake": "complete", "issuer": "Canary Corp CA", "trust": "nobody"},
    "names": {"udp 10.77.3.3": {"addresses": ["93.184.216.34"], "ede_text": "blocked by canary"}},
    "siblings": {"canary-two": {"reached": true}, "openai": {"reached": true}},
    "regions": {"eu.canary.internal": {}},
    "neutral": {"1.1.1.1:443": {"reached": "connected"}, "10.77.9.9:443": {"reached": "refused"}}
  },
  "names": {
    "system": {"addresses": ["10.77.4.4"], "cnames": ["lb.canary.internal"]},
    "udp 10.77.3.3": {"addresses": ["10.77.4.4"], "ede": [17], "ede_text": "canary policy"}
  },
  "roads": {"10.77.4.4": {"from": ["system", "udp 10.77.3.3"], "tcp": {"reached": "connected"},
    "tls": {"shake": "complete", "issuer": "Canary Root", "trust": "machine"}}},
  "page": {"url": "https://status.canary.internal/canary", "says": "canary", "affected": ["canary"],
    "incidents": [{"title": "canary"}]},
  "traffic": {"models": {"ft:gpt-5:canary::x": {"n": 1, "ok": 1}, "gpt-5.4": {"n": 1, "ok": 1}}}
}"#;

#[test]
fn nothing_of_the_house_is_left() {
    let evidence: Evidence = serde_json::from_str(HOUSE).unwrap();
    let known = |name: &str| matches!(name, "openai" | "api.openai.com" | "captive.apple.com");
    let bundle = redacted(&evidence, &known);
    let text = serde_json::to_string(&bundle).unwrap().to_ascii_lowercase();
    for secret in ["canary", "10.77.", "00e04c", "203.0.113.77", "198.51.100.77", "db8:77"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    for kept in ["\"line\":7", "1.1.1.1:443", "openai", "gpt-5.4", "https://api.openai.com/v1"] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    // The same is the same everywhere, and what differs differs.
    let [(address, road)] = &bundle.roads.into_iter().collect::<Vec<_>>()[..] else { panic!() };
    assert!(bundle.names.values().all(|answer| answer.addresses == [*address]));
    assert!(road.from.iter().all(|it| bundle.names.contains_key(it)));
    assert_ne!(bundle.here.gateway, Some(*address));
}

/// A provider of the house's own on the internet: its addresses tell who it is.
#[test]
fn a_public_house_is_hidden_as_well() {
    let text = r#"{"provider": "own", "host": "52.77.0.9",
        "here": {"hosts": [{"path": "/etc/hosts", "line": 2, "address": "52.77.0.1", "name": "llm.canary.com"}],
          "elsewhere": {"url": "https://gateway.ai.cloudflare.com/v1/canary/gateway", "usual": "https://api.openai.com/v1"}},
        "control": {"names": {"system": {"addresses": ["52.77.0.1", "93.184.216.34"]},
                              "doh google": {"addresses": ["93.184.216.34"], "cnames": ["example.com.cdn"]}}},
        "names": {"system": {"addresses": ["52.77.0.1", "10.77.0.1", "2600:77::1"]},
                  "doh google": {"addresses": ["52.77.0.2", "0.0.0.0"], "cnames": ["canary.cdn.example"]},
                  "authority ns1.canary.com": {"addresses": ["52.77.0.2"]}},
        "roads": {"52.77.0.1": {}, "52.77.0.9": {}},
        "page": {"url": "https://status.canary.com", "unknown": "an entry does not say: canary",
          "incidents": [{"id": "https://status.canary.com/1", "title": "canary"}]}}"#;
    let known = |name: &str| matches!(name, "gateway.ai.cloudflare.com");
    let evidence: Evidence = serde_json::from_str(text).unwrap();
    let bundle = redacted(&evidence, &known);
    let json = serde_json::to_string(&bundle).unwrap();
    for secret in ["canary", "52.77", "10.77", "2600:77"] {
        assert!(!json.contains(secret), "{secret}: {json}");
    }
    for kept in ["93.184.216.34", "example.com.cdn", "0.0.0.0", "https://gateway.ai.cloudflare.com"]
    {
        assert!(json.contains(kept), "{kept}: {json}");
    }
    // What could be a provider's address still could, and no other.
    let system = &bundle.names[&Witness::System].addresses;
    let places: Vec<Place> = system.iter().map(|it| Place::of(*it)).collect();
    assert_eq!(places, [Place::Example, Place::Private, Place::Example]);
    assert_eq!(bundle.here.hosts[0].address, system[0]);
    assert_eq!(bundle.control.names[&Witness::System].addresses[0], system[0]);
    assert!(bundle.roads.contains_key(&system[0]));
    assert!(bundle.roads.contains_key(&bundle.host.parse().unwrap()));
}

/// Of a provider that everybody knows the house adds names: those of its resolvers, and of whoever stands
/// where the page was.
#[test]
fn what_stands_between_is_hidden() {
    let check = |unknown: &str, expect: &str| {
        let page = Page {
            url: "https://status.openai.com".to_owned(),
            unknown: Some(unknown.to_owned()),
            ..Page::default()
        };
        let evidence = Evidence { page: Some(page), ..Evidence::default() };
        let known = |name: &str| matches!(name, "status.openai.com");
        let unknown = redacted(&evidence, &known).page.unwrap().unknown;
        assert_eq!(unknown.as_deref(), Some(expect));
    };
    let moved = |to: &str| format!("it moved to {to}, where a web page came");
    check(&moved("sso.canary.internal"), &moved("host-1.example"));
    check(&moved("canary"), &moved("host-1.example"));
    check(&moved("52.77.0.1"), &moved("192.0.2.1"));
    check("it moved to canary", "it moved to host-1.example");
    check(&moved("status.openai.com"), &moved("status.openai.com"));
    check("it answered HTTP 503", "it answered HTTP 503");
    check("no whole answer within 8 s", "no whole answer within 8 s");
    let text = r#"{"host": "api.openai.com",
        "control": {"names": {"udp 10.77.0.1": {"cnames": ["www.cdn.net", "block.canary"]}, "doh google": {"cnames": ["www.cdn.net"]}}},
        "names": {"system": {"cnames": ["sinkhole.canary", "api.cdn.net"]}, "doh google": {"cnames": ["api.cdn.net"]}}}"#;
    let evidence: Evidence = serde_json::from_str(text).unwrap();
    let json =
        serde_json::to_string(&redacted(&evidence, &|it: &str| it == "api.openai.com")).unwrap();
    assert!(!json.contains("canary"), "{json}");
    for kept in ["www.cdn.net", "api.cdn.net"] {
        assert_eq!(json.matches(kept).count(), 2, "{kept}: {json}");
    }
}

#[test]
fn what_is_public_knowledge_stays() {
    let text = r#"{"provider": "openai", "host": "api.openai.com",
        "names": {"doh google": {"addresses": ["162.159.140.245"], "cnames": ["api.openai.com.cdn"]}},
        "roads": {"162.159.140.245": {"tls": {"issuer": "Google Trust Services", "trust": "public"}},
                  "127.0.0.1": {}},
        "page": {"url": "https://status.openai.com/api", "says": "Degraded"}}"#;
    let evidence: Evidence = serde_json::from_str(text).unwrap();
    let known = |name: &str| name.ends_with("openai.com") || name == "openai";
    assert_eq!(redacted(&evidence, &known), evidence);
}

/// Where only resolvers or files of the house lead a public name, is the house's.
#[test]
fn only_addresses_that_the_public_is_told_stay() {
    let check = |doh: &str, kept: &[&str]| {
        let text = r#"{"host": "api.openai.com",
            "here": {"hosts": [{"path": "/etc/hosts", "line": 2, "address": "34.5.6.8", "name": "api.openai.com"}]},
            "control": {"names": {"system": {"addresses": ["34.5.6.7", "93.184.216.34"]}, "doh google": {"addresses": [CONTROL]}}},
            "names": {"system": {"addresses": ["34.5.6.7", "162.159.140.245"]}, "udp 10.77.0.1": {"addresses": ["2600:77::1"]},
                      "doh google": {"addresses": [HOST]}},
            "roads": {"34.5.6.7": {"from": ["system"]}, "34.5.6.8": {"from": ["hosts"]}, "162.159.140.245": {}, "2600:77::1": {}}}"#;
        let (control, host) = doh.split_once(' ').unwrap();
        let text = text.replace("CONTROL", control).replace("HOST", host);
        let evidence: Evidence = serde_json::from_str(&text).unwrap();
        let bundle = redacted(&evidence, &|it: &str| it == "api.openai.com");
        let json = serde_json::to_string(&bundle).unwrap();
        for address in ["34.5.6.7", "34.5.6.8", "2600:77::1", "93.184.216.34", "162.159.140.245"] {
            assert_eq!(json.contains(address), kept.contains(&address), "{address}: {json}");
        }
        assert_eq!(bundle.roads.len(), evidence.roads.len());
        let system = |it: &Evidence| it.names[&Witness::System].addresses[0];
        assert_eq!(system(&bundle), bundle.control.names[&Witness::System].addresses[0]);
        assert!(bundle.roads.contains_key(&system(&bundle)));
    };
    let [neutral, host] = ["93.184.216.34", "162.159.140.245"];
    check(&format!("\"{neutral}\" \"{host}\""), &[neutral, host]);
    check(&format!(" \"{host}\""), &[host]);
    check(&format!("\"{neutral}\" "), &[neutral]);
    check(" ", &[]);
}
