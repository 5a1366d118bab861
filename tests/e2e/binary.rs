//! The built binary, as whoever installs it meets it: its files, its words, its signals, its exit
//! codes.

mod canaries;
mod confined;
mod console;
mod doctor;
mod operating;
mod process;
mod serving;
mod status;
mod telemetry;

use process::{Deaf, Ended, Place, With};
use rcgen::generate_simple_self_signed;
use std::process::Command;

/// Every command line with its exit code, and what it says.
#[tokio::test]
async fn command_lines() {
    let check = async |line: &str, code: i32, said: &[&str]| {
        let place = Place::new("lines");
        let args: Vec<&str> = line.split_whitespace().collect();
        let Ended { code: seen, out, err } = place.run(&args).await;
        assert_eq!(seen, Some(code), "{line}: {out}{err}");
        for text in said {
            assert!(format!("{out}{err}").contains(text), "{line}: no {text:?} in {out}{err}");
        }
    };
    check("--version", 0, &["backstop 0."]).await;
    check("--help", 0, &["serve", "demo", "check", "doctor", "status", "key", "drill"]).await;
    check("status --help", 0, &["--json", "--console", "BACKSTOP_KEY"]).await;
    check(
        "status --console 127.0.0.1:1",
        1,
        &["nobody listens at http://127.0.0.1:1", "--console"],
    )
    .await;
    check("status --console nowhere", 2, &["--console"]).await;
    check("serve --help", 0, &["--config", "--fallback", "--listen"]).await;
    check("", 2, &["Usage: backstop <COMMAND>"]).await;
    check("sevre", 2, &["unrecognized subcommand 'sevre'", "'serve'"]).await;
    check("serve --prot 1", 2, &["unexpected argument '--prot'"]).await;
    check("serve --listen nonsense", 2, &["--listen"]).await;
    check("serve --listen 0.0.0.0:0", 1, &["beyond this machine", "backstop key new"]).await;
    check("serve --config none.toml", 1, &["none.toml does not exist"]).await;
    check("check --config none.toml", 1, &["none.toml does not exist"]).await;
    let place = Place::new("head");
    let unheard = With { env: &[], deaf: Deaf::Out };
    let ended = place.start(&["check"], &unheard).ended().await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""), "whoever read has left");
    check("key new", 2, &["<NAME>"]).await;
    check("key new a/b", 1, &["\"a/b\" cannot be a key's name"]).await;
}

#[tokio::test]
async fn ten_faults_are_ten_lines() {
    let place = Place::new("faults");
    place.write("backstop.toml", FAULTS);
    for command in ["serve", "check"] {
        let Ended { code, out, err } = place.run(&[command]).await;
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert_eq!(err, FAULTS_SAID);
        assert_eq!(err.lines().count(), 10);
    }
}

const FAULTS: &str = r#"[server]
lisen = "127.0.0.1:8484"
body_max = "lots"

[keys.team-a]
hash = "sha256:00"

[providers.cloud]
dialect = "opnai"
base_url = "ftp://example.com"

[providers.other]
dialect = "anthropic"
base_url = "http://127.0.0.1:9/v1"
api_key = "env:NO_SUCH_VARIABLE"

[models."claude-*"]
chain = ["othr/*"]
midstream = "resume"

[deadlines]
patience = 10

[retry]
ratio = 2.0
"#;

const FAULTS_SAID: &str = r#"backstop.toml:2:1: server.lisen: unknown key; did you mean "listen"?
backstop.toml:3:12: server.body_max: not a size; write a whole number and its unit: B, KiB, MiB, GiB, KB, MB or GB
backstop.toml:6:8: keys.team-a.hash: not sha256: and 64 hex digits; only the hash belongs here; `backstop key new NAME` makes key and hash
backstop.toml:9:11: providers.cloud.dialect: unknown value; did you mean "openai"?
backstop.toml:10:12: providers.cloud.base_url: is not an http or https URL; begin with https:// or http://
backstop.toml:15:11: providers.other.api_key: the environment variable NO_SUCH_VARIABLE is not set; set it where backstop is started
backstop.toml:18:10: models."claude-*".chain: no provider "othr"; did you mean "other/*"?
backstop.toml:19:13: models."claude-*".midstream: unknown value; possible here: continue, stop
backstop.toml:22:12: deadlines.patience: expected a duration, found a whole number; say which unit: "10s"
backstop.toml:25:9: retry.ratio: out of range; possible here: from 0 to 1
"#;

