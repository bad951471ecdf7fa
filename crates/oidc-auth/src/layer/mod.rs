//! `AuthLayer`: who is calling.
//!
//! # What it stops
//!
//! Requests with an access token that is forged, expired, of another issuer, for another audience or purpose, bound to
//! another sender, or signed with a key or an algorithm that the issuer does not publish: they are answered 401 on every
//! route, also on public ones, because a client that sends a bad token has to learn it (RFC 6750 §3.1). Requests with more
//! than one credential, or with `Bearer` and no token: 400.
//!
//! It does **not** stop requests without a credential, unless [`AuthLayer::required`] says so: they go on as anonymous,
//! and the authorization layer answers 401 where a route asks for somebody. It does not decide what a caller may do, nor
//! does it see that a JWT was revoked before its end, unless the verifier asks a [`Denylist`](crate::Denylist). Tokens that are bound to a certificate (RFC 8705) are compared with that
//! of the connection, as the peer layer knows it; tokens that are bound to a key (RFC 9449) need [`AuthLayer::dpop`], and
//! are refused without it.
//!
//! # Place in the stack
//!
//! Place 4: behind headers, CORS and the limiter per address, so that its refusals are hardened, readable by a browser
//! and cheap to repeat; before quotas per caller and authorization, which ask who it is. The peer layer (place 0) tells it
//! the client's address, by which the places to wait for a new key are shared out.
//!
//! # Example
//!
//! ```
//! # use std::convert::Infallible;
//! use bytes::Bytes;
//! use gambeson_core::{ConfigError, RequestFacts};
//! use gambeson_oidc_auth::{AuthLayer, Issuer, Verifier};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # async fn app(request: Request<()>) -> Result<Response<Bytes>, Infallible> {
//! #     let facts = RequestFacts::of(request.extensions()).unwrap();
//! #     Ok(Response::new(Bytes::from(if facts.principal().is_some() { "somebody" } else { "nobody" })))
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
//! let verifier = Verifier::builder(issuer).audience("api").build()?;
//! let app = AuthLayer::new(verifier).layer(service_fn(app));
//!
//! // Without a credential the request goes on as anonymous.
//! let request = Request::get("/livez").body(()).unwrap();
//! let answer = app.clone().oneshot(request).await.unwrap();
//! assert_eq!(answer.body(), "nobody");
//!
//! // With a bad one it does not.
//! let request = Request::get("/livez").header("authorization", "Bearer e30.e30.c2ln").body(()).unwrap();
//! let answer = app.oneshot(request).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(answer.headers()["www-authenticate"], r#"Bearer error="invalid_token""#);
//! # Ok(())
//! # }
//! ```
//!
//! # Customised
//!
//! ```
//! # use std::convert::Infallible;
//! # use std::time::Duration;
//! # use bytes::Bytes;
//! # use gambeson_core::{ConfigError, Negotiated};
//! # use gambeson_oidc_auth::{AuthLayer, CacheConfig, ClaimNames, Issuer, TokenProfile, Verifier};
//! # use http::{Request, Response, StatusCode};
//! # use tower::{Layer, ServiceExt, service_fn};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! # let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
//! let verifier = Verifier::builder(issuer)
//!     .audience("https://api.example.com")
//!     .audience("api")
//!     .profile(TokenProfile::JwtLenient)
//!     .claims(ClaimNames::default().roles("/realm_access/roles"))
//!     .leeway(Duration::from_secs(10))
//!     .cache(CacheConfig::default().ttl(Duration::from_secs(15)))
//!     .build()?;
//! let layer = AuthLayer::required(verifier)
//!     .realm("notes")
//!     .resource_metadata("https://api.example.com/.well-known/oauth-protected-resource")
//!     .respond_with(Negotiated::new());
//!
//! let app = layer.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new()))));
//! let answer = app.oneshot(Request::new(())).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | anonymous requests | go on | probes and public routes share the stack; authorization refuses the rest |
//! | a bad token on a public route | 401 | RFC 6750 §3.1; a client that thinks it is known must learn that it is not |
//! | token profile | RFC 9068 access tokens | an ID token or a log-out token can't pass for one |
//! | a token that names no key (`kid`) | the first 4 keys of its algorithm are tried; if none fits, it waits for the next fetch like one that names an unknown key | issuers without key names rotate too; it bounds what a stranger's token costs |
//! | leeway | 30 s | clocks differ |
//! | longest lifetime | 24 h, a warning above 1 h | a stolen token works until its end |
//! | largest token | 8 KiB | what headers can hold elsewhere |
//! | verified-token cache | 60 s, 4096 entries | see [`CacheConfig`](crate::CacheConfig) |
//! | refresh of keys | by `Cache-Control`, between 1 min and 1 h | see [`KeyPolicy`](crate::KeyPolicy) |
//! | known keys during an outage of the issuer | 24 h | see [`KeyPolicy::max_stale`](crate::KeyPolicy::max_stale) |
//! | refusals | [`ProblemJson`] | any [`Respond`](gambeson_core::Respond) does |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | [`invalid-token`](crate#invalid-token) | 401 | the token is no good |
//! | [`credential-required`](crate#credential-required) | 401 | none was sent, and the layer is `required` |
//! | [`invalid-request`](crate#invalid-request) | 400 | more than one `Authorization` field, or one with the scheme and no token |
//! | [`conflicting-credentials`](crate#conflicting-credentials) | 400 | the token names another subject than a layer before |
//! | [`invalid-dpop-proof`](crate#invalid-dpop-proof), [`use-dpop-nonce`](crate#use-dpop-nonce) | 401 | see [`dpop`](crate::dpop) |
//! | [`verification-unavailable`](crate#verification-unavailable) | 503, `Retry-After` | what has to be asked about the token or its proof does not answer |
//! | [`keys-unavailable`](crate#keys-unavailable) | 503, `Retry-After` | no keys to check with; no fault of the token |
//!
//! # Telemetry
//!
//! The token itself is never written.
//!
//! | event | level | fields |
//! |---|---|---|
//! | `token refused` | info, warn where somebody has to mend a configuration: the first of each reason in a minute; the others debug | `reason` (a label of [`Reason`](crate::Reason)), `detail`, `others` (how many since), `trace_id` |
//! | `request refused` | info: the first in a minute; the others debug | `reason`, `others` |
//! | `keys fetched`, `keys skipped` | info, warn | `issuer`, `keys`, `skipped` |
//! | `keys could not be fetched` | warn | `issuer`, `error` |
//! | `the issuer publishes no key that can be used…` | warn | `issuer` |
//! | `the clock here and the issuer's differ…` | warn, at each fetch | `issuer`, `ahead_seconds` |
//! | audit event `token.verify` | | outcome denied or failed, reason, `why`; asynchronous |
//!
//! # Cancel safety
//!
//! A dropped response future gives back its place to wait and drops its clone of the inner service, which was not called.
//! The fetch that it waited for goes on for the others.
//!
//! # Errors
//!
//! The layer adds no error of its own: `type Error = S::Error`. Building a [`Verifier`] can fail with all problems of its
//! configuration.
//!
//! # Standards
//!
//! RFC 6750 §2.1, §3 and §3.1 (bearer tokens), RFC 8705 §3 (certificates), RFC 9449 §7 (DPoP), RFC 7515 §4.1.4, §4.1.11, §6 and §7.1, RFC 7517 §5, RFC 7518 §3.1, RFC 7519 §4.1,
//! RFC 8725 §3 (best practice for JWT), RFC 9068 §2.2 and §4 (access tokens), RFC 7643 §2.4 (lists of roles and groups), RFC 8414 §3 and OpenID Connect Discovery 1.0
//! §4 (metadata), RFC 9110 §11, RFC 9111 §4.2 (freshness), RFC 9470 §3 (step-up), RFC 9728 §5.1 (resource metadata).

