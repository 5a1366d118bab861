//! Lines of layers, from evidence as it would have been measured.

use super::{Mark, line};
use crate::Layer;
use ir::Evidence;

/// A provider over plain HTTP, with one address and one answer.
const PLAIN: &str = r#"
host = "llm.corp"
names.system = { rcode = "noerror", addresses = ["10.1.2.3"] }
"#;

fn read(text: &str) -> Evidence {
    toml::from_str(&format!("{PLAIN}{text}")).unwrap()
}

#[test]
fn an_address_of_this_network_is_odd_only_beside_another() {
    const ODD: &str = "system: 10.1.2.3, where no provider is";
    const PUBLIC: &str = "{ rcode = \"noerror\", addresses = [\"160.79.104.10\"] }";
    const ANSWERED: &str = "roads.\"10.1.2.3\".tcp.reached = \"connected\"
        asked.open = { heard = \"answer\", form = \"json\", status = 200 }\n";
    const LINE: &str = "here.hosts = [{ path = \"/etc/hosts\", line = 9, address = \"10.1.2.3\", name = \"llm\" }]\n";
    let check = |text: &str, mark: Mark, expect: &str| {
        let line = line(Layer::Dns, &read(text));
        assert_eq!((line.mark, line.text.contains(ODD)), (mark, expect == ODD), "{text}: {line:?}");
        assert!(line.text.contains(expect), "{text}: {line:?}");
    };
    let doh = format!("names.\"doh google\" = {PUBLIC}\n");
    let upstream = format!("names.\"udp 192.168.1.1\" = {PUBLIC}\n");
    let none = "names.\"doh google\" = { rcode = \"nxdomain\" }\n";
    check("", Mark::Well, "system");
    check("here.vendors = true\n", Mark::Unwell, ODD);
    check(none, Mark::Well, "known in this network only");
    let deaf = "names.\"udp 192.168.1.1\" = { rcode = \"nxdomain\" }\n";
    check(&format!("{deaf}{LINE}{ANSWERED}"), Mark::Well, "known in this network only");
    check("names.\"doh google\" = { rcode = \"servfail\" }\n", Mark::Unwell, "DoH 0/1");
    check(ANSWERED, Mark::Well, "system");
    check(&format!("{none}{ANSWERED}"), Mark::Well, "system");
    check(&doh, Mark::Unwell, ODD);
    check(&upstream, Mark::Unwell, ODD);
    check(&format!("{doh}{ANSWERED}"), Mark::Well, "system ≠ DoH");
    check(LINE, Mark::Unwell, "/etc/hosts line 9");
    check(&format!("{LINE}{ANSWERED}"), Mark::Well, "/etc/hosts line 9");
    let proxy = "here.proxy.authority = \"proxy.corp:3128\"\n";
    check(&format!("{doh}{ANSWERED}{proxy}"), Mark::Unwell, ODD);
}

#[test]
fn a_run_of_failures_goes_on_while_somebody_asks() {
    let check = |text: &str, expect: &str| {
        let evidence = read(&format!("at_unix_ms = 1_000_000\ntraffic.window_s = 900\n{text}"));
        assert_eq!(line(Layer::Yours, &evidence).text, expect, "{text}");
    };
    let all = "traffic.all = { n = 10, ok = 5 }\n";
    let since = format!("{all}traffic.failing_since_unix_ms = 160_000\n");
    check(all, "50 % ok last 15 min (n=10)");
    check(&since, "50 % ok last 15 min (n=10), failing for 840 s");
    let ago = |ago: u64| format!("{since}traffic.failed_ago_s = {ago}\n");
    check(&ago(4), "50 % ok last 15 min (n=10), failing for 836 s");
    // What came after the last failure is silence.
    check(&ago(60), "50 % ok last 15 min (n=10), failing for 780 s, the last 60 s ago");
    check(&ago(329), "50 % ok last 15 min (n=10), failing for 511 s, the last 329 s ago");
    check(&ago(835), "50 % ok last 15 min (n=10)");
    let burst = "traffic.failing_since_unix_ms = 900_000\ntraffic.failed_ago_s =";
    check(
        &format!("{all}{burst} 97"),
        "50 % ok last 15 min (n=10), failing for 3 s, the last 97 s ago",
    );
    check(
        &format!("{all}{burst} 100"),
        "50 % ok last 15 min (n=10), failing for 1 s, the last 100 s ago",
    );
}

#[test]
fn a_name_that_leads_into_this_network_is_not_vouched_for() {
    const HERE: &str = "10.1.2.3 is in this network";
    let check = |text: &str, mark: Mark, tells: bool| {
        let line = line(Layer::Dns, &read(text));
        assert_eq!((line.mark, line.text.contains(HERE)), (mark, tells), "{text}: {line:?}");
    };
    let silent = "roads.\"10.1.2.3\".tcp.reached = \"timeout\"\n";
    let there = "roads.\"10.1.2.3\".tcp.reached = \"connected\"\n";
    let answered = "asked.open = { heard = \"answer\", form = \"json\", status = 401 }\n";
    let stranger = "roads.\"10.1.2.3\".tls = { shake = \"complete\", trust = \"machine\" }\n";
    check("", Mark::Well, false);
    check(silent, Mark::Untold, true);
    check(there, Mark::Untold, true);
    check(&format!("{there}{stranger}"), Mark::Untold, true);
    check(&format!("{there}{answered}"), Mark::Well, false);
    // Of a name that a vendor has on the internet, more is known.
    check(&format!("{silent}here.vendors = true"), Mark::Unwell, false);
    // Who set the address knows where it is.
    check(&format!("{silent}here.elsewhere.url = \"http://llm.corp\""), Mark::Well, false);
}
