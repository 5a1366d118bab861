//! What a cloud sent: the drill's scripts are pure, so that the log of a request gives its bytes.

use super::call::Parser;
use drill::provider::{Order, Provider, Scene, Seen, Step, script};
use std::time::Duration;

/// The body of an answer that the model's name ordered, for every second of the last `lately`: a
/// stream tells when it was made.
pub(crate) fn sent(cloud: &Provider, seen: &Seen, lately: Duration) -> Vec<Vec<u8>> {
    let order = Order::from_model(&seen.model).expect("a model that the drill knows");
    let now = Scene::now(cloud.name()).now_unix;
    let since = now - lately.as_secs() - 1;
    (since..=now)
        .map(|now_unix| {
            let scene = Scene { name: cloud.name().to_owned(), now_unix };
            let mut parser = Parser::default();
            let steps = script(seen, &order, &scene);
            let pieces = steps.iter().filter_map(|step| match step {
                Step::Send(bytes) => Some(bytes),
                Step::Wait(_) | Step::Hang | Step::Reset | Step::Fin => None,
            });
            let speaks_http = pieces.clone().flatten().take(5).eq(b"HTTP/");
            pieces.filter(|_| speaks_http).for_each(|bytes| parser.feed(bytes));
            parser.body
        })
        .collect()
}
