//! Bytes of DNS → answers, from resolvers that tell the truth, that lie, and that say nothing.

use super::{Ask, validate};
use crate::stage::{
    Authority, Folder, Play, ground, hasty, ip, lead, names, play, reply, resolver,
};
use crate::{Doh, Ground, Trusted, Way};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use hickory_proto::dnssec::crypto::Ed25519SigningKey;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG, SigInput};
use hickory_proto::dnssec::{Algorithm, DnssecSigner, PublicKey as _, SigningKey as _, TBS};
use hickory_proto::op::{Edns, Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, SOA};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ir::evidence::{Answer, Proof, Rcode, Witness};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const HOST: &str = "api.example.com";
const SERVER: &str = "192.0.2.53";

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn record(owner: &str, ttl: u32, data: RData) -> Record {
    Record::from_rdata(name(owner), ttl, data)
}

fn address(owner: &str, ttl: u32, at: &str) -> Record {
    let data = match ip(at) {
        IpAddr::V4(v4) => RData::A(A(v4)),
        IpAddr::V6(v6) => RData::AAAA(AAAA(v6)),
    };
    record(owner, ttl, data)
}

/// Answers whose addresses are of the kind that is asked for.
fn tell(asked: &Message, records: &[Record]) -> Vec<u8> {
    let kind = asked.queries[0].query_type();
    let of_kind =
        |it: &&Record| matches!(it.record_type(), RecordType::CNAME) || it.record_type() == kind;
    reply(asked, |it| it.answers = records.iter().filter(of_kind).cloned().collect())
}

fn refuse(asked: &Message, code: ResponseCode) -> Vec<u8> {
    reply(asked, |it| it.metadata.response_code = code)
}

/// What is made of a resolver's answers, without its time.
async fn ask(
    says: impl Fn(Message, bool) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ask: fn(IpAddr) -> Ask,
) -> Answer {
    let mut ground = ground();
    lead(&mut ground, "192.0.2.53:53", resolver(says).await);
    let answer = ask(ip(SERVER)).about(&ground, HOST).await;
    Answer { took_ms: 0, ..answer }
}

fn found(addresses: &[&str], ttl_s: u32) -> Answer {
    let addresses = addresses.iter().map(|text| ip(text)).collect();
    Answer { addresses, ttl_s: Some(ttl_s), ..Answer::default() }
}

#[tokio::test]
async fn both_families_become_one_answer() {
    let records = [
        record(HOST, 300, RData::CNAME(CNAME(name("Edge.example.net")))),
        record("edge.example.net", 20, RData::CNAME(CNAME(name("b.example.net")))),
        address("b.example.net", 60, "192.0.2.1"),
        address("b.example.net", 60, "192.0.2.1"),
        address("b.example.net", 30, "2001:db8::1"),
        // Nobody asked for it, and nothing leads there.
        address("other.example.net", 5, "192.0.2.99"),
    ];
    let expect = Answer {
        cnames: vec!["edge.example.net".to_owned(), "b.example.net".to_owned()],
        ..found(&["192.0.2.1", "2001:db8::1"], 20)
    };
    for over in [Ask::Udp, Ask::Tcp, Ask::Stub] {
        let records = records.clone();
        let says = move |asked: Message, _| vec![tell(&asked, &records)];
        assert_eq!(ask(says, over).await, expect);
    }
}

#[tokio::test]
async fn what_is_not_there_and_for_how_long() {
    let soa = |ttl, minimum| {
        let data = SOA::new(name("ns.example.com"), name("x.example.com"), 1, 1, 1, 1, minimum);
        record("example.com", ttl, RData::SOA(data))
    };
    let says = move |asked: Message, _| {
        vec![reply(&asked, |it| {
            it.metadata.response_code = ResponseCode::NXDomain;
            it.metadata.authentic_data = true;
            it.authorities = vec![soa(900, 300)];
        })]
    };
    let nothing =
        Answer { rcode: Rcode::NxDomain, negative_ttl_s: Some(300), ad: true, ..Answer::default() };
    assert_eq!(ask(says, Ask::Udp).await, nothing);
    let says =
        move |asked: Message, _| vec![reply(&asked, |it| it.authorities = vec![soa(60, 300)])];
    let empty = Answer { negative_ttl_s: Some(60), ..Answer::default() };
    assert_eq!(ask(says, Ask::Udp).await, empty);
}

