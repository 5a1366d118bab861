//! Nothing of the house is left, and what the verdict rests on is.

use super::redacted;
use ir::Evidence;

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
