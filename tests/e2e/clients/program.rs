//! A client program: started, fed, and heard to its end within a bound.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_blocking};

/// Runs a program, and ends it where it takes longer than `limit`.
pub(super) async fn run(command: &mut Command, stdin: &str, limit: Duration) -> Output {
    let named = format!("{command:?}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{named}: {error}"));
    let mut input = child.stdin.take().expect("piped");
    let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let (out, err) = (read(out), read(err));
    let fed = stdin.to_owned();
    // A program that has heard enough may close it.
    drop(spawn_blocking(move || input.write_all(fed.as_bytes()).unwrap_or_default()));
    let both = async { (out.await.expect("stdout"), err.await.expect("stderr")) };
    tokio::pin!(both);
    let heard = tokio::time::timeout(limit, &mut both).await;
    let late = heard.is_err();
    let (stdout, stderr) = if let Ok(heard) = heard {
        heard
    } else {
        // Gone already is as good.
        child.kill().unwrap_or_default();
        both.await
    };
    let status = child.wait().expect("it was started");
    let output = Output { status, stdout, stderr };
    assert!(!late, "{named} took longer than {limit:?}: {}", told(&output));
    output
}

fn read(mut source: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    spawn_blocking(move || {
        let mut bytes = Vec::new();
        // What came before a read error is what there is.
        source.read_to_end(&mut bytes).unwrap_or_default();
        bytes
    })
}

/// Everything a program said, for a failure's message.
pub(super) fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}
