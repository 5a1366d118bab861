//! Written in a dialect and read again, a request says the same, but for what was declared lost.

use super::{OWN, quirks};
use crate::request::parts::unescaped;
use crate::request::{Target, read, write};
use crate::seal::Origin;
use ir::request::{
    Args, Choice, Format, Json, Part, Request, Role, Source, Text, Thinking, ThinkingForm, Tool,
    Turn,
};
use ir::{Crossable, Losses, Thinks, Traits};
use proptest::prelude::*;

type Said = Request<'static>;

/// The inside of a string, in spellings that no writer of ours would choose.
fn text() -> impl Strategy<Value = Text<'static>> {
    let piece = prop_oneof![
        "[a-z ]{1,6}",
        Just("\\u00e9".to_owned()),
        Just("\\/".to_owned()),
        Just("\\ud83d\\ude00".to_owned()),
        Just("\\\"".to_owned()),
        Just("é{}[]".to_owned()),
        Just("\\n".to_owned()),
    ];
    let pieces = proptest::collection::vec(piece, 1..5);
    pieces.prop_map(|pieces| Text::inside(format!("x{}", pieces.concat())))
}

fn word() -> impl Strategy<Value = Text<'static>> {
    "[a-zA-Z0-9_-]{1,12}".prop_map(Text::inside)
}

fn source() -> impl Strategy<Value = Source<'static>> {
    prop_oneof![
        "[A-Za-z0-9+/]{4}".prop_map(|data| Source::Inline {
            mime: Text::inside("image/png"),
            data: Text::inside(data),
        }),
        "[a-z]{1,5}".prop_map(|path| Source::Url(Text::inside(format!("https://e.com/{path}")))),
    ]
}

fn shown() -> impl Strategy<Value = Part<'static>> {
    let pdf =
        |data| Source::Inline { mime: Text::inside("application/pdf"), data: Text::inside(data) };
    prop_oneof![
        4 => text().prop_map(Part::Text),
        1 => source().prop_map(Part::Image),
        1 => ("[A-Za-z0-9]{4}", word()).prop_map(move |(data, name)| Part::File(pdf(data), Some(name))),
    ]
}

fn arguments() -> impl Strategy<Value = Args<'static>> {
    let json = prop_oneof![
        Just("{}"),
        Just(r#"{"b": 1.0, "a":[1e3,"\u00e9"]}"#),
        Just(r#"{"n":12345678901234567890.10,"z":null}"#),
    ];
    json.prop_map(|json| Args::Object(Json::of(json)))
}

/// A turn of the user, or one of the model with its calls and their results.
fn exchange() -> impl Strategy<Value = Vec<Turn<'static>>> {
    let user = proptest::collection::vec(shown(), 1..4);
    let user = user.prop_map(|parts| vec![Turn { role: Role::User, parts }]);
    let system =
        text().prop_map(|text| vec![Turn { role: Role::System, parts: vec![Part::Text(text)] }]);
    let calls = proptest::collection::vec((word(), arguments(), text()), 0..3);
    let model = (text(), calls).prop_map(|(said, calls)| {
        let mut parts = vec![Part::Text(said)];
        let mut results = Vec::new();
        for (number, (name, args, result)) in calls.into_iter().enumerate() {
            let id = Text::inside(format!("call_{number}"));
            results.push(Part::Result {
                id: id.clone(),
                parts: vec![Part::Text(result)],
                error: false,
            });
            parts.push(Part::Call { id, name, args });
        }
        results.reverse();
        let mut turns = vec![Turn { role: Role::Assistant, parts }];
        if !results.is_empty() {
            turns.push(Turn { role: Role::User, parts: results });
        }
        turns
    });
    prop_oneof![3 => user, 1 => system, 3 => model]
}

const SCHEMA: &str = r#"{"type":"object","properties":{"b":{"type":"number","maximum":1.50},"a":{}},"required":["a","b"],"additionalProperties":false}"#;

fn tools() -> impl Strategy<Value = (Vec<Tool<'static>>, Option<Choice<'static>>)> {
    let one = (word(), proptest::option::of(text()), any::<bool>());
    let tools = proptest::collection::vec(one, 1..4);
    (tools, 0..5usize).prop_map(|(tools, choice)| {
        let tools: Vec<Tool<'static>> = tools
            .into_iter()
            .map(|(name, description, strict)| Tool::Function {
                name,
                description,
                schema: Some(Json::of(SCHEMA)),
                strict: strict.then(|| Json::of("true")),
            })
            .collect();
        let named = tools.first().and_then(Tool::name).cloned();
        let choice = match (choice, named) {
            (_, None) | (0, _) => None,
            (1, _) => Some(Choice::Auto),
            (2, _) => Some(Choice::Any),
            (3, _) => Some(Choice::None),
            (_, Some(name)) => Some(Choice::Named(name)),
        };
        (tools, choice)
    })
}

