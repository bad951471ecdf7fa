use bytes::Bytes;
use gambeson_core::TransportErrorKind;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use crate::server::{full, start};
use crate::{client, local};

#[tokio::test]
async fn the_service_sends_the_body_and_answers_the_whole_answer() {
    let server = start(|request| {
        let length = request.headers()["content-length"].to_str().unwrap().to_owned();
        Response::builder().status(202).body(full(format!("{} bytes", length))).unwrap()
    })
    .await;
    let request = Request::post(server.uri("/")).body(Full::from("five!")).unwrap();
    let answer = client().service(local()).call(request).await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "5 bytes");
}

#[tokio::test]
async fn the_service_keeps_within_its_limits() {
    let server = start(|_| Response::new(full(vec![b'x'; 100]))).await;
    let request = |uri| Request::get(uri).body(Full::<Bytes>::default()).unwrap();
    let too_large = client().service(local().max_body(99)).call(request(server.uri("/"))).await.unwrap_err();
    assert_eq!(too_large.kind(), TransportErrorKind::TooLarge);
    let inside = client().service(local().allow_special_use_addresses(false)).call(request(server.uri("/")));
    assert_eq!(inside.await.unwrap_err().kind(), TransportErrorKind::AddressRefused);
    assert_eq!(server.connections(), 1, "the second was never dialled");
}
