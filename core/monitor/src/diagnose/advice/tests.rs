//! What is advised about evidence as it would have been measured.

use super::advise;
use crate::Cause;
use crate::diagnose::Seen;
use ir::Evidence;

/// All that is advised, and the commands of it.
fn advised(cause: Cause, text: &str) -> String {
    let start = "provider = \"anthropic\"\nhost = \"api.anthropic.com\"\nhere.os = \"linux\"\n";
    let evidence: Evidence = toml::from_str(&format!("{start}{text}")).unwrap();
    let lines = advise(cause, &Seen::of(&evidence)).into_iter().map(|it| match it.command {
        Some(command) => format!("{}\n$ {command}", it.text),
        None => it.text,
    });
    lines.collect::<Vec<String>>().join("\n")
}

#[test]
fn what_lies_between_is_asked_about_as_it_shows_itself() {
    let check = |text: &str, tells: &str, silent: &str| {
        let said = advised(Cause::Middlebox, text);
        assert!(said.contains(tells) && !said.contains(silent), "{text}: {said}");
    };
    let (mtu, exit, who) = ("lower the MTU", "exit address", "who vouches");
    check("", mtu, exit);
    check("traffic.all = { n = 3, ok = 0, classes = { firewall = 3 } }", exit, mtu);
    check("asked.open = { heard = \"answer\", status = 403, class = \"firewall\" }", exit, mtu);
    check("asked.open = { heard = \"answer\", status = 503, mark = \"challenge\" }", exit, mtu);
    let filter = "[roads.\"203.0.113.9\"]
        tcp.reached = \"connected\"
        tls = { shake = \"complete\", trust = \"machine\", in_date = true }";
    check(filter, who, mtu);
}

/// What cannot be told is asked about with what was not asked yet.
#[test]
fn what_cannot_be_told_is_not_asked_again_in_the_same_way() {
    let check = |text: &str, tells: &str| {
        let said = advised(Cause::Unknown, text);
        for other in ["with a key", "--complete MODEL", "doctor anthropic -v"] {
            assert_eq!(said.contains(other), other == tells, "{text}: {said}");
        }
        assert!(said.contains("--bundle evidence.json"), "{text}: {said}");
    };
    let present = "here.key = { is = \"present\", from = \"ANTHROPIC_API_KEY\" }\n";
    let open = "asked.open = { heard = \"answer\", status = 401, form = \"json\" }\n";
    let models = "asked.models = { heard = \"answer\", status = 200, form = \"json\" }\n";
    let refused = "asked.models = { heard = \"answer\", status = 403, class = \"forbidden\" }\n";
    let whole = "asked.whole = { heard = \"answer\", status = 500, class = \"server_error\" }\n";
    let failing = "traffic.all = { n = 24, ok = 12, classes = { not_found = 12 } }\n";
    check("", "with a key");
    check(open, "with a key");
    check("here.key = { is = \"missing\", from = \"ANTHROPIC_API_KEY\" }", "with a key");
    check("here.key = { is = \"callers\" }", "");
    check("here.key = { is = \"not_needed\" }", "");
    check(&format!("here.key = {{ is = \"not_needed\" }}\n{models}"), "--complete MODEL");
    check(&format!("{present}{open}"), "--complete MODEL");
    check(&format!("{present}{models}"), "--complete MODEL");
    check(&format!("{present}{refused}"), "");
    check(&format!("{present}{models}{whole}"), "");
    check(failing, "doctor anthropic -v");
    check(&format!("{present}{models}{failing}"), "doctor anthropic -v");
}
