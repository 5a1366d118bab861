//! What conforms to what: a table, and laws over random documents.

use super::{Conform, conforms};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};

fn check(document: &str, schema: &str, expect: Conform) {
    assert_eq!(conforms(document, schema), expect, "{document} by {schema}");
}

/// A schema stands above the documents that are held against it.
#[test]
fn the_table_holds() {
    let (mut schema, mut cases, mut wrong) = ("", 0, Vec::new());
    for line in include_str!("tests/cases.txt").lines() {
        let (word, rest) = line.trim_start().split_once(' ').unwrap_or_else(|| (line.trim(), ""));
        let expect = match word {
            "" | "#" => continue,
            "schema" => {
                schema = rest;
                continue;
            }
            "yes" => Conform::Yes,
            "no" => Conform::No,
            "unknown" => Conform::Unknown,
            _ => panic!("no word of the table: {line}"),
        };
        let found = conforms(rest, schema);
        if found != expect {
            wrong.push(format!("{rest} by {schema}: {found:?}, not {expect:?}"));
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 200, "{cases} cases");
}

#[test]
fn what_goes_on_without_end_is_unknown() {
    check("1", r##"{"$ref": "#"}"##, Conform::Unknown);
    check("1", r##"{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}"##, Conform::Unknown);
    let deep = |levels: usize| r#"{"items": "#.repeat(levels) + "true" + &"}".repeat(levels);
    check("[]", &deep(100), Conform::Yes);
    check("[]", &deep(200), Conform::Unknown);
    let nested = "[".repeat(100) + &"]".repeat(100);
    check(&nested, r##"{"type": "array", "items": {"$ref": "#"}}"##, Conform::Yes);
    let ways = r##"{"items": {"anyOf": [{"$ref": "#"}]}}"##;
    check(&nested, ways, Conform::Unknown);
    let deeper = "[".repeat(129) + &"]".repeat(129);
    check(&deeper, "true", Conform::Unknown);
    // Sixteen ways at each of sixteen steps.
    let way = |to: usize| format!(r##"{{"$ref": "#/$defs/{to}"}}"##);
    let step = |at: usize| format!(r#""{at}": {{"allOf": [{}]}}"#, vec![way(at + 1); 16].join(","));
    let steps: Vec<String> = (0..16).map(step).collect();
    let schema =
        format!(r##"{{"$ref": "#/$defs/0", "$defs": {{{}, "16": true}}}}"##, steps.join(","));
    check("1", &schema, Conform::Unknown);
    let large = format!("[{}1]", "1,".repeat(1 << 20));
    check(&large, "true", Conform::Unknown);
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..4i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[aé😀]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let members = prop::collection::btree_map("[a-c]", inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

/// Some words of schemas, with values that they may or may not have.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec!["null", "boolean", "integer", "number", "string", "array"])
            .prop_map(|name| json!({"type": name})),
        (-3..4i64).prop_map(|limit| json!({"minimum": limit, "exclusiveMaximum": 3})),
        (0..3u64).prop_map(|limit| json!({"minLength": limit, "maxItems": 2})),
        documents().prop_map(|value| json!({"const": value})),
        documents().prop_map(|value| json!({"title": "x", "pattern": value})),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let word = prop::sample::select(vec!["anyOf", "oneOf", "allOf"]);
        let several = (word, prop::collection::vec(inner.clone(), 1..3));
        prop_oneof![
            several.prop_map(|(word, schemas)| json!({word: schemas})),
            inner.clone().prop_map(|schema| json!({"not": schema})),
            inner.clone().prop_map(|schema| json!({"items": schema, "uniqueItems": true})),
            (inner.clone(), inner).prop_map(|(one, other)| {
                json!({"properties": {"a": one}, "additionalProperties": other, "required": ["b"]})
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::option_env!("BACKSTOP_CASES").map_or(1000, |n| n.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The words of logic mean what they mean, and a schema beside an unknown word is never affirmed.
    #[test]
    fn logic_holds(value in documents(), one in schemas(), other in schemas()) {
        let value = value.to_string();
        let by = |schema: Value| conforms(&value, &schema.to_string());
        let (first, second) = (by(one.clone()), by(other.clone()));
        assert_eq!(by(json!({"not": {"not": one}})), first);
        assert_eq!(by(json!({"allOf": [one, other]})), first.and(second));
        let either = first.not().and(second.not()).not();
        assert_eq!(by(json!({"anyOf": [one, other]})), either);
        let exactly = either.and(first.and(second).not());
        assert_eq!(by(json!({"oneOf": [one, other]})), exactly);
        assert_eq!(by(json!({"$ref": "#/$defs/it", "$defs": {"it": one}})), first);
        assert_ne!(by(json!({"allOf": [one], "if": true})), Conform::Yes);
    }

    /// A value is itself, whatever way it is written, and nothing else.
    #[test]
    fn equality_is_of_values(one in documents(), other in documents()) {
        let schema = json!({"const": one}).to_string();
        check(&serde_json::to_string_pretty(&one).unwrap(), &schema, Conform::Yes);
        let found = conforms(&other.to_string(), &schema);
        assert_eq!(found, conforms(&one.to_string(), &json!({"enum": [other]}).to_string()));
        if one == other {
            assert_eq!(found, Conform::Yes);
        }
        let both = format!("[{one},{other}]");
        check(&both, r#"{"uniqueItems": true}"#, found.not());
    }

    /// Numbers are ordered as their values are.
    #[test]
    fn order_is_of_values(one in -2000..2000i32, other in -2000..2000i32, places in 0..4i32) {
        let written = format!("{one}e-{places}");
        let plain = format!("{:.*}", places.unsigned_abs() as usize, f64::from(other) / 10f64.powi(places));
        let by = |word: &str| conforms(&written, &format!(r#"{{"{word}": {plain}}}"#));
        assert_eq!(by("minimum"), Conform::from(one >= other));
        assert_eq!(by("maximum"), Conform::from(one <= other));
        assert_eq!(by("exclusiveMinimum"), Conform::from(one > other));
        assert_eq!(by("exclusiveMaximum"), Conform::from(one < other));
        assert_eq!(by("const"), Conform::from(one == other));
        if other > 0 {
            assert_eq!(by("multipleOf"), Conform::from(one % other == 0));
        }
    }

    #[test]
    fn no_text_makes_it_panic(document in ".{0,40}", schema in ".{0,40}") {
        let _found = conforms(&document, &schema);
    }
}
