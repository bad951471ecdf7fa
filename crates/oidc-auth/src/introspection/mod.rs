//! Introspection: tokens that only their issuer can read (RFC 7662).
//!
//! # What it does
//!
//! [`AuthLayer::introspect`](crate::AuthLayer::introspect) sends tokens that are no JWT to the issuer's introspection endpoint, with this
//! app's own credentials, and takes the answer for the claims. Which of the two ways a token goes is decided by its form alone: three
//! parts of which the first begins as a JSON object does are a JWT, and a JWT is never sent to the endpoint, also when it was refused.
//!
//! A token is asked about once at a time, however many requests bring it. What was good is kept for [`IntrospectionBuilder::cache`]'s
//! time and never beyond `exp`; a token without `exp` is asked about each time. What was not good is kept for ten seconds, in a room of
//! its own, so that made-up tokens can't push out good ones. Of the 64 questions that may be under way a client address (IPv6: a /56) has at
//! most 16, and of the second half of them two; 256 requests wait for one answer at most. How many questions a second the issuer is asked is
//! not limited here: that is the limiter's per address, in front. While the issuer does not answer, or answers something else, the app answers 503, never 401.
//!
//! # What it asks of an answer
//!
//! All that the [`Issuer`] asks of its tokens: `iss` where the answer has one, the audience, [`Issuer::require`], the rules of a preset and
//! its tenants. What a rule looks at has to be in the answer, which may name things otherwise than the issuer's JWTs do (Okta's has no
//! `cid`): describe the issuer anew for introspection then. `exp`, `nbf` and `iat` count where they are there. `token_type`, if
//! there, is `Bearer` or `DPoP` (RFC 6749 §5.1), the latter with `cnf.jkt`, so that refresh tokens, which the endpoint answers for
//! too, are no access tokens. An issuer that tells them apart by something else needs a rule, such as
//! `.require(ClaimRule::equals("token_use", "access_token"))` for Ory Hydra.
//!
//! # Example
//!
//! ```no_run
//! # fn main() -> Result<(), gambeson_core::ConfigError> {
//! use gambeson_core::SecretBytes;
//! use gambeson_oidc_auth::{AuthLayer, ClientAuth, Introspection, Issuer, Verifier};
//!
//! # let secret = SecretBytes::new(b"from a secret store".to_vec());
//! let issuer = Issuer::discover("https://id.example.com");
//! let opaque = Introspection::builder(issuer.clone(), "https://id.example.com/introspect", ClientAuth::secret("api", secret))
//!     .audience("api")
//!     .build()?;
//! let verifier = Verifier::builder(issuer).audience("api").build()?;
//! let layer = AuthLayer::required(verifier).introspect(opaque);
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! In a configuration file it is the table `[oidc-auth.introspection]`: see [`IntrospectionConfig`](crate::IntrospectionConfig).
//!
//! # Standards
//!
//! RFC 7662 §2.1 (request), §2.2 (answer), §4 (what to check of it), RFC 8705 §3.2 and RFC 9449 §6.2 (bound tokens).

mod answer;
mod builder;
mod flight;
mod refused;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::{Engine, alphabet};
use bytes::Bytes;
use gambeson_core::{Answer, Clock};
use http::Response;

pub use self::builder::IntrospectionBuilder;
use self::flight::Flights;
use self::refused::Refused;
use crate::binding::Verified;
use crate::cache::{Cache, CacheKey};
use crate::denylist::Denylist;
use crate::error::{Reason, TokenError, TokenErrorKind};
use crate::issuer::Issuer;
use crate::keys::{Endpoint, Network, is_page, redirected};
use crate::policy::Policy;
use crate::token_endpoint::{ClientAuth, Exchanges};
use crate::verifier::text;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 10;

/// For the form of a token only: what is nearly a JWT is none of the endpoint's business either.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// Asks an issuer about its tokens. See the [module](self) for the whole page. A clone shares caches and questions.
#[derive(Clone)]
pub struct Introspection(Arc<Shared>);

struct Shared {
    endpoint: Endpoint,
    url: String,
    client: ClientAuth,
    exchanges: Exchanges,
    policy: Policy,
    any_audience: bool,
    denylist: Option<Denylist>,
    clock: Arc<dyn Clock>,
    good: Option<Cache>,
    refused: Refused,
    flights: Arc<Flights>,
}

