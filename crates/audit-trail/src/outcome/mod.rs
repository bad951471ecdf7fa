//! The layer that tells the trail how an act ended.
//!
//! # What it stops
//!
//! That a trail says what was allowed and never what came of it. rbac records the decision before the act; this layer records the outcome after it: done,
//! refused, broken, given up by the client, or a panic. Both events have the same `request_id`, so a decision without an
//! outcome shows that the process was killed in between.
//!
//! It stops no request. It does **not** know what a handler did: a status of 200 is what the handler says. What gRPC says in trailers it does not read.
//!
//! # Place in the stack
//!
//! Outside of `AuthorizeLayer` and inside of `PeerLayer`, which gives the request its id; where there is no id, it gives one. It reads who was
//! calling when the act has ended, so it may stand outside of authentication too.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use gambeson_audit_trail::{AuditLayer, AuditTrail, Config};
//! use gambeson_core::{Authentication, Challenges, Principal, RequestFacts};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path().join("audit");
//! let trail = AuditTrail::open(&dir, &Config::default())?;
//! let app = service_fn(|request: Request<()>| async move {
//!     let status = if request.uri().path() == "/mine" { StatusCode::OK } else { StatusCode::FORBIDDEN };
//!     let mut response = Response::new(http_body_util::Empty::<&[u8]>::new());
//!     *response.status_mut() = status;
//!     Ok::<_, std::convert::Infallible>(response)
//! });
//! let app = AuditLayer::new(Arc::new(trail.clone())).layer(app);
//!
//! // What an authentication layer would do.
//! let request = |path: &str| {
//!     let mut request = Request::delete(path).body(()).unwrap();
//!     let caller = Principal::user("https://id.example", "alice").build();
//!     let facts = RequestFacts::ensure(&mut request);
//!     facts.authenticate(Authentication::Verified(caller, Challenges::none())).unwrap();
//!     request
//! };
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let allowed = app.clone().oneshot(request("/mine")).await?;
//! assert_eq!(allowed.status(), 200);
//! let refused = app.oneshot(request("/not-mine")).await?;
//! assert_eq!(refused.status(), 403);
//! # Ok::<(), std::convert::Infallible>(())
//! # })?;
//! let events = trail.recent(None, 2)?;
//! assert_eq!((events[0].outcome.as_str(), &*events[0].details["status"]), ("success", "200"));
//! assert_eq!((events[1].outcome.as_str(), &*events[1].details["status"]), ("denied", "403"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Customised
//!
//! Only acts that change something, of strangers too:
//!
//! ```
//! use std::sync::Arc;
//! use gambeson_audit_trail::AuditLayer;
//! use gambeson_core::{NullSink, RequestHead};
//!
//! let layer = AuditLayer::new(Arc::new(NullSink))
//!     .only(|head: &RequestHead<'_>| !head.method.is_safe())
//!     .strangers();
//! # let _ = layer;
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | whose acts | those of principals | a flood of strangers is counted by metrics and does not belong into the trail |
//! | which requests | all | [`AuditLayer::only`] narrows |
//! | durability | async | an act that has ended can't be refused any more |
//!
//! # Rejections
//!
//! It refuses nothing.
//!
//! # Telemetry
//!
//! The audit event has the kind `application`, the action `request.outcome`, and the details `status` (if there was an answer) and `millis`.
//!
//! | outcome | reason | when |
//! |---|---|---|
//! | `success` | | status below 400, and the body came to its end |
//! | `denied` | the rejection's slug, or `status` | a layer or the handler refused: a rejection that is no fault, else 401 or 403 |
//! | `failed` | the rejection's slug, `client-error`, `server-error` | a rejection that is a fault; another 4xx; 5xx |
//! | `failed` | `service-error`, `body-error` | the service answered with an error, the body ended with one |
//! | `failed` | `panicked` | the handler or the body panicked |
//! | `failed` | `cancelled`, `cut-off` | the client went away before the answer, or before its end |
//!
//! | event | level | when |
//! |---|---|---|
//! | `the outcome of a request is not on record` | error | the sink failed |
//!
//! # Cancel safety
//!
//! Dropping the future or the body at any point writes the event, once.
//!
//! # Errors
//!
//! Building it can't fail. Errors of the inner service and of its body pass through.
//!
//! # Standards
//!
//! RFC 9110 §15 (classes of status codes), §9.2.1 (safe methods).

