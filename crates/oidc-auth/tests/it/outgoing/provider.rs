//! A provider behind a transport that answers from memory, and sources of its tokens on a clock that is set by hand.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    BoxFuture, FixedEntropy, HttpTransport, ManualClock, SecretBytes, Timestamp, TransportError,
    TransportErrorKind, TransportLimits,
};
use gambeson_oidc_auth::outgoing::{TokenSource, TokenSourceBuilder};
use gambeson_oidc_auth::{ClientAuth, Issuer};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::fake_issuer::{ISSUER, START, settle};

/// A secret that no log may show.
pub(crate) const SECRET: &str = "s3cr3t & more";

/// How the token endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Up,
    Down,
    Hangs,
    Says(u16, &'static str),
    /// So many bytes.
    Long(usize),
}

/// What came to the token endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    form: Vec<(String, String)>,
    pub(crate) authorization: Option<String>,
}

impl Asked {
    /// The one value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.form.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} comes twice");
        value
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) mood: Mood,
    pub(crate) metadata: Value,
    /// The good answer; `access_token` is `token-<n>` unless it has one.
    pub(crate) answer: Value,
    pub(crate) urls: Vec<String>,
    /// Whether the last request might have gone to an address of special use.
    pub(crate) special_use: bool,
    /// Tokens that are exchanged no more.
    pub(crate) ended: Vec<&'static str>,
    asked: Vec<Asked>,
}

/// The provider. Clones share it.
#[derive(Clone)]
pub(crate) struct FakeProvider(Arc<Mutex<State>>);

impl FakeProvider {
    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.edit(|state| state.mood = mood);
    }

    /// How often a token was asked for.
    pub(crate) fn count(&self) -> usize {
        self.edit(|state| state.asked.len())
    }

    /// The last that came.
    pub(crate) fn last(&self) -> Asked {
        self.edit(|state| state.asked.last().cloned()).unwrap()
    }

    fn answer(&self, request: &Request<Bytes>, limits: TransportLimits) -> Option<Reply> {
        self.edit(|state| {
            let url = request.uri().to_string();
            state.urls.push(url.clone());
            state.special_use = limits.special_use_addresses;
            if url.ends_with("/.well-known/openid-configuration") {
                return Some(reply(200, state.metadata.to_string()));
            }
            let form = form_urlencoded::parse(request.body());
            let authorization = request.headers().get("authorization");
            state.asked.push(Asked {
                form: form.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
                authorization: authorization.map(|value| value.to_str().unwrap().to_owned()),
            });
            let asked = state.asked.last();
            let presented = |name: &str| asked.and_then(|asked| asked.field(name));
            let tokens = [presented("subject_token"), presented("actor_token")];
            if tokens.into_iter().flatten().any(|token| state.ended.contains(&token)) {
                return Some(reply(400, r#"{"error":"invalid_request"}"#.into()));
            }
            match state.mood {
                Mood::Down => Some(Err(TransportError::new(TransportErrorKind::Connect))),
                Mood::Hangs => None,
                Mood::Says(status, text) => Some(reply(status, text.into())),
                Mood::Long(length) if length > limits.max_body => {
                    Some(Err(TransportError::new(TransportErrorKind::TooLarge)))
                }
                Mood::Long(length) => Some(reply(200, " ".repeat(length))),
                Mood::Up => {
                    let mut answer = state.answer.clone();
                    let count = state.asked.len();
                    let object = answer.as_object_mut().unwrap();
                    object.entry("access_token").or_insert_with(|| json!(format!("token-{count}")));
                    Some(reply(200, answer.to_string()))
                }
            }
        })
    }
}

type Reply = Result<Response<Bytes>, TransportError>;

fn reply(status: u16, body: String) -> Reply {
    Ok(Response::builder().status(status).body(body.into()).unwrap())
}

/// Shows nothing of what came.
impl std::fmt::Debug for FakeProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeProvider")
    }
}

impl HttpTransport for FakeProvider {
    fn send(&self, request: Request<Bytes>, limits: TransportLimits) -> BoxFuture<Reply> {
        let answer = self.answer(&request, limits);
        Box::pin(async move {
            match answer {
                Some(answer) => answer,
                None => pending().await,
            }
        })
    }
}

/// A provider and a clock.
pub(crate) struct Scene {
    pub(crate) provider: FakeProvider,
    pub(crate) clock: ManualClock,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let provider = FakeProvider(Arc::new(Mutex::new(State {
            mood: Mood::Up,
            metadata: json!({
                "issuer": ISSUER,
                "jwks_uri": format!("{ISSUER}/jwks"),
                "token_endpoint": format!("{ISSUER}/token"),
            }),
            answer: json!({"token_type": "Bearer", "expires_in": 300}),
            urls: Vec::new(),
            special_use: false,
            ended: Vec::new(),
            asked: Vec::new(),
        })));
        Self { provider, clock: ManualClock::at(Timestamp::from_unix_seconds(START)) }
    }

    /// A source on this scene's clock and transport.
    pub(crate) fn on(&self, builder: TokenSourceBuilder) -> TokenSourceBuilder {
        builder
            .clock(Arc::new(self.clock.clone()))
            .timer(Arc::new(self.clock.clone()))
            .entropy(Arc::new(FixedEntropy::starting_at(1)))
            .transport(Arc::new(self.provider.clone()))
    }

    pub(crate) fn credentials(&self) -> TokenSourceBuilder {
        self.on(TokenSource::client_credentials(issuer(), by_secret()))
    }

    pub(crate) fn source(&self) -> TokenSource {
        self.credentials().build().unwrap()
    }

    /// Lets time pass and the background tasks run.
    pub(crate) async fn pass_seconds(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        settle().await;
    }
}

pub(crate) fn issuer() -> Issuer {
    Issuer::discover(ISSUER)
}

pub(crate) fn secret() -> SecretBytes {
    SecretBytes::new(SECRET.as_bytes())
}

pub(crate) fn by_secret() -> ClientAuth {
    ClientAuth::secret("billing", secret())
}
