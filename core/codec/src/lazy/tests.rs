//! What is read here is held against `serde_json`: texts that stand out, and random ones.

use super::{Raw, quickly, read};
use crate::json::{Count, Members, TokenCount, Word};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// A bit of everything that our shapes are made of.
#[derive(Debug, Deserialize, PartialEq)]
struct Shape<'a> {
    #[serde(borrow)]
    word: Option<Word<'a>>,
    #[serde(borrow)]
    raw: Option<Raw<'a>>,
    number: Option<u32>,
    count: Option<Count>,
    #[serde(default)]
    tokens: TokenCount,
    flag: Option<bool>,
    #[serde(borrow)]
    list: Option<Vec<Raw<'a>>>,
    #[serde(borrow)]
    inner: Option<Box<Shape<'a>>>,
}

/// Whatever is read here, `serde_json` reads alike, or does not read either.
#[track_caller]
fn check(text: &str) {
    let alike = |ours: Option<String>, theirs: Option<String>| {
        // What is odd decides nothing.
        if ours.is_some() {
            assert_eq!(ours, theirs, "{text}");
        }
    };
    let shape = |it: Shape<'_>| format!("{it:?}");
    alike(quickly(text).map(shape), serde_json::from_str(text).ok().map(shape));
    let raw = quickly::<Raw<'_>>(text).map(|it| it.get().to_owned());
    alike(raw, serde_json::from_str::<&RawValue>(text).ok().map(|it| it.get().to_owned()));
    let members = |it: Members<'_>| format!("{it:?}");
    alike(quickly(text).map(members), serde_json::from_str(text).ok().map(members));
    let ignored = |IgnoredAny: IgnoredAny| String::new();
    alike(quickly(text).map(ignored), serde_json::from_str(text).ok().map(ignored));
}

const TEXTS: &[&str] = &[
    "",
    "{}",
    " { } ",
    "[]",
    "[ ]",
    "{\"word\":\"a\"}",
    "\n{\"word\" :\t\"a\" , \"number\":7}\r\n",
    r#"{"word":"a\u00e9","raw":"a\u00e9\"\\\/\b\f\n\r\t","number":12}"#,
    r#"{"raw":"\ud800"}"#,
    r#"{"raw":"\u12"}"#,
    r#"{"raw":"\x"}"#,
    r#"{"raw":"\"#,
    "{\"raw\":\"a\u{1}b\"}",
    "{\"raw\":\"a\u{7f}b\u{e9}\"}",
    r#"{"w\u006frd":"a"}"#,
    r#"{"number":4294967295,"count":18446744073709551615}"#,
    r#"{"number":4294967296}"#,
    r#"{"count":18446744073709551616}"#,
    r#"{"number":-1}"#,
    r#"{"count":-1}"#,
    r#"{"count":1.5e3}"#,
    r#"{"tokens":9007199254740992}"#,
    r#"{"tokens":9007199254740993}"#,
    r#"{"tokens":null,"count":1}"#,
    r#"{"tokens":-1}"#,
    r#"{"tokens":2.0}"#,
    r#"{"count":null,"word":null,"raw":null,"list":null,"inner":null}"#,
    r#"{"number":01}"#,
    r#"{"raw":01}"#,
    r#"{"raw":-}"#,
    r#"{"raw":1.}"#,
    r#"{"raw":.5}"#,
    r#"{"raw":1e}"#,
    r#"{"raw":1e+}"#,
    r#"{"raw":-0.0e-0}"#,
    r#"{"raw":+1}"#,
    r#"{"raw":tru}"#,
    r#"{"raw":truey}"#,
    r#"{"raw":nul}"#,
    r#"{"flag":true,"list":[1,"a",{"b":[]},[[]],null]}"#,
    r#"{"list":[1,]}"#,
    r#"{"list":[,1]}"#,
    r#"{"list":[1 2]}"#,
    r#"{"raw":{"a":1,}}"#,
    r#"{"raw":{"a" 1}}"#,
    r#"{"raw":{a:1}}"#,
    r#"{"raw":{1:1}}"#,
    r"{1:1}",
    r#"{"word":"a","word":"b"}"#,
    r#"{"other":1,"other":2,"word":"a"}"#,
    r#"{"word":"a"}x"#,
    r#"{"word":"a"}}"#,
    r#"{"word":"a""#,
    r#"{"inner":{"inner":{"number":1}}}"#,
    r#"["a",{"b":1},2,3,true,[],{}]"#,
    r#"{"raw":"a text that is longer than what is looked at byte by byte, \" and goes on"}"#,
    "{\"raw\":\"a text that is longer than what is looked at byte by byte \u{1f} \"}",
    "\u{feff}{}",
    "{\u{a0}}",
];

#[test]
fn what_is_read_is_read_alike() {
    for text in TEXTS {
        check(text);
        for (at, _) in text.char_indices() {
            check(&text[..at]);
        }
    }
    for depth in [126, 127, 128, 129, 500] {
        check(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        check(&format!("{{\"raw\":{}{}}}", "[".repeat(depth), "]".repeat(depth)));
    }
}

#[test]
fn what_nearly_always_comes_is_not_odd() {
    for text in [
        r#"{"word":"a","raw":"x\ny","number":7,"count":8,"flag":false,"list":[{"a":1.5}],"more":{}}"#,
        r#" { "inner" : { "word" : null } , "raw" : null } "#,
    ] {
        assert!(quickly::<Shape<'_>>(text).is_some(), "{text}");
    }
    assert_eq!(read::<Word<'_>>(r#""a\u0062""#).unwrap().as_str(), "ab");
}

proptest! {
    #[test]
    fn any_text_is_read_alike(text in r#"[ \n{}\[\]",:\\untrfalse0-9.eE+a-]{0,60}"#) {
        check(&text);
    }

    #[test]
    fn any_object_is_read_alike(
        members in prop::collection::vec(
            (
                prop::sample::select(vec!["word", "raw", "number", "count", "tokens", "flag", "list", "x"]),
                prop::sample::select(vec![
                    "\"a\"", "\"\\u0061\"", "1", "-1", "1.0", "null", "true", "[]", "[1,2]", "{}",
                    "{\"raw\":[]}", "\"\\\"\"", "1e5", "99999999999", "\"\u{e9}\"", "[", "}", "",
                ]),
            ),
            0..5,
        ),
        space in prop::sample::select(vec!["", " ", "\n", "\t "]),
    ) {
        let members: Vec<String> =
            members.iter().map(|(key, value)| format!("\"{key}\"{space}:{space}{value}")).collect();
        check(&format!("{space}{{{}}}", members.join(&format!("{space},{space}"))));
    }
}
