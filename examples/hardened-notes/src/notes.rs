//! The handlers: what the app does for those who may.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use gambeson::core::{Rejection, RejectionClass};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::caller::Caller;

/// The longest note, in bytes.
const LONGEST: usize = 10_000;

#[derive(Debug, Deserialize)]
pub struct Page {
    before: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    text: String,
}

/// `GET /api/notes?before=<id>`: the own tenant's notes, newest first.
pub async fn list(
    caller: Caller,
    State(app): State<App>,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Response> {
    let Ok(Query(page)) = page else {
        return Err(caller.refuse(bad_request("before must be the id of a note")));
    };
    let notes = app.store.list(caller.tenant(), page.before).await.map_err(|error| caller.broken(error))?;
    Ok(Json(json!({ "notes": notes })).into_response())
}

/// `POST /api/notes` with `{"text": …}`: keeps a note.
pub async fn create(
    caller: Caller,
    State(app): State<App>,
    note: Result<Json<NewNote>, JsonRejection>,
) -> Result<Response, Response> {
    let Json(note) = note.map_err(|error| caller.refuse(unreadable(&error)))?;
    let text = note.text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return Err(caller.refuse(bad_request(format!("text must hold 1 to {LONGEST} bytes"))));
    }
    let added = app.store.add(caller.tenant(), caller.name(), text.to_owned()).await;
    let note = added.map_err(|error| caller.broken(error))?;
    Ok((StatusCode::CREATED, Json(note)).into_response())
}

/// `DELETE /api/notes/{id}`: a note of another tenant is one that is not there.
pub async fn delete(
    caller: Caller,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Response> {
    let deleted = match id.parse() {
        Ok(id) => app.store.delete(caller.tenant(), id).await.map_err(|error| caller.broken(error))?,
        Err(_) => false,
    };
    if deleted { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(caller.refuse(no_such_note())) }
}

/// The answer to a body that is not what the app takes.
pub fn unreadable(error: &JsonRejection) -> Rejection {
    let status = error.status();
    let detail = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "the body is larger than the app takes".to_owned(),
        _ => error.body_text(),
    };
    Rejection::new("hardened-notes", RejectionClass::Limit, "unreadable-note", status).detail(detail)
}

fn bad_request(detail: impl Into<std::borrow::Cow<'static, str>>) -> Rejection {
    Rejection::new("hardened-notes", RejectionClass::Limit, "bad-request", StatusCode::BAD_REQUEST)
        .detail(detail)
}

pub fn no_such_note() -> Rejection {
    let gone = StatusCode::NOT_FOUND;
    Rejection::new("hardened-notes", RejectionClass::Permission, "no-such-note", gone)
        .detail("there is no such note")
}
