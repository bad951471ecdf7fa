//! Others that decide about access tokens, each set up as its documentation says, with the keys fetched from an issuer on
//! loopback.

mod huskarl;
mod jsonwebtoken;
mod jwt_authorizer;
mod oauth_resource_server;
mod tower_oauth2;

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use tokio::runtime::{Builder, Runtime};

pub(crate) use self::huskarl::Huskarl;
pub(crate) use self::jwt_authorizer::JwtAuthorizer;
pub(crate) use self::oauth_resource_server::OauthResourceServer;
pub(crate) use self::tower_oauth2::TowerOauth2;
use crate::drive::now;
use crate::key_server::KeyServer;
use crate::token::{self, Token};
use crate::{Case, Run};

/// Somebody who decides about tokens.
pub(crate) trait Guard: Sized + 'static {
    /// Its name in the results.
    const NAME: &'static str;

    /// A token as it is handed in.
    type Asked: 'static;

    /// What it says of a token that it accepts.
    type Accepted;

    /// For tokens of this issuer for [`token::AUDIENCE`], with the keys at this URL. Called on a runtime, where it may leave
    /// tasks.
    fn start(issuer: &str, keys: &str) -> impl Future<Output = Self>;

    /// What is made of a token beforehand.
    fn ask(token: &str, client: IpAddr) -> Self::Asked;

    /// Its word on a token, or the status that it would be refused with.
    fn decide(&self, asked: &Self::Asked) -> impl Future<Output = Result<Self::Accepted, StatusCode>>;

    /// Whose token it is.
    fn subject(accepted: &Self::Accepted) -> &str;
}

pub(super) fn join(case: Case) -> Case {
    match case.name {
        "verify_rs256" => with_all(
            case.peer(jsonwebtoken::NAME, jsonwebtoken::rs256),
            Runs {
                huskarl: || measured::<Huskarl>(token::rs256()),
                oauth: || measured::<OauthResourceServer>(token::rs256()),
                tower: || tower_oauth2::measured(token::rs256()),
                authorizer: || measured::<JwtAuthorizer>(token::rs256()),
            },
        ),
        "verify_es256" => with_all(
            case.peer(jsonwebtoken::NAME, jsonwebtoken::es256),
            Runs {
                huskarl: || measured::<Huskarl>(token::es256()),
                oauth: || measured::<OauthResourceServer>(token::es256()),
                tower: || tower_oauth2::measured(token::es256()),
                authorizer: || measured::<JwtAuthorizer>(token::es256()),
            },
        ),
        "verify_ed25519" => with_all(
            case.peer(jsonwebtoken::NAME, jsonwebtoken::ed25519),
            Runs {
                huskarl: || measured::<Huskarl>(token::ed25519()),
                oauth: || measured::<OauthResourceServer>(token::ed25519()),
                tower: || tower_oauth2::measured(token::ed25519()),
                authorizer: || measured::<JwtAuthorizer>(token::ed25519()),
            },
        ),
        _ => case,
    }
}

struct Runs {
    huskarl: fn() -> Run,
    oauth: fn() -> Run,
    tower: fn() -> Run,
    authorizer: fn() -> Run,
}

fn with_all(case: Case, runs: Runs) -> Case {
    case.peer(Huskarl::NAME, runs.huskarl)
        .peer(OauthResourceServer::NAME, runs.oauth)
        .peer(TowerOauth2::NAME, runs.tower)
        .peer(JwtAuthorizer::NAME, runs.authorizer)
}

/// A peer with the key of one token, and what has to stay alive for it.
struct Ready<G> {
    guard: G,
    runtime: Runtime,
    _issuer: KeyServer,
}

impl<G: Guard> Ready<G> {
    fn new(token: &Token) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let issuer = KeyServer::start(token.jwks.clone());
        let guard = runtime.block_on(G::start(token::ISSUER, &issuer.keys()));
        let ready = Self { guard, runtime, _issuer: issuer };
        let accepted = ready.runtime.block_on(ready.first(&token.text));
        assert_eq!(G::subject(&accepted), "alice", "the peer knows whose it is");
        let decided = |token: &str| ready.runtime.block_on(ready.guard.decide(&G::ask(token, token::CLIENT)));
        assert_eq!(
            decided(&token.forged()).err(),
            Some(StatusCode::UNAUTHORIZED),
            "the peer refuses a forgery"
        );
        ready
    }

    /// Some fetch their keys behind the first requests.
    async fn first(&self, token: &str) -> G::Accepted {
        let asked = G::ask(token, token::CLIENT);
        for _ in 0..1_000 {
            if let Ok(accepted) = self.guard.decide(&asked).await {
                return accepted;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.guard.decide(&asked).await.expect("the peer accepts it too")
    }
}

/// Decisions on this thread, with the key at hand: nothing is waited for.
fn measured<G: Guard>(token: Token) -> Run {
    let ready = Ready::<G>::new(&token);
    let asked = G::ask(&token.text, token::CLIENT);
    Box::new(move || {
        let _on_runtime = &ready.runtime;
        black_box(now(ready.guard.decide(black_box(&asked))).is_ok());
    })
}
