//! Certificates and their absence → what is told of a road.

use super::road;
use crate::measure::Scene;
use crate::stage::{Authority, Play, ground, hasty, ip, lead, play, self_signed};
use crate::{Ground, Subject, Trusted, Way};
use ir::Dialect;
use ir::evidence::{Reached, Road, Shake, Trust};
use rcgen::{CertificateParams, date_time_ymd};
use std::net::SocketAddr;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const HOST: &str = "api.example.com";
const AT: &str = "192.0.2.1";

fn subject() -> Subject {
    Subject::new("x", "https://api.example.com/v1", Dialect::Chat).unwrap()
}

/// The road to a server in the place of the address.
async fn to(ground: Ground, subject: Subject, server: SocketAddr) -> Road {
    let mut ground = ground;
    lead(&mut ground, "192.0.2.1:443", server);
    road(&Scene::new(&ground, &subject), ip(AT)).await.unwrap()
}

/// Who vouches for whom.
struct Roots {
    public: Authority,
    machine: Authority,
    configured: Authority,
    unknown: Authority,
}

impl Roots {
    fn new() -> Self {
        Self {
            public: Authority::new("Public Trust"),
            machine: Authority::new("Corp Inspection"),
            configured: Authority::new("Configured"),
            unknown: Authority::new("Nobody Knows"),
        }
    }

    async fn road(&self, acceptor: TlsAcceptor) -> Road {
        let (at, heard) = play(Play::Tls(acceptor, Box::new(Play::Silence))).await;
        let roots = Trusted { public: self.public.store(), machine: self.machine.store() };
        let mut subject = subject();
        subject.extra_roots = vec![self.configured.der()];
        let road = to(Ground { roots, ..ground() }, subject, at).await;
        assert!(heard.lock().iter().all(String::is_empty), "something was sent");
        road
    }
}

#[tokio::test]
async fn certificates() {
    let roots = Roots::new();
    let alpn = ["h2"];
    let good = |_: &mut CertificateParams| {};
    let expired = |it: &mut CertificateParams| {
        it.not_before = date_time_ymd(2020, 1, 1);
        it.not_after = date_time_ymd(2021, 1, 1);
    };
    let early = |it: &mut CertificateParams| it.not_before = date_time_ymd(2090, 1, 1);
    let check = async |acceptor, expect: (Trust, bool, bool, &str)| {
        let road = roots.road(acceptor).await;
        let tls = road.tls.unwrap();
        assert_eq!(tls.shake, Shake::Complete);
        let found = (tls.trust, tls.names_host, tls.in_date, tls.issuer.as_str());
        assert_eq!(found, expect);
        let good = matches!(expect, (Trust::Public | Trust::Machine, true, true, _));
        assert_eq!(tls.is_the_host(), good);
        assert_eq!((tls.version.as_str(), tls.chain.len()), ("TLS1.3", 64));
        assert!(tls.not_before_unix.unwrap() < tls.not_after_unix.unwrap());
        assert_eq!((road.tcp.reached, road.small), (Reached::Connected, None));
    };
    let Roots { public, machine, configured, unknown } = &roots;
    let ours = "Public Trust";
    check(public.server(HOST, &alpn, good), (Trust::Public, true, true, ours)).await;
    check(public.server("*.example.com", &[], good), (Trust::Public, true, true, ours)).await;
    check(public.server(HOST, &alpn, expired), (Trust::Public, true, false, ours)).await;
    check(public.server(HOST, &alpn, early), (Trust::Public, true, false, ours)).await;
    check(public.server("x.org", &alpn, good), (Trust::Public, false, true, ours)).await;
    let corp = (Trust::Machine, true, true, "Corp Inspection");
    check(machine.server(HOST, &alpn, good), corp).await;
    check(configured.server(HOST, &alpn, good), (Trust::Machine, true, true, "Configured")).await;
    let nobody = (Trust::Nobody, true, true, "Nobody Knows");
    check(unknown.server(HOST, &alpn, good), nobody).await;
    let own = (Trust::SelfSigned, true, true, "rcgen self signed cert");
    check(self_signed(HOST), own).await;
}

#[tokio::test]
async fn no_session() {
    let check = async |script, shake, small: Option<Shake>| {
        let (at, _) = play(script).await;
        let road = to(hasty(ground()), subject(), at).await;
        assert_eq!(road.tcp.reached, Reached::Connected);
        let tls = road.tls.unwrap();
        assert_eq!((tls.shake, road.small.map(|it| it.shake)), (shake, small));
        assert_eq!((tls.trust, tls.chain.as_str(), tls.is_the_host()), (Trust::Nobody, "", false));
    };
    check(Play::Silence, Shake::Stalled, Some(Shake::Stalled)).await;
    check(Play::Close, Shake::Cut, None).await;
    check(Play::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), Shake::NotTls, None).await;
    check(Play::Say(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), Shake::NotTls, None).await;
    // A fatal alert: handshake_failure.
    check(Play::Say(vec![21, 3, 3, 0, 2, 2, 40]), Shake::Refused, None).await;
    // The beginning of an answer, and no more.
    check(Play::SayAndHold(vec![22, 3, 3, 1, 0, 2]), Shake::Stalled, Some(Shake::Stalled)).await;
}

#[tokio::test]
async fn no_connection() {
    let check = async |way, expect| {
        let mut ground = hasty(ground());
        ground.ways.otherwise = way;
        let road = road(&Scene::new(&ground, &subject()), ip(AT)).await.unwrap();
        assert_eq!((road.tcp.reached, road.tls), (expect, None));
    };
    check(Way::Refused, Reached::Refused).await;
    check(Way::Unreachable, Reached::Unreachable).await;
    check(Way::Silent, Reached::Timeout).await;
    // Where clouds keep credentials, nobody is asked.
    let mut ground = ground();
    let (at, heard) = play(Play::Close).await;
    ground.ways.otherwise = Way::To(at);
    for inside in ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "fd00:ec2::254"] {
        let road = road(&Scene::new(&ground, &subject()), ip(inside)).await.unwrap();
        assert_eq!((road.tcp.reached, road.tls), (Reached::Unreachable, None), "{inside}");
    }
    assert!(heard.lock().is_empty());
}

/// Something on the way swallows first messages that do not fit into one packet.
#[tokio::test]
async fn a_middlebox_lets_only_small_hellos_through() {
    let authority = Authority::new("Public Trust");
    let acceptor = authority.server(HOST, &[], |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut head = [0; 5];
                while stream.peek(&mut head).await.unwrap() < head.len() {}
                let length = u16::from_be_bytes([head[3], head[4]]);
                if 1_000 < length {
                    while 0 < stream.read(&mut [0; 512]).await.unwrap_or(0) {}
                } else {
                    drop(acceptor.accept(stream).await);
                }
            });
        }
    });
    let roots = Trusted { public: authority.store(), machine: authority.store() };
    let mut ground = Ground { roots, ..ground() };
    ground.limits.tls = std::time::Duration::from_secs(1);
    let road = to(ground, subject(), at).await;
    assert_eq!(road.tls.unwrap().shake, Shake::Stalled);
    let small = road.small.unwrap();
    assert_eq!((small.version.as_str(), small.is_the_host()), ("TLS1.2", true));
}

/// Where plain `http` is spoken, there is no session to try.
#[tokio::test]
async fn without_tls_there_is_only_tcp() {
    let (at, _) = play(Play::Silence).await;
    let subject = Subject::new("x", "http://api.example.com:443/v1", Dialect::Chat).unwrap();
    let road = to(ground(), subject, at).await;
    assert_eq!((road.tcp.reached, road.tls), (Reached::Connected, None));
}
