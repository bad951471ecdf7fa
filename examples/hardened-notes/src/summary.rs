//! Summaries of notes, which cost money.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use gambeson::core::{Rejection, RejectionClass};
use http::{Extensions, StatusCode};
use serde_json::json;

use crate::app::App;
use crate::budget::Allowance;
use crate::caller::Caller;
use crate::model::ModelError;
use crate::notes::no_such_note;

/// `POST /api/notes/{id}/summary`: one sentence about a note of the own tenant, and what is left of the own budget.
///
/// A note that is not there costs nothing, nor does a model that refuses or can't be reached; an answer that breaks off is
/// charged as estimated, because its maker may bill it.
pub async fn summarise(
    caller: Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    extensions: Extensions,
) -> Result<Response, Response> {
    let note = match id.parse() {
        Ok(id) => app.store.find(caller.tenant(), id).await.map_err(|error| caller.broken(error))?,
        Err(_) => None,
    };
    let note = note.ok_or_else(|| caller.refuse(no_such_note()))?;
    let Some(model) = &app.model else { return Err(caller.refuse(no_such_note())) };
    let summary = model.summarise(&note.text, &extensions).await.map_err(|error| refuse(&caller, error))?;
    let left = Allowance::of(&app.guard, caller.facts()).map(|allowance| allowance.left);
    Ok(Json(json!({ "summary": summary, "budget_left": left })).into_response())
}

fn refuse(caller: &Caller, error: ModelError) -> Response {
    match error {
        ModelError::Refused(rejection) => caller.refuse(rejection),
        ModelError::Failed(cause) => caller.refuse(
            Rejection::new(
                "hardened-notes",
                RejectionClass::Dependency,
                "model-failed",
                StatusCode::BAD_GATEWAY,
            )
            .detail("the model did not answer as it should")
            .cause(cause),
        ),
    }
}
