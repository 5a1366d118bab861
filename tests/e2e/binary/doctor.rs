//! `backstop doctor` of the built binary: what it says of a provider on this machine, its codes, its
//! JSON, its files. What it finds in worlds of their own is the lab's to show.

use super::console::{KEYS, serve};
use super::process::{Deaf, Ended, Place, With};
use drill::Provider;
use serde_json::Value;
use std::net::TcpListener;

/// A configuration with one provider, and no console to be found.
fn file(base_url: &str, more: &str) -> String {
    format!(
        "[console]\nlisten = \"off\"\n[providers.cloud]\ndialect = \"openai\"\n\
         base_url = \"{base_url}\"\napi_key = \"literal:sk-secret-canary\"\n{more}"
    )
}

#[tokio::test]
async fn verdicts_end_with_their_codes() {
    let cloud = Provider::named("cloud").start().await.expect("a free port");
    let place = Place::new("doctor");
    place.write("backstop.toml", &file(&cloud.base_url(), ""));
    let check = async |line: &str, code: i32, said: &[&str]| {
        let args: Vec<&str> = line.split_whitespace().collect();
        let Ended { code: seen, out, err } = place.run(&args).await;
        assert_eq!(seen, Some(code), "{line}: {out}{err}");
        for text in said {
            assert!(format!("{out}{err}").contains(text), "{line}: no {text:?} in {out}{err}");
        }
        assert!(!format!("{out}{err}").contains("canary"), "{line}: {out}{err}");
    };
    check("doctor", 0, &["cloud  127.0.0.1:", "✔ without key", "VERDICT  all is well"]).await;
    check("doctor cloud -v", 0, &["GET models with our key: 200"]).await;
    let costly = "doctor cloud --complete";
    let overloaded = ["529 overloaded", "VERDICT  it is THEM: no capacity", "them.overloaded"];
    check(&format!("{costly} status-529"), 10, &overloaded).await;
    check(&format!("{costly} status-404"), 20, &["me.config", "there is no such model"]).await;
    check(&format!("{costly} status-402"), 20, &["me.quota", "no credit or quota"]).await;
    check(&format!("{costly} good --spend-max 0.001"), 2, &["cost up to $0.038"]).await;
    check("doctor cloud --offline", 40, &["not asked (--offline):", "the provider"]).await;
    check("doctor nobody", 2, &["\"nobody\" is no provider", "known: anthropic, cloud,"]).await;
    check("doctor --frob", 2, &["unexpected argument '--frob'"]).await;
    check("doctor --watch --offline", 2, &["cannot be used with"]).await;
    check("doctor --config none.toml", 2, &["none.toml does not exist"]).await;
    check("doctor --bundle /dev/null/x", 1, &["--bundle: /dev/null/x cannot be written"]).await;
}

/// Nobody is there, and the file says so itself.
#[tokio::test]
async fn nobody_who_answers_is_told_as_such() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::new("doctor-gone");
    place.write("backstop.toml", &file(&format!("http://{gone}/v1"), ""));
    let Ended { code, out, err } = place.run(&["doctor", "cloud"]).await;
    assert_eq!((code, err.as_str()), (Some(40), ""), "{out}");
    assert!(out.contains("tcp/tls    ✖ v4 refused"), "{out}");
}

/// Whom it would ask, and whom not where that is not wanted.
#[tokio::test]
async fn offline_names_whom_it_would_ask() {
    for controls in [true, false] {
        let place = Place::new("doctor-offline");
        let file =
            format!("[watch]\ncontrols = {controls}\n[providers.xai]\napi_key = \"literal:x\"\n");
        place.write("backstop.toml", &file);
        let Ended { out, err, .. } = place.run(&["doctor", "xai", "--offline"]).await;
        assert!(out.contains("  api.x.ai:443  the provider\n"), "{out}{err}");
        for beside in ["us.api.x.ai:443  another region, only if this one fails", "1.1.1.1:443"] {
            assert_eq!(out.contains(beside), controls, "{beside}: {out}{err}");
        }
    }
}

