//! The matrix as an endpoint.

use std::sync::{Arc, OnceLock};

use axum::routing::{MethodFilter, MethodRouter, on};
use http::header;

use crate::handle::PolicyHandle;
use crate::matrix::Matrix;
use crate::table::RouteEntry;

pub(super) fn matrix<S>(policy: PolicyHandle, listed: Arc<OnceLock<Vec<RouteEntry>>>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::GET, move || {
        let routes = listed.get().map(Vec::as_slice).unwrap_or_default();
        let page = Matrix::new(&policy.policy(), routes).html();
        std::future::ready(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page))
    })
}
