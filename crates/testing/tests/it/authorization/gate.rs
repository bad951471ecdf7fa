//! One guard that can make each mistake.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use gambeson_core::BoxFuture;
use gambeson_testing::authorization::Caller;
use http::{Extensions, HeaderMap, Method, Request, Response, header};
use tokio::sync::RwLock;
use tower::Service;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Flaw {
    None,
    DoesNothing,
    RefusesAll,
    TakesAnyMethod,
    RemembersTheLast,
    CallsFirst,
    CallsFirstAndWaits,
    CallsUnreadiedClone,
    LocksWhileItCalls,
    LocksToRead,
    RefusesWhileReloading,
    AllowsWhileReloading,
    ForbidsNobody,
    ForgetsTheChallenge,
    ForbidsTheUndecided,
    AllowsTheUndecidedOnce,
    Remembers(fn(&Caller) -> String),
    Takes(fn(&str) -> bool),
    AllOfNothing,
    TrustsTheOuter,
    #[cfg(feature = "adopt-axum")]
    TrustsUnnamed,
}

/// What guards of one policy share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) policy: Arc<RwLock<()>>,
    pub(crate) asked: AtomicUsize,
    remembered: Mutex<HashMap<String, u16>>,
}

/// Lets through who has one of the roles, by the header `x-role` or by a `Caller` in the extensions.
#[derive(Debug, Clone)]
pub(crate) struct Gate<S> {
    inner: S,
    flaw: Flaw,
    roles: &'static [&'static str],
    shared: Arc<Shared>,
    by_route: bool,
}

/// What an outer guard has let through.
#[derive(Clone)]
struct Passed;

impl<S> Gate<S> {
    pub(crate) fn new(inner: S, flaw: Flaw, roles: &'static [&'static str], shared: &Arc<Shared>) -> Self {
        Self { inner, flaw, roles, shared: Arc::clone(shared), by_route: false }
    }

    /// Lets through to named routes only.
    #[cfg(feature = "adopt-axum")]
    pub(crate) fn by_route(self) -> Self {
        Self { by_route: true, ..self }
    }

    fn is_unnamed(&self, extensions: &Extensions) -> bool {
        #[cfg(feature = "adopt-axum")]
        let named = extensions.get::<axum::extract::MatchedPath>().is_some();
        #[cfg(not(feature = "adopt-axum"))]
        let named = !extensions.is_empty();
        self.by_route && !named
    }

    fn grants(&self, role: &str) -> bool {
        match self.flaw {
            Flaw::AllOfNothing => self.roles.iter().all(|wanted| *wanted == role),
            Flaw::Takes(takes) => takes(role),
            _ => self.roles.contains(&role),
        }
    }

    fn of_caller(&self, caller: &Caller) -> u16 {
        let decide = || if caller.roles.iter().any(|role| self.grants(role)) { 200 } else { 403 };
        let Flaw::Remembers(key) = self.flaw else { return decide() };
        *self.shared.remembered.lock().unwrap().entry(key(caller)).or_insert_with(decide)
    }

    fn decide(&self, method: &Method, headers: &HeaderMap, extensions: &Extensions) -> u16 {
        if let Some(caller) = extensions.get::<Caller>() {
            return self.of_caller(caller);
        }
        let role = headers.get("x-role").map(|role| role.to_str().unwrap());
        let deleting = method == Method::DELETE && !matches!(self.flaw, Flaw::TakesAnyMethod);
        let mut remembered = self.shared.remembered.lock().unwrap();
        let decided = match (self.flaw, role) {
            (Flaw::DoesNothing, _) => 200,
            (Flaw::RefusesAll, Some(_)) => 403,
            (Flaw::TrustsTheOuter, _) if extensions.get::<Passed>().is_some() => 200,
            #[cfg(feature = "adopt-axum")]
            (Flaw::TrustsUnnamed, _) if self.is_unnamed(extensions) => 200,
            (Flaw::ForbidsNobody, None) | (Flaw::ForbidsTheUndecided, Some("unknown")) => 403,
            (Flaw::AllowsTheUndecidedOnce, Some("unknown")) => 503,
            (_, None) => 401,
            _ if self.is_unnamed(extensions) => 404,
            (_, Some("unknown")) => 503,
            (_, Some(role)) if self.grants(role) && !deleting => 200,
            _ => 403,
        };
        match self.flaw {
            // The first decision is the one of all who come after.
            Flaw::RemembersTheLast => *remembered.entry(String::new()).or_insert(decided),
            // What could not be decided is taken for allowed when it is asked again.
            Flaw::AllowsTheUndecidedOnce if decided == 503 => {
                remembered.insert(String::new(), 200).unwrap_or(503)
            }
            _ => decided,
        }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Gate<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>, Error: Send, Future: Send + 'static>,
    S: Clone + Send + Sync + 'static,
    ReqBody: Send + 'static,
    ResBody: Default + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        self.shared.asked.fetch_add(1, Ordering::SeqCst);
        let (flaw, shared) = (self.flaw, Arc::clone(&self.shared));
        let mut decided = self.decide(request.method(), request.headers(), request.extensions());
        if decided == 200 {
            request.extensions_mut().insert(Passed);
        }
        let clone = self.inner.clone();
        let mut inner = match flaw {
            Flaw::CallsUnreadiedClone => clone,
            _ => std::mem::replace(&mut self.inner, clone),
        };
        let mut first = None;
        let mut request = Some(request);
        if matches!(flaw, Flaw::CallsFirst | Flaw::CallsFirstAndWaits) {
            first = request.take().map(|request| inner.call(request));
        }
        Box::pin(async move {
            let reloading = shared.policy.try_read().is_err();
            let mut held = None;
            match flaw {
                Flaw::CallsFirstAndWaits => tokio::task::yield_now().await,
                Flaw::RefusesWhileReloading if reloading => decided = 403,
                Flaw::AllowsWhileReloading if reloading => decided = 200,
                Flaw::LocksWhileItCalls => held = Some(shared.policy.write().await),
                Flaw::LocksToRead => drop(shared.policy.write().await),
                _ => {}
            }
            if decided != 200 {
                drop(first);
                return Ok(refusal(decided, !matches!(flaw, Flaw::ForgetsTheChallenge)));
            }
            let answer = match (first, request) {
                (Some(first), _) => first.await,
                (None, Some(request)) => inner.call(request).await,
                (None, None) => Ok(refusal(500, false)),
            };
            drop(held);
            answer
        })
    }
}

fn refusal<B: Default>(status: u16, challenges: bool) -> Response<B> {
    let answer = Response::builder().status(status);
    let answer =
        if status == 401 && challenges { answer.header(header::WWW_AUTHENTICATE, "Bearer") } else { answer };
    answer.body(B::default()).unwrap()
}
