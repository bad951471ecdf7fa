//! Why a request was not sent.

use gambeson_core::{Rejection, RejectionClass};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};

use super::issue::IssueErrorKind;
use super::kept::Failure;
use super::telemetry;

const PACKAGE: &str = "gambeson-oidc-auth";

/// There is no token to send.
pub(super) fn no_token(failure: Failure) -> Rejection {
    let Failure { error, retry_after } = failure;
    let dependency = RejectionClass::Dependency;
    let rejection = match error.kind {
        IssueErrorKind::Unavailable => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Rejection::new(PACKAGE, dependency, "outgoing-token-unavailable", status)
                .detail("a token that this request needs can't be had right now")
                .retry_after(retry_after)
        }
        IssueErrorKind::Refused => {
            let status = StatusCode::BAD_GATEWAY;
            Rejection::new(PACKAGE, dependency, "outgoing-token-refused", status)
                .detail("a token that this request needs was refused")
        }
        IssueErrorKind::Caller => {
            let status = StatusCode::UNAUTHORIZED;
            Rejection::new(PACKAGE, RejectionClass::Credential, "caller-token-refused", status)
                .detail("the caller's token was not exchanged for another one")
                .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
        }
    };
    telemetry::refused(rejection.slug(), &error);
    rejection.cause(error)
}

/// A call on behalf of somebody who came in without a bearer token: with a session, or with one that is bound to a key.
pub(super) fn no_bearer() -> Rejection {
    let rejection = Rejection::new(
        PACKAGE,
        RejectionClass::Credential,
        "caller-without-bearer",
        StatusCode::UNAUTHORIZED,
    )
    .detail("this needs a bearer token of the caller")
    .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    told(rejection)
}

/// A call on behalf of somebody that has a credential already: most likely the caller's own, copied.
pub(super) fn own_authorization() -> Rejection {
    told(bug(
        "caller-authorization-copied",
        "a request on behalf of a caller has an Authorization field already",
    ))
}

/// A call on behalf of somebody, of whom nothing is known.
pub(super) fn no_caller() -> Rejection {
    told(bug("caller-token-missing", "the outgoing request carries no CallerToken in its extensions"))
}

fn bug(slug: &'static str, detail: &'static str) -> Rejection {
    Rejection::new(PACKAGE, RejectionClass::Bug, slug, StatusCode::INTERNAL_SERVER_ERROR).detail(detail)
}

fn told(rejection: Rejection) -> Rejection {
    telemetry::refused(rejection.slug(), &rejection.public_detail());
    rejection
}
