//! What a logout token says, and what is done about it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Rejection, RequestFacts, Subject, Timestamp};

use super::super::ending::{SessionlessTokens, carried};
use super::super::handle::Login;
use super::super::id_token::check_algorithm;
use super::super::refusal;
use super::super::store::{ProviderSession, SessionsOf};
use super::super::telemetry;
use super::refused::{Refusals, Refused};
use super::seen::Seen;
use crate::denylist::Denial;
use crate::error::{Reason, TokenError, TokenErrorKind};
use crate::jwt::Claims;
use crate::policy::TokenKind;
use crate::verifier::Verifier;

/// Verifies logout tokens with the keys of the log-in, and remembers those that were heeded.
#[derive(Debug)]
pub(in crate::login) struct LogoutTokens {
    verifier: Verifier,
    heeded: Seen,
    /// Those that could not be heeded.
    failed: Seen,
    pub(super) refusals: Refusals,
}

/// A verified one.
struct Logout {
    issuer: Box<str>,
    sub: Option<Box<str>>,
    sid: Option<Box<str>>,
    /// Its name, with that of its issuer.
    id: String,
    issued_at: Timestamp,
    ends_at: Timestamp,
}

impl LogoutTokens {
    pub(in crate::login) fn new(id_tokens: &Verifier) -> Self {
        let (heeded, failed, refusals) = Default::default();
        Self { verifier: id_tokens.of_logout_tokens(), heeded, failed, refusals }
    }

    /// Steps 1 to 7 of §2.6, in the verifier's order; §2.6's step 8, the replay, comes with [`heed`].
    async fn verify(&self, token: &str, client: Option<IpAddr>) -> Result<Logout, TokenError> {
        let verified = self.verifier.verify_or_wait(token, client).await?;
        let policy = self.verifier.policy();
        let claims = Claims::read(verified.claims().unwrap_or_default(), policy)?;
        let text = |name: &str| claims.text(name).map(|text| text.map(Box::<str>::from));
        let second = |name| Timestamp::from_unix_seconds(claims.seconds(name).unwrap_or_default());
        let issuer = text("iss")?.unwrap_or_default();
        Ok(Logout {
            id: format!("{issuer} {}", claims.text("jti")?.unwrap_or_default()),
            issuer,
            sub: text("sub")?,
            sid: text("sid")?,
            issued_at: second("iat"),
            ends_at: second("exp").plus(policy.leeway).plus(Duration::from_secs(1)),
        })
    }
}

impl Logout {
    fn subject(&self) -> Option<Subject> {
        let sub = self.sub.clone()?;
        Some(Subject { issuer: (&*self.issuer).into(), name: sub })
    }

    /// One log-in where it is named, and what names none; else all of the subject (§2.7). A name that has ended does not come again. Of
    /// a subject only what began before the provider gave this token, by its own clock: who replays it ends nothing newer.
    fn sessions(&self) -> impl Iterator<Item = (SessionsOf, Option<Timestamp>)> {
        let of_sid = |sid| SessionsOf::ProviderSession(ProviderSession::new(&*self.issuer, sid));
        let of_sub = match &self.sid {
            Some(_) => SessionsOf::SubjectWithoutSid,
            None => SessionsOf::Subject,
        };
        // `iat` has whole seconds: what began within this one may have come before.
        let until = self.issued_at.plus(Duration::from_secs(1));
        let of_subject = self.subject().map(of_sub).map(|of| (of, Some(until)));
        self.sid.clone().map(of_sid).map(|of| (of, None)).into_iter().chain(of_subject)
    }

    /// By the issuer's own clock: what it gave later, to who logged in again, is good.
    fn denial(&self, end_sessionless: bool) -> Option<Denial> {
        let issuer = || self.issuer.clone();
        let denial = match (&self.sid, &self.sub) {
            (Some(sid), Some(sub)) if end_sessionless => {
                Denial::session(issuer(), sid.clone()).and_subject(sub.clone())
            }
            (Some(sid), Some(sub)) => Denial::session(issuer(), sid.clone()).whose(sub.clone()),
            (Some(sid), None) => Denial::session(issuer(), sid.clone()),
            (None, Some(sub)) => Denial::subject(issuer(), sub.clone()),
            (None, None) => return None,
        };
        Some(denial.issued_until(self.issued_at))
    }
}

/// Ends what the token says. Once it is verified that goes on though nobody waits for the answer.
pub(super) async fn heed(
    login: &Login,
    token: &str,
    client: Option<IpAddr>,
    facts: &RequestFacts,
) -> Result<(), Refused> {
    let logout = Arc::new(login.parts().logout_tokens.verify(token, client).await.map_err(refused)?);
    let provider = login.parts().provider.found().await;
    let provider = provider.map_err(|error| failed(login, &logout, refusal::unavailable(error)))?;
    let listed = provider.id_token_algorithms.as_deref();
    check_algorithm(token, TokenKind::Logout, listed).map_err(refused)?;
    let (by, what, facts) = (login.clone(), Arc::clone(&logout), facts.clone());
    let heeded = carried(&*login.parts().spawn, async move { end(&by, &what, &facts).await }).await;
    let not_run = || refusal::sessions_unavailable("no runtime carries out the work");
    heeded.unwrap_or_else(|| Err(failed(login, &logout, not_run())))
}

/// Access tokens first, which needs nobody, then sessions. A token whose sessions could not be ended is not remembered, so that the
/// provider can send it again.
async fn end(login: &Login, logout: &Logout, facts: &RequestFacts) -> Result<(), Refused> {
    let parts = login.parts();
    let heeded = &parts.logout_tokens.heeded;
    if heeded.knows(&logout.id) {
        return Err(Refused::replay(refusal::logout_token("the logout token was heeded before (jti)")));
    }
    let end_sessionless = parts.sessionless_tokens == SessionlessTokens::End;
    if let Some((list, denial)) = parts.denylist.as_ref().zip(logout.denial(end_sessionless)) {
        list.deny(&denial);
    }
    let mut ended = 0;
    for (of, until) in logout.sessions() {
        let of_these = parts.store.end_all(&of, until).wait().await;
        ended += of_these.map_err(|error| failed(login, logout, refusal::sessions_unavailable(error)))?;
    }
    heeded.remember(&logout.id, logout.ends_at, login.now());
    telemetry::ended_by_provider(login, logout.subject(), ended, facts);
    Ok(())
}

/// Each log-out that does not come about is told, but not each time that its token is sent.
fn failed(login: &Login, logout: &Logout, rejection: Rejection) -> Refused {
    let failed = &login.parts().logout_tokens.failed;
    Refused::work(rejection, failed.remember(&logout.id, logout.ends_at, login.now()))
}

fn refused(error: TokenError) -> Refused {
    let reason = error.reason();
    let rejection = match (error.kind(), reason) {
        (TokenErrorKind::KeysUnavailable, _) | (_, Reason::WaitingRoomFull) => refusal::unavailable(error),
        _ => refusal::logout_token(error),
    };
    Refused::token(rejection, reason)
}