prop_compose! {
    fn request()(
        turns in proptest::collection::vec(exchange(), 1..6),
        last in text(),
        (tools, choice) in tools(),
        parallel in proptest::option::of(any::<bool>()),
        max_tokens in 1..100_000u32,
        temperature in proptest::option::of(prop_oneof![Just("0"), Just("0.70"), Just("1e-1")]),
        stop in proptest::collection::vec(text(), 0..4),
        effort in proptest::option::of(prop_oneof![Just("low"), Just("max")]),
        off in any::<bool>(),
        schema in any::<bool>(),
        user in proptest::option::of(word()),
        tier in proptest::option::of(prop_oneof![Just("auto"), Just("default")]),
    ) -> Said {
        let thinking = (off && effort.is_none())
            .then_some(Thinking { form: ThinkingForm::Off, display: None });
        let mut turns = turns.concat();
        turns.push(Turn { role: Role::User, parts: vec![Part::Text(last)] });
        Request {
            turns,
            tools,
            choice,
            parallel,
            max_tokens: Some(Json::of(max_tokens.to_string())),
            temperature: temperature.map(Json::of),
            top_p: None,
            stop,
            effort: effort.map(Text::inside),
            thinking,
            format: schema.then(|| Format::Schema {
                name: None,
                description: None,
                schema: Json::of(SCHEMA),
                strict: Some(Json::of("true")),
            }),
            user,
            tier: tier.map(Text::inside),
        }
    }
}

/// Writes it and reads it again; shows both, and what was lost on the way.
fn through(
    dialect: Crossable,
    request: Request<'_>,
    look: impl FnOnce(&str, Request<'_>, &Losses),
) {
    let quirks = quirks(dialect);
    let traits = Traits { max_tokens: 32000, thinks: Thinks::Adaptive };
    let origin = Origin::of(OWN);
    let target = Target {
        dialect,
        quirks: &quirks,
        model: "model",
        traits,
        origin,
        stream: false,
        repairs: &[],
    };
    let written = write(request, &target).expect("it can be written");
    let mut losses = written.losses.clone();
    let read = read(dialect, written.body.as_bytes(), &mut losses).expect("it can be read");
    look(&written.body, read, &losses);
}

/// What is said, whatever message it stands in.
fn told(request: &Request<'_>) -> Vec<String> {
    let parts =
        request.turns.iter().flat_map(|turn| turn.parts.iter().map(move |part| (turn.role, part)));
    parts.map(|(role, part)| format!("{role:?} {}", written(part))).collect()
}

fn written(part: &Part<'_>) -> String {
    if let Part::Call { id, name, args } = part {
        let args = match args {
            Args::Object(json) => json.as_str().to_owned(),
            Args::Quoted(text) | Args::Free(text) => unescaped(text).expect("JSON").into_owned(),
        };
        return format!("call {id:?} {name:?} {args}");
    }
    format!("{part:?}")
}

fn tools_of<'r>(request: &'r Request<'_>) -> Vec<&'r str> {
    request.tools.iter().filter_map(|tool| Some(tool.name()?.as_str())).collect()
}

/// The rest, but for the name that Chat wants for a schema, and what means the same as nothing.
fn rest<'a>(request: &Request<'a>) -> Request<'a> {
    let mut rest = request.clone();
    rest.turns.clear();
    if let Some(Format::Schema { name, .. }) = &mut rest.format {
        *name = name.take().filter(|name| name.as_str() != "answer");
    }
    // It is the default, and beside no calls it means nothing.
    rest.parallel = rest.parallel.filter(|parallel| !parallel && rest.choice != Some(Choice::None));
    rest.choice = rest.choice.filter(|choice| *choice != Choice::Auto);
    rest.thinking = rest.thinking.filter(|thinking| thinking.form == ThinkingForm::Off);
    if rest.tools.is_empty() {
        rest.parallel = None;
    }
    rest
}

proptest! {
    #[test]
    fn a_request_says_the_same_on_the_other_side(request in request()) {
        for dialect in Crossable::ALL {
            through(dialect, request.clone(), |body, again, losses| {
                // Whatever else was lost, the conversation is not, unless a loss says so.
                if !losses.iter().any(|loss| loss.path.starts_with("messages")) {
                    assert_eq!(told(&again), told(&request), "{dialect:?} {body}");
                }
                assert_eq!(tools_of(&again), tools_of(&request), "{dialect:?} {body}");
                if losses.is_empty() {
                    assert_eq!(rest(&again), rest(&request), "{dialect:?} {body}");
                }
            });
        }
    }

    #[test]
    fn what_crossed_once_stays_as_it_is(request in request()) {
        for dialect in Crossable::ALL {
            through(dialect, request.clone(), |first, once, _| {
                through(dialect, once, |second, _, _| assert_eq!(first, second));
            });
        }
    }

    #[test]
    fn no_request_is_a_panic(body in "\\PC{0,200}", from in any::<bool>()) {
        let from = if from { Crossable::Chat } else { Crossable::Messages };
        let body = format!(r#"{{"model":"x","messages":{body}}}"#);
        let mut losses = Losses::default();
        if let Ok(request) = read(from, body.as_bytes(), &mut losses) {
            prop_assert!(request.turns.len() <= body.len());
        }
    }
}
