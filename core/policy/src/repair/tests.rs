//! Real refusals, and what each teaches; and what teaches nothing.

use super::{Lesson, named};
use crate::classify::tests::rejection;
use ir::Dialect;

/// `status marks said: message` as in `classify`, with `param=…` among the marks.
#[track_caller]
fn check(dialect: Dialect, text: &str, expect: &str) {
    let (status, rest) = text.split_once(' ').unwrap_or((text, ""));
    let found = named(&rejection(status.parse().unwrap(), rest), dialect);
    let found = found.map_or_else(
        || "-".to_owned(),
        |Lesson { repair, lasts }| repair.word() + if lasts { "" } else { ", now" },
    );
    assert_eq!(found, expect, "{dialect:?} {text}");
}

/// What providers of Chat Completions say.
const CHAT: &[(&str, &str)] = &[
    // <https://platform.openai.com/docs/guides/error-codes>, as seen on the wire.
    (
        "400 code=unsupported_parameter param=max_tokens said: Unsupported parameter: \
             'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "with max_completion_tokens",
    ),
    (
        "400 said: Unsupported parameter: 'max_completion_tokens' is not supported with this \
             model. Use 'max_tokens' instead.",
        "with max_tokens",
    ),
    (
        "400 code=unsupported_value param=temperature said: Unsupported value: 'temperature' \
             does not support 0.2 with this model. Only the default (1) value is supported.",
        "without temperature",
    ),
    (
        "400 said: Unsupported value: 'temperature' does not support 0.2 with this model.",
        "without temperature, now",
    ),
    (
        "400 code=unsupported_value param=reasoning_effort said: Unsupported value: \
             'reasoning_effort' does not support 'none' with this model. Supported values are: \
             'low', 'medium', and 'high'.",
        "without reasoning_effort, now",
    ),
    // A caller's own words, quoted, make no lesson of it.
    (
        "400 code=unsupported_value param=reasoning_effort said: Unsupported value: \
             'reasoning_effort' does not support 'x only the default' with this model. Supported \
             values are: 'low', 'medium', and 'high'.",
        "without reasoning_effort, now",
    ),
    (
        "400 kind=UNSUPPORTED_VALUE param=service_tier said: service_tier is not supported",
        "without service_tier, now",
    ),
    (
        "400 said: The tool_choice parameter does not support being set to required",
        "without tool_choice, now",
    ),
    (
        "400 param=reasoning_effort said: Function tools with reasoning_effort are not supported \
             for gpt-5.4 in /v1/chat/completions. Please use /v1/responses instead.",
        "without reasoning_effort, now",
    ),
    (
        "400 code=unsupported_parameter param=parallel_tool_calls said: Unsupported parameter: \
             'parallel_tool_calls' is only allowed when 'tools' are specified.",
        "without parallel_tool_calls, now",
    ),
    (
        "400 code=unsupported_parameter param=service_tier said: Service tier 'flex' is not \
             supported for this model",
        "without service_tier, now",
    ),
    ("400 said: 'stream' is not supported when 'logprobs' is set", "plain, now"),
    ("400 said: Unknown parameter: 'web_search_options'.", "without web_search_options"),
    (
        "400 kind=invalid_request_error said: Unrecognized request argument supplied: user",
        "without user",
    ),
    ("400 said: Unrecognized request arguments supplied: service_tier, x", "without service_tier"),
    (
        "400 code=unsupported_value param=stream said: Your organization must be verified to \
             stream this model.",
        "plain",
    ),
    (
        "400 code=unsupported_value param=stream said: Unsupported value: 'stream' does not \
             support true with this model. Supported values are: false.",
        "plain",
    ),
    ("422 param=stream_options said: Extra inputs are not permitted", "without stream_options"),
    ("422 code=extra_forbidden param=stream_options said: x", "without stream_options"),
    ("400 said: max_tokens must be at most 8,192", "8192 tokens at most"),
    ("400 said: max_tokens must be at least 1 and at most 1 of what is left", "-"),
    ("400 said: This model does not support streaming.", "plain"),
    ("400 said: Streaming is not supported with this model", "plain"),
    (
        "400 said: max_tokens is too large: 64000. This model supports at most 16384 \
             completion tokens, whereas you provided 64000.",
        "16384 tokens at most",
    ),
    (
        "400 code=integer_above_max_value param=max_tokens said: Invalid 'max_tokens': integer \
             above maximum value. Expected a value <= 4096, but got 64000 instead.",
        "4096 tokens at most",
    ),
    (
        "400 said: `max_tokens` must be less than or equal to `8192`, the maximum value for \
             `max_tokens` is less than the `context_window` for this model",
        "8192 tokens at most",
    ),
    (
        "400 said: Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
        "8192 tokens at most",
    ),
    (
        "400 code=unsupported_value param=messages[0].role said: Unsupported value: \
             'messages[0].role' does not support 'system' with this model.",
        "system as user",
    ),
    (
        "400 param=messages[0].role said: Invalid value: 'developer'. Supported values are: \
             'system', 'assistant', 'user', 'function', and 'tool'.",
        "system as user",
    ),
    ("400 said: System role not supported", "system as user"),
    // <https://docs.x.ai>, <https://console.groq.com/docs/errors>, Google's compatible endpoint.
    (
        "400 said: Model grok-4 does not support parameter reasoningEffort.",
        "without reasoning_effort",
    ),
    ("400 said: Argument not supported on this model: serviceTier", "without service_tier"),
    ("400 said: `reasoning_effort` is not supported with this model", "without reasoning_effort"),
    ("400 said: property 'parallel_tool_calls' is unsupported", "without parallel_tool_calls"),
    (
        "400 said: Invalid JSON payload received. Unknown name \"user\": Cannot find field.",
        "without user",
    ),
    ("400 param=tools[0].function.strict code=unknown_parameter said: x", "without strict"),
    // What only mentions a field, or refuses something else, teaches nothing.
    (
        "400 param=response_format said: Invalid schema for response_format 'math': In \
             context=('properties',), 'oneOf' is not permitted.",
        "-",
    ),
    ("400 said: Invalid value for 'temperature': must be at most 2.", "-"),
    ("400 said: User location is not supported for the API use.", "-"),
    ("400 said: This model does not support user messages with images", "-"),
    ("400 said: 'messages' with role 'tool' must be a response to a preceding message", "-"),
    ("400 param=messages[1].content said: Unsupported value: 'x' is not supported", "-"),
    (
        "400 said: 'max_tokens' is too large: 64000. This model's maximum context length is \
             8192 tokens and your request has at most 100 input tokens.",
        "-",
    ),
    ("400 code=context_length_exceeded said: reduce max_tokens", "-"),
    ("400 bare", "-"),
    ("404 said: Unknown parameter: 'user'.", "-"),
    ("500 said: Unsupported parameter: 'user'", "-"),
    ("429 said: 'temperature' is not supported", "-"),
];

