//! Frames and fields, as the WHATWG cuts them.

use super::{FRAME_BYTES_MAX, Fields, Framer, is_comment, names_error};
use crate::Error;
use bytes::Bytes;

/// The frames of these chunks, and what is left.
fn check(chunks: &[&str], frames: &[&str], rest: &str) {
    let mut framer = Framer::default();
    let mut found = Vec::new();
    for chunk in chunks {
        let mut chunk = Bytes::copy_from_slice(chunk.as_bytes());
        while let Some(frame) = framer.next(&mut chunk).unwrap() {
            found.push(String::from_utf8(frame.to_vec()).unwrap());
        }
    }
    assert_eq!(found, frames, "frames of {chunks:?}");
    assert_eq!(framer.finish(), rest.as_bytes(), "rest of {chunks:?}");
}

#[test]
fn frames() {
    check(&["data: a\n\ndata: b\n\n"], &["data: a\n\n", "data: b\n\n"], "");
    check(&["data: a\r\n\r\ndata: b\r\n\r\n"], &["data: a\r\n\r\n", "data: b\r\n\r\n"], "");
    check(&["data: a\r\rdata: b\r\r"], &["data: a\r\r", "data: b\r\r"], "");
    check(&["data: a\n\r\ndata: b\r\n\r"], &["data: a\n\r\n", "data: b\r\n\r"], "");
    check(&["data: a", "\n", "\n"], &["data: a\n\n"], "");
    check(&["data: a\n"], &[], "data: a\n");
    check(&["\n\n\n"], &[], "\n\n\n");
    check(&["\n\ndata: a\n\n\n\n"], &["\n\ndata: a\n\n"], "\n\n");
    check(&[""], &[], "");
}

#[test]
fn comments_have_nothing_beside_them() {
    for comment in ["", "\n\n", ":", ": a", ": a\n\n", ":a\r\n: b\r\r\n", "\r\n\r\n: a\n\n\n:\n"] {
        assert!(is_comment(comment.as_bytes()), "{comment:?}");
    }
    for event in
        ["a", "data: a\n\n", "\n\rdata\n", ": a\ndata: :\n\n", ": a\r\n\r\n: b\r \n", "a\n:"]
    {
        assert!(!is_comment(event.as_bytes()), "{event:?}");
    }
}

#[test]
fn an_error_has_its_name_in_its_data() {
    for (frame, expect) in [
        (r#"data: {"error":{"message":"m"}}"#, true),
        (r#"data: {"type":"x","error" : "m"}"#, true),
        ("event: x\ndata: {\"error\":\ndata: [1]}", true),
        (r#"data: {"error":null}"#, false),
        (r#"data: {"error":{}}"#, false),
        (r#"data: {"response":{"error":{"message":"m"}}}"#, false),
        (r#"data: {"text":"\"error\":1"}"#, false),
        (r#"data: {"error":"m""#, false),
        ("event: error", false),
        (r#": {"error":"m"}"#, false),
        ("", false),
    ] {
        assert_eq!(names_error(&Bytes::from(format!("{frame}\n\n"))), expect, "{frame:?}");
    }
}

#[test]
fn nobody_waits_for_the_last_line_feed() {
    check(&["data: a\r\n\r", "\ndata: b\r\n\r", "\n"], &["data: a\r\n\r", "\ndata: b\r\n\r"], "\n");
    check(&["data: a\r\n\r", "", "\n"], &["data: a\r\n\r"], "\n");
    check(&["data: a\r", "\n", "\r", "\n"], &["data: a\r\n\r"], "\n");
    check(&["data: a\r", "", "\n", "data: b\r\r"], &["data: a\r\ndata: b\r\r"], "");
}

#[test]
fn fields() {
    let check = |frame: &str, event: &str, data: Option<&str>| {
        let fields = Fields::read(frame, true);
        assert_eq!((fields.event, fields.data.as_deref()), (event, data), "from {frame:?}");
    };
    check("event: a\ndata: b\n\n", "a", Some("b"));
    check("data:b\nevent:a\r\n\r\n", "a", Some("b"));
    check("data:  b \n\n", "", Some(" b "));
    check("data: a\rdata: b\r\ndata\n\n", "", Some("a\nb\n"));
    check("data\n\n", "", Some(""));
    check("event: a\nevent\n\n", "", None);
    check(": data: a\nid: 3\nretry: 5\ndatas: a\n data: a\n\n", "", None);
    check("\u{feff}data: a\n\n", "", Some("a"));
    check("\u{feff}\u{feff}data: a\n\n", "", None);
    check("data: a:b\n\n", "", Some("a:b"));
    assert_eq!(Fields::read("\u{feff}data: a\n\n", false).data, None, "not the first");
}

#[test]
fn a_frame_has_a_limit() {
    let chunk = Bytes::from(vec![b'a'; 1 << 20]);
    let mut framer = Framer::default();
    let mut fed = 0;
    let error = loop {
        fed += chunk.len();
        match framer.next(&mut chunk.clone()) {
            Ok(frame) => assert_eq!(frame, None),
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::FrameTooLong { limit: FRAME_BYTES_MAX });
    assert_eq!(fed, FRAME_BYTES_MAX + chunk.len());
    let mut whole = Bytes::from([vec![b'a'; FRAME_BYTES_MAX], b"\n\n".to_vec()].concat());
    assert_eq!(
        Framer::default().next(&mut whole),
        Err(Error::FrameTooLong { limit: FRAME_BYTES_MAX })
    );
}
