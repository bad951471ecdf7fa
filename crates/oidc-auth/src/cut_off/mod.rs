//! `CutOffLayer`: long answers live no longer than their right.
//!
//! # What it stops
//!
//! Answers without a known size (server-sent events, gRPC streams, long polls) that go on after the access token or the session of who
//! asked for them has expired, was revoked, or is denied by a [`Denylist`]. They break off with an error, so that nobody takes a part for
//! the whole; a client that asks again is told 401.
//!
//! It does **not** stop WebSockets, which have left HTTP: let the handler wait for [`Principal::ended`] too. Nor answers that say
//! their size, which are soon over, nor the work of a handler that is not sending.
//!
//! # Place in the stack
//!
//! Anywhere, as it looks at who is calling when the answer begins; beside the [`AuthLayer`](crate::AuthLayer) is best. It is no part of
//! gambeson's `Stack`: add it to the routes that stream.
//!
//! # Example
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use gambeson_core::ConfigError;
//! use gambeson_oidc_auth::{AuthLayer, CutOffLayer, Denylist, Issuer, Verifier};
//! # use http::{Request, Response, StatusCode};
//! # use http_body_util::Full;
//! # use tower::{Layer, ServiceExt, service_fn};
//!
//! # async fn app(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> { Ok(Response::default()) }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ConfigError> {
//! # let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
//! let denylist = Denylist::new();
//! let verifier = Verifier::builder(issuer).audience("api").denylist(denylist.clone()).build()?;
//! let app = CutOffLayer::new().denylist(denylist).layer(service_fn(app));
//! let app = AuthLayer::required(verifier).layer(app);
//!
//! // Whom nobody knows gets no answer to cut off.
//! let answer = app.oneshot(Request::new(())).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//!
//! // Nothing is taken from those whom nobody has to know.
//! let app = CutOffLayer::new().layer(service_fn(self::app));
//! assert_eq!(app.oneshot(Request::new(())).await.unwrap().status(), StatusCode::OK);
//! # Ok(())
//! # }
//! ```
//!
//! # Customised
//!
//! ```
//! use std::time::Duration;
//! use gambeson_oidc_auth::CutOffLayer;
//!
//! let layer = CutOffLayer::new().leeway(Duration::from_secs(5));
//! # let _ = layer;
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | leeway after `exp` | 30 s | as the verifier's: who may ask may be answered |
//! | denylists | none | an answer ends when its token expires, or its session is ended |
//!
//! # Rejections
//!
//! It refuses nothing. The body of an answer fails with [`CredentialEnded`].
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `a long answer was cut off: its credential has ended` | info | each time |
//!
//! # Cancel safety
//!
//! A body that is dropped gives back its place on the denylists and its timer.
//!
//! # Errors
//!
//! `type Error = S::Error`. The error of the body is a [`BoxError`](gambeson_core::BoxError): the inner body's, or [`CredentialEnded`].
//!
//! # Standards
//!
//! RFC 6749 §1.4 and RFC 9068 §4 (a token's lifetime), OpenID Connect Back-Channel Logout 1.0 §2.7 (what a log-out ends), RFC 9112 §8 (an answer
//! that is not complete).

mod body;
mod service;

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, Principal, Timer};
use tower_layer::Layer;

use self::body::Ending;
pub use self::body::{CredentialEnded, ResponseBody};
pub use self::service::{CutOff, ResponseFuture};
use crate::denylist::Denylist;

/// Ends long answers with the credential of who asked. See the [module](self) for the whole page.
#[derive(Debug, Clone)]
pub struct CutOffLayer(Option<Arc<Shared>>);

#[derive(Debug, Clone)]
pub(crate) struct Shared {
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    leeway: Duration,
    denylists: Vec<Denylist>,
}

impl CutOffLayer {
    /// By the system's clock.
    #[cfg(feature = "system")]
    #[must_use]
    pub fn new() -> Self {
        let clock = Arc::new(gambeson_core::SystemClock::new());
        Self::with(clock.clone(), clock)
    }

    /// By this clock and timer.
    #[must_use]
    pub fn with(clock: Arc<dyn Clock>, timer: Arc<dyn Timer>) -> Self {
        let (leeway, denylists) = (Duration::from_secs(30), Vec::new());
        Self(Some(Arc::new(Shared { clock, timer, leeway, denylists })))
    }

    /// Switched off: answers go on until they end.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Ends answers whose token or session this list denies, at once: the verifier's own, which
    /// [`Verifier::denylists`](crate::Verifier::denylists) tells. Lists add up.
    #[must_use]
    pub fn denylist(self, denylist: Denylist) -> Self {
        self.changing(|shared| shared.denylists.push(denylist))
    }

    /// How long after its token's `exp` an answer may go on. Default 30 s, as tokens are let in for so long.
    #[must_use]
    pub fn leeway(self, leeway: Duration) -> Self {
        self.changing(|shared| shared.leeway = leeway)
    }

    fn changing(self, change: impl FnOnce(&mut Shared)) -> Self {
        let shared = self.0.map(Arc::unwrap_or_clone);
        Self(shared.map(|mut shared| {
            change(&mut shared);
            Arc::new(shared)
        }))
    }
}

#[cfg(feature = "system")]
impl Default for CutOffLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    /// What an answer to this caller has to wait for.
    fn ending(&self, caller: &Principal) -> Ending {
        let watched = self.denylists.iter().filter_map(|list| list.watch(caller)).collect();
        Ending { ended: caller.ended(&*self.clock, &*self.timer, self.leeway), _watched: watched }
    }
}

impl<S> Layer<S> for CutOffLayer {
    type Service = CutOff<S>;

    fn layer(&self, inner: S) -> CutOff<S> {
        CutOff { inner, shared: self.0.clone() }
    }
}
