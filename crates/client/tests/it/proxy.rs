use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gambeson_core::{HttpTransport, TransportErrorKind, TransportLimits};
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{full, spawn, start};
use crate::tls::start_tls;
use crate::{builder, get, local};

type Seen = Arc<Mutex<Vec<String>>>;

/// A proxy that notes each request's head and sends every tunnel to `to`, whatever its name.
async fn start_proxy(to: SocketAddr, status: &'static str) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::default();
    let notes = seen.clone();
    spawn(async move {
        while let Ok((mut inside, _)) = listener.accept().await {
            let notes = notes.clone();
            spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(inside.read_u8().await.unwrap());
                }
                notes.lock().unwrap().push(String::from_utf8(head).unwrap());
                inside.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
                if let Ok(mut outside) = TcpStream::connect(to).await {
                    let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
                }
            });
        }
    });
    (address, seen)
}

fn variables(proxy: SocketAddr) -> impl Fn(&str) -> Option<String> {
    move |name| {
        name.ends_with("_PROXY").then(|| match name {
            "NO_PROXY" => "direct.example".to_owned(),
            _ => format!("http://user:secret@{proxy}"),
        })
    }
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let (port, root) = start_tls(&["h2"]).await;
    // The certificate is for localhost, which is never proxied: so the tunnel's name is another, and TLS must refuse it.
    let (proxy, seen) = start_proxy(SocketAddr::from(([127, 0, 0, 1], port)), "200 OK").await;
    let client =
        builder().extra_root_certificates_pem(root).proxy_from_lookup(variables(proxy)).build().unwrap();
    let failed = client.send(get("https://far.example/"), TransportLimits::default()).await.unwrap_err();
    assert_eq!(failed.kind(), TransportErrorKind::Connect);
    let head = seen.lock().unwrap().first().cloned().unwrap();
    assert!(head.starts_with("CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), "{head}");
}

#[tokio::test]
async fn a_tunnel_carries_the_exchange() {
    let (port, root) = start_tls(&["h2"]).await;
    let (proxy, seen) = start_proxy(SocketAddr::from(([127, 0, 0, 1], port)), "200 OK").await;
    let client =
        builder().extra_root_certificates_pem(root).proxy_from_lookup(variables(proxy)).build().unwrap();
    let answer = client.send(get("https://inner.localhost/"), local()).await.unwrap();
    assert_eq!(answer.body(), "HTTP/2.0");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn http_names_the_whole_address_to_the_proxy() {
    let proxy = start(|request| {
        let authorization = request.headers()["proxy-authorization"].to_str().unwrap();
        Response::new(full(format!("{} {authorization}", request.uri())))
    })
    .await;
    let client = builder().proxy_from_lookup(variables(proxy.address)).build().unwrap();
    let answer = client.send(get("http://far.example/x?y=1"), TransportLimits::default()).await.unwrap();
    assert_eq!(answer.body(), "http://far.example/x?y=1 Basic dXNlcjpzZWNyZXQ=");
}

#[tokio::test]
async fn a_direct_destination_never_sees_the_proxys_password() {
    let server = start(|request| {
        Response::new(full(request.headers().contains_key("proxy-authorization").to_string()))
    })
    .await;
    let client = builder()
        .proxy_from_lookup(variables(server.address))
        .resolve("direct.example", [server.address.ip()])
        .build()
        .unwrap();
    let request = get(format!("http://direct.example:{}/", server.address.port()));
    assert_eq!(client.send(request, local()).await.unwrap().body(), "false");
}

#[tokio::test]
async fn a_special_address_is_refused_before_the_proxy_is_asked() {
    let (proxy, seen) = start_proxy(SocketAddr::from(([127, 0, 0, 1], 1)), "200 OK").await;
    let client = builder().proxy_from_lookup(variables(proxy)).build().unwrap();
    for uri in ["https://169.254.169.254/", "http://[fd00::1]/", "http://app.localhost/"] {
        let failed = client.send(get(uri), TransportLimits::default()).await.unwrap_err();
        assert_eq!(failed.kind(), TransportErrorKind::AddressRefused, "{uri}");
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_that_says_no_is_a_connection_failure() {
    let (proxy, _) = start_proxy(SocketAddr::from(([127, 0, 0, 1], 1)), "403 Forbidden").await;
    let client = builder().proxy_from_lookup(variables(proxy)).build().unwrap();
    let failed = client.send(get("https://far.example/"), TransportLimits::default()).await.unwrap_err();
    assert_eq!(failed.kind(), TransportErrorKind::Connect);
    let causes = std::iter::successors(failed.source(), |&cause| cause.source());
    let told: Vec<String> = causes.map(ToString::to_string).collect();
    assert!(told.iter().any(|cause| cause.contains("answered CONNECT with 403")), "{told:?}");
}
