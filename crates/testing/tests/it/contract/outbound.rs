//! Layers for clients: refusals are `Refused`, found in the error by downcast.

use std::pin::Pin;
use std::task::{Context, Poll};

use gambeson_core::{BoxError, Refused, RequestFacts};
use gambeson_testing::contract::{self, Cases, Inner, Probe, Report, TestBody};
use http::Request;
use pin_project_lite::pin_project;
use tower::{Layer, Service, ServiceExt};

use super::guard::refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    RefusesWithAnotherError,
    ForgetsTheFacts,
    HidesErrors,
    CallsUnreadiedClone,
}

/// Sends nothing without the field `x-key`.
#[derive(Debug, Clone)]
struct Outbound(Flaw);

impl<S> Layer<S> for Outbound {
    type Service = OutboundService<S>;

    fn layer(&self, inner: S) -> OutboundService<S> {
        OutboundService { inner, flaw: self.0 }
    }
}

#[derive(Debug, Clone)]
struct OutboundService<S> {
    inner: S,
    flaw: Flaw,
}

impl<S, B> Service<Request<B>> for OutboundService<S>
where
    S: Service<Request<B>, Error: Into<BoxError>> + Clone,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = OutboundFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if request.headers().contains_key("x-key") {
            let future = match self.flaw {
                Flaw::CallsUnreadiedClone => self.inner.clone().call(request),
                _ => self.inner.call(request),
            };
            return OutboundFuture::Inner { future, hides: self.flaw == Flaw::HidesErrors };
        }
        if self.flaw != Flaw::ForgetsTheFacts {
            RequestFacts::ensure(&mut request).set_rejection(refusal());
        }
        let error: BoxError = match self.flaw {
            Flaw::RefusesWithAnotherError => "no key".into(),
            _ => Refused(refusal()).into(),
        };
        OutboundFuture::Refused { error: Some(error) }
    }
}

pin_project! {
    #[project = State]
    enum OutboundFuture<F> {
        Inner { #[pin] future: F, hides: bool },
        Refused { error: Option<BoxError> },
    }
}

impl<F, T, E> Future for OutboundFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            State::Inner { future, hides: true } => future.poll(cx).map_err(|_| "it failed".into()),
            State::Inner { future, .. } => future.poll(cx).map_err(Into::into),
            State::Refused { error } => Poll::Ready(Err(error.take().expect("polled after the end"))),
        }
    }
}

fn keyed() -> Request<TestBody> {
    Request::post("/charge").header("x-key", "1").body(TestBody::from("1 USD")).unwrap()
}

fn cases() -> Cases {
    Cases::passing(keyed).refusing(|| Request::get("/charge").body(()).unwrap())
}

async fn report(flaw: Flaw) -> Report {
    contract::examine_outbound(move || Outbound(flaw), cases()).await
}

#[tokio::test]
async fn a_sound_layer_for_clients_passes() {
    contract::check_outbound(|| Outbound(Flaw::None), cases()).await;
}

#[tokio::test]
async fn a_refusal_is_found_in_the_error() {
    let inner = Inner::new();
    let service = Outbound(Flaw::None).layer(inner.clone());
    assert_eq!(service.clone().oneshot(keyed()).await.unwrap().status(), 200);
    let error = service.oneshot(Request::new(TestBody::empty())).await.unwrap_err();
    assert_eq!(error.downcast_ref::<Refused>().unwrap().0.slug(), "no-key");
    assert_eq!(inner.calls(), 1);
}

#[tokio::test]
async fn layers_for_clients_that_break_laws_are_reported() {
    for (flaw, probe, words) in [
        (Flaw::RefusesWithAnotherError, Probe::Refusal, "other than Refused: no key"),
        (Flaw::ForgetsTheFacts, Probe::Refusal, "not in RequestFacts"),
        (Flaw::HidesErrors, Probe::Errors, "became another one: it failed"),
        (Flaw::HidesErrors, Probe::TowerInners, "LoadShed"),
        (Flaw::CallsUnreadiedClone, Probe::Readiness, "not polled ready"),
        (Flaw::CallsUnreadiedClone, Probe::TowerInners, "ConcurrencyLimit: it panicked"),
    ] {
        let report = report(flaw).await;
        let found = report.findings().iter().any(|f| f.probe == probe && f.what.contains(words));
        assert!(found, "{flaw:?} {probe:?}: {report}");
    }
}

#[tokio::test]
#[should_panic(expected = "the layer breaks the contract")]
async fn check_outbound_panics_with_the_laws() {
    contract::check_outbound(|| Outbound(Flaw::HidesErrors), cases()).await;
}
