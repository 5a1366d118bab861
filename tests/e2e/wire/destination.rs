//! Where requests go: to the provider that is configured, whatever a caller, a resolver or a provider
//! says. Each test names its promise; `SECURITY.md` makes them to users.

use crate::world::{Act, Canned, LIMIT, Plan, Request, World, alone, each, pair, path, provider};
use drill::provider::{Provider, TlsFault};
use ir::{Dialect, Shape};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use transport::Resolver;

/// A provider that nobody configured. Whoever comes here was led astray.
async fn trap() -> Provider {
    Provider::named("trap").start().await.expect("a free port")
}

fn assert_unheard(trap: &Provider, case: &str) {
    assert_eq!(trap.connections(), 0, "{case}: the trap was called");
    assert!(trap.log().is_empty(), "{case}");
}

/// Every route there is, with a body where it takes one.
fn routes() -> Vec<(&'static str, &'static str, Option<&'static str>)> {
    let chat = "{\"model\":\"ok\",FIELDS\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    let messages = "{\"model\":\"ok\",FIELDS\"max_tokens\":9,\
                    \"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    let responses = "{\"model\":\"ok\",FIELDS\"input\":\"hi\"}";
    vec![
        ("POST", "/v1/chat/completions", Some(chat)),
        ("POST", "/v1/messages", Some(messages)),
        ("POST", "/v1/responses", Some(responses)),
        ("POST", "/v1/responses/input_tokens", Some(responses)),
        ("POST", "/v1/responses/compact", Some(responses)),
        ("GET", "/v1/responses/resp_1", None),
        ("GET", "/v1/responses/resp_1/input_items", None),
        ("POST", "/v1/responses/resp_1/cancel", None),
        ("POST", "/v1/messages/count_tokens", Some(messages)),
        ("GET", "/v1/models", None),
        ("GET", "/health", None),
        ("GET", "/ready", None),
        ("GET", "/v1/models/ok", None),
        ("GET", "/", None),
    ]
}

/// Names of headers in which other gateways take an address.
const HEADERS: &[&str] = &[
    "base-url",
    "x-base-url",
    "base_url",
    "api-base",
    "x-api-base",
    "api-base-url",
    "endpoint",
    "x-endpoint",
    "custom-host",
    "x-portkey-custom-host",
    "helicone-target-url",
    "helicone-openai-api-base",
    "x-upstream",
    "x-upstream-host",
    "x-target-url",
    "x-host",
    "x-original-url",
    "x-original-host",
    "x-rewrite-url",
    "x-envoy-original-dst-host",
    "x-forwarded-host",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-forwarded-prefix",
    "x-real-ip",
    "x-http-destinationurl",
    "x-backstop-target",
    "x-backstop-base-url",
    "openai-base-url",
    "proxy",
    "https_proxy",
    "via",
    "referer",
    "location",
    "content-location",
    "alt-svc",
    "host",
];

/// Names of fields in which other gateways take an address.
const FIELDS: &[&str] = &[
    "base_url",
    "baseUrl",
    "api_base",
    "api_base_url",
    "apiBase",
    "endpoint",
    "azure_endpoint",
    "url",
    "host",
    "custom_host",
    "customHost",
    "proxy",
    "target",
    "upstream",
    "provider",
    "webhook_url",
];

/// Objects in which such a field may hide.
const WRAPPERS: &[&str] =
    &["metadata", "extra_body", "litellm_params", "litellm_embedding_config", "config", "user"];

/// Requests to a route that name `trap` wherever something could be taken for an address.
fn hostile(
    (method, at, body): (&'static str, &str, Option<&str>),
    trap: SocketAddr,
) -> Vec<Request> {
    let url = format!("http://{trap}/v1");
    let request = |target: &str, fields: &str| match body {
        Some(body) => Request::post(target, body.replace("FIELDS", fields)),
        None => Request::new(method, target),
    };
    let plain = || request(at, "");
    let mut all = vec![plain()];
    for name in HEADERS {
        all.push(plain().header(name, &url));
        all.push(plain().header(name, &trap.to_string()));
    }
    all.push(plain().header("forwarded", &format!("for={trap};host={trap};proto=http")));
    all.push(plain().header("host", &format!("localhost@{trap}")));
    all.push(plain().header("connection", "host, x-forwarded-host"));
    for field in FIELDS {
        all.push(request(&format!("{at}?{field}={url}&model=ok"), ""));
        if body.is_some() {
            all.push(request(at, &format!("\"{field}\":\"{url}\",")));
            for wrapper in WRAPPERS {
                let nested = format!("\"{wrapper}\":{{\"{field}\":\"{url}\"}},");
                all.push(request(at, &nested));
            }
        }
    }
    if let Some(body) = body {
        for name in
            [&url, &format!("//{trap}/ok"), &format!("@{trap}"), "../../ok", "ok?x=http://y"]
        {
            let body = body.replace("FIELDS", "").replace("\"ok\"", &format!("\"{name}\""));
            all.push(Request::post(at, body));
        }
    }
    // The target itself: absolute, without a scheme, with a user, with a second host.
    for target in [
        format!("http://{trap}{at}"),
        format!("https://{trap}{at}"),
        format!("HTTP://{trap}{at}"),
        format!("http://127.0.0.1@{trap}{at}"),
        format!("//{trap}{at}"),
        format!("{at}/../../../{url}"),
        format!("{at}#@{trap}"),
        format!("{at}@{trap}"),
        format!("{at}%0d%0ahost:%20{trap}"),
    ] {
        all.push(request(&target, ""));
        all.push(request(&target, "").header("host", &trap.to_string()));
    }
    all
}

/// Promise: no field, header, query or target of a request names a host.
#[tokio::test]
async fn no_request_names_where_it_goes() {
    let (key, hash) = config::new_key([3; 32]);
    each(async |dialect| {
        // With keys, so that a foreign `Host` does not end everything at the door.
        for keys in [String::new(), format!("[keys.team]\nhash = \"{hash}\"\n")] {
            let trap = trap().await;
            let text = format!("{}{keys}", alone(dialect, ""));
            let world = Plan::new(text).clouds(&["a"]).await.start().await;
            let mut served = 0;
            for route in routes() {
                for request in hostile(route, trap.addr()) {
                    let request = if keys.is_empty() {
                        request
                    } else {
                        request.header("x-backstop-key", &key)
                    };
                    let heard = world.hear(&request).await;
                    if let Some(target) = heard.header("x-backstop-target") {
                        assert!(target.starts_with("a/"), "{target}: {request:?}");
                        served += usize::from(heard.status == 200);
                    }
                }
            }
            // Those that cross are asked by two routes, and more.
            let least = if dialect.crossable().is_some() { 200 } else { 60 };
            assert!(least < served, "{served} were served at all");
            assert_unheard(&trap, "hostile requests");
            let home = world.a().addr().to_string();
            for seen in world.a().log() {
                assert_eq!(seen.header("host"), Some(home.as_str()), "{seen:?}");
                assert_eq!(seen.key(), Some("sk-a"));
                assert!(seen.path.starts_with("/v1/"), "{seen:?}");
                let led = |name: &str| name.starts_with("x-forwarded") || name == "forwarded";
                assert!(!seen.headers.iter().any(|(name, _)| led(name)), "{seen:?}");
            }
            world.stop().await;
        }
    })
    .await;
}

/// A route that is served and not tried above fails here.
#[tokio::test]
async fn every_route_is_tried() {
    let world = World::single(Dialect::Chat, "").await;
    let heard = world.hear(&Request::get("/nowhere")).await.text();
    let (_, served) = heard.split_once("served: ").expect("a list of what is served");
    let served = served.split(['"', '\\']).next().expect("its end");
    let tried: Vec<&str> = routes().iter().map(|(_, at, _)| *at).collect();
    for route in served.split(", ") {
        assert!(tried.contains(&route), "{route} is served");
    }
    world.stop().await;
}

/// Promise: no redirect is followed. A provider sends elsewhere, in every way it can be said; nobody
/// goes, and the key stays.
#[tokio::test]
async fn a_redirect_is_not_followed_anywhere() {
    each(async |dialect| {
        let trap = trap().await;
        let (addr, port) = (trap.addr(), trap.addr().port());
        let places = [
            format!("http://{addr}{}", path(dialect)),
            format!("HTTP://{addr}"),
            format!("//{addr}{}", path(dialect)),
            format!("http://localhost:{port}/v1"),
            format!("http://localhost.:{port}/v1"),
            format!("http://127.1:{port}/v1"),
            format!("http://2130706433:{port}/v1"),
            format!("http://0x7f000001:{port}/v1"),
            format!("http://017700000001:{port}/v1"),
            format!("http://0:{port}/v1"),
            format!("http://[::ffff:127.0.0.1]:{port}/v1"),
            format!("http://me:secret@{addr}/v1"),
            format!("http://api.example\\@{addr}/v1"),
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "/v1/elsewhere".to_owned(),
            "file:///etc/passwd".to_owned(),
            String::new(),
        ];
        let cases: Vec<(u16, String)> = [301, 302, 303, 307, 308]
            .into_iter()
            .flat_map(|status| places.iter().map(move |place| (status, place.clone())))
            .collect();
        let told = cases.clone();
        // The model's name says which case it is.
        let canned = Canned::choose(move |request| {
            let case = request.split("case-").nth(1).expect("a case");
            let case: usize = case.split('"').next().expect("its end").parse().expect("a number");
            let (status, place) = &told[case];
            let head = format!(
                "HTTP/1.1 {status} Elsewhere\r\nlocation: {place}\r\nrefresh: 0; url={place}\r\n\
                 content-location: {place}\r\nalt-svc: h2=\"{place}\"\r\ncontent-length: 0\r\n\r\n"
            );
            vec![Act::Send(head.into_bytes())]
        })
        .await;
        let world =
            Plan::new(pair(dialect, "")).at("a", canned.base_url()).clouds(&["b"]).await.start();
        let world = world.await;
        for (number, (status, place)) in cases.iter().enumerate() {
            let shape = if number % 2 == 0 { Shape::Whole } else { Shape::Stream };
            let heard = world.ask(dialect, shape, &format!("case-{number}")).await;
            let trail = format!("a/case-{number}={status},b/ok=ok");
            assert_eq!(heard.status, 200, "{status} {place}: {}", heard.text());
            assert_eq!(heard.header("x-backstop-trail"), Some(trail.as_str()), "{status} {place}");
            assert_eq!(heard.header("location"), None);
        }
        assert_eq!(canned.requests().len(), cases.len(), "each was asked once");
        assert_unheard(&trap, "redirects");
        for record in world.records(cases.len()).await {
            assert_eq!(record.attempts[0].outcome, "redirected");
        }
        world.stop().await;
    })
    .await;
}

/// A world whose provider has a name, of which the resolver says this.
async fn named(dialect: Dialect, settings: &str, found: Vec<SocketAddr>) -> World {
    let script = BTreeMap::from([("rebound.example".to_owned(), Ok(found))]);
    let plan = Plan::new(alone(dialect, settings)).at("a", "http://rebound.example/v1");
    plan.resolver(Resolver::Scripted(Arc::new(script))).start().await
}

/// Promise: a name leads only to where its provider can be. Nothing goes elsewhere: no request, no
/// list, no probe; and the answer says why.
#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_followed() {
    each(async |dialect| {
        let trap = trap().await;
        let settings = "breaker.open = \"10ms\"\nbreaker.probe = \"100ms\"\n";
        let world = named(dialect, settings, vec![trap.addr()]).await;
        for _ in 0..8 {
            let heard = world.ask(dialect, Shape::Whole, "ok").await;
            assert_eq!((heard.status, heard.code().as_str()), (502, "BS0314"), "{}", heard.text());
            assert!(heard.text().contains("leads to 127.0.0.1, which is this machine"));
            assert_eq!(heard.header("x-should-retry"), Some("false"));
        }
        assert_eq!(world.hear(&Request::get("/v1/models")).await.status, 200);
        assert_unheard(&trap, "a name");
        world.stop().await;
        // Whoever means it says so.
        let local = alone(dialect, "").replace("local = false", "local = true");
        let script = BTreeMap::from([("rebound.example".to_owned(), Ok(vec![trap.addr()]))]);
        let plan = Plan::new(local).at("a", "http://rebound.example/v1");
        let world = plan.resolver(Resolver::Scripted(Arc::new(script))).start().await;
        assert_eq!(world.ask(dialect, Shape::Whole, "ok").await.status, 200);
        assert_eq!(trap.log().len(), 1);
        world.stop().await;
    })
    .await;
}

/// `[providers.a]` with these lines more.
fn with(text: &str, lines: &str) -> String {
    let header = "[providers.a]\n";
    text.replace(header, &format!("{header}{lines}\n"))
}

/// Promise: certificates are checked. One that does not hold is refused every time, nothing of the
/// request is sent, and no configuration makes it hold but the right authority.
#[tokio::test]
async fn only_the_right_authority_makes_a_certificate_hold() {
    const CA: &str = "ca = \"/ca.pem\"";
    for dialect in Dialect::ALL {
        for tls in TlsFault::ALL {
            let valid = match tls {
                TlsFault::Valid => true,
                TlsFault::Expired
                | TlsFault::Early
                | TlsFault::WrongHost
                | TlsFault::Untrusted
                | TlsFault::SelfSigned => false,
                // There is no certificate to speak of.
                TlsFault::Stall => continue,
            };
            let stranger = Provider::start_tls(TlsFault::Valid).await.expect("a free port");
            let (text, wrong) = (pair(dialect, ""), stranger.root_pem().expect("a root"));
            let everybody = format!("[upstream]\n{CA}\n");
            for (case, text, right, holds) in [
                ("its own", with(&text, CA), true, valid),
                ("everybody's", format!("{text}{everybody}"), true, valid),
                ("both", format!("{}{everybody}", with(&text, CA)), true, valid),
                ("the wrong one", with(&text, CA), false, false),
                ("none", text.clone(), true, false),
            ] {
                let cloud = Provider::named("a").start_tls(tls).await.expect("a free port");
                let pem = if right { cloud.root_pem().expect("a root") } else { wrong.clone() };
                let plan = Plan::new(text).file("/ca.pem", pem).cloud(cloud).clouds(&["b"]).await;
                let world = plan.start().await;
                let heard = world.ask(dialect, Shape::Stream, "ok").await;
                let target = if holds { "a/ok" } else { "b/ok" };
                assert_eq!(heard.header("x-backstop-target"), Some(target), "{tls:?}, {case}");
                assert_eq!(world.hear(&Request::get("/v1/models")).await.status, 200);
                // The question and the list.
                assert_eq!(world.a().log().len(), if holds { 2 } else { 0 }, "{tls:?}, {case}");
                let outcome = if holds { "ok" } else { "certificate" };
                assert_eq!(world.record().await.attempts[0].outcome, outcome, "{tls:?}, {case}");
                world.stop().await;
            }
        }
    }
}

/// Promise: certificates are checked, not only for questions. Free probes go the same way as questions: to a server that cannot prove who it is they say
/// nothing, and it does not come back by them.
#[tokio::test]
async fn a_probe_checks_the_certificate_too() {
    each(async |dialect| {
        let settings = "breaker.failures = 1\nbreaker.open = \"10ms\"\nbreaker.open_max = \"10ms\"\n\
                        breaker.probe = \"100ms\"\n";
        let cloud = Provider::named("a").start_tls(TlsFault::Untrusted).await.expect("a free port");
        let text = pair(dialect, settings);
        let world = Plan::new(text).cloud(cloud).clouds(&["b"]).await.start().await;
        let (began, mut asked) = (Instant::now(), 0);
        loop {
            let heard = world.ask(dialect, Shape::Whole, "ok").await;
            assert_eq!(heard.header("x-backstop-target"), Some("b/ok"));
            asked += 1;
            let attempts = world.records(asked).await;
            let own = |record: &ir::Record| {
                record.attempts.iter().filter(|it| it.target.starts_with("a/")).count()
            };
            let attempts: usize = attempts.iter().map(own).sum();
            // Somebody came who was not sent by a question.
            if u64::try_from(attempts).expect("few") < world.a().connections() {
                break;
            }
            assert!(began.elapsed() < LIMIT, "no probe came");
        }
        assert!(world.a().log().is_empty(), "and said nothing");
        world.stop().await;
    })
    .await;
}

/// A proxy for one tunnel; what it was asked.
async fn tunnel() -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("its port");
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a head"));
        }
        let head = String::from_utf8(head).expect("text");
        let target = head.split(' ').nth(1).expect("a target");
        let mut onward = TcpStream::connect(target).await.expect("somebody");
        stream.write_all(b"HTTP/1.1 200 Yes\r\n\r\n").await.expect("a client");
        drop(copy_bidirectional(&mut stream, &mut onward).await);
        head
    });
    (addr, asked)
}