#[tokio::test]
async fn what_serve_would_stumble_over_is_found_before() {
    let place = Place::new("stumble");
    let made = Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.expect("mkfifo").success());
    for name in ["one", "two"] {
        let made =
            generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        place.write(&format!("{name}.pem"), &made.cert.pem());
        place.write(&format!("{name}.key"), &made.signing_key.serialize_pem());
    }
    for (lines, said) in [
        ("record = \"file:none/records.jsonl\"", "server.record: none/records.jsonl: No such file"),
        ("record = \"file:none/r\"", "; make its folder, or name another"),
        ("record = \"file:.\"", "; name a file in it"),
        ("record = \"file:pipe\"", "server.record: pipe: it is a pipe that nobody reads"),
        ("tls_cert = \"one.pem\"\ntls_key = \"two.key\"", "server.tls_cert, tls_key"),
        ("handover = \"none/handover.sock\"", "server.handover: none/handover.sock"),
    ] {
        let server = format!("[server]\nlisten = \"127.0.0.1:0\"\n{lines}\n");
        place.write("backstop.toml", &(server + "[providers.openai]\napi_key = \"literal:k\"\n"));
        // A pipe is not opened only to look: its reader would take that for an end.
        for command in if said.contains("pipe") { &["serve"][..] } else { &["check", "serve"] } {
            let ended = place.run(&[command]).await;
            assert_eq!(ended.code, Some(1), "{command} {lines}: {}{}", ended.out, ended.err);
            assert!(ended.err.contains(said), "{command} {lines}: {}", ended.err);
        }
    }
}

#[tokio::test]
async fn a_check_says_what_would_run() {
    let place = Place::new("check");
    place.write("backstop.toml", CHECKED);
    let Ended { code, out, err } = place.run(&["check"]).await;
    assert_eq!(code, Some(0), "{out}{err}");
    // The second line is about this machine's kernel: `confined.rs`.
    let (first, rest) = out.split_once('\n').expect("lines");
    let (kernel, rest) = rest.split_once('\n').expect("lines");
    assert_eq!(format!("{first}\n{rest}"), CHECKED_SAID);
    assert!(kernel.contains("confined"), "{kernel}");
    let warned: Vec<&str> = err.lines().map(|line| line.split(": ").next().unwrap_or("")).collect();
    let places = ["backstop.toml:4:12", "backstop.toml:4:28", "backstop.toml:10:9"];
    assert_eq!(warned, places, "secrets in the file: {err}");
    assert!(!err.contains("secret@"), "{err}");
}

const CHECKED: &str = r#"[providers.east]
dialect = "openai"
base_url = "https://east.example.com/v1"
api_key = ["literal:sk-1", "literal:sk-2"]

[providers.west]
dialect = "anthropic"
base_url = "https://west.example.com"
api_key = "caller"
proxy = "http://me:secret@proxy.example.com:3128"
addresses = ["192.168.7.7", "fd12::7"]

[providers.laptop]
kind = "ollama"
deadlines = { patience = "30s" }

[models."smart"]
chain = ["east/large", "laptop/llama3.1:8b"]

[models."claude-*"]
chain = ["west/*"]
"#;

const CHECKED_SAID: &str = "\
backstop.toml: 3 providers, 2 models, 0 keys, listening on 127.0.0.1:8484

