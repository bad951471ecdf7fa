//! The example behind a real, certified provider: npm `oidc-provider`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use crate::http::{Reply, ask};
use crate::notes_app::NotesApp;

/// The running provider; it ends by itself when its standard input closes.
struct Provider {
    child: Child,
    input: Option<ChildStdin>,
    issuer: String,
    address: SocketAddr,
    secret: String,
}

impl Provider {
    fn start() -> Self {
        let peers = std::env::var("GAMBESON_PEERS").expect("cargo xtask test sets GAMBESON_PEERS");
        let script = Path::new(&peers).join("oidc-provider/server.mjs");
        let node = std::env::var_os("GAMBESON_NODE").unwrap_or_else(|| "node".into());
        let mut child = Command::new(node)
            .arg(script)
            .env("AUDIENCE", "hardened-notes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let issuer = text("issuer");
        let address = issuer.strip_prefix("http://").unwrap().parse().unwrap();
        Self { input: child.stdin.take(), child, issuer, address, secret: text("client_secret") }
    }

    #[track_caller]
    fn token(&self, client: &str, more: &str) -> String {
        let form =
            format!("grant_type=client_credentials&client_id={client}&client_secret={}{more}", self.secret);
        let reply = ask(self.address, "POST", "/token").form(&form).send();
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    fn key_fetches(&self) -> u64 {
        ask(self.address, "GET", "/__hits").send().json()["/jwks"].as_u64().unwrap_or(0)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

fn scene() -> (Provider, NotesApp) {
    let provider = Provider::start();
    let app = NotesApp::start_with(&[("OIDC_ISSUER", &provider.issuer)]);
    (provider, app)
}

fn list(app: &NotesApp, token: &str) -> Reply {
    app.ask("GET", "/api/notes").bearer(token).send()
}

#[test]
#[ignore = "needs oidc-provider: cargo xtask test"]
fn its_tokens_open_what_their_roles_allow() {
    let (provider, app) = scene();
    for alg in ["RS256", "ES256"] {
        let alice = provider.token("alice", &format!("&signing_alg={alg}"));
        let made = app.ask("POST", "/api/notes").bearer(&alice).json(&json!({ "text": alg })).send();
        assert_eq!(made.status, 201, "{alg}: {made:?}");
        let bob = provider.token("bob", &format!("&signing_alg={alg}"));
        assert_eq!(list(&app, &bob).status, 200, "{alg}");
        app.ask("POST", "/api/notes").bearer(&bob).json(&json!({ "text": "no" })).send().problem(403);
        let path = format!("/api/notes/{}", made.json()["id"]);
        app.ask("DELETE", &path).bearer(&provider.token("dave", "")).send().problem(404);
        assert_eq!(app.ask("DELETE", &path).bearer(&provider.token("carol", "")).send().status, 204);
    }
}

#[test]
#[ignore = "needs oidc-provider: cargo xtask test"]
fn its_token_for_somebody_else_is_invalid() {
    let (provider, app) = scene();
    let other = provider.token("alice", "&resource=urn:somebody:else");
    assert_eq!(list(&app, &other).problem(401)["code"], "invalid-token");
}

#[test]
#[ignore = "needs oidc-provider: cargo xtask test"]
fn it_rotates_and_no_good_token_is_refused() {
    let (provider, app) = scene();
    let old = provider.token("bob", "");
    assert_eq!(list(&app, &old).status, 200);
    assert_eq!(ask(provider.address, "POST", "/__rotate").send().status, 204);
    let new = provider.token("bob", "");
    assert_eq!(list(&app, &new).status, 200);
    assert_eq!(list(&app, &old).problem(401)["code"], "invalid-token", "withdrawn at the same refresh");
}

#[test]
#[ignore = "needs oidc-provider: cargo xtask test"]
fn junk_key_ids_do_not_reach_it() {
    let (provider, app) = scene();
    let good = provider.token("bob", "");
    assert_eq!(list(&app, &good).status, 200);
    let before = provider.key_fetches();
    let rest = good.split_once('.').unwrap().1;
    let junk = |n: usize| {
        let head = format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":"junk-{n}"}}"#);
        let reply = list(&app, &format!("{}.{rest}", base64url(head.as_bytes())));
        assert!([401, 503].contains(&reply.status), "{reply:?}");
    };
    std::thread::scope(|threads| {
        for n in 0..50 {
            let junk = &junk;
            threads.spawn(move || junk(n));
        }
    });
    let fetched = provider.key_fetches() - before;
    assert!(fetched <= 5, "{fetched} fetches for 50 junk ids at once: they share the next permitted one");
    assert_eq!(list(&app, &good).status, 200, "and honest callers are not held up");
}

#[test]
#[ignore = "needs oidc-provider: cargo xtask test"]
fn it_goes_away_and_known_keys_go_on() {
    let (provider, app) = scene();
    let (bob, alice) = (provider.token("bob", ""), provider.token("alice", ""));
    assert_eq!(list(&app, &bob).status, 200);
    drop(provider);
    assert_eq!(list(&app, &bob).status, 200);
    assert_eq!(list(&app, &alice).status, 200);
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            out.push(char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    out
}
