//! Error answers: the words and codes that each dialect's providers really use
//! (<https://platform.openai.com/docs/guides/error-codes>, <https://docs.claude.com/en/api/errors>).

use super::json::quote;
use super::words::{InBand, Refusal};
use ir::Dialect;

/// An error as a provider says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Problem {
    /// HTTP status.
    pub(super) status: u16,
    /// `error.type`.
    kind: &'static str,
    /// `error.code` (Chat), `error.details.error_code` (Messages).
    code: Option<&'static str>,
    /// `error.param` (Chat).
    param: Option<String>,
    /// `error.message`.
    message: String,
}

// === impl Problem ===

impl Problem {
    fn new(status: u16, kind: &'static str, message: &str) -> Self {
        Self { status, kind, code: None, param: None, message: message.to_owned() }
    }

    fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    fn param(self, param: &str) -> Self {
        Self { param: Some(param.to_owned()), ..self }
    }

    /// The error document.
    pub(super) fn body(&self, dialect: Dialect, request_id: &str) -> String {
        let (kind, message) = (self.kind, quote(&self.message));
        match dialect {
            Dialect::Chat | Dialect::Responses => {
                let word = |word: Option<&str>| word.map_or_else(|| "null".to_owned(), quote);
                let (param, code) = (word(self.param.as_deref()), word(self.code));
                format!(
                    r#"{{"error":{{"message":{message},"type":"{kind}","param":{param},"code":{code}}}}}"#
                )
            }
            Dialect::Messages => {
                let details = self.code.map_or_else(String::new, |code| {
                    format!(r#","details":{{"error_code":"{code}"}}"#)
                });
                format!(
                    r#"{{"type":"error","error":{{"type":"{kind}","message":{message}{details}}},"request_id":"{request_id}"}}"#
                )
            }
        }
    }

    /// What a status usually comes with.
    pub(super) fn of_status(status: u16, dialect: Dialect) -> Self {
        match dialect {
            Dialect::Chat | Dialect::Responses => match status {
                429 => Self::new(429, "requests", "Rate limit reached for requests")
                    .code("rate_limit_exceeded"),
                500 => Self::new(
                    500,
                    "server_error",
                    "The server had an error while processing your request. Sorry about that!",
                ),
                status if status > 500 => {
                    Self::new(status, "server_error", "The server cannot answer right now")
                }
                status => Self::new(status, "invalid_request_error", "The request was refused"),
            },
            Dialect::Messages => {
                let (kind, message) = match status {
                    401 => ("authentication_error", "invalid x-api-key"),
                    402 => ("billing_error", "There is a problem with your billing"),
                    403 => ("permission_error", "Your API key may not do this"),
                    404 => ("not_found_error", "Not found"),
                    409 => ("conflict_error", "The request conflicts with another"),
                    413 => ("request_too_large", "Request exceeds the maximum size"),
                    429 => ("rate_limit_error", "Number of requests has exceeded your rate limit"),
                    504 => ("timeout_error", "The request timed out"),
                    529 => ("overloaded_error", "Overloaded"),
                    status if status >= 500 => ("api_error", "Internal server error"),
                    _ => ("invalid_request_error", "The request was refused"),
                };
                Self::new(status, kind, message)
            }
        }
    }

    /// The provider's word for "too busy".
    pub(super) fn overloaded(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Chat | Dialect::Responses => Self::new(
                503,
                "service_unavailable_error",
                "The server is currently overloaded with other requests. Sorry about that!",
            )
            .code("server_is_overloaded"),
            Dialect::Messages => Self::of_status(529, dialect),
        }
    }

    /// An error inside a 200 answer.
    pub(super) fn in_band(kind: InBand, dialect: Dialect) -> Self {
        match kind {
            InBand::Overloaded => Self::overloaded(dialect),
            InBand::RateLimit => Self::of_status(429, dialect),
            InBand::Api => Self::of_status(500, dialect),
            InBand::Invalid => Self::of_status(400, dialect),
        }
    }

    /// A refusal in the dialect's own words; `None` where it has none (`400-bare`, `403-html`).
    pub(super) fn of_refusal(refusal: Refusal, dialect: Dialect, model: &str) -> Option<Self> {
        if matches!(refusal, Refusal::Bare | Refusal::Firewall) {
            return None;
        }
        Some(match dialect {
            Dialect::Chat | Dialect::Responses => chat_refusal(refusal, model),
            Dialect::Messages => messages_refusal(refusal, model),
        })
    }

    /// The conversation ends with the assistant's words, and this model goes on from none.
    pub(super) fn prefill(dialect: Dialect) -> Self {
        let message = "This model does not support assistant message prefill. The conversation \
                       must end with a user message.";
        Self { message: message.to_owned(), ..Self::of_status(400, dialect) }
    }

