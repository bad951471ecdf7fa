//! Under `tonic::transport::Server::layer`.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::Bytes;
use gambeson_core::{BoxError, Spawn, TokioSpawn};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::{Layer, Service};

use crate::contract::TestBody;

/// Puts the layer on a gRPC server on a free loopback port, and calls the method `/gambeson.Contract/Adopted` with the
/// header fields of `request`. Extensions do not travel.
///
/// tonic's body is not made out of bytes, so the layer comes with core's `GrpcStatus` or `StatusOnly`.
///
/// # Errors
/// The socket failed, or the connection was closed without an answer.
pub async fn tonic<L, B: Into<TestBody>, ResBody>(
    layer: L,
    request: Request<B>,
) -> Result<Response<Bytes>, BoxError>
where
    L: Layer<Routes> + Clone + Send + 'static,
    L::Service: Service<Request<Body>, Response = Response<ResBody>> + Clone + Send + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send,
    <L::Service as Service<Request<Body>>>::Error: Into<BoxError> + Send,
    ResBody: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let client = TcpStream::connect(incoming.local_addr()?).await?;
    let router = Server::builder().layer(layer).add_service(Adopted);
    TokioSpawn::new().spawn(Box::pin(async { drop(router.serve_with_incoming(incoming).await) }));

    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await?;
    TokioSpawn::new().spawn(Box::pin(async { drop(connection.await) }));
    let (mut parts, body) = request.map(Into::into).into_parts();
    parts.uri = "http://localhost/gambeson.Contract/Adopted".parse()?;
    parts.method = http::Method::POST;
    parts.version = http::Version::HTTP_2;
    parts.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let body: TestBody = body;
    let (parts, body) = sender.send_request(Request::from_parts(parts, body)).await?.into_parts();
    Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
}

/// A service whose every method answers `adopted`.
#[derive(Clone)]
struct Adopted;

impl NamedService for Adopted {
    const NAME: &'static str = "gambeson.Contract";
}

impl Service<Request<Body>> for Adopted {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let mut response = Response::new(Body::new(Full::from("adopted")));
        response.headers_mut().insert("grpc-status", HeaderValue::from_static("0"));
        std::future::ready(Ok(response))
    }
}
