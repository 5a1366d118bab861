//! What sets providers apart: one row each, data and no code.
//!
//! Sources stand beside what is not obvious. Only what a provider does otherwise than its dialect is
//! said: a row without codes is one whose errors are told by status and by the dialect's own codes.

use ir::{Auth, Dialect, Prefill, Quirks, TokenField, UsageFlag};

/// When the rows were last checked.
const VERIFIED: &str = "2026-11-20";

/// The row that the others differ from: an `OpenAI`-compatible provider of which nothing is known.
const CHAT: Quirks = Quirks {
    name: "openai-compatible",
    dialect: Dialect::Chat,
    responses: false,
    base_url: "",
    env: &[],
    auth: Auth::Bearer,
    prefill: Prefill::No,
    below: &[],
    tokens: TokenField::MaxTokens,
    usage: UsageFlag::OnRequest,
    echo: None,
    system_turns: false,
    codes: &[],
    status_page: "",
    local: false,
    verified_on: VERIFIED,
};

/// The same for the Messages dialect.
const MESSAGES: Quirks = Quirks {
    name: "anthropic-compatible",
    dialect: Dialect::Messages,
    auth: Auth::Header("x-api-key"),
    // Models from 4.6 on refuse it:
    // <https://platform.claude.com/docs/en/build-with-claude/streaming>.
    prefill: Prefill::ByModel,
    usage: UsageFlag::Always,
    ..CHAT
};

/// The same for Responses.
const RESPONSES: Quirks = Quirks {
    name: "openai-responses-compatible",
    dialect: Dialect::Responses,
    responses: true,
    usage: UsageFlag::Always,
    ..CHAT
};

/// A server on this machine. All that are known speak Responses: Ollama from 0.13.3
/// (<https://docs.ollama.com/api/openai-compatibility>), llama.cpp from January 2026 (its pull request
/// 18486), LM Studio (<https://lmstudio.ai/docs/developer/openai-compat/responses>), vLLM
/// (<https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>). One that is older answers
/// 404, which takes that target out for callers of Responses.
const LOCAL: Quirks = Quirks { auth: Auth::Optional, local: true, responses: true, ..CHAT };

/// At its usual base URL, where nobody goes on with a turn of the model's.
const DEEPSEEK: Quirks = Quirks {
    name: "deepseek",
    base_url: "https://api.deepseek.com/v1",
    env: &["DEEPSEEK_API_KEY"],
    // A turn with calls wants its reasoning back:
    // <https://api-docs.deepseek.com/guides/thinking_mode>.
    echo: Some("reasoning_content"),
    // Its errors are told by status: 402 insufficient balance, 503 overloaded
    // (<https://api-docs.deepseek.com/quick_start/error_codes>).
    status_page: "https://status.deepseek.com",
    ..CHAT
};

