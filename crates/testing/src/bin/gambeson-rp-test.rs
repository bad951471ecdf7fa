//! The suite for relying parties, on an app that runs elsewhere on this machine.
//!
//! | variable | default | what |
//! |---|---|---|
//! | `RP_ORIGIN` | `http://127.0.0.1:3000` | where the app is |
//! | `RP_WHO` | `/` | its page that says who is signed in: by the `sub` as a word, in an answer of 200 |
//! | `RP_LOGIN` | `/login` | where its log-in begins |
//! | `RP_CALLBACK` | `/login/callback` | where people come back to |
//! | `RP_LOGOUT` | `/logout` | where a form signs out; `GET /path` for a link, empty for none |
//! | `RP_AFTER_LOGOUT` | `/` | where people come back to after signing out |
//! | `RP_BACK_CHANNEL` | none | where it is told of log-outs elsewhere |
//! | `RP_TESTS` | all | official names, separated by spaces |
//! | `DEV_IDP_PORT` | `3001` | where the provider listens, on 127.0.0.1 |
//! | `DEV_IDP_CLIENT` | `web` | the app's `client_id` |
//! | `DEV_IDP_SECRET` | `dev-web-secret` | its secret |
//!
//! It ends with 0 if no test failed, with 1 if one did, and with 2 if the tests could not be run.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program speaks to its user")]
#![forbid(unsafe_code)]

use std::env::{VarError, var};
use std::process::ExitCode;
use std::time::Duration;

use gambeson_core::BoxError;
use gambeson_testing::eventually;
use gambeson_testing::rp::{Elsewhere, RelyingParty, Report, Suite};
use tokio::net::TcpStream;
use url::Url;

/// How long the app may take to listen, from when the provider does.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    match run() {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(!report.is_passed()))
        }
        Err(error) => {
            eprintln!("gambeson-rp-test: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<Report, BoxError> {
    let suite = setting("RP_TESTS", "")?.split_whitespace().fold(Suite::new(described()?), Suite::test);
    let origin = setting("RP_ORIGIN", "http://127.0.0.1:3000")?;
    let provider = format!("127.0.0.1:{}", setting("DEV_IDP_PORT", "3001")?);
    let (id, secret) = (setting("DEV_IDP_CLIENT", "web")?, setting("DEV_IDP_SECRET", "dev-web-secret")?);
    let elsewhere = Elsewhere::new(origin.as_str()).provider(provider.as_str()).client(id, secret);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(suite.run_elsewhere(&elsewhere, app_listens(&origin, &provider)))?)
}

fn described() -> Result<RelyingParty, BoxError> {
    let app = RelyingParty::new(setting("RP_WHO", "/")?)
        .login(setting("RP_LOGIN", "/login")?)
        .callback(setting("RP_CALLBACK", "/login/callback")?)
        .after_logout(setting("RP_AFTER_LOGOUT", "/")?);
    let app = match setting("RP_BACK_CHANNEL", "")? {
        path if path.is_empty() => app,
        path => app.back_channel(path),
    };
    let logout = match var("RP_LOGOUT") {
        Ok(path) => path,
        Err(_) => "/logout".to_owned(),
    };
    Ok(match logout.strip_prefix("GET ") {
        Some(link) => app.logout_link(link),
        None if logout.is_empty() => app.without_logout(),
        None => app.logout(logout),
    })
}

async fn app_listens(origin: &str, provider: &str) {
    println!("the provider listens at http://{provider}; waiting for the app at {origin}");
    let Some(url) = Url::parse(origin).ok() else { return };
    let place =
        format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
    let connects = || async { TcpStream::connect(place.as_str()).await.ok() };
    if eventually(PATIENCE, connects).await.is_none() {
        eprintln!("gambeson-rp-test: nothing listens at {origin}");
    }
}

fn setting(name: &str, default: &str) -> Result<String, BoxError> {
    match var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(VarError::NotPresent) => Ok(default.to_owned()),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not text").into()),
    }
}