smart    east/large → laptop/llama3.1:8b
  openai            asked in this order:
    1. east/large at https://east.example.com/v1, 2 keys of ours in turn; connect 3s, patience 10s (reasoning 60s, whole as streams), first content 120s (reasoning 300s), idle 10s
    2. laptop/llama3.1:8b at http://127.0.0.1:11434/v1, no key, on this machine; connect 3s, patience 30s (reasoning 60s, whole as streams), first content 120s (reasoning 300s), idle 10s
    at best 99.2 % from 1 vendor of 99.2 %
  anthropic         asked in this order:
    1. east/large at https://east.example.com/v1, 2 keys of ours in turn; connect 3s, patience 10s (reasoning 60s, whole as streams), first content 120s (reasoning 300s), idle 10s, asked in its own dialect
    2. laptop/llama3.1:8b at http://127.0.0.1:11434/v1, no key, on this machine; connect 3s, patience 30s (reasoning 60s, whole as streams), first content 120s (reasoning 300s), idle 10s, asked in its own dialect
    at best 99.2 % from 1 vendor of 99.2 %
  openai-responses  asked in this order:
    1. laptop/llama3.1:8b at http://127.0.0.1:11434/v1, no key, on this machine; connect 3s, patience 30s (reasoning 60s, whole as streams), first content 120s (reasoning 300s), idle 10s
    cannot be promised: an answer while this one target is down

claude-*    west/* (caller's key)
  openai            served with the caller's own key only, in the other dialect
  anthropic         asked in this order:
    1. west/* at https://west.example.com/v1 (192.168.7.7, fd12::7) through the proxy proxy.example.com:3128, the caller's own key; connect 3s, patience 10s (reasoning 60s, whole as streams), first content 120s (reasoning 300s), idle 10s
    at best 99.2 % from 1 vendor of 99.2 %
    cannot be promised: an answer while this one target is down
    cannot be promised: an answer while this machine is offline
    a caller's key is used as it comes: when it is refused, so is the caller
  openai-responses  not served: nobody in this chain speaks it
";

#[tokio::test]
async fn a_key_is_shown_once_and_its_hash_fits() {
    let place = Place::new("key");
    let Ended { code, out, err } = place.run(&["key", "new", "team-a"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(out.lines().count(), 1, "the key alone is data: {out}");
    assert!(!err.contains(out.trim()), "it is shown once: {err}");
    let section: Vec<&str> = err.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(section.first(), Some(&"[keys.team-a]"), "{err}");
    place.write("backstop.toml", &format!("{}\n", section.join("\n")));
    let checked = place.run(&["check"]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.err);
    assert!(checked.out.contains(", 1 key,"), "{}", checked.out);
    let config = config::load(&section.join("\n"), &Nowhere).expect("a good file");
    assert_eq!(config.key_for(out.trim()).map(|key| key.name.as_str()), Some("team-a"));
    let again = place.run(&["key", "new", "team-a"]).await;
    assert_ne!(again.out, out, "no two keys are the same");
}

struct Nowhere;

impl config::Surroundings for Nowhere {
    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("there is no file {path}"))
    }
}

#[tokio::test]
async fn the_demo_keeps_its_promises() {
    let place = Place::new("demo");
    let began = std::time::Instant::now();
    let Ended { code, out, err } = place.run(&["demo"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(began.elapsed().as_secs() < 20, "{:?}: {out}", began.elapsed());
    for text in [
        "requests answered in full",
        "cloud-a open, cloud-b ok",
        "w19-field. ╎ w20-stone",
        "joined: 40 of 40 words, none twice: cloud-a 20 ╎ cloud-b 20",
        "ANTHROPIC_BASE_URL=http://127.0.0.1:8484 claude",
        "OPENAI_BASE_URL=http://127.0.0.1:8484/v1",
    ] {
        assert!(out.contains(text), "no {text:?} in {out}");
    }
    assert!(!out.contains(['✖', '\x1b']), "neither failure nor colour: {out}");
    let widest = out.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?} columns: {out}");
}
