//! The verified caller, as handlers want it.

use axum::extract::FromRequestParts;
use axum::response::Response;
use gambeson::core::{Principal, ProblemJson, Rejection, RejectionClass, RequestFacts, Respond};
use http::StatusCode;
use http::request::Parts;

/// Who calls. The stack verified it; a route that asks for a `Caller` can't be reached by nobody.
#[derive(Debug)]
pub struct Caller {
    facts: RequestFacts,
    principal: Principal,
    tenant: String,
}

/// Who calls a route that is open to everybody.
#[derive(Debug)]
pub enum Visitor {
    Stranger,
    Known(Caller),
}

impl Caller {
    /// The caller's organisation: what every query is narrowed to.
    pub fn tenant(&self) -> String {
        self.tenant.clone()
    }

    /// The caller's name at its issuer.
    pub fn name(&self) -> String {
        self.principal.subject().to_owned()
    }

    /// What is known of this request.
    pub fn facts(&self) -> &RequestFacts {
        &self.facts
    }

    /// The answer to something that the caller got wrong.
    pub fn refuse(&self, rejection: Rejection) -> Response {
        refuse(&self.facts, rejection)
    }

    /// The answer when the app itself is in trouble: the cause goes to the log, not to the caller.
    pub fn broken(&self, cause: impl std::error::Error) -> Response {
        tracing::error!(request_id = self.facts.request_id().map(tracing::field::display), %cause, "request failed");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        self.refuse(Rejection::new("hardened-notes", RejectionClass::Bug, "internal-error", status))
    }

    /// The verified caller of this request; `None`: there is none.
    fn of(facts: &RequestFacts) -> Option<Result<Self, Rejection>> {
        let principal = facts.principal()?.clone();
        let tenant = principal.tenant().map(str::to_owned).ok_or_else(no_tenant);
        Some(tenant.map(|tenant| Self { facts: facts.clone(), principal, tenant }))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let facts = RequestFacts::of(&parts.extensions).cloned().unwrap_or_default();
        let caller = Self::of(&facts).unwrap_or_else(|| Err(no_caller()));
        caller.map_err(|rejection| refuse(&facts, rejection))
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let facts = RequestFacts::of(&parts.extensions).cloned().unwrap_or_default();
        let caller = Caller::of(&facts).transpose().map_err(|rejection| refuse(&facts, rejection))?;
        Ok(caller.map_or(Self::Stranger, Self::Known))
    }
}

fn no_caller() -> Rejection {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Rejection::new("hardened-notes", RejectionClass::Bug, "no-caller", status)
}

fn no_tenant() -> Rejection {
    Rejection::new("hardened-notes", RejectionClass::Permission, "no-tenant", StatusCode::FORBIDDEN)
        .detail("the token names no tenant")
}

fn refuse(facts: &RequestFacts, rejection: Rejection) -> Response {
    let response = ProblemJson.respond(&rejection, facts);
    facts.set_rejection(rejection);
    response
}