/// A file without its key is told with its line, and the provider is examined all the same.
#[tokio::test]
async fn a_missing_key_is_ours_to_mend() {
    let place = Place::new("doctor-key");
    place.write("backstop.toml", "[providers.groq]\n");
    let Ended { code, out, err } = place.run(&["doctor", "groq", "--offline"]).await;
    assert_eq!(code, Some(20), "{out}{err}");
    assert!(err.starts_with("backstop.toml:1:12: providers.groq.api_key: is missing"), "{err}");
    assert!(out.contains("me.key") && out.contains("$ export GROQ_API_KEY=…"), "{out}");
    let Ended { code, out, err } = place.run(&["doctor"]).await;
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains("name the providers to examine them without this configuration"), "{err}");
}

#[tokio::test]
async fn json_and_bundle_hold_the_evidence_and_no_secret() {
    let cloud = Provider::named("cloud").start().await.expect("a free port");
    let place = Place::new("doctor-json");
    place.write("backstop.toml", &file(&cloud.base_url(), ""));
    let Ended { code, out, err } = place.run(&["doctor", "--json", "--bundle", "b.json"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let json: Value = serde_json::from_str(&out).expect("JSON");
    let cloud = &json["providers"][0];
    assert_eq!((&json["exit"], &cloud["provider"]), (&0.into(), &"cloud".into()));
    assert_eq!((&cloud["verdict"]["cause"], &cloud["side"]), (&"fine".into(), &"fine".into()));
    assert_eq!(cloud["evidence"]["asked"]["models"]["status"], 200);
    assert_eq!(cloud["layers"].as_array().map(Vec::len), Some(6));
    let bundle = place.read("b.json");
    let kept: Value = serde_json::from_str(&bundle).expect("JSON");
    assert_eq!(
        (&kept["redacted"], &kept["providers"][0]["verdict"]),
        (&true.into(), &"fine".into())
    );
    assert!(!out.contains("canary") && !bundle.contains("canary"));
}

/// A gateway that does not say how it stands without a key: a hint below all that was found.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_console_is_told_below_the_lines() {
    let place = Place::new("doctor-closed");
    let key = format!("[keys.x]\nconsole = true\nhash = \"sha256:{:064}\"\n", 0);
    let (_clouds, process) = serve(&place, &key).await;
    let console = process.console().await;
    let text = place.read("backstop.toml");
    let text = text
        .replace("console.listen = \"127.0.0.1:0\"", &format!("console.listen = \"{console}\""));
    place.write("closed.toml", &text);
    let doctor = ["doctor", "a", "--config", "closed.toml"];
    let env = [KEYS.env, &[("PATH", "/usr/bin:/bin"), ("TERM", "xterm")]].concat();
    let with = With { env: &env, ..KEYS };
    let Ended { out, err, .. } = place.start_on_terminal(&doctor, &with).ended().await;
    let hint = out.rfind(&format!("its console at {console} wants a key"));
    let verdict = out.rfind("VERDICT");
    assert!(verdict.is_some() && verdict < hint, "{out:?} {err}");
}

/// Whoever watches is told once, and again when something changes; an interrupt ends it.
#[tokio::test]
async fn a_watching_doctor_ends_when_it_is_asked_to() {
    let cloud = Provider::named("cloud").start().await.expect("a free port");
    let place = Place::new("doctor-watch");
    place.write("backstop.toml", &file(&cloud.base_url(), ""));
    let process = place.start(&["doctor", "--watch"], &With::default());
    process.prints("VERDICT  all is well").await;
    process.signal("INT");
    assert_eq!(process.ended().await.code, Some(0));
    let deaf = With { env: &[], deaf: Deaf::Out };
    let ended = place.start(&["doctor"], &deaf).ended().await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""), "whoever read has left");
}
