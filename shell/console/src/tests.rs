//! The console over sockets: every route, by whom it is asked and how.

use crate::route::{ALL, OPEN};
use crate::{Bound, Console, Sight, Tally, bind};
use config::{Config, ConsoleListen, Surroundings};
use monitor::Gauges;
use monitor::status::Status;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use transport::ListenerSettings;

const LIMIT: Duration = Duration::from_secs(10);

/// Keys and their hashes; `watcher` may read the console, `caller` may not.
const WATCHER: &str = "foo";
const CALLER: &str = "bar";
const KEYS: &str = "[keys.watcher]\nconsole = true\n\
    hash = \"sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\"\n\
    [keys.caller]\n\
    hash = \"sha256:fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9\"\n";

struct Nothing;

impl Surroundings for Nothing {
    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("there is no file {path}"))
    }
}

#[derive(Debug)]
struct Seen {
    config: Arc<Config>,
    draining: AtomicBool,
}

impl Sight for Seen {
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    fn gauges(&self) -> Gauges {
        Gauges { version: "0.1.0", in_flight: 3, ..Gauges::default() }
    }

    fn status(&self) -> Status {
        Status { at_unix_ms: 7, watching: true, ..Status::default() }
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// A console at work.
struct Running {
    addr: SocketAddr,
    seen: Arc<Seen>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// What was answered.
#[derive(Debug)]
struct Heard {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

// === impl Running ===

impl Running {
    /// On a loopback port, taking itself to listen at `claimed`.
    async fn start(keys: &str, claimed: Option<&str>) -> Self {
        let config = config::load(keys, &Nothing).expect("a good file");
        let listener = transport::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let addr = listener.local_addr().expect("its port");
        let seen = Arc::new(Seen { config: Arc::new(config), draining: AtomicBool::new(false) });
        let listen = claimed.map_or(addr, |it| it.parse().expect("an address"));
        let console = Console::new(Arc::clone(&seen) as Arc<dyn Sight>, Tally::default(), listen);
        let (stop, stopped) = oneshot::channel();
        let stopping = async { stopped.await.unwrap_or_default() };
        let serving = tokio::spawn(console.serve(
            listener,
            watch::channel(ListenerSettings::default()).1,
            stopping,
        ));
        Self { addr, seen, stop, serving }
    }

    /// Asks with exactly these headers.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Heard {
        let mut lines = vec![format!("{method} {path} HTTP/1.1"), "connection: close".to_owned()];
        lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let text = lines.join("\r\n") + "\r\n\r\n";
        let asked = async {
            let mut stream = TcpStream::connect(self.addr).await.expect("a console");
            stream.write_all(text.as_bytes()).await.expect("a reader");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("text");
            answer
        };
        let answer = timeout(LIMIT, asked).await.expect("in time");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let headers = lines.filter_map(|line| line.split_once(": "));
        Heard {
            status: status.parse().expect("a number"),
            headers: headers.map(|(name, it)| (name.to_owned(), it.to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Heard {
        self.ask("GET", path, headers).await
    }
}

// === impl Heard ===

impl Heard {
    fn code(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        json["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Nothing in it lets a foreign page read it, a cache keep it or a browser run it.
    #[track_caller]
    fn check_headers(&self) {
        let header = |name: &str| self.headers.get(name).map(String::as_str);
        assert_eq!(header("cache-control"), Some("no-store"), "{self:?}");
        assert_eq!(header("content-security-policy"), Some("default-src 'none'"), "{self:?}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{self:?}");
        let cors = self.headers.keys().find(|name| name.starts_with("access-control-"));
        assert_eq!(cors, None, "{self:?}");
    }
}

const HERE: (&str, &str) = ("host", "127.0.0.1:8485");

#[tokio::test]
async fn what_is_shown() {
    let running = Running::start("", None).await;
    let check = async |path: &str, media: &str, body: &str| {
        let heard = running.get(path, &[HERE]).await;
        assert_eq!((heard.status, heard.headers["content-type"].as_str()), (200, media));
        assert!(heard.body.contains(body), "{path}: {}", heard.body);
        let head = running.ask("HEAD", path, &[HERE]).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
    };
    let text = "text/plain; version=0.0.4; charset=utf-8";
    check("/metrics", text, "\nbackstop_requests_in_flight 3\n").await;
    check("/metrics?x=1", text, "backstop_build_info{version=\"0.1.0\"} 1\n").await;
    check("/health", "application/json", "{\"status\":\"ok\"}").await;
    check("/ready", "application/json", "{\"status\":\"ready\"}").await;
    check("/", "application/json", "\"metrics\":\"/metrics\"").await;
    check("/status", "application/json", "{\"at_unix_ms\":7,\"watching\":true,").await;
    running.seen.draining.store(true, Ordering::Relaxed);
    let ready = running.get("/ready", &[HERE]).await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "{\"status\":\"stopping\"}"));
    check("/metrics", text, "\nbackstop_requests_in_flight 3\n").await;
    check("/health", "application/json", "{\"status\":\"ok\"}").await;
    running.stop.send(()).expect("it listens");
    timeout(LIMIT, running.serving).await.expect("it stops").expect("no panic");
    assert!(TcpStream::connect(running.addr).await.is_err());
}

#[tokio::test]
async fn a_machine_of_its_own_answers_nobody_else() {
    let running = Running::start("", None).await;
    let foreign = [
        vec![("host", "evil.example")],
        vec![("host", "127.0.0.1.nip.io:8485")],
        vec![HERE, ("origin", "https://evil.example")],
        vec![HERE, ("origin", "null")],
        vec![HERE, ("origin", "http://localhost"), ("origin", "https://evil.example")],
    ];
    for path in ALL.map(crate::route::Route::path).into_iter().chain(["/unknown"]) {
        for headers in &foreign {
            let heard = running.get(path, headers).await;
            assert_eq!((heard.status, heard.code().as_str()), (403, "BS0109"), "{headers:?}");
            heard.check_headers();
        }
        for headers in [vec![], vec![("host", "localhost"), ("host", "evil.example")]] {
            let heard = running.get(path, &headers).await;
            assert_eq!((heard.status, heard.code().as_str()), (400, "BS0116"), "{headers:?}");
            heard.check_headers();
        }
        for headers in [
            vec![HERE],
            vec![("host", "localhost")],
            vec![("host", "[::1]:8485")],
            vec![HERE, ("origin", "http://localhost:3000")],
        ] {
            let heard = running.get(path, &headers).await;
            let expect = if path == "/unknown" { 404 } else { 200 };
            assert_eq!(heard.status, expect, "{path} {headers:?}");
            heard.check_headers();
        }
    }
}

/// What is answered without a key is exactly what the list declares.
#[tokio::test]
async fn routes_without_a_key_are_those_of_the_list() {
    let elsewhere = ("host", "metrics.example");
    for (keys, claimed) in [(KEYS, None), (KEYS, Some("192.0.2.1:8485")), ("", Some("0.0.0.0:1"))] {
        let running = Running::start(keys, claimed).await;
        let paths = ALL.map(crate::route::Route::path);
        for path in paths.into_iter().chain(["/unknown", "/metrics/", "//metrics", "/%6detrics"]) {
            let open = OPEN.iter().any(|route| route.path() == path);
            let known = paths.contains(&path);
            for (headers, status, code) in [
                (vec![elsewhere], 401, "BS0110"),
                (vec![elsewhere, ("authorization", "Basic Zm9vOg==")], 401, "BS0110"),
                (vec![elsewhere, ("authorization", "Bearer ")], 401, "BS0110"),
                (vec![elsewhere, ("authorization", "Bearer nobody")], 401, "BS0111"),
                (vec![elsewhere, ("x-backstop-key", CALLER)], 403, "BS0117"),
                (vec![elsewhere, ("x-backstop-key", WATCHER)], 200, ""),
                (vec![elsewhere, ("x-api-key", WATCHER)], 200, ""),
                (vec![elsewhere, ("authorization", "bearer foo")], 200, ""),
            ] {
                let heard = running.get(path, &headers).await;
                let (status, code) = match (open, known, keys) {
                    (true, _, _) => (200, ""),
                    (_, _, "") if status != 401 => (401, "BS0111"),
                    (_, false, _) if status == 200 => (404, "BS0106"),
                    _ => (status, code),
                };
                assert_eq!((heard.status, heard.code().as_str()), (status, code), "{path}");
                assert_eq!(heard.headers.contains_key("www-authenticate"), status == 401);
                heard.check_headers();
            }
        }
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_no_page_is_let_in() {
    let running = Running::start("", None).await;
    for route in ALL {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
            let page = ("origin", "http://localhost:3000");
            let wish = ("access-control-request-method", "GET");
            let heard = running.ask(method, route.path(), &[HERE, page, wish]).await;
            assert_eq!((heard.status, heard.code().as_str()), (405, "BS0105"), "{method}");
            assert_eq!(heard.headers["allow"], "GET, HEAD");
            heard.check_headers();
        }
    }
}

#[tokio::test]
async fn an_address_that_nobody_asked_for_may_be_taken() {
    let holder = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let addr = holder.local_addr().expect("its port");
    let taken = bind(ConsoleListen::IfFree(addr)).await.expect("that is no failure");
    let Bound::Taken(error) = taken else { panic!("{taken:?}") };
    assert!(error.to_string().starts_with(&format!("{addr} is in use")), "{error}");
    assert!(bind(ConsoleListen::At(addr)).await.is_err());
    drop(holder);
    assert!(matches!(bind(ConsoleListen::IfFree(addr)).await, Ok(Bound::Here(_))));
    assert!(matches!(bind(ConsoleListen::Off).await, Ok(Bound::Off)));
}
