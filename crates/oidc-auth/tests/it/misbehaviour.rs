//! Whatever an issuer does, over real HTTP: what an app answers that starts meanwhile and one that knows its keys, what the log
//! tells whoever has to mend it, and how much is read. One row a case.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::Profile;
use gambeson_oidc_auth::{AuthLayer, CacheConfig, Issuer, KeyPolicy, Verifier};
use gambeson_testing::eventually;
use http::{Request, Response, header};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};

use crate::log;
use crate::misbehaving_server::{Misbehaviour, Server};
use crate::signer::Signer;

/// A case: what the issuer does; the answers to a good token of an app that starts meanwhile, and of one that has the keys
/// already, after it looked for them again; and what the log must hold.
struct Row {
    way: Misbehaviour,
    fresh: u16,
    known: u16,
    log: &'static [&'static str],
}

const fn row(way: Misbehaviour, fresh: u16, known: u16, log: &'static [&'static str]) -> Row {
    Row { way, fresh, known, log }
}

const FETCH: &str = "WARN message=keys could not be fetched";

const ROWS: [Row; 11] = [
    row(Misbehaviour::Hangs, 503, 200, &[FETCH, "deadline passed", "keys-unavailable"]),
    row(Misbehaviour::Error500, 503, 200, &[FETCH, "answered 500", "keys-unavailable"]),
    row(Misbehaviour::Flood, 503, 200, &[FETCH, "larger than allowed", "keys-unavailable"]),
    row(Misbehaviour::Endless, 503, 200, &[FETCH, "larger than allowed", "keys-unavailable"]),
    row(
        Misbehaviour::Redirect,
        503,
        200,
        &[FETCH, "answered 302, to \\\"https://moved.example/\\\"", "has now"],
    ),
    row(Misbehaviour::Html, 503, 200, &[FETCH, "page for people", "keys-unavailable"]),
    row(
        Misbehaviour::EmptySet,
        503,
        503,
        &["WARN message=the issuer publishes no key", "answered 503 until"],
    ),
    row(
        Misbehaviour::HalfBroken,
        200,
        200,
        &["WARN message=keys skipped", "member of a wrong type", "not supported"],
    ),
    row(Misbehaviour::OtherIssuer, 503, 200, &[FETCH, "https://other.example", "metadata_url"]),
    row(
        Misbehaviour::Clock(3_600),
        401,
        401,
        &["ahead_seconds=-36", "synchronise", "clock-skew", "in the future"],
    ),
    row(Misbehaviour::Clock(-3_600), 401, 401, &["ahead_seconds=36", "synchronise", "expired 33"]),
];

/// What is read of an answer is at most 256 KiB; the rest of this is what the kernel holds on both sides of a connection, for
/// two documents at two verifiers.
const MOST_SENT: usize = 24 << 20;

struct Scene {
    server: Server,
    signer: Signer,
}

impl Scene {
    fn layer(&self) -> AuthLayer {
        let keys = KeyPolicy::default()
            .cooldown(Duration::from_millis(100))
            .fetch_deadline(Duration::from_millis(400))
            .max_wait(Duration::from_secs(1));
        let builder = Verifier::builder(Issuer::discover(self.server.issuer())).audience("api");
        let verifier =
            builder.run_in(Profile::Development).keys(keys).cache(CacheConfig::off()).build().unwrap();
        AuthLayer::required(verifier)
    }

    /// A token that the issuer makes now, by its own clock.
    fn token(&self, signer: &Signer) -> String {
        let now = self.server.now();
        signer.token(&json!({
            "iss": self.server.issuer(), "aud": "api", "sub": "alice", "client_id": "web", "jti": "1",
            "iat": now, "exp": now + 300,
        }))
    }

    async fn ask(&self, layer: &AuthLayer, signer: &Signer) -> u16 {
        let app = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new())));
        let request =
            Request::get("/").header(header::AUTHORIZATION, format!("Bearer {}", self.token(signer)));
        let answer = layer.layer(app).oneshot(request.body(()).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        assert_eq!(status == 503, answer.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(status == 401, answer.headers().contains_key(header::WWW_AUTHENTICATE));
        status
    }
}

#[tokio::test]
async fn each_misbehaviour_has_its_answer_and_its_line_in_the_log() {
    log::listen();
    for Row { way, fresh, known, log: wanted } in ROWS {
        let (signer, unknown) = (Signer::es256("k"), Signer::es256("unknown"));
        let server = Server::start(vec![signer.jwk()]).await;
        let scene = Scene { server, signer };
        let knowing = scene.layer();
        assert_eq!(scene.ask(&knowing, &scene.signer).await, 200, "{way:?}: before");
        let _ = (log::lines(), scene.server.sent());

        scene.server.behave(way);
        let starting = scene.layer();
        // By an app that starts while its keys are on their way, the answer waits for them.
        assert_eq!(scene.ask(&starting, &scene.signer).await, fresh, "{way:?}: an app that starts");
        assert_ne!(scene.ask(&knowing, &unknown).await, 200, "{way:?}");
        assert_eq!(scene.ask(&knowing, &scene.signer).await, known, "{way:?}: an app that knows the keys");
        // A token that is refused at sight does not wait for the first fetch.
        let mut lines = String::new();
        let told = eventually(Duration::from_secs(5), || {
            lines.push_str(&log::lines());
            let missing = wanted.iter().find(|part| !lines.contains(**part));
            async move { missing.is_none().then_some(()) }
        });
        assert!(told.await.is_some(), "{way:?}: {wanted:?} are not all in\n{lines}");
        let sent = scene.server.sent();
        assert!(sent < MOST_SENT, "{way:?}: {sent} bytes were taken");
        assert!(lines.lines().count() < 20 && lines.len() < 20_000, "{way:?}: a log that grows\n{lines}");

        scene.server.behave(Misbehaviour::None);
        for layer in [&starting, &knowing] {
            let recovered = eventually(Duration::from_secs(10), || async {
                (scene.ask(layer, &scene.signer).await == 200).then_some(())
            });
            assert!(recovered.await.is_some(), "{way:?}: it does not recover");
        }
    }
}
