//! Keeping a session fresh behind its requests.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gambeson_core::{Principal, SecretBytes, Timestamp};

use super::callback::refresh_at;
use super::ending::{self, SessionlessTokens};
use super::handle::Login;
use super::id_token;
use super::provider::Endpoints;
use super::session::{Grant, Session, SessionKey};
use super::store::StoredSession;
use super::telemetry;
use super::userinfo::{self, UserinfoError};
use crate::error::{Reason, TokenError};
use crate::identity;
use crate::jwt::Compact;
use crate::key_policy::KeyPolicy;
use crate::token_endpoint::{ExchangeError, Prepared, Tokens};

/// What a lease takes at least: a provider in trouble is not asked more often for one session.
const LEAST_LEASE: Duration = Duration::from_secs(30);
/// What the store may take of a lease.
const STORE: Duration = Duration::from_secs(5);

/// The sessions that this process refreshes right now.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<HashSet<SessionKey>>);

impl InFlight {
    fn keys(&self) -> MutexGuard<'_, HashSet<SessionKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One refresh; dropped at its end, however that comes.
struct Flight {
    login: Login,
    key: SessionKey,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.login.parts().in_flight.keys().remove(&self.key);
    }
}

/// Starts a refresh behind the request if nobody else does it. The request does not wait.
pub(super) fn refresh_behind(login: &Login, key: SessionKey) {
    if !login.parts().in_flight.keys().insert(key) {
        return;
    }
    let flight = Flight { login: login.clone(), key };
    login.parts().spawn.spawn(Box::pin(async move {
        if let Err(error) = refresh(&flight.login, flight.key).await {
            telemetry::refresh_failed(&error);
        }
    }));
}

/// Why a refresh changed nothing, in words for operators.
type Unchanged = String;

async fn refresh(login: &Login, key: SessionKey) -> Result<(), Unchanged> {
    let parts = login.parts();
    let Some(StoredSession { session, version, .. }) = parts.store.load(&key).wait().await.map_err(text)?
    else {
        return Ok(());
    };
    let due = session.wants_refresh(login.now());
    let Some(token) = session.grant().refresh_token.clone().filter(|_| due) else {
        return Ok(());
    };
    let written = String::from_utf8_lossy(token.expose());
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*written)];
    let prepared = parts.provider.prepare_refresh(&parts.client, &form).await.map_err(text)?;
    // The lease goes through the store: of many instances one uses the refresh token, which may work only once.
    let leased = session.refreshing(login.now().plus(lease(login)));
    let Some(version) = parts.store.replace(&key, version, leased.clone()).wait().await.map_err(text)? else {
        return Ok(());
    };
    let held = Held { login, key, session: leased, version };
    match held.renew(prepared).await {
        Err(Failed::Refused(why, version)) => held.end(version, &why).await,
        Err(Failed::Unavailable(why)) => Err(why),
        Ok(()) => Ok(()),
    }
}

/// For so long nobody else refreshes the same session: what comes after it, the exchange, the wait for the key of the new
/// ID token and the question for userinfo, ends before. After a failure it is not tried again before either.
fn lease(login: &Login) -> Duration {
    let requests = if login.parts().userinfo { 2 } else { 1 };
    let work = login.parts().provider.deadline() * requests + KeyPolicy::default().max_wait;
    LEAST_LEASE.max(work + STORE)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A session under this instance's lease.
struct Held<'l> {
    login: &'l Login,
    key: SessionKey,
    session: Session,
    version: u64,
}

impl Held<'_> {
    async fn renew(&self, prepared: Prepared<'_>) -> Result<(), Failed> {
        let now = self.login.now();
        let tokens = match self.login.parts().provider.refresh(prepared).await {
            Err(ExchangeError::Refused(why)) => return Err(Failed::Refused(why, self.version)),
            other => other.map_err(text)?,
        };
        let version = self.keep(&tokens).await?;
        let fresh = match fresh(self.login, &self.session, tokens, now).await {
            Err(Unverified::Refused(why)) => return Err(Failed::Refused(why, version)),
            Err(Unverified::Unknown(why)) => return Err(Failed::Unavailable(why)),
            Ok(fresh) => fresh,
        };
        self.replace(version, fresh.clone()).await?;
        if !same_rights(self.session.principal(), fresh.principal()) {
            // Long answers under the old rights end; the next request has the new ones.
            self.session.end();
        }
        telemetry::refreshed(self.login, fresh.principal());
        Ok(())
    }

    /// The refresh token that was used may work no more: the new one is kept before anything can go wrong with the rest.
    async fn keep(&self, tokens: &Tokens) -> Result<u64, Failed> {
        let Some(token) = &tokens.refresh_token else { return Ok(self.version) };
        let rotated = self.session.keeping(SecretBytes::new(token.clone()));
        let kept = self.replace(self.version, rotated.clone()).await;
        if kept.is_err() && self.is_gone().await {
            // Who ended it knew the old token only. While it is there, another instance's token may hang on the same grant.
            ending::revoke_behind(self.login, &rotated);
        }
        kept
    }

    async fn is_gone(&self) -> bool {
        matches!(self.login.parts().store.load(&self.key).wait().await, Ok(None))
    }

    async fn replace(&self, version: u64, session: Session) -> Result<u64, Failed> {
        let put = self.login.parts().store.replace(&self.key, version, session).wait().await.map_err(text)?;
        put.ok_or_else(|| {
            Failed::Unavailable("the session was ended or refreshed elsewhere meanwhile".into())
        })
    }

    /// Another instance, to which the lease fell meanwhile, may have used the token first: then its session stands.
    async fn end(&self, version: u64, why: &str) -> Result<(), Unchanged> {
        let (login, session) = (self.login, &self.session);
        let removed = login.parts().store.remove(&self.key, Some(version)).wait().await.map_err(text)?;
        let Some(removed) = removed else {
            return Err(format!("the session was ended or refreshed elsewhere meanwhile: {why}"));
        };
        session.end();
        // Tokens that name no session may be of other devices, of which the refusal says nothing.
        ending::deny(login, session, SessionlessTokens::Keep);
        // The provider may have given a new refresh token before its ID token was refused.
        ending::revoke_behind(login, &removed);
        telemetry::refresh_refused(login, session.principal(), &why);
        Ok(())
    }
}

