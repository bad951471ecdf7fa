//! DPoP: a token that only works in the hands of the client that holds its key (RFC 9449).
//!
//! # What it stops
//!
//! A token that was stolen from a log, a proxy or a browser's storage: with it comes a proof, signed anew for each request
//! by the key that the token is bound to (`cnf.jkt`), for this method and address, this token, this moment, and once only.
//! It does **not** stop who steals the key itself, or a script in the client's page that lets it sign; and it says nothing
//! of the body of a request.
//!
//! # How it is switched on
//!
//! [`AuthLayer::dpop`](crate::AuthLayer::dpop) takes a [`Dpop`]. From then on the scheme `DPoP` is a credential, and
//! a token that is bound to a key is refused as a plain bearer. Without it, bound tokens are refused altogether.
//! [`AuthLayer::require_sender_constraint`](crate::AuthLayer::require_sender_constraint) refuses tokens that are not bound.
//!
//! In a configuration file it is the table `[oidc-auth.dpop]`: see [`DpopConfig`](crate::DpopConfig).
//!
//! # Example
//!
//! ```
//! # use std::convert::Infallible;
//! use bytes::Bytes;
//! use gambeson_core::ConfigError;
//! use gambeson_oidc_auth::{AuthLayer, Dpop, Issuer, Verifier};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # async fn app(_: Request<()>) -> Result<Response<Bytes>, Infallible> { Ok(Response::new(Bytes::new())) }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! # let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
//! let verifier = Verifier::builder(issuer).audience("api").build()?;
//! let dpop = Dpop::at("https://api.example.com").build()?;
//! let app = AuthLayer::new(verifier).dpop(dpop).layer(service_fn(app));
//!
//! // Without a credential the request goes on as anonymous.
//! let answer = app.clone().oneshot(Request::get("/livez").body(()).unwrap()).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::OK);
//!
//! // With a bad one it does not.
//! let request = Request::get("/livez").header("authorization", "DPoP e30.e30.c2ln").body(()).unwrap();
//! let answer = app.oneshot(request).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("DPoP error=\"invalid_token\""));
//! # Ok(())
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | public address | none: it has to be named | `htu` is compared with it, never with `Host`, which the sender of a stolen proof chooses |
//! | window around `iat` | 60 s on both sides | clocks differ |
//! | algorithms | ES256, ES384, ES512, EdDSA, Ed25519, PS256, RS256 | asymmetric ones only (§4.3) |
//! | largest proof | 4 KiB | |
//! | store of used proofs | in memory, 131,072 proofs, fails closed | see [`MemoryReplay`]; several instances need a [`ReplayStore`] together |
//! | server nonces | off | see [`DpopNonces`] |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | [`invalid-dpop-proof`](crate#invalid-dpop-proof) | 401 | the proof is missing, malformed, for something else, or was used |
//! | [`use-dpop-nonce`](crate#use-dpop-nonce) | 401, `DPoP-Nonce` | the proof lacks the nonce of this server |
//! | [`invalid-token`](crate#invalid-token) | 401 | the token is no good, or bound to another key than the proof's |
//! | [`verification-unavailable`](crate#verification-unavailable) | 503, `Retry-After` | whether the proof was used can't be told |
//!
//! # Standards
//!
//! RFC 9449 §4.3 (checks), §6.1 (`jkt`), §7.1 and §7.2 (the scheme, no bound token as a bearer), §8.2 and §9 (nonces), §11.1 (replay),
//! RFC 7638 §3 (thumbprint), RFC 3986 §6.2.2 and §6.2.3 (normalisation of `htu`).

#[cfg(feature = "conformance")]
pub mod conformance;
mod nonce;
mod proof;
mod proof_key;
mod replay;
mod target;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Answer, ConfigError, ConfigProblems, Monotonic, Profile, RequestHead, Timestamp};
use http::{HeaderName, HeaderValue};

pub use self::nonce::DpopNonces;
use self::proof::GoodProof;
pub use self::proof_key::{ProofFor, ProofKey, ProofKeyError};
pub use self::replay::{MemoryReplay, ProofId, ReplayError, ReplayStore, UsedProof};
use self::target::PublicPlace;
use crate::algorithm::Algorithm;
use crate::error::TokenError;

/// What a nonce is handed out in.
pub(crate) const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

const ALGORITHMS: [&str; 7] = ["ES256", "ES384", "ES512", "EdDSA", "Ed25519", "PS256", "RS256"];

/// How proofs are checked. See the [module](self) for the whole page. A clone shares the store.
#[derive(Clone)]
pub struct Dpop(Arc<Shared>);

struct Shared {
    places: Vec<PublicPlace>,
    shown: Vec<String>,
    window: Duration,
    algorithms: Vec<Box<str>>,
    max_proof: usize,
    replay: Arc<dyn ReplayStore>,
    nonces: Option<DpopNonces>,
}

/// What a good proof leaves to do.
pub(crate) struct Checked {
    /// Whether it was used before.
    pub(crate) is_new: Answer<Result<bool, ReplayError>>,
    /// The nonce of a period that has begun, for who sent the one before (RFC 9449 §8.2).
    pub(crate) next_nonce: Option<HeaderValue>,
}