/// Every provider that is known by name, and the two generic rows.
pub const ROWS: &[Quirks] = &[
    Quirks {
        name: "openai",
        responses: true,
        base_url: "https://api.openai.com/v1",
        env: &["OPENAI_API_KEY"],
        tokens: TokenField::MaxCompletionTokens,
        // <https://developers.openai.com/api/docs/guides/error-codes>
        codes: &[
            ("rate_limit_exceeded", "rate_limited"),
            ("slow_down", "rate_limited"),
            ("insufficient_quota", "quota"),
            ("credit_balance_exhausted", "no_credit"),
            ("server_is_overloaded", "overloaded"),
            ("context_length_exceeded", "context_exceeded"),
            ("model_not_found", "not_found"),
            ("invalid_api_key", "unauthorized"),
        ],
        status_page: "https://status.openai.com",
        ..CHAT
    },
    Quirks {
        name: "azure",
        // <https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses>
        responses: true,
        // Every resource has its own: https://RESOURCE.openai.azure.com/openai/v1.
        base_url: "",
        env: &["AZURE_OPENAI_API_KEY"],
        auth: Auth::Header("api-key"),
        tokens: TokenField::MaxCompletionTokens,
        // <https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter>
        // and <https://learn.microsoft.com/answers/questions/1189174>.
        codes: &[("content_filter", "content_filter"), ("DeploymentNotFound", "not_found")],
        status_page: "https://azure.status.microsoft",
        ..CHAT
    },
    Quirks {
        name: "groq",
        // <https://console.groq.com/docs/responses-api>
        responses: true,
        base_url: "https://api.groq.com/openai/v1",
        env: &["GROQ_API_KEY"],
        // Documented for all (<https://console.groq.com/docs/prompting>), with models that are gone.
        prefill: Prefill::ByModel,
        tokens: TokenField::MaxCompletionTokens,
        // <https://console.groq.com/docs/errors>: 498 is the flex tier at capacity. The model codes
        // as seen on the wire: openfang#834 and 9router#3558.
        codes: &[
            ("rate_limit_exceeded", "rate_limited"),
            ("capacity_exceeded", "overloaded"),
            ("model_decommissioned", "not_found"),
            ("model_not_found", "not_found"),
        ],
        status_page: "https://groqstatus.com",
        ..CHAT
    },
    Quirks {
        name: "mistral",
        base_url: "https://api.mistral.ai/v1",
        env: &["MISTRAL_API_KEY"],
        // `prefix: true` on a last assistant message: <https://docs.mistral.ai/api>.
        prefill: Prefill::Field("prefix"),
        // The last chunk carries it; asking for it is refused with 422 (openai-agents-python#442).
        usage: UsageFlag::Always,
        // Types and codes as seen on the wire: "rate_limited" with 1300 (cline#9085), and
        // "service_tier_capacity_exceeded" with 3505, which is the provider's want of capacity and
        // not the caller's limit although it comes as 429 (litellm#25078). The last:
        // <https://docs.mistral.ai/resources/error-glossary>.
        codes: &[
            ("1300", "rate_limited"),
            ("rate_limited", "rate_limited"),
            ("3505", "overloaded"),
            ("service_tier_capacity_exceeded", "overloaded"),
            ("unknown_model", "not_found"),
        ],
        status_page: "https://status.mistral.ai",
        ..CHAT
    },
    Quirks {
        // <https://api-docs.deepseek.com/guides/chat_prefix_completion>
        below: &[("/beta", Quirks { prefill: Prefill::Field("prefix"), ..DEEPSEEK })],
        ..DEEPSEEK
    },
    Quirks {
        name: "xai",
        // <https://docs.x.ai/docs/api-reference#create-new-response>
        responses: true,
        base_url: "https://api.x.ai/v1",
        env: &["XAI_API_KEY"],
        status_page: "https://status.x.ai",
        ..CHAT
    },
    Quirks {
        name: "together",
        base_url: "https://api.together.xyz/v1",
        env: &["TOGETHER_API_KEY"],
        status_page: "https://status.together.ai",
        ..CHAT
    },
    Quirks {
        name: "fireworks",
        // <https://docs.fireworks.ai/guides/response-api>
        responses: true,
        base_url: "https://api.fireworks.ai/inference/v1",
        env: &["FIREWORKS_API_KEY"],
        status_page: "https://status.fireworks.ai",
        ..CHAT
    },
    Quirks {
        name: "openrouter",
        // It keeps nothing: <https://openrouter.ai/docs/api/reference/responses/overview>.
        responses: true,
        base_url: "https://openrouter.ai/api/v1",
        env: &["OPENROUTER_API_KEY"],
        // Passed on to whoever serves the model.
        prefill: Prefill::ByModel,
        // `error.code` repeats the status as a number, in a stream too:
        // <https://openrouter.ai/docs/api/reference/errors-and-debugging>.
        codes: &[
            ("402", "no_credit"),
            ("429", "rate_limited"),
            ("502", "unavailable"),
            ("503", "unavailable"),
            ("context_length_exceeded", "context_exceeded"),
        ],
        status_page: "https://status.openrouter.ai",
        ..CHAT
    },
    Quirks {
        name: "vllm",
        base_url: "http://127.0.0.1:8000/v1",
        // <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>
        env: &["VLLM_API_KEY"],
        // Both, since the one excludes what is usual of the other:
        // <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>.
        prefill: Prefill::Members(&[
            ("continue_final_message", true),
            ("add_generation_prompt", false),
        ]),
        ..LOCAL
    },
    Quirks {
        name: "llama.cpp",
        base_url: "http://127.0.0.1:8080/v1",
        // From which the server itself reads its --api-key.
        env: &["LLAMA_API_KEY"],
        // On unless it was started with --no-prefill-assistant.
        prefill: Prefill::Native,
        // Types of `format_error_response` in tools/server; the first comes as 400 or as 500
        // (llama.cpp#15780), the second while the model loads (503).
        codes: &[
            ("exceed_context_size_error", "context_exceeded"),
            ("unavailable_error", "loading"),
            ("not_supported_error", "unsupported"),
            ("authentication_error", "unauthorized"),
        ],
        ..LOCAL
    },
    Quirks {
        name: "lmstudio",
        base_url: "http://127.0.0.1:1234/v1",
        // <https://lmstudio.ai/docs/developer/core/authentication>
        env: &["LM_API_TOKEN"],
        prefill: Prefill::ByModel,
        ..LOCAL
    },
    Quirks {
        name: "ollama",
        base_url: "http://127.0.0.1:11434/v1",
        // OLLAMA_API_KEY is for ollama.com, not for the server here.
        env: &[],
        prefill: Prefill::ByModel,
        ..LOCAL
    },
    Quirks {
        name: "anthropic",
        base_url: "https://api.anthropic.com/v1",
        env: &["ANTHROPIC_API_KEY"],
        // <https://platform.claude.com/docs/en/api/messages>, `SystemMessageParam`.
        system_turns: true,
        // `details.error_code`, beside the types that the dialect itself knows.
        codes: &[("contract_spend_limit_reached", "quota")],
        status_page: "https://status.claude.com",
        ..MESSAGES
    },
    CHAT,
    MESSAGES,
    RESPONSES,
];

