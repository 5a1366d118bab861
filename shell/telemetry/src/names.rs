//! What OpenTelemetry calls things: the semantic conventions for generative AI as of release 1.41.0. They
//! moved to a repository of their own since, which has development versions only (`-dev`) and renames
//! what is measured of a model call (`gen_ai.client.inference.…`); with its first release this file
//! changes.
//!
//! <https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai>

/// The schema that the names below belong to.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.0";

pub(crate) const OPERATION: &str = "gen_ai.operation.name";
pub(crate) const PROVIDER: &str = "gen_ai.provider.name";
pub(crate) const REQUEST_MODEL: &str = "gen_ai.request.model";
pub(crate) const REQUEST_STREAM: &str = "gen_ai.request.stream";
pub(crate) const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub(crate) const FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
pub(crate) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(crate) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub(crate) const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub(crate) const CACHE_WRITE_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
pub(crate) const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
pub(crate) const TOKEN_TYPE: &str = "gen_ai.token.type";
pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const STATUS_CODE: &str = "http.response.status_code";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
/// Marks the series that holds what was too many to keep apart (metrics SDK specification).
pub(crate) const OVERFLOW: &str = "otel.metric.overflow";

// Ours.
pub(crate) const REQUEST_ID: &str = "backstop.request.id";
pub(crate) const ENDING: &str = "backstop.ending";
pub(crate) const DIALECT: &str = "backstop.dialect";
pub(crate) const PRINCIPAL: &str = "backstop.principal";
pub(crate) const TARGET: &str = "backstop.target";
pub(crate) const TRAIL: &str = "backstop.trail";
pub(crate) const CODE: &str = "backstop.code";
pub(crate) const BLAME: &str = "backstop.blame";
pub(crate) const LOSS: &str = "backstop.loss";
pub(crate) const HOLD: &str = "backstop.hold";
pub(crate) const USAGE_SOURCE: &str = "backstop.usage.source";
pub(crate) const ATTEMPT: &str = "backstop.attempt";
pub(crate) const OUTCOME: &str = "backstop.outcome";
pub(crate) const CREDENTIAL: &str = "backstop.credential";
pub(crate) const REPAIR: &str = "backstop.repair";
pub(crate) const UPSTREAM_ID: &str = "backstop.upstream_id";
pub(crate) const AMBIGUOUS: &str = "backstop.ambiguous_billing";
pub(crate) const PROVIDER_SECTION: &str = "backstop.provider";

/// A question for an answer, and one for a count, for which the conventions have no word.
pub(crate) fn operation(counts: bool) -> &'static str {
    if counts { "count_tokens" } else { "chat" }
}

/// The well-known name of a kind of provider; its own where it has none. What only speaks like
/// somebody is called after whom it speaks like: the name tells the flavour.
pub(crate) fn provider(kind: &'static str) -> &'static str {
    match kind {
        "azure" => "azure.ai.openai",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        "openai-compatible" | "openai-responses-compatible" => "openai",
        "anthropic-compatible" => "anthropic",
        other => other,
    }
}
