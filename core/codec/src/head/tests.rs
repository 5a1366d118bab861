//! Heads of requests: what is read, what is refused, and that nothing else changes.

use super::{Head, Kept, USAGE, Watch, read_head};
use crate::Error;
use bytes::Bytes;
use ir::Dialect;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::Value;

const MODEL: &str = r#""model":"m""#;
const BOTH: &str = r#""model":"m","messages":[]"#;

/// What a body's head says, in words.
#[track_caller]
fn check(dialect: Dialect, body: &str, expect: &str) {
    let found = match read_head(dialect, body.as_bytes()) {
        Ok(head) => words(&head),
        Err(error) => match error.field() {
            Some(field) => format!("{field}: {error}"),
            None => error.to_string(),
        },
    };
    assert_eq!(found, expect, "from {body}");
}

/// The fields that are not at their defaults.
fn words(head: &Head) -> String {
    let Head { model, model_range: _, stream, tools, thinking, choices, .. } = head;
    let mut words = vec![model.clone()];
    for (set, word) in [(*stream, "stream"), (*tools, "tools"), (*thinking, "thinking")] {
        words.extend(set.then(|| word.to_owned()));
    }
    words.extend((*choices != 1).then(|| format!("n={choices}")));
    words.extend(head.max_tokens.map(|max| format!("max={max}")));
    words.extend(head.include_usage.then(|| "usage".to_owned()));
    words.push(head.prompt_bytes.to_string());
    words.join(" ")
}

