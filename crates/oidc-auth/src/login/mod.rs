//! `LoginLayer`: signs browsers in and out.
//!
//! # What it stops
//!
//! A browser is signed in by authorization code with PKCE at one provider, and known from then on by a session on the
//! server: no token ever reaches the page. What others try with that is refused: answers of the provider that belong to
//! another browser, another attempt or another provider (log-in CSRF, replay, mix-up, code injection), planted and tossed
//! cookies (session fixation), addresses elsewhere as the place to go to afterwards, log-outs from other sites, ID tokens
//! that are forged, somebody else's, or of another log-in.
//!
//! It does **not** stop requests without a session: they go on as anonymous, and the authorization layer answers 401 where
//! a route asks for somebody; of that 401 a browser's navigation sees the way to the log-in. It does not stop forged posts of other sites to the app's own routes: a log-in needs the
//! cross-site check of gambeson-hardening-headers in front. Of a log-out at the provider it learns at the next refresh only, unless
//! [`BackchannelLogout`] is mounted; access tokens at APIs outlive their session, unless log-in and verifiers share a
//! [denylist](LoginBuilder::denylist). It does not keep the access token, so it gives the app none to call others with.
//!
//! # Place in the stack
//!
//! Place 4, in front of [`AuthLayer`]: a request with an `Authorization` field is left to that, its cookie
//! is not looked at; every other is looked up by its cookie, and the other layer lets that stand. With
//! [`LoginLayer::beside`] the 401 of a request with neither asks for a token as before.
//!
//! The layer owns three paths, which never reach the app: `/login` (GET, a navigation), `/login/callback` (GET) and
//! `/logout` (POST). All that it sends a browser to is built on [`LoginBuilder::public_origin`]; the host that a request
//! names is never asked.
//!
//! # Example
//!
//! ```
//! # use std::convert::Infallible;
//! use bytes::Bytes;
//! use gambeson_core::{ConfigError, RequestFacts};
//! use gambeson_oidc_auth::{Issuer, Login, LoginLayer};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # async fn app(request: Request<()>) -> Result<Response<Bytes>, Infallible> {
//! #     let facts = RequestFacts::of(request.extensions()).unwrap();
//! #     Ok(Response::new(Bytes::from(if facts.principal().is_some() { "somebody" } else { "nobody" })))
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! let login = Login::builder(Issuer::discover("https://id.example.com"), "notes-web")
//!     .public_origin("https://notes.example.com")
//!     .build()?;
//! let app = LoginLayer::new(login).layer(service_fn(app));
//!
//! // Without a session the request goes on as anonymous.
//! let request = Request::get("/").body(()).unwrap();
//! assert_eq!(app.clone().oneshot(request).await.unwrap().body(), "nobody");
//!
//! // A link or an image of another site logs nobody out.
//! let request = Request::get("/logout").body(()).unwrap();
//! let answer = app.oneshot(request).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
//! assert_eq!(answer.headers()["allow"], "POST");
//! # Ok(())
//! # }
//! ```
//!
//! # Customised
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # use gambeson_core::{ConfigError, Negotiated, SecretBytes};
//! # use gambeson_oidc_auth::login::LoginPaths;
//! # use gambeson_oidc_auth::{AuthLayer, ClaimNames, Issuer, Login, LoginLayer, MemorySessions, SessionLifetime, Verifier};
//! # fn main() -> Result<(), ConfigError> {
//! # let secret = || SecretBytes::new(vec![7; 32]);
//! let issuer = Issuer::discover("https://id.example.com/realms/acme");
//! let login = Login::builder(issuer.clone(), "notes-web")
//!     .client_secret(secret())
//!     .public_origin("https://notes.example.com")
//!     .scopes(["openid", "profile", "offline_access"])
//!     .claims(ClaimNames::default().roles("/realm_access/roles"))
//!     .paths(LoginPaths::default().login("/sign-in").after_logout("/bye"))
//!     .lifetime(SessionLifetime::default().idle(Duration::from_secs(900)))
//!     .cookie_key(secret())
//!     .store(Arc::new(MemorySessions::new().capacity(5_000)))
//!     .build()?;
//! let tokens = AuthLayer::new(Verifier::builder(issuer).audience("notes").build()?).respond_with(Negotiated::new());
//! let sessions = LoginLayer::new(login).beside(&tokens).send_to_log_in(false); // each 401 is a page
//! # let _ = sessions;
//! # Ok(())
//! # }
//! ```
//!
//! A page signs out by a form: `<form method="post" action="/logout"><button>Sign out</button></form>`. Browsers check where
//! the redirect to the provider goes against the page's `form-action`: [`Login::csp_sources`] tells what to allow.
//! A browser that asks for a page without a session and is answered 401 by a layer further inside is sent to the log-in and back to the
//! page ([`LoginLayer::send_to_log_in`]); scripts get their 401. Pages with private content want `Cache-Control: no-store`, or the back button shows them after the log-out:
//! gambeson-hardening-headers sets it where this layer has recognised somebody; this layer sets it on its own answers only. Chromium
//! may keep such a page in memory all the same, for the way back: the log-out's `Clear-Site-Data: "cache"` has it forget them.
//!
//! Where a log-in is not enough for what a route does, [`RequireAcr`](crate::RequireAcr) sends the browser here with `acr_values` and
//! `max_age` in the query, which go on to the provider (step-up): contexts only if [`LoginBuilder::acr_values`] lists them. An ID token that
//! does not have what was asked for signs nobody in. Each log-in, this one too, gives the session a new id.
//!
//! # With axum, beside tokens
//!
//! Pages under sessions, an API under bearer tokens, and the test that signs in to it:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use gambeson_core::{ConfigError, Profile, SecretBytes};
//! use gambeson_oidc_auth::{AuthLayer, Caller, Issuer, Login, LoginLayer, Verifier};
//! use gambeson_testing::{Browser, DevClient, DevIdp};
//! use http::Request;
//!
//! const ORIGIN: &str = "http://127.0.0.1:3000";
//!
//! async fn who(caller: Option<Caller>) -> String {
//!     caller.map_or("nobody".into(), |Caller(person)| person.subject().to_owned())
//! }
//!
//! fn app(issuer: &str, profile: Profile) -> Result<Router, ConfigError> {
//!     let issuer = Issuer::discover(issuer);
//!     let verifier = Verifier::builder(issuer.clone()).audience("notes-api").run_in(profile).build()?;
//!     let login = Login::builder(issuer, "notes-web")
//!         .client_secret(SecretBytes::new(&b"secret"[..]))
//!         .public_origin(ORIGIN)
//!         .run_in(profile)
//!         .build()?;
//!     let api = Router::new().route("/who", get(who)).layer(AuthLayer::required(verifier));
//!     // A layer covers what the router has when it is added, and the fallback: the pages, and the log-in's own paths.
//!     Ok(Router::new().route("/", get(who)).layer(LoginLayer::new(login)).nest("/api", api))
//! }
//!
//! // The test.
//! let client = DevClient::confidential("notes-web", "secret").redirect_uri(format!("{ORIGIN}/login/callback"));
//! let idp = DevIdp::builder().audience("notes-api").client(client).start().await?;
//! let mut browser = Browser::new().app(ORIGIN, app(idp.issuer(), Profile::Development)?);
//! assert_eq!(browser.open("/").await?.text(), "nobody");
//! assert_eq!(browser.sign_in("/login", "alice").await?.text(), "alice");
//!
//! // The session does not open the API; a token does.
//! let ask = Request::get("/api/who");
//! assert_eq!(browser.ask(ask.body("".into())?).await?.status(), 401);
//! let ask = Request::get("/api/who").header("authorization", format!("Bearer {}", idp.mint().user("bob").token()));
//! assert_eq!(browser.ask(ask.body("".into())?).await?.text(), "bob");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "axum"))]
//! # fn main() {}
//! ```
//!
//! Where each route takes either, the last `Router::layer` is the outermost: `.layer(tokens).layer(sessions)`, with `sessions` made
//! `beside(&tokens)`. gambeson's `Stack` puts them so.
//!
//! # The end of a session
//!
//! | what happens | sessions | access tokens at APIs, with a [denylist](LoginBuilder::denylist) | refresh token |
//! |---|---|---|---|
//! | log-out here | this one | of its `sid`, issued until now; with [`SessionlessTokens::End`] the person's without `sid` too | revoked behind the answer (RFC 7009) |
//! | log-out at the provider ([`BackchannelLogout`]) | of the `sid` and the person's without `sid`; without `sid` in the logout token all of the `sub` that began before it | the same, those of the `sid` whenever issued | the provider's matter |
//! | [`Sessions::end_all`] | of the person | of the person, issued until now | |
//! | refused refresh | this one | of its `sid`, issued until now | used up |
//! | new log-in of the browser (step-up) | the old one, another id | | |
//! | idle, or over | this one | | |
//!
//! "Until now" includes the leeway of the denylist, as the issuer's clock may be ahead: for 30 s after a log-out new tokens of that `sid`,
//! and with [`SessionlessTokens::End`] the person's without `sid`, are refused too ([`DenylistBuilder::leeway`](crate::denylist::DenylistBuilder::leeway) shortens it).
//!
//! The log-out sends the provider no `state`: its answer changes nothing here, the session is over before (RP-Initiated Logout 1.0 §2 leaves
//! it to the app). The two official tests of that parameter don't apply to an app that sends none.
//!
//! A refresh is refused when the provider refuses the token, or its new ID token is not of the same log-in: `iss`, `sub`, `aud`, `azp`,
//! `auth_time` and `nonce` must not change (OpenID Connect Core 1.0 §12.2). Its scope may become less, never more. A log-in that
//! asks for a `max_age` needs an `auth_time` that keeps it.
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | paths | `/login`, `/login/callback`, `/logout`; then `/` | see [`LoginPaths`] |
//! | session cookie | `__Host-session; Secure; HttpOnly; SameSite=Lax; Path=/` | stays with this host; the way back from the provider crosses sites, which `Strict` forbids. `session`, not `Secure`, on http loopback in development |
//! | session id | 256 random bits, new at each log-in | kept as its SHA-256: who reads the store can't use it |
//! | lifetime | 30 min idle, 8 h in all | see [`SessionLifetime`] for the sources |
//! | log-ins under way | 10 min, 5 a browser | sealed (AES-256-GCM-SIV) in a cookie each: strangers cost no memory |
//! | cookie key | random, of this process | several instances share one: [`LoginBuilder::cookie_key`] |
//! | store | [`MemorySessions`]: 100,000 sessions, 10 a person | a person's oldest goes; a stranger has none. Several instances share one: `redis::RedisStores` (feature `redis`) |
//! | scopes | `openid profile` | |
//! | log-ins that are finished at once | 64, 16 of them of a network (an IPv4 address, an IPv6 /56); each once at a time; 5 s each | made-up codes must not make the app a hose, nor keep others out |
//! | refreshes at once | 64, apart from those; others wait | whatever goes on at the log-in |
//! | the discovery document | used for 24 h, looked at again after 1 h behind the log-ins; 512 requests wait for the first one, 32 of a network | a provider that hangs holds nobody up |
//! | without a refresh token, or a lifetime of the access token | no refresh: who it is and what they may do stay as they were at the log-in, up to the session's end | ask for `offline_access` where the provider wants that, or choose a shorter [`SessionLifetime::absolute`] |
//! | refresh | a fifth of the access token's life before its end, at least a minute, behind a request | the request does not wait |
//! | algorithms of ID tokens and logout tokens | those of the discovery document's `id_token_signing_alg_values_supported`; those of the published keys where it has none | a key that is published for something else vouches for nobody. What is not listed signs nobody in; a new algorithm is known when the document is looked at again |
//! | userinfo | not asked | an ID token says what most apps need: [`LoginBuilder::userinfo`] |
//! | provider down | sessions live to their own end | an outage of the provider is no outage of the app; a right that it took away is noticed when it is back |
//! | contexts that an address may ask for | none | anybody can write an address: it is not to choose a weaker log-in |
//! | a page without a session, answered 401 further inside | 303 to the log-in and back | a person wants to sign in, not to read a 401 |
//! | denylist | none; with [`Config`](crate::Config) that of `[oidc-auth.denylist]` | tokens need an `iat` with it |
//! | log-out while the store is down | 503, the cookie goes, and it is tried again 8 times in 4 min (256 at once, 16 of one network) | the browser is signed out at once |
//! | refusals | [`Negotiated`]: pages for browsers | any [`Respond`](gambeson_core::Respond) does |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | [`login-not-started`](crate#login-not-started) | 400 | the answer is not to a log-in that this browser has under way |
//! | [`login-response`](crate#login-response) | 400 | the answer is malformed, or of another issuer |
//! | [`login-failed`](crate#login-failed) | 400 | the provider or its ID token did not vouch for anybody, or not as strongly or freshly as asked |
//! | [`login-denied`](crate#login-denied) | 403 | the person, or the provider on its own, said no |
//! | [`login-unavailable`](crate#login-unavailable) | 503, `Retry-After` | the provider can't be asked, or too many ask already; what came back may come again then. Without `Retry-After` once the code went out: the person begins again |
//! | [`sessions-unavailable`](crate#sessions-unavailable) | 503, `Retry-After` | the store can't be asked, or is full; without `Retry-After` at the end of a log-in |
//! | [`logout-token`](crate#logout-token) | 400 | [`BackchannelLogout`]: no valid logout token |
//! | [`navigation-only`](crate#navigation-only) | 403 | `/login` as a frame, a script's request or a prefetch |
//! | [`cross-site-logout`](crate#cross-site-logout) | 403 | `/logout` from another origin |
//! | [`method-not-allowed`](crate#method-not-allowed) | 405, `Allow` | another method |
//! | [`conflicting-credentials`](crate#conflicting-credentials) | 400 | a layer before has verified another subject |
//!
//! # Telemetry
//!
//! No token, code, state or cookie is ever written.
//!
//! | event | level | fields |
//! |---|---|---|
//! | `signed in`, `signed out` | info | |
//! | `signed out by the provider` | info | `sessions` |
//! | `refresh token could not be revoked at the provider` | warn | `cause` |
//! | `request refused` (own paths) | info; warn for 5xx; at the back-channel debug for those between, see [`BackchannelLogout`] | `slug`, `cause`, `action`, `trace_id`; at the back-channel `others` |
//! | `session ended: its refresh was refused` | info | `cause` |
//! | `session could not be refreshed…` | warn | `cause` |
//! | `session store` | warn | `what`, `cause` |
//!
//! Audit events of kind `authentication`: `login`, `logout` and `logout.backchannel` (success; denied or failed with the slug as reason),
//! `session.expired`, `session.refresh` (success, denied), `session.end_all`.
//!
//! # Cancel safety
//!
//! With sessions in memory a request is decided within `call`; with a remote store, dropping the future before the answer
//! leaves everything as it was. A callback that is dropped while the code is exchanged has used up the code: the person
//! begins again. Once its session is created but the answer does not reach the browser, that session ends idle. A log-out
//! is carried through here though it is dropped, but then not at the provider, to which the browser would have been sent. Refreshes run
//! behind requests and don't know of their end.
//!
//! # Errors
//!
//! The layer adds no error of its own: `type Error = S::Error`. Building a [`Login`] can fail with all problems of its
//! configuration.
//!
//! # Standards
//!
//! RFC 6749 §4.1, §5, §6 and §10.12, RFC 7636 (PKCE, `S256` only), RFC 9207 §2.4 (`iss` of the response), RFC 9700 §2.1 and
//! §4 (best practice), OpenID Connect Core 1.0 §3.1 (code flow), §3.1.3.7 (ID token) and §12 (refresh), Discovery 1.0 §4,
//! RP-Initiated Logout 1.0 §2, Back-Channel Logout 1.0 §2, RFC 7009 §2 (revocation), RFC 6265bis §4.1.3 (cookie prefixes), RFC 8452
//! (AES-GCM-SIV), W3C Clear Site Data §3.1, OWASP ASVS 5.0 §7.

