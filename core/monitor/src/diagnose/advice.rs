//! What to do now: the exact line, file or command for this system. Told, never done.

use super::seen::Seen;
use crate::shown::{is_hidden, shown};
use crate::{Advice, Cause};
use ir::evidence::{KeySeen, Os, Question, ResolverKind};

/// No advice is longer, in bytes.
const TEXT_MAX: usize = 400;

/// What to do about a cause, most useful first.
pub(super) fn advise(cause: Cause, seen: &Seen<'_>) -> Vec<Advice> {
    let host = seen.it.host.as_str();
    match cause {
        Cause::Fine => Vec::new(),
        Cause::Link => link(seen),
        Cause::CaptivePortal => vec![portal(seen)],
        Cause::Resolver => resolver(seen),
        Cause::HostsOverride => hosts(seen),
        Cause::StaleCache => {
            let programs =
                say("programs that run for long keep addresses of their own: restart them");
            flush(seen).into_iter().chain([programs]).collect()
        }

        Cause::Clock => vec![clock(seen)],
        Cause::Proxy => proxy(seen),
        Cause::TlsInspection => inspection(seen),
        Cause::Key => vec![key(seen)],
        Cause::Quota => vec![
            say("raise the limit or add credit in the provider's console, or ask less"),
            say("a second key or a further provider in the chain takes what is over"),
        ],
        Cause::Config => config(seen),
        Cause::Ipv6 => ipv6(seen),
        Cause::Middlebox => middlebox(seen, host),
        Cause::Route => vec![
            with("see where the way ends, and tell your network's operator", trace(seen, host)),
            say("another network (a phone, a VPN) tells whether it is this one"),
        ],
        Cause::Interception => vec![
            say("send no key there: what answers is not the provider"),
            with("see who vouches for it", Some(openssl(seen, host))),
            say("use another resolver or another network, and tell whoever runs this one"),
        ],
        Cause::TheirDns | Cause::TheirTls | Cause::Down | Cause::Region => vec![
            say("nothing to repair here: let the chain's next target serve, and ask again later"),
            status(seen),
        ],
        Cause::Overloaded => vec![overloaded(seen), status(seen)],
        Cause::Degraded | Cause::Stalled => vec![
            say("let the chain's next target serve what fails; nothing to repair here"),
            status(seen),
        ],
        Cause::Model => vec![
            say("ask for another model of theirs, or let the chain's next target serve"),
            status(seen),
        ],
        Cause::Unknown => unknown(seen),
    }
}

fn say(text: &str) -> Advice {
    with(text, None)
}

/// Advice as it can be shown; a command that cannot be typed as it is seen is left out.
fn with(text: &str, command: Option<String>) -> Advice {
    let command = command.filter(|command| !command.chars().any(is_hidden));
    Advice { text: shown(text, TEXT_MAX).into_owned(), command }
}

/// The command of this system, where one is known.
fn by_os(seen: &Seen<'_>, linux: &str, macos: &str, windows: &str) -> Option<String> {
    let command = match seen.it.here.os {
        Os::Linux => linux,
        Os::Macos => macos,
        Os::Windows => windows,
        Os::Other => return None,
    };
    Some(command.to_owned())
}

fn link(seen: &Seen<'_>) -> Vec<Advice> {
    let gateway = seen.it.here.gateway.map(|gateway| match seen.it.here.os {
        Os::Windows => format!("ping -n 3 {gateway}"),
        Os::Linux | Os::Macos | Os::Other => format!("ping -c 3 {gateway}"),
    });
    let look = by_os(seen, "ip address && ip route", "ifconfig && netstat -rn", "ipconfig /all");
    let mut advice = vec![with("check cable, Wi-Fi and VPN: what this machine has", look)];
    if gateway.is_some() {
        advice.push(with("ask the router: if it answers, the fault lies behind it", gateway));
    }
    advice
}

