//! The service and its response future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use gambeson_core::{BoxFuture, Challenges, MatchedRoute, RequestFacts, RequestHead, Respond};
use http::{Method, Request, Response, header};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::detour::Detour;
use super::handle::{Login, Own};
use super::session::SessionKey;
use super::step::{self, Outcome, Step};
use super::visit::{Loaded, Visit};
use super::{begin, callback, logout, telemetry};

/// The log-in and the responder: what all clones share.
#[derive(Debug, Clone)]
pub(super) struct Shared<R> {
    pub(super) login: Option<Login>,
    pub(super) challenges: Challenges,
    /// Whether pages without a session lead to the log-in.
    pub(super) detours: bool,
    pub(super) respond: R,
}

impl<R> Shared<R> {
    fn detour<B>(&self, login: &Login, request: &Request<B>, facts: &RequestFacts) -> Option<Box<Detour>> {
        if self.detours { Detour::of(login, request, facts) } else { None }
    }

    fn answer<B: Default>(&self, login: &Login, own: &OwnCall, outcome: Outcome) -> Response<B>
    where
        R: Respond<B>,
    {
        let mut response = match outcome {
            Ok(reply) => reply.into_response(),
            Err(rejection) => {
                telemetry::refused(login, own.action(), &rejection, None, &own.facts, &own.method);
                own.facts.set_rejection(rejection.clone());
                self.respond.respond(&rejection, &own.facts)
            }
        };
        step::mark(&mut response);
        response
    }
}

/// A request to one of the own paths.
struct OwnCall {
    own: Own,
    method: Method,
    facts: RequestFacts,
}

impl OwnCall {
    fn action(&self) -> &'static str {
        match self.own {
            Own::Login | Own::Callback => "login",
            Own::Logout => "logout",
        }
    }
}

/// The service that [`LoginLayer`](super::LoginLayer) makes.
#[derive(Debug)]
pub struct LoginService<S, R> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<R>>,
}

impl<S: Clone, R> Clone for LoginService<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for LoginService<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: Respond<ResBody>,
    ResBody: Default,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let Some(login) = &self.shared.login else {
            return ResponseFuture::inner(self.inner.call(request), None);
        };
        let facts = RequestFacts::ensure(&mut request);
        if let Some(own) = login.own(request.uri()) {
            return self.call_own(login.clone(), own, &request, facts);
        }
        match login.visit(&RequestHead::from(&request), &facts, &self.shared.challenges) {
            Visit::Pass => {
                hide(&mut request);
                let detour = self.shared.detour(login, &request, &facts);
                ResponseFuture::inner(self.inner.call(request), detour)
            }
            Visit::Refuse(rejection) => {
                ResponseFuture::answered(self.shared.respond.respond(&rejection, &facts))
            }
            Visit::Wait(key, loading) => {
                let login = login.clone();
                // Two unready clones: the readied service goes, or its permit would be held all the while.
                self.inner = self.inner.clone();
                let (shared, inner) = (Arc::clone(&self.shared), self.inner.clone());
                let loading = Some(loading);
                ResponseFuture::waiting(Waiting { shared, inner, login, request, facts, key, loading })
            }
        }
    }
}

impl<S, R> LoginService<S, R> {
    /// Nothing of the own paths reaches the inner service.
    fn call_own<ReqBody, ResBody>(
        &self,
        login: Login,
        own: Own,
        request: &Request<ReqBody>,
        facts: RequestFacts,
    ) -> ResponseFuture<S, ReqBody, R>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
        R: Respond<ResBody>,
        ResBody: Default,
    {
        let head = RequestHead::from(request);
        facts.set_route(MatchedRoute::new(head.uri.path()));
        let step = match own {
            Own::Login => begin::begin(&login, &head, &facts),
            Own::Callback => callback::callback(&login, &head, &facts),
            Own::Logout => logout::logout(&login, &head, &facts),
        };
        let call = OwnCall { own, method: head.method.clone(), facts };
        match step {
            Step::Done(outcome) => ResponseFuture::answered(self.shared.answer(&login, &call, outcome)),
            Step::Later(outcome) => {
                let shared = Arc::clone(&self.shared);
                ResponseFuture { state: State::Own { outcome, call: Box::new((shared, login, call)) } }
            }
        }
    }
}

