//! The endpoint as a service.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{BoxFuture, MatchedRoute, Rejection, RequestFacts};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::super::handle::Login;
use super::super::{refusal, step, telemetry};
use super::body;
use super::refused::Refused;
use super::token::heed;

/// How long the form may take to come.
const WITHIN: Duration = Duration::from_secs(10);

/// Where the provider tells this app that somebody signed out elsewhere (OpenID Connect Back-Channel Logout 1.0). Made by
/// [`Login::backchannel_logout`]; mount it for `POST` at [`Login::backchannel_endpoint`]'s path, behind no cross-site check
/// (`exempt` of gambeson-hardening-headers takes the endpoint; providers that send no `Origin` pass it anyway), and register
/// [`Login::backchannel_logout_uri`] with the provider.
///
/// A logout token must be signed by the issuer, by an algorithm of its `id_token_signing_alg_values_supported` where it says that; name it
/// and this client (`iss`, `aud`); be valid now (`exp`, `iat`); have a `jti` that did not come before, `sub` or `sid`, the logout event
/// alone in `events` and no `nonce`; its `typ` is `logout+jwt`, `JWT` or absent. It ends the sessions of its `sid` and those of its `sub`
/// that have no `sid`, or all of its `sub` where it names no `sid`; and with a [denylist](super::super::LoginBuilder::denylist) the access tokens.
/// Of a `sub` it ends what began, by the provider's clock, up to its `iat`: a replay ends no newer log-in, whichever instance it comes to.
///
/// | answer | when |
/// |---|---|
/// | 200 | done, also when there was no such session |
/// | 400 `invalid_request` | no valid logout token, or one that came before |
/// | 405 | not POST |
/// | 503 `temporarily_unavailable`, `Retry-After` | the provider's keys or the session store can't be had: send it again |
///
/// Strangers fill no log: refusals are told, in log and audit trail, the first of each kind in a minute and how many there were since; but
/// each log-out of the provider that could not be heeded is told, the first time that it comes. Errors are JSON, nothing is kept by anybody (`Cache-Control: no-store`). At most 16 KiB are read, within 10 s. Keys that are not known are
/// waited for as for access tokens. Once the token is verified heeding goes on though the request is dropped; before that, a request that is
/// dropped does nothing.
///
/// With several instances the session store is shared or the provider reaches one of them only; so it is with the denylist.
///
/// ```
/// use axum::Router;
/// use axum::body::Body;
/// use axum::routing::post_service;
/// use gambeson_oidc_auth::{Issuer, Login};
///
/// # fn main() -> Result<(), gambeson_core::ConfigError> {
/// let login = Login::builder(Issuer::discover("https://id.example.com"), "notes-web")
///     .public_origin("https://notes.example.com")
///     .build()?;
/// let endpoint = login.backchannel_endpoint();
/// assert_eq!(endpoint.template, "/logout/backchannel");
/// let app: Router = Router::new().route(&endpoint.template, post_service(login.backchannel_logout::<Body>()));
/// # let _ = app;
/// # Ok(())
/// # }
/// ```
pub struct BackchannelLogout<B> {
    login: Login,
    body: PhantomData<fn() -> B>,
}

impl<B> BackchannelLogout<B> {
    pub(in crate::login) fn new(login: Login) -> Self {
        Self { login, body: PhantomData }
    }
}

impl<B> Clone for BackchannelLogout<B> {
    fn clone(&self) -> Self {
        Self::new(self.login.clone())
    }
}

impl<B> fmt::Debug for BackchannelLogout<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BackchannelLogout").field(&self.login).finish()
    }
}

impl<ReqBody: Body, B: From<Bytes>> Service<Request<ReqBody>> for BackchannelLogout<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = ResponseFuture<ReqBody, B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let facts = RequestFacts::ensure(&mut request);
        facts.set_route(MatchedRoute::new(self.login.parts().paths.backchannel_logout.clone()));
        let (head, body) = request.into_parts();
        let login = self.login.clone();
        let asked = Asked { login, facts, method: head.method };
        let refused = match asked.method {
            Method::POST if body::is_form(&head.headers) => None,
            Method::POST => Some(Refused::request(refusal::logout_token("the body is no form"))),
            _ => Some(Refused::request(refusal::method("POST"))),
        };
        let state = match refused {
            Some(refused) => State::Refused { refused: Some(refused) },
            None => {
                let parts = asked.login.parts();
                let deadline = parts.timer.until(parts.clock.monotonic().plus(WITHIN));
                State::Reading { body, read: Vec::new(), deadline }
            }
        };
        ResponseFuture { state, asked, answer: PhantomData }
    }
}

