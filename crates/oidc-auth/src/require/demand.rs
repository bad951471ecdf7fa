//! What is demanded of a caller, and the decision about one request.

use std::sync::Arc;

use gambeson_core::{
    AuditEvent, AuditKind, AuditSink, Authentication, Challenge, Clock, Durability, Member, Mode, Outcome,
    Principal, Rejection, RejectionClass, RequestFacts, Wants,
};
use http::{HeaderValue, Method, Request, StatusCode, header};

use crate::step_up::StepUp;

const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// What a route asks for.
#[derive(Debug, Clone)]
pub(super) enum Demand {
    /// Every one of these scopes.
    All(Vec<Box<str>>),
    /// One of these scopes.
    Any(Vec<Box<str>>),
    /// A log-in that is strong and fresh enough.
    LogIn(StepUp),
}

/// The demand with all it takes to decide on it.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    /// `None`: switched off.
    pub(super) demand: Option<Demand>,
    /// What is asked of the log-in beside scopes.
    pub(super) fresh: Option<Demand>,
    pub(super) mode: Mode,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) audit: Option<Arc<dyn AuditSink>>,
    /// Where browsers log in.
    pub(super) log_in: Option<Box<str>>,
}

impl Demand {
    fn met_by(&self, caller: &Principal, clock: Option<&Arc<dyn Clock>>) -> bool {
        let has = |scope: &str| caller.scopes().any(|had| had == scope);
        match self {
            Self::All(scopes) => !scopes.is_empty() && scopes.iter().all(|scope| has(scope)),
            Self::Any(scopes) => scopes.iter().any(|scope| has(scope)),
            Self::LogIn(wanted) => {
                // Without a clock nothing is fresh; a context needs none.
                let now = clock.map(|clock| clock.now());
                let told = now.is_some() || wanted.max_age.is_none();
                told && wanted.met_by(caller, now.unwrap_or_default(), now.unwrap_or_default())
            }
        }
    }

    /// In words: of scopes their list, of a log-in its contexts.
    fn wanted(&self) -> String {
        match self {
            Self::All(names) | Self::Any(names) => names.join(" "),
            Self::LogIn(wanted) => wanted.contexts(),
        }
    }

    fn refuse(&self, authentication: &Authentication) -> Rejection {
        let wanted = self.wanted();
        let (rejection, challenge) = match self {
            Self::All(_) | Self::Any(_) => {
                let status = StatusCode::FORBIDDEN;
                let rejection =
                    Rejection::new(PACKAGE, RejectionClass::Permission, "insufficient-scope", status)
                        .detail("the access token was not issued for this")
                        .member("error", Member::Text("insufficient_scope".into()));
                (rejection, Challenge::Scope(&wanted))
            }
            Self::LogIn(StepUp { max_age, .. }) => {
                let (slug, status) = ("insufficient-user-authentication", StatusCode::UNAUTHORIZED);
                let rejection = Rejection::new(PACKAGE, RejectionClass::Credential, slug, status)
                    .detail("this needs a stronger or more recent log-in")
                    .member("error", Member::Text("insufficient_user_authentication".into()));
                (rejection, Challenge::StepUp { acr_values: &wanted, max_age: *max_age })
            }
        };
        challenged(rejection, authentication, challenge)
    }
}

impl Gate {
    pub(super) fn new(demand: Option<Demand>) -> Self {
        Self { demand, fresh: None, mode: Mode::Enforce, clock: system_clock(), audit: None, log_in: None }
    }

    /// Why the request does not go on; `None`: it does.
    pub(super) fn refuse(
        &self,
        demand: &Demand,
        method: Option<&Method>,
        facts: &RequestFacts,
    ) -> Option<Rejection> {
        let rejection = match facts.authentication() {
            None => return Some(told(layer_order(), facts)),
            Some(found) => match found.principal() {
                Some(caller) => self.unmet(demand, caller)?.refuse(found),
                None => nobody(found),
            },
        };
        let wanted = demand.wanted();
        if !self.enforces() {
            tracing::warn!(slug = rejection.slug(), wanted, "request would have been refused");
            return None;
        }
        tracing::info!(slug = rejection.slug(), wanted, "request refused");
        self.record(&rejection, wanted, method, facts);
        facts.set_rejection(rejection.clone());
        Some(rejection)
    }

