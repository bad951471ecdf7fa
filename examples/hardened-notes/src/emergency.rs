//! Break-glass: an editor takes the admin's role for a short time, says why, and is on record before it holds.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use gambeson::core::{Rejection, RejectionClass};
use gambeson::rbac::{ActivationError, ActivationErrorKind};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::caller::Caller;
use crate::notes::unreadable;

/// The role that may be taken; `policy.toml` says by whom, and for how long.
const ROLE: &str = "admin";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    reason: String,
    minutes: u32,
}

/// `POST /api/emergency` with `{"reason": …, "minutes": …}`: takes the role.
pub async fn declare(
    caller: Caller,
    State(app): State<App>,
    emergency: Result<Json<Emergency>, JsonRejection>,
) -> Result<Response, Response> {
    let Json(Emergency { reason, minutes }) = emergency.map_err(|error| caller.refuse(unreadable(&error)))?;
    let time = Duration::from_secs(60 * u64::from(minutes));
    let taken = app.activations.break_glass(caller.facts(), ROLE, &reason, time).await;
    let taken = taken.map_err(|error| refuse(&caller, error))?;
    Ok(Json(json!({ "role": taken.role, "until": taken.until.to_string() })).into_response())
}

/// `DELETE /api/emergency`: gives the role back before its time is over.
pub async fn end(caller: Caller, State(app): State<App>) -> Result<StatusCode, Response> {
    app.activations.end(caller.facts(), ROLE).map_err(|error| refuse(&caller, error))?;
    Ok(StatusCode::NO_CONTENT)
}

fn refuse(caller: &Caller, error: ActivationError) -> Response {
    use ActivationErrorKind::{NotAllowed, NotRecorded, ReasonMissing, Store, TooLong, Unauthenticated};
    let (class, status) = match error.kind() {
        NotRecorded | Store => (RejectionClass::Dependency, StatusCode::SERVICE_UNAVAILABLE),
        ReasonMissing | TooLong => (RejectionClass::Limit, StatusCode::BAD_REQUEST),
        Unauthenticated | NotAllowed => (RejectionClass::Permission, StatusCode::FORBIDDEN),
        _ => (RejectionClass::Permission, StatusCode::CONFLICT),
    };
    let told = error.to_string();
    caller.refuse(Rejection::new("hardened-notes", class, "no-emergency", status).detail(told).cause(error))
}
