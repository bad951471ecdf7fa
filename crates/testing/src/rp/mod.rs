//! A suite for apps that sign people in at an OpenID provider: relying parties.
//!
//! [`DevIdp`](crate::DevIdp) plays the provider, with the behaviour that a test asks for; a scripted browser walks the app:
//! its log-in, the provider's page, the callback, a page that says who is signed in, the log-out. A test decides by what the
//! app did and by what it sent to the provider. The app may be of any make: it is known by its address on loopback alone.
//!
//! The tests have the names that the OpenID Foundation's conformance suite gives them (as of August 2026), so that results can
//! be laid side by side. They are written anew from the standards: to pass them is **no certification**, but who passes has few
//! surprises there.
//!
//! # Example
//!
//! `start` starts the app for each test, by whatever way: a task, a process, a container. Here it is left to the reader.
//!
//! ```no_run
//! # use gambeson_core::BoxError;
//! # async fn spawn_my_app(issuer: &str, id: &str, secret: &str) -> Result<(String, ()), BoxError> { Ok((String::new(), ())) }
//! # async fn test() -> Result<(), BoxError> {
//! use gambeson_testing::rp::{RelyingParty, Running, Suite};
//!
//! let report = Suite::new(RelyingParty::new("/me").login("/login").callback("/login/callback"))
//!     .run(async |given| {
//!         // Binds a port of its own, and stops when the guard is dropped.
//!         let (origin, guard) = spawn_my_app(given.issuer(), given.client_id(), given.client_secret()).await?;
//!         Ok(Running::at(origin).keep(guard))
//!     })
//!     .await?;
//! assert!(report.is_passed(), "{report}");
//! # Ok(())
//! # }
//! ```
//!
//! An app that can't be started by a test runs where it runs: [`Suite::run_elsewhere`], or the program `gambeson-rp-test`
//! (feature `rp-bin`). It is told the issuer `http://127.0.0.1:3001`, the client `web` and the secret `dev-web-secret` before:
//!
//! ```text
//! $ cargo run -p gambeson-testing --features rp-bin --bin gambeson-rp-test
//! ```
//!
//! # Tests
//!
//! | test | the provider | the app |
//! |---|---|---|
//! | `oidcc-client-test` | behaves | asks with `response_type=code`, exchanges the code, sends no token in an address; signed in. Warned: nothing binds the answer to the browser; an odd or long nonce |
//! | `…-invalid-iss`, `…-invalid-aud`, `…-missing-sub`, `…-missing-iat`, `…-nonce-invalid` | spoils a claim of the ID token | refuses, and asks for no userinfo |
//! | `…-idtoken-sig-rs256` | behaves | signed in |
//! | `…-idtoken-sig-none` | leaves the ID token unsigned | better refuses: else warned |
//! | `…-invalid-sig-rs256` | spoils the signature | better refuses: else warned |
//! | `…-kid-absent-single-jwks` | one key, without a name | signed in |
//! | `…-kid-absent-multiple-jwks` | three keys, without names | tries them or refuses |
//! | `…-userinfo-invalid-sub` | userinfo speaks of another person | believes nothing of that; does not apply without userinfo |
//! | `…-scope-userinfo-claims` | behaves | asks for a scope of claims, then for userinfo; does not apply without userinfo |
//! | `…-client-secret-basic` | behaves | proves itself by `Authorization: Basic` |
//! | `…-discovery-openid-config` | behaves | asks for the metadata; signed in |
//! | `…-discovery-jwks-uri-keys` | the key set is at a random place | asks for it there; signed in |
//! | `…-discovery-issuer-mismatch` | the metadata is another issuer's | does not start, or sends the browser nowhere |
//! | `…-signing-key-rotation` | new keys between two log-ins | signed in both times |
//! | `…-signing-key-rotation-just-before-signing` | new keys while the code is exchanged | signed in |
//! | `…-rp-init-logout` | behaves | sends the browser there with `id_token_hint` and the registered way back, and ends its own session |
//! | `…-rp-init-logout-other-state`, `…-rp-init-logout-no-state` | spoils, or leaves out, `state` on the way back | is not confused; does not apply to a log-out without `state` |
//! | `…-rp-backchannel-rpinitlogout` | tells the app that the person signed out | answers 200, and ends the session |
//! | `…-rp-backchannel-rpinitlogout-alg-none`, `…-wrong-alg`, `…-no-event`, `…-wrong-event`, `…-with-nonce`, `…-wrong-aud`, `…-wrong-iss` | spoils the logout token | answers 400, and the session goes on |
//! | `…-missing-aud`, `…-userinfo-bearer-header` | of no profile; as their names say | |
//!
//! Each name begins with `oidcc-client-test`. [`Plan`] says which profile has which.
//!
//! # What is not there
//!
//! | tests | why |
//! |---|---|
//! | those of the implicit and hybrid profiles (`…-invalid-athash`, `…-missing-chash`, `…-nonce-unless-code-flow` and others) | the provider has the code flow only |
//! | form post (`…-form-post-error`) | answers come by redirect only |
//! | dynamic registration, WebFinger, request objects | the provider has none of them |
//! | signed, aggregated and distributed userinfo claims; `…-userinfo-bearer-body` | likewise; the header is what RFC 6750 asks for |
//! | front-channel logout and session management | browsers block the third-party cookies that they need |
//!
//! # Where it decides otherwise than the official suite
//!
//! - There a log-in of a profile ends with a userinfo request. Here it ends with a page that says who is signed in; an app that asks
//!   for no userinfo passes, and two tests don't apply to it.
//! - A refusal counts only after the app exchanged the code: an app that never came so far has refused nothing.
//! - There the log-out tests want a front or back channel too. Here the browser's way is enough.
//! - There an app may be told to sign log-in requests, or to prove itself in other ways. Here it has a secret.
//! - There a logout token comes while the person signs out by the app, whose session has ended anyhow. Here it comes out of the blue, so that
//!   it is seen whether the session heeds it.
//! - All is plain http on loopback.
//!
//! # The browser
//!
//! It is a [`Browser`](crate::Browser), over sockets. To look who is signed in, it opens the page without following a redirect: an app
//! that sends it to the log-in says "nobody".
//!
//! # Cancel safety
//!
//! Dropping a run stops the provider and drops what the app gave to keep. Each answer of the app is waited for 30 s at most.

mod catalogue;
mod judge;
mod relying_party;
mod report;
mod start;
mod suite;
mod visit;

pub use relying_party::RelyingParty;
pub use report::{Finding, Outcome, Plan, Report};
pub use start::{Given, Running};
pub use suite::{Elsewhere, Suite};
