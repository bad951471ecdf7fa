//! The dev identity provider alone, until Ctrl-C or SIGTERM.
//!
//! `DEV_IDP_PORT` (default 3001, on 127.0.0.1), `DEV_IDP_AUDIENCE` (default `dev`) and `DEV_IDP_REDIRECT_URI` (default
//! `http://127.0.0.1:3000/login/callback`, where the client `web` with the secret `dev-web-secret` signs people in) are all that it
//! is told. It does not start where `GAMBESON_PROFILE` says `production`, or on a hosting platform.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program speaks to its user")]
#![forbid(unsafe_code)]

use std::env::{VarError, var};
use std::process::ExitCode;

use gambeson_core::BoxError;
use gambeson_testing::{DevClient, DevIdp};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gambeson-dev-idp: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), BoxError> {
    let port: u16 = setting("DEV_IDP_PORT", "3001")?
        .parse()
        .map_err(|error| format!("DEV_IDP_PORT must be a port, for example 3001: {error}"))?;
    let audience = setting("DEV_IDP_AUDIENCE", "dev")?;
    let redirect_uri = setting("DEV_IDP_REDIRECT_URI", "http://127.0.0.1:3000/login/callback")?;
    let home = url::Url::parse(&redirect_uri).and_then(|callback| callback.join("/"));
    let mut web = DevClient::confidential("web", "dev-web-secret").redirect_uri(redirect_uri.as_str());
    if let Ok(home) = home {
        web = web.post_logout_redirect_uri(home);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Listens from now on: who waits for the greeting may end it at once.
        let told_to_end = told_to_end()?;
        let builder =
            DevIdp::builder().bind(format!("127.0.0.1:{port}")).audience(audience.as_str()).client(web);
        let idp = builder.start().await?;
        greet(idp.issuer(), &audience, &redirect_uri);
        told_to_end.await;
        idp.stop().await;
        Ok(())
    })
}

/// Ctrl-C, or what ends a container or a service.
#[cfg(unix)]
fn told_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(std::future::poll_fn(move |cx| {
        match interrupt.poll_recv(cx).is_ready() || terminate.poll_recv(cx).is_ready() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    }))
}

#[cfg(not(unix))]
fn told_to_end() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

fn setting(name: &str, default: &str) -> Result<String, BoxError> {
    match var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(VarError::NotPresent) => Ok(default.to_owned()),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not text").into()),
    }
}

fn greet(issuer: &str, audience: &str, redirect_uri: &str) {
    println!("issuer    {issuer} (for development only; its keys are new at each start)");
    println!("audience  {audience}");
    println!("people    alice (editor), bob (viewer), carol (admin) of acme; dave (admin) of globex");
    println!("client    web, secret dev-web-secret, signs people in for {redirect_uri}");
    println!("a token   curl -s -H 'Accept: text/plain' -d user=alice {issuer}/dev/token");
    println!("stop      Ctrl-C");
}
