//! What the tests send and get back.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use gambeson_core::{PeerInfo, RequestFacts, Scheme};
use gambeson_hardening_headers::{Connection, HardeningLayer};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};

pub(crate) type Answer = Response<Bytes>;

/// The answer of an app behind this layer.
pub(crate) async fn answer(
    layer: HardeningLayer,
    request: Request<()>,
    app: impl AsyncFnOnce(Request<()>) -> Answer,
) -> Answer {
    let mut app = Some(app);
    let app = service_fn(move |request| {
        let app = app.take().expect("called once");
        async move { Ok::<_, Infallible>(app(request).await.map(Full::new)) }
    });
    let (parts, body) = layer.layer(app).oneshot(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

/// A request whose facts say that it came over this scheme and for this host.
pub(crate) fn request(scheme: Scheme, host: &str) -> Request<()> {
    let mut request = Request::get("/").header("host", host).body(()).unwrap();
    let facts = RequestFacts::ensure(&mut request);
    let mut peer = PeerInfo::new();
    peer.scheme = Some(scheme);
    peer.host = Some(host.into());
    facts.set_peer(peer);
    request
}

pub(crate) fn page(text: &str) -> Answer {
    let html = Response::builder().header("content-type", "text/html; charset=utf-8");
    html.body(Bytes::from(text.to_owned())).unwrap()
}

pub(crate) fn json(text: &str) -> Answer {
    let json = Response::builder().header("content-type", "application/json");
    json.body(Bytes::from(text.to_owned())).unwrap()
}

pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

pub(crate) fn text(answer: &Answer) -> &str {
    std::str::from_utf8(answer.body()).unwrap()
}

pub(crate) fn connection(remote: &str) -> Connection {
    let remote: SocketAddr = remote.parse().unwrap();
    Connection::new(remote)
}
