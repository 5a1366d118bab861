//! Signed reasoning of an answer that was cut: it goes back to the target that signed it, as it was shown,
//! and to nobody else; and in the caller's stream its block is closed, whoever goes on.

use crate::world::{
    Act, Canned, Heard, Plan, Request, Said, alone, continuing, pair, path, plain, provider,
};
use drill::provider::{Seen, Way};
use ir::{Dialect, Shape};
use serde_json::{Value, json};

/// One request: who asks, the chain, and what is asked of whom.
#[derive(Debug)]
struct Case {
    caller: Dialect,
    chain: &'static [&'static str],
    /// The requests that arrive at `a` and `b`, each with whether the reasoning is in it.
    arrive: [&'static [(Way, bool)]; 2],
    /// The last word, where the answer is gone on with to its end; else it ends with an error.
    last: Option<&'static str>,
    /// How many blocks of reasoning a caller of Messages is shown.
    blocks: usize,
}

const MESSAGES: Dialect = Dialect::Messages;
/// Who has no capacity is not asked at once again.
const CASES: [Case; 7] = [
    // Who signed it gets it back, and goes on.
    Case {
        caller: MESSAGES,
        chain: &["a/once-cut-after-30+thinking+long+anonymous+tokens-60"],
        arrive: [&[(Way::Fresh, false), (Way::Anchor, true)], &[]],
        last: Some(" w59-field."),
        blocks: 1,
    },
    // Another provider does not, nor does another model of the same.
    Case {
        caller: MESSAGES,
        chain: &[
            "a/error-after-30-overloaded+thinking+long+anonymous+tokens-60",
            "b/ok+thinking+long+anonymous+tokens-60",
        ],
        arrive: [&[(Way::Fresh, false)], &[(Way::Anchor, false)]],
        last: Some(" w59-field."),
        blocks: 1,
    },
    Case {
        caller: MESSAGES,
        chain: &[
            "a/error-after-30-overloaded+thinking+long+anonymous+tokens-60",
            "a/ok+thinking+long+anonymous+tokens-60",
        ],
        arrive: [&[(Way::Fresh, false), (Way::Anchor, false)], &[]],
        last: Some(" w59-field."),
        blocks: 1,
    },
    // Behind the second cut what was said is of two, and signed by none of them.
    Case {
        caller: MESSAGES,
        chain: &["a/cut-after-30+thinking+long+anonymous+tokens-150"],
        arrive: [&[(Way::Fresh, false), (Way::Anchor, true), (Way::Anchor, false)], &[]],
        last: None,
        blocks: 1,
    },
    // Reasoning that was cut is signed by nobody: whoever goes on is asked the same question.
    Case {
        caller: MESSAGES,
        chain: &["a/once-cut-in-thinking+thinking+long+anonymous+tokens-60"],
        arrive: [&[(Way::Fresh, false), (Way::Fresh, false)], &[]],
        last: Some(" w59-field."),
        blocks: 2,
    },
    Case {
        caller: MESSAGES,
        chain: &["a/error-in-thinking-overloaded+long+anonymous", "b/ok+thinking+long+anonymous"],
        arrive: [&[(Way::Fresh, false)], &[(Way::Fresh, false)]],
        last: Some(" w11-water,"),
        blocks: 2,
    },
    // Across dialects it is not sent back within one answer.
    Case {
        caller: Dialect::Chat,
        chain: &["a/once-cut-after-30+thinking+long+anonymous+tokens-60"],
        arrive: [&[(Way::Fresh, false), (Way::Anchor, false)], &[]],
        last: Some(" w59-field."),
        blocks: 1,
    },
];

// === impl Case ===

impl Case {
    fn config(&self) -> String {
        let chain: Vec<_> = self.chain.iter().map(|target| format!("\"{target}\"")).collect();
        format!(
            "retry.backoff = \"1ms\"\n\
             {}{}[models.\"*\"]\nchain = [{}]\n",
            provider(MESSAGES, "a"),
            provider(MESSAGES, "b"),
            chain.join(", ")
        )
    }

    fn request(&self) -> Request {
        let turns = json!([{ "role": "user", "content": "think, and speak" }]);
        let body = json!({ "model": "any", "stream": true, "max_tokens": 4096, "messages": turns });
        Request::post(path(self.caller), body.to_string())
    }

