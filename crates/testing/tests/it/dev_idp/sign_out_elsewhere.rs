//! Revocation, and the word to clients that somebody has signed out.

use std::sync::{Arc, Mutex};

use gambeson_core::{Spawn, TokioSpawn};
use gambeson_testing::{DevClient, DevIdp, Fault, LogoutFault, eventually};
use http::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::form_urlencoded;

use super::web::{CALLBACK, HOME, builder, claims, error, form, refresh, start, tokens, userinfo};
use crate::loopback_client::{json as body, post, send};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

fn payload(token: &str) -> Value {
    claims(&json!(token))
}

/// An app's back-channel endpoint: keeps what it is sent, and answers 200.
struct App {
    uri: String,
    tokens: Arc<Mutex<Vec<String>>>,
}

impl App {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/logout/backchannel?x=1", listener.local_addr().unwrap());
        let tokens: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&tokens);
        TokioSpawn::new().spawn(Box::pin(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut read = Vec::new();
                let whole = |read: &[u8]| {
                    let text = String::from_utf8_lossy(read).to_lowercase();
                    let (head, form) = text.split_once("\r\n\r\n")?;
                    assert!(head.starts_with("post /logout/backchannel?x=1 http/1.1"), "{head}");
                    let length =
                        head.split("content-length: ").nth(1)?.lines().next()?.parse::<usize>().ok()?;
                    (form.len() == length).then_some(())
                };
                while whole(&read).is_none() {
                    read.push(stream.read_u8().await.unwrap());
                }
                let text = String::from_utf8(read).unwrap();
                let (_, sent) = text.split_once("\r\n\r\n").unwrap();
                let (_, token) = form_urlencoded::parse(sent.as_bytes()).next().unwrap();
                kept.lock().unwrap().push(token.into_owned());
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
        }));
        Self { uri, tokens }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.tokens.lock().unwrap())
    }
}

async fn with_app() -> (DevIdp, App) {
    let (idp, app) = (builder().start().await.unwrap(), App::start().await);
    let web = DevClient::confidential("web", "web-secret")
        .redirect_uri(CALLBACK)
        .post_logout_redirect_uri(HOME)
        .backchannel_logout(&app.uri);
    idp.register(web).unwrap();
    (idp, app)
}

#[tokio::test]
async fn clients_are_told_that_somebody_signed_out_elsewhere() {
    let (idp, app) = with_app().await;
    let given = tokens(&idp, &[]).await;
    let sid = payload(given["id_token"].as_str().unwrap())["sid"].clone();
    assert_eq!(idp.sign_out("bob").await, [], "he signed in nowhere");
    let told = idp.sign_out("alice").await;
    assert_eq!(told, [("web".to_owned(), Some(http::StatusCode::OK))]);
    let told = payload(&app.take()[0]);
    assert_eq!((&told["sub"], &told["sid"], &told["aud"]), (&json!("alice"), &sid, &json!("web")));
    assert_eq!(told["events"], json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
    assert!(told.get("nonce").is_none() && told["jti"].is_string());
    assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), 120);
    let again = refresh(&idp, given["refresh_token"].as_str().unwrap()).await;
    assert_eq!(error(&again), (400, "invalid_grant".to_owned()));
    assert_eq!(idp.sign_out("alice").await, [], "once");
}

#[tokio::test]
async fn a_log_out_by_browser_tells_them_too_and_so_does_the_developer() {
    let (idp, app) = with_app().await;
    let given = tokens(&idp, &[]).await;
    let query = form(&[("id_token_hint", given["id_token"].as_str().unwrap())]);
    send(idp.address(), Request::get(format!("/logout?{query}")).body(String::new()).unwrap()).await.unwrap();
    let told = || async { app.take().pop() };
    let token = eventually(PATIENCE, told).await.unwrap();
    assert_eq!(payload(&token)["sub"], "alice");

    tokens(&idp, &[]).await;
    let answer = post(idp.address(), "/dev/sign-out", "user=alice&fault=nonce").await;
    assert_eq!(body(&answer), json!({"web": 200}));
    assert!(payload(&app.take()[0]).get("nonce").is_some());
    assert_eq!(post(idp.address(), "/dev/sign-out", "user=alice&fault=x").await.status(), 400);
    assert_eq!(post(idp.address(), "/dev/sign-out", "").await.status(), 400);
}

#[tokio::test]
async fn each_fault_has_its_name_and_makes_another_token() {
    let idp = start().await;
    assert_eq!(LogoutFault::all().count(), 14);
    for fault in LogoutFault::all() {
        let good = idp.mint_logout("web").claim("sub", "alice").claim("jti", "1");
        let same = idp.mint_logout("web").claim("sub", "alice").claim("jti", "1").token();
        assert_ne!(fault.spoil(good).token(), same, "{fault:?}");
    }
    assert_eq!(LogoutFault::from_name("alg_none"), Some(LogoutFault::AlgNone));
    assert!(payload(&idp.mint_logout("web").token()).get("sub").is_none());
}

#[tokio::test]
async fn a_revoked_refresh_token_ends_its_grant() {
    let idp = start().await;
    let given = tokens(&idp, &[]).await;
    let (refresh_token, access_token) =
        (given["refresh_token"].as_str().unwrap(), given["access_token"].as_str().unwrap());
    let proof = |secret: &str, token: &str| {
        form(&[("client_id", "web"), ("client_secret", secret), ("token", token)])
    };
    assert_eq!(error(&post(idp.address(), "/revoke", &proof("wrong", refresh_token)).await).0, 401);
    let mine = form(&[("client_id", "spa"), ("token", refresh_token)]);
    assert_eq!(post(idp.address(), "/revoke", &mine).await.status(), 200, "another client's: as if unknown");
    assert_eq!(userinfo(&idp, access_token).await.status(), 200);
    assert_eq!(post(idp.address(), "/revoke", &proof("web-secret", refresh_token)).await.status(), 200);
    assert_eq!(error(&refresh(&idp, refresh_token).await), (400, "invalid_grant".to_owned()));
    assert_eq!(userinfo(&idp, access_token).await.status(), 401, "and what came of it");
    assert_eq!(post(idp.address(), "/revoke", &proof("web-secret", "unknown")).await.status(), 200);
    assert_eq!(
        error(&post(idp.address(), "/revoke", "client_id=spa").await),
        (400, "invalid_request".to_owned())
    );
}

#[tokio::test]
async fn an_access_token_is_revoked_alone() {
    let idp = start().await;
    let given = tokens(&idp, &[]).await;
    let access_token = given["access_token"].as_str().unwrap();
    let proof = form(&[("client_id", "web"), ("client_secret", "web-secret"), ("token", access_token)]);
    assert_eq!(post(idp.address(), "/revoke", &proof).await.status(), 200);
    assert_eq!(userinfo(&idp, access_token).await.status(), 401);
    assert_eq!(refresh(&idp, given["refresh_token"].as_str().unwrap()).await.status(), 200);
}

#[tokio::test]
async fn an_id_token_can_keep_quiet_about_when() {
    let idp = start().await;
    assert!(payload(tokens(&idp, &[]).await["id_token"].as_str().unwrap()).get("auth_time").is_some());
    idp.fault(Fault::NoAuthTime);
    assert!(payload(tokens(&idp, &[]).await["id_token"].as_str().unwrap()).get("auth_time").is_none());
}