/// Keeps the session's id out of whatever prints headers further inside.
fn hide<B>(request: &mut Request<B>) {
    let cookies = request.headers_mut().iter_mut().filter(|(name, _)| *name == header::COOKIE);
    cookies.for_each(|(_, value)| value.set_sensitive(true));
}

pin_project! {
    /// The answer of a [`LoginService`].
    pub struct ResponseFuture<S, B, R>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, R>
    where
        S: Service<Request<B>>,
    {
        Inner { #[pin] future: S::Future, detour: Option<Box<Detour>> },
        Answered { response: Option<S::Response> },
        Own { outcome: BoxFuture<Outcome>, call: Box<(Arc<Shared<R>>, Login, OwnCall)> },
        Waiting { waiting: Option<Box<Waiting<S, B, R>>> },
    }
}

/// A request whose session is being looked up, with all it takes to go on.
struct Waiting<S, B, R> {
    shared: Arc<Shared<R>>,
    inner: S,
    login: Login,
    request: Request<B>,
    facts: RequestFacts,
    key: SessionKey,
    loading: Option<BoxFuture<Loaded>>,
}

impl<S: Service<Request<B>>, B, R> ResponseFuture<S, B, R> {
    fn inner(future: S::Future, detour: Option<Box<Detour>>) -> Self {
        Self { state: State::Inner { future, detour } }
    }

    fn answered(response: S::Response) -> Self {
        let response = Some(response);
        Self { state: State::Answered { response } }
    }

    fn waiting(waiting: Waiting<S, B, R>) -> Self {
        let waiting = Some(Box::new(waiting));
        Self { state: State::Waiting { waiting } }
    }
}

impl<S, B, R, ResBody> Waiting<S, B, R>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
{
    fn poll_session(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Response<ResBody>>> {
        let Some(loading) = &mut self.loading else {
            return Poll::Ready(Ok(()));
        };
        let loaded = ready!(loading.as_mut().poll(context));
        self.loading = None;
        let concluded = self.login.conclude(&self.key, loaded, &self.facts, &self.shared.challenges);
        Poll::Ready(concluded.map_err(|rejection| self.shared.respond.respond(&rejection, &self.facts)))
    }
}

impl<S, B, R, ResBody> Future for ResponseFuture<S, B, R>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    R: Respond<ResBody>,
    ResBody: Default,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let (future, detour) = match state.as_mut().project() {
                StateProjection::Inner { future, detour } => {
                    let response = ready!(future.poll(context))?;
                    return Poll::Ready(Ok(match detour {
                        Some(detour) => detour.answer(response),
                        None => response,
                    }));
                }
                StateProjection::Answered { response } => match response.take() {
                    Some(response) => return Poll::Ready(Ok(response)),
                    None => return Poll::Pending,
                },
                StateProjection::Own { outcome, call } => {
                    let outcome = ready!(outcome.as_mut().poll(context));
                    let (shared, login, call) = &**call;
                    let response = shared.answer(login, call, outcome);
                    state.set(State::Answered { response: None });
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Waiting { waiting } => {
                    let Some(admitted) = waiting.as_mut() else {
                        return Poll::Pending;
                    };
                    if let Err(response) = ready!(admitted.poll_session(context)) {
                        *waiting = None;
                        return Poll::Ready(Ok(response));
                    }
                    ready!(admitted.inner.poll_ready(context))?;
                    let Some(mut admitted) = waiting.take() else {
                        return Poll::Pending;
                    };
                    hide(&mut admitted.request);
                    let detour = admitted.shared.detour(&admitted.login, &admitted.request, &admitted.facts);
                    (admitted.inner.call(admitted.request), detour)
                }
            };
            state.set(State::Inner { future, detour });
        }
    }
}

impl<S: Service<Request<B>>, B, R> fmt::Debug for ResponseFuture<S, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
