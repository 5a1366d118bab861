//! Files → what is known of the machine.

use super::look;
use crate::stage::{Folder, ground, ip};
use crate::{Files, Ground, Named, Subject};
use ir::Dialect;
use ir::evidence::{CaFile, Elsewhere, Interface, ResolverKind};
use std::net::IpAddr;

fn subject() -> Subject {
    Subject::new("anthropic", "https://api.anthropic.com/v1", Dialect::Messages).unwrap()
}

fn here(folder: &Folder) -> Ground {
    Ground { files: Files::below(&folder.0), ..ground() }
}

#[test]
fn hosts_files() {
    let check = |text: &str, expect: &[(u32, &str, &str)]| {
        let folder = Folder::new(&[("etc/hosts", text)]);
        let found = look(&here(&folder), &subject()).here.hosts;
        let path = folder.path("etc/hosts");
        assert!(found.iter().all(|entry| entry.path == path));
        let found: Vec<_> =
            found.iter().map(|it| (it.line, it.address.to_string(), it.name.as_str())).collect();
        let expect: Vec<_> =
            expect.iter().map(|(line, ip, name)| (*line, (*ip).to_owned(), *name)).collect();
        assert_eq!(found, expect, "{text:?}");
    };
    let name = "api.anthropic.com";
    check("", &[]);
    check("127.0.0.1 localhost\n", &[]);
    check("127.0.0.1 localhost\n127.0.0.1 api.anthropic.com\n", &[(2, "127.0.0.1", name)]);
    check("#\n\n  0.0.0.0\tapi.anthropic.com # no", &[(3, "0.0.0.0", name)]);
    check("# 127.0.0.1 api.anthropic.com\r\n", &[]);
    check("::1 a b api.anthropic.com\r\n10.0.0.1 x\r\n", &[(1, "::1", name)]);
    check("10.0.0.1 API.Anthropic.COM.", &[(1, "10.0.0.1", "API.Anthropic.COM.")]);
    check("10.0.0.1 xapi.anthropic.com api.anthropic.com.evil", &[]);
    check("fe80::1%eth0 api.anthropic.com", &[(1, "fe80::1", name)]);
    check("\u{feff}10.0.0.1 api.anthropic.com", &[(1, "10.0.0.1", name)]);
    check("127.0.0.1api.anthropic.com\nnot an address", &[]);
    check(
        "10.0.0.1 api.anthropic.com\n10.0.0.2 api.anthropic.com api.anthropic.com",
        &[(1, "10.0.0.1", name), (2, "10.0.0.2", name)],
    );
}

/// What is configured, who is asked, and who answers programs.
#[test]
fn resolvers() {
    let check = |files: &[(&str, &str)], stub: Option<&str>, upstreams: &str, kind| {
        let folder = Folder::new(files);
        let found = look(&here(&folder), &subject());
        assert_eq!(found.stub, stub.map(ip), "{files:?}");
        let expect: Vec<IpAddr> = upstreams.split_whitespace().map(ip).collect();
        assert_eq!(found.upstreams, expect, "{files:?}");
        assert_eq!(found.here.resolver, kind, "{files:?}");
    };
    let conf = "etc/resolv.conf";
    check(&[], None, "", None);
    check(&[(conf, "nameserver 10.0.0.1\n")], None, "10.0.0.1", Some(ResolverKind::Direct));
    check(
        &[(
            conf,
            "nameserver 1.1.1.1\nnameserver 1.1.1.1\nnameserver 2.2.2.2 # x\n;nameserver 9.9.9.9\nnameserver 3.3.3.3\nnameserver 4.4.4.4",
        )],
        None,
        "1.1.1.1 2.2.2.2 3.3.3.3",
        Some(ResolverKind::Direct),
    );
    let resolved = (conf, "nameserver 127.0.0.53\noptions edns0 trust-ad\n");
    check(&[resolved], Some("127.0.0.53"), "", Some(ResolverKind::SystemdResolved));
    check(
        &[resolved, ("run/systemd/resolve/resolv.conf", "nameserver 192.168.1.1\n")],
        Some("127.0.0.53"),
        "192.168.1.1",
        Some(ResolverKind::SystemdResolved),
    );
    check(
        &[(conf, "nameserver 127.0.0.11\noptions ndots:0")],
        Some("127.0.0.11"),
        "",
        Some(ResolverKind::Docker),
    );
    check(
        &[
            (conf, "nameserver 127.0.0.1\n"),
            ("run/NetworkManager/no-stub-resolv.conf", "nameserver 10.9.9.9"),
            ("run/dnsmasq.pid", "7"),
        ],
        Some("127.0.0.1"),
        "10.9.9.9",
        Some(ResolverKind::Dnsmasq),
    );
    check(
        &[(conf, "nameserver ::1\nnameserver 10.0.0.2"), ("run/unbound.pid", "7")],
        Some("::1"),
        "10.0.0.2",
        Some(ResolverKind::Unbound),
    );
    check(&[(conf, "nameserver 127.0.0.1")], Some("127.0.0.1"), "", None);
    check(
        &[(conf, "nameserver 10.0.0.1"), ("run/nscd/socket", "")],
        None,
        "10.0.0.1",
        Some(ResolverKind::Nscd),
    );
    let linked = (conf, "nameserver fe80::1%eth0\nnameserver 10.0.0.1");
    check(&[linked], None, "10.0.0.1", Some(ResolverKind::Direct));
    check(&[(conf, "nameserver nonsense\n\u{0}\u{ff}")], None, "", None);
}