/// What providers of Messages say.
const MESSAGES: &[(&str, &str)] = &[
    ("400 said: temperature: Extra inputs are not permitted", "without temperature"),
    ("400 said: `temperature` is deprecated for this model.", "without temperature"),
    (
        "400 said: `temperature` may only be set to 1 when thinking is enabled. Please consult \
             our documentation",
        "without temperature, now",
    ),
    (
        "400 said: `temperature` and `top_p` cannot both be specified for this model. Please \
             use only one.",
        "without top_p, now",
    ),
    ("400 said: tool_choice: `any` is not supported while thinking is enabled", "-"),
    (
        "400 said: output_config.effort: Extra inputs are not permitted",
        "without output_config.effort",
    ),
    ("400 said: output_config: Extra inputs are not permitted", "without output_config.effort"),
    (
        "400 said: output_config.format: Extra inputs are not permitted",
        "without output_config.format",
    ),
    ("400 said: Invalid `signature` in `thinking` block", "without its reasoning, now"),
    ("400 said: `thinking` blocks cannot be modified", "without its reasoning, now"),
    ("400 said: Invalid `data` in `redacted_thinking` block", "without its reasoning, now"),
    ("400 said: This model does not support the effort parameter.", "without output_config.effort"),
    ("400 said: adaptive thinking is not supported on this model", "without thinking"),
    ("400 said: tools.0.custom.strict: Extra inputs are not permitted", "without strict"),
    ("400 said: messages.1.role: Input should be 'user' or 'assistant'", "system as user"),
    (
        "400 said: messages: Unexpected role \"system\". The Messages API accepts a top-level \
             `system` parameter, not \"system\" as an input message role.",
        "system as user",
    ),
    (
        "400 said: max_tokens: 64000 > 8192, which is the maximum allowed number of output \
             tokens for claude-3-5-sonnet-20241022",
        "8192 tokens at most",
    ),
    ("422 param=top_p said: Extra inputs are not permitted", "without top_p"),
    ("400 said: messages.0.content.0.text: Extra inputs are not permitted", "-"),
    ("400 said: messages.0.content: Input should be a valid string", "-"),
    ("400 said: thinking.budget_tokens: Input should be greater than or equal to 1024", "-"),
    ("400 said: max_tokens: Field required", "-"),
    ("400 said: tool_choice: Input should be a valid dictionary", "-"),
    ("400 said: messages.2: `tool_use` ids were found without `tool_result` blocks", "-"),
];

#[test]
fn refusals_teach_what_they_say() {
    for (dialect, cases) in [(Dialect::Chat, CHAT), (Dialect::Messages, MESSAGES)] {
        for (text, expect) in cases {
            check(dialect, text, expect);
        }
    }
}