#[test]
fn what_chat_asks_for() {
    for (rest, expect) in [
        ("", "m 2"),
        (r#","stream":true"#, "m stream 2"),
        (r#","stream":null"#, "m 2"),
        (r#","stream":false,"stream_options":{"include_usage":true}"#, "m usage 2"),
        (r#","stream_options":{"include_usage":"yes"}"#, "m 2"),
        (r#","stream_options":null"#, "m 2"),
        (r#","tools":[]"#, "m 4"),
        (r#","tools":[ { } ]"#, "m tools 9"),
        (r#","functions":[{}]"#, "m tools 6"),
        (r#","tools":null"#, "m 6"),
        (r#","reasoning_effort":"high""#, "m thinking 2"),
        (r#","reasoning_effort":"none""#, "m 2"),
        (r#","reasoning_effort":null"#, "m 2"),
        (r#","n":3"#, "m n=3 2"),
        (r#","n":null"#, "m 2"),
        (r#","max_tokens":5"#, "m max=5 2"),
        (r#","max_tokens":5,"max_completion_tokens":6"#, "m max=6 2"),
        (r#","max_tokens":"lots""#, "m 2"),
        (r#","of_tomorrow":{"model":1,"stream":2},"temperature":1e999"#, "m 2"),
        (r#","thinking":{"type":"enabled"}"#, "m 2"),
        (r#","n":0"#, "n: the field `n` must be between 1 and 128, found 0"),
        (r#","n":129"#, "n: the field `n` must be between 1 and 128, found 129"),
        (r#","n":99999999999"#, "n: the field `n` must be between 1 and 128, found 99999999999"),
        (r#","n":-1"#, "n: the field `n` must be a whole number, found a number"),
        (r#","n":"2""#, "n: the field `n` must be a whole number, found a string"),
        (r#","stream":"true""#, "stream: the field `stream` must be a boolean, found a string"),
        (r#","stream":1"#, "stream: the field `stream` must be a boolean, found a number"),
        (r#","model":"m""#, "model: the field `model` is there twice"),
        (r#","mod\u0065l":"other""#, "model: the field `model` is there twice"),
        (r#","stream":true,"stream":true"#, "stream: the field `stream` is there twice"),
        (r#","messages":[]"#, "messages: the field `messages` is there twice"),
        (r#","n":1,"\u006e":2"#, "n: the field `n` is there twice"),
        (
            r#","stream_options":{},"stream_options":{}"#,
            "stream_options: the field `stream_options` is there twice",
        ),
    ] {
        check(Dialect::Chat, &format!("{{{BOTH}{rest}}}"), expect);
    }
}

#[test]
fn what_messages_asks_for() {
    for (rest, expect) in [
        ("", "m usage 2"),
        (r#","max_tokens":5,"stream":true,"n":0"#, "m stream max=5 usage 2"),
        (r#","system":"be""#, "m usage 6"),
        (r#","tools":[{"name":"f"}]"#, "m tools usage 16"),
        (r#","thinking":{"type":"enabled","budget_tokens":5}"#, "m thinking usage 2"),
        (r#","thinking":{"type":"adaptive","display":"omitted"}"#, "m thinking usage 2"),
        (r#","thinking":{"type":"between_tools"}"#, "m thinking usage 2"),
        (r#","thinking":{"type":"disabled"}"#, "m usage 2"),
        (r#","thinking":true"#, "m usage 2"),
        (r#","output_config":{"effort":"low"}"#, "m thinking usage 2"),
        (r#","output_config":{"format":{}}"#, "m usage 2"),
        (r#","reasoning_effort":"high""#, "m usage 2"),
    ] {
        check(Dialect::Messages, &format!("{{{BOTH}{rest}}}"), expect);
    }
}

#[test]
fn what_is_refused() {
    let deep = |levels: usize| {
        format!("{{{MODEL},\"messages\":[],\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels))
    };
    for (body, expect) in [
        ("", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
        ("hello", "the body is not JSON: expected value at line 1 column 1"),
        ("{\n  \"model\": }", "the body is not JSON: expected value at line 2 column 12"),
        (
            r#"{"model":"m","messages":[]} x"#,
            "the body is not JSON: trailing characters at line 1 column 29",
        ),
        ("[]", "the body must be a JSON object, found an array"),
        (" null", "the body must be a JSON object, found null"),
        (r#""text""#, "the body must be a JSON object, found a string"),
        ("{}", "model: the field `model` is missing"),
        (r#"{"model":null}"#, "model: the field `model` must be a string, found null"),
        (r#"{"model":{"id":"m"}}"#, "model: the field `model` must be a string, found an object"),
        (r#"{"model":"m"}"#, "messages: the field `messages` is missing"),
        (
            r#"{"model":"m","messages":{}}"#,
            "messages: the field `messages` must be an array, found an object",
        ),
        (
            "{\"messages\":[],\n\"model\":\"\\ud800\"}",
            "the body is not JSON: the model's name is unreadable at line 2 column 9",
        ),
        (&deep(127), "m 2"),
        (&deep(128), "the body is nested deeper than 128 levels"),
        (&deep(100_000), "the body is nested deeper than 128 levels"),
        (&format!("{{{BOTH},\"x\":\"{}\"}}", "[\\\"".repeat(1000)), "m 2"),
    ] {
        check(Dialect::Chat, body, expect);
    }
    let error = read_head(Dialect::Chat, b"{\"model\":\"\xff\"}").unwrap_err();
    assert_eq!(error, Error::NotUtf8 { offset: 10 });
}

#[test]
fn only_the_model_changes() {
    let body = Bytes::from_static(
        "{ \"messages\":[{\"model\":\"x\"}],\n\"model\" : \"a\\u0062\\\"\u{e9}\" ,\"n\":1.0e0}"
            .as_bytes(),
    );
    // `1.0e0` is no whole number: Messages does not look at it.
    let head = read_head(Dialect::Messages, &body).unwrap();
    assert_eq!(head.model, "ab\"\u{e9}");
    let pieces = head.splice(&body, "q\"\n", None);
    let [before, model, after] = pieces.as_slice() else { panic!("{pieces:?}") };
    assert_eq!(before, &body[..head.model_range.start]);
    assert_eq!(model, &r#""q\"\n""#);
    assert_eq!(after, &body[head.model_range.end..]);
    assert_eq!(before.as_ptr(), body.as_ptr(), "not copied");
    assert_eq!(head.splice(&body, &head.model, None).as_slice(), [body]);
}

#[test]
fn what_can_be_watched() {
    for (rest, expect) in [
        ("", true),
        (r#","stream":false"#, true),
        (r#","stream":true"#, false),
        (r#","n":1"#, true),
        (r#","n":2"#, false),
        (r#","logprobs":true,"audio":null,"modalities":["text"],"tools":null"#, true),
        (r#","audio":{"voice":"x"}"#, false),
        (r#","modalities":["text","audio"]"#, false),
        (r#","modalities":"audio""#, false),
        (r#","tools":[{"type":"function","function":{"name":"custom"}},{}]"#, true),
        (r#","tools":[{"type":"function"},{"type":"custom"}]"#, false),
        (r#","tools":[5]"#, false),
    ] {
        let head = read_head(Dialect::Chat, format!("{{{BOTH}{rest}}}").as_bytes()).unwrap();
        assert_eq!(head.watchable, expect, "{rest}");
    }
    let body = format!(r#"{{{BOTH},"n":2,"tools":[{{"type":"custom"}}],"audio":{{}}}}"#);
    assert!(read_head(Dialect::Messages, body.as_bytes()).unwrap().watchable);
    let body = format!(r#"{{{BOTH},"stream":true}}"#);
    assert!(!read_head(Dialect::Messages, body.as_bytes()).unwrap().watchable);
}

#[test]
fn a_watched_request_asks_for_a_stream() {
    let usage = Some(Watch { ask_usage: true });
    let none = Some(Watch { ask_usage: false });
    for (body, watch, expect) in [
        (
            r#"{ "model" : "m" , "messages":[]}"#,
            usage,
            r#"{ "model" : "M","stream":true,"stream_options":{"include_usage":true} , "messages":[]}"#,
        ),
        (
            r#"{"stream_options": { "x":1 },"messages":[],"stream": false ,"model":"m"}"#,
            usage,
            r#"{"stream_options": {"include_usage":true},"messages":[],"stream": true ,"model":"M"}"#,
        ),
        (
            r#"{"model":"m","stream":null,"messages":[]}"#,
            usage,
            r#"{"model":"M","stream_options":{"include_usage":true},"stream":true,"messages":[]}"#,
        ),
        (
            r#"{"stream_options":{"x":1},"model":"m","messages":[]}"#,
            none,
            r#"{"stream_options":{"x":1},"model":"M","stream":true,"messages":[]}"#,
        ),
    ] {
        let body = Bytes::from_static(body.as_bytes());
        let head = read_head(Dialect::Chat, &body).unwrap();
        let spliced = head.splice(&body, "M", watch).concat();
        assert_eq!(String::from_utf8_lossy(&spliced), expect);
        let same = head.splice(&body, "m", watch).concat();
        assert_eq!(String::from_utf8_lossy(&same), expect.replace('M', "m"));
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body: Vec<u8>) {
        for dialect in Dialect::ALL {
            prop_assert!(read_head(dialect, &body).is_err());
        }
    }

    #[test]
    fn a_spliced_body_differs_in_its_model_alone(
        rest in proptest::collection::btree_map("[a-z]{3,9}", json(), 0..5),
        model in ".{0,20}",
        other in ".{0,20}",
        pretty: bool,
    ) {
        let mut fields: serde_json::Map<String, Value> = rest.into_iter().collect();
        fields.remove("stream");
        fields.insert("model".to_owned(), Value::from(model.clone()));
        fields.insert("messages".to_owned(), Value::Array(Vec::new()));
        let value = Value::Object(fields);
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let body = Bytes::from(text);
        let head = read_head(Dialect::Messages, &body).unwrap();
        prop_assert_eq!(&head.model, &model);
        let pieces = head.splice(&body, &other, None);
        let spliced: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        let mut expect = value;
        expect["model"] = Value::from(other.clone());
        prop_assert_eq!(serde_json::from_slice::<Value>(&spliced).unwrap(), expect);
        // All other bytes are those of the body.
        if model != other {
            prop_assert_eq!(&pieces[0], &body.slice(..head.model_range.start));
            prop_assert_eq!(&pieces[2], &body.slice(head.model_range.end..));
        }
    }
}

proptest! {
    /// Everything but the edits is the body, byte for byte, wherever the fields stand.
    #[test]
    fn a_watched_body_differs_in_its_edits_alone(
        rest in proptest::collection::btree_map("[a-z]{3,9}", json(), 0..4),
        places in any::<[usize; 3]>(),
        has in any::<[bool; 2]>(),
        ask_usage: bool,
        pretty: bool,
    ) {
        let text = |value: &Value| if pretty { format!("{value:#}") } else { value.to_string() };
        let rest = rest.iter().filter(|(key, _)| *key != "stream" && *key != "model");
        let mut members: Vec<String> =
            rest.map(|(key, value)| format!("{} : {}", Value::from(key.as_str()), text(value))).collect();
        members.push(r#""messages":[]"#.to_owned());
        let mut put = |place: usize, member: &str| {
            let place = place % (members.len() + 1);
            members.insert(place, member.to_owned());
        };
        put(places[0], r#""model": "m\u006f""#);
        if has[0] {
            put(places[1], r#""stream" : false"#);
        }
        if has[1] {
            put(places[2], r#""stream_options":{ "include_obfuscation" : false }"#);
        }
        let body = Bytes::from(format!("{{{}}}", members.join(" ,\n")));
        let head = read_head(Dialect::Chat, &body).unwrap();
        let watch = Watch { ask_usage };
        let spliced = Bytes::from(head.splice(&body, "other", Some(watch)).concat());
        let after = read_head(Dialect::Chat, &spliced).unwrap();
        prop_assert_eq!((after.model.as_str(), after.stream), ("other", true));
        prop_assert_eq!(after.include_usage, ask_usage);
        // Put what stood there back, last place first.
        let mut back = spliced.to_vec();
        let mut undo = vec![(after.model_range.clone(), Some(head.model_range.clone()))];
        undo.extend(after.stream_range.map(|range| (range, head.stream_range.clone())));
        if ask_usage {
            let options = after.stream_options_range.unwrap();
            prop_assert_eq!(&spliced[options.clone()], USAGE);
            undo.push((options, head.stream_options_range.clone()));
        }
        undo.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        for (range, before) in undo {
            let Some(before) = before else {
                // Its key, quotes and comma go with it.
                let comma = back[..range.start].iter().rposition(|byte| *byte == b',').unwrap();
                drop(back.splice(comma..range.end, []));
                continue;
            };
            drop(back.splice(range, body[before].to_vec()));
        }
        prop_assert_eq!(Bytes::from(back), body);
    }
}

#[test]
fn seeds_replay() {
    for (name, seed) in crate::proof::seeds("head") {
        for dialect in Dialect::ALL {
            let Ok(head) = read_head(dialect, &seed) else { continue };
            let spliced = head.splice(&Bytes::copy_from_slice(&seed), "other", None).concat();
            assert_eq!(read_head(dialect, &spliced).unwrap().model, "other", "{name}");
        }
    }
}

#[test]
fn what_responses_asks_for() {
    let check = |fields: &str, expect: &str| {
        check(Dialect::Responses, &format!(r#"{{"model":"m"{fields}}}"#), expect);
    };
    check("", "m usage 0");
    check(r#","input":"hi","stream":true"#, "m stream usage 4");
    check(r#","input":[],"tools":[{"type":"function"}]"#, "m tools usage 23");
    check(r#","reasoning":{}"#, "m thinking usage 0");
    check(r#","reasoning":{"effort":"low"}"#, "m thinking usage 0");
    check(r#","reasoning":{"effort":"none"}"#, "m usage 0");
    check(r#","reasoning":null"#, "m usage 0");
    check(
        r#","previous_response_id":7"#,
        "previous_response_id: the field `previous_response_id` must be a string, found a number",
    );
    check(r#","input":1,"input":2"#, "input: the field `input` is there twice");
    let kept = |fields: &str| {
        let body = format!(r#"{{"model":"m"{fields}}}"#);
        let head = read_head(Dialect::Responses, body.as_bytes()).expect("a head");
        assert_eq!(head.watchable, !head.stream && !head.kept.background, "{fields}");
        let bound = head.kept.is_bound();
        let Kept { previous, elsewhere, background } = head.kept;
        assert_eq!(bound, previous.is_some() || elsewhere, "{fields}");
        (previous.unwrap_or_default(), elsewhere, background)
    };
    for (fields, expect) in [
        ("", ("", false, false)),
        (r#","previous_response_id":"resp_\u0031""#, ("resp_1", false, false)),
        (r#","previous_response_id":null,"conversation":null"#, ("", false, false)),
        (r#","conversation":"conv_1""#, ("", true, false)),
        (r#","conversation":{"id":"conv_1"}"#, ("", true, false)),
        (r#","background":true"#, ("", false, true)),
        (r#","background":false,"input":"item_reference""#, ("", false, false)),
        (r#","input":[{"type":"message","content":"item_reference"}]"#, ("", false, false)),
        (r#","input":[{"id":"rs_1","type":"item_reference"}]"#, ("", true, false)),
    ] {
        let (previous, elsewhere, background) = expect;
        assert_eq!(kept(fields), (previous.to_owned(), elsewhere, background), "{fields}");
    }
    let body = br#"{"model":"m","instructions":"abc","input":"defg","tools":[ ]}"#;
    let head = read_head(Dialect::Responses, body).expect("a head");
    assert_eq!((head.prompt_bytes, head.max_tokens), (5 + 6 + 3, None));
    let body = br#"{"model":"m","max_output_tokens":12,"background":true}"#;
    let head = read_head(Dialect::Responses, body).expect("a head");
    assert_eq!((head.max_tokens, head.watchable), (Some(12), false));
}