    fn judge(&self, heard: &Heard, logs: [Vec<Seen>; 2]) {
        let said = Said::read(self.caller, Shape::Stream, &heard.body).expect("a stream");
        assert_eq!(said.is_complete(), self.last.is_some(), "{self:?}: {}", heard.text());
        assert_eq!(said.error.is_some(), self.last.is_none(), "{self:?}");
        let shown = (self.caller == MESSAGES).then(|| shown(heard));
        // What is thought on the way to the joint is not shown; what is shown of two attempts is in two
        // blocks. What nobody signed has a seal of ours instead, by which it is taken out of later requests.
        let joined = self.arrive.iter().copied().flatten().any(|(way, _)| *way == Way::Anchor);
        let ours = |block: &Value| {
            block["signature"].as_str().is_some_and(|it| it.starts_with("backstop1."))
        };
        assert!(
            shown
                .iter()
                .all(|blocks| blocks.len() == self.blocks
                    && blocks.iter().all(|it| ours(it) != joined)),
            "{self:?}: {shown:?}"
        );
        for (expect, log) in self.arrive.iter().zip(logs) {
            let ways: Vec<_> = log.iter().map(|seen| seen.way).collect();
            assert!(
                ways.iter().copied().eq(expect.iter().map(|(way, _)| *way)),
                "{self:?}: {ways:?}"
            );
            for (seen, (_, comes)) in log.iter().zip(*expect) {
                let sent = sent_back(seen);
                if *comes {
                    let own = shown.as_ref().and_then(|blocks| blocks.first());
                    assert_eq!(sent.first(), own, "{self:?}");
                    assert_eq!(sent.len(), 1);
                } else {
                    assert!(
                        sent.is_empty() && !seen.text().contains("signature"),
                        "{self:?}: {sent:?}"
                    );
                }
            }
        }
        if let Some(last) = self.last {
            assert!(said.text.ends_with(last), "{self:?}: {}", said.text);
        }
    }
}

/// The blocks of reasoning in the model's last turn of a request, which stand before all else in it.
fn sent_back(seen: &Seen) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&seen.body).expect("a request");
    let turns = body["messages"].as_array().expect("turns");
    let Some(turn) = turns.iter().rev().find(|turn| turn["role"] == "assistant") else {
        return Vec::new();
    };
    let blocks = turn["content"].as_array().cloned().unwrap_or_default();
    let is = |block: &Value| block["type"] == "thinking" || block["type"] == "redacted_thinking";
    assert!(blocks.iter().skip_while(|block| is(block)).all(|block| !is(block)), "{blocks:?}");
    blocks.into_iter().filter(is).collect()
}

/// The blocks of reasoning that the caller was shown.
fn shown(heard: &Heard) -> Vec<Value> {
    let mut blocks = content(heard);
    blocks.retain(|block| block["type"] == "thinking");
    blocks
}

/// What the caller was shown, as it sends it back; each block is closed before another one begins.
fn content(heard: &Heard) -> Vec<Value> {
    let text = heard.text();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let mut blocks: Vec<Value> = Vec::new();
    let mut open = false;
    let mut input = String::new();
    for event in events.map(|data| serde_json::from_str::<Value>(data).expect("an event")) {
        let delta = |key: &str| event["delta"][key].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().expect("a type") {
            "content_block_start" => {
                assert!(!std::mem::replace(&mut open, true), "within a block: {text}");
                assert_eq!(event["index"], blocks.len(), "{text}");
                blocks.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                let block = blocks.last_mut().filter(|_| open).expect("an open block");
                for key in ["text", "thinking", "signature"] {
                    if let Some(Value::String(so_far)) = block.get_mut(key) {
                        so_far.push_str(&delta(key));
                    }
                }
                input.push_str(&delta("partial_json"));
            }
            "content_block_stop" => {
                assert!(std::mem::take(&mut open), "no open block: {text}");
                let arguments = std::mem::take(&mut input);
                if let Some(block) = blocks.last_mut().filter(|it| it["type"] == "tool_use") {
                    block["input"] = serde_json::from_str(&arguments).expect("arguments");
                }
            }
            "message_delta" => assert!(!open, "an end within a block: {text}"),
            _ => {}
        }
    }
    blocks
}