mod credential;
mod decision;
mod refusal;
mod sender;
mod service;

use std::sync::Arc;

use gambeson_core::{Challenges, ProblemJson};
use tower_layer::Layer;

pub(crate) use self::credential::claims_a_token;
use self::decision::Gate;
use self::sender::Senders;
use self::service::Shared;
pub use self::service::{AuthService, ResponseFuture};
use crate::challenge::Bearer;
use crate::dpop::Dpop;
use crate::introspection::Introspection;
use crate::verifier::Verifier;

/// Establishes who is calling, from a bearer token. See the [module](self) for the whole page.
#[derive(Debug)]
pub struct AuthLayer<R = ProblemJson>(Arc<Shared<R>>);

impl<R> Clone for AuthLayer<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl AuthLayer {
    /// Requests without a credential go on as anonymous; the authorization layer asks them for one.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self::with(Gate::new(Some(verifier), false))
    }

    /// As [`AuthLayer::new`], said in the word of its counterpart.
    #[must_use]
    pub fn optional(verifier: Verifier) -> Self {
        Self::new(verifier)
    }

    /// Requests without a credential are answered 401 here: for a stack without an authorization layer. Somebody whom a
    /// layer before has verified passes.
    #[must_use]
    pub fn required(verifier: Verifier) -> Self {
        Self::with(Gate::new(Some(verifier), true))
    }

    /// Switched off: does nothing, not even note that it ran, so that an authorization layer behind it refuses all.
    #[must_use]
    pub fn off() -> Self {
        Self::with(Gate::new(None, false))
    }

    fn with(gate: Gate) -> Self {
        let respond = ProblemJson;
        Self(Arc::new(Shared { gate, respond }))
    }
}

