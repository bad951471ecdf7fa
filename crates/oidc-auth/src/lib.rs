//! Who is calling: verification of OAuth 2.0 access tokens as a `tower` layer.
//!
//! A [`Verifier`] checks tokens of one [`Issuer`], whose keys it fetches by discovery and refreshes off the request path.
//! [`AuthLayer`] puts it before an app, and leaves in the request's facts who is calling. [`LoginLayer`] does the same for
//! browsers: a [`Login`] signs them in and out, and a session on the server says who they are. [`CertificateLayer`] knows services by their certificates. [`TokenLayer`] is the way
//! out: it puts a short-lived token on this app's calls to other services.
//!
//! ```
//! use gambeson_oidc_auth::{AuthLayer, Issuer, Verifier};
//!
//! # fn main() -> Result<(), gambeson_core::ConfigError> {
//! # let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
//! // let issuer = Issuer::discover("https://id.example.com");
//! let verifier = Verifier::builder(issuer).audience("api").build()?;
//! let layer = AuthLayer::new(verifier);
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! # Testing your app
//!
//! `DevIdp` of gambeson-testing is an issuer in the test's process, `Browser` signs in to it: [`login`](login#with-axum-beside-tokens) has the
//! test of an app with pages and an API, [gambeson-testing](https://docs.rs/gambeson-testing/latest/gambeson_testing/#testing-your-app) what layers
//! expect of a test's requests.
//!
//! # Keys that rotate
//!
//! A token by a key that is not known yet waits for the next permitted fetch instead of being refused, if everything else
//! about it could be true. An issuer that rotates its keys, and even one that does so without notice, costs its users a
//! short wait and no 401. Strangers who invent key names can't make the app fetch more than once in two seconds, nor
//! take all the places to wait from one network: a full room takes one from the network that has most. Who has as many networks as
//! there are places can fill it, and then tokens by new keys get 503 while those by known keys go on. A key that was replaced under its
//! old name is noticed by its first 401 and fetched behind it; forged tokens look the same, so each such fetch that shows the same keys puts off
//! the next one, up to a minute. While the issuer is down, known keys go on working; what can't be checked is answered 503, also when
//! the issuer publishes no usable key at all.
//!
//! # When the issuer misbehaves
//!
//! An app that starts meanwhile has no keys; one that runs goes on with those it has, for [`KeyPolicy::max_stale`]. At most 256 KiB
//! are read of any answer. What the log says names what was got and what to mend; [`Doctor`] says more.
//!
//! | the issuer | an app without keys | an app with keys | in the log, as a warning |
//! |---|---|---|---|
//! | hangs, is down, answers 500 | 503 | goes on | `keys could not be fetched`: deadline, connection, status |
//! | sends fifty megabytes | 503 | goes on | … `answer larger than allowed` |
//! | redirects | 503 | goes on | … whereto: the address to configure |
//! | answers with a page | 503 | goes on | … `a page for people` |
//! | names another issuer | 503 | goes on | … both names |
//! | publishes no key that can be used | 503 | 503: the old keys are withdrawn | `the issuer publishes no key that can be used` |
//! | publishes keys of which some can't be used | goes on with the others | the same | `keys skipped`, and why |
//! | has a clock that is far off | 401 for tokens that are not yet, or no longer, valid | the same | `the clock here and the issuer's differ`, by how much |
//!
//! # Rejections
//!
//! ## invalid-token
//!
//! 401 with `WWW-Authenticate: Bearer error="invalid_token"`, and `"error":"invalid_token"` in the problem document. The token is not one that this app accepts. Which check it
//! failed is in the log (field `reason`), not in the answer. The first things to look at: whether
//! its `aud` is this API, whether `iss` is the configured issuer to the letter, slashes included, and whether the clocks
//! agree.
//!
//! ## credential-required
//!
//! 401 with `WWW-Authenticate: Bearer`. No token was sent, and the layer was built as [`AuthLayer::required`].
//!
//! ## certificate-required
//!
//! Status 401. No client certificate was shown, and [`CertificateLayer`] was built as required. Where a proxy ends TLS: it has to be
//! declared as one that tells client certificates.
//!
//! ## certificate-refused
//!
//! Status 401. The client certificate has ended, or names no service of the list, or several. Which, is in the log.
//!
//! ## invalid-request
//!
//! 400 with `error="invalid_request"`, in the problem document too. The request has more than one `Authorization` field,
//! or names the scheme `Bearer` or `DPoP` without a token. A token that can't be read is [`invalid-token`](#invalid-token) (RFC 6750 §3.1).
//!
//! ## conflicting-credentials
//!
//! Status 400. The token, or the client certificate, names another subject than the credential that a layer before has verified, for
//! example a session.
//!
//! ## insufficient-scope
//!
//! 403 with `error="insufficient_scope"` and the scopes that would do. The token is good, but was not issued for this: ask the
//! issuer for a token with those scopes.
//!
//! ## insufficient-user-authentication
//!
//! 401 with `error="insufficient_user_authentication"`, and with `acr_values` and `max_age` as far as they count (RFC 9470 §3). The
//! person has to log in again: send them to the issuer with these two as parameters. A token without `auth_time` or `acr` never
//! is enough: have the issuer put them in.
//!
//! ## invalid-dpop-proof
//!
//! 401 with `WWW-Authenticate: DPoP error="invalid_dpop_proof"`. The token may be good, the proof in the field `DPoP` is not one for
//! this request (RFC 9449 §4.3): its `htu` must be the public address of the request and its `htm` the method, its `iat` now, its
//! `jti` new, its `ath` the token's digest. Which of them it was is in the log.
//!
//! ## use-dpop-nonce
//!
//! 401 with `error="use_dpop_nonce"` and a nonce in the field `DPoP-Nonce` (RFC 9449 §9): repeat the request with a proof that holds it.
//!
//! ## verification-unavailable
//!
//! 503 with `Retry-After`. The token may be good, but something that has to be asked about it can't be: the store of proofs that were
//! used, the issuer's introspection endpoint, or the log of denials that instances share. Keep the token and try again.
//!
//! ## keys-unavailable
//!
//! 503 with `Retry-After`. The token may be good, but the issuer's keys can't be had right now, or too many requests wait
//! for them already. Keep the token and try again.
//!
//! ## login-not-started
//!
//! Status 400. The provider's answer is not to a log-in that this browser has under way: it was begun in another browser or more
//! than ten minutes ago, is finished already, or the browser sent no cookies. Begin again. If it happens to everybody: the app
//! was opened under another name than its public origin, or several instances don't share their `cookie_key`.
//!
//! ## login-response
//!
//! Status 400. The provider's answer is malformed or names another issuer (RFC 9207): it may come from somewhere else.
//!
//! ## login-failed
//!
//! Status 400. The provider did not take the code, answered with an error, or its ID token is not one for this log-in. Which, is in
//! the log.
//!
//! ## login-denied
//!
//! Status 403. The log-in was cancelled, or the provider does not let this person in.
//!
//! ## login-unavailable
//!
//! 503 with `Retry-After`, without it at the end of a log-in, which has to begin again. The provider can't be asked, or refuses this app (a
//! wrong client secret, for example): see the log.
//!
//! ## sessions-unavailable
//!
//! 503 with `Retry-After`, without it at the end of a log-in. The session store can't be asked, or holds as many live sessions as it may. Which, is in the log.
//!
//! ## logout-token
//!
//! Status 400, as JSON `invalid_request`. What was posted to the back-channel endpoint is not a logout token of the issuer for this client,
//! or it came before. Which check it failed is in the log.
//!
//! ## navigation-only
//!
//! Status 403. A log-in is opened as a page of its own, not in a frame, by a script or ahead of time.
//!
//! ## cross-site-logout
//!
//! Status 403. A log-out comes from a page of this origin, as `Sec-Fetch-Site` or `Origin` say; a client that sends neither is no browser of
//! today, and is let through. A cross-site check in front answers first, with its own slug.
//!
//! ## method-not-allowed
//!
//! 405 with `Allow`. Logging in takes GET, logging out POST.
//!
//! ## outgoing-token-unavailable
//!
//! 503 and when to try again, of a call to another service: no token for it can be had right now, because the issuer can't be
//! asked or answers nonsense. Which, is in the log. Nothing was sent.
//!
//! ## outgoing-token-refused
//!
//! 502, of a call to another service: the issuer does not give this app such a token. The first things to look at: the client's
//! id and secret, and whether it may have this grant, scope and audience.
//!
//! ## caller-token-refused
//!
//! 401, of a call on somebody's behalf: the issuer does not exchange their token (`invalid_request`, or `invalid_grant`).
//! It has ended, or was revoked, or is not for this app.
//!
//! ## caller-without-bearer
//!
//! 401, of a call on somebody's behalf: they came in by a session, or with a token that is bound to a key (RFC 9449), which can't be exchanged.
//! What such callers may use must not need it, or call with a token of the app's own.
//!
//! ## caller-authorization-copied
//!
//! 500, of a call on somebody's behalf: the outgoing request has an `Authorization` field already, as when the incoming fields were copied.
//! Nothing was sent, to no origin: it would be the caller's own token. Leave the field out; calls with a credential of the app's own go by
//! another client.
//!
//! ## caller-token-missing
//!
//! 500, of a call on somebody's behalf: the outgoing request carries no [`CallerToken`](outgoing::CallerToken).
//!
//! ## layer-order
//!
//! 500, by [`RequireLayer`] and the extractor `Caller` (feature `axum`): no authentication layer ran before; by [`CertificateLayer`]: no
//! peer layer did. Apply the layer after the routes are added, and see with `cargo tree -d` that there is one gambeson-core.
#![forbid(unsafe_code)]