/// What a target is asked behind calls: whether thinking comes with them, and it is to think on.
const THINKS: (usize, &str) = (1, "enabled");
const DOES_NOT: (usize, &str) = (0, "disabled");
const NO_CALLS: (usize, &str) = (0, "enabled");

/// A round of calls of an agent that thinks, with providers that want the thinking back: the answer with the
/// calls is cut, and gone on with; then their results are brought to each of these targets.
#[derive(Debug)]
struct Round {
    /// The chain, and what it is asked: of each target every request.
    chain: &'static [&'static str],
    asked: [&'static [(usize, &'static str)]; 2],
    /// A target alone, and what it is asked with the results.
    then: &'static [(&'static str, (usize, &'static str))],
}

const ROUNDS: [Round; 5] = [
    // Cut while it thought: what it thinks anew it signs, and gets back; the rest is nobody's.
    Round {
        chain: &["a/once-cut-in-thinking+thinking+tools+strict"],
        asked: [&[NO_CALLS, NO_CALLS], &[]],
        then: &[
            ("a/once-cut-in-thinking+thinking+tools+strict", THINKS),
            ("a/ok+strict", DOES_NOT),
            ("b/ok+strict", DOES_NOT),
        ],
    },
    Round {
        chain: &[
            "a/once-error-in-thinking-overloaded+thinking+tools+strict",
            "b/ok+thinking+tools+strict",
        ],
        asked: [&[NO_CALLS], &[NO_CALLS]],
        then: &[("b/ok+thinking+tools+strict", THINKS), ("a/ok+strict", DOES_NOT)],
    },
    // Cut behind a call: who thought of it is given that back, and another is not.
    Round {
        chain: &["a/once-cut-after-call-1+thinking+tools-2+strict"],
        asked: [&[NO_CALLS, THINKS], &[]],
        then: &[("a/once-cut-after-call-1+thinking+tools-2+strict", THINKS)],
    },
    Round {
        chain: &[
            "a/once-error-after-call-1-overloaded+thinking+tools-2+strict",
            "b/ok+thinking+tools-2+strict",
        ],
        asked: [&[NO_CALLS], &[DOES_NOT]],
        then: &[],
    },
    // Nobody thought.
    Round {
        chain: &["a/once-cut-after-call-1+tools-2+strict"],
        asked: [&[NO_CALLS, DOES_NOT], &[]],
        then: &[],
    },
];

// === impl Round ===

impl Round {
    fn config(&self) -> String {
        let chain: Vec<_> = self.chain.iter().map(|target| format!("\"{target}\"")).collect();
        let alone = |name: &str| format!("[models.\"{name}/*\"]\nchain = [\"{name}/$1\"]\n");
        format!(
            "retry.backoff = \"1ms\"\n\
             {}{}{}{}[models.any]\nchain = [{}]\n",
            provider(MESSAGES, "a"),
            provider(MESSAGES, "b"),
            alone("a"),
            alone("b"),
            chain.join(", ")
        )
    }

    fn request(model: &str, more: &[Value]) -> Request {
        let first = json!({ "role": "user", "content": "think, and call" });
        let turns: Vec<_> = [&first].into_iter().chain(more).collect();
        let body = json!({
            "model": model, "stream": true, "max_tokens": 4096, "messages": turns,
            "thinking": { "type": "enabled", "budget_tokens": 1024 },
            "tools": [{ "name": "f", "input_schema": { "type": "object" } }],
        });
        let request = Request::post(path(MESSAGES), body.to_string());
        request.header("anthropic-version", "2023-06-01")
    }
}

/// How many blocks of thinking came with the last turn, and whether the model is to think.
fn thoughts(seen: &Seen) -> (usize, String) {
    let body: Value = serde_json::from_slice(&seen.body).expect("a request");
    assert!(!seen.text().contains("backstop1."), "{}", seen.text());
    (sent_back(seen).len(), body["thinking"]["type"].as_str().expect("a type").to_owned())
}

