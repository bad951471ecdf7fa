//! Under `hyper_util::service::TowerToHyperService`, behind a real loopback socket.

use std::convert::Infallible;

use bytes::Bytes;
use gambeson_core::{BoxError, Spawn, TokioSpawn};
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::contract::TestBody;

/// The application behind the layer.
pub type App = BoxCloneSyncService<Request<Incoming>, Response<Full<Bytes>>, Infallible>;

/// Puts the layer before an HTTP/1.1 server on a free loopback port, and sends `request` to it.
///
/// # Errors
/// The socket failed, or the connection was closed without an answer.
pub async fn hyper<L, B: Into<TestBody>, ResBody>(
    layer: L,
    request: Request<B>,
) -> Result<Response<Bytes>, BoxError>
where
    L: Layer<App>,
    L::Service: Service<Request<Incoming>, Response = Response<ResBody>> + Clone + Send + 'static,
    <L::Service as Service<Request<Incoming>>>::Error: Into<BoxError>,
    <L::Service as Service<Request<Incoming>>>::Future: Send + 'static,
    ResBody: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let answer = service_fn(|_: Request<Incoming>| async { Ok(Response::new(Full::from("adopted"))) });
    let (mut parts, body) = request.into_parts();
    let carried = std::mem::take(&mut parts.extensions);
    let carrying = move |mut request: Request<Incoming>| {
        request.extensions_mut().extend(carried.clone());
        request
    };
    let service = layer.layer(BoxCloneSyncService::new(answer)).map_request(carrying);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    let serving = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(server), TowerToHyperService::new(service));
    TokioSpawn::new().spawn(Box::pin(async { drop(serving.await) }));

    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client)).await?;
    TokioSpawn::new().spawn(Box::pin(async { drop(connection.await) }));
    if !parts.headers.contains_key(http::header::HOST) {
        parts.headers.insert(http::header::HOST, http::HeaderValue::from_static("localhost"));
    }
    let (parts, body) = sender.send_request(Request::from_parts(parts, body.into())).await?.into_parts();
    Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
}
