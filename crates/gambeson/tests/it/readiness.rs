//! When a stack from a file takes requests, and what it says of what is missing.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use gambeson::otel_setup::Endpoint;
use gambeson::{Config, Kit};
use gambeson_testing::{DevIdp, eventually};
use http::StatusCode;
use tokio::net::TcpSocket;

/// An address of loopback where nobody listens, and nobody else will: it is taken until somebody is let in.
struct Held(TcpSocket);

impl Held {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.address())
    }
}

async fn kit(folder: &Path, issuer: &str, more: &str) -> Kit {
    std::fs::write(folder.join("policy.toml"), crate::POLICY).unwrap();
    let file = format!(
        "[oidc-auth]\nissuer = '{issuer}'\naudience = 'notes'\n\
         [oidc-auth.login]\nclient-id = 'web'\npublic-origin = 'http://127.0.0.1:3000'\n\
         [oidc-auth.outgoing.stock]\norigins = ['https://stock.example.com']\ntoken = 'workload-file'\nfile = '/run/none'\n\
         [otel-setup]\nservice = 'notes'\n{more}"
    );
    let development = [("GAMBESON_PROFILE".to_owned(), "development".to_owned())];
    let kit = Kit::open(&Config::parse(&file, development).unwrap().in_folder(folder)).await.unwrap();
    kit.telemetry().readiness().set_ready();
    kit
}

fn readyz(kit: &Kit) -> StatusCode {
    kit.telemetry().endpoints().respond(Endpoint::Ready).status()
}

/// What `/metrics` says of a part.
fn health(kit: &Kit, part: &str) -> Option<String> {
    let series = format!("gambeson_health{{part=\"{part}\"}} ");
    kit.telemetry().metrics_text().lines().find_map(|line| line.strip_prefix(&series).map(str::to_owned))
}

async fn becomes_ready(kit: &Kit) {
    let ready = || async { (readyz(kit) == StatusCode::OK).then_some(()) };
    eventually(Duration::from_secs(20), ready).await.expect("it becomes ready");
}

#[tokio::test]
async fn an_app_starts_without_its_provider_unless_it_is_asked_to_wait() {
    let (folder, place) = (tempfile::tempdir().unwrap(), Held::new());
    let patient = kit(folder.path(), &place.issuer(), "").await;
    let strict = kit(folder.path(), &place.issuer(), "[stack]\nwait-for-provider = true").await;
    assert_eq!((readyz(&patient), readyz(&strict)), (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE));
    for kit in [&patient, &strict] {
        let missing = kit.ready().await.unwrap_err();
        let parts: Vec<_> = missing.parts().collect();
        assert!(matches!(parts[..], [("oidc-login", _), ("oidc-auth", _)]), "{missing}");
        assert!(parts.iter().all(|(_, why)| why.contains(&place.address().to_string())), "{missing}");
        assert_eq!(
            (health(kit, "oidc-auth"), health(kit, "oidc-login")),
            (Some("0.5".into()), Some("0.5".into()))
        );
        assert_eq!(health(kit, "outgoing.stock").as_deref(), Some("1"), "nobody has asked for a token");
    }
    assert_eq!(readyz(&strict), StatusCode::SERVICE_UNAVAILABLE);
    let address = place.address();
    drop(place);
    let idp = DevIdp::builder().bind(address.to_string()).audience("notes").start().await.unwrap();
    becomes_ready(&strict).await;
    assert_eq!(health(&strict, "oidc-auth").as_deref(), Some("1"));
    drop(idp);
    assert_eq!(readyz(&strict), StatusCode::OK, "a third party's trouble takes nobody out of service");
}

/// The app has its router, and needs the kit no more.
#[tokio::test]
async fn an_app_without_its_kit_becomes_ready_too() {
    let folder = tempfile::tempdir().unwrap();
    let idp = DevIdp::builder().bind("127.0.0.1:0").audience("notes").start().await.unwrap();
    let kit = kit(folder.path(), idp.issuer(), "[stack]\nwait-for-provider = true").await;
    let endpoints = kit.telemetry().endpoints();
    drop(kit);
    let ready = || async { (endpoints.respond(Endpoint::Ready).status() == StatusCode::OK).then_some(()) };
    eventually(Duration::from_secs(20), ready).await.expect("it becomes ready");
}

#[cfg(feature = "redis")]
mod shared {
    use super::*;

    fn shares(folder: &Path, redis: &Held) -> String {
        std::fs::create_dir_all(folder.join("keys")).unwrap();
        std::fs::write(folder.join("keys/redis-url"), format!("redis://{}", redis.address())).unwrap();
        std::fs::write(folder.join("keys/session"), "thirty-two bytes that all have in common").unwrap();
        "[oidc-auth.denylist]\n[oidc-auth.redis]\nurl = 'file://app/redis-url'\nkey = 'file://app/session'\n\
         [secrets]\nallow = ['file://app/*']\nfile-roots.app = 'keys'\n"
            .into()
    }

    #[tokio::test]
    async fn without_what_instances_share_an_app_is_not_ready() {
        let (folder, issuer, redis) = (tempfile::tempdir().unwrap(), Held::new(), Held::new());
        let kit = kit(folder.path(), &issuer.issuer(), &shares(folder.path(), &redis)).await;
        assert_eq!(readyz(&kit), StatusCode::SERVICE_UNAVAILABLE);
        let missing = kit.ready().await.unwrap_err();
        let parts: Vec<_> = missing.parts().map(|(part, _)| part).collect();
        assert_eq!(parts, ["redis", "oidc-denylist", "oidc-login", "oidc-auth"], "{missing}");
        assert_eq!(
            (health(&kit, "redis"), health(&kit, "oidc-denylist")),
            (Some("0".into()), Some("0".into()))
        );
        assert_eq!(readyz(&kit), StatusCode::SERVICE_UNAVAILABLE);
    }

    /// A server of the test's own, which ends with it.
    struct Server(std::process::Child);

    impl Server {
        fn at(port: u16) -> Self {
            let program = std::env::var_os("GAMBESON_REDIS").expect("cargo xtask test sets it");
            let mut command = std::process::Command::new(program);
            command.args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ]);
            let (null, nothing) = (std::process::Stdio::null(), std::process::Stdio::null());
            Self(command.stdin(std::process::Stdio::null()).stdout(null).stderr(nothing).spawn().unwrap())
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[tokio::test]
    #[ignore = "needs redis: cargo xtask test"]
    async fn an_app_becomes_ready_by_itself_when_what_instances_share_is_there() {
        let (folder, issuer, redis) = (tempfile::tempdir().unwrap(), Held::new(), Held::new());
        let kit = kit(folder.path(), &issuer.issuer(), &shares(folder.path(), &redis)).await;
        assert_eq!(readyz(&kit), StatusCode::SERVICE_UNAVAILABLE);
        let port = redis.address().port();
        drop(redis);
        let server = Server::at(port);
        becomes_ready(&kit).await;
        assert_eq!(
            (health(&kit, "redis"), health(&kit, "oidc-denylist")),
            (Some("1".into()), Some("1".into()))
        );
        drop(server);
        assert_eq!(readyz(&kit), StatusCode::OK, "it was there once");
    }
}
