//! A guarded application, and how requests to it end.

use gambeson_core::BoxError;
use http::{Request, Response, header};
use tower::ServiceExt;

use super::App;
use super::guard::Build;
use super::inners::Put;
use crate::contract::drive::{caught_answer, whole, within};
use crate::contract::subject::{AnyBody, AnyService};
use crate::contract::tower_inner::{Sent, TowerInner};
use crate::contract::{Inner, TestBody};

/// A layer around an application.
pub(super) struct Site {
    pub(super) service: AnyService,
    pub(super) app: App,
    /// What does the work, at the very end.
    pub(super) work: Inner,
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    /// The status; of a gRPC answer the one that its code stands for.
    pub(super) status: u16,
    pub(super) is_grpc: bool,
    pub(super) is_challenge: bool,
    /// How often the app was called.
    pub(super) calls: usize,
}

impl Site {
    /// The layer around an app that is always ready.
    pub(super) fn new(build: &Build) -> Self {
        Self::with(build, TowerInner::new, Inner::new())
    }

    pub(super) fn with(build: &Build, put: Put, work: Inner) -> Self {
        let app = App::new(put(work.clone()));
        Self { service: build(app.clone()), app, work }
    }

    /// One layer around another one.
    pub(super) fn nested(outer: &Build, inner: &Build) -> Self {
        let work = Inner::new();
        let app = App::new(TowerInner::new(work.clone()));
        // Bodies are left behind between the two: nothing is decided by them.
        let inner = inner(app.clone())
            .map_request(|request: Sent| request.map(|_| TestBody::empty()))
            .map_response(|response: Response<AnyBody>| response.map(|_| TestBody::empty()));
        Self { service: outer(App::new(TowerInner::new(inner))), app, work }
    }

    /// Sends a request as a server does; a sentence if it does not end with an answer.
    pub(super) async fn ask(&mut self, request: Request<TestBody>) -> Result<Outcome, String> {
        let before = self.app.calls();
        let answer = caught_answer(&mut self.service, request).await?;
        let answer = answer.map_err(|error| format!("it failed: {error}"))?;
        Ok(Outcome { calls: self.app.calls() - before, ..outcome(answer).await? })
    }

    /// Sends a request that must pass.
    pub(super) async fn passes(&mut self, request: Request<TestBody>) -> Result<(), String> {
        let outcome = self.ask(request).await?;
        match outcome.calls == 1 && outcome.is_success() {
            true => Ok(()),
            false => Err(format!("it must pass, but {outcome}")),
        }
    }

    /// Sends a request that must be refused.
    pub(super) async fn refuses(&mut self, request: Request<TestBody>) -> Result<Outcome, String> {
        let outcome = self.ask(request).await?;
        match outcome.calls == 0 && !outcome.is_success() {
            true => Ok(outcome),
            false => Err(format!("it must be refused, but {outcome}")),
        }
    }

    /// Sends a request past the layer: once it is answered, whatever was handed over before it was begun.
    pub(super) async fn straight(&self) -> Result<(), String> {
        let request = Request::new(TestBody::empty());
        let answer: Result<_, BoxError> =
            within("a request past the layer", self.app.clone().oneshot(request)).await?;
        answer.map(drop).map_err(|error| format!("a request past the layer failed: {error}"))
    }
}

impl Outcome {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it was answered with {}, and called the app {} times", self.status, self.calls)
    }
}

async fn outcome(answer: Response<AnyBody>) -> Result<Outcome, String> {
    let (parts, body) = answer.into_parts();
    let body = whole(body).await?;
    let grpc = parts.headers.get("grpc-status").or_else(|| body.trailers.as_ref()?.get("grpc-status"));
    let status = match grpc.and_then(|code| code.to_str().ok()) {
        None | Some("0") => parts.status.as_u16(),
        Some("7") => 403,
        Some("14") => 503,
        Some("16") => 401,
        Some(_) => 500,
    };
    let is_challenge = parts.headers.contains_key(header::WWW_AUTHENTICATE);
    Ok(Outcome { status, is_grpc: grpc.is_some(), is_challenge, calls: 0 })
}