#[tokio::test]
async fn codes_and_extended_errors() {
    let check = async |code: ResponseCode, expect| {
        let says = move |asked: Message, _| vec![refuse(&asked, code)];
        assert_eq!(ask(says, Ask::Udp).await.rcode, expect, "{code}");
    };
    check(ResponseCode::ServFail, Rcode::ServFail).await;
    check(ResponseCode::Refused, Rcode::Refused).await;
    check(ResponseCode::NotImp, Rcode::Other).await;
    // Twelve bits, of which eight stand in the option.
    check(ResponseCode::BADCOOKIE, Rcode::Other).await;
    let says = |asked: Message, _| {
        vec![reply(&asked, |it| {
            it.metadata.response_code = ResponseCode::ServFail;
            let mut edns = Edns::new();
            let mut said = vec![0, 6];
            said.extend_from_slice("DNSSEC \u{7}Bogus".as_bytes());
            edns.options_mut().insert(EdnsOption::Unknown(15, said));
            edns.options_mut().insert(EdnsOption::Unknown(15, vec![0, 23]));
            edns.options_mut().insert(EdnsOption::Unknown(15, vec![0]));
            it.edns = Some(edns);
        })]
    };
    let answer = ask(says, Ask::Udp).await;
    assert_eq!((answer.rcode, answer.ede.as_slice()), (Rcode::ServFail, [6, 23].as_slice()));
    assert_eq!(answer.ede_text.as_deref(), Some("DNSSEC Bogus"));
}

/// Whoever guesses an id, or answers another question, is passed over.
#[tokio::test]
async fn lies_are_passed_over() {
    let truth = [address(HOST, 60, "192.0.2.1")];
    let says = move |asked: Message, _| {
        let mut forged = asked.clone();
        forged.metadata.id = asked.metadata.id.wrapping_add(1);
        let mut other = asked.clone();
        other.queries[0].set_name(name("evil.example.com"));
        let lie = [address(HOST, 60, "192.0.2.66")];
        vec![tell(&forged, &lie), reply(&other, |_| {}), asked_back(&asked), tell(&asked, &truth)]
    };
    assert_eq!(ask(says, Ask::Udp).await, found(&["192.0.2.1"], 60));
    let lies = |asked: Message, _| {
        let mut forged = asked.clone();
        forged.metadata.id = asked.metadata.id.wrapping_add(1);
        vec![tell(&forged, &[]); 20]
    };
    assert_eq!(ask(lies, Ask::Udp).await.rcode, Rcode::Garbled);
    assert_eq!(ask(lies, Ask::Tcp).await.rcode, Rcode::Garbled);
    let loops =
        |asked: Message, _| vec![tell(&asked, &[record(HOST, 9, RData::CNAME(CNAME(name(HOST))))])];
    let answer = ask(loops, Ask::Udp).await;
    assert_eq!((answer.rcode, answer.addresses.len()), (Rcode::NoError, 0));
    assert!(answer.cnames.len() <= 16);
    for noise in [vec![], vec![0; 3], vec![0xff; 600]] {
        let says = move |_: Message, _| vec![noise.clone()];
        assert_eq!(ask(says.clone(), Ask::Udp).await.rcode, Rcode::Garbled);
        assert_eq!(ask(says, Ask::Tcp).await.rcode, Rcode::Garbled);
    }
}

fn asked_back(asked: &Message) -> Vec<u8> {
    use hickory_proto::serialize::binary::BinEncodable as _;
    asked.to_bytes().unwrap()
}

#[tokio::test]
async fn what_does_not_fit_comes_over_tcp() {
    let truth = [address(HOST, 60, "192.0.2.1")];
    let says = move |asked: Message, udp: bool| {
        if udp {
            vec![reply(&asked, |it| it.metadata.truncation = true)]
        } else {
            vec![tell(&asked, &truth)]
        }
    };
    assert_eq!(ask(says, Ask::Udp).await, found(&["192.0.2.1"], 60));
    // Where TCP does not come through, half an answer is none.
    let says = |asked: Message, udp: bool| {
        if udp { vec![reply(&asked, |it| it.metadata.truncation = true)] } else { vec![] }
    };
    assert!(!ask(says, Ask::Udp).await.came());
}

