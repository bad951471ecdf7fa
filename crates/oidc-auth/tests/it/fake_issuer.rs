//! An issuer behind a transport that answers from memory, and a verifier on a clock that is set by hand.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    BoxFuture, FixedEntropy, HttpTransport, ManualClock, Profile, Timestamp, TransportError,
    TransportErrorKind, TransportLimits,
};
use gambeson_oidc_auth::{Issuer, NeedsAudience, Verifier, VerifierBuilder};
use http::{HeaderValue, Request, Response};
use serde_json::{Value, json};

use crate::signer::Signer;

pub(crate) const ISSUER: &str = "https://id.example";
/// The moment at which every test starts.
pub(crate) const START: i64 = 1_795_000_000;

/// How the issuer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Up,
    Down,
    Error,
    Garbage,
    Hangs,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) mood: Mood,
    pub(crate) keys: Vec<Value>,
    pub(crate) metadata: Value,
    pub(crate) metadata_path: String,
    pub(crate) etag: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) date: Option<&'static str>,
    /// For how many seconds a cache says it has had the keys.
    pub(crate) age: Option<&'static str>,
    /// Whether each request for keys was to go past caches.
    pub(crate) past_caches: Vec<bool>,
    pub(crate) seen: Vec<(String, bool, TransportLimits)>,
    /// It answers only who shows this.
    pub(crate) known: Option<&'static str>,
    /// What was shown with each request.
    pub(crate) shown: Vec<Option<HeaderValue>>,
}

/// The issuer. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct FakeIssuer(Arc<Mutex<State>>);

impl FakeIssuer {
    pub(crate) fn with(signers: &[&Signer]) -> Self {
        let issuer = Self(Arc::new(Mutex::new(State {
            mood: Mood::Up,
            keys: Vec::new(),
            metadata: json!({"issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks")}),
            metadata_path: "/.well-known/openid-configuration".into(),
            etag: None,
            cache_control: None,
            date: None,
            age: None,
            past_caches: Vec::new(),
            seen: Vec::new(),
            known: None,
            shown: Vec::new(),
        })));
        issuer.publish(signers);
        issuer
    }

    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// Publishes these keys and no others.
    pub(crate) fn publish(&self, signers: &[&Signer]) {
        self.edit(|state| state.keys = signers.iter().map(|signer| signer.jwk()).collect());
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.edit(|state| state.mood = mood);
    }

    /// How often the keys were asked for.
    pub(crate) fn fetches(&self) -> usize {
        self.edit(|state| state.seen.iter().filter(|(url, ..)| url.ends_with("/jwks")).count())
    }

    fn answer(&self, request: &Request<Bytes>, limits: TransportLimits) -> Option<Response<Bytes>> {
        self.edit(|state| {
            let conditional = request.headers().get("if-none-match");
            state.seen.push((request.uri().to_string(), conditional.is_some(), limits));
            let shown = request.headers().get("authorization").cloned();
            state.shown.push(shown.clone());
            if state.known.is_some_and(|known| shown.is_none_or(|shown| shown != known)) {
                return Some(Response::builder().status(401).body(Bytes::new()).unwrap());
            }
            let builder = Response::builder();
            let whole = |body: String| Some(builder.body(Bytes::from(body)).unwrap());
            match state.mood {
                Mood::Up => {}
                // What comes with an error counts for nothing, be it a key set.
                Mood::Error => {
                    let body = json!({"keys": state.keys}).to_string();
                    return Some(Response::builder().status(500).body(body.into()).unwrap());
                }
                Mood::Garbage => return whole("{\"keys\":[{\"kty\"".into()),
                Mood::Down | Mood::Hangs => return None,
            }
            if request.uri().path() == state.metadata_path {
                let mut answer = Response::new(Bytes::from(state.metadata.to_string()));
                if let Some(date) = state.date {
                    answer.headers_mut().insert("date", date.parse().unwrap());
                }
                return Some(answer);
            }
            if !request.uri().path().ends_with("/jwks") {
                return Some(Response::builder().status(404).body(Bytes::new()).unwrap());
            }
            let mut builder = Response::builder();
            state
                .past_caches
                .push(request.headers().get("cache-control").is_some_and(|said| said == "no-cache"));
            if let Some(age) = state.age {
                builder = builder.header("age", age);
            }
            if let Some(etag) = &state.etag {
                builder = builder.header("etag", etag);
            }
            if let Some(control) = &state.cache_control {
                builder = builder.header("cache-control", control);
            }
            if state.etag.is_some()
                && conditional.map(|value| value.as_bytes()) == state.etag.as_deref().map(str::as_bytes)
            {
                return Some(builder.status(304).body(Bytes::new()).unwrap());
            }
            Some(builder.body(json!({"keys": state.keys}).to_string().into()).unwrap())
        })
    }
}

impl HttpTransport for FakeIssuer {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let answer = self.answer(&request, limits);
        let hangs = self.edit(|state| state.mood == Mood::Hangs);
        Box::pin(async move {
            match answer {
                Some(answer) => Ok(answer),
                None if hangs => pending().await,
                None => Err(TransportError::new(TransportErrorKind::Connect)),
            }
        })
    }
}

/// An issuer, a clock, and the settings of a verifier that knows them.
pub(crate) struct House {
    pub(crate) issuer: FakeIssuer,
    pub(crate) clock: ManualClock,
}

impl House {
    pub(crate) fn with(signers: &[&Signer]) -> Self {
        Self {
            issuer: FakeIssuer::with(signers),
            clock: ManualClock::at(Timestamp::from_unix_seconds(START)),
        }
    }

    pub(crate) fn builder(&self) -> VerifierBuilder {
        self.builder_of(Verifier::builder(Issuer::discover(ISSUER)))
    }

    pub(crate) fn builder_of(&self, builder: NeedsAudience) -> VerifierBuilder {
        builder
            .audience("api")
            .run_in(Profile::Production)
            .clock(Arc::new(self.clock.clone()))
            .timer(Arc::new(self.clock.clone()))
            .entropy(Arc::new(FixedEntropy::starting_at(1)))
            .transport(Arc::new(self.issuer.clone()))
    }

    /// A verifier that has its keys.
    pub(crate) async fn verifier(&self) -> Verifier {
        let verifier = self.builder().build().unwrap();
        settle().await;
        verifier
    }

    /// Lets time pass and the background tasks run.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        settle().await;
    }

    pub(crate) async fn pass_seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds)).await;
    }
}

/// A verifier with the keys of these signers, fetched from nowhere.
pub(crate) fn static_verifier(signers: &[&Signer]) -> VerifierBuilder {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    let house = House::with(&[]);
    let issuer = Issuer::static_keys(ISSUER, json!({ "keys": keys }).to_string());
    house.builder_of(Verifier::builder(issuer))
}

/// Claims of an access token of alice, valid for five minutes.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "api", "sub": "alice", "client_id": "web", "jti": "1",
        "iat": START, "exp": START + 300, "scope": "notes:read notes:write",
        "roles": ["editor"], "groups": ["staff"], "tenant": "acme",
    })
}

/// The claims with one changed; `null` takes it away.
pub(crate) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => {
            claims.as_object_mut().unwrap().remove(name);
        }
        value => claims[name] = value,
    }
    claims
}

/// Lets all tasks of this runtime go as far as they can.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
