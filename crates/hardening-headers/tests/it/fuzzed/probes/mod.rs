//! What must hold whatever a stranger sends. Each probe takes bytes, panics when it does not hold, and says whether the bytes
//! came all the way in. The targets of `fuzz/` search for bytes; the tests give the probes those that were worth keeping.

mod csp;
mod forwarded;
mod hosts;

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use tower::{Layer, Service, service_fn};

pub(crate) use csp::probe as csp;
pub(crate) use forwarded::probe as forwarded;
pub(crate) use hosts::probe as hosts;

/// What an app behind this layer, that answers at once with what it was asked, gives.
fn answer<L, S, B>(layer: &L, app: S, request: Request<()>) -> Response<B>
where
    L: Layer<S>,
    L::Service: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    let mut service = layer.layer(app);
    let future = pin!(service.call(request));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(answer)) => answer,
        _ => panic!("an answer without a wait"),
    }
}

/// An app that answers with these parts of the request.
fn told<T>(
    tell: impl Fn(Request<()>) -> T + Clone,
) -> impl Service<
    Request<()>,
    Response = Response<T>,
    Error = Infallible,
    Future = std::future::Ready<Result<Response<T>, Infallible>>,
> {
    service_fn(move |request| std::future::ready(Ok(Response::new(tell(request)))))
}
