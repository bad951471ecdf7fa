//! What is asked of `POST /v1/chat/completions`.

use serde_json::Value;

/// A call that can be answered.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) model: String,
    /// The text of the last message of the user.
    pub(super) last: String,
    /// Words in all messages.
    pub(super) words: u64,
    /// The most words of the answer.
    pub(super) most: Option<u64>,
    pub(super) stream: bool,
    /// Whether a stream ends with its usage.
    pub(super) stream_usage: bool,
}

/// What is wrong with a call: the field and the reason.
pub(super) type Wrong = (&'static str, &'static str);

impl Chat {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Wrong> {
        let body: Value = serde_json::from_slice(body).map_err(|_| ("body", "is not JSON"))?;
        let field = |name: &str| body.get(name).filter(|value| !value.is_null());
        let model = field("model").and_then(Value::as_str).filter(|name| !name.is_empty());
        let messages = field("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
        let messages = messages.ok_or(("messages", "must be a list with at least one message"))?;
        let last =
            messages.iter().rev().find(|message| message.get("role").is_some_and(|role| role == "user"));
        if field("n").is_some_and(|n| n.as_u64() != Some(1)) {
            return Err(("n", "must be 1: there is one choice only"));
        }
        let most = match field("max_completion_tokens").or_else(|| field("max_tokens")) {
            None => None,
            Some(most) => {
                let most = most.as_u64().filter(|most| *most > 0);
                Some(most.ok_or(("max_tokens", "must be a number of tokens, at least 1"))?)
            }
        };
        let options = field("stream_options").and_then(|options| options.get("include_usage"));
        Ok(Self {
            model: model.ok_or(("model", "must name a model"))?.to_owned(),
            last: text(last.ok_or(("messages", "must have a message of the user"))?),
            words: messages.iter().map(|message| count(&text(message))).fold(0, u64::saturating_add),
            most,
            stream: field("stream").and_then(Value::as_bool).unwrap_or_default(),
            stream_usage: options.and_then(Value::as_bool).unwrap_or_default(),
        })
    }
}

/// The text of a message: a string, or the parts of type `text`.
fn text(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

pub(super) fn count(text: &str) -> u64 {
    u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX)
}
