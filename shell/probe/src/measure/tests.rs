//! Whole measurements: what stands in evidence, by when, and who was asked.

use super::{knock, measure, would_ask};
use crate::stage::{
    Authority, Folder, Play, answer, ground, hasty, ip, lead, names, play, reply, resolver,
};
use crate::{
    Completion, Doh, Files, Ground, Header, Limits, Neutral, PortalPage, Proxy, Subject, Trusted,
    Way,
};
use hickory_proto::op::Message;
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use ir::evidence::{Form, Heard, Portal, Question, Rcode, Reached, Witness};
use ir::{Dialect, Evidence};
use monitor::Layer;
use secrecy::SecretString;
use std::time::Duration;
use tokio::time::Instant;

const HOST: &str = "api.example.com";
const JSON: &str = "content-type: application/json\r\n";
const DATE: &str = "date: Fri, 20 Nov 2026 12:00:00 GMT\r\n";

/// A resolver's answer: where the host is.
fn at(asked: &Message, address: &str) -> Vec<u8> {
    let std::net::IpAddr::V4(v4) = ip(address) else { panic!("{address}") };
    reply(asked, |it| {
        let query = &it.queries[0];
        if query.query_type() == RecordType::A {
            let record = Record::from_rdata(query.name().clone(), 60, RData::A(A(v4)));
            it.answers = vec![record];
        }
    })
}