#[test]
fn the_words_of_resolv_conf_and_nsswitch() {
    let folder = Folder::new(&[
        (
            "real.conf",
            "search a.example b.example\ndomain c.example\noptions ndots:5 timeout:1 ndots:x\nnameserver fe80::1%eth0\n",
        ),
        (
            "etc/nsswitch.conf",
            "# hosts: none\npasswd: files\nhosts:\tfiles mymachines [!UNAVAIL=return] resolve [NOTFOUND=return]dns # x\n",
        ),
    ]);
    let link = folder.0.join("etc/resolv.conf");
    std::os::unix::fs::symlink(folder.0.join("real.conf"), link).unwrap();
    let found = look(&here(&folder), &subject()).here;
    let conf = found.resolv_conf.unwrap();
    assert_eq!(conf.search, ["c.example"]);
    assert_eq!(conf.ndots, Some(5));
    assert_eq!(conf.servers, [ip("fe80::1")]);
    assert!(conf.leads_to.unwrap().ends_with("real.conf"));
    let order = found.nsswitch.unwrap();
    assert_eq!((order.line, order.path), (3, folder.path("etc/nsswitch.conf")));
    assert_eq!(order.order, ["files", "mymachines", "resolve", "dns"]);
}

const ROUTE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
    eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
    eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
const HALVES: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
    tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\n\
    tun0\t00000080\t00000000\t0001\t0\t0\t0\t00000080\n";
const REJECTED: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n\
    *\t00000000\t00000000\t0201\t0\t0\t0\t00000000\n";
const ROUTE6: &str = "\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000003 00000000 00000003     eth0\n\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";

#[test]
fn routes() {
    let check = |v4: &str, v6: &str, expect: (Option<bool>, Option<bool>, Option<&str>)| {
        let files = [("proc/net/route", v4), ("proc/net/ipv6_route", v6)];
        let files: Vec<_> = files.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        let folder = Folder::new(&files);
        let found = look(&here(&folder), &subject()).here;
        let expect = (expect.0, expect.1, expect.2.map(ip));
        assert_eq!((found.route_v4, found.route_v6, found.gateway), expect, "{v4:?} {v6:?}");
    };
    let last_line = ROUTE6.lines().last().unwrap();
    check("", "", (None, None, None));
    check(ROUTE, last_line, (Some(true), Some(false), Some("192.0.2.1")));
    check("Iface", ROUTE6, (Some(false), Some(true), Some("fd00::1")));
    check(HALVES, "garbage\n\u{0}", (Some(true), Some(false), None));
    check(REJECTED, "", (Some(false), None, None));
}

