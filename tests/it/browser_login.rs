//! browser-login as a process, with a provider in the test whose tokens last a few seconds.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gambeson_testing::{DevClient, DevIdp};
use tokio::runtime::Runtime;

use crate::browser::walk;
use crate::notes_app::built;

/// How long the provider's tokens last: they are refreshed after half of it.
const LIFETIME: u64 = 6;

const SECRET: &str = "made-up-secret";

/// A running app and its provider; both end when dropped.
struct Scene {
    child: Child,
    origin: String,
    idp: DevIdp,
    _runtime: Runtime,
}

impl Scene {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let address = free_address();
        let origin = format!("http://{address}");
        let client = DevClient::confidential("browser-login", SECRET)
            .redirect_uri(format!("{origin}/login/callback"))
            .post_logout_redirect_uri(format!("{origin}/"));
        let builder = DevIdp::builder().client(client).token_lifetime(Duration::from_secs(LIFETIME));
        let idp = runtime.block_on(builder.start()).unwrap();
        let mut child = Command::new(built("browser-login"))
            .env_clear()
            .env("GAMBESON_PROFILE", "development")
            .env("OIDC_ISSUER", idp.issuer())
            .envs([("CLIENT_ID", "browser-login"), ("CLIENT_SECRET", SECRET)])
            .env("PUBLIC_ORIGIN", &origin)
            .env("LISTEN", address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), format!("open {origin}"));
        Self { child, origin, idp, _runtime: runtime }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One that nobody listens at: the app's origin has to be known before it listens.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn a_person_signs_in_is_away_stays_signed_in_and_signs_out() {
    let scene = Scene::start();
    let lifetime = LIFETIME.to_string();
    let variables = [("ISSUER", scene.idp.issuer()), ("LIFETIME", &lifetime)];
    let steps = walk("browser-login", &scene.origin, &variables);
    assert_eq!(steps.len(), 5, "{steps:?}");
}
