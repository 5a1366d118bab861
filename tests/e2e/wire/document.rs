//! Answers that are to be JSON documents, cut within them: what is joined is one document, to the letter
//! and of the schema that was asked for, or the stream says that it is none.

use crate::world::{Heard, Plan, Request, Said, World, path, provider};
use drill::provider::Way;
use ir::{Dialect, Ending, Record, Shape};
use serde_json::{Value, json};

/// One request: what is ordered of the two targets, what the schema says beside, and what comes of it.
#[derive(Clone, Copy, Debug)]
struct Case {
    first: &'static str,
    second: &'static str,
    /// A rule for the last text of the document, which providers do not heed.
    rule: (&'static str, &'static str),
    /// What everybody's texts say.
    words: &'static str,
    /// The outcome of every attempt; the answer is complete if the last is `ok`.
    outcomes: &'static [&'static str],
}

/// No rule.
const FREE: (&str, &str) = ("title", "\"a word or two\"");
/// The words of the drill, and those with letters that take more than a byte.
const PLAIN: &str = "w0 w1";
const WIDE: &str = "w0é語👩\u{200d}💻 w1é語👩\u{200d}💻";
/// The first is asked once more, and fails in the same way; then the second.
const ELSEWHERE: &[&str] = &["cut", "cut", "ok"];
const NOBODY: &[&str] = &["cut", "cut", "unjoined"];

const WELL: Case = Case {
    first: "cut-after-2+obeys",
    second: "ok+obeys",
    rule: FREE,
    words: PLAIN,
    outcomes: ELSEWHERE,
};

const CASES: [Case; 12] = [
    WELL,
    Case { first: "cut-after-1+obeys", ..WELL },
    Case { first: "cut-after-3+obeys", ..WELL },
    Case { first: "fin-after-2+obeys", ..WELL },
    Case { first: "once-cut-after-2+obeys", outcomes: &["cut", "ok"], ..WELL },
    Case {
        first: "cut-in-letter-2+obeys+unicode",
        second: "ok+obeys+unicode",
        words: WIDE,
        ..WELL
    },
    // Who is cut again behind the joint has shown nothing yet.
    Case { second: "once-cut-after-3+obeys", outcomes: &["cut", "cut", "cut", "ok"], ..WELL },
    // Another document of the same schema, and none.
    Case { second: "ok+obeys+long", outcomes: NOBODY, ..WELL },
    Case { second: "ok", outcomes: NOBODY, ..WELL },
    // The document that was begun, which is not what was asked for; or nobody knows.
    Case { rule: ("minLength", "40"), outcomes: NOBODY, ..WELL },
    Case { rule: ("pattern", "\"^w\""), outcomes: NOBODY, ..WELL },
    // Half a character was delivered, and of the document that follows only the other half.
    Case {
        first: "cut-in-pair-1+obeys",
        second: "ok+obeys+unicode",
        words: WIDE,
        outcomes: NOBODY,
        ..WELL
    },
];

// === impl Case ===