/// A page of our own choice: the network sends whoever asks for it to its login.
fn portal(seen: &Seen<'_>) -> Advice {
    const PAGE: &str = "http://detectportal.firefox.com/";
    let command = by_os(seen, "xdg-open", "open", "start");
    with("log in on the network's own page", command.map(|open| format!("{open} {PAGE}")))
}

/// Foreign text that may stand in a command: nothing of it means anything to a shell within quotes.
fn tame(text: &str) -> Option<&str> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-._~:/?#[]@&=+,;%".contains(it);
    text.chars().all(plain).then_some(text)
}

/// Where nothing is kept there is nothing to forget.
fn flush(seen: &Seen<'_>) -> Option<Advice> {
    let linux = match seen.it.here.resolver {
        Some(ResolverKind::SystemdResolved) | None => "resolvectl flush-caches",
        Some(ResolverKind::Dnsmasq) => "sudo pkill -HUP dnsmasq",
        Some(ResolverKind::Unbound) => "sudo unbound-control flush_zone .",
        Some(ResolverKind::Nscd) => "sudo nscd --invalidate=hosts",
        Some(ResolverKind::Kubernetes) => {
            "kubectl -n kube-system rollout restart deployment coredns"
        }
        Some(ResolverKind::Docker) => "sudo systemctl restart docker",
        Some(ResolverKind::Mdnsresponder | ResolverKind::DnsClient | ResolverKind::Direct) => "",
    };
    let macos = "sudo dscacheutil -flushcache && sudo killall -HUP mDNSResponder";
    let command = by_os(seen, linux, macos, "ipconfig /flushdns");
    let command = command.filter(|command| !command.is_empty())?;
    Some(with("forget what the cache here holds", Some(command)))
}

fn resolver(seen: &Seen<'_>) -> Vec<Advice> {
    let here = &seen.it.here;
    let host = &seen.it.host;
    let link = here.interfaces.iter().flatten().find(|it| it.up && !it.addresses.is_empty());
    let name = link.map_or("eth0", |link| link.name.as_str());
    let linux = match here.resolver {
        Some(ResolverKind::SystemdResolved) => format!("resolvectl dns {name} 1.1.1.1 9.9.9.9"),
        Some(ResolverKind::Kubernetes) => {
            "kubectl -n kube-system logs -l k8s-app=kube-dns --tail=50".to_owned()
        }
        Some(_) | None => String::new(),
    };
    let macos = "networksetup -setdnsservers Wi-Fi 1.1.1.1 9.9.9.9";
    let windows =
        "Set-DnsClientServerAddress -InterfaceAlias Wi-Fi -ServerAddresses 1.1.1.1,9.9.9.9";
    let ask = match here
        .resolv_conf
        .as_ref()
        .and_then(|it| it.upstreams.iter().chain(&it.servers).next())
    {
        Some(server) => {
            with("see what the configured resolver says", Some(format!("nslookup {host} {server}")))
        }
        None => with("see what the configured resolver says", Some(format!("nslookup {host}"))),
    };
    let mut advice = vec![
        with(
            "use another resolver, or have whoever runs this one mend or allow it",
            by_os(seen, &linux, macos, windows).filter(|command| !command.is_empty()),
        ),
        ask,
    ];
    advice.extend(flush(seen));
    advice
}

fn hosts(seen: &Seen<'_>) -> Vec<Advice> {
    let mut advice: Vec<Advice> = Vec::new();
    for entry in &seen.it.here.hosts {
        let (path, line) = (&entry.path, entry.line);
        let command = by_os(
            seen,
            &format!("sudo sed -i '{line}s/^/# /' {path}"),
            &format!("sudo sed -i '' '{line}s/^/# /' {path}"),
            &format!("notepad {path}"),
        );
        advice.push(with(&format!("take out line {line} of {path}"), command));
    }
    advice.extend(flush(seen));
    advice
}

fn clock(seen: &Seen<'_>) -> Advice {
    let command = by_os(
        seen,
        "sudo timedatectl set-ntp true",
        "sudo sntp -sS time.apple.com",
        "w32tm /resync",
    );
    with("set the clock by the network", command)
}

