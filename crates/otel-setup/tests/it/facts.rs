//! What the layer leaves for others.

use std::convert::Infallible;
use std::future::ready;

use bytes::Bytes;
use gambeson_core::{PeerInfo, RequestFacts};
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, service_fn};

use crate::{call, get, telemetry};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The trace id that the app sees when the neighbour is trusted or not.
async fn trace_id(trusted: bool) -> String {
    let app = telemetry().0.layer().layer(service_fn(|request: Request<()>| {
        let facts = RequestFacts::of(request.extensions()).unwrap();
        assert_eq!(facts.route().unwrap().as_str(), "/notes");
        let trace = facts.trace().unwrap().trace_id_hex().to_string();
        let mut response = Response::new(Full::new(Bytes::new()));
        response.headers_mut().insert("x-trace", trace.parse().unwrap());
        ready(Ok::<_, Infallible>(response))
    }));
    let mut request = get("/notes");
    request.headers_mut().insert("traceparent", PARENT.parse().unwrap());
    let mut peer = PeerInfo::new();
    peer.neighbour_trusted = trusted;
    RequestFacts::ensure(&mut request).set_peer(peer);
    let response = call(&app, request).await;
    response.headers()["x-trace"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn only_a_trusted_neighbour_says_which_trace_it_is() {
    assert_eq!(trace_id(true).await, "0af7651916cd43dd8448eb211c80319c");
    let own = trace_id(false).await;
    assert_eq!(own.len(), 32);
    assert_ne!(own, "0af7651916cd43dd8448eb211c80319c");
}
