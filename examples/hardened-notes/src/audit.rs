//! The audit trail as an admin sees it: the own tenant only.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;
use crate::caller::Caller;

/// How many events the view shows.
const MOST: usize = 200;

/// `GET /api/admin/audit`: the newest events of the own tenant, newest last.
pub async fn show(caller: Caller, State(app): State<App>) -> Result<Response, Response> {
    let tenant = caller.tenant();
    let read = tokio::task::spawn_blocking(move || app.trail.recent(Some(&tenant), MOST)).await;
    let events = match read {
        Ok(Ok(events)) => events,
        Ok(Err(error)) => return Err(caller.broken(error)),
        Err(error) => return Err(caller.broken(error)),
    };
    let events: Vec<Value> = events.iter().map(|event| json!(event)).collect();
    Ok(Json(json!({ "events": events })).into_response())
}
