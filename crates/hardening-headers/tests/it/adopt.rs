//! Each layer inside axum, hyper and tonic.

use std::convert::Infallible;

use bytes::Bytes;
use gambeson_core::{GrpcStatus, PeerInfo, RequestFacts, StatusOnly};
use gambeson_hardening_headers::{EdgeLimitLayer, EdgeRate, Hardening, Limits, LimitsLayer, PeerLayer};
use gambeson_testing::contract::adopt;
use http::{Request, Response, StatusCode};

fn get(path: &str) -> Request<Bytes> {
    Request::get(path).body(Bytes::new()).unwrap()
}

/// As `PeerLayer` leaves it: from an address.
fn known() -> Request<Bytes> {
    let mut request = get("/");
    let mut peer = PeerInfo::new();
    peer.address = Some([192, 0, 2, 1].into());
    RequestFacts::ensure(&mut request).set_peer(peer);
    request
}

#[tokio::test]
async fn the_peer_layer() {
    let layer = PeerLayer::new(Default::default());
    let answers = [
        adopt::axum(layer.clone(), get("/")).await,
        adopt::hyper(layer.clone(), get("/")).await.unwrap(),
        adopt::tonic(layer, get("/")).await.unwrap(),
    ];
    for answer in answers {
        assert_eq!(answer.body(), "adopted");
        assert_eq!(answer.headers()["x-request-id"].len(), 32);
    }
}

#[tokio::test]
async fn the_hardening_layer() {
    let open = Hardening::web().build().unwrap();
    let closed = Hardening::api().hosts(["app.example.com"]).build().unwrap();
    let grpc = |answer: &Response<Bytes>| answer.headers()["grpc-status"] != "0";
    for (edge, passes) in [(open, true), (closed, false)] {
        let axum = adopt::axum(edge.layer(), get("/")).await;
        let hyper = adopt::hyper(edge.layer(), get("/")).await.unwrap();
        let tonic = adopt::tonic(edge.layer().respond_with(GrpcStatus), get("/")).await.unwrap();
        let bare = adopt::tonic(edge.layer().respond_with(StatusOnly), get("/")).await.unwrap();
        assert_eq!(grpc(&tonic), !passes);
        for answer in [axum, hyper, tonic, bare] {
            assert_eq!(answer.body() == "adopted", passes);
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        }
    }
}

#[tokio::test]
async fn the_limits_layer() {
    let layer = LimitsLayer::new(Limits::new().body(3)).unwrap();
    let post = |body: &'static str| Request::post("/").body(Bytes::from(body)).unwrap();
    assert_eq!(adopt::axum(layer.clone(), post("abc")).await.body(), "adopted");
    let mut long = post("abcd");
    long.headers_mut().insert("content-length", 4.into());
    assert_eq!(adopt::axum(layer.clone(), long.clone()).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let tonic = layer.clone().respond_with(GrpcStatus);
    assert_eq!(adopt::tonic(tonic.clone(), post("abc")).await.unwrap().body(), "adopted");
    assert_eq!(adopt::tonic(tonic, long.clone()).await.unwrap().headers()["grpc-status"], "8");
    let bare = layer.respond_with(StatusOnly);
    assert_eq!(adopt::tonic(bare, long).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}

/// The suite's app takes hyper's own body; what is inside this layer gets the layer's, as with every hyper service, here around the server's.
#[cfg(feature = "serve")]
#[tokio::test]
async fn the_limits_layer_under_hyper() {
    use gambeson_hardening_headers::serve::IncomingBody;
    use gambeson_hardening_headers::{RequestBody, Server, serve};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tower::{Layer, service_fn};

    let app = LimitsLayer::new(Limits::new().body(3)).unwrap().layer(service_fn(
        async |_: Request<RequestBody<IncomingBody>>| {
            Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from("adopted"))))
        },
    ));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = Server::new().shutdown(async { stopped.await.unwrap_or(()) });
    let client = async {
        for (length, answer) in [("3\r\n\r\nabc", "200"), ("4\r\n\r\nabcd", "413")] {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ";
            stream.write_all(format!("{head}{length}").as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {answer}")), "{text}");
        }
        drop(stop);
    };
    let (served, ()) = tokio::join!(serve(listener, app, server), client);
    served.unwrap();
}

#[tokio::test]
async fn the_edge_limit_layer() {
    let layer = || EdgeLimitLayer::new(EdgeRate::per_minute(1)).unwrap();
    let axum = layer();
    assert_eq!(adopt::axum(axum.clone(), known()).await.body(), "adopted");
    assert_eq!(adopt::axum(axum, known()).await.status(), StatusCode::TOO_MANY_REQUESTS);
    let hyper = layer();
    assert_eq!(adopt::hyper(hyper.clone(), known()).await.unwrap().body(), "adopted");
    assert_eq!(adopt::hyper(hyper, known()).await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    // Extensions don't travel to tonic, so that the first of these layers finds out who calls.
    let peer = PeerLayer::new(Default::default());
    let tonic = EdgeLimitLayer::builder(EdgeRate::per_minute(1)).respond_with(GrpcStatus).build().unwrap();
    let stack = || (peer.clone(), tonic.clone());
    assert_eq!(adopt::tonic(stack(), get("/")).await.unwrap().body(), "adopted");
    assert_eq!(adopt::tonic(stack(), get("/")).await.unwrap().headers()["grpc-status"], "8");
    let bare = EdgeLimitLayer::builder(EdgeRate::default()).respond_with(StatusOnly).build().unwrap();
    assert_eq!(adopt::tonic(bare, get("/")).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
}