mod attempt;
mod backchannel;
mod begin;
mod builder;
mod callback;
#[cfg(feature = "conformance")]
pub mod conformance;
mod cookies;
mod detour;
mod ending;
mod finishing;
mod handle;
mod id_token;
mod logout;
mod memory;
mod memory_index;
mod origin;
mod paths;
mod provider;
mod random;
mod refresh;
mod refusal;
mod return_to;
mod seal;
mod sealed;
mod service;
mod session;
mod status;
mod step;
mod store;
mod telemetry;
mod userinfo;
mod visit;
mod written;

use std::sync::Arc;

use gambeson_core::{Challenges, Negotiated};
use tower_layer::Layer;

pub use self::backchannel::{BackchannelLogout, ResponseFuture as BackchannelFuture};
pub use self::builder::LoginBuilder;
pub use self::ending::SessionlessTokens;
pub use self::handle::{CspSources, Login, Sessions};
pub use self::memory::MemorySessions;
pub use self::paths::LoginPaths;
pub use self::sealed::{NotASession, SessionSeal};
use self::service::Shared;
pub use self::service::{LoginService, ResponseFuture};
pub use self::session::{Session, SessionKey, SessionLifetime};
pub use self::status::LoginStatus;
pub use self::store::{
    ProviderSession, SessionStore, SessionStoreError, SessionStoreErrorKind, SessionsOf, StoredSession,
};
use crate::layer::AuthLayer;