#[tokio::test]
async fn thinking_comes_with_its_calls_or_is_not_asked_for() {
    for round in ROUNDS {
        let world = Plan::new(round.config()).clouds(&["a", "b"]).await.start().await;
        let clouds = [world.a(), world.b()];
        let heard = world.hear(&Round::request("any", &[])).await;
        assert_eq!(heard.status, 200, "{round:?}: {}", heard.text());
        let said = Said::read(MESSAGES, Shape::Stream, &heard.body).expect("a stream");
        assert!(said.is_complete(), "{round:?}: {}", heard.text());
        for (expect, cloud) in round.asked.iter().zip(clouds) {
            let expect: Vec<_> = expect.iter().map(|(n, kind)| (*n, (*kind).to_owned())).collect();
            let found: Vec<_> = cloud.log().iter().map(thoughts).collect();
            assert_eq!(found, expect, "{round:?}");
        }
        let answer = content(&heard);
        let calls = answer.iter().filter(|block| block["type"] == "tool_use");
        let result = |call: &Value| json!({ "type": "tool_result", "tool_use_id": call["id"], "content": "1" });
        let results: Vec<_> = calls.map(result).collect();
        assert!(!results.is_empty(), "{round:?}: {answer:?}");
        let turns = [("assistant", &answer), ("user", &results)];
        let turns = turns.map(|(role, content)| json!({ "role": role, "content": content }));
        for (target, (blocks, kind)) in round.then {
            let heard = world.hear(&Round::request(target, &turns)).await;
            assert_eq!(heard.status, 200, "{round:?}, {target}: {}", heard.text());
            let said = Said::read(MESSAGES, Shape::Stream, &heard.body).expect("a stream");
            assert!(said.is_complete(), "{round:?}, {target}: {}", heard.text());
            let cloud = clouds[usize::from(target.starts_with('b'))];
            let last = cloud.log().last().map(thoughts);
            assert_eq!(last, Some((*blocks, (*kind).to_owned())), "{round:?}, {target}");
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn signed_reasoning_goes_back_to_its_issuer_only() {
    for case in CASES {
        let world = Plan::new(case.config()).clouds(&["a", "b"]).await.start().await;
        let heard = world.hear(&case.request()).await;
        case.judge(&heard, [world.a().log(), world.b().log()]);
        world.stop().await;
    }
}

/// What a provider refuses in a request with thinking that it did not sign.
const UNKNOWN_TO_IT: &str = r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid `signature` in `thinking` block"}}"#;

/// A provider that knows its own signatures, and a conversation that another provider signed.
#[tokio::test]
async fn who_refuses_what_another_signed_is_asked_without() {
    let body = |behaviour: &str| {
        format!(
            r#"{{"model":"status-503","max_tokens":2048,"thinking":{{"type":"adaptive"{behaviour}}},"messages":[{{"role":"user","content":"q"}},{{"role":"assistant","content":[{{"type":"thinking","thinking":"h","signature":"of-a"}},{{"type":"text", "text":"t"}}]}},{{"role":"user","content":"r"}}]}}"#
        )
    };
    let strict = r#","prefix_mismatch_behavior":"error""#;
    for (chain, behaviour, status, count) in
        [(true, "", 200, 2), (true, strict, 400, 1), (false, "", 400, 1)]
    {
        let canned = Canned::choose(|request| {
            let (status, body) = if request.contains("of-a") {
                ("400 Bad Request", UNKNOWN_TO_IT)
            } else {
                (
                    "200 OK",
                    r#"{"type":"message","content":[{"type":"text","text":"w"}],"stop_reason":"end_turn"}"#,
                )
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            vec![Act::Send(head.into_bytes()), Act::Send(body.as_bytes().to_vec())]
        });
        let canned = canned.await;
        let plan = if chain {
            Plan::new(plain(&pair(MESSAGES, ""))).clouds(&["a"]).await.at("b", canned.base_url())
        } else {
            Plan::new(plain(&alone(MESSAGES, ""))).at("a", canned.base_url())
        };
        let world = plan.start().await;
        let heard = world.hear(&Request::post(path(MESSAGES), body(behaviour))).await;
        assert_eq!((heard.status, canned.count()), (status, count), "{}", heard.text());
        let loss = heard.header("x-backstop-loss");
        if status == 200 {
            let lost = "messages[].content[].thinking=dropped: the target refuses its signature";
            assert_eq!(loss, Some(lost));
            let last = canned.requests().pop().expect("a request");
            assert!(last.contains(r#"[{"type":"text", "text":"t"}]"#), "{last}");
        } else {
            assert_eq!((heard.text().as_str(), loss), (UNKNOWN_TO_IT, None));
        }
        let record = world.record().await;
        let repairs: Vec<&str> =
            record.attempts.iter().filter_map(|it| it.repair.as_deref()).collect();
        let expect: &[&str] = if status == 200 { &["without its reasoning"] } else { &[] };
        assert_eq!(repairs, expect, "{record:#?}");
        world.stop().await;
    }
}

/// What [`refuses_its_own`] says before it closes, and what is the rest of it.
const SAID: &str =
    "The harbour was quiet, and nobody had yet counted the boats that were still out";
const REST: &str = " at sea.";
const BEGUN: &str = r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}
{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"h"}}
{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"of-a"}}
{"type":"content_block_stop","index":0}
{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"SAID"}}"#;
const ENDED: &str = r#"{"type":"message_start","message":{"id":"n","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}
{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"SAID"}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}}
{"type":"message_stop"}"#;

