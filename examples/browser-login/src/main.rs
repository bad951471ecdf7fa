//! An app that signs people in with a browser: `cargo run -p browser-login`, then open http://127.0.0.1:3003.
//!
//! The log-in is a backend's: authorization code with PKCE, tokens that never reach the browser, a session on the server, and
//! one cookie that no script can read. A debug build brings its own identity provider; a release build is told the real one
//! with OIDC_ISSUER, CLIENT_ID, CLIENT_SECRET and PUBLIC_ORIGIN.

use std::{env, error::Error, io};

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use gambeson::Profile;
use gambeson::core::{ConfigError, SecretBytes};
use gambeson::hardening_headers::serve::{Server, serve};
use gambeson::hardening_headers::{Hardening, Limits, LimitsLayer, PeerLayer, TrustedProxies};
use gambeson::oidc_auth::{Caller, Issuer, Login, LoginLayer};
use gambeson_testing::{DevClient, DevIdp};
use maud::{DOCTYPE, Markup, html};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[cfg(test)]
mod tests;

/// What the environment says, or a developer's machine.
struct Settings {
    issuer: String,
    client_id: String,
    client_secret: String,
    origin: String,
    profile: Profile,
}

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // Why somebody was refused stands in the log, and nowhere else.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let (settings, _dev) = match env::var("OIDC_ISSUER") {
        Ok(issuer) => {
            let [client_id, client_secret, origin] =
                ["CLIENT_ID", "CLIENT_SECRET", "PUBLIC_ORIGIN"].map(needed);
            let profile = Profile::from_env()?;
            let settings = Settings {
                issuer,
                client_id: client_id?,
                client_secret: client_secret?,
                origin: origin?,
                profile,
            };
            (settings, None)
        }
        Err(_) if cfg!(debug_assertions) => {
            let (settings, idp) = develop("127.0.0.1:3001").await?;
            (settings, Some(idp))
        }
        Err(_) => return Err("name the identity provider: OIDC_ISSUER=https://id.example.com".into()),
    };
    let app = app(&settings)?;
    let listener =
        TcpListener::bind(env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3003".to_owned())).await?;
    println!("open {}", settings.origin);
    serve(listener, app, Server::new().shutdown(told_to_end()?)).await?;
    Ok(())
}

/// Ends on Ctrl-C or SIGTERM; listens from now on.
fn told_to_end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn needed(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set"))
}

/// A developer's machine: an identity provider on loopback that knows this app, with a button for each person.
async fn develop(address: &str) -> Result<(Settings, DevIdp), Failure> {
    let origin = "http://127.0.0.1:3003".to_owned();
    let client = DevClient::confidential("browser-login", "made-up-secret")
        .redirect_uri(format!("{origin}/login/callback"))
        .post_logout_redirect_uri(format!("{origin}/"));
    let idp = DevIdp::builder().bind(address).client(client).start().await?;
    let settings = Settings {
        issuer: idp.issuer().to_owned(),
        client_id: "browser-login".to_owned(),
        client_secret: "made-up-secret".to_owned(),
        origin,
        profile: Profile::development(|name| env::var(name).ok())?,
    };
    Ok((settings, idp))
}

/// From the outside in: who calls from where, the edge, the log-in, the pages.
fn app(settings: &Settings) -> Result<Router, ConfigError> {
    let login = Login::builder(Issuer::discover(settings.issuer.as_str()), settings.client_id.as_str())
        .client_secret(SecretBytes::new(settings.client_secret.clone().into_bytes()))
        .public_origin(settings.origin.as_str())
        .run_in(settings.profile)
        .build()?;
    // Signing out leads to the provider: the pages' policy has to allow it.
    let hardening = Hardening::strict()
        .run_in(settings.profile)
        .public_origin(settings.origin.as_str())
        .form_action(login.csp_sources().form_action)
        .build()?;
    Ok(Router::new()
        .route("/", get(home))
        .route("/private", get(private))
        .layer(LoginLayer::new(login))
        .layer(LimitsLayer::new(Limits::new().body(64 << 10))?)
        .layer(hardening.layer())
        .layer(PeerLayer::new(TrustedProxies::none())))
}

async fn home(caller: Option<Caller>) -> Markup {
    page(html! {
        @match &caller {
            Some(Caller(person)) => {
                p { "You are " strong { (person.subject()) } ". " a href="/private" { "Your page" } }
                form method="post" action="/logout" { button { "Sign out" } }
            }
            None => p { a href="/login" { "Sign in" } " to see your page." },
        }
    })
}

/// Somebody who is not signed in is sent to the log-in, and comes back here.
async fn private(caller: Option<Caller>) -> Response {
    match caller {
        None => Redirect::to("/login?return_to=/private").into_response(),
        Some(Caller(person)) => page(html! {
            p { "Only " (person.subject()) " sees this." }
            p { a href="/" { "Back" } }
        })
        .into_response(),
    }
}

fn page(content: Markup) -> Markup {
    html! { (DOCTYPE) html lang="en" { head { title { "Browser login" } } body { h1 { "Browser login" } (content) } } }
}