impl<R> AuthLayer<R> {
    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.gate.verifier.is_none()
    }

    /// What verifies the tokens; `None` for a layer that is off.
    #[must_use]
    pub fn verifier(&self) -> Option<&Verifier> {
        self.0.gate.verifier.as_ref()
    }

    /// How the layer asks for credentials.
    pub(crate) fn challenges(&self) -> Challenges {
        self.0.gate.challenges.clone()
    }
}

impl<R: Clone> AuthLayer<R> {
    /// The name of the protected space in challenges (`realm`, RFC 9110 §11.5). Default: none.
    #[must_use]
    pub fn realm(self, realm: impl Into<Box<str>>) -> Self {
        let realm = Some(realm.into());
        self.changing(|gate| {
            gate.bearer = Arc::new(Bearer { realm, ..(*gate.bearer).clone() });
        })
    }

    /// Where clients learn which issuer to ask (`resource_metadata`, RFC 9728 §5.1). Default: none.
    #[must_use]
    pub fn resource_metadata(self, url: impl Into<Box<str>>) -> Self {
        let resource_metadata = Some(url.into());
        self.changing(|gate| {
            gate.bearer = Arc::new(Bearer { resource_metadata, ..(*gate.bearer).clone() });
        })
    }

    /// Accepts tokens that are bound to a key, with a proof (RFC 9449). Default: such tokens are refused. See
    /// [`dpop`](crate::dpop).
    #[must_use]
    pub fn dpop(self, dpop: Dpop) -> Self {
        self.changing(|gate| {
            gate.senders = Arc::new(Senders { dpop: Some(dpop), ..(*gate.senders).clone() });
        })
    }

    /// Asks the issuer about tokens that are no JWT (RFC 7662); a JWT is the verifier's, whatever becomes of it. Default: what is
    /// no JWT is refused. See [`introspection`](crate::introspection).
    #[must_use]
    pub fn introspect(self, introspection: Introspection) -> Self {
        self.changing(|gate| gate.introspection = Some(introspection))
    }

    /// Refuses tokens that are bound neither to a key nor to a certificate: a stolen token is worth nothing then. Default:
    /// they are accepted.
    #[must_use]
    pub fn require_sender_constraint(self) -> Self {
        self.changing(|gate| {
            gate.senders = Arc::new(Senders { constrained: true, ..(*gate.senders).clone() });
        })
    }

    /// Answers refusals in another way.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> AuthLayer<T> {
        let gate = self.0.gate.clone();
        AuthLayer(Arc::new(Shared { gate, respond }))
    }

    fn changing(self, change: impl FnOnce(&mut Gate)) -> Self {
        let Shared { mut gate, respond } = Arc::unwrap_or_clone(self.0);
        change(&mut gate);
        gate.renew_challenges();
        Self(Arc::new(Shared { gate, respond }))
    }
}

impl<S, R> Layer<S> for AuthLayer<R> {
    type Service = AuthService<S, R>;

    fn layer(&self, inner: S) -> AuthService<S, R> {
        AuthService { inner, shared: Arc::clone(&self.0) }
    }
}
