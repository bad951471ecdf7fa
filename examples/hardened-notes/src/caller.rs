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

impl Caller {
    /// The caller's organisation: what every query is narrowed to.
    pub fn tenant(&self) -> String {
        self.tenant.clone()
    }

    /// The caller's name at its issuer.
    pub fn name(&self) -> String {
        self.principal.subject().to_owned()
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
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let facts = RequestFacts::of(&parts.extensions).cloned().unwrap_or_default();
        let Some(principal) = facts.principal().cloned() else {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            let rejection = Rejection::new("hardened-notes", RejectionClass::Bug, "no-caller", status);
            return Err(refuse(&facts, rejection));
        };
        let Some(tenant) = principal.tenant().map(str::to_owned) else {
            let status = StatusCode::FORBIDDEN;
            let rejection = Rejection::new("hardened-notes", RejectionClass::Permission, "no-tenant", status)
                .detail("the token names no tenant");
            return Err(refuse(&facts, rejection));
        };
        Ok(Self { facts, principal, tenant })
    }
}

fn refuse(facts: &RequestFacts, rejection: Rejection) -> Response {
    let response = ProblemJson.respond(&rejection, facts);
    facts.set_rejection(rejection);
    response
}