#[tokio::test]
async fn silence_refusal_and_no_way() {
    let check = async |way: Way, expect: Rcode| {
        let mut ground = hasty(ground());
        ground.ways.otherwise = way;
        for over in [Ask::Udp(ip(SERVER)), Ask::Tcp(ip(SERVER))] {
            assert_eq!(over.about(&ground, HOST).await.rcode, expect, "{over:?} {way:?}");
        }
    };
    check(Way::Silent, Rcode::Timeout).await;
    check(Way::Refused, Rcode::Unreachable).await;
    check(Way::Unreachable, Rcode::Unreachable).await;
    let (silent, _) = play(Play::Silence).await;
    let (closing, _) = play(Play::Close).await;
    for (to, expect) in [(silent, Rcode::Timeout), (closing, Rcode::Unreachable)] {
        let mut ground = hasty(ground());
        ground.ways.otherwise = Way::To(to);
        assert_eq!(Ask::Tcp(ip(SERVER)).about(&ground, HOST).await.rcode, expect);
    }
    let mut ground = hasty(ground());
    lead(&mut ground, "192.0.2.53:53", resolver(|_, _| vec![]).await);
    assert_eq!(Ask::Udp(ip(SERVER)).about(&ground, HOST).await.rcode, Rcode::Timeout);
    // One lost datagram is asked for again.
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let says = move |message: Message, _| {
        let first = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2;
        if first { vec![] } else { vec![tell(&message, &[address(HOST, 60, "192.0.2.1")])] }
    };
    assert_eq!(ask(says, Ask::Udp).await, found(&["192.0.2.1"], 60));
}

#[tokio::test]
async fn the_system_is_asked_as_programs_ask_it() {
    let check = async |known: &[(&str, &str)], rcode, addresses: &[&str]| {
        let ground = Ground { resolver: names(known), ..ground() };
        let answer = Ask::System.about(&ground, HOST).await;
        let expect: Vec<IpAddr> = addresses.iter().map(|text| ip(text)).collect();
        assert_eq!((answer.rcode, answer.addresses), (rcode, expect));
    };
    // The metadata service too: it is evidence, and nothing is sent there.
    check(
        &[(HOST, "192.0.2.1 169.254.169.254 192.0.2.1")],
        Rcode::NoError,
        &["192.0.2.1", "169.254.169.254"],
    )
    .await;
    check(&[(HOST, "")], Rcode::ServFail, &[]).await;
    check(&[], Rcode::NxDomain, &[]).await;
}

