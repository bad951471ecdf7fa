//! The edge, looked through and made ready.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gambeson_core::{Clock, Mode, ProblemJson, Profile, Rejection, RejectionClass, RequestFacts};
use http::{Response, StatusCode, header};

use super::layer::HardeningLayer;
use super::telemetry::Once;
use crate::PACKAGE;
use crate::check::{Finding, Silences};
use crate::cookies::CookieMarks;
use crate::cors::{CorsPolicy, Grant};
use crate::csp::{Nonce, NonceSlot};
use crate::csrf::CsrfCheck;
use crate::edge_limit::Early;
use crate::headers::{self, Client, KeepErrorBody, Transport, Variants};
use crate::hosts::HostList;
use crate::origin::Origin;
use crate::random::RandomPool;

/// A hardened HTTP edge: what [`Hardening::build`](crate::Hardening::build) makes. A clone is one atomic increment.
#[derive(Debug, Clone)]
pub struct Edge(Arc<EdgeInner>);

pub(super) struct EdgeInner {
    pub(super) variants: Variants,
    pub(super) hosts: HostList,
    pub(super) host_mode: Mode,
    /// Where navigations to other hosts of ours are sent.
    pub(super) canonical: Option<Origin>,
    pub(super) cors: Option<CorsPolicy>,
    pub(super) csrf: CsrfCheck,
    /// None when cookies are left as they are.
    pub(super) cookies: Option<CookieMarks>,
    pub(super) profile: Profile,
    pub(super) scrub_5xx: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<RandomPool>,
    pub(super) once: Once,
    pub(super) findings: Box<[Finding]>,
    pub(super) silences: Silences,
    /// Refusals that were not carried out, because a check observes.
    pub(super) observed: AtomicU64,
}

impl Edge {
    pub(super) fn new(inner: EdgeInner) -> Self {
        Self(Arc::new(inner))
    }

    /// The layer; it answers with problem details ([`ProblemJson`]) unless told otherwise
    /// ([`respond_with`](HardeningLayer::respond_with)).
    #[must_use]
    pub fn layer(&self) -> HardeningLayer {
        HardeningLayer::new(self.clone(), ProblemJson, Early::default())
    }

    /// What is weak and not silenced, the worst first; of an edge of [`Config::layers`](crate::Config::layers) what is weak about the
    /// layers beside it too.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.0.findings
    }

    /// The host that people see, or else the first that is declared.
    pub(crate) fn public_host(&self) -> Option<&str> {
        self.0.hosts.names().next()
    }

    /// What is silenced.
    pub(crate) fn silences(&self) -> &Silences {
        &self.0.silences
    }

    /// The names of cookies that scripts must read.
    pub(crate) fn readable_cookies(&self) -> Vec<String> {
        self.0.cookies.iter().flat_map(CookieMarks::readable).map(str::to_owned).collect()
    }

    pub(super) fn inner(&self) -> &EdgeInner {
        &self.0
    }

    /// The place where a handler may take a nonce, if a policy has use for one.
    pub(super) fn nonce_slot(&self) -> Option<NonceSlot> {
        self.0.variants.has_nonce().then(|| NonceSlot::new(Arc::clone(&self.0.random)))
    }

    /// Puts the headers onto the answer.
    pub(super) fn harden<B>(
        &self,
        facts: &RequestFacts,
        grant: Grant,
        nonce: Option<&Nonce>,
        response: &mut Response<B>,
    ) {
        let client = Client {
            transport: Transport::of(facts.peer(), |host| self.0.hosts.is_public(host)),
            signed_in: facts.principal().is_some(),
        };
        let (cookies, random) = (self.0.cookies.as_ref(), &self.0.random);
        let oddities = headers::apply(&self.0.variants, cookies, client, nonce, random, response);
        self.0.once.say(&oddities, facts);
        if let Some(cors) = &self.0.cors {
            cors.write(grant, response.headers_mut());
        }
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
