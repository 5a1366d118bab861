//! Lists of the models that we serve, in each family's shape.

use super::json;
use bytes::Bytes;
use ir::Dialect;
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// A model that can be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ModelRow<'a> {
    /// What to ask for.
    pub id: &'a str,
    /// What to show (Anthropic).
    pub display_name: &'a str,
    /// Seconds since the Unix epoch; 0 where nobody knows.
    pub created_unix: u64,
    /// Who serves it (`OpenAI`).
    pub owned_by: &'a str,
}

/// <https://platform.openai.com/docs/api-reference/models/object>
#[derive(Serialize)]
struct ChatRow<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'a str,
}

#[derive(Serialize)]
struct ChatList<'a> {
    object: &'static str,
    data: Vec<ChatRow<'a>>,
}

/// <https://docs.claude.com/en/api/models-list>. Every field is there, as the type has it; null is
/// what nobody told us.
#[derive(Serialize)]
struct MessagesRow<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
    lifecycle: &'static str,
    deprecated_at: (),
    retires_at: (),
    line: (),
    max_input_tokens: (),
    max_tokens: (),
    capabilities: (),
}

#[derive(Serialize)]
struct MessagesPage<'a> {
    data: Vec<MessagesRow<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// The whole list; Anthropic's has one page.
pub fn models(dialect: Dialect, rows: &[ModelRow<'_>]) -> Bytes {
    Bytes::from(match dialect {
        Dialect::Chat | Dialect::Responses => {
            json(&ChatList { object: "list", data: rows.iter().map(chat_row).collect() })
        }
        Dialect::Messages => json(&MessagesPage {
            data: rows.iter().map(messages_row).collect(),
            has_more: false,
            first_id: rows.first().map(|row| row.id),
            last_id: rows.last().map(|row| row.id),
        }),
    })
}

/// A single model.
pub fn model(dialect: Dialect, row: &ModelRow<'_>) -> Bytes {
    Bytes::from(match dialect {
        Dialect::Chat | Dialect::Responses => json(&chat_row(row)),
        Dialect::Messages => json(&messages_row(row)),
    })
}

fn chat_row<'a>(row: &ModelRow<'a>) -> ChatRow<'a> {
    let ModelRow { id, created_unix: created, owned_by, display_name: _ } = *row;
    ChatRow { id, object: "model", created, owned_by }
}

fn messages_row<'a>(row: &ModelRow<'a>) -> MessagesRow<'a> {
    let ModelRow { id, display_name, created_unix, owned_by: _ } = *row;
    // RFC 3339 ends with the year 9999, and so do we.
    let seconds = Duration::from_secs(created_unix.min(253_402_300_799));
    let created_at =
        humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + seconds).to_string();
    MessagesRow {
        kind: "model",
        id,
        display_name,
        created_at,
        lifecycle: "active",
        deprecated_at: (),
        retires_at: (),
        line: (),
        max_input_tokens: (),
        max_tokens: (),
        capabilities: (),
    }
}
