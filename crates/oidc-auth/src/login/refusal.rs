//! The refusals of the paths that a log-in owns.

use std::time::Duration;

use gambeson_core::{BoxError, Rejection, RejectionClass};
use http::{HeaderValue, StatusCode, header};

use super::ending::Unfinished;

fn rejection(class: RejectionClass, slug: &'static str, status: StatusCode) -> Rejection {
    Rejection::new(env!("CARGO_PKG_NAME"), class, slug, status)
}

fn credential(slug: &'static str, status: StatusCode, cause: impl Into<BoxError>) -> Rejection {
    rejection(RejectionClass::Credential, slug, status).cause(cause)
}

pub(super) fn method(allowed: &'static str) -> Rejection {
    rejection(RejectionClass::Limit, "method-not-allowed", StatusCode::METHOD_NOT_ALLOWED)
        .detail("this address takes another method")
        .header(header::ALLOW, HeaderValue::from_static(allowed))
}

pub(super) fn navigation_only() -> Rejection {
    rejection(RejectionClass::Permission, "navigation-only", StatusCode::FORBIDDEN)
        .detail("open the log-in as a page of its own")
}

pub(super) fn cross_site() -> Rejection {
    rejection(RejectionClass::Permission, "cross-site-logout", StatusCode::FORBIDDEN)
        .detail("log out from a page of this site")
}

pub(super) fn not_started(cause: &'static str) -> Rejection {
    credential("login-not-started", StatusCode::BAD_REQUEST, cause).detail(
        "this log-in was not begun in this browser, took too long or was finished already; begin again",
    )
}

pub(super) fn response(cause: impl Into<BoxError>) -> Rejection {
    credential("login-response", StatusCode::BAD_REQUEST, cause)
        .detail("the answer of the identity provider is not one to this log-in; begin again")
}

pub(super) fn denied() -> Rejection {
    rejection(RejectionClass::Credential, "login-denied", StatusCode::FORBIDDEN).detail(
        "you are not signed in: the log-in was cancelled or not allowed; you can begin again at any time",
    )
}

pub(super) fn failed(cause: impl Into<BoxError>) -> Rejection {
    credential("login-failed", StatusCode::BAD_REQUEST, cause)
        .detail("the log-in did not succeed; begin again")
}

pub(super) fn unlisted(context: &str) -> Rejection {
    let cut: String = context.chars().take(100).collect();
    failed(format!("acr_values names {cut:?}: LoginBuilder::acr_values does not list it"))
}

pub(super) fn unavailable(cause: impl Into<BoxError>) -> Rejection {
    rejection(RejectionClass::Dependency, "login-unavailable", StatusCode::SERVICE_UNAVAILABLE)
        .detail("logging in is not possible right now")
        .retry_after(Duration::from_secs(5))
        .cause(cause)
}

/// A log-in that can't be finished: its answer counts once, so that nobody is told to send it again.
pub(super) fn unfinished(cause: impl Into<BoxError>) -> Rejection {
    rejection(RejectionClass::Dependency, "login-unavailable", StatusCode::SERVICE_UNAVAILABLE)
        .detail("the log-in could not be finished; begin again")
        .cause(cause)
}

/// The same, because of the session store.
pub(super) fn not_kept(cause: impl Into<BoxError>) -> Rejection {
    rejection(RejectionClass::Dependency, "sessions-unavailable", StatusCode::SERVICE_UNAVAILABLE)
        .detail("the log-in could not be finished; begin again")
        .cause(cause)
}

pub(super) fn log_out_unfinished(unfinished: Unfinished) -> Rejection {
    sessions_unavailable(unfinished.error).detail(match unfinished.is_tried_again {
        true => {
            "this browser is signed out; its session could not be ended yet, which is tried again for some minutes"
        }
        false => "this browser is signed out; its session could not be ended, and ends by itself",
    })
}

/// What a provider sends must be a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6).
pub(super) fn logout_token(cause: impl Into<BoxError>) -> Rejection {
    credential("logout-token", StatusCode::BAD_REQUEST, cause).detail("post one valid logout_token as a form")
}

pub(super) fn sessions_unavailable(cause: impl Into<BoxError>) -> Rejection {
    rejection(RejectionClass::Dependency, "sessions-unavailable", StatusCode::SERVICE_UNAVAILABLE)
        .detail("sessions can't be looked up right now")
        .retry_after(Duration::from_secs(2))
        .cause(cause)
}