enum Failed {
    /// The session of this version must not go on.
    Refused(String, u64),
    /// Nobody knows; it goes on.
    Unavailable(String),
}

impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self::Unavailable(why)
    }
}

/// Why a new ID token vouches for nobody.
enum Unverified {
    /// It is not of the person, the app or the provider of this session.
    Refused(String),
    /// It can't be told: no key, another clock, something that can't be read.
    Unknown(String),
}

impl From<TokenError> for Unverified {
    fn from(error: TokenError) -> Self {
        match error.reason() {
            Reason::Issuer
            | Reason::Audience
            | Reason::Purpose
            | Reason::ClaimRule
            | Reason::MissingClaim => Self::Refused(error.to_string()),
            _ => Self::Unknown(error.to_string()),
        }
    }
}

impl From<UserinfoError> for Unverified {
    fn from(error: UserinfoError) -> Self {
        match error {
            UserinfoError::Refused(why) => Self::Refused(why),
            UserinfoError::Unavailable(why) => Self::Unknown(why),
        }
    }
}

async fn fresh(login: &Login, old: &Session, tokens: Tokens, now: Timestamp) -> Result<Session, Unverified> {
    let scope = within(tokens.scope.as_deref(), &old.grant().scope);
    let principal = person(login, old, &tokens, &scope).await?;
    let grant = Grant {
        refresh_at: refresh_at(now, tokens.expires_in),
        scope,
        id_token: tokens.id_token.map_or_else(|| old.grant().id_token.clone(), Into::into),
        refresh_token: tokens
            .refresh_token
            .map_or_else(|| old.grant().refresh_token.clone(), |token| Some(SecretBytes::new(token))),
    };
    Ok(old.refreshed(principal, grant))
}

/// The principal of the new ID token and of what userinfo adds. The old one stays while nothing about it changed, so that memo
/// tables and long answers that know it go on.
async fn person(login: &Login, old: &Session, tokens: &Tokens, scope: &str) -> Result<Principal, Unverified> {
    let parts = login.parts();
    if tokens.id_token.is_none() && !parts.userinfo {
        return Ok(old.principal().clone());
    }
    let endpoints = parts.provider.found().await.map_err(|error| Unverified::Unknown(text(error)))?;
    let payload = match &tokens.id_token {
        Some(id_token) => renewed(login, old, tokens, id_token, &endpoints).await?,
        // The one that the session began with says who it is; it was verified then.
        None => Compact::split(&old.grant().id_token)?.payload()?,
    };
    let _place =
        parts.provider.questions.acquire().await.map_err(|error| Unverified::Unknown(text(error)))?;
    let payload = userinfo::added(login, &endpoints, &tokens.access_token, payload).await?;
    let policy = parts.verifier.policy();
    let new = identity::person(&payload, policy, old.ends_at(), scope, Some(old.principal()))?;
    Ok(if same_rights(old.principal(), &new) { old.principal().clone() } else { new })
}

/// The payload of the new ID token (OpenID Connect Core 1.0 §12.2): it must be of the same person.
async fn renewed(
    login: &Login,
    old: &Session,
    tokens: &Tokens,
    id_token: &str,
    endpoints: &Endpoints,
) -> Result<String, Unverified> {
    let parts = login.parts();
    let expected = login.expected(None, &tokens.access_token, endpoints);
    let verified = id_token::verify(&parts.verifier, id_token, expected, None).await?;
    if !verified.same_subject(old.principal()) {
        return Err(Unverified::Refused("the new ID token is of somebody else".into()));
    }
    let (payload, policy) = (verified.claims().unwrap_or_default(), parts.verifier.policy());
    if let Some(before) = old.principal().claims() {
        id_token::check_kept(before, payload, policy)?;
    }
    Ok(payload.to_owned())
}

/// What is granted from now on: no more than before, whatever the provider says (RFC 6749 §6).
fn within(now: Option<&str>, before: &str) -> Box<str> {
    let Some(now) = now else { return before.into() };
    let granted = |scope: &&str| before.split_ascii_whitespace().any(|before| before == *scope);
    now.split_ascii_whitespace().filter(granted).collect::<Vec<_>>().join(" ").into()
}

/// Whether whatever decides by them decides the same.
fn same_rights(old: &Principal, new: &Principal) -> bool {
    old.tenant() == new.tenant()
        && old.acr() == new.acr()
        && old.session_id() == new.session_id()
        && old.auth_time() == new.auth_time()
        && old.roles().eq(new.roles())
        && old.groups().eq(new.groups())
        && old.scopes().eq(new.scopes())
        && old.amr().eq(new.amr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_widens_no_scope() {
        assert_eq!(&*within(None, "openid a"), "openid a");
        assert_eq!(&*within(Some("a  openid admin"), "openid a b"), "a openid");
        assert_eq!(&*within(Some(""), "openid"), "");
    }
}
