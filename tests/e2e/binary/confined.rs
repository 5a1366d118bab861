//! What a serving process has given up, seen from outside: in `/proc`, and in its words.
//!
//! That a locked thread can in fact start no program and write no file elsewhere is shown beside the
//! locks, in `bin/backstop/src/confine/tests.rs`. On a kernel without them the words must say so.

use super::process::{Deaf, Place, Process, With};
use crate::world::{Call, LIMIT, Request};
use drill::Provider;
use ir::{Dialect, Shape};
use std::io::{Write, stderr};
use tokio::net::UnixDatagram;
use tokio::time::timeout;

const LOGGED: With<'static> = With { env: &[("BACKSTOP_LOG", "debug")], deaf: Deaf::Nobody };

/// A gateway with this value of `server.confine`, before a cloud.
async fn serve(place: &Place, confine: &str, with: &With<'_>) -> (Provider, Process) {
    let cloud = Provider::named("a").start().await.expect("a free port");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nrecord = \"file:records.jsonl\"\n\
         confine = \"{confine}\"\n[providers.chat]\ndialect = \"openai\"\nlocal = true\n\
         base_url = \"{}\"\n[models.\"*\"]\nchain = [\"chat/*\"]\n",
        cloud.base_url()
    );
    place.write("backstop.toml", &text);
    (cloud, place.start(&["serve"], with))
}

/// The line of `backstop check` about confinement.
async fn said(place: &Place) -> String {
    let checked = place.run(&["check"]).await;
    let line = checked.out.lines().find(|line| line.contains("confined"));
    line.unwrap_or_else(|| panic!("nothing is said of it: {}{}", checked.out, checked.err))
        .to_owned()
}

/// A field of `/proc/PID/task/*/status`, for each thread.
fn of_each_thread(process: &Process, field: &str) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", process.pid())).expect("a process");
    let value = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
        line.unwrap_or_default().trim().to_owned()
    };
    let paths = threads.map(|thread| thread.expect("a thread").path());
    // A thread may have ended meanwhile.
    paths.filter_map(|path| std::fs::read_to_string(path.join("status")).ok().map(value)).collect()
}

/// A kernel that cannot do it is no failure, and must not look like a proof either. A test's output is
/// shown only where it fails, unless it is written past it.
fn lacking(said: &str) {
    writeln!(stderr().lock(), "this kernel lacks something: {said}").expect("standard error");
}

/// The processes that it started.
fn children(process: &Process) -> String {
    let pid = process.pid();
    // A kernel may have been built without it.
    std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_thread_of_a_serving_process_is_locked() {
    let place = Place::new("confined");
    let (_cloud, process) = serve(&place, "auto", &LOGGED).await;
    let addr = process.addr().await;
    let request = Request::ask(Dialect::Chat, Shape::Stream, "ok");
    assert_eq!(Call::send(addr, &request).await.finish().await.status, 200);
    let said = said(&place).await;
    process.says(&said).await;
    let seen = |field| of_each_thread(&process, field);
    assert!(seen("Seccomp").len() > 1, "it works on several threads");
    if said.contains("it starts no program") {
        assert!(seen("Seccomp").iter().all(|mode| mode == "2"), "{:?}", seen("Seccomp"));
        assert!(seen("NoNewPrivs").iter().all(|set| set == "1"), "{:?}", seen("NoNewPrivs"));
    } else {
        lacking(&said);
        assert!(said.contains("confined") && said.contains("it could start programs ("), "{said}");
    }
    let folder = place.path("").canonicalize().expect("a folder");
    if said.contains("writes files") {
        let only = format!("writes files in {} only", folder.display());
        assert!(said.contains(&only), "{said}");
    } else {
        lacking(&said);
        assert!(said.contains("could write files everywhere ("), "{said}");
    }
    assert_eq!(children(&process), "");
    process.signal("TERM");
    assert_eq!(process.ended().await.code, Some(0));
    assert_eq!(place.read("records.jsonl").lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_or_required_where_the_file_says_so() {
    let place = Place::new("confine");
    let (_cloud, process) = serve(&place, "off", &LOGGED).await;
    process.addr().await;
    assert_eq!(said(&place).await, "not confined: server.confine is \"off\"");
    let own = std::fs::read_to_string("/proc/self/status").expect("a status");
    let modes = of_each_thread(&process, "Seccomp");
    let inherited = |mode: &String| own.contains(&format!("Seccomp:\t{mode}\n"));
    assert!(modes.iter().all(inherited), "it is as free as this test: {modes:?}");
    process.signal("INT");
    assert_eq!(process.ended().await.code, Some(0));

    let (_cloud, process) = serve(&place, "required", &LOGGED).await;
    let said = said(&place).await;
    if said.starts_with("confined: ") {
        process.addr().await;
        process.signal("INT");
        assert_eq!(process.ended().await.code, Some(0));
    } else {
        lacking(&said);
        let ended = process.ended().await;
        assert_eq!(ended.code, Some(1));
        assert!(ended.err.contains(&format!("server.confine is \"required\", but {said}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_hears_when_it_listens_and_when_it_stops() {
    let place = Place::new("notify");
    let socket = UnixDatagram::bind(place.path("notify")).expect("a socket");
    let env = [("NOTIFY_SOCKET", place.path("notify").display().to_string())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (_cloud, process) = serve(&place, "auto", &With { env: &env, deaf: Deaf::Nobody }).await;
    let hears = async || {
        let mut buffer = [0; 256];
        let length = timeout(LIMIT, socket.recv(&mut buffer)).await.expect("in time");
        String::from_utf8_lossy(&buffer[..length.expect("a message")]).into_owned()
    };
    assert_eq!(hears().await, "READY=1\n");
    process.signal("TERM");
    assert_eq!(hears().await, "STOPPING=1\n");
    assert_eq!(process.ended().await.code, Some(0));
}