/// A model that a provider's own documentation names, for `--fallback any`: the target of requests
/// that were meant for another vendor. Providers without one are asked for the same name. Models
/// come and go within months: this table is the first to grow old, and is used only where an
/// operator asked for it.
///
/// Sources: <https://developers.openai.com/api/docs/changelog> (May 2026),
/// <https://console.groq.com/docs/deprecations>, <https://docs.mistral.ai>,
/// <https://api-docs.deepseek.com>, <https://docs.x.ai/developers/grok-4-6>,
/// <https://openrouter.ai/docs/guides/routing/routers/auto-router>.
pub const FALLBACK_MODELS: &[(&str, &str)] = &[
    ("openai", "gpt-5.5"),
    ("groq", "openai/gpt-oss-120b"),
    ("mistral", "mistral-large-latest"),
    ("deepseek", "deepseek-flash"),
    ("xai", "grok-4.6"),
    ("openrouter", "openrouter/auto"),
];

/// The row of a name.
pub fn row(name: &str) -> Option<&'static Quirks> {
    ROWS.iter().find(|row| row.name == name)
}

/// The row that holds where this path is the end of the base URL.
pub(crate) fn at(row: &'static Quirks, path: &str) -> &'static Quirks {
    let below = row.below.iter().find(|(end, _)| path.ends_with(end));
    below.map_or(row, |(_, below)| below)
}

/// The row of a provider of which only the dialect is known.
pub fn generic(dialect: Dialect) -> &'static Quirks {
    match dialect {
        Dialect::Chat => &CHAT,
        Dialect::Messages => &MESSAGES,
        Dialect::Responses => &RESPONSES,
    }
}

/// The rows of servers that may be found listening on this machine.
pub fn local() -> impl Iterator<Item = &'static Quirks> {
    ROWS.iter().filter(|row| row.local)
}

#[cfg(test)]
mod tests {
    use super::{CHAT, FALLBACK_MODELS, MESSAGES, RESPONSES, ROWS, generic, local, row};
    use crate::BaseUrl;
    use ir::Dialect;

    /// The words that `policy::classify` understands.
    const WORDS: [&str; 12] = [
        "rate_limited",
        "quota",
        "no_credit",
        "context_exceeded",
        "content_filter",
        "unsupported",
        "overloaded",
        "loading",
        "saturated",
        "not_found",
        "unauthorized",
        "unavailable",
    ];

    #[test]
    fn rows_are_whole() {
        for (place, this) in ROWS.iter().enumerate() {
            let first = ROWS.iter().position(|other| other.name == this.name);
            assert_eq!(first, Some(place), "{} stands once", this.name);
            if !this.base_url.is_empty() {
                let url = BaseUrl::parse(this.base_url).expect("a base URL");
                assert_eq!(url.to_string(), this.base_url, "{}", this.name);
                assert_eq!(url.is_loopback(), this.local, "{}", this.name);
                assert_eq!(url.https, !this.local, "{}", this.name);
            }
            for (end, below) in this.below {
                assert!(end.starts_with('/') && below.below.is_empty(), "{}{end}", this.name);
                assert_eq!((below.name, below.dialect), (this.name, this.dialect), "{end}");
            }
            for (code, word) in this.codes {
                assert!(WORDS.contains(word), "{}: {code} → {word}", this.name);
            }
            let known =
                [&CHAT, &MESSAGES, &RESPONSES].iter().all(|generic| generic.name != this.name);
            assert_eq!(known && !this.local, !this.status_page.is_empty(), "{}", this.name);
        }
    }

    #[test]
    fn rows_are_found() {
        assert_eq!(row("groq").map(|row| row.dialect), Some(Dialect::Chat));
        assert_eq!(row("nobody"), None);
        for dialect in Dialect::ALL {
            assert_eq!(generic(dialect).dialect, dialect);
            assert_eq!(row(generic(dialect).name), Some(generic(dialect)));
        }
        assert_eq!(local().count(), 4);
        for (name, model) in FALLBACK_MODELS {
            assert!(row(name).is_some_and(|row| !row.local), "{name}");
            assert!(!model.is_empty());
        }
    }
}
