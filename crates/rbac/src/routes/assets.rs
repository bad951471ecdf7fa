//! Files and the page of a single-page app.

use std::convert::Infallible;
use std::future::poll_fn;

use axum::extract::Request;
use axum::handler::Handler;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use gambeson_core::{RequestHead, Wants};
use http::uri::PathAndQuery;
use http::{StatusCode, Uri};
use tower_service::Service;

/// Asks `files` for the path below `prefix`.
pub(super) fn below<S, F>(prefix: &str, files: F) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    F: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    F::Response: IntoResponse,
    F::Future: Send,
{
    let segments = prefix.matches('/').count();
    on(MethodFilter::GET, move |mut request: Request| {
        let mut files = files.clone();
        async move {
            if let Some(uri) = without(request.uri(), segments) {
                *request.uri_mut() = uri;
            }
            let Ok(()) = poll_fn(|context| files.poll_ready(context)).await;
            let Ok(answer) = files.call(request).await;
            answer.into_response()
        }
    })
}

/// The address without the first segments of its path, which the router has matched: what a parameter stands for has a length of
/// its own.
fn without(uri: &Uri, segments: usize) -> Option<Uri> {
    let (start, _) = uri.path().match_indices('/').nth(segments)?;
    let rest = uri.path_and_query()?.as_str().get(start..)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
    Uri::from_parts(parts).ok()
}

/// `index` for a browser that navigates, and nothing for everything else.
pub(super) fn page<S, H, T>(index: H) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    H: Handler<T, S>,
    T: 'static,
{
    let nothing = || async { StatusCode::NOT_FOUND };
    on(MethodFilter::GET, index).fallback(nothing).layer(from_fn(navigations))
}

async fn navigations(request: Request, next: Next) -> Response {
    match RequestHead::from(&request).wants() {
        Wants::Page => next.run(request).await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
