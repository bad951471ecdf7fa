//! `CertificateLayer`: which service is calling, by its certificate.
//!
//! # What it stops
//!
//! Services that are not on a list: whoever calls is who its certificate names, and only names that are written down are
//! somebody. A certificate that has ended is answered 401, on a connection that was opened while it was good, too, and so is one
//! that means two services of the list. With [`CertificateLayerBuilder::required`] nobody passes without a certificate of the list.
//!
//! It does **not** verify certificates: the server does, during the handshake, against the authority that signs them, or a declared
//! proxy does and says so in `X-Forwarded-Client-Cert`. Who may have that said is the peer layer's to know
//! (`TrustedProxies::client_certificate` of gambeson-hardening-headers); the field of anybody else says nothing. It does not look at
//! a certificate's common name, nor does it ask whether the certificate was revoked: short-lived ones end by themselves.
//!
//! A proxy that tells only names and no certificate (`Cert`) does not tell when it ends, and writes a name as it stands in the
//! certificate: the authority must not sign names with commas and semicolons, or `Cert` must be among what the proxy sends.
//!
//! # Place in the stack
//!
//! Place 4, outside of [`AuthLayer`]: a request with both a certificate of the list and a token must mean the same
//! subject twice, else it is answered 400. [`CertificateLayerBuilder::yield_to_tokens`] is for services that call on somebody's
//! behalf: with a token the token says who it is. The peer layer (place 0) knows the certificate. With [`CertificateLayer::beside`]
//! the 401 of a request with neither asks for a token as before.
//!
//! # Example
//!
//! ```
//! # use std::convert::Infallible;
//! # use std::sync::Arc;
//! use bytes::Bytes;
//! use gambeson_core::{ClientCertificate, ConfigError, PeerInfo, RequestFacts};
//! use gambeson_oidc_auth::{CertificateLayer, KnownService};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # async fn app(request: Request<()>) -> Result<Response<Bytes>, Infallible> {
//! #     let facts = RequestFacts::of(request.extensions()).unwrap();
//! #     Ok(Response::new(facts.principal().map_or("nobody", |caller| caller.subject()).to_owned().into()))
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! let layer = CertificateLayer::builder()
//!     .service(KnownService::new("spiffe://example.org/ns/shop/sa/orders"))
//!     .required()
//!     .build()?;
//! let app = layer.layer(service_fn(app));
//!
//! // What the peer layer does.
//! let request = |uri: &str| {
//!     let mut certificate = ClientCertificate::default();
//!     certificate.uris = [uri.into()].into();
//!     let mut peer = PeerInfo::new();
//!     peer.certificate = Some(Arc::new(certificate));
//!     let mut request = Request::get("/stock").body(()).unwrap();
//!     RequestFacts::ensure(&mut request).set_peer(peer);
//!     request
//! };
//! let answer = app.clone().oneshot(request("spiffe://example.org/ns/shop/sa/orders")).await.unwrap();
//! assert_eq!(answer.body(), "spiffe://example.org/ns/shop/sa/orders");
//! let answer = app.oneshot(request("spiffe://example.org/ns/shop/sa/other")).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```
//!
//! # Customised
//!
//! Beside tokens; names of hosts, which need somebody who vouches for them; roles for the policy to use:
//!
//! ```
//! # use gambeson_core::ConfigError;
//! use gambeson_oidc_auth::{AuthLayer, CertificateLayer, Issuer, KnownService, Verifier};
//!
//! # fn main() -> Result<(), ConfigError> {
//! # let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
//! let tokens = AuthLayer::new(Verifier::builder(issuer).audience("stock").build()?);
//! let certificates = CertificateLayer::builder()
//!     .issuer("https://ca.example.com")
//!     .service(KnownService::new("orders.internal.example.com").subject("orders").role("stock-reader"))
//!     .service(KnownService::new("spiffe://example.org/ns/shop/sa/billing").tenant("acme"))
//!     .yield_to_tokens()
//!     .build()?
//!     .beside(&tokens);
//! let layers = (certificates, tokens);
//! # let _ = layers;
//! # Ok(())
//! # }
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | services | none, which is refused when it is built | who is not written down is nobody |
//! | a certificate that is not on the list | anonymous | it may be there for a token that is bound to it (RFC 8705) |
//! | no certificate | anonymous | authorization refuses the rest |
//! | a certificate that has ended | 401 | a connection lives longer than the look at its certificate |
//! | issuer of a SPIFFE id | its trust domain, `spiffe://example.org` | |
//! | issuer of other names | none, so it has to be given | a name alone names nobody |
//! | subject | the name in the certificate | |
//! | certificate and token | must mean the same | a request has one caller |
//! | leeway | none | authorities issue certificates before they are needed |
//! | audit | none | |
//! | refusals | [`ProblemJson`] | any [`Respond`](gambeson_core::Respond) does |
//!
//! # Rejections
//!
//! | slug | status | when |
//! |---|---|---|
//! | [`certificate-required`](crate#certificate-required) | 401 | none was shown, and the layer is `required` |
//! | [`certificate-refused`](crate#certificate-refused) | 401 | it has ended; with `required` also: it is not on the list, or means two of the list |
//! | [`conflicting-credentials`](crate#conflicting-credentials) | 400 | a layer before has verified somebody else |
//! | [`layer-order`](crate#layer-order) | 500 | the peer layer did not run |
//!
//! # Telemetry
//!
//! | event | level | fields |
//! |---|---|---|
//! | `certificate refused` | info: the first of each reason in a minute; the others debug | `reason`, `names`, `others` (how many since), `trace_id` |
//! | `request refused` | error | `slug`: the peer layer did not run |
//! | audit event `certificate.verify` | | outcome denied, `reason`, `names`; of what is answered 400 or 401; asynchronous |
//!
//! The reasons are `not-on-the-list`, `means-several`, `ended` and `conflicting-credentials`.
//!
//! # Cancel safety
//!
//! It decides within `call`: there is nothing to cancel.
//!
//! # Errors
//!
//! The layer adds no error of its own: `type Error = S::Error`. Building it can fail with all problems of its configuration.
//!
//! # Standards
//!
//! RFC 5280 §4.1.2.5 (validity) and §4.2.1.6 (alternative names), RFC 9525 §2 (no common names), SPIFFE-ID §2 and X509-SVID §2 and §5 (one URI, one
//! identity), Envoy's `x-forwarded-client-cert`.