struct Asked {
    login: Login,
    facts: RequestFacts,
    method: Method,
}

impl Asked {
    /// Heeds the token of the form in a future of its own.
    fn heed(&self, form: &[u8]) -> Result<BoxFuture<Result<(), Refused>>, Refused> {
        let none = || Refused::request(refusal::logout_token("not one logout_token"));
        let token = body::logout_token(form).ok_or_else(none)?;
        let (login, facts) = (self.login.clone(), self.facts.clone());
        let client = facts.peer().and_then(|peer| peer.address);
        Ok(Box::pin(async move { heed(&login, &token, client, &facts).await }))
    }

    fn answer<B: From<Bytes>>(&self, outcome: Result<(), Refused>) -> Response<B> {
        let mut response = match outcome {
            Ok(()) => Response::new(Bytes::new().into()),
            Err(refused) => {
                self.tell(&refused);
                let response = told(&refused.rejection);
                self.facts.set_rejection(refused.rejection);
                response
            }
        };
        step::mark(&mut response);
        response
    }

    fn tell(&self, refused: &Refused) {
        const ACTION: &str = "logout.backchannel";
        let (parts, rejection) = (self.login.parts(), &refused.rejection);
        match parts.logout_tokens.refusals.due(refused, parts.clock.monotonic()) {
            Some(others) => {
                telemetry::refused(&self.login, ACTION, rejection, Some(others), &self.facts, &self.method);
            }
            None => telemetry::refused_again(ACTION, rejection),
        }
    }
}

/// §2.8, with the members of RFC 6749 §5.2.
fn told<B: From<Bytes>>(rejection: &Rejection) -> Response<B> {
    let error = match rejection.status() {
        StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
        _ => "invalid_request",
    };
    let body = serde_json::json!({"error": error, "error_description": rejection.public_detail()});
    let mut response = Response::new(Bytes::from(body.to_string()).into());
    *response.status_mut() = rejection.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.extend(rejection.headers().iter().cloned());
    if let Some(seconds) = rejection.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

pin_project! {
    /// The answer of a [`BackchannelLogout`].
    pub struct ResponseFuture<ReqBody, B> {
        #[pin]
        state: State<ReqBody>,
        asked: Asked,
        answer: PhantomData<fn() -> B>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<ReqBody> {
        Reading { #[pin] body: ReqBody, read: Vec<u8>, deadline: BoxFuture<()> },
        Heeding { heeding: BoxFuture<Result<(), Refused>> },
        Refused { refused: Option<Refused> },
    }
}

/// Reads on to the end of the body, or to where it is no good.
fn poll_form<B: Body>(
    mut body: Pin<&mut B>,
    read: &mut Vec<u8>,
    deadline: &mut BoxFuture<()>,
    context: &mut Context<'_>,
) -> Poll<Result<(), Refused>> {
    let refused = |why| Poll::Ready(Err(Refused::request(refusal::logout_token(why))));
    if deadline.as_mut().poll(context).is_ready() {
        return refused("the form took too long");
    }
    loop {
        match ready!(body.as_mut().poll_frame(context)) {
            None => return Poll::Ready(Ok(())),
            Some(Err(_)) => return refused("the form broke off"),
            Some(Ok(frame)) => {
                if frame.into_data().is_ok_and(|data| !body::take(read, data)) {
                    return refused("the form is too long");
                }
            }
        }
    }
}

impl<ReqBody: Body, B: From<Bytes>> Future for ResponseFuture<ReqBody, B> {
    type Output = Result<Response<B>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let outcome = match this.state.as_mut().project() {
                StateProjection::Reading { body, read, deadline } => {
                    let form = ready!(poll_form(body, read, deadline, context));
                    form.and_then(|()| this.asked.heed(read))
                }
                StateProjection::Heeding { heeding } => {
                    let outcome = ready!(heeding.as_mut().poll(context));
                    this.state.set(State::Refused { refused: None });
                    return Poll::Ready(Ok(this.asked.answer(outcome)));
                }
                StateProjection::Refused { refused } => match refused.take() {
                    Some(refused) => return Poll::Ready(Ok(this.asked.answer(Err(refused)))),
                    None => return Poll::Pending,
                },
            };
            this.state.set(match outcome {
                Ok(heeding) => State::Heeding { heeding },
                Err(refused) => State::Refused { refused: Some(refused) },
            });
        }
    }
}

impl<ReqBody, B> fmt::Debug for ResponseFuture<ReqBody, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
