//! A client that sends one request over a real socket.

use std::net::SocketAddr;

use bytes::Bytes;
use gambeson_core::{Spawn, TokioSpawn};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;

pub(crate) async fn send(at: SocketAddr, mut request: Request<String>) -> Option<Response<Bytes>> {
    let stream = tokio::net::TcpStream::connect(at).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    TokioSpawn::new().spawn(Box::pin(async { drop(connection.await) }));
    let host = at.to_string().parse().unwrap();
    request.headers_mut().entry("host").or_insert(host);
    let response = sender.send_request(request.map(|body| Full::new(Bytes::from(body)))).await.ok()?;
    let (parts, body) = response.into_parts();
    Some(Response::from_parts(parts, body.collect().await.unwrap().to_bytes()))
}

pub(crate) async fn get(at: SocketAddr, path: &str) -> Option<Response<Bytes>> {
    send(at, Request::get(path).body(String::new()).unwrap()).await
}

pub(crate) async fn post(at: SocketAddr, path: &str, form: &str) -> Response<Bytes> {
    send(at, Request::post(path).body(form.to_owned()).unwrap()).await.unwrap()
}

pub(crate) fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// Sends text as it is, and gives the status back.
pub(crate) async fn raw(at: SocketAddr, text: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}
