//! What is in `deploy/` keeps its promises: the unit is shut, the image has no shell and no root.

use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most exposure that `systemd-analyze security` may find in the unit: from 0 to 10.
const EXPOSURE_MAX: f64 = 2.0;

fn file(name: &str) -> PathBuf {
    // Asked at run time: a build folder may be shared by clones.
    let package = std::env::var("CARGO_MANIFEST_DIR");
    let package = package.unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&package).join("../deploy").join(name)
}

/// Empty where there is none: every test asks for something in it.
fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_default()
}

/// Past what the harness keeps of a test that passes: what was not measured must not look like it was.
fn say(line: &str) {
    writeln!(stderr().lock(), "{line}").ok();
}

#[test]
fn the_unit_is_hardly_exposed() {
    let mut analyze = Command::new("systemd-analyze");
    let analyze = analyze.args(["security", "--offline=true", "--no-pager"]);
    let Ok(output) = analyze.arg(file("backstop.service")).output() else {
        say("not measured: systemd-analyze is not here");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some((_, level)) = said.split_once("Overall exposure level for backstop.service: ") else {
        let old = String::from_utf8_lossy(&output.stderr);
        assert!(old.contains("--offline"), "it should give a level: {said}{old}");
        say("not measured: this systemd-analyze is older than version 250");
        return;
    };
    let exposure: f64 = level.split_whitespace().next().unwrap().parse().unwrap();
    say(&format!("exposure level of the unit: {exposure}"));
    assert!(exposure <= EXPOSURE_MAX, "exposure level {exposure}, above {EXPOSURE_MAX}:\n{said}");
}

#[test]
fn the_unit_says_what_matters() {
    let unit = text("backstop.service");
    for directive in [
        "Type=notify",
        "ExecStart=/usr/bin/backstop serve --config /etc/backstop/backstop.toml",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=always",
        "KillSignal=SIGTERM",
        "DynamicUser=yes",
        "StateDirectory=backstop",
        "LogsDirectory=backstop",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "MemoryDenyWriteExecute=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp",
    ] {
        assert!(unit.lines().any(|line| line == directive), "the unit does not say {directive}");
    }
    for key in ["MemoryMax=", "LimitNOFILE="] {
        assert!(unit.lines().any(|line| line.starts_with(key)), "the unit does not say {key}");
    }
    // An answer that is under way when it stops has `server.grace` to finish: 30 s unless configured.
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    let seconds: u32 = stop.trim_end_matches('s').parse().unwrap();
    assert!(seconds > 30, "TimeoutStopSec={stop} does not leave the grace");
    assert!(text("backstop.socket").contains("ListenStream=127.0.0.1:8484\n"));
}

#[test]
fn the_image_is_the_one_that_is_checked() {
    let dockerfile = text("Dockerfile");
    let orders = || dockerfile.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let last: Vec<&str> = orders().skip_while(|line| *line != "FROM scratch").collect();
    let expected = [
        "FROM scratch",
        "COPY --from=build /image /",
        "USER 65532:65532",
        "EXPOSE 8484",
        "STOPSIGNAL SIGTERM",
        r#"ENTRYPOINT ["/backstop"]"#,
        r#"CMD ["serve"]"#,
    ];
    assert_eq!(last, expected, "nothing runs in the last stage, and nothing else is in it");
    let chore = "RUN cargo xtask image --folder /image";
    assert!(orders().any(|line| line == chore), "the files come from the chore that checks them");
    let workspace = std::fs::read_to_string(file("../Cargo.toml")).unwrap();
    let rust = workspace.lines().find_map(|line| line.strip_prefix("rust-version = "));
    let from = format!("FROM rust:{}-bookworm AS build", rust.unwrap().trim_matches('"'));
    assert!(orders().any(|line| line == from), "the Dockerfile does not say {from}");
}
