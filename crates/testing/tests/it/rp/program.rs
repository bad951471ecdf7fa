//! The program, on an app that runs elsewhere.

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

use gambeson_testing::eventually;
use tokio::net::TcpStream;

use super::app::{Flaw, running};
use super::server::listen;

/// What it says of these tests, on an app that starts when the provider is there.
async fn said(tests: &str, flaw: Flaw) -> Output {
    let (reserved, provider) = listen().await;
    drop(reserved);
    let (listener, address) = listen().await;
    let mut program = Command::new(env!("CARGO_BIN_EXE_gambeson-rp-test"));
    program
        .env("RP_ORIGIN", format!("http://{address}"))
        .env("RP_WHO", "/me")
        .env("RP_CALLBACK", "/callback")
        .env("RP_AFTER_LOGOUT", "/bye")
        .env("RP_TESTS", tests)
        .env("DEV_IDP_PORT", provider.port().to_string());
    let ending = tokio::task::spawn_blocking(move || program.output().unwrap());
    let _app = start(provider, listener, flaw).await;
    ending.await.unwrap()
}

async fn start(provider: SocketAddr, listener: tokio::net::TcpListener, flaw: Flaw) -> super::server::Server {
    let listens = || async { TcpStream::connect(provider).await.ok() };
    eventually(Duration::from_secs(60), listens).await.expect("the provider listens");
    let issuer = format!("http://{provider}");
    running(listener, (&issuer, "web", "dev-web-secret"), flaw).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_tells_what_passed_and_what_failed() {
    let tests = "oidcc-client-test oidcc-client-test-invalid-iss oidcc-client-test-rp-init-logout";
    let good = said(tests, Flaw::None).await;
    let text = String::from_utf8_lossy(&good.stdout).into_owned();
    assert_eq!(good.status.code(), Some(0), "{text}");
    assert!(text.contains("passed  oidcc-client-test-invalid-iss: nobody is signed in"), "{text}");
    assert!(text.contains("3 passed, 0 warned, 0 failed, 0 not applicable"), "{text}");
    let bad = said("oidcc-client-test-invalid-iss", Flaw::Trusting).await;
    let text = String::from_utf8_lossy(&bad.stdout).into_owned();
    assert_eq!(bad.status.code(), Some(1), "{text}");
    assert!(text.contains("failed  oidcc-client-test-invalid-iss: "), "{text}");
}
