//! One provider's trouble is not everybody's.

use super::is_shared;
use crate::Cause;
use ir::evidence::{
    Answer, Control, Evidence, Knock, Portal, Reached, Session, Shake, Sibling, Trust, Witness,
};
use std::collections::BTreeMap;

const ALL: [Cause; 6] = [
    Cause::Link,
    Cause::Resolver,
    Cause::CaptivePortal,
    Cause::Clock,
    Cause::TlsInspection,
    Cause::Proxy,
];

fn check(name: &str, evidence: &Evidence, shared: &[Cause]) {
    let found: Vec<Cause> = ALL.into_iter().filter(|it| is_shared(*it, evidence)).collect();
    assert_eq!(found, shared, "{name}");
}

fn beside(control: Control) -> Evidence {
    Evidence { control, ..Evidence::default() }
}

#[test]
fn what_is_well_beside_a_provider_shows_that_its_trouble_is_its_own() {
    let sibling = |reached| Control {
        siblings: BTreeMap::from([("b".to_owned(), Sibling { reached, ..Sibling::default() })]),
        ..Control::default()
    };
    check("nothing speaks against it", &Evidence::default(), &ALL);
    check("nobody else is reached", &beside(sibling(Some(false))), &ALL);
    check("nobody else was asked", &beside(sibling(None)), &ALL);
    check("somebody else is reached", &beside(sibling(Some(true))), &[]);
    let neutral = |reached| Control {
        neutral: BTreeMap::from([("1.1.1.1:443".to_owned(), Knock { reached, took_ms: 9 })]),
        ..Control::default()
    };
    check("no address is reached", &beside(neutral(Reached::Timeout)), &ALL);
    check("an address is reached", &beside(neutral(Reached::Connected)), &ALL[1..]);
    let found = Answer { addresses: vec!["192.0.2.1".parse().unwrap()], ..Answer::default() };
    let names = Control { names: BTreeMap::from([(Witness::System, found)]), ..Control::default() };
    let but = |cause| ALL.into_iter().filter(|it| *it != cause).collect::<Vec<_>>();
    check("a neutral name is found", &beside(names), &but(Cause::Resolver));
    let portal = BTreeMap::from([("http://portal.example/".to_owned(), Portal::Expected)]);
    let portals = Control { portals: portal, ..Control::default() };
    check("a known page is as it should be", &beside(portals), &but(Cause::CaptivePortal));
    let tls = |trust| {
        let shake = Shake::Complete;
        let tls = Session { shake, names_host: true, in_date: true, trust, ..Session::default() };
        Control { tls: Some(tls), ..Control::default() }
    };
    let neither = [Cause::Link, Cause::Resolver, Cause::CaptivePortal, Cause::Proxy];
    check("a neutral certificate is right", &beside(tls(Trust::Public)), &neither);
    check("this machine trusts it", &beside(tls(Trust::Machine)), &but(Cause::Clock));
}
