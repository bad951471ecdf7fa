//! The service and its response future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use gambeson_core::{Answer, BoxError, BoxFuture, Credential, Refused, Rejection, RequestFacts};
use http::{HeaderValue, Request, Response, StatusCode, header};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::kept::Failure;
use super::layer::Shared;
use super::refusal;
use super::repeat::Repeat;
use super::source::Holder;

/// The service that [`TokenLayer`](super::TokenLayer) makes.
#[derive(Debug, Clone)]
pub struct TokenService<S, R> {
    pub(super) inner: S,
    pub(super) shared: Option<Arc<Shared>>,
    pub(super) repeat: R,
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for TokenService<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    R: Repeat<ReqBody>,
{
    type Response = Response<ResBody>;
    type Error = BoxError;
    type Future = TokenFuture<S, ReqBody, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let holder = self.shared.as_ref().map_or(Ok(None), |shared| shared.holder(&mut request));
        let holder = match holder {
            Ok(Some(holder)) => holder,
            Ok(None) => return TokenFuture::inner(self.inner.call(request), None),
            Err(rejection) => return TokenFuture::refused(rejection, &RequestFacts::ensure(&mut request)),
        };
        match holder.credential() {
            Answer::Ready(Ok(credential)) => {
                let again = Again::of(&self.repeat, &request, &self.inner);
                equip(&mut request, &credential);
                TokenFuture::inner(self.inner.call(request), Some(Sent { holder, credential, again }))
            }
            Answer::Ready(Err(failure)) => {
                TokenFuture::refused(refusal::no_token(failure), &RequestFacts::ensure(&mut request))
            }
            Answer::Pending(wait) => {
                let facts = RequestFacts::ensure(&mut request);
                // Two unready clones: the readied service goes, or its permit would be held all the while.
                self.inner = self.inner.clone();
                let (inner, repeat) = (self.inner.clone(), self.repeat.clone());
                TokenFuture::waiting(Waiting {
                    inner,
                    request,
                    repeat,
                    holder,
                    facts,
                    token: Token::Comes(wait),
                })
            }
        }
    }
}

/// What a [`TokenLayer`](super::TokenLayer) has put into the `Authorization` field.
#[derive(Clone)]
struct Equipped(HeaderValue);

fn equip<B>(request: &mut Request<B>, credential: &Credential) {
    let authorization = credential.authorization();
    request.extensions_mut().insert(Equipped(authorization.clone()));
    request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
}

/// Whether the `Authorization` field is what a [`TokenLayer`](super::TokenLayer) has put there and nothing else: whoever stands between two
/// of them can have replaced it, or added to it, a caller's.
pub(super) fn is_equipped<B>(request: &Request<B>) -> bool {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    match (request.extensions().get::<Equipped>(), values.next(), values.next()) {
        (Some(Equipped(ours)), Some(value), None) => {
            verify_slices_are_equal(ours.as_bytes(), value.as_bytes()).is_ok()
        }
        _ => false,
    }
}

/// What was sent along, in case that it is rejected.
struct Sent<S, B> {
    holder: Holder,
    credential: Credential,
    again: Option<Box<Again<S, B>>>,
}

/// What it takes to send the request once more.
struct Again<S, B> {
    request: Request<B>,
    inner: S,
}

impl<S: Clone, B> Again<S, B> {
    /// The clone of the readied service is not ready, and so holds nothing.
    fn of(repeat: &impl Repeat<B>, request: &Request<B>, inner: &S) -> Option<Box<Self>> {
        let request = repeat.copy(request)?;
        Some(Box::new(Self { request, inner: inner.clone() }))
    }
}

/// A token that comes or has come.
enum Token {
    Comes(BoxFuture<Result<Credential, Failure>>),
    There(Credential),
}

impl Token {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Credential, Failure>> {
        let credential = match self {
            Self::Comes(wait) => ready!(wait.as_mut().poll(context))?,
            Self::There(credential) => return Poll::Ready(Ok(credential.clone())),
        };
        *self = Self::There(credential.clone());
        Poll::Ready(Ok(credential))
    }
}

/// A request that has no token yet.
struct Waiting<S, B, R> {
    inner: S,
    request: Request<B>,
    repeat: R,
    holder: Holder,
    facts: RequestFacts,
    token: Token,
}

/// A request that was answered 401, while another token comes.
struct Replacing<S, B, T> {
    again: Box<Again<S, B>>,
    token: Token,
    rejected: Credential,
    /// The 401; it goes as soon as another token is there, or a service that counts what is under way would wait for itself.
    answer: Option<T>,
}

pin_project! {
    /// The answer of a [`TokenService`], which waits for a token at most, and asks a second time after a 401.
    pub struct TokenFuture<S, B, R>
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
        Inner { #[pin] future: S::Future, sent: Option<Sent<S, B>> },
        Waiting { waiting: Option<Box<Waiting<S, B, R>>> },
        Replacing { replacing: Option<Box<Replacing<S, B, S::Response>>> },
        Refused { refused: Option<Refused> },
    }
}