impl Case {
    /// Members stand in the order of their names, as the drill writes them.
    fn document(&self) -> String {
        let words = self.words;
        format!(r#"{{"city":"{words}","days":7,"note":"{words}","place":"{words}"}}"#)
    }

    fn schema(&self) -> Value {
        let (name, rule) = self.rule;
        let mut place = json!({ "type": "string" });
        place[name] = serde_json::from_str(rule).expect("a rule");
        json!({
            "type": "object",
            "properties": {
                "city": { "type": "string" },
                "days": { "type": "integer" },
                "note": { "type": "string" },
                "place": place,
            },
            "required": ["city", "days", "note", "place"],
            "additionalProperties": false,
        })
    }

    fn request(&self, dialect: Dialect, model: &str) -> Request {
        let schema = self.schema();
        let turns = json!([{ "role": "user", "content": "where to?" }]);
        let body = match dialect {
            Dialect::Chat => json!({
                "model": model, "stream": true, "messages": turns,
                "response_format": { "type": "json_schema", "json_schema": {
                    "name": "trip", "strict": true, "schema": schema,
                } },
            }),
            Dialect::Messages => json!({
                "model": model, "stream": true, "max_tokens": 100, "messages": turns,
                "output_config": { "format": { "type": "json_schema", "schema": schema } },
            }),
            Dialect::Responses => json!({
                "model": model, "stream": true, "input": turns,
                "text": { "format": {
                    "type": "json_schema", "name": "trip", "strict": true, "schema": schema,
                } },
            }),
        };
        Request::post(path(dialect), body.to_string())
    }

    fn judge(&self, dialect: Dialect, heard: &Heard, record: &Record) {
        let said = Said::read(dialect, Shape::Stream, &heard.body).expect("a stream");
        let outcomes: Vec<_> = record.attempts.iter().map(|it| it.outcome).collect();
        assert_eq!(outcomes, self.outcomes, "{self:?}: {}", heard.text());
        let mut ways = record.attempts.iter().map(|it| it.way);
        assert_eq!(ways.next(), Some(None));
        assert!(ways.all(|way| way == Some("restart")), "{record:?}");
        let document = self.document();
        if self.outcomes.last() == Some(&"ok") {
            assert!(said.is_complete(), "{self:?}: {}", heard.text());
            assert_eq!(said.text, document, "{self:?}");
            // Clients read each block by itself.
            let text = heard.text();
            let parts = ["event: content_block_start\n", "event: response.content_part.added\n"];
            let parts: usize = parts.iter().map(|part| text.matches(part).count()).sum();
            assert_eq!(parts, usize::from(dialect != Dialect::Chat), "{self:?}: {text}");
            assert_eq!((record.ending, record.seams), (Ending::Answered, 1));
            return;
        }
        // What was delivered is its beginning, and nothing of what came later stands behind it.
        let delivered = said.text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        let shown = delivered.split_inclusive(' ').count();
        assert!(document.starts_with(delivered) && shown == 2, "{self:?}: {:?}", said.text);
        assert!(said.error.is_some() && !said.ended, "{self:?}: {}", heard.text());
        assert_eq!((record.ending, record.seams, record.code), (Ending::Broken, 0, Some("BS0304")));
    }
}

/// A world with a chain for each case.
async fn world((a, b): (Dialect, Dialect)) -> World {
    let chain = |(number, Case { first, second, .. }): (usize, &Case)| {
        format!("[models.\"{number}\"]\nchain = [\"a/{first}\", \"b/{second}\"]\n")
    };
    let text = [
        "retry = { backoff = \"1ms\", reserve = 10000 }\n",
        "breaker.failures = 1000\nbreaker.requests = 100000\n",
        &provider(a, "a"),
        &provider(b, "b"),
    ];
    let text = text.concat() + &CASES.iter().enumerate().map(chain).collect::<String>();
    Plan::new(text).clouds(&["a", "b"]).await.start().await
}

/// Every caller with every pair of targets that can serve it.
fn chains() -> impl Iterator<Item = (Dialect, (Dialect, Dialect))> {
    let serves = |caller: Dialect, target| caller == target || caller.crosses(target);
    let all = Dialect::ALL.into_iter();
    let all = all.flat_map(|caller| Dialect::ALL.map(|a| Dialect::ALL.map(|b| (caller, (a, b)))));
    all.flatten().filter(move |(caller, (a, b))| serves(*caller, *a) && serves(*caller, *b))
}

#[tokio::test]
async fn a_document_is_joined_to_the_letter_or_not_at_all() {
    assert_eq!(chains().count(), 9, "four each for those that cross");
    for (caller, targets) in chains() {
        let world = world(targets).await;
        for (number, case) in CASES.iter().enumerate() {
            let asked = world.b().log().len();
            let heard = world.hear(&case.request(caller, &number.to_string())).await;
            let record = world.records(number + 1).await.remove(number);
            case.judge(caller, &heard, &record);
            // Whoever begins anew is asked the same question, its schema included.
            for seen in world.b().log().iter().skip(asked) {
                assert!(seen.way == Way::Fresh && seen.text().contains("\"schema\""), "{seen:?}");
            }
        }
        world.stop().await;
    }
}