mod algorithm;
mod binding;
mod builder;
mod cache;
#[cfg(feature = "axum")]
mod caller;
pub mod certificate;
mod challenge;
mod claim_rule;
mod client_config;
mod config;
mod configured;
#[cfg(feature = "conformance")]
pub mod conformance;
mod credential_config;
pub mod cut_off;
pub mod denylist;
mod dialect;
mod digest;
mod doctor;
pub mod dpop;
mod error;
mod explain;
mod gated;
mod http_date;
mod identity;
pub mod introspection;
mod issuer;
mod jwt;
mod key_policy;
mod keys;
pub mod layer;
pub mod login;
mod login_config;
pub mod outgoing;
mod policy;
mod preset_config;
mod presets;
#[cfg(feature = "redis")]
pub mod redis;
mod refusal_log;
pub mod require;
mod resource;
mod revocation;
mod seams;
mod several;
mod shared;
mod shares;
mod status;
mod step_up;
mod telemetry;
mod tenants;
mod token_endpoint;
mod token_file;
mod verifier;

pub use builder::{NeedsAudience, VerifierBuilder};
pub use cache::CacheConfig;
#[cfg(feature = "axum")]
pub use caller::Caller;
pub use certificate::{CertificateLayer, CertificateLayerBuilder, CertificatesConfig, KnownService};
pub use claim_rule::ClaimRule;
pub use client_config::ClientAuthMethod;
pub use config::Config;
pub use configured::Configured;
pub use credential_config::{DenylistConfig, DpopConfig, IntrospectionConfig};
pub use cut_off::CutOffLayer;
pub use denylist::{Denial, Denylist};
pub use doctor::{Doctor, Finding, Grade, Report};
pub use dpop::Dpop;
pub use error::{Reason, TokenError, TokenErrorKind};
pub use explain::{ExplainedStep, Explanation, Verdict};
pub use introspection::Introspection;
pub use issuer::Issuer;
pub use key_policy::KeyPolicy;
pub use layer::AuthLayer;
pub use login::{BackchannelLogout, Login, LoginLayer, MemorySessions, SessionLifetime};
pub use login_config::LoginConfig;
pub use outgoing::{TokenLayer, TokenSource};
pub use policy::{ClaimNames, TokenProfile};
pub use preset_config::{ClaimsConfig, Preset, RuleConfig};
#[cfg(feature = "redis")]
pub use redis::RedisStores;
pub use require::{RequireAcr, RequireLayer, RequireScopes};
pub use resource::{MetadataService, ProtectedResource, ProtectedResourceBuilder};
pub use revocation::{Revocation, RevocationBuilder, TokenHint};
pub use shared::Shared;
pub use status::VerifierStatus;
pub use token_endpoint::{
    AssertionAlgorithm, AssertionKey, ClientAuth, ClientCertificate, ClientSecret, RevocationError,
    RevocationErrorKind,
};
pub use verifier::Verifier;