impl<S: Service<Request<B>>, B, R> TokenFuture<S, B, R> {
    fn inner(future: S::Future, sent: Option<Sent<S, B>>) -> Self {
        Self { state: State::Inner { future, sent } }
    }

    fn waiting(waiting: Waiting<S, B, R>) -> Self {
        let waiting = Some(Box::new(waiting));
        Self { state: State::Waiting { waiting } }
    }

    fn refused(rejection: Rejection, facts: &RequestFacts) -> Self {
        facts.set_rejection(rejection.clone());
        Self { state: State::Refused { refused: Some(Refused(rejection)) } }
    }
}

impl<S, B, R, ResBody> Waiting<S, B, R>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    R: Repeat<B>,
{
    /// Whether token and service are there; they stay so until the call.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<Credential, BoxError>> {
        let credential = ready!(self.token.poll(context)).map_err(|failure| {
            let rejection = refusal::no_token(failure);
            self.facts.set_rejection(rejection.clone());
            Refused(rejection)
        })?;
        ready!(self.inner.poll_ready(context)).map_err(Into::into)?;
        Poll::Ready(Ok(credential))
    }

    fn send(mut self, credential: Credential) -> State<S, B, R> {
        let again = Again::of(&self.repeat, &self.request, &self.inner);
        equip(&mut self.request, &credential);
        let future = self.inner.call(self.request);
        State::Inner { future, sent: Some(Sent { holder: self.holder, credential, again }) }
    }
}

impl<S, B, R, ResBody> Future for TokenFuture<S, B, R>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    S::Error: Into<BoxError>,
    R: Repeat<B>,
{
    type Output = Result<Response<ResBody>, BoxError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Refused { refused } => match refused.take() {
                    Some(refused) => return Poll::Ready(Err(refused.into())),
                    None => return Poll::Pending,
                },
                StateProjection::Inner { future, sent } => {
                    let answer = ready!(future.poll(context)).map_err(Into::into)?;
                    match sent.take().filter(|_| answer.status() == StatusCode::UNAUTHORIZED) {
                        None => return Poll::Ready(Ok(answer)),
                        Some(sent) => match sent.rejected(answer) {
                            Ok(replacing) => State::Replacing { replacing: Some(Box::new(replacing)) },
                            Err(answer) => return Poll::Ready(Ok(answer)),
                        },
                    }
                }
                StateProjection::Waiting { waiting } => {
                    let Some(mut now) = waiting.take() else { return Poll::Pending };
                    match now.poll_ready(context)? {
                        Poll::Ready(credential) => now.send(credential),
                        Poll::Pending => {
                            *waiting = Some(now);
                            return Poll::Pending;
                        }
                    }
                }
                StateProjection::Replacing { replacing } => {
                    let Some(mut now) = replacing.take() else { return Poll::Pending };
                    match now.poll_ready(context) {
                        Poll::Ready(Ok(None)) => State::Inner { future: now.send(), sent: None },
                        Poll::Ready(Ok(Some(answer))) => return Poll::Ready(Ok(answer)),
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => {
                            *replacing = Some(now);
                            return Poll::Pending;
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}

impl<S, B> Sent<S, B> {
    /// The other side did not take the token: another one, if there is one to be had and a request to send it with.
    fn rejected<T>(self, answer: T) -> Result<Replacing<S, B, T>, T> {
        let replaced = self.holder.replace(&self.credential);
        let token = match (replaced, &self.again) {
            (_, None) | (Answer::Ready(Err(_)), _) => return Err(answer),
            (Answer::Ready(Ok(credential)), _) => Token::There(credential),
            (Answer::Pending(wait), _) => Token::Comes(wait),
        };
        match self.again {
            Some(again) => Ok(Replacing { again, token, rejected: self.credential, answer: Some(answer) }),
            None => Err(answer),
        }
    }
}

impl<S, B, ResBody> Replacing<S, B, Response<ResBody>>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    S::Error: Into<BoxError>,
{
    /// `None`: the request can be sent again. Else the first answer stands.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Response<ResBody>>, BoxError>> {
        let Ok(credential) = ready!(self.token.poll(context)) else {
            return Poll::Ready(Ok(self.answer.take()));
        };
        if credential.authorization() == self.rejected.authorization() {
            return Poll::Ready(Ok(self.answer.take()));
        }
        self.answer = None;
        ready!(self.again.inner.poll_ready(context)).map_err(Into::into)?;
        equip(&mut self.again.request, &credential);
        Poll::Ready(Ok(None))
    }

    fn send(self) -> S::Future {
        let Again { request, mut inner } = *self.again;
        inner.call(request)
    }
}

impl<S: Service<Request<B>>, B, R> fmt::Debug for TokenFuture<S, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFuture").finish_non_exhaustive()
    }
}
