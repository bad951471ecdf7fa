//! How sessions end: once begun it is carried through, though nobody waits for it any more.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Answer, RequestFacts, Spawn, Subject};
use tokio::sync::oneshot;

use super::handle::Login;
use super::session::{Session, SessionKey};
use super::store::{SessionStoreError, SessionStoreErrorKind, SessionsOf};
use super::telemetry;
use crate::denylist::Denial;

/// What becomes of access tokens that name no session (`sid`) when their person logs out: which log-in they are of can't be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum SessionlessTokens {
    /// All that the person was given until then end, those of other devices too, which get new ones by their refresh tokens. The
    /// default: who logs out is not to be called for any more.
    #[default]
    End,
    /// They work on to their own end.
    Keep,
}

/// How many log-outs may wait for the store to come back, and how often and after which first pause each tries again.
pub(super) const MOST_WAITING: usize = 64;
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Runs `work` to its end, also when the caller stops waiting for it; `None` when nothing could run it.
pub(super) async fn carried<T: Send + 'static>(
    spawn: &dyn Spawn,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (tell, told) = oneshot::channel();
    spawn.spawn(Box::pin(async move {
        // Nobody may be left to be told.
        let _ = tell.send(work.await);
    }));
    told.await.ok()
}

fn not_run() -> SessionStoreError {
    SessionStoreError::new(SessionStoreErrorKind::Unavailable).with_source("no runtime carries out the work")
}

/// Ends the session of a browser that logs out, its tokens at APIs, and, behind the answer, its refresh token at the provider. What it
/// was, if it was there. A store that is down is asked again for some minutes.
pub(super) async fn log_out(
    login: &Login,
    key: SessionKey,
    facts: &RequestFacts,
) -> Result<Option<Session>, SessionStoreError> {
    let later = match login.parts().store.remove(&key, None) {
        Answer::Ready(ended) => return removed(login, key, facts, ended),
        Answer::Pending(later) => later,
    };
    let (by, facts) = (login.clone(), facts.clone());
    let ended = carried(&*login.parts().spawn, async move { removed(&by, key, &facts, later.await) });
    ended.await.unwrap_or_else(|| Err(not_run()))
}

/// What the store's answer to a log-out leads to.
fn removed(
    login: &Login,
    key: SessionKey,
    facts: &RequestFacts,
    ended: Result<Option<Session>, SessionStoreError>,
) -> Result<Option<Session>, SessionStoreError> {
    match &ended {
        Ok(Some(session)) => ended_by_its_person(login, session, facts),
        Ok(None) => {}
        Err(error) => {
            telemetry::store_failed("log-out; it is tried again", error);
            try_again_behind(login, key, facts.clone());
        }
    }
    ended
}

fn ended_by_its_person(login: &Login, session: &Session, facts: &RequestFacts) {
    deny(login, session, login.parts().sessionless_tokens);
    telemetry::logged_out(login, session.principal(), facts);
    revoke_behind(login, session);
}

fn try_again_behind(login: &Login, key: SessionKey, facts: RequestFacts) {
    let Ok(place) = Arc::clone(&login.parts().waiting_log_outs).try_acquire_owned() else {
        return;
    };
    let by = login.clone();
    login.parts().spawn.spawn(Box::pin(async move {
        let (_place, parts) = (place, by.parts());
        for round in 0..TRIES {
            let pause = FIRST_PAUSE.saturating_mul(1 << round);
            parts.timer.until(parts.clock.monotonic().plus(pause)).await;
            if let Ok(ended) = parts.store.remove(&key, None).wait().await {
                ended.iter().for_each(|session| ended_by_its_person(&by, session, &facts));
                return;
            }
        }
    }));
}

/// Access tokens of a session that has ended, issued until now. The provider may go on with its log-in, and give good ones under the same
/// `sid` to who logs in again.
pub(super) fn deny(login: &Login, session: &Session, sessionless: SessionlessTokens) {
    let Some(list) = &login.parts().denylist else { return };
    let Subject { issuer, name } = session.subject();
    let end_sessionless = sessionless == SessionlessTokens::End;
    match session.provider_session() {
        Some(at_provider) => {
            let denial = Denial::session_so_far(&*at_provider.issuer, at_provider.sid);
            list.deny(&if end_sessionless {
                denial.and_subject(name.clone())
            } else {
                denial.whose(name.clone())
            });
        }
        None if end_sessionless => list.deny(&Denial::subject(&**issuer, name.clone())),
        None => {}
    }
}

/// The refresh token is of no more use here. What can't be revoked ends by itself: nobody waits or fails for it.
fn revoke_behind(login: &Login, session: &Session) {
    let Some(token) = session.grant().refresh_token.clone() else { return };
    let by = login.clone();
    login.parts().spawn.spawn(Box::pin(async move {
        let parts = by.parts();
        let text = String::from_utf8_lossy(token.expose());
        if let Err(error) = parts.provider.revoke(&parts.client, &text).await {
            telemetry::not_revoked(&error);
        }
    }));
}

/// Ends many sessions at once, and says how many there were.
pub(super) async fn end_all(login: &Login, of: SessionsOf) -> Result<u64, SessionStoreError> {
    let by = login.clone();
    let ended = carried(&*login.parts().spawn, async move { by.parts().store.end_all(&of).wait().await });
    ended.await.unwrap_or_else(|| Err(not_run()))
}
