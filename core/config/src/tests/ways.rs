//! `ca`, `proxy`, `addresses`: what a provider gets of them, from its section, from `[upstream]` and
//! from the environment.

use super::{Outside, SECRET};
use crate::ca::tests::PEM;
use crate::{Config, Fallback, FoundLocal, load, load_beside, providers, zero};

/// A vendor, a private server and one on this machine.
const THREE: &str = r#"
[providers.far]
kind = "openai"
api_key = "caller"
[providers.near]
dialect = "openai"
base_url = "http://gpu.lan:8000"
api_key = "caller"
[providers.here]
kind = "ollama"
"#;

/// The port of the proxy of each provider.
fn ports(config: &Config) -> Vec<Option<u16>> {
    config.providers.iter().map(|it| it.way.proxy.as_ref().map(|proxy| proxy.port)).collect()
}

#[test]
fn a_proxy_comes_from_the_narrowest_place_and_never_by_itself_to_this_machine() {
    let check = |file: &str, expect: [Option<u16>; 3]| {
        let around = Outside::env(&[
            ("HTTPS_PROXY", "http://proxy:1"),
            ("HTTP_PROXY", "http://proxy:2"),
            ("NO_PROXY", "example,10.0.0.0/8"),
            ("MINE", "http://me:sk-SECRET-0451@proxy:7"),
        ]);
        let config = load(file, &around).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(ports(&config), expect, "{file}");
        assert!(!format!("{config:?}").contains(SECRET));
        // "me:sk-SECRET-0451" as it would be sent.
        assert!(!format!("{config:?}").contains("bWU6c2st"));
    };
    let upstream = |proxy: &str| format!("[upstream]\nproxy = \"{proxy}\"\n{THREE}");
    check(THREE, [Some(1), Some(2), None]);
    check(&upstream("http://p:3"), [Some(3), Some(3), None]);
    check(&upstream("off"), [None, None, None]);
    check(&upstream("env:MINE"), [Some(7), Some(7), None]);
    let own = |of: &str, proxy: &str, file: &str| {
        let header = format!("[providers.{of}]\n");
        file.replace(&header, &format!("{header}proxy = \"{proxy}\"\n"))
    };
    check(&own("far", "off", THREE), [None, Some(2), None]);
    check(&own("far", "env:MINE", &upstream("off")), [Some(7), None, None]);
    check(&own("near", "off", &upstream("http://p:3")), [Some(3), None, None]);
    // Whoever says so is believed.
    check(&own("here", "http://p:4", THREE), [Some(1), Some(2), Some(4)]);
    check(&THREE.replace("gpu.lan", "gpu.example"), [Some(1), None, None]);
    check(&THREE.replace("gpu.lan", "10.1.2.3"), [Some(1), None, None]);
}

#[test]
fn certificates_are_those_of_all_and_ones_own() {
    let around = || Outside::default().file("/all", PEM).file("/own", PEM);
    let paths = |config: &Config| -> Vec<String> {
        let paths = |way: &crate::Way| way.ca.iter().map(|ca| ca.path.clone()).collect::<Vec<_>>();
        config.providers.iter().map(|it| paths(&it.way).join("+")).collect()
    };
    let file = format!("[upstream]\nca = \"/all\"\n{THREE}ca = \"/own\"\n");
    assert_eq!(paths(&load(&file, &around()).unwrap()), ["/all", "/all", "/all+/own"]);
    // A file that names no providers.
    let found = [FoundLocal {
        quirks: providers::row("ollama").unwrap(),
        base_url: "http://127.0.0.1:11434/v1".to_owned(),
        models: vec!["m".to_owned()],
    }];
    let file = "[upstream]\nca = \"/all\"\nproxy = \"http://p:3\"";
    let config = load_beside(file, &around(), &found, Fallback::OwnVendor).unwrap();
    assert!(paths(&config).iter().all(|path| path == "/all"));
    for provider in &config.providers {
        let (way, local) = (&provider.way, provider.local);
        assert_eq!((way.proxy.is_some(), way.reach.loopback), (!local, local), "{}", provider.name);
    }
}

#[test]
fn without_a_file_the_environment_counts_and_its_faults_are_said_once() {
    let around = Outside::env(&[
        ("ALL_PROXY", "socks5://me:sk-SECRET-0451@p:1"),
        ("HTTPS_PROXY", "p:2"),
        ("OPENAI_API_KEY", "k"),
    ]);
    let config = zero(&around, &[], Fallback::OwnVendor);
    assert!(ports(&config).iter().all(|port| *port == Some(2)), "{:?}", ports(&config));
    let warnings = super::shown(&config.warnings);
    let expect = "ALL_PROXY: is not a proxy that is spoken to over http; write http://HOST:PORT; until \
                  then it is passed over";
    assert_eq!(warnings, expect);
    // Nobody asked.
    for file in ["[providers.here]\nkind = \"ollama\"", "[upstream]\nproxy = \"off\""] {
        assert!(load(file, &around).unwrap().warnings.is_empty(), "{file}");
    }
}
