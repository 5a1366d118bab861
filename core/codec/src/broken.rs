//! Words in the place of a finish that say no answer is there: its provider broke it off.

use crate::rejection;
use ir::Rejection;

/// The fault that a finish reason stands for; `None` for one that is a finish, or that nobody knows.
/// `DeepSeek` says `insufficient_system_resource`
/// (<https://api-docs.deepseek.com/api/create-chat-completion>), vLLM `abort`, Mistral `error`, Zhipu
/// `network_error`, by which it means that inference failed
/// (<https://docs.bigmodel.cn/api-reference/模型-api/查询异步结果>) and which gateways in front of it pass
/// on (<https://github.com/NousResearch/hermes-agent/pull/92161>), TensorRT-LLM `timeout` and `cancelled`
/// (<https://github.com/NVIDIA/TensorRT-LLM/blob/main/tensorrt_llm/executor/result.py>).
/// `engine_overloaded` is Moonshot's error of that name without its ending.
pub(crate) fn off(reason: &str) -> Option<Box<Rejection>> {
    let (status, said) = match reason.to_ascii_lowercase().as_str() {
        "error" => (500, "the provider ended the answer with an error"),
        "abort"
        | "insufficient_system_resource"
        | "network_error"
        | "network-error"
        | "engine_overloaded"
        | "cancelled"
        | "canceled" => (503, "the provider broke the answer off"),
        "timeout" => (504, "the provider broke the answer off"),
        _ => return None,
    };
    Some(rejection::said(status, reason, said))
}