    fn unmet<'d>(&'d self, demand: &'d Demand, caller: &Principal) -> Option<&'d Demand> {
        let mut all = [Some(demand), self.fresh.as_ref()].into_iter().flatten();
        all.find(|demand| !demand.met_by(caller, self.clock.as_ref()))
    }

    /// Where a browser is sent in place of this refusal: to log in, and back to the page that it asked for.
    pub(super) fn elsewhere<B>(
        &self,
        demand: &Demand,
        rejection: &Rejection,
        request: &Request<B>,
        facts: &RequestFacts,
    ) -> Option<HeaderValue> {
        let path = self.log_in.as_deref()?;
        let page = facts.wants() == Wants::Page && request.method() == Method::GET;
        if !page || rejection.status() != StatusCode::UNAUTHORIZED {
            return None;
        }
        let back = request.uri().path_and_query().map_or("/", |back| back.as_str());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("return_to", back);
        let mut all = [Some(demand), self.fresh.as_ref()].into_iter().flatten();
        if let Some(Demand::LogIn(wanted)) = all.find(|demand| matches!(demand, Demand::LogIn(_))) {
            if !wanted.can_be_met() {
                return None;
            }
            query.extend_pairs(wanted.parameters());
        }
        HeaderValue::try_from(format!("{path}?{}", query.finish())).ok()
    }

    fn enforces(&self) -> bool {
        self.clock.as_ref().is_none_or(|clock| self.mode.enforces(clock.now()))
    }

    fn record(&self, rejection: &Rejection, wanted: String, method: Option<&Method>, facts: &RequestFacts) {
        let (Some(sink), Some(clock)) = (&self.audit, &self.clock) else { return };
        let kind = AuditKind::Authorization;
        let mut event =
            AuditEvent::new(kind, "token.require", Outcome::Denied, clock.now()).with_facts(facts);
        event.reason = Some(rejection.slug().into());
        event.method = method.cloned();
        // Async answers at once; a sink that lost the event counts it itself.
        let _ = sink.record(event.detail("wanted", wanted), Durability::Async);
    }
}

#[cfg(feature = "system")]
fn system_clock() -> Option<Arc<dyn Clock>> {
    Some(Arc::new(gambeson_core::SystemClock::new()))
}

#[cfg(not(feature = "system"))]
fn system_clock() -> Option<Arc<dyn Clock>> {
    None
}

fn nobody(authentication: &Authentication) -> Rejection {
    let status = StatusCode::UNAUTHORIZED;
    let rejection = Rejection::new(PACKAGE, RejectionClass::Credential, "credential-required", status)
        .detail("this needs an access token");
    challenged(rejection, authentication, Challenge::Credential)
}

fn challenged(rejection: Rejection, authentication: &Authentication, challenge: Challenge<'_>) -> Rejection {
    let values = authentication.challenges().values(challenge);
    values.fold(rejection, |rejection, value| rejection.header(header::WWW_AUTHENTICATE, value))
}

fn layer_order() -> Rejection {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Rejection::new(PACKAGE, RejectionClass::Bug, "layer-order", status).cause(
        "no authentication layer ran before this one: put AuthLayer around the router, and see that there is one \
         version of gambeson-core in the tree",
    )
}

fn told(rejection: Rejection, facts: &RequestFacts) -> Rejection {
    let cause = rejection.private_cause().map(tracing::field::display);
    tracing::error!(slug = rejection.slug(), cause, "request refused");
    facts.set_rejection(rejection.clone());
    rejection
}