/// A world in which all is well: one resolver, one provider at two addresses, somebody neutral.
async fn world(folder: &Folder) -> (Ground, Subject) {
    let authority = Authority::new("Public Trust");
    let mut ground = Ground {
        files: Files::below(&folder.0),
        resolver: names(&[
            (HOST, "8.8.8.1"),
            ("neutral.example", "9.9.9.1"),
            ("portal", "9.9.9.2"),
        ]),
        neutral: Neutral {
            addresses: vec!["9.9.9.1:443".parse().unwrap(), "[2620:fe::1]:443".parse().unwrap()],
            portals: vec![PortalPage {
                url: "http://portal/204".to_owned(),
                status: 204,
                body: String::new(),
            }],
            tls: Some(("neutral.example".to_owned(), 443)),
            name: Some("neutral.example".to_owned()),
        },
        roots: Trusted { public: authority.store(), machine: authority.store() },
        clock: transport::Clock::start_at(1_795_176_000_000 + 90_000),
        ..ground()
    };
    let says =
        Play::Say(answer(401, &format!("{JSON}{DATE}"), r#"{"error":{"message":"no key"}}"#));
    let provider = play(Play::Tls(authority.server(HOST, &[], |_| {}), Box::new(says))).await.0;
    let neutral = authority.server("neutral.example", &[], |_| {});
    let neutral = play(Play::Tls(neutral, Box::new(Play::Close))).await.0;
    let portal = play(Play::Say(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())).await.0;
    let truth = resolver(|asked, _| vec![at(&asked, "8.8.8.2")]).await;
    lead(&mut ground, "8.8.8.1:443", provider);
    lead(&mut ground, "8.8.8.2:443", provider);
    lead(&mut ground, "127.0.0.1:443", neutral);
    lead(&mut ground, "9.9.9.1:443", neutral);
    lead(&mut ground, "9.9.9.2:80", portal);
    lead(&mut ground, "10.0.0.53:53", truth);
    let mut subject = Subject::new("x", "https://api.example.com/v1", Dialect::Chat).unwrap();
    let value = SecretString::from("Bearer sk-canary".to_owned());
    subject.header = Some(Header { name: "authorization".parse().unwrap(), value });
    (ground, subject)
}

async fn run(ground: &Ground, subject: &Subject) -> (Evidence, Vec<Layer>) {
    let mut layers = Vec::new();
    let evidence = measure(ground, subject, &mut |layer, _| layers.push(layer)).await;
    let mut sorted = layers.clone();
    sorted.sort();
    assert_eq!(sorted, [Layer::Network, Layer::Dns, Layer::Tls, Layer::Http, Layer::Control]);
    (evidence, layers)
}

#[tokio::test]
async fn everything_is_measured_once() {
    let folder = Folder::new(&[
        ("etc/resolv.conf", "nameserver 10.0.0.53\n"),
        ("etc/hosts", "127.0.0.1 localhost\n127.0.0.1 api.example.com\n"),
    ]);
    let (ground, subject) = world(&folder).await;
    let (seen, _) = run(&ground, &subject).await;
    assert_eq!((seen.provider.as_str(), seen.host.as_str(), seen.port), ("x", HOST, 443));
    let server = ip("10.0.0.53");
    let who: Vec<_> = seen.names.keys().cloned().collect();
    assert_eq!(who, [Witness::System, Witness::Hosts, Witness::Udp(server), Witness::Tcp(server)]);
    assert_eq!(seen.names[&Witness::Tcp(server)].addresses, [ip("8.8.8.2")]);
    let roads: Vec<_> = seen.roads.iter().map(|(at, road)| (*at, road.from.clone())).collect();
    let expect = [
        (ip("8.8.8.1"), vec![Witness::System]),
        (ip("8.8.8.2"), vec![Witness::Udp(server), Witness::Tcp(server)]),
        (ip("127.0.0.1"), vec![Witness::Hosts]),
    ];
    assert_eq!(roads, expect);
    let is_host = |at: &str| seen.roads[&ip(at)].tls.as_ref().unwrap().is_the_host();
    assert_eq!([is_host("8.8.8.1"), is_host("8.8.8.2"), is_host("127.0.0.1")], [true, true, false]);
    let hosts = &seen.here.hosts[0];
    assert_eq!(
        (hosts.line, hosts.address, hosts.path.clone()),
        (2, ip("127.0.0.1"), folder.path("etc/hosts"))
    );
    let open = &seen.asked[&Question::Open];
    assert_eq!((open.class.as_str(), open.form, open.heard), ("", Form::Json, Heard::Answer));
    assert_eq!(seen.asked[&Question::Models].class, "unauthorized");
    assert_eq!(seen.asked.len(), 2, "nothing that costs tokens");
    assert!((89..=91).contains(&seen.here.clock_ahead_s.unwrap()), "{:?}", seen.here.clock_ahead_s);
    assert_eq!(seen.control.portals["http://portal/204"], Portal::Expected);
    assert_eq!(seen.control.neutral["9.9.9.1:443"].reached, Reached::Connected);
    assert_eq!(seen.control.neutral["[2620:fe::1]:443"].reached, Reached::Unreachable);
    assert!(seen.control.tls.unwrap().is_the_host());
    assert!(seen.control.names.values().all(|answer| answer.rcode == Rcode::NoError));
    assert!(seen.dnssec.is_some());
    assert!(!serde_json::to_string(&seen.asked).unwrap().contains("canary"));
}

/// What costs tokens is asked once, where it was allowed and the key was taken.
#[tokio::test]
async fn tokens_are_spent_where_that_was_allowed() {
    use Question::{Models, Open, Streamed, Whole};
    let check = async |status: u16, expect: &[Question]| {
        let folder = Folder::new(&[]);
        let (mut ground, mut subject) = world(&folder).await;
        let (at, heard) = play(Play::Say(answer(status, JSON, "{}"))).await;
        subject.base = "http://api.example.com".parse().unwrap();
        lead(&mut ground, "8.8.8.1:80", at);
        let field = ir::TokenField::MaxTokens;
        subject.completion = Some(Completion { model: "m".to_owned(), field, tokens: 16 });
        let (seen, _) = run(&ground, &subject).await;
        assert_eq!(seen.asked.keys().copied().collect::<Vec<_>>(), expect, "{status}");
        let spent = heard.lock().iter().filter(|it| it.starts_with("POST ")).count();
        assert_eq!(spent, expect.len() - 2);
    };
    check(200, &[Open, Models, Whole, Streamed]).await;
    check(404, &[Open, Models, Whole, Streamed]).await;
    check(401, &[Open, Models]).await;
}

/// Another region is asked where this one fails, where that is wanted, and without our key.
#[tokio::test]
async fn another_region_is_asked_beside_one_that_fails() {
    let here = "bedrock-runtime.us-east-1.amazonaws.com";
    let there = "bedrock-runtime.us-west-2.amazonaws.com";
    let check = async |status: u16, form: &str, wanted: bool, expect: bool| {
        let folder = Folder::new(&[]);
        let (mut ground, mut subject) = world(&folder).await;
        ground.regions = wanted;
        ground.resolver = names(&[(here, "8.8.8.1"), (there, "8.8.8.3")]);
        subject.base = format!("http://{here}").parse().unwrap();
        lead(&mut ground, "8.8.8.1:80", play(Play::Say(answer(status, JSON, form))).await.0);
        let (at, heard) = play(Play::Say(answer(403, JSON, "{}"))).await;
        lead(&mut ground, "8.8.8.3:80", at);
        let (seen, _) = run(&ground, &subject).await;
        let seen: Vec<_> =
            seen.control.regions.iter().map(|(it, asked)| (&**it, asked.status)).collect();
        let expected = if expect { vec![(there, Some(403))] } else { Vec::new() };
        assert_eq!(seen, expected, "{status} {form:?}");
        let heard = heard.lock();
        assert_eq!(heard.len(), usize::from(expect), "{status} {form:?}");
        assert!(heard.iter().all(|it| it.contains(there) && !it.contains("canary")), "{heard:?}");
    };
    for status in [200, 400, 401, 403] {
        check(status, "{}", true, false).await;
    }
    check(404, "{}", true, true).await;
    check(503, "{}", true, true).await;
    check(403, "<html>", true, true).await;
    check(503, "{}", false, false).await;
}

/// Nobody answers at all: it ends in time, and tells what it knows.
#[tokio::test]
async fn silence_ends_in_time() {
    let folder = Folder::new(&[("etc/resolv.conf", "nameserver 127.0.0.53\nnameserver 10.0.0.53")]);
    let (mut ground, subject) = world(&folder).await;
    ground.ways.tcp.clear();
    ground.ways.udp.clear();
    ground.ways.otherwise = Way::Silent;
    ground.doh = Doh::usual();
    let second = Duration::from_secs(1);
    let all = Duration::from_millis(700);
    ground.limits =
        Limits { all, dns: second, tcp: second, tls: second, http: second, dnssec: second };
    let began = Instant::now();
    let (seen, _) = run(&ground, &subject).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // Names were still being asked for: nothing is said of them.
    assert_eq!(seen.names.keys().cloned().collect::<Vec<_>>(), [Witness::System]);
    assert_eq!(seen.roads[&ip("8.8.8.1")].tcp.reached, Reached::Timeout);
    assert_eq!(seen.asked[&Question::Open].class, "unreachable");
    assert_eq!(seen.asked[&Question::Open].heard, Heard::Unasked);
    assert_eq!((seen.here.clock_ahead_s, seen.control.tls), (None, None));
    assert!(seen.here.resolv_conf.is_some());
}

/// Behind a proxy nobody is connected to but the proxy, and those who are neutral.
#[tokio::test]
async fn behind_a_proxy_there_are_no_roads() {
    let folder = Folder::new(&[]);
    let (mut ground, mut subject) = world(&folder).await;
    let (at, _) = play(Play::Say(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec())).await;
    lead(&mut ground, "10.0.0.8:3128", at);
    subject.proxy = Some(Proxy {
        from: "HTTPS_PROXY".to_owned(),
        host: "10.0.0.8".to_owned(),
        port: 3128,
        authorization: None,
    });
    let (seen, _) = run(&ground, &subject).await;
    assert!(seen.roads.is_empty());
    let proxy = seen.here.proxy.unwrap();
    assert_eq!((proxy.reached, proxy.answered), (Some(true), Some(403)));
    assert_eq!(seen.asked[&Question::Open].class, "proxy");
}

#[tokio::test]
async fn pages_whose_answer_is_known() {
    let check = async |page: (u16, &str), says: Play, expect: Portal| {
        let folder = Folder::new(&[]);
        let (mut ground, subject) = world(&folder).await;
        if matches!(says, Play::Silence) {
            ground = hasty(ground);
        }
        let (at, _) = play(says).await;
        lead(&mut ground, "9.9.9.2:80", at);
        let url = "http://portal/x".to_owned();
        ground.neutral.portals =
            vec![PortalPage { url: url.clone(), status: page.0, body: page.1.to_owned() }];
        let (seen, _) = run(&ground, &subject).await;
        assert_eq!(seen.control.portals[&url], expect);
    };
    let ok = (200, "Success");
    check(ok, Play::Say(answer(200, "", "<html>Success</html>")), Portal::Expected).await;
    let altered = |status, to: Option<&str>| Portal::Altered { status, to: to.map(str::to_owned) };
    check(ok, Play::Say(answer(200, "", "<html>log in")), altered(200, None)).await;
    let to = "http://login.hotel/";
    check(
        (204, ""),
        Play::Say(answer(302, &format!("location: {to}\r\n"), "")),
        altered(302, Some(to)),
    )
    .await;
    check((204, ""), Play::Say(answer(511, "", "x")), altered(511, None)).await;
    check(ok, Play::Silence, Portal::Nothing).await;
    check(ok, Play::Close, Portal::Nothing).await;
}

#[tokio::test]
async fn the_cheap_knock_asks_one_thing() {
    let folder = Folder::new(&[]);
    let (ground, subject) = world(&folder).await;
    // As a task of its own, as a process that serves does it.
    let (there, whom) = (ground.clone(), subject.clone());
    let all = tokio::spawn(async move { measure(&there, &whom, &mut |_, _| {}).await });
    let asked = tokio::spawn(async move { knock(&ground, &subject).await }).await.unwrap();
    assert_eq!(all.await.unwrap().asked[&Question::Open].status, Some(401));
    assert_eq!((asked.class.as_str(), asked.status, asked.times), ("", Some(401), 1));
    assert!(asked.dns_ms.is_some() && asked.tls_ms.is_some() && asked.first_byte_ms.is_some());
}

#[tokio::test]
async fn who_would_be_asked() {
    let folder = Folder::new(&[("etc/resolv.conf", "nameserver 10.0.0.53\n")]);
    let (mut ground, subject) = world(&folder).await;
    ground.doh = Doh::usual();
    let asks = would_ask(&ground, &subject);
    let all: Vec<_> = asks.iter().map(|it| format!("{}:{}", it.host, it.port)).collect();
    let expect = [
        "1.0.0.1:443",
        "1.1.1.1:443",
        "10.0.0.53:53",
        "149.112.112.112:443",
        "2620:fe::1:443",
        "8.8.4.4:443",
        "8.8.8.8:443",
        "9.9.9.1:443",
        "9.9.9.9:443",
        "api.example.com:443",
        "neutral.example:443",
        "portal:80",
    ];
    assert_eq!(all, expect);
    let mut named = |regions: bool| {
        ground.regions = regions;
        let base = "https://bedrock-runtime.us-east-1.amazonaws.com";
        let subject = Subject::new("x", base, Dialect::Chat).unwrap();
        let asks = would_ask(&ground, &subject).into_iter();
        asks.filter(|it| it.host.contains("us-west-2")).map(|it| it.what).collect::<Vec<_>>()
    };
    assert_eq!(named(true), ["another region, only if this one fails"]);
    assert_eq!(named(false), [""; 0]);
}
