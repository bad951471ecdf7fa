//! Keeping a session fresh behind its requests.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gambeson_core::{Principal, SecretBytes, Timestamp};

use super::callback::refresh_at;
use super::handle::Login;
use super::id_token;
use super::session::{Grant, Session, SessionKey};
use super::store::StoredSession;
use super::telemetry;
use crate::error::{TokenError, TokenErrorKind};
use crate::identity;
use crate::token_endpoint::{ExchangeError, Tokens};

/// For so long nobody else refreshes the same session; after a failure it is not tried again before.
const LEASE: Duration = Duration::from_secs(30);

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
    let now = login.now();
    let text = |error: super::store::SessionStoreError| error.to_string();
    let Some(StoredSession { session, version, .. }) = parts.store.load(&key).wait().await.map_err(text)?
    else {
        return Ok(());
    };
    let Some(token) = session.grant().refresh_token.clone().filter(|_| session.wants_refresh(now)) else {
        return Ok(());
    };
    // The lease goes through the store: of many instances one uses the refresh token, which may work only once.
    let leased = session.refreshing(now.plus(LEASE));
    let Some(version) = parts.store.replace(&key, version, leased).wait().await.map_err(text)? else {
        return Ok(());
    };
    match fresh(login, &session, &token, now).await {
        Ok(fresh) => {
            let same = same_rights(session.principal(), fresh.principal());
            let put = parts.store.replace(&key, version, fresh.clone()).wait().await.map_err(text)?;
            if put.is_none() {
                return Err("the session was ended or refreshed elsewhere meanwhile".into());
            }
            if !same {
                // Long answers under the old rights end; the next request has the new ones.
                session.end();
            }
            telemetry::refreshed(login, fresh.principal());
            Ok(())
        }
        Err(Failed::Unavailable(why)) => Err(why),
        Err(Failed::Refused(why)) => {
            // Another instance, to which the lease fell meanwhile, may have used the token first: then its session stands.
            if parts.store.remove(&key, Some(version)).wait().await.map_err(text)?.is_none() {
                return Err(format!("the session was ended or refreshed elsewhere meanwhile: {why}"));
            }
            session.end();
            telemetry::refresh_refused(login, session.principal(), &why);
            Ok(())
        }
    }
}

enum Failed {
    /// The session must not go on.
    Refused(String),
    /// Nobody knows; it goes on.
    Unavailable(String),
}

impl From<ExchangeError> for Failed {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Refused(text) => Self::Refused(text),
            ExchangeError::ClientRefused(text) | ExchangeError::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

impl From<TokenError> for Failed {
    fn from(error: TokenError) -> Self {
        match error.kind() {
            TokenErrorKind::KeysUnavailable => Self::Unavailable(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}

async fn fresh(login: &Login, old: &Session, token: &SecretBytes, now: Timestamp) -> Result<Session, Failed> {
    let parts = login.parts();
    let text = String::from_utf8_lossy(token.expose());
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*text)];
    let tokens = parts.provider.refresh(&parts.client, &form).await?;
    let scope: Box<str> = tokens.scope.as_deref().unwrap_or(&old.grant().scope).into();
    let principal = match &tokens.id_token {
        Some(id_token) => person(login, old, &tokens, id_token, &scope).await?,
        None => old.principal().clone(),
    };
    let grant = Grant {
        refresh_at: refresh_at(now, tokens.expires_in),
        scope,
        id_token: tokens.id_token.map_or_else(|| old.grant().id_token.clone(), Into::into),
        refresh_token: Some(tokens.refresh_token.map_or_else(|| token.clone(), SecretBytes::new)),
    };
    Ok(old.refreshed(principal, grant))
}

/// The principal of the new ID token (OpenID Connect Core 1.0 §12.2): it must be the same person. The old one stays while
/// nothing about it changed, so that memo tables and long answers that know it go on.
async fn person(
    login: &Login,
    old: &Session,
    tokens: &Tokens,
    id_token: &str,
    scope: &str,
) -> Result<Principal, Failed> {
    let parts = login.parts();
    let expected = login.expected(None, &tokens.access_token);
    let verified = id_token::verify(&parts.verifier, id_token, expected, None).await?;
    if !verified.same_subject(old.principal()) {
        return Err(Failed::Refused("the new ID token is of somebody else".into()));
    }
    let payload = verified.claims().unwrap_or_default();
    let new = identity::person(payload, parts.verifier.policy(), old.ends_at(), scope)?;
    Ok(if same_rights(old.principal(), &new) { old.principal().clone() } else { new })
}

/// Whether whatever decides by them decides the same.
fn same_rights(old: &Principal, new: &Principal) -> bool {
    old.tenant() == new.tenant()
        && old.acr() == new.acr()
        && old.auth_time() == new.auth_time()
        && old.roles().eq(new.roles())
        && old.groups().eq(new.groups())
        && old.scopes().eq(new.scopes())
        && old.amr().eq(new.amr())
}