fn proxy(seen: &Seen<'_>) -> Vec<Advice> {
    let Some(proxy) = &seen.it.here.proxy else {
        return vec![say("have whoever runs the proxy let the host through")];
    };
    let refused = match proxy.answered {
        Some(407) => "it wants a name and a password",
        Some(403) => "it does not allow the host: have it allowed",
        Some(_) => "have whoever runs it look",
        None => "is it running, and is its address right?",
    };
    let url = tame(&proxy.authority)
        .map(|it| format!("curl -sv -x 'http://{it}' https://{}/ -o /dev/null", seen.it.host));
    vec![
        with(&format!("the proxy comes from {}: {refused}", proxy.from), url),
        with(
            "if the host may be reached without it",
            by_os(
                seen,
                &format!("export NO_PROXY={}", seen.it.host),
                &format!("export NO_PROXY={}", seen.it.host),
                &format!("setx NO_PROXY {}", seen.it.host),
            ),
        ),
    ]
}

fn inspection(seen: &Seen<'_>) -> Vec<Advice> {
    let command = by_os(
        seen,
        "sudo cp company-ca.crt /usr/local/share/ca-certificates/ && sudo update-ca-certificates",
        "sudo security add-trusted-cert -d -k /Library/Keychains/System.keychain company-ca.crt",
        "certutil -addstore Root company-ca.crt",
    );
    vec![
        with("if the inspection is your company's, install its authority", command),
        say("or name its file in the configuration: `ca = \"company-ca.crt\"` below the provider"),
        say("if it is nobody's you know, send no key from this network"),
    ]
}

fn key(seen: &Seen<'_>) -> Advice {
    match &seen.it.here.key {
        Some(KeySeen::Missing { from }) => {
            let unix = format!("export {from}=…");
            let command = by_os(seen, &unix, &unix, &format!("setx {from} …"));
            let named =
                from.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_');
            with(&format!("there is no key: set {from}"), command.filter(|_| named))
        }
        Some(KeySeen::Present { from }) => say(&format!(
            "the key in {from} is refused: make a new one in the provider's console, and check that nothing was cut off"
        )),
        Some(KeySeen::Callers) => say("the callers' own key is refused: have them log in again"),
        Some(KeySeen::NotNeeded) | None => {
            say("the key is refused: make a new one in the provider's console")
        }
    }
}

fn config(seen: &Seen<'_>) -> Vec<Advice> {
    match &seen.it.here.elsewhere {
        Some(elsewhere) => {
            let place = match (&elsewhere.path, elsewhere.line) {
                (Some(path), Some(line)) => format!("{path} line {line}: "),
                (Some(path), None) => format!("{path}: "),
                (None, _) => String::new(),
            };
            vec![say(&format!(
                "{place}{} is {}; the usual one is {}",
                elsewhere.from, elsewhere.url, elsewhere.usual
            ))]
        }
        None => vec![with(
            "see which models the provider serves, and correct the name",
            Some("backstop check".to_owned()),
        )],
    }
}

fn ipv6(seen: &Seen<'_>) -> Vec<Advice> {
    let link = seen.it.here.interfaces.iter().flatten().find(|it| it.up);
    let name = link.map_or("eth0", |link| link.name.as_str());
    let off = by_os(
        seen,
        &format!("sudo sysctl net.ipv6.conf.{name}.disable_ipv6=1"),
        "networksetup -setv6off Wi-Fi",
        "Disable-NetAdapterBinding -Name Wi-Fi -ComponentID ms_tcpip6",
    );
    vec![
        say(
            "most clients go around it by IPv4 after a moment; have the network's operator mend IPv6",
        ),
        with("or do without it until then", off),
    ]
}

