//! The provider's scripts as goldens and against a reader of their own, and on real sockets.

mod going;
mod goldens;
mod meanings;
mod sockets;
mod tls;

use super::{Asked, Endpoint, Order, Scene, Seen, Step, script};
use ir::{Dialect, Shape};

/// A request for an answer, with everything a gateway might send.
fn request(dialect: Dialect, shape: Shape, model: &str) -> Seen {
    let stream = shape == Shape::Stream;
    if dialect == Dialect::Responses {
        let body = format!(
            r#"{{"model":"{model}","max_output_tokens":99,"stream":{stream},"input":"hi"}}"#
        );
        return Seen::new("POST", &format!("/v1{}", dialect.path()), body.as_bytes());
    }
    let body = format!(
        r#"{{"model":"{model}","max_tokens":99,"stream":{stream},"stream_options":{{"include_usage":true}},"messages":[{{"role":"user","content":"hi"}}]}}"#
    );
    Seen::new("POST", &format!("/v1{}", dialect.path()), body.as_bytes())
}

fn scene() -> Scene {
    Scene { name: "cloud-a".to_owned(), now_unix: 1_798_761_600 }
}

/// The steps for a model.
fn steps(dialect: Dialect, shape: Shape, model: &str) -> Vec<Step> {
    let seen = request(dialect, shape, model);
    script(&seen, &Order::from_model(model).unwrap(), &scene())
}

#[test]
fn a_script_is_a_function_of_its_arguments() {
    for dialect in Dialect::ALL {
        for shape in Shape::ALL {
            assert_eq!(steps(dialect, shape, "ok"), steps(dialect, shape, "ok"));
        }
    }
}

#[test]
fn joined_sends_are_the_same_bytes() {
    let bytes = |model: &str| {
        let steps = steps(Dialect::Chat, Shape::Stream, model).into_iter();
        let sent = steps.map(|step| match step {
            Step::Send(bytes) => bytes.to_vec(),
            Step::Wait(_) | Step::Hang | Step::Reset | Step::Fin => b"<end>".to_vec(),
        });
        let sent = sent.collect::<Vec<_>>();
        (sent.len(), sent.concat().len())
    };
    let (count, length) = bytes("stall-after-3+joined");
    let (_, apart) = bytes("stall-after-3");
    // The model's name stands in every chunk.
    assert_eq!((count, length), (2, apart + 4 * "+joined".len()));
}

#[test]
fn the_request_is_read_as_it_was_written() {
    let seen = request(Dialect::Messages, Shape::Stream, "ok");
    let asked = Asked::read(Endpoint::Answer(Dialect::Messages), &seen.body);
    assert_eq!((asked.shape, asked.model.as_str()), (Shape::Stream, "ok"));
}
