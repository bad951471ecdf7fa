//! WebSocket handshakes over HTTP/2: extended CONNECT (RFC 8441), between hyper's client and hyper's server.

use std::convert::Infallible;

use bytes::Bytes;
use gambeson_core::{Principal, RequestFacts};
use gambeson_hardening_headers::tickets::{TicketRules, Tickets};
use gambeson_hardening_headers::{Cors, Hardening};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::task::JoinSet;
use tower::{Layer, service_fn};

const HERE: &str = "https://app.example.com";

/// A browser with one connection to an app that opens channels, behind the edge and the layer of tickets.
struct Browser {
    client: SendRequest<Empty<Bytes>>,
    _tasks: JoinSet<()>,
}

impl Browser {
    async fn new(edge: Hardening, tickets: &Tickets) -> Self {
        let app = service_fn(async |request: Request<_>| {
            let facts = RequestFacts::of(request.extensions());
            let who = facts.and_then(RequestFacts::principal).map_or("nobody", Principal::subject);
            let protocol = request.extensions().get::<Protocol>().map_or("none", Protocol::as_str);
            let seen = format!("{who} {} {protocol}", request.uri());
            Ok::<_, Infallible>(
                Response::builder().header("seen", seen).body(Full::<Bytes>::default()).unwrap(),
            )
        });
        let app = tickets.layer().layer(edge.build().unwrap().layer().layer(app));
        let (near, far) = tokio::io::duplex(1 << 16);
        let mut tasks = JoinSet::new();
        tasks.spawn(async {
            let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let app = TowerToHyperService::new(app);
            let _ = server.enable_connect_protocol().serve_connection(TokioIo::new(far), app).await;
        });
        let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(near)).await.unwrap();
        tasks.spawn(async {
            let _ = connection.await;
        });
        let mut browser = Self { client, _tasks: tasks };
        // With the first answer the server's settings are there, which a handshake needs.
        browser.send(Request::get(format!("{HERE}/")).body(Empty::new()).unwrap()).await;
        browser
    }

    async fn send(&mut self, request: Request<Empty<Bytes>>) -> Response<()> {
        self.client.ready().await.unwrap();
        let (head, body) = self.client.send_request(request).await.unwrap().into_parts();
        if !head.status.is_success() {
            body.collect().await.unwrap();
        }
        Response::from_parts(head, ())
    }

    /// The answer to a handshake at this path with these fields.
    async fn open(&mut self, path: &str, fields: &[(&str, &str)]) -> Response<()> {
        let mut request = Request::builder().method(Method::CONNECT).uri(format!("{HERE}{path}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let protocol = Protocol::from_static("websocket");
        self.send(request.extension(protocol).body(Empty::new()).unwrap()).await
    }
}

fn tickets() -> Tickets {
    Tickets::new(TicketRules::new()).unwrap()
}

#[tokio::test]
async fn a_handshake_of_another_site_is_refused_and_one_of_our_own_passes() {
    let (site, origin) = ("sec-fetch-site", "origin");
    let edge = || Hardening::web().public_origin(HERE);
    let cors = || edge().cors(Cors::credentials(["https://evil.example"]));
    for edge in [edge(), cors()] {
        let mut browser = Browser::new(edge, &tickets()).await;
        for (fields, expected) in [
            (&[(site, "same-origin"), (origin, HERE)][..], StatusCode::OK),
            (&[(origin, HERE)], StatusCode::OK),
            (&[(site, "cross-site"), (origin, "https://evil.example")], StatusCode::FORBIDDEN),
            (&[(site, "same-site"), (origin, "https://evil.example")], StatusCode::FORBIDDEN),
            (&[(origin, "https://evil.example")], StatusCode::FORBIDDEN),
            (&[(origin, "http://app.example.com")], StatusCode::FORBIDDEN),
            (&[(origin, "null")], StatusCode::FORBIDDEN),
        ] {
            let answer = browser.open("/live", fields).await;
            assert_eq!(answer.status(), expected, "{fields:?}");
            // A refused one has not reached the app.
            let seen = answer.headers().get("seen").map(|seen| seen.to_str().unwrap());
            let expected = format!("nobody {HERE}/live websocket");
            assert_eq!(seen, answer.status().is_success().then_some(expected.as_str()), "{fields:?}");
        }
    }
}

#[tokio::test]
async fn a_handshake_redeems_its_ticket_once() {
    let tickets = tickets();
    let mut browser = Browser::new(Hardening::web().public_origin(HERE), &tickets).await;
    let alice = Principal::user("https://id.example", "alice").build();
    let ticket = tickets.issue(&alice, "/live").unwrap();
    let path = format!("/live?a=1&ticket={}", ticket.as_str());
    for who in ["alice", "nobody"] {
        let answer = browser.open(&path, &[("sec-fetch-site", "same-origin"), ("origin", HERE)]).await;
        assert_eq!(answer.headers()["seen"], format!("{who} {HERE}/live?a=1 websocket"));
    }
}
