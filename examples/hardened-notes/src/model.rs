//! The client of the model: money first, then the breaker, then the credential, then the network.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use gambeson::Profile;
use gambeson::core::{BoxError, Refused, Rejection, RequestHead, TransportLimits};
use gambeson::cost_guard::{BreakerPolicy, CircuitBreakerLayer, CostGuard, carry};
use gambeson::otel_setup::Telemetry;
use gambeson::secrets::{SecretHeaderLayer, SecretString};
use gambeson_client::Client;
use http::{Extensions, Request, header};
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use serde_json::json;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};

use crate::budget::{self, TOKENS_IN, TOKENS_OUT};
use crate::keys::{Keys, MODEL_KEY};
use crate::run::Failure;

/// The most of a note that is sent, in bytes: a token is a byte at least, so the estimate is a bound.
const READ: usize = 900;
const _: () = assert!(READ + INSTRUCTION.len() <= TOKENS_IN as usize, "what is sent fits the estimate");

const INSTRUCTION: &str = "Summarise this note in one sentence.";

/// How long the model may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// A model that summarises. Clones share its breaker.
#[derive(Debug, Clone)]
pub struct Model {
    client: BoxCloneSyncService<Request<Full<Bytes>>, Response, BoxError>,
    chat: String,
}

/// Why there is no summary.
#[derive(Debug)]
pub enum ModelError {
    /// A layer of the client said no: no money, or no use in asking now.
    Refused(Rejection),
    /// The model failed, or answered what is no answer.
    Failed(BoxError),
}

impl Model {
    /// The model at this origin.
    pub async fn connect(
        origin: &str,
        profile: Profile,
        keys: &Keys,
        guard: &CostGuard,
        telemetry: &Telemetry,
    ) -> Result<Self, Failure> {
        let key = keys.secrets.get_ref::<SecretString>(&keys.reference(MODEL_KEY)?).await?;
        let credential = SecretHeaderLayer::builder(origin).bearer(&key).run_in(profile).build()?;
        let breaker = CircuitBreakerLayer::new("model", BreakerPolicy::new().failures_in_a_row(3))?;
        let spend =
            guard.spend_layer("demo", |_: &RequestHead<'_>| budget::summary()).breaker(breaker.breaker());
        let limits = TransportLimits::default()
            .deadline(DEADLINE)
            .allow_special_use_addresses(!profile.is_production());
        let network = Client::builder().build()?.service(limits);
        let client = (spend, breaker, telemetry.client_layer("model"), credential).layer(network);
        let client = BoxCloneSyncService::new(client.map_response(|answer| answer.map(Body::new)));
        Ok(Self { client, chat: format!("{origin}/v1/chat/completions") })
    }

    /// A sentence about this text, on the bill of the request that these extensions are of.
    pub async fn summarise(&self, text: &str, bill: &Extensions) -> Result<String, ModelError> {
        let mut call = question(&self.chat, text).map_err(|error| ModelError::Failed(error.into()))?;
        carry(bill, call.extensions_mut());
        let answer = self.client.clone().oneshot(call).await.map_err(ModelError::from)?;
        if !answer.status().is_success() {
            return Err(ModelError::Failed(format!("the model answered {}", answer.status()).into()));
        }
        let body = answer.into_body().collect().await.map_err(|error| ModelError::Failed(error.into()))?;
        sentence(&body.to_bytes())
    }
}

fn question(chat: &str, text: &str) -> http::Result<Request<Full<Bytes>>> {
    let body = json!({
        "model": budget::MODEL,
        "max_tokens": TOKENS_OUT,
        "messages": [
            { "role": "system", "content": INSTRUCTION },
            { "role": "user", "content": beginning(text) },
        ],
    });
    Request::post(chat).header(header::CONTENT_TYPE, "application/json").body(Full::from(body.to_string()))
}

/// As much of a text as is sent, whole characters only.
fn beginning(text: &str) -> &str {
    let end = (0..=READ.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

fn sentence(body: &[u8]) -> Result<String, ModelError> {
    let completion: Completion =
        serde_json::from_slice(body).map_err(|error| ModelError::Failed(error.into()))?;
    match completion.choices.into_iter().next() {
        Some(choice) => Ok(choice.message.content),
        None => Err(ModelError::Failed("the model answered without a choice".into())),
    }
}

impl From<BoxError> for ModelError {
    fn from(error: BoxError) -> Self {
        match error.downcast::<Refused>() {
            Ok(refused) => Self::Refused(refused.0),
            Err(error) => Self::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_sent_than_was_estimated_and_no_character_is_cut() {
        assert_eq!(beginning("short"), "short");
        let long = "ä".repeat(1_000);
        assert_eq!(beginning(&long), "ä".repeat(READ / 2));
        assert_eq!(beginning(&format!("x{long}")).len(), READ - 1);
    }

    #[test]
    fn what_is_no_answer_is_a_failure() {
        let answer = br#"{"choices":[{"message":{"role":"assistant","content":"short"}}]}"#;
        assert_eq!(sentence(answer).unwrap(), "short");
        for answer in ["", "{}", r#"{"choices":[]}"#, r#"{"choices":[{"message":{}}]}"#] {
            assert!(matches!(sentence(answer.as_bytes()), Err(ModelError::Failed(_))), "{answer}");
        }
    }
}