fn middlebox(seen: &Seen<'_>, host: &str) -> Vec<Advice> {
    let pass = say("have whoever runs firewall, VPN or filter let the host through");
    if seen.meets_pages() || asks_for_a_browser(seen) {
        return walled(host);
    }
    if seen.only_impostors() {
        return vec![pass, with("see who vouches for what answers", Some(openssl(seen, host)))];
    }
    let small = format!(
        "openssl s_client -connect {host}:{} -servername {host} -tls1_2 </dev/null",
        seen.it.port
    );
    let mtu = by_os(
        seen,
        &format!("ping -M do -s 1400 -c 3 {host}"),
        &format!("ping -D -s 1400 -c 3 {host}"),
        &format!("ping -f -l 1400 {host}"),
    );
    vec![
        with(
            "large packets may be lost on the way (VPN, PPPoE): if this fails, lower the MTU",
            mtu,
        ),
        with("see whether a small first message passes", Some(small)),
        pass,
    ]
}

/// What was not asked yet may tell it.
fn unknown(seen: &Seen<'_>) -> Vec<Advice> {
    let doctor = |rest: &str| Some(format!("backstop doctor {} {rest}", seen.it.provider));
    let models = seen.ask(Question::Models);
    let keyless = match seen.it.here.key {
        Some(KeySeen::Missing { .. }) | None => models.is_none(),
        Some(KeySeen::Present { .. } | KeySeen::NotNeeded | KeySeen::Callers) => false,
    };
    // Callers' own keys are theirs to ask with.
    let ready = seen.answers_small()
        && models.is_none_or(|it| it.is_as_it_should(Question::Models))
        && seen.it.here.key != Some(KeySeen::Callers);
    let first = if seen.failing().is_some_and(|share| 0.05 <= share) {
        Some(with("see in what way your own requests fail, and of which models", doctor("-v")))
    } else if keyless {
        Some(say("run it again with a key, so that real questions can be asked"))
    } else if ready && seen.answers_large().is_none() {
        Some(with("have a model answer, which costs a few tokens", doctor("--complete MODEL")))
    } else {
        None
    };
    let evidence = with("keep the evidence", doctor("--bundle evidence.json"));
    first.into_iter().chain([evidence]).collect()
}

/// A question of ours met the page of a firewall.
fn asks_for_a_browser(seen: &Seen<'_>) -> bool {
    seen.asked().any(|(_, it)| it.class == "firewall" || it.mark.as_deref() == Some("challenge"))
}

/// Something in front of them, theirs or not, does not let us through and says so to browsers.
fn walled(host: &str) -> Vec<Advice> {
    vec![
        with("see whose page it is, and what it says", Some(format!("curl -si https://{host}/"))),
        say(
            "our exit address may be blocked, or its country not served: try another exit (without the VPN, another network or region)",
        ),
        say(
            "if a proxy or filter here answers so, have whoever runs it let the host through; else ask the provider, with the id that the page names",
        ),
    ]
}

fn trace(seen: &Seen<'_>, host: &str) -> Option<String> {
    by_os(
        seen,
        &format!("tracepath {host}"),
        &format!("traceroute {host}"),
        &format!("tracert {host}"),
    )
}

fn openssl(seen: &Seen<'_>, host: &str) -> String {
    format!("openssl s_client -connect {host}:{} -servername {host} </dev/null", seen.it.port)
}

fn overloaded(seen: &Seen<'_>) -> Advice {
    let wait = seen.asked().filter_map(|(_, it)| it.retry_after_s).max();
    match wait {
        Some(wait) => say(&format!("let the chain's next target serve; ask again after {wait} s")),
        None => say("let the chain's next target serve; ask again after about 60 s"),
    }
}

fn status(seen: &Seen<'_>) -> Advice {
    let url = seen.it.page.as_ref().map_or("", |page| page.url.as_str());
    // The page for people is at the root of its host.
    let end = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    match url.get(..end) {
        Some(root) if !root.is_empty() => say(&format!("their word: {root}")),
        Some(_) | None => say("their status page may say more, and may be late"),
    }
}

#[cfg(test)]
mod tests;
