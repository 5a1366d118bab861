//! Lists of models, as providers write them.

use serde_json::Value;

#[cfg(test)]
mod tests;

/// The ids in a list of models: `data[].id` (`OpenAI`, Anthropic), `models[].id`, `.model` or
/// `.name` (Google, Ollama, llama.cpp), or a bare array. Empty where there is no list.
pub fn read_models(body: &[u8]) -> Vec<String> {
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let list = document.get("data").or_else(|| document.get("models")).unwrap_or(&document);
    let id = |row: &Value| {
        let keys = ["id", "model", "name"].into_iter().find_map(|key| row.get(key)?.as_str());
        keys.or(row.as_str()).map(str::to_owned)
    };
    list.as_array().into_iter().flatten().filter_map(id).collect()
}
