//! The edge, looked through and made ready.

use std::fmt;
use std::sync::Arc;

use gambeson_core::{Clock, Mode, ProblemJson, Rejection, RejectionClass, RequestFacts, RequestHead};
use http::{Response, StatusCode, header};

use super::layer::HardeningLayer;
use super::telemetry::{self, Once};
use crate::PACKAGE;
use crate::csp::{Nonce, NonceSlot};
use crate::headers::{self, KeepErrorBody, Transport, Variants};
use crate::hosts::{HostList, HostVerdict};
use crate::random::RandomPool;

/// A hardened HTTP edge: what [`Hardening::build`](crate::Hardening::build) makes. A clone is one atomic increment.
#[derive(Debug, Clone)]
pub struct Edge(Arc<EdgeInner>);

pub(super) struct EdgeInner {
    pub(super) variants: Variants,
    pub(super) hosts: HostList,
    pub(super) host_mode: Mode,
    pub(super) scrub_5xx: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<RandomPool>,
    pub(super) once: Once,
}

impl Edge {
    pub(super) fn new(inner: EdgeInner) -> Self {
        Self(Arc::new(inner))
    }

    /// The layer; it answers with problem details ([`ProblemJson`]).
    #[must_use]
    pub fn layer(&self) -> HardeningLayer {
        self.layer_with(ProblemJson)
    }

    /// The layer, with another way to answer: [`Negotiated`](gambeson_core::Negotiated) for pages, [`GrpcStatus`](gambeson_core::GrpcStatus) for tonic.
    #[must_use]
    pub fn layer_with<R>(&self, respond: R) -> HardeningLayer<R> {
        HardeningLayer::new(self.clone(), respond)
    }

    /// Whether the request is for this app.
    pub(super) fn admit(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Result<(), Rejection> {
        let host = facts.peer().and_then(|peer| peer.host.as_deref());
        let refusal = match self.0.hosts.verdict(head, host) {
            HostVerdict::Ours => return Ok(()),
            HostVerdict::Invalid => {
                Rejection::new(PACKAGE, RejectionClass::Limit, "bad-host", StatusCode::BAD_REQUEST)
                    .detail("the request must name exactly one valid host")
            }
            HostVerdict::Foreign => {
                let status = StatusCode::MISDIRECTED_REQUEST;
                Rejection::new(PACKAGE, RejectionClass::Limit, "misdirected-host", status)
                    .detail("this app does not answer for that host")
            }
        };
        let enforced = match self.0.host_mode {
            Mode::Enforce => true,
            mode => mode.enforces(self.0.clock.now()),
        };
        telemetry::host_refused(&refusal, host, enforced);
        if enforced { Err(refusal) } else { Ok(()) }
    }

    /// The place where a handler may take a nonce, if a policy has use for one.
    pub(super) fn nonce_slot(&self) -> Option<NonceSlot> {
        self.0.variants.has_nonce().then(|| NonceSlot::new(Arc::clone(&self.0.random)))
    }

    /// Puts the headers onto the answer.
    pub(super) fn harden<B>(&self, facts: &RequestFacts, nonce: Option<&Nonce>, response: &mut Response<B>) {
        let transport = Transport::of(facts.peer());
        let oddities = headers::apply(&self.0.variants, transport, nonce, response);
        self.0.once.say(oddities);
    }

    /// The refusal in whose words a 5xx answer is given; `None` when the answer may stay as it is.
    pub(super) fn scrubbed<B>(&self, facts: &RequestFacts, response: &Response<B>) -> Option<Rejection> {
        let status = response.status();
        if !self.0.scrub_5xx || !status.is_server_error() {
            return None;
        }
        let refused = facts.rejection().is_some_and(|rejection| rejection.status() == status);
        let kept = response.extensions().get::<KeepErrorBody>().is_some();
        if refused || kept || is_problem(response) {
            return None;
        }
        let class = match status {
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                RejectionClass::Dependency
            }
            _ => RejectionClass::Bug,
        };
        Some(Rejection::new(PACKAGE, class, "server-error", status))
    }
}

fn is_problem<B>(response: &Response<B>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"))
}

impl fmt::Debug for EdgeInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeInner")
            .field("hosts", &self.hosts)
            .field("host_mode", &self.host_mode)
            .field("scrub_5xx", &self.scrub_5xx)
            .finish_non_exhaustive()
    }
}