/// A provider that thinks, speaks, closes, and then refuses what it signed.
async fn refuses_its_own() -> Canned {
    let event = |data: &str| {
        let value: Value = serde_json::from_str(data).expect("an event");
        format!("event: {}\ndata: {data}\n\n", value["type"].as_str().expect("a type"))
    };
    let answer = move |status: &str, kind: &str, body: &str| {
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n");
        vec![Act::Send(format!("{head}{body}").into_bytes())]
    };
    let stream = move |events: &str, text: &str| {
        let body: String = events.replace("SAID", text).lines().map(event).collect();
        answer("200 OK", "text/event-stream", &body)
    };
    let anchor = policy::anchor(SAID).expect("an end that is its own");
    let (begun, rest) = (stream(BEGUN, SAID), stream(ENDED, &format!("{anchor}{REST}")));
    Canned::choose(move |request| {
        if request.contains(r#""signature""#) {
            answer("400 Bad Request", "application/json", UNKNOWN_TO_IT)
        } else if request.contains(SAID) {
            rest.clone()
        } else {
            begun.clone()
        }
    })
    .await
}

/// What was sent back to whom it came from is ours to leave out, unless the caller wants that refused.
#[tokio::test]
async fn who_refuses_what_it_signed_goes_on_without() {
    let strict = r#","prefix_mismatch_behavior":"error""#;
    for (next, behaviour, trail, asked) in [
        ("", "", "a/m=cut a/m=bad_signature a/m=ok", 0),
        ("b/status-503", "", "a/m=cut a/m=bad_signature a/m=ok", 0),
        // Its cache is warm: who is well is not asked.
        ("b/ok+long", "", "a/m=cut a/m=bad_signature a/m=ok", 0),
        (
            "b/status-503",
            strict,
            "a/m=cut a/m=bad_signature b/status-503=unavailable b/status-503=unavailable",
            2,
        ),
    ] {
        let canned = refuses_its_own().await;
        let both = if next.is_empty() { "\"a/m\"" } else { &*format!("\"a/m\", \"{next}\"") };
        let toml = continuing(&pair(MESSAGES, "")).replace("\"a/*\", \"b/ok\"", both);
        let plan = Plan::new(toml).clouds(&["b"]).await.at("a", canned.base_url());
        let world = plan.start().await;
        let body = format!(
            r#"{{"model":"m","stream":true,"max_tokens":2048,"thinking":{{"type":"adaptive"{behaviour}}},"messages":[{{"role":"user","content":"q"}}]}}"#
        );
        let heard = world.hear(&Request::post(path(MESSAGES), body)).await;
        let record = world.record().await;
        let outcomes: Vec<String> =
            record.attempts.iter().map(|it| format!("{}={}", it.target, it.outcome)).collect();
        assert_eq!(outcomes.join(" "), trail, "{}", heard.text());
        assert_eq!(world.a().log().len(), asked, "{next} {behaviour}");
        let said = Said::read(MESSAGES, Shape::Stream, &heard.body).expect("a stream");
        let goes_on = trail.ends_with("ok");
        assert_eq!(said.is_complete(), goes_on, "{}", heard.text());
        let whole = format!("{SAID}{}", if goes_on { REST } else { "" });
        assert_eq!(said.text, whole, "{}", heard.text());
        let sent: Vec<bool> =
            canned.requests().iter().map(|it| it.contains(r#""signature":"of-a""#)).collect();
        let expect: &[bool] = if goes_on { &[false, true, false] } else { &[false, true] };
        assert_eq!(sent, expect, "{:?}", canned.requests());
        world.stop().await;
    }
}