/// A public resolver over HTTP/2 that answers every question.
async fn doh(authority: &Authority, says: fn(&Message) -> (u16, Vec<u8>)) -> std::net::SocketAddr {
    use hickory_proto::serialize::binary::BinDecodable as _;
    let acceptor = authority.server("dns.example", &["h2"], |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let service =
                service_fn(move |request: hyper::Request<hyper::body::Incoming>| async move {
                    assert_eq!(request.headers()["content-type"], "application/dns-message");
                    assert_eq!(request.uri().path(), "/q");
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let asked = Message::from_bytes(&body).unwrap();
                    assert_eq!(asked.metadata.id, 0);
                    let (status, answer) = says(&asked);
                    let answer = hyper::Response::builder()
                        .status(status)
                        .body(Full::new(Bytes::from(answer)));
                    Ok::<_, std::convert::Infallible>(answer.unwrap())
                });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                drop(server.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    at
}

#[tokio::test]
async fn public_resolvers_are_believed_where_they_show_who_they_are() {
    let authority = Authority::new("Test");
    let at = doh(&authority, |asked| (200, tell(asked, &[address(HOST, 60, "192.0.2.1")]))).await;
    let broken = doh(&authority, |_| (503, b"<html>".to_vec())).await;
    let public = |to, roots| {
        let mut ground = ground();
        lead(&mut ground, "192.0.2.10:443", to);
        ground.roots = Trusted { public: roots, machine: authority.store() };
        ground
    };
    let ask = Ask::Doh(Doh {
        name: "test".to_owned(),
        host: "dns.example".to_owned(),
        // The first is not reached: the second is asked.
        addresses: vec![ip("192.0.2.9"), ip("192.0.2.10")],
        port: 443,
        path: "/q".to_owned(),
    });
    assert_eq!(ask.witness(), Witness::Doh("test".to_owned()));
    let answer = ask.about(&public(at, authority.store()), HOST).await;
    assert_eq!(Answer { took_ms: 0, ..answer }, found(&["192.0.2.1"], 60));
    let answer = ask.about(&public(broken, authority.store()), HOST).await;
    assert_eq!(answer.rcode, Rcode::Garbled);
    // An authority of this machine alone may be an inspecting proxy's.
    let none = Arc::new(rustls::RootCertStore::empty());
    let answer = ask.about(&public(at, none), HOST).await;
    assert_eq!(answer.rcode, Rcode::Unreachable);
}

/// The root, with everything in it, and its keys.
struct Root {
    signer: DnssecSigner,
}

impl Root {
    fn new() -> Self {
        let der = Ed25519SigningKey::generate_pkcs8().unwrap();
        let key = Ed25519SigningKey::from_pkcs8(&der).unwrap();
        let dnskey = DNSKEY::from_key(&key.to_public_key().unwrap());
        let week = Duration::from_hours(7 * 24);
        Self { signer: DnssecSigner::new(dnskey, Box::new(key), Name::root(), week) }
    }

    /// Its keys, as a file of trust anchors has them.
    fn anchors(&self) -> String {
        let key = self.signer.dnskey().public_key().public_bytes().to_vec();
        let key = BASE64_STANDARD.encode(key);
        format!(". 60 IN DNSKEY 257 3 15 {key}\n")
    }

    fn says(&self, asked: &Message, change: impl Fn(&mut Vec<Record>)) -> Vec<u8> {
        let query = &asked.queries[0];
        let data = if query.query_type() == RecordType::DNSKEY {
            RData::DNSSEC(DNSSECRData::DNSKEY(self.signer.to_dnskey()))
        } else if query.query_type() == RecordType::NS {
            RData::NS(NS(name("ns.example")))
        } else {
            RData::A(A([192, 0, 2, 1].into()))
        };
        let record = Record::from_rdata(query.name().clone(), 60, data);
        let now = u32::try_from(transport::Clock::start().unix_ms() / 1000).unwrap();
        let input = SigInput {
            type_covered: query.query_type(),
            algorithm: Algorithm::ED25519,
            num_labels: query.name().num_labels(),
            original_ttl: 60,
            sig_expiration: (now + 3600).into(),
            sig_inception: (now - 3600).into(),
            key_tag: self.signer.calculate_key_tag().unwrap(),
            signer_name: Name::root(),
        };
        let said = [record];
        let tbs = TBS::from_input(query.name(), DNSClass::IN, &input, said.iter()).unwrap();
        let signed = RRSIG::from_sig(input, self.signer.sign(&tbs).unwrap());
        let mut records = said.to_vec();
        let signed = RData::DNSSEC(DNSSECRData::RRSIG(signed));
        records.push(Record::from_rdata(query.name().clone(), 60, signed));
        change(&mut records);
        reply(asked, |it| it.answers = records)
    }
}

#[tokio::test]
async fn signatures() {
    let check = async |change: fn(&mut Vec<Record>), expect: Proof| {
        let root = Root::new();
        let folder = Folder::new(&[("anchors", &root.anchors())]);
        let mut ground = ground();
        ground.anchors = Some(folder.path("anchors").into());
        let says = move |asked: Message, _| vec![root.says(&asked, change)];
        lead(&mut ground, "192.0.2.53:53", resolver(says).await);
        assert_eq!(validate(&ground, ip(SERVER), HOST).await, Some(expect));
    };
    check(|_| {}, Proof::Secure).await;
    // Another address stands where the signed one was.
    let forged = |it: &mut Vec<Record>| {
        if let RData::A(_) = it[0].data {
            it[0] = address(HOST, 60, "192.0.2.66");
        }
    };
    check(forged, Proof::Bogus).await;
    // Nothing is signed, not even the root: whoever is asked leaves it out.
    check(|it| it.truncate(1), Proof::Indeterminate).await;
}

#[test]
fn names_that_are_nobody_elses_business() {
    for inside in ["localhost", "gpu-7", "llm.corp.internal", "x.LAN.", "a.local", "v.home.arpa"] {
        assert!(super::is_inside(inside), "{inside}");
    }
    for outside in ["api.example.com", "internal.example.com", "local.ai", "example.arpa"] {
        assert!(!super::is_inside(outside), "{outside}");
    }
}

/// A resolver that knows of no signatures cannot show that there need be none.
#[tokio::test]
async fn what_is_not_signed_is_not_secure() {
    let says = |asked: Message, _| vec![tell(&asked, &[address(HOST, 60, "192.0.2.1")])];
    let mut ground = ground();
    lead(&mut ground, "192.0.2.53:53", resolver(says).await);
    let proof = validate(&ground, ip(SERVER), HOST).await;
    assert_eq!(proof, Some(Proof::Indeterminate));
    // Nobody to ask: nothing is known.
    ground.ways.udp.clear();
    ground.ways.tcp.clear();
    assert_eq!(validate(&ground, ip(SERVER), HOST).await, None);
}

proptest::proptest! {
    /// Whatever comes, it is read or it is not.
    #[test]
    fn no_bytes_do_harm(mut bytes: Vec<u8>, ours: bool) {
        let question = super::message::Question::new(&name(HOST), RecordType::A).without_id();
        if ours {
            // The head and the question of an answer to it, and then anything.
            let mut answer = question.bytes.clone();
            answer.truncate(12 + HOST.len() + 2 + 4);
            answer[2] |= 0x80;
            answer.append(&mut bytes);
            bytes = answer;
        }
        drop(question.read(&bytes));
    }
}
