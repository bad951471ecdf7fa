//! Tells clients that somebody has signed out (OpenID Connect Back-Channel Logout 1.0 §2.5).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Spawn, TokioSpawn};
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use url::{Position, Url};

use super::LogoutFault;
use super::grant::Participant;
use super::mint::Mint;
use super::state::State;

/// The member of `events` that makes a logout token (§2.4).
pub(super) const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long a logout token lasts: what §2.4 recommends at most.
const LIFETIME: Duration = Duration::from_secs(120);

/// A good logout token to be, of this client; whom or what it ends comes with `sub` and `sid`.
pub(super) fn logout_token(state: &Arc<State>, client: &str) -> Mint {
    Mint::new(Arc::clone(state))
        .typ("logout+jwt")
        .without("client_id")
        .without("scope")
        .audience(client)
        .claim("events", json!({ (EVENT): {} }))
        .expires_in(LIFETIME)
}

/// A message that is ready to be sent.
struct Message {
    client: String,
    uri: Url,
    token: String,
}

fn messages(state: &Arc<State>, who: &[Participant], fault: LogoutFault) -> Vec<Message> {
    let message = |who: &Participant| {
        let uri = Url::parse(state.client(&who.client)?.backchannel_logout_uri()?).ok()?;
        let mint = logout_token(state, &who.client);
        let mint = mint.claim("sub", who.person.as_str()).claim("sid", who.sid.as_str());
        Some(Message { client: who.client.clone(), uri, token: fault.spoil(mint).token() })
    };
    who.iter().filter_map(message).collect()
}

/// Tells them, and waits for what they answer: the client's id, and its status if it answered at all.
pub(super) async fn tell(
    state: &Arc<State>,
    who: &[Participant],
    fault: LogoutFault,
) -> Vec<(String, Option<StatusCode>)> {
    let mut answers = Vec::new();
    for message in messages(state, who, fault) {
        let status = post(&message.uri, &message.token).await;
        answers.push((message.client, status));
    }
    answers
}

/// Tells them behind the answer to a browser.
pub(super) fn tell_behind(state: &Arc<State>, who: &[Participant]) {
    for message in messages(state, who, LogoutFault::None) {
        let telling = async move {
            let _ = post(&message.uri, &message.token).await;
        };
        TokioSpawn::new().spawn(Box::pin(telling));
    }
}

async fn post(uri: &Url, token: &str) -> Option<StatusCode> {
    // Registered addresses are on loopback; so must be what a name among them resolves to.
    let addresses = uri.socket_addrs(|| None).ok()?;
    let address = addresses.into_iter().find(|address| address.ip().is_loopback())?;
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    TokioSpawn::new().spawn(Box::pin(async move { drop(connection.await) }));
    let request = Request::post(&uri[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &uri[Position::BeforeHost..Position::AfterPort])
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(format!("logout_token={token}"))))
        .ok()?;
    sender.send_request(request).await.ok().map(|answer| answer.status())
}
