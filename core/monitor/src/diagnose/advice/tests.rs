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
