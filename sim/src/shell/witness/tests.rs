//! Each promise is broken on purpose, to see that the witness sees it.

use super::{ATTEMPTS_MAX, ENDS_WITHIN, STOPS_WITHIN, judge, site};
use crate::shell::caller::CALLERS_KEY;
use crate::shell::scene::{Ill, IllKind, Scene};
use crate::shell::world::{Life, key_of};
use ir::{Dialect, Ending, Record, Shape};
use std::sync::OnceLock;
use std::time::Duration;

/// A world that kept its promises, and a caller in it who had a complete stream of Chat, words and all.
fn lived() -> &'static (Scene, Life, usize) {
    static LIVED: OnceLock<(Scene, Life, usize)> = OnceLock::new();
    LIVED.get_or_init(|| {
        let scene = Scene::draw(5);
        let life = scene.plan.clone().live().unwrap();
        judge(&scene, &life).unwrap();
        let place = scene.plan.asks.iter().zip(&life.heard).zip(&scene.orders);
        let place = place.into_iter().position(|((ask, heard), order)| {
            let chat = (ask.dialect, ask.shape) == (Dialect::Chat, Shape::Stream);
            chat && order.is_none() && text(&heard.body).contains(" w3")
        });
        let place = place.expect("somebody who was well served");
        (scene, life, place)
    })
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn check(expect: &str, breaks: impl FnOnce(&mut Scene, &mut Life, usize)) {
    let (mut scene, mut life, place) = lived().clone();
    breaks(&mut scene, &mut life, place);
    let seen = judge(&scene, &life).expect_err(expect);
    assert!(seen.contains(expect), "{expect}: {seen}");
}

/// What was recorded of a caller's request.
fn record(life: &mut Life, place: usize) -> &mut Record {
    let id = life.heard[place].header("x-backstop-request-id").unwrap().to_owned();
    life.records.iter_mut().find(|record| record.id == id).unwrap()
}

/// Another body in the place of what the caller heard.
fn says(expect: &str, change: impl FnOnce(String) -> String) {
    check(expect, |_, life, place| {
        let body = &mut life.heard[place].body;
        *body = change(text(body)).into_bytes();
    });
}

/// The frame that has this.
fn frame(body: &str, what: &str) -> String {
    let frames: Vec<&str> = body.split_inclusive("\n\n").filter(|it| it.contains(what)).collect();
    frames.concat()
}

#[test]
fn words_that_are_lost_doubled_or_missing() {
    says("out of order", |body| body.replace(&frame(&body, "\" w2\""), ""));
    says("out of order", |body| {
        let twice = frame(&body, "\" w2\"");
        body.replace(&twice, &twice.repeat(2))
    });
    says("a cut that looks complete", |body| {
        let end = body.find("\" w3\"").and_then(|at| body[..at].rfind("\n\n")).unwrap() + 2;
        let finish = frame(&body, "\"finish_reason\":\"stop\"");
        format!("{}{finish}data: [DONE]\n\n", &body[..end])
    });
}

#[test]
fn ends_that_are_none_or_two() {
    says("no end, or two", |body| body.replace("data: [DONE]\n\n", ""));
    says("after the end", |body| body + "data: [DONE]\n\n");
    says("after the end", |body| body + "data: {\"error\":{}}\n\n");
    says("a frame without an end", |body| body.trim_end().to_owned());
    says("an end without a finish", |body| {
        body.replace(&frame(&body, "\"finish_reason\":\"stop\""), "")
    });
    check("its connection broke", |_, life, place| life.heard[place].whole = false);
    check("hung: true", |_, life, place| life.heard[place].hung = true);
    check("it took", |_, life, place| life.heard[place].took = ENDS_WITHIN * 2);
    check("it took", |scene, life, place| {
        scene.stops = Some(scene.plan.asks[place].at);
        life.heard[place].took = STOPS_WITHIN * 2;
    });
    check("callers of", |_, life, _| drop(life.heard.pop()));
}

#[test]
fn records_that_are_missing_or_tell_something_else() {
    check("records of", |_, life, _| drop(life.records.pop()));
    check("two records of", |_, life, _| life.records.push(life.records[0].clone()));
    check("broken in the record", |_, life, place| record(life, place).ending = Ending::Broken);
    check("attempts:", |_, life, place| {
        let attempts = &mut record(life, place).attempts;
        let again = vec![attempts[0].clone(); ATTEMPTS_MAX];
        attempts.extend(again);
    });
    check("said by nobody", |_, life, place| record(life, place).attempts.clear());
}

#[test]
fn what_stays_open() {
    check("still open", |_, life, _| life.open = (1, 0, 0));
    check("still open", |_, life, _| life.open = (0, 0, 1));
    check("still answers", |scene, life, _| {
        scene.ills.clear();
        let mut asked = life.seen.iter_mut().flatten().filter(|(_, seen)| seen.method == "POST");
        asked.next().unwrap().1.ended = None;
    });
}

#[test]
fn keys_that_are_shown() {
    check("SE1: a is shown", |_, life, _| {
        let (_, seen) = life.seen[0].first_mut().unwrap();
        seen.headers.push(("x-other".to_owned(), CALLERS_KEY.to_owned()));
    });
    check("SE1: a is shown", |_, life, _| {
        let (_, seen) = life.seen[0].first_mut().unwrap();
        seen.headers.push(("x-other".to_owned(), key_of("b")));
    });
    check("stands in", |_, life, place| {
        let header = ("x-other".to_owned(), key_of("a"));
        life.heard[place].headers.push(header);
    });
    check("stands in", |_, life, place| record(life, place).model = CALLERS_KEY.to_owned());
}

#[test]
fn a_failure_without_need() {
    check("somebody was well", |scene, life, place| {
        scene.ills.clear();
        let record = record(life, place);
        (record.ending, record.status) = (Ending::Failed, 502);
        let heard = &mut life.heard[place];
        (heard.status, heard.body) = (502, b"{\"error\":{}}".to_vec());
    });
}

/// Whoever served the caller ails, and what the caller heard breaks off behind two words.
fn cut(scene: &mut Scene, life: &mut Life, place: usize) {
    let record = record(life, place);
    record.ending = Ending::Broken;
    let served = scene.plan.sites.iter().position(|it| it.name == site(&record.attempts[0].target));
    let (from, until) = (Duration::ZERO, Duration::MAX);
    scene.ills = vec![Ill { place: served.unwrap(), from, until, kind: IllKind::Fault }];
    scene.stops = None;
    let body = &mut life.heard[place].body;
    let mut said = text(body);
    said.truncate(said.find("\" w2\"").and_then(|at| said[..at].rfind("\n\n")).unwrap() + 2);
    *body = (said + "data: {\"error\":{}}\n\n").into_bytes();
}

#[test]
fn a_cut_that_somebody_could_have_gone_on_with() {
    check("somebody was well", |scene, life, place| {
        cut(scene, life, place);
        scene.alike = true;
    });
    // Where each begins with its own name, nobody has the rest of what another said.
    let (mut scene, mut life, place) = lived().clone();
    cut(&mut scene, &mut life, place);
    scene.alike = false;
    assert_eq!(judge(&scene, &life), Ok(()));
}