#[test]
fn interfaces() {
    let folder = Folder::new(&[
        ("sys/class/net/lo/flags", "0x9\n"),
        ("sys/class/net/lo/operstate", "unknown\n"),
        ("sys/class/net/eth0/flags", "0x1003\n"),
        ("sys/class/net/eth0/operstate", "up\n"),
        ("sys/class/net/eth0/carrier", "1\n"),
        ("sys/class/net/wlan0/flags", "0x1003\n"),
        ("sys/class/net/wlan0/operstate", "down\n"),
        ("sys/class/net/tun0/flags", "0x1\n"),
        ("sys/class/net/tun0/operstate", "unknown\n"),
        ("proc/net/route", ROUTE),
        (
            "proc/net/fib_trie",
            "Main:\n  |-- 192.0.2.2\n     /32 host LOCAL\n  |-- 192.0.2.255\n     /32 link BROADCAST\nLocal:\n  |-- 192.0.2.2\n     /32 host LOCAL\n",
        ),
        (
            "proc/net/if_inet6",
            "fd000000000000000000000000000002 04 40 00 82     eth0\nfe8000000000000000fc00fffe000001 04 40 20 80     eth0\n",
        ),
    ]);
    let found = look(&here(&folder), &subject()).here.interfaces.unwrap();
    let of = |name: &str, up, addresses: &[&str]| Interface {
        name: name.to_owned(),
        up,
        addresses: addresses.iter().map(|text| ip(text)).collect(),
    };
    let expect = [
        of("eth0", true, &["192.0.2.2", "fd00::2"]),
        of("tun0", true, &[]),
        of("wlan0", false, &[]),
    ];
    assert_eq!(found, expect);
}

#[test]
fn containers_certificates_and_other_places() {
    let bare = Folder::new(&[]);
    assert!(!look(&here(&bare), &subject()).here.container);
    for mark in [(".dockerenv", ""), ("proc/1/cgroup", "0::/kubepods/x\n")] {
        assert!(look(&here(&Folder::new(&[mark])), &subject()).here.container, "{mark:?}");
    }
    let certificate = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).unwrap().cert.pem();
    let folder =
        Folder::new(&[("ca.pem", &certificate), ("empty.pem", "nothing"), ("d/a", &certificate)]);
    let mut ground = here(&folder);
    for (name, value) in [
        ("SSL_CERT_FILE", folder.path("ca.pem")),
        ("CURL_CA_BUNDLE", folder.path("empty.pem")),
        ("NODE_EXTRA_CA_CERTS", folder.path("gone.pem")),
        ("REQUESTS_CA_BUNDLE", " ".to_owned()),
        ("SSL_CERT_DIR", folder.path("d")),
    ] {
        ground.env.insert(name.to_owned(), value);
    }
    let mut subject = subject();
    let from = |from: &str, name: &str, usable| CaFile {
        from: from.to_owned(),
        path: folder.path(name),
        usable,
    };
    subject.ca = vec![from("providers.x.ca", "ca.pem", false)];
    let named = Named { from: "providers.x.base_url".to_owned(), path: None, line: Some(3) };
    subject.usual = Some((subject.base.clone(), named.clone()));
    let found = look(&ground, &subject).here;
    assert_eq!(found.elsewhere, None);
    let expect = [
        from("SSL_CERT_FILE", "ca.pem", true),
        from("NODE_EXTRA_CA_CERTS", "gone.pem", false),
        from("CURL_CA_BUNDLE", "empty.pem", false),
        from("SSL_CERT_DIR", "d", true),
        from("providers.x.ca", "ca.pem", true),
    ];
    assert_eq!(found.ca, expect);
    subject.usual = Some(("https://api.example.com".parse().unwrap(), named));
    let expect = Elsewhere {
        from: "providers.x.base_url".to_owned(),
        path: None,
        line: Some(3),
        url: "https://api.anthropic.com/v1".to_owned(),
        usual: "https://api.example.com".to_owned(),
    };
    assert_eq!(look(&ground, &subject).here.elsewhere, Some(expect));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]

    /// Whatever stands in files, they are read or they are not.
    #[test]
    fn no_file_does_harm(text: String, words in "([0-9a-f]{1,34}[ \\t]){0,11}[a-z0-9]*\n?") {
        let text = format!("{words}\n{text}\nhosts: {text}\nnameserver {text}\n{words}");
        let files = [
            "etc/hosts", "etc/resolv.conf", "etc/nsswitch.conf", "proc/net/route",
            "proc/net/ipv6_route", "proc/net/fib_trie", "proc/net/if_inet6", "proc/1/cgroup",
            "sys/class/net/eth0/flags",
        ];
        let folder = Folder::new(&files.map(|path| (path, text.as_str())));
        drop(look(&here(&folder), &subject()));
    }
}