impl Introspection {
    /// For tokens of this issuer, which answers at this URL; `client` is this app there.
    pub fn builder(issuer: Issuer, url: impl Into<String>, client: ClientAuth) -> IntrospectionBuilder {
        IntrospectionBuilder::new(issuer, url.into(), client)
    }

    /// What is known of the token, or will be.
    pub(crate) fn look(&self, token: &[u8], client: Option<IpAddr>) -> Answer<Result<Verified, TokenError>> {
        let shared = &self.0;
        if token.len() > shared.policy.max_token {
            let text = format!("{} bytes", token.len());
            return Answer::Ready(Err(TokenError::with(Reason::TooLarge, text)));
        }
        let Some(text) = text(token).ok().filter(|text| text.bytes().all(is_token_character)) else {
            return Answer::Ready(Err(TokenError::with(Reason::Malformed, "not a token of RFC 6750")));
        };
        let (now, name) = (shared.clock.now(), CacheKey::new(&shared.policy.id, token));
        if let Some(verified) = shared.good.as_ref().and_then(|good| good.get(&name, now, |_| true)) {
            return Answer::Ready(Ok(verified));
        }
        if shared.refused.knows(&name, shared.clock.monotonic()) {
            return Answer::Ready(Err(TokenError::with(Reason::Inactive, "refused a moment ago")));
        }
        let Some(flight) = shared.flights.join(name, Network::of(client)) else {
            let text = "too many questions to the introspection endpoint at once";
            return Answer::Ready(Err(TokenError::with(Reason::IntrospectionUnavailable, text)));
        };
        let (shared, token) = (Arc::clone(shared), text.to_owned());
        Answer::pending(async move { flight.outcome(shared.ask(&token, name)).await })
    }
}

impl Shared {
    async fn ask(&self, token: &str, name: CacheKey) -> Result<Verified, TokenError> {
        let form = [("token", token), ("token_type_hint", "access_token")];
        let answer = self.exchanges.post(&self.endpoint, &self.url, &self.client, &form, LONGEST).await;
        let answer = answer.map_err(|error| unavailable(&error))?;
        if answer.status() != http::StatusCode::OK {
            return Err(unavailable(&self.answered(&answer)));
        }
        if is_page(answer.body()) {
            let text = format!("{} answered a page for people: does a proxy answer in its place?", self.url);
            return Err(unavailable(&text));
        }
        let text = std::str::from_utf8(answer.body()).map_err(|_| unavailable("the answer is not UTF-8"))?;
        let now = self.clock.now();
        let outcome = self.accept(text, now);
        match &outcome {
            Ok(verified) => {
                if let Some(good) = &self.good {
                    good.put(name, verified, [0; 32], now);
                }
            }
            Err(error) if error.kind() == TokenErrorKind::Token => {
                self.refused.remember(name, self.clock.monotonic());
            }
            Err(_) => {}
        }
        outcome
    }

    /// What an answer that is none means.
    fn answered(&self, answer: &Response<Bytes>) -> String {
        let (url, status) = (&self.url, answer.status());
        match redirected(url, answer) {
            Some(text) => text,
            None if status.is_client_error() => {
                format!("{url} answered {}: are the client's credentials right?", status.as_u16())
            }
            None => format!("{url} answered {}", status.as_u16()),
        }
    }
}

/// Whether a token is in the form of a JWT: three parts, of which the first begins as base64url of a JSON object does. White space may
/// stand before the brace, as JSON has it.
pub(crate) fn is_jwt(token: &[u8]) -> bool {
    let mut parts = token.split(|byte| *byte == b'.');
    let (head, others) = (parts.next().unwrap_or_default(), parts.count());
    others == 2 && decoded(head).find(|byte| !byte.is_ascii_whitespace()) == Some(b'{')
}

/// What base64url says, as far as it is some, without room for all of it.
fn decoded(text: &[u8]) -> impl Iterator<Item = u8> {
    let chunks = text.chunks(4);
    let read = |chunk: &[u8]| {
        let mut bytes = [0; 3];
        let len = LENIENT.decode_slice(chunk, &mut bytes).ok()?;
        Some(bytes.into_iter().take(len))
    };
    chunks.map_while(read).flatten()
}

/// `b64token` of RFC 6750 §2.1: nobody issues other tokens, so the issuer isn't asked about them.
fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

fn unavailable(text: &str) -> TokenError {
    TokenError::with(Reason::IntrospectionUnavailable, text)
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("issuer", &self.0.policy.issuer)
            .field("url", &self.0.url)
            .field("cache", &self.0.good)
            .finish_non_exhaustive()
    }
}
