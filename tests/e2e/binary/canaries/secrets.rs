//! The secrets, each a text of its own.

use ir::{Dialect, Shape};
use serde_json::json;

/// Keys of ours at providers, the password of a proxy, and what a collector is told: nobody but their
/// provider sees them.
pub(super) const OURS: [&str; 10] = [
    "canary-by-environment-a51f",
    "canary-by-file-b62e/+=",
    "canary-by-literal-c73d",
    "canary-by-file-again-d84c",
    "canary-by-literal-again-e95b",
    "canary-of-messages-f06a",
    "canary-of-echo-1179",
    "canary-of-far-2288",
    "canary-of-proxy-3397",
    "canary-of-collector-4406",
];

/// The environment that names some of them.
pub(super) const ENV: [(&str, &str); 6] = [
    ("CANARY_A", OURS[0]),
    ("CANARY_B", OURS[5]),
    ("CANARY_ECHO", OURS[6]),
    ("CANARY_FAR", OURS[7]),
    ("CANARY_PROXY", "http://me:canary-of-proxy-3397@127.0.0.1:9"),
    ("CANARY_OTLP", OURS[9]),
];

/// What a caller keeps to itself, its provider and us: a cookie, a header, an account, keys of its
/// own, a key in an address, and a key that nobody knows.
pub(super) const CALLERS: [&str; 7] = [
    "canary-cookie-44a6",
    "canary-header-55b5",
    "canary-account-66c4",
    "canary-own-key-77d3",
    "canary-own-api-key-88e2",
    "canary-query-99f1",
    "canary-unknown-key-aa00",
];

/// What is said: in the request, and in the answer.
pub(super) const CONTENT: [&str; 12] = [
    "canary-prompt-bb11",
    "canary-system-cc22",
    "canary-arguments-dd33",
    "canary-tool-result-ee44",
    "canary-image-ff55",
    "canary-document-0166",
    "canary-schema-1277",
    "canary-user-2388",
    "canary-answer-3499",
    "canary-answer-arguments-45aa",
    "canary-reasoning-56bb",
    "canary-metadata-67cc",
];

/// Nothing where there is no TLS.
pub(super) const KEYS: &str = "no TLS key is configured";

/// Keys of Backstop's with their hashes; the last is somebody else's.
pub(super) fn keys() -> [(String, String); 4] {
    [21, 22, 23, 24].map(|seed| config::new_key([seed; 32]))
}

/// The first line of the secret part of a PEM file.
pub(super) fn line_of(pem: &str) -> &str {
    pem.lines().nth(1).expect("a line of base64")
}

/// A text in the escapes of JSON.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("\\u{byte:04x}")).collect::<Vec<_>>().concat()
}

/// How a text may be spelled where it is written.
pub(super) fn spellings(secret: &str) -> [String; 5] {
    let bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
    let hex: Vec<String> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let slashed = secret.replace('/', "\\/");
    [secret.to_owned(), slashed, bytes.join(", "), hex.concat(), escaped(secret)]
}

/// A request with everything that a request may hold.
pub(super) fn body(dialect: Dialect, shape: Shape, model: &str) -> String {
    let stream = shape == Shape::Stream;
    let [prompt, system, arguments, result, image, document, schema, user, ..] = CONTENT;
    let parameters = json!({ "type": "object", "description": schema });
    match dialect {
        Dialect::Chat => json!({
            "model": model, "stream": stream, "max_tokens": 64, "user": user,
            "metadata": { "note": CONTENT[11] },
            "messages": [
                { "role": "system", "content": system },
                { "role": "user", "content": [
                    { "type": "text", "text": prompt },
                    { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{image}") } },
                    { "type": "file", "file": { "filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{document}") } },
                ] },
                { "role": "assistant", "tool_calls": [{ "id": "call_1", "type": "function",
                    "function": { "name": "look", "arguments": json!({ "x": arguments }).to_string() } }] },
                { "role": "tool", "tool_call_id": "call_1", "content": result },
                { "role": "user", "content": "and now?" },
            ],
            "tools": [{ "type": "function", "function": { "name": "look", "parameters": parameters } }],
        }),
        Dialect::Messages => json!({
            "model": model, "stream": stream, "max_tokens": 64, "system": system,
            "metadata": { "user_id": user },
            "messages": [
                { "role": "user", "content": [
                    { "type": "text", "text": prompt },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": image } },
                    { "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": document } },
                ] },
                { "role": "assistant", "content": [
                    { "type": "tool_use", "id": "toolu_1", "name": "look", "input": { "x": arguments } },
                ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "toolu_1", "content": result },
                ] },
            ],
            "tools": [{ "name": "look", "input_schema": parameters }],
        }),
        Dialect::Responses => json!({
            "model": model, "stream": stream, "max_output_tokens": 64, "user": user,
            "instructions": system, "metadata": { "note": CONTENT[11] },
            "input": [
                { "role": "user", "content": [
                    { "type": "input_text", "text": prompt },
                    { "type": "input_image", "image_url": format!("data:image/png;base64,{image}") },
                    { "type": "input_file", "filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{document}") },
                ] },
                { "type": "function_call", "call_id": "call_1", "name": "look",
                    "arguments": json!({ "x": arguments }).to_string() },
                { "type": "function_call_output", "call_id": "call_1", "output": result },
            ],
            "tools": [{ "type": "function", "name": "look", "parameters": parameters, "strict": false }],
        }),
    }
    .to_string()
}