impl Shared {
    fn window_seconds(&self) -> i64 {
        i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX)
    }
}

impl Dpop {
    /// For an app that clients know under this address: scheme and host, and the path, if a proxy takes one off.
    pub fn at(public_origin: impl Into<String>) -> DpopBuilder {
        DpopBuilder {
            origins: vec![public_origin.into()],
            run_in: Profile::default(),
            window: Duration::from_secs(60),
            algorithms: ALGORITHMS.map(Box::from).into(),
            max_proof: 4 << 10,
            replay: None,
            nonces: None,
        }
    }

    /// The algorithms of proofs, as challenges name them (`algs`, RFC 9449 §7.1).
    pub(crate) fn algorithms(&self) -> String {
        self.0.algorithms.join(" ")
    }

    /// The nonce to hand out; `None` where none are asked for.
    pub(crate) fn nonce(&self, now: Timestamp) -> Option<HeaderValue> {
        self.0.nonces.as_ref().and_then(|nonces| HeaderValue::try_from(nonces.current(now)).ok())
    }

    /// Whether the request proves that the holder of the key sent it: at once or, where the store of used proofs has to be
    /// asked, later. The token has been verified before.
    pub(crate) fn check(
        &self,
        head: &RequestHead<'_>,
        token: &[u8],
        bound: &[u8; 32],
        (now, at): (Timestamp, Monotonic),
        client: Option<std::net::IpAddr>,
    ) -> Result<Checked, TokenError> {
        let GoodProof { id, is_nonce_current } = self.0.check(head, token, bound, now)?;
        let until = now.plus(self.0.window * 2);
        Ok(Checked {
            is_new: self.0.replay.remember(UsedProof { id, now, until, at, client }),
            next_nonce: if is_nonce_current { None } else { self.nonce(now) },
        })
    }
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dpop")
            .field("places", &self.0.shown)
            .field("window", &self.0.window)
            .field("algorithms", &self.0.algorithms)
            .field("replay", &self.0.replay)
            .field("nonces", &self.0.nonces)
            .finish_non_exhaustive()
    }
}

/// Describes a [`Dpop`] piece by piece.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct DpopBuilder {
    origins: Vec<String>,
    run_in: Profile,
    window: Duration,
    algorithms: Vec<Box<str>>,
    max_proof: usize,
    replay: Option<Arc<dyn ReplayStore>>,
    nonces: Option<DpopNonces>,
}

impl DpopBuilder {
    /// A further address under which clients know the app.
    pub fn and_at(mut self, public_origin: impl Into<String>) -> Self {
        self.origins.push(public_origin.into());
        self
    }

    /// Which shortcuts are allowed: in [`Profile::Development`] the app may be on loopback, in plain http. Default
    /// [`Profile::Production`].
    pub fn run_in(self, run_in: Profile) -> Self {
        Self { run_in, ..self }
    }

    /// How far `iat` of a proof may be from now, on either side. Default 60 s, from 1 s to 5 min.
    pub fn window(self, window: Duration) -> Self {
        Self { window, ..self }
    }

    /// Which algorithms proofs may have, by their names in tokens. Default see the [module](self).
    pub fn algorithms<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        Self { algorithms: names.into_iter().map(Box::from).collect(), ..self }
    }

    /// The longest proof that is looked at, in bytes. Default 4096, from 512 to 16384.
    pub fn max_proof_bytes(self, max_proof: usize) -> Self {
        Self { max_proof, ..self }
    }

    /// Where used proofs are remembered. Default [`MemoryReplay::new`], which is right for one instance.
    pub fn replay(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.replay = Some(store);
        self
    }

    /// Asks for a nonce of this server in each proof (`use_dpop_nonce`, RFC 9449 §9). Default: none.
    pub fn nonces(mut self, nonces: DpopNonces) -> Self {
        self.nonces = Some(nonces);
        self
    }

    /// The policy.
    ///
    /// # Errors
    /// All problems of the configuration.
    pub fn build(self) -> Result<Dpop, ConfigError> {
        let mut problems = ConfigProblems::new();
        let places = self.origins.iter();
        let places = places.filter_map(|text| PublicPlace::parse(text, self.run_in, &mut problems)).collect();
        if !(1..=300).contains(&self.window.as_secs()) {
            problems.add("dpop.window", format!("{:?}", self.window), "choose between 1 s and 5 min");
        }
        if self.algorithms.is_empty() {
            problems.add("dpop.algorithms", "", "name at least one, such as ES256");
        }
        for name in self.algorithms.iter().filter(|name| Algorithm::from_name(name).is_none()) {
            problems.add("dpop.algorithms", &**name, "name asymmetric algorithms, such as ES256");
        }
        if !(512..=16_384).contains(&self.max_proof) {
            problems.add("dpop.max-proof-bytes", self.max_proof.to_string(), "choose between 512 and 16384");
        }
        problems.check()?;
        Ok(Dpop(Arc::new(Shared {
            places,
            shown: self.origins,
            window: self.window,
            algorithms: self.algorithms,
            max_proof: self.max_proof,
            replay: self.replay.unwrap_or_else(|| Arc::new(MemoryReplay::new())),
            nonces: self.nonces,
        })))
    }
}
