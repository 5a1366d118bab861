//! Lists of models as providers write them.

use super::read_models;

#[test]
fn every_family() {
    for (body, ids) in [
        (r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#, &["a", "b"][..]),
        (r#"{"data":[{"type":"model","id":"a"}],"has_more":false}"#, &["a"]),
        (r#"{"models":[{"name":"models/g"}]}"#, &["models/g"]),
        (r#"{"models":[{"name":"l:8b","model":"l:8b"}]}"#, &["l:8b"]),
        (r#"[{"id":"a"},"b",5,{}]"#, &["a", "b"]),
        (r#"{"data":null}"#, &[]),
        ("not JSON", &[]),
    ] {
        assert_eq!(read_models(body.as_bytes()), ids, "from {body}");
    }
}