    /// What `OpenAI` says of a request that it does not take.
    pub(super) fn of_chat(message: &str, param: Option<&str>, code: Option<&'static str>) -> Self {
        Self { param: param.map(str::to_owned), code, ..Self::new(400, INVALID, message) }
    }

    /// What is wrong, in words.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// A request error in words of our own.
    pub(super) fn refused(dialect: Dialect, status: u16, message: &str) -> Self {
        Self { message: message.to_owned(), ..Self::of_status(status, dialect) }
    }
}

const INVALID: &str = "invalid_request_error";

fn chat_refusal(refusal: Refusal, model: &str) -> Problem {
    let plain = |status, message: &str| Problem::new(status, INVALID, message);
    match refusal {
        Refusal::Invalid | Refusal::Bare | Refusal::Firewall => {
            plain(400, "Invalid type for 'messages[0].content': expected a string")
                .param("messages[0].content")
                .code("invalid_type")
        }
        Refusal::UnsupportedParam => {
            plain(400, "Unsupported parameter: 'temperature' is not supported with this model.")
                .param("temperature")
                .code("unsupported_parameter")
        }
        Refusal::Context => plain(
            400,
            "This model's maximum context length is 128000 tokens. However, your messages \
             resulted in 130011 tokens. Please reduce the length of the messages.",
        )
        .param("messages")
        .code("context_length_exceeded"),
        Refusal::ContentFilter => plain(
            400,
            "The response was filtered due to the prompt triggering the content management \
             policy. Please modify your prompt and retry.",
        )
        .param("prompt")
        .code("content_filter"),
        Refusal::Credit => {
            Problem::new(429, "insufficient_quota", "Your credit balance is exhausted.")
                .code("credit_balance_exhausted")
        }
        Refusal::Unauthorized => plain(401, "Incorrect API key provided.").code("invalid_api_key"),
        Refusal::Payment => {
            Problem::new(402, "unknown_error", "Insufficient Balance").code(INVALID)
        }
        Refusal::Forbidden => plain(403, "You have insufficient permissions for this operation."),
        Refusal::Model => plain(
            404,
            &format!("The model `{model}` does not exist or you do not have access to it."),
        )
        .code("model_not_found"),
        Refusal::Timeout => Problem::new(408, "timeout", "The request timed out."),
        Refusal::Conflict => plain(409, "The request conflicts with another one."),
        Refusal::TooLarge => plain(413, "The request body is too large."),
        Refusal::Unprocessable => plain(422, "The request could not be processed."),
        Refusal::Quota => Problem::new(
            429,
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
        )
        .code("insufficient_quota"),
        Refusal::Unimplemented => Problem::new(501, "server_error", "Not implemented."),
    }
}

fn messages_refusal(refusal: Refusal, model: &str) -> Problem {
    let usual = |status| Problem::of_status(status, Dialect::Messages);
    let invalid = |message: &str| Problem::new(400, INVALID, message);
    match refusal {
        Refusal::Invalid | Refusal::Bare | Refusal::Firewall => {
            invalid("messages.0.content: Input should be a valid list")
        }
        Refusal::UnsupportedParam => invalid("temperature: Extra inputs are not permitted"),
        Refusal::Context => invalid("prompt is too long: 210011 tokens > 200000 maximum"),
        Refusal::ContentFilter => invalid("Output blocked by content filtering policy"),
        Refusal::Credit => invalid(
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & \
             Billing to upgrade or purchase credits.",
        ),
        Refusal::Unauthorized => usual(401),
        Refusal::Payment => usual(402),
        Refusal::Forbidden => usual(403),
        Refusal::Model => Problem::new(404, "not_found_error", &format!("model: {model}")),
        Refusal::Timeout => Problem::new(408, "timeout_error", "The request timed out"),
        Refusal::Conflict => usual(409),
        Refusal::TooLarge => usual(413),
        Refusal::Unprocessable => usual(422),
        Refusal::Quota => Problem::new(
            429,
            "rate_limit_error",
            "You have reached your specified API usage limits.",
        )
        .code("contract_spend_limit_reached"),
        Refusal::Unimplemented => usual(501),
    }
}

/// llama.cpp while it reads the weights, in its one form for every dialect.
pub(super) const LOADING: &str =
    r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#;

/// What a proxy says in a browser's language.
pub(super) fn html(status: u16) -> String {
    let reason = super::http::reason(status);
    format!(
        "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n\
         <center><h1>{status} {reason}</h1></center>\r\n<hr><center>cloudflare</center>\r\n\
         </body>\r\n</html>\r\n"
    )
}

/// What a captive portal says to everything.
pub(super) const PORTAL: &str = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>\n\
    <body><a href=\"https://portal.invalid/login\">Log in to use this network</a></body></html>\n";