mod builder;
mod config;
mod decision;
mod name;
mod service;

use std::sync::Arc;

use gambeson_core::ProblemJson;
use tower_layer::Layer;

pub use self::builder::{CertificateLayerBuilder, KnownService};
pub use self::config::{CertificatesConfig, KnownServiceConfig};
pub(crate) use self::decision::Doubt;
use self::decision::Gate;
pub use self::service::CertificateService;
pub use crate::gated::ResponseFuture;
use crate::layer::AuthLayer;

/// Establishes which service is calling, by its certificate. See the [module](self) for the whole page.
#[derive(Debug)]
pub struct CertificateLayer<R = ProblemJson>(Arc<Shared<R>>);

/// What layer, services and futures share.
#[derive(Debug, Clone)]
struct Shared<R> {
    gate: Option<Gate>,
    respond: R,
}

impl<R> Clone for CertificateLayer<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl CertificateLayer {
    /// Starts to describe a layer.
    pub fn builder() -> CertificateLayerBuilder {
        CertificateLayerBuilder::new()
    }

    /// Switched off: does nothing, not even note that it ran.
    #[must_use]
    pub fn off() -> Self {
        Self(Arc::new(Shared { gate: None, respond: ProblemJson }))
    }

    fn on(gate: Gate) -> Self {
        Self(Arc::new(Shared { gate: Some(gate), respond: ProblemJson }))
    }
}

impl<R> CertificateLayer<R> {
    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.gate.is_none()
    }

    /// The names that are known, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.gate.iter().flat_map(Gate::names)
    }

    /// Whether nobody passes without a certificate of the list.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.0.gate.as_ref().is_some_and(|gate| gate.required)
    }
}

impl<R: Clone> CertificateLayer<R> {
    /// Asks for credentials as this layer does, which looks at tokens further inside. Without it a 401 names the scheme
    /// `Certificate`, for which there is no standard.
    #[must_use]
    pub fn beside<T>(self, tokens: &AuthLayer<T>) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.0);
        if let (Some(gate), false) = (&mut shared.gate, tokens.is_off()) {
            gate.challenges = tokens.challenges();
        }
        Self(Arc::new(shared))
    }

    /// Answers refusals in another way.
    #[must_use]
    pub fn respond_with<T>(self, respond: T) -> CertificateLayer<T> {
        let gate = self.0.gate.clone();
        CertificateLayer(Arc::new(Shared { gate, respond }))
    }
}

impl<S, R> Layer<S> for CertificateLayer<R> {
    type Service = CertificateService<S, R>;

    fn layer(&self, inner: S) -> CertificateService<S, R> {
        CertificateService { inner, shared: Arc::clone(&self.0) }
    }
}
