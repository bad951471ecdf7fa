//! An app's back-channel endpoint on loopback, over real HTTP.

use bytes::Bytes;
use gambeson_core::{Spawn, TokioSpawn};
use gambeson_oidc_auth::Login;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

/// A port that is known before the app is.
pub(crate) struct Port(TcpListener);

impl Port {
    pub(crate) async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{}/logout/backchannel", self.0.local_addr().unwrap())
    }

    /// Answers with the log-in's own service from now on.
    pub(crate) fn serve(self, login: Login) {
        TokioSpawn::new().spawn(Box::pin(async move {
            while let Ok((stream, _)) = self.0.accept().await {
                // A connection that is closed unused is no request.
                let _ = answer(stream, &login).await;
            }
        }));
    }
}

async fn answer(mut stream: TcpStream, login: &Login) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    let mut form = vec![0; field("content-length:").parse().unwrap()];
    stream.read_exact(&mut form).await?;
    let mut line = head.split(' ');
    let request = Request::builder()
        .method(&*line.next().unwrap().to_uppercase())
        .uri(line.next().unwrap())
        .header("content-type", field("content-type:"))
        .body(Full::new(Bytes::from(form)))
        .unwrap();
    let answer = login.backchannel_logout::<Bytes>().oneshot(request).await.unwrap();
    let (status, body) = (answer.status().as_u16(), answer.body());
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).await
}
