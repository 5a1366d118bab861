//! Byte-exactness: a request but for its model, an answer in every way.

use crate::world::{Act, Canned, Heard, Plan, Request, World, alone, path, plain};
use ir::{Dialect, Shape};

/// A body that every re-serialisation would change.
const ODD: &str = concat!(
    "{ \"zeta\" : 1 ,\r\n\t\"messages\":[ {\"role\":\"user\",\"content\":\"\\u00e9\\ud83d\\ude00 \\/ é😀\"} ]",
    ",\"huge\":123456789012345678901234567890.10e+0005, \"tiny\": -0.0 , \"alpha\":null,",
    "\"model\"  :\t\"asked\\u002dfor\" ,\"alpha\":{\"twice\":true,\"model\":\"inner\"},",
    "\"max_tokens\":64,\"new_in_2031\":[[],{},\"\"],\"stream\":STREAM }\n"
);

/// All dialects serve `asked-for` from `a`, under this name; what is asked for whole is asked for so.
async fn world(dialect: Dialect, name: &str) -> World {
    let text = plain(&alone(dialect, "")).replace("a/*", &format!("a/{name}"));
    Plan::new(text).clouds(&["a"]).await.start().await
}

#[tokio::test]
async fn a_request_keeps_every_byte_but_its_model() {
    for dialect in Dialect::ALL {
        for (name, stream) in [("ok+tokens-2", "true"), ("ok", "false"), ("*", "false")] {
            let world = world(dialect, name).await;
            let body = ODD.replace("STREAM", stream);
            let heard = world.hear(&Request::post(path(dialect), body.clone())).await;
            assert_eq!(heard.status, 200, "{}", heard.text());
            let expect = match name {
                "*" => body,
                name => body.replace("\"asked\\u002dfor\"", &format!("\"{name}\"")),
            };
            assert_eq!(world.a().log()[0].text(), expect);
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn a_large_request_keeps_every_byte() {
    for dialect in Dialect::ALL {
        let world = world(dialect, "ok").await;
        let image = "iVBORw0KGgo/+A9\\u00e9".repeat(400_000);
        let body = |model: &str| {
            format!(
                "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{image}\"}}],\
                 \"max_tokens\":9, \"model\":{model} }}"
            )
        };
        let heard = world.hear(&Request::post(path(dialect), body("\"asked\""))).await;
        assert_eq!(heard.status, 200);
        assert!(world.a().log()[0].body == body("\"ok\"").into_bytes());
        world.stop().await;
    }
}

#[tokio::test]
async fn headers_and_query_are_open_lists() {
    let passes = [
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "one-2026-01-01,two-2027-01-01"),
        ("anthropic-new-in-2031", "yes; really=\"so\""),
        ("x-claude-code-session-id", "5e55"),
        ("x-stainless-retry-count", "0"),
        ("user-agent", "test/1.0 (odd)"),
        ("accept", "text/event-stream"),
        ("x-unknown", "rides along"),
    ];
    let stays = [
        ("accept-encoding", "gzip, br"),
        ("cookie", "session=secret"),
        ("connection", "keep-alive, x-nominated"),
        ("x-nominated", "for one hop"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic c2VjcmV0"),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("via", "1.1 office"),
        ("x-real-ip", "10.0.0.1"),
        ("origin", "http://localhost:3000"),
        ("referer", "http://localhost:3000/chat"),
        ("sec-fetch-mode", "cors"),
        ("x-backstop-anything", "ours"),
        ("authorization", "Bearer theirs"),
        ("x-api-key", "theirs"),
    ];
    for dialect in Dialect::ALL {
        let world = World::single(dialect, "").await;
        let query = format!("{}?beta=true&odd=%20a%2Fb&&empty=", path(dialect));
        let mut request = Request::ask(dialect, Shape::Stream, "ok").at(&query);
        for (name, value) in passes.into_iter().chain(stays) {
            request = request.header(name, value);
        }
        assert_eq!(world.hear(&request).await.status, 200);
        let seen = &world.a().log()[0];
        assert_eq!(seen.path, query);
        assert_eq!(seen.body, request.payload());
        for (name, value) in passes {
            assert_eq!(seen.header(name), Some(value), "{name}");
        }
        for (name, value) in stays {
            assert_ne!(seen.header(name), Some(value), "{name}");
        }
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
        assert_eq!(seen.header("host"), Some(world.a().addr().to_string().as_str()));
        let hosts = seen.headers.iter().filter(|(name, _)| name == "host").count();
        assert_eq!(hosts, 1);
        world.stop().await;
    }
}

/// A stream with everything that is not content: comments, pings, unknown events and fields.
fn odd_stream(dialect: Dialect) -> String {
    match dialect {
        Dialect::Chat => concat!(
            ": OPENROUTER PROCESSING\n\n",
            "id: 1\nretry: 10\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}],\"x\":{ \"y\" : 1e400}}\n\n",
            "event: brand.new\ndata: {\"object\":\"brand.new\"}\n\n",
            "data:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[a] \\u00e9\"}}]}\n\n",
            ": between\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":\ndata: {\"content\":\"two lines\"}}]}\n\n",
            "\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
            ": cost 0.1\n\n",
            "data: [DONE]\n\n",
        )
        .to_owned(),
        Dialect::Messages => concat!(
            ": hello\n\n",
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",",
            "\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
            "event: ping\ndata: {\"type\": \"ping\"}\n\n",
            "event: brand_new\ndata: {\"type\":\"brand_new\",\"x\":{ \"y\" : 1e400}}\n\n",
            "event: content_block_start\nid: 7\ndata: {\"type\":\"content_block_start\",\"index\":0,",
            "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
            "\"delta\":{\"type\":\"text_delta\",\"text\":\"[a] \\u00e9\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
            "\"delta\":{\"type\":\"new_delta\",\"new\":1}}\n\n",
            ": between\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":",
            "\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n",
            "event: ping\ndata: {\"type\": \"ping\"}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        )
        .to_owned(),
        Dialect::Responses => concat!(
            ": hello\n\n",
            "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,",
            "\"response\":{\"id\":\"resp_1\",\"output\":[],\"x\":{ \"y\" : 1e400}}}\n\n",
            "event: brand.new\ndata: {\"type\":\"brand.new\",\"x\":{ \"y\" : 1e400}}\n\n",
            "event: response.output_item.added\nid: 7\ndata: {\"type\":\"response.output_item.added\",",
            "\"output_index\":0,\"item\":{\"type\":\"message\",\"content\":[]}}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",",
            "\"output_index\":0,\"content_index\":0,\"delta\":\"[a] \\u00e9\"}\n\n",
            "event: response.new.delta\ndata: {\"type\":\"response.new.delta\",\"new\":1}\n\n",
            ": between\n",
            "event: response.output_item.done\ndata: {\"type\":\"response.output_item.done\",",
            "\"output_index\":0,\"item\":{\"type\":\"message\"}}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":",
            "{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[]}}\n\n",
        )
        .to_owned(),
    }
}

/// What one who speaks `dialect` gets from a provider of these acts.
async fn relayed(dialect: Dialect, shape: Shape, acts: Vec<Act>) -> Heard {
    let canned = Canned::start(acts).await;
    let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
    let heard = world.ask(dialect, shape, "any").await;
    assert_eq!(canned.requests().len(), 1, "{}", heard.text());
    world.stop().await;
    heard
}

fn head(status: &str, kind: &str, length: usize) -> Act {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nx-unknown: rides along\r\n\
         request-id: req_theirs\r\nset-cookie: a=b\r\nauthorization: Bearer k\r\nX-Api-Key: k\r\nalt-svc: h3=\":443\"\r\n\
         x-backstop-target: forged\r\ncontent-length: {length}\r\n\r\n"
    );
    Act::Send(head.into_bytes())
}

#[tokio::test]
async fn a_stream_keeps_every_byte() {
    const KIND: &str = "text/event-stream; charset=utf-8";
    for dialect in Dialect::ALL {
        let plain = odd_stream(dialect);
        for text in [plain.replace('\n', "\r\n"), plain.replace('\n', "\r"), plain] {
            for size in [usize::MAX, 1, 7] {
                let pieces = text.as_bytes().chunks(size.min(text.len()));
                let pieces = pieces.map(|piece| Act::Send(piece.to_vec()));
                let mut acts = vec![head("200 OK", KIND, text.len())];
                acts.extend(pieces);
                let heard = relayed(dialect, Shape::Stream, acts).await;
                assert_eq!(heard.text(), text, "{size}");
                assert!(heard.whole);
                assert_eq!(heard.header("content-type"), Some(KIND));
                assert_eq!(heard.header("x-unknown"), Some("rides along"));
                assert_eq!(heard.header("request-id"), Some("req_theirs"));
                for name in ["set-cookie", "authorization", "x-api-key"] {
                    assert_eq!(heard.header(name), None);
                }
                assert_eq!(heard.header("alt-svc"), None);
                assert_eq!(heard.header("x-backstop-target"), Some("a/any"));
            }
        }
    }
}

#[tokio::test]
async fn a_stream_is_passed_on_as_it_comes() {
    for dialect in Dialect::ALL {
        let text = odd_stream(dialect);
        let (first, rest) = text.split_at(text.find(": between").expect("a middle"));
        let acts = vec![
            head("200 OK", "text/event-stream", text.len()),
            Act::Send(first.into()),
            Act::Gate,
            Act::Send(rest.into()),
        ];
        let canned = Canned::start(acts).await;
        let world = Plan::new(alone(dialect, "")).at("a", canned.base_url()).start().await;
        let mut call = world.send(&Request::ask(dialect, Shape::Stream, "any")).await;
        // All of it is here before the rest was sent.
        assert!(call.until(first).await);
        canned.go();
        assert_eq!(call.finish().await.text(), text);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_whole_answer_keeps_every_byte() {
    for (dialect, text) in [
        (
            Dialect::Chat,
            "\n{ \"x\":1e400, \"choices\" : [{\"message\":{\"content\":\"[a] \\u00e9 é\"},\
             \"finish_reason\":\"stop\"}],\"x\":2}\r\n",
        ),
        (
            Dialect::Messages,
            " {\"type\":\"message\",\"content\":[ {\"type\":\"text\",\"text\":\"[a] \\u00e9 é\"} ],\
             \"new\":{},\"stop_reason\":\"end_turn\"}\n\n",
        ),
        (
            Dialect::Responses,
            " {\"id\":\"resp_1\",\"output\":[ {\"type\":\"message\",\"content\":[{\"type\":\
             \"output_text\",\"text\":\"[a] \\u00e9 é\"}]} ],\"new\":{},\"status\":\"completed\"}\n\n",
        ),
    ] {
        let acts = vec![head("200 OK", "application/json", text.len()), Act::Send(text.into())];
        let heard = relayed(dialect, Shape::Whole, acts).await;
        assert_eq!((heard.status, heard.text().as_str()), (200, text));
        assert_eq!(heard.header("content-length"), Some(text.len().to_string().as_str()));
        assert_eq!(heard.header("x-unknown"), Some("rides along"));
    }
}

#[tokio::test]
async fn an_error_keeps_every_byte() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            let text = " { \"type\":\"error\", \"error\" : {\"type\":\"invalid_request_error\",\r\n\
                        \"message\":\"messages.0: \\u00e9 is odd\", \"new\":1e400} }\n";
            let kind = "application/json; charset=utf-8";
            let acts = vec![head("400 Bad Request", kind, text.len()), Act::Send(text.into())];
            let heard = relayed(dialect, shape, acts).await;
            assert_eq!((heard.status, heard.text().as_str()), (400, text));
            assert_eq!(heard.header("content-type"), Some(kind));
            assert_eq!(heard.header("request-id"), Some("req_theirs"));
            assert_eq!(heard.header("x-backstop-trail"), Some("a/any=400"));
        }
    }
}
