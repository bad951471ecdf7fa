//! Who is calling, as an argument of an axum handler.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::Response;
use gambeson_core::{
    Authentication, Challenge, Principal, ProblemJson, Rejection, RejectionClass, RequestFacts, Respond,
};
use http::request::Parts;
use http::{StatusCode, header};

/// The verified caller, whichever authentication layer found out. `Option<Caller>` also takes requests of nobody.
///
/// Answers 401 [`credential-required`](crate#credential-required) with the layer's challenges when nobody is known, and 500
/// [`layer-order`](crate#layer-order) when no authentication layer ran: a router without its layer lets nobody in.
///
/// ```
/// use axum::{Router, routing::get};
/// use gambeson_oidc_auth::Caller;
///
/// async fn me(Caller(principal): Caller) -> String {
///     principal.subject().to_owned()
/// }
/// let app: Router = Router::new().route("/me", get(me));
/// # let _ = app;
/// ```
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let found = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        found.ok_or_else(|| refuse(parts, &credential_required(parts)))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Response> {
        match authentication(parts) {
            Some(found) => Ok(found.principal().cloned().map(Self)),
            None => Err(refuse(parts, &layer_order())),
        }
    }
}

fn authentication(parts: &Parts) -> Option<&Authentication> {
    RequestFacts::of(&parts.extensions)?.authentication()
}

fn credential_required(parts: &Parts) -> Rejection {
    let status = StatusCode::UNAUTHORIZED;
    let rejection = rejection(RejectionClass::Credential, "credential-required", status)
        .detail("this needs an access token");
    let challenges = authentication(parts).map(Authentication::challenges);
    challenges
        .into_iter()
        .flat_map(|challenges| challenges.values(Challenge::Credential))
        .fold(rejection, |rejection, value| rejection.header(header::WWW_AUTHENTICATE, value))
}

fn layer_order() -> Rejection {
    rejection(RejectionClass::Bug, "layer-order", StatusCode::INTERNAL_SERVER_ERROR).cause(
        "no authentication layer ran before this handler: put AuthLayer around the router, after its routes, and see \
         that there is one version of gambeson-core in the tree",
    )
}

fn rejection(class: RejectionClass, slug: &'static str, status: StatusCode) -> Rejection {
    Rejection::new(env!("CARGO_PKG_NAME"), class, slug, status)
}

fn refuse(parts: &Parts, rejection: &Rejection) -> Response {
    let facts = RequestFacts::of(&parts.extensions).cloned().unwrap_or_default();
    if let Some(cause) = rejection.private_cause() {
        tracing::error!(cause = %cause, "request refused");
    }
    facts.set_rejection(rejection.clone());
    ProblemJson.respond(rejection, &facts)
}