/// Signs browsers in and out, and says whose session a request is of. See the [module](self) for the whole page.
#[derive(Debug)]
pub struct LoginLayer<R = Negotiated>(Arc<Shared<R>>);

impl<R> Clone for LoginLayer<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl LoginLayer {
    /// Answers the paths of `login`; requests without a session go on as anonymous.
    #[must_use]
    pub fn new(login: Login) -> Self {
        Self::with(Some(login))
    }

    /// Switched off: does nothing, not even note that it ran.
    #[must_use]
    pub fn off() -> Self {
        Self::with(None)
    }

    fn with(login: Option<Login>) -> Self {
        let (challenges, respond) = (Challenges::none(), Negotiated::new());
        Self(Arc::new(Shared { login, challenges, detours: true, respond }))
    }
}

impl<R> LoginLayer<R> {
    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.login.is_none()
    }

    /// The log-in whose paths it answers; `None` for a layer that is off.
    #[must_use]
    pub fn login(&self) -> Option<&Login> {
        self.0.login.as_ref()
    }
}

impl<R: Clone> LoginLayer<R> {
    /// Takes over how `tokens` asks for credentials: in front of an [`AuthLayer`] the first word about an anonymous request
    /// is this layer's, and without this its 401 would carry no challenge.
    #[must_use]
    pub fn beside<T>(self, tokens: &AuthLayer<T>) -> Self {
        let shared = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Shared { challenges: tokens.challenges(), ..shared }))
    }

    /// Whether a browser that asks for a page without a session, and is answered 401 by a layer further inside, is sent to the log-in
    /// and back to the page. Default true. Scripts and forms get their 401, and a 401 of the app's own stays.
    #[must_use]
    pub fn send_to_log_in(self, send: bool) -> Self {
        let shared = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Shared { detours: send, ..shared }))
    }

    /// Answers refusals in another way. Redirects need no responder.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> LoginLayer<T> {
        let Shared { login, challenges, detours, .. } = Arc::unwrap_or_clone(self.0);
        LoginLayer(Arc::new(Shared { login, challenges, detours, respond }))
    }
}

impl<S, R> Layer<S> for LoginLayer<R> {
    type Service = LoginService<S, R>;

    fn layer(&self, inner: S) -> LoginService<S, R> {
        LoginService { inner, shared: Arc::clone(&self.0) }
    }
}
