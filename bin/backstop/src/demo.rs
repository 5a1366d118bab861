//! `backstop demo`: two fake clouds, the gateway between them and a caller, and the first cloud
//! broken in eight ways before the user's eyes. Real requests over real sockets; no key, no
//! configuration, no network.
//!
//! **Invariant:** success is told only where every scene ended as it had promised.

use crate::out;
use caller::Reply;
use drill::provider::{Fault, Plain};
use ir::{Crossable, Shape};
use page::Page;
use scene::{Cloud, LIMITED, SCENES, Scene};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use world::World;

mod caller;
mod midway;
mod page;
mod scene;
mod world;

/// Failures in a row after which a cloud is passed by.
const FAILURES: usize = 5;
/// How long the way back of a mended cloud may take.
const BACK_WITHIN: Duration = Duration::from_secs(6);
/// Between two looks whether it is back.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What was counted along the way.
#[derive(Debug, Default)]
struct Tally {
    /// Requests that ended as promised.
    kept: usize,
    /// Requests.
    all: usize,
    /// Scenes that did not end as promised.
    broken: Vec<&'static str>,
}

/// Plays the demo. Ctrl-C ends it at once.
pub(crate) async fn run() -> anyhow::Result<ExitCode> {
    let page = Page::of_stdout();
    tokio::select! {
        played = play(&page) => played,
        _ = tokio::signal::ctrl_c() => {
            page.reset()?;
            Ok(ExitCode::from(130))
        }
    }
}

async fn play(page: &Page) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let mut world = World::start().await?;
    opening(page, &world)?;
    let mut tally = Tally::default();
    for scene in SCENES {
        show(page, &mut world, scene, &mut tally).await?;
    }
    midway::play(page, &world, &mut tally).await?;
    pass_by(page, &world, &mut tally).await?;
    show(page, &mut world, &LIMITED, &mut tally).await?;
    closing(page, &tally, began.elapsed())
}

/// One scene: in both dialects, streamed and whole.
async fn show(
    page: &Page,
    world: &mut World,
    scene: &Scene,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    page.heading(scene.title)?;
    let gone = scene.cloud == Cloud::Gone;
    if gone {
        world.kill().await;
    }
    let before = world.asked();
    let mut kept = true;
    for dialect in [Crossable::Messages, Crossable::Chat] {
        for shape in [Shape::Stream, Shape::Whole] {
            page.begin(dialect, shape)?;
            let ask = caller::Ask { dialect, shape, model: scene.model, tool: scene.tool };
            let reply = world.ask(&ask, &mut |said| page.said(said)).await?;
            let good = reply.is_whole(scene.expect()) && reply.server() == scene.server();
            page.end(&reply, good)?;
            tally.count(good);
            kept &= good;
        }
    }
    if gone {
        world.revive().await?;
    } else {
        // Whatever was promised was shown only if the cloud was really asked.
        kept &= before < world.asked();
    }
    tally.close(scene.title, kept);
    Ok(())
}

const PASSING: &str =
    "cloud-a is silent again: after five failures in a row it is passed by, and costs nothing";

/// The breaker: the cloud is silent until it is known to be down, and comes back once mended.
async fn pass_by(page: &Page, world: &World, tally: &mut Tally) -> anyhow::Result<()> {
    page.heading(PASSING)?;
    world.set(Some(Fault::Plain(Plain::HangBeforeHead)));
    let mut passed = None;
    for turn in 1..=FAILURES + 1 {
        page.begin(Crossable::Messages, Shape::Stream)?;
        let reply = again(world, page).await?;
        let good = reply.is_whole(scene::WORDS_B) && reply.server() == "cloud-b";
        page.end(&reply, good)?;
        tally.count(good);
        passed = (good && reply.passed_by("cloud-a")).then_some(turn);
        if passed.is_some() {
            break;
        }
    }
    world.set(None);
    page.note(
        "cloud-a is mended; free probes find out, one request tries, and it is first again:",
    )?;
    let mended = Instant::now();
    page.begin(Crossable::Messages, Shape::Stream)?;
    let mut reply = world.ask(&PASSED, &mut |_| Ok(())).await?;
    while reply.server() != "cloud-a" && mended.elapsed() < BACK_WITHIN {
        tally.count(reply.is_whole(scene::WORDS_B));
        sleep(LOOK_EVERY).await;
        reply = world.ask(&PASSED, &mut |_| Ok(())).await?;
    }
    let back = reply.server() == "cloud-a" && reply.is_whole(scene::WORDS_A);
    page.word(&reply.text)?;
    page.end(&reply, back)?;
    tally.count(back);
    page.note(&format!("{} after it was mended", page::time(mended.elapsed())))?;
    tally.close(PASSING, passed.is_some() && back);
    Ok(())
}

const PASSED: caller::Ask = caller::Ask {
    dialect: Crossable::Messages,
    shape: Shape::Stream,
    model: "steady",
    tool: false,
};

async fn again(world: &World, page: &Page) -> anyhow::Result<Reply> {
    world.ask(&PASSED, &mut |said| page.said(said)).await
}

fn opening(page: &Page, world: &World) -> anyhow::Result<()> {
    page.title("backstop demo")?;
    out::print(
        "Two fake clouds and the gateway on this machine; real requests over real sockets. The\n\
         clouds answer in numbered words, so that one lost or said twice would show.",
    )?;
    out::print("")?;
    out::print(&format!("  you {0} backstop   {1}", page.arrow(), world.front()))?;
    out::print(&format!("        1. cloud-a   {}   about to be broken", world.address_a()))?;
    out::print(&format!("        2. cloud-b   {}", world.address_b()))?;
    page.columns()
}

fn closing(page: &Page, tally: &Tally, took: Duration) -> anyhow::Result<ExitCode> {
    out::print("")?;
    let took = page::time(took);
    if !tally.broken.is_empty() {
        page.bad(&format!("{} of {} answered as promised, in {took}.", tally.kept, tally.all))?;
        for title in &tally.broken {
            page.bad(&format!("not as promised: {title}"))?;
        }
        out::say(
            "error: the demo did not end as promised; the scenes that did not are named above",
        );
        return Ok(ExitCode::FAILURE);
    }
    page.good(&format!("{0} of {0} requests answered in full, in {took}.", tally.all))?;
    let me = std::env::args().next().unwrap_or_else(|| "backstop".to_owned());
    page.title("Now yours")?;
    for line in HOW.lines() {
        out::print(&line.replace("BACKSTOP", &me))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How to go on.
const HOW: &str = r#"Start it. Without a file it serves the vendors whose usual keys are set, each by its own models:

  ANTHROPIC_API_KEY=... OPENAI_API_KEY=... BACKSTOP serve

Where it has no key for a vendor, it passes the callers' own keys on, to their own vendor only.

Point what you have at it; nothing else changes:

  Claude Code         ANTHROPIC_BASE_URL=http://127.0.0.1:8484 claude
  Anthropic's SDKs    export ANTHROPIC_BASE_URL=http://127.0.0.1:8484
  OpenAI's SDKs       export OPENAI_BASE_URL=http://127.0.0.1:8484/v1

or in code:

  Anthropic(base_url="http://127.0.0.1:8484")
  OpenAI(base_url="http://127.0.0.1:8484/v1")

What falls back to what stands in backstop.toml: see docs/reference/config.md. To see it:

  BACKSTOP check"#;

// === impl Tally ===

impl Tally {
    fn count(&mut self, kept: bool) {
        self.all += 1;
        self.kept += usize::from(kept);
    }

    fn close(&mut self, title: &'static str, kept: bool) {
        if !kept {
            self.broken.push(title);
        }
    }
}
