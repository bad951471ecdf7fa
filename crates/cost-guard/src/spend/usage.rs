//! The usage that model APIs report in their answers.

use serde_json::Value;

use crate::prices::{Meter, Usage};

/// The usage in the answer of a common model API: `usage` with prompt and completion tokens, `usage` with input and output
/// tokens, or `usageMetadata`. `None` when there is none.
pub(super) fn reported(body: &Value) -> Option<Usage> {
    if let Some(usage) = body.get("usageMetadata") {
        let input = count(usage, "/promptTokenCount")?;
        let cached = count(usage, "/cachedContentTokenCount").unwrap_or(0);
        let reasoning = count(usage, "/thoughtsTokenCount").unwrap_or(0);
        let output = count(usage, "/candidatesTokenCount").unwrap_or(0);
        return Some(tokens(input.saturating_sub(cached), cached, output, reasoning));
    }
    let usage = body.get("usage")?;
    if let Some(input) = count(usage, "/prompt_tokens") {
        let cached = count(usage, "/prompt_tokens_details/cached_tokens").unwrap_or(0);
        let reasoning = count(usage, "/completion_tokens_details/reasoning_tokens").unwrap_or(0);
        let output = count(usage, "/completion_tokens").unwrap_or(0).saturating_sub(reasoning);
        return Some(tokens(input.saturating_sub(cached), cached, output, reasoning));
    }
    let input = count(usage, "/input_tokens")?;
    let output = count(usage, "/output_tokens")?;
    if let Some(cached) = count(usage, "/input_tokens_details/cached_tokens") {
        let reasoning = count(usage, "/output_tokens_details/reasoning_tokens").unwrap_or(0);
        return Some(tokens(
            input.saturating_sub(cached),
            cached,
            output.saturating_sub(reasoning),
            reasoning,
        ));
    }
    // Here what was read from a cache comes in addition; writing to one is priced as input.
    let cached = count(usage, "/cache_read_input_tokens").unwrap_or(0);
    let written = count(usage, "/cache_creation_input_tokens").unwrap_or(0);
    Some(tokens(input.saturating_add(written), cached, output, 0))
}

fn count(usage: &Value, pointer: &str) -> Option<u64> {
    usage.pointer(pointer)?.as_u64()
}

fn tokens(input: u64, cached: u64, output: u64, reasoning: u64) -> Usage {
    Usage::none()
        .with(Meter::InputToken, input)
        .with(Meter::CachedInputToken, cached)
        .with(Meter::OutputToken, output)
        .with(Meter::ReasoningToken, reasoning)
}

/// Whether a refusal says that the account there is out of money.
pub(super) fn is_out_of_money(body: &Value) -> bool {
    ["/error/code", "/error/type", "/code"]
        .into_iter()
        .any(|place| body.pointer(place).and_then(Value::as_str) == Some("insufficient_quota"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(json: &str) -> Option<Usage> {
        reported(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn the_common_shapes_are_read() {
        let chat = r#"{"usage":{"prompt_tokens":100,"completion_tokens":50,
            "prompt_tokens_details":{"cached_tokens":30},"completion_tokens_details":{"reasoning_tokens":20}}}"#;
        assert_eq!(usage(chat), Some(tokens(70, 30, 30, 20)));
        let responses =
            r#"{"usage":{"input_tokens":10,"output_tokens":7,"input_tokens_details":{"cached_tokens":4}}}"#;
        assert_eq!(usage(responses), Some(tokens(6, 4, 7, 0)));
        let messages = r#"{"usage":{"input_tokens":10,"output_tokens":7,"cache_read_input_tokens":4}}"#;
        assert_eq!(usage(messages), Some(tokens(10, 4, 7, 0)));
        let metadata = r#"{"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":5}}"#;
        assert_eq!(usage(metadata), Some(tokens(9, 0, 5, 0)));
        for none in ["{}", r#"{"usage":null}"#, r#"{"usage":{"prompt_tokens":-1}}"#, "[]"] {
            assert_eq!(usage(none), None, "{none}");
        }
    }
}
