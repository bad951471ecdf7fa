//! Tokens that must not be believed.

use gambeson_testing::DevIdp;

use crate::http::Reply;
use crate::notes_app::NotesApp;

const AUDIENCE: &str = "hardened-notes";

struct Scene {
    idp: DevIdp,
    app: NotesApp,
}

impl Scene {
    async fn start() -> Self {
        let idp = DevIdp::builder().bind("127.0.0.1:0").audience(AUDIENCE).start().await.unwrap();
        let issuer = idp.issuer().to_owned();
        let start = move || NotesApp::start_with(&[("OIDC_ISSUER", &issuer), ("OIDC_AUDIENCE", AUDIENCE)]);
        let app = tokio::task::spawn_blocking(start).await.unwrap();
        Self { idp, app }
    }

    async fn show(&self, token: &str) -> Reply {
        let ask = self.app.ask("GET", "/api/notes").bearer(token);
        tokio::task::spawn_blocking(move || ask.send()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_token_is_invalid_and_nothing_more_is_said() {
    let scene = Scene::start().await;
    let idp = &scene.idp;
    let mint = || idp.mint().user("alice");
    assert_eq!(scene.show(&mint().token()).await.status, 200, "the good one is good");

    let good = mint().token();
    let (head, tail) = good.rsplit_once('.').unwrap();
    let flipped = if tail.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{head}.{flipped}{}", &tail[1..]);
    for (what, token) in [
        ("expired", mint().expired().token()),
        ("for somebody else", mint().audience("other").token()),
        ("of another issuer", mint().issuer("http://127.0.0.1:1").token()),
        ("alg none", mint().alg_none().token()),
        ("HMAC with the public key", mint().hmac_with_public_key().token()),
        ("tampered", tampered),
        ("an unknown crit", mint().header("crit", serde_json::json!(["x"])).token()),
        ("an ID token", mint().typ("JWT").token()),
        ("no token", "x".to_owned()),
        ("too large", "a".repeat(9_000)),
    ] {
        let reply = scene.show(&token).await;
        let problem = reply.problem(401);
        assert_eq!(problem["code"], "invalid-token", "{what}");
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(
            challenge.starts_with("Bearer") && challenge.contains("invalid_token"),
            "{what}: {challenge}"
        );
        for word in ["expired", "audience", "issuer", "alg", "crit", "signature"] {
            assert!(!reply.body.contains(word), "{what}: the body tells why: {}", reply.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_authorization_headers_are_refused() {
    let scene = Scene::start().await;
    let token = scene.idp.mint().user("alice").token();
    let twice = scene
        .app
        .ask("GET", "/api/notes")
        .header("Authorization", format!("Bearer {token}"))
        .header("Authorization", format!("Bearer {token}"));
    tokio::task::spawn_blocking(move || twice.send()).await.unwrap().problem(400);
    for (value, status) in
        [(format!("bearer {token}"), 200), ("Bearer".to_owned(), 400), ("Basic eA==".to_owned(), 401)]
    {
        let ask = scene.app.ask("GET", "/api/notes").header("Authorization", value.clone());
        let reply = tokio::task::spawn_blocking(move || ask.send()).await.unwrap();
        assert_eq!(reply.status, status, "{value}: {reply:?}");
    }
}