#[tokio::test]
async fn a_provider_behind_a_proxy_is_reached_through_it_and_proves_who_it_is() {
    for dialect in Dialect::ALL {
        for tls in [TlsFault::Valid, TlsFault::WrongHost] {
            let cloud = Provider::named("a").start_tls(tls).await.expect("a free port");
            let (pem, home) = (cloud.root_pem().expect("a root"), cloud.addr());
            let (proxy, asked) = tunnel().await;
            let lines = "ca = \"/ca.pem\"\nproxy = \"http://me:secret@{proxy}\"";
            let text = with(&pair(dialect, ""), lines);
            let plan = Plan::new(text).file("/ca.pem", pem).at("proxy", proxy.to_string());
            let world = plan.cloud(cloud).clouds(&["b"]).await.start().await;
            let heard = world.ask(dialect, Shape::Stream, "ok").await;
            let target = if tls == TlsFault::Valid { "a/ok" } else { "b/ok" };
            assert_eq!(heard.header("x-backstop-target"), Some(target));
            for seen in world.a().log() {
                assert!(!format!("{seen:?}").contains("bWU6c2VjcmV0"), "the proxy's, not theirs");
            }
            let record = serde_json::to_string(&world.record().await).expect("JSON");
            assert!(!record.contains("secret") && !record.contains("bWU6"), "{record}");
            world.stop().await;
            let expect = format!(
                "CONNECT {home} HTTP/1.1\r\nhost: {home}\r\n\
                 proxy-authorization: Basic bWU6c2VjcmV0\r\n\r\n"
            );
            assert_eq!(asked.await.expect("a tunnel"), expect);
        }
    }
}

