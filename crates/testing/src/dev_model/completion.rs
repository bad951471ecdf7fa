//! What the pretend model says.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::chat::{Chat, count};
use super::state::State;
use crate::dev_server::{Answer, json_answer, set, text};

/// Words of the user's message that it repeats.
const REPEATED: usize = 12;

/// What it says, and whether it had to stop early.
struct Said {
    words: Vec<String>,
    finish: &'static str,
}

/// Everything that the chunks of one answer share.
struct Sold<'a> {
    chat: &'a Chat,
    said: Said,
    number: u64,
    created: i64,
    usage: Option<Value>,
}

/// Answers the call and bills it.
pub(super) fn complete(state: &State, chat: &Chat, with_usage: bool) -> Answer {
    let said = said(chat);
    let (number, prompt, completion) = state.sell(chat.words, count(&said.words.join(" ")));
    let usage = json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt.saturating_add(completion),
    });
    let created = state.now().unix_seconds();
    let sold = Sold { chat, said, number, created, usage: with_usage.then_some(usage) };
    if chat.stream { sold.stream() } else { sold.whole() }
}

/// The first words of the last message, said to be that.
fn said(chat: &Chat) -> Said {
    let all: Vec<&str> = chat.last.split_whitespace().collect();
    let mut words: Vec<String> = ["A", "pretend", "summary:"].map(str::to_owned).into();
    words.extend(all.iter().take(REPEATED).map(|word| (*word).to_owned()));
    if all.len() > REPEATED {
        words.last_mut().into_iter().for_each(|word| word.push('…'));
    }
    let most = chat.most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let finish = if words.len() > most { "length" } else { "stop" };
    words.truncate(most);
    Said { words, finish }
}

impl Sold<'_> {
    fn object(&self, kind: &str, choices: &Value) -> Value {
        json!({
            "id": format!("chatcmpl-dev-{}", self.number),
            "object": kind,
            "created": self.created,
            "model": self.chat.model,
            "choices": choices,
        })
    }

    fn whole(&self) -> Answer {
        let message = json!({ "role": "assistant", "content": self.said.words.join(" ") });
        let choices = json!([{ "index": 0, "message": message, "finish_reason": self.said.finish }]);
        let mut body = self.object("chat.completion", &choices);
        if let (Some(usage), Some(body)) = (&self.usage, body.as_object_mut()) {
            body.insert("usage".to_owned(), usage.clone());
        }
        json_answer(StatusCode::OK, &body)
    }

    /// Server-sent events, a word each; the usage comes last, if it was asked for.
    fn stream(&self) -> Answer {
        let mut events = String::new();
        let mut event = |chunk: &Value| events.push_str(&format!("data: {chunk}\n\n"));
        for (at, word) in self.said.words.iter().enumerate() {
            let delta = match at {
                0 => json!({ "role": "assistant", "content": word }),
                _ => json!({ "content": format!(" {word}") }),
            };
            event(&self.chunk(&delta, None));
        }
        event(&self.chunk(&json!({}), Some(self.said.finish)));
        if let Some(usage) = self.usage.as_ref().filter(|_| self.chat.stream_usage) {
            let mut last = self.object("chat.completion.chunk", &json!([]));
            last.as_object_mut()
                .into_iter()
                .for_each(|last| drop(last.insert("usage".to_owned(), usage.clone())));
            event(&last);
        }
        events.push_str("data: [DONE]\n\n");
        let mut answer = text(StatusCode::OK, events);
        set(&mut answer, CONTENT_TYPE, "text/event-stream");
        answer
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Value {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        self.object("chat.completion.chunk", &choices)
    }
}
