//! Callers, sinks and inner services that the tests use.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use gambeson_core::{
    Answer, AuditError, AuditErrorKind, AuditEvent, AuditSink, Authentication, BoxFuture, Challenge,
    Challenger, Challenges, Durability, Principal, Receipt, RequestFacts,
};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use tower::Service;

pub(crate) const POLICY: &str = r#"
version = 1
[permissions]
"notes:read" = {}
"notes:write" = {}
"notes:delete" = { privileged = true, audit = "strict" }
[roles]
viewer = { grants = ["*:read"] }
editor = { inherits = ["viewer"], grants = ["notes:write"] }
admin = { inherits = ["editor"], grants = ["notes:*"] }
[routes]
"GET /notes" = { perm = "notes:read" }
"POST /notes" = { perm = "notes:write" }
"DELETE /notes/{id}" = { perm = "notes:delete" }
"GET /livez" = { public = "probe" }
"#;

#[derive(Debug)]
struct Bearer;

impl Challenger for Bearer {
    fn challenge(&self, challenge: Challenge<'_>) -> Option<HeaderValue> {
        let value = match challenge {
            Challenge::Credential => "Bearer".to_owned(),
            Challenge::StepUp { acr_values, max_age } => {
                let age = max_age.map(|age| age.as_secs());
                format!("Bearer step-up acr_values=\"{acr_values}\" max_age={age:?}")
            }
            other => format!("Bearer {other:?}"),
        };
        HeaderValue::try_from(value).ok()
    }
}

fn challenges() -> Challenges {
    Challenges::new([Arc::new(Bearer) as Arc<dyn Challenger>])
}

pub(crate) fn caller(role: &str) -> Principal {
    Principal::user("https://id.example", "alice").tenant("acme").role(role).build()
}

/// A request as an authentication layer passes it on; `None`: nobody is logged in.
pub(crate) fn request(method: Method, path: &str, role: Option<&str>) -> Request<Full<Bytes>> {
    request_of(method, path, role.map(caller))
}

/// The same of any caller.
pub(crate) fn request_of(method: Method, path: &str, caller: Option<Principal>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path).body(Full::default()).unwrap();
    let authentication = match caller {
        Some(caller) => Authentication::Verified(caller, challenges()),
        None => Authentication::Anonymous(challenges()),
    };
    RequestFacts::ensure(&mut request).authenticate(authentication).unwrap();
    request
}

/// Counts its calls, which must not happen for a refused request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inner(Arc<AtomicUsize>);

impl Inner {
    pub(crate) fn calls(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl<B> Service<Request<B>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        self.0.fetch_add(1, Ordering::Relaxed);
        ready(Ok(Response::new(Full::default())))
    }
}

/// Keeps events; answers strict ones through a future, which fails when told to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sink {
    pub(crate) events: Arc<Mutex<Vec<(AuditEvent, Durability)>>>,
    pub(crate) broken: bool,
}

impl Sink {
    pub(crate) fn take(&self) -> Vec<(AuditEvent, Durability)> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }
}

impl AuditSink for Sink {
    fn record(&self, event: AuditEvent, durability: Durability) -> Answer<Result<Receipt, AuditError>> {
        self.events.lock().unwrap().push((event, durability));
        let broken = self.broken;
        let answer: BoxFuture<_> = Box::pin(async move {
            if broken { Err(AuditError::new(AuditErrorKind::Unavailable)) } else { Ok(Receipt::stored(7)) }
        });
        match durability {
            Durability::Strict => Answer::Pending(answer),
            _ => Answer::Ready(Ok(Receipt::queued())),
        }
    }
}
