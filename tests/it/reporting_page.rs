//! A page of which a policy blocks two things, and the collector to which the browser reports them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, Response};
use axum::routing::get;
use gambeson::Profile;
use gambeson::hardening_headers::reports::Reports;
use gambeson::hardening_headers::serve::{Server, Tls, serve};
use gambeson::hardening_headers::{Csp, Directive, Hardening, PeerLayer, Rollout, TrustedProxies};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::site::CERTIFICATE;

/// How the page is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Http,
    Https,
}

/// The running app; it ends when dropped.
pub(crate) struct ReportingPage {
    pub(crate) origin: String,
    pub(crate) reports: Reports,
    _runtime: Runtime,
}

/// What the handlers share.
#[derive(Clone)]
struct App {
    reports: Reports,
    /// The types of what was posted to the collector.
    formats: Arc<Mutex<Vec<String>>>,
}

impl ReportingPage {
    pub(crate) fn start(transport: Transport) -> Self {
        let runtime = Runtime::new().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime.block_on(TcpListener::bind(any)).unwrap();
        let scheme = if transport == Transport::Https { "https" } else { "http" };
        let origin = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
        let reports = Reports::builder("/.well-known/reports").run_in(Profile::Development).build().unwrap();
        runtime.spawn(serve(listener, app(&origin, &reports), server(transport)));
        Self { origin, reports, _runtime: runtime }
    }
}

fn app(origin: &str, reports: &Reports) -> Router {
    let endpoint = reports.endpoint();
    let edge = Hardening::web()
        .public_origin(origin)
        .csp_report_only(Csp::web().set(Directive::ImgSrc, []), Rollout::all())
        .reports(&*endpoint.template)
        .build()
        .unwrap();
    let app = App { reports: reports.clone(), formats: Arc::default() };
    Router::new()
        .route("/", get(page))
        .route("/quiet", get(quiet))
        .route("/own.png", get(async || ([("content-type", "image/png")], Vec::new())))
        .route("/seen", get(seen))
        .route(&endpoint.template, reports.method_router())
        .layer(from_fn_with_state(app.clone(), note_format))
        .with_state(app)
        .layer(edge.layer())
        .layer(PeerLayer::new(TrustedProxies::none()))
}

/// A page that loads an image of another origin, which the policy does not name, and holds an inline script without a nonce.
async fn page(Query(query): Query<Vec<(String, String)>>) -> Html<String> {
    let image = query.into_iter().find_map(|(name, value)| (name == "image").then_some(value));
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>A page that is reported</title><body>\
         <img src=\"{}/cat.png?token=secret\" alt=\"\"><script>document.body.dataset.injected = 'ran'</script></body></html>",
        image.unwrap_or_default()
    ))
}

/// A page of which the policy blocks nothing, and the policy that is tried its own image.
async fn quiet() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=\"en\"><title>A page that is not</title><body><img src=\"/own.png\" alt=\"\"></body></html>",
    )
}

async fn note_format(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.method() == http::Method::POST {
        let format = request.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap());
        app.formats.lock().unwrap().push(format.to_owned());
    }
    next.run(request).await
}

async fn seen(State(app): State<App>) -> String {
    let violations = app.reports.violations();
    let shown = violations.iter().map(|violation| {
        json!({
            "directive": violation.directive,
            "blocked": violation.blocked.to_string(),
            "path": violation.path,
            "reportOnly": violation.report_only,
        })
    });
    json!({"formats": *app.formats.lock().unwrap(), "violations": shown.collect::<Vec<_>>()}).to_string()
}

fn server(transport: Transport) -> Server {
    match transport {
        Transport::Http => Server::new(),
        Transport::Https => {
            let (chain, key) = &*CERTIFICATE;
            Server::new().tls(Tls::new(chain.as_bytes(), key.as_bytes()).unwrap())
        }
    }
}
