//! A page that shows by which scheme it was asked for, and from which site the browser says that it was.

use axum::Router;
use axum::routing::get;
use gambeson::hardening_headers::Hardening;
use gambeson_core::RequestFacts;

use crate::site::{Site, Way, hardened};

pub(crate) fn start(way: Way, edge: Hardening) -> Site {
    Site::start(way, |origin| {
        let (_, name) = origin.split_once("://").unwrap();
        hardened(Router::new().route("/", get(told)), edge.hosts([name.to_owned()]))
    })
}

async fn told(request: axum::extract::Request) -> String {
    let facts = RequestFacts::of(request.extensions()).unwrap();
    let scheme = facts.peer().unwrap().scheme;
    let site = request.headers().get("sec-fetch-site").map_or("nothing", |site| site.to_str().unwrap());
    format!("{scheme:?} {site}")
}