/// A proxy that is down is nobody else's trouble: the same provider is still asked without it.
#[tokio::test]
async fn a_dead_proxy_is_not_a_dead_provider() {
    for dialect in Dialect::ALL {
        let direct = provider(dialect, "a").replace("[providers.a]", "[providers.direct]");
        let proxied = with(&provider(dialect, "a"), "proxy = \"http://{nobody}\"");
        let text = format!(
            "breaker.failures = 1\n{proxied}{direct}{}\
             [models.\"proxied\"]\nchain = [\"a/ok\"]\n\
             [models.\"direct\"]\nchain = [\"direct/ok\", \"b/ok\"]\n",
            provider(dialect, "b")
        );
        let nobody = drill::provider::unused_addr().to_string();
        let world = Plan::new(text).at("nobody", nobody).clouds(&["a", "b"]).await.start().await;
        for _ in 0..3 {
            let heard = world.ask(dialect, Shape::Whole, "proxied").await;
            let text = heard.text();
            assert_eq!((heard.status, heard.code().as_str()), (502, "BS0315"), "{text}");
            assert!(text.contains("behind a proxy that cannot be reached"), "{text}");
        }
        assert_eq!(world.a().connections(), 0);
        // What is known of the way through the proxy says nothing about this one.
        let heard = world.ask(dialect, Shape::Whole, "direct").await;
        assert_eq!(heard.header("x-backstop-trail"), Some("direct/ok=ok"));
        world.stop().await;
    }
}
