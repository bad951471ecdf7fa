//! `gambeson oidc …`

use std::future::Future;
use std::io::{self, Read};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use gambeson_core::{Clock, Profile, SystemClock, Timer};
use gambeson_oidc_auth::{Doctor, Issuer, TokenErrorKind, TokenProfile, Verifier};

use crate::outcome::{Outcome, chain};

/// The longest input that is read, in bytes.
const LONGEST: u64 = 64 << 10;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Examine an issuer from here: discovery, TLS, keys, algorithms and clocks, each fault with its cure.
    Doctor {
        #[command(flatten)]
        issuer: IssuerArguments,
    },
    /// Tell step by step why a token is or isn't accepted. Reads the token from standard input: a command line is seen by others.
    Explain {
        #[command(flatten)]
        issuer: IssuerArguments,
        /// A name by which tokens mean the API; several times if it has several.
        #[arg(long, required = true)]
        audience: Vec<String>,
        /// Which kind of token the API takes.
        #[arg(long, value_enum, default_value_t)]
        profile: TokenKind,
    },
}

/// Whom to ask. With `GAMBESON_PROFILE=development` it may be on loopback, in plain http.
#[derive(Debug, Args)]
pub(crate) struct IssuerArguments {
    /// The issuer's exact name, for example `https://id.example.com`.
    issuer: String,
    /// Where the discovery document is, if not below the name.
    #[arg(long)]
    metadata_url: Option<String>,
    /// Where the keys are, whatever the discovery document names.
    #[arg(long)]
    jwks_url: Option<String>,
    /// Let the issuer's host name lead to loopback, private or link-local addresses.
    #[arg(long)]
    allow_special_use_addresses: bool,
    /// Let it lead to this network, such as `10.20.0.0/16`; several times for several.
    #[arg(long)]
    allow_private: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum TokenKind {
    /// JWT access tokens as RFC 9068 has them.
    #[default]
    AccessToken,
    /// JWTs whose type says nothing.
    JwtLenient,
}

impl IssuerArguments {
    fn issuer(&self) -> Issuer {
        let mut issuer =
            Issuer::discover(self.issuer.as_str()).allow_private(self.allow_private.iter().cloned());
        if let Some(url) = &self.metadata_url {
            issuer = issuer.metadata_url(url);
        }
        if let Some(url) = &self.jwks_url {
            issuer = issuer.jwks_url(url);
        }
        match self.allow_special_use_addresses {
            true => issuer.allow_special_use_addresses(),
            false => issuer,
        }
    }
}

pub(crate) fn run(command: Command) -> Outcome {
    let profile = match Profile::from_env() {
        Ok(profile) => profile,
        Err(error) => return Outcome::failed(2, chain(&error)),
    };
    match command {
        Command::Doctor { issuer } => on_runtime(doctor(issuer.issuer(), profile)),
        Command::Explain { issuer, audience, profile: kind } => match token() {
            Ok(token) => on_runtime(explain(issuer.issuer(), profile, audience, kind, token)),
            Err(error) => Outcome::failed(3, format!("can't read the token from standard input: {error}")),
        },
    }
}

fn token() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

async fn doctor(issuer: Issuer, profile: Profile) -> Outcome {
    match Doctor::new(issuer).run_in(profile).examine().await {
        Ok(report) => Outcome { code: u8::from(!report.is_healthy()), ..Outcome::said(report.to_string()) },
        Err(error) => Outcome::failed(2, chain(&error)),
    }
}

async fn explain(
    issuer: Issuer,
    run_in: Profile,
    audience: Vec<String>,
    kind: TokenKind,
    token: String,
) -> Outcome {
    let (first, others) =
        audience.split_first().map_or(("", &[][..]), |(first, others)| (first.as_str(), others));
    let builder = Verifier::builder(issuer).audience(first).run_in(run_in).profile(match kind {
        TokenKind::AccessToken => TokenProfile::AccessToken,
        TokenKind::JwtLenient => TokenProfile::JwtLenient,
    });
    let builder = others.iter().fold(builder, |builder, audience| builder.audience(audience.as_str()));
    let verifier = match builder.build() {
        Ok(verifier) => verifier,
        Err(error) => return Outcome::failed(2, chain(&error)),
    };
    let mut err = String::new();
    // The first fetch of keys; what it finds of the token is told better below.
    if let Err(error) = verifier.verify_or_wait(token.trim(), None).await
        && error.kind() == TokenErrorKind::KeysUnavailable
    {
        err = format!("{error}\n`gambeson oidc doctor` tells what is wrong with the issuer");
    }
    keys(&verifier).await;
    let explained = verifier.explain(&token);
    Outcome { code: u8::from(!explained.is_accepted()), err, ..Outcome::said(explained.to_string()) }
}

/// Waits for the first set, also where the token was refused before a key was asked for.
async fn keys(verifier: &Verifier) {
    let clock = SystemClock::new();
    for _ in 0..100 {
        let status = verifier.status();
        if status.generation > 0 || status.last_error.is_some() {
            return;
        }
        clock.until(clock.monotonic().plus(Duration::from_millis(50))).await;
    }
}

fn on_runtime(work: impl Future<Output = Outcome>) -> Outcome {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Outcome::failed(3, format!("no runtime: {error}")),
    }
}