mod act;
mod body;
mod future;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use gambeson_core::{
    AuditSink, Clock, Entropy, RequestFacts, RequestHead, RequestId, SystemClock, SystemEntropy,
};
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use self::act::Act;
pub use self::body::ResponseBody;
pub use self::future::ResponseFuture;

/// Records how each act ended; see the [module](self).
#[derive(Debug, Clone)]
pub struct AuditLayer {
    /// `None`: switched off.
    settings: Option<Arc<Settings>>,
}

type Choice = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;

#[derive(Clone)]
struct Settings {
    sink: Arc<dyn AuditSink>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    only: Option<Choice>,
    strangers: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("sink", &self.sink)
            .field("strangers", &self.strangers)
            .finish_non_exhaustive()
    }
}

impl AuditLayer {
    /// Tells this sink how the acts of principals end.
    pub fn new(sink: Arc<dyn AuditSink>) -> Self {
        let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy::new()));
        Self { settings: Some(Arc::new(Settings { sink, clock, entropy, only: None, strangers: false })) }
    }

    /// A layer that does nothing, for a stack whose types must stay the same.
    #[must_use]
    pub fn off() -> Self {
        Self { settings: None }
    }

    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.settings.is_none()
    }

    /// Whose acts and which it tells of, in a few words for a report; empty for a layer that is off.
    #[must_use]
    pub fn summary(&self) -> String {
        let Some(settings) = &self.settings else { return String::new() };
        let which = if settings.only.is_some() { "chosen" } else { "all" };
        let whose = if settings.strangers { "everybody" } else { "principals" };
        format!("outcomes of {which} acts of {whose}")
    }

    fn edit(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.settings.as_deref().cloned();
        if let Some(settings) = &mut settings {
            change(settings);
        }
        Self { settings: settings.map(Arc::new) }
    }

    /// Only requests for which this says yes. Called once a request, before the inner service is.
    #[must_use]
    pub fn only(self, choice: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.edit(|settings| settings.only = Some(Arc::new(choice)))
    }

    /// Also requests of which nobody knows who sent them.
    #[must_use]
    pub fn strangers(self) -> Self {
        self.edit(|settings| settings.strangers = true)
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        self.edit(|settings| settings.clock = clock)
    }

    /// Another source of request ids than the system's, for requests that have none.
    #[must_use]
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        self.edit(|settings| settings.entropy = entropy)
    }
}

impl Settings {
    fn begin<B>(self: &Arc<Self>, request: &mut Request<B>) -> Option<Act> {
        if self.only.as_ref().is_some_and(|only| !only(&RequestHead::from(&*request))) {
            return None;
        }
        let facts = RequestFacts::ensure(request);
        let mut random = [0; 16];
        // Without an id the two events still share their trace.
        if facts.request_id().is_none() && self.entropy.fill(&mut random).is_ok() {
            facts.set_request_id(RequestId::from_random(random));
        }
        Some(Act::begin(Arc::clone(self), facts, request.method().clone()))
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = Audit<S>;

    fn layer(&self, inner: S) -> Audit<S> {
        Audit { inner, settings: self.settings.clone() }
    }
}

/// The service that [`AuditLayer`] makes.
#[derive(Debug, Clone)]
pub struct Audit<S> {
    inner: S,
    settings: Option<Arc<Settings>>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Audit<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let act = self.settings.as_ref().and_then(|settings| settings.begin(&mut request));
        // Should `call` panic, the act is dropped while the stack unwinds, and says so.
        ResponseFuture::new(self.inner.call(request), act)
    }
}
