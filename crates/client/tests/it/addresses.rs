use std::net::IpAddr;

use gambeson_core::{HttpTransport, TransportErrorKind, TransportLimits};
use http::Response;
use tokio::net::TcpListener;

use crate::server::{full, start};
use crate::{builder, client, get, local};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn loopback_is_refused_unless_allowed() {
    let server = start(|_| Response::new(full("inside"))).await;
    let port = server.address.port();
    let client = builder().resolve("rebound.example", [ip("127.0.0.1")]).build().unwrap();
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "rebound.example"] {
        let request = get(format!("http://{host}:{port}/"));
        let failed = client.send(request, TransportLimits::default()).await.unwrap_err();
        assert_eq!(failed.kind(), TransportErrorKind::AddressRefused, "{host}");
    }
    assert_eq!(server.connections(), 0);
    assert!(client.send(get(server.uri("/")), local()).await.is_ok());
}

#[tokio::test]
async fn a_connection_opened_with_permission_serves_nobody_without() {
    let server = start(|_| Response::new(full("inside"))).await;
    let client = client();
    client.send(get(server.uri("/")), local()).await.unwrap();
    let failed = client.send(get(server.uri("/")), TransportLimits::default()).await;
    assert_eq!(failed.unwrap_err().kind(), TransportErrorKind::AddressRefused);
    client.send(get(server.uri("/")), local()).await.unwrap();
    assert_eq!(server.connections(), 1, "the allowed connection was there to be reused");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let server = start(|_| Response::new(full("ok"))).await;
    let closed = TcpListener::bind(("127.0.0.3", server.address.port())).await.unwrap();
    drop(closed);
    let client = builder().resolve("two.example", [ip("127.0.0.3"), ip("127.0.0.1")]).build().unwrap();
    let request = get(format!("http://two.example:{}/", server.address.port()));
    assert_eq!(client.send(request, local()).await.unwrap().body(), "ok");
}

#[tokio::test]
async fn nobody_listening_and_no_name_are_connection_failures() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let client = builder().resolve("nowhere.example", []).build().unwrap();
    for uri in [format!("http://{address}/"), "http://nowhere.example/".to_owned()] {
        let failed = client.send(get(&uri), local()).await.unwrap_err();
        assert_eq!(failed.kind(), TransportErrorKind::Connect, "{uri}");
    }
}

#[tokio::test]
async fn the_networks_that_are_named_are_connected_to_and_no_others() {
    let server = start(|_| Response::new(full("inside"))).await;
    let port = server.address.port();
    let within = |networks: &[&str]| {
        let names = builder()
            .resolve("inside.example", [ip("127.0.0.1")])
            .resolve("mapped.example", [ip("::ffff:127.0.0.1")]);
        names.allow_private(networks.iter().copied()).build().unwrap()
    };
    for networks in [&["127.0.0.0/24"][..], &["127.0.0.1"], &["10.0.0.0/8", "127.0.0.1/8"]] {
        let client = within(networks);
        for host in ["127.0.0.1", "inside.example", "mapped.example"] {
            let request = get(format!("http://{host}:{port}/"));
            let answer = client.send(request, TransportLimits::default()).await;
            assert!(answer.is_ok(), "{networks:?} {host}: {answer:?}");
        }
    }
    for networks in [&[][..], &["127.0.1.0/24"], &["10.0.0.0/8"], &["::1"]] {
        let request = get(format!("http://inside.example:{port}/"));
        let failed = within(networks).send(request, TransportLimits::default()).await.unwrap_err();
        assert_eq!(failed.kind(), TransportErrorKind::AddressRefused, "{networks:?}");
    }
    let refused =
        builder().allow_private(["0.0.0.0/0", "::/0", "10.0.0.0/7", "inside", ""]).build().unwrap_err();
    assert_eq!(refused.problems().len(), 5, "{refused}");
}
