//! Why a request was not sent.

use gambeson_core::{Rejection, RejectionClass};
use http::StatusCode;

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
        }
    };
    telemetry::refused(rejection.slug(), &error);
    rejection.cause(error)
}

/// A call on behalf of somebody, of whom nothing is known.
pub(super) fn no_caller() -> Rejection {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Rejection::new(PACKAGE, RejectionClass::Bug, "caller-token-missing", status)
        .detail("the outgoing request carries no CallerToken in its extensions")
}
