//! The layer that redeems the tickets of handshakes.

use std::task::{Context, Poll};

use gambeson_core::{Authentication, Challenges, RequestFacts};
use http::header::{self, HeaderMap};
use http::{Method, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::query::{self, Taken};
use super::{Tickets, telemetry};

/// Redeems the tickets of handshakes; see the [module](super).
#[derive(Debug, Clone)]
pub struct TicketLayer {
    tickets: Tickets,
}

impl TicketLayer {
    pub(super) fn new(tickets: Tickets) -> Self {
        Self { tickets }
    }
}

impl<S> Layer<S> for TicketLayer {
    type Service = Redeem<S>;

    fn layer(&self, inner: S) -> Redeem<S> {
        Redeem { inner, tickets: self.tickets.clone() }
    }
}

/// The service that [`TicketLayer`] makes.
#[derive(Debug, Clone)]
pub struct Redeem<S> {
    inner: S,
    tickets: Tickets,
}

impl<S, B> Service<Request<B>> for Redeem<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if is_handshake(request.method(), request.headers()) {
            self.tickets.admit(&mut request);
        }
        self.inner.call(request)
    }
}

impl Tickets {
    /// Takes the ticket out of the address, and puts who redeems it into the facts.
    fn admit<B>(&self, request: &mut Request<B>) {
        let (ticket, without) = match query::take(request.uri(), self.parameter()) {
            Taken::Absent => return,
            Taken::Once(ticket, without) => (Some(ticket), without),
            Taken::Often(without) => (None, without),
        };
        *request.uri_mut() = without;
        #[cfg(feature = "axum")]
        if let Some(original) = request.extensions_mut().get_mut::<axum::extract::OriginalUri>()
            && let Taken::Once(_, without) | Taken::Often(without) =
                query::take(&original.0, self.parameter())
        {
            original.0 = without;
        }
        let caller = ticket.and_then(|ticket| self.redeem(&ticket, request.uri().path()));
        let Some(caller) = caller else { return telemetry::not_redeemed("it is no good") };
        let known = Authentication::Verified(caller, Challenges::none());
        if RequestFacts::ensure(request).authenticate(known).is_err() {
            telemetry::not_redeemed("the request is somebody else's");
        }
    }
}

/// Whether the request opens a channel to which a page can't add a token.
fn is_handshake(method: &Method, headers: &HeaderMap) -> bool {
    let streams = |value: &http::HeaderValue| value.as_bytes().starts_with(b"text/event-stream");
    match *method {
        Method::GET => {
            headers.contains_key(header::UPGRADE) || headers.get(header::ACCEPT).is_some_and(streams)
        }
        Method::CONNECT => true,
        _ => false,
    }
}
