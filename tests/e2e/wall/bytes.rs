//! What the bytes of a stream must be, whoever wrote its parts: one beginning, one end, one name.
//!
//! What is said stands in [`Said`](crate::world::Said); this is the rest.

use crate::world::json;
use ir::Dialect;
use serde_json::Value;

/// The frame of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Envelope {
    /// The beginnings, the ends and the errors.
    starts: usize,
    ends: usize,
    errors: usize,
    /// The ids and the models that were named.
    names: Vec<(String, String)>,
    /// The indices of the blocks of Messages, of the items of Responses, in order.
    blocks: Vec<u64>,
    /// Where the comments stand that name who goes on.
    pub(super) seams: Vec<usize>,
    /// What the last event says of who served, and how many events say it.
    pub(super) served: Option<Vec<Value>>,
    objects: usize,
    /// The tokens that were written, as its end says.
    pub(super) output: Option<u64>,
}

// === impl Envelope ===

impl Envelope {
    /// Reads a stream, or says what is wrong with it.
    pub(super) fn read(dialect: Dialect, body: &[u8]) -> Result<Self, String> {
        let mut it = Self::default();
        let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        let (mut at, mut last) = (0, None);
        for frame in text.split_inclusive("\n\n") {
            // Of Responses an error has two events.
            let more = frame.starts_with("event: response.failed\n");
            if 0 < it.ends + it.errors && !(more && 0 < it.errors) {
                return Err(format!("behind the end: {frame:?}"));
            }
            let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
            match data {
                Some("[DONE]") => it.ends += 1,
                Some(data) => it.event(dialect, &json(data)?),
                None => {}
            }
            if 0 < it.errors && last.is_some() {
                // The comment before an error says who was asked, and not who goes on.
                it.seams.pop();
            }
            last = frame.starts_with(": backstop target=").then_some(at);
            it.seams.extend(last);
            at += frame.len();
        }
        it.check()
    }

    fn event(&mut self, dialect: Dialect, value: &Value) {
        let object = value.pointer("/backstop/served").and_then(Value::as_array).cloned();
        self.objects += usize::from(object.is_some());
        self.served = object;
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
        let usage = match dialect {
            _ if value.get("error").is_some() => {
                self.errors = 1;
                return;
            }
            Dialect::Chat => {
                self.name(value);
                let role = value.pointer("/choices/0/delta/role");
                self.starts += usize::from(role.is_some_and(|role| !role.is_null()));
                value.pointer("/usage/completion_tokens")
            }
            Dialect::Messages => {
                match kind {
                    "message_start" => {
                        self.starts += 1;
                        self.name(&value["message"]);
                    }
                    "content_block_start" => self.blocks.extend(value["index"].as_u64()),
                    "message_stop" => self.ends += 1,
                    _ => {}
                }
                let delta = Some(value).filter(|_| kind == "message_delta");
                delta.and_then(|value| value.pointer("/usage/output_tokens"))
            }
            Dialect::Responses => {
                // Some providers name nothing in an error.
                let named = value.get("response").filter(|_| kind != "response.failed");
                if let Some(response) = named {
                    self.name(response);
                }
                match kind {
                    "response.created" => self.starts += 1,
                    "response.output_item.added" => {
                        self.blocks.extend(value["output_index"].as_u64());
                    }
                    "response.completed" | "response.incomplete" => self.ends += 1,
                    "response.failed" => self.errors = 1,
                    _ => {}
                }
                value.pointer("/response/usage/output_tokens")
            }
        };
        self.output = usage.and_then(Value::as_u64).or(self.output);
    }

    fn name(&mut self, value: &Value) {
        let of = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let name = (of("id"), of("model"));
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    fn check(self) -> Result<Self, String> {
        let wrong = [
            (self.starts != 1, "not one beginning"),
            (self.ends + self.errors != 1, "not one end"),
            (self.names.len() != 1, "not one id and one model"),
            (self.names.iter().any(|(id, model)| id.is_empty() || model.is_empty()), "no name"),
            (
                !(0..).zip(&self.blocks).all(|(place, index)| place == *index),
                "blocks are not counted on",
            ),
            (1 < self.objects, "several events say who served"),
            (self.objects == 1 && self.served.is_none(), "it is not the last that says who served"),
        ];
        match wrong.into_iter().find(|(is, _)| *is) {
            Some((_, why)) => Err(format!("{why}: {self:?}")),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Envelope;
    use ir::Dialect;

    const DONE: &str = "data: [DONE]\n\n";
    const ERROR: &str = "data: {\"error\":{}}\n\n";
    const NOTE: &str = ": backstop target=b/y trail=a/x=cut,b/y=ok\n\n";

    fn chunk(id: &str, delta: &str) -> String {
        let choice = format!(r#"{{"index":0,"delta":{delta}}}"#);
        format!("data: {{\"id\":\"{id}\",\"model\":\"m\",\"choices\":[{choice}]}}\n\n")
    }

    /// The seams of a stream of Chat, or what is wrong with it.
    fn check(frames: &[&str], expected: Result<usize, &str>) {
        let read = Envelope::read(Dialect::Chat, frames.concat().as_bytes());
        match (read, expected) {
            (Ok(envelope), Ok(seams)) => assert_eq!(envelope.seams.len(), seams, "{frames:?}"),
            (Err(why), Err(start)) => assert!(why.starts_with(start), "{why}"),
            (read, _) => panic!("{frames:?}: {read:?}"),
        }
    }

    #[test]
    fn what_is_not_one_stream_is_found() {
        let (start, more) = (chunk("c1", r#"{"role":"assistant"}"#), chunk("c1", "{}"));
        let served =
            r#"data: {"id":"c1","model":"m","backstop":{"served":[1,2]}}"#.to_owned() + "\n\n";
        check(&[&start, &more, DONE], Ok(0));
        check(&[&start, NOTE, &more, &served, DONE], Ok(1));
        // The last note is the error's.
        check(&[&start, NOTE, &more, NOTE, ERROR], Ok(1));
        check(&[&start, &start, DONE], Err("not one beginning"));
        check(&[&start, &chunk("c2", "{}"), DONE], Err("not one id"));
        check(&[&start, &more], Err("not one end"));
        check(&[&start, ERROR, DONE], Err("behind the end"));
        check(&[&start, DONE, NOTE], Err("behind the end"));
        check(&[&start, NOTE, &served, &more, DONE], Err("it is not the last"));
        check(&[&start, &served, &served, DONE], Err("several events"));
    }

    #[test]
    fn blocks_are_counted_on() {
        let event = |json: &str| format!("event: x\ndata: {json}\n\n");
        let start = event(r#"{"type":"message_start","message":{"id":"m1","model":"m"}}"#);
        let block = |n: usize| event(&format!(r#"{{"type":"content_block_start","index":{n}}}"#));
        let stop = event(r#"{"type":"message_stop"}"#);
        let read = |blocks: &[usize]| {
            let blocks: String = blocks.iter().map(|n| block(*n)).collect();
            Envelope::read(Dialect::Messages, format!("{start}{blocks}{stop}").as_bytes())
        };
        assert!(read(&[0, 1, 2]).is_ok());
        for wrong in [&[0, 0][..], &[1], &[0, 2]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
