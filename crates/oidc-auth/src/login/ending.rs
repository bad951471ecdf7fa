//! How sessions end: once begun it is carried through, though nobody waits for it any more.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{RequestFacts, Spawn, Subject};
use tokio::sync::oneshot;

use super::begin::network;
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

/// How many log-outs may wait for the store to come back, and how many of one network; how often and after which first pause each tries
/// again.
pub(super) const WAITING: (usize, usize) = (256, 16);
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

/// Why a log-out is not done yet, and whether it is tried again.
pub(super) struct Unfinished {
    pub(super) error: SessionStoreError,
    pub(super) is_tried_again: bool,
}

/// Ends the session of a browser that logs out, its tokens at APIs, and, behind the answer, its refresh token at the provider. What it
/// was, if it was there. A store that is down is asked again for some minutes.
pub(super) async fn log_out(
    login: &Login,
    key: SessionKey,
    facts: &RequestFacts,
) -> Result<Option<Session>, Unfinished> {
    let log_out = LogOut { login: login.clone(), key, facts: facts.clone(), known: None };
    let mut work = Box::pin(log_out.begin());
    // A store in this process answers at once, and needs nobody who carries it through.
    if let Poll::Ready(ended) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
        return ended;
    }
    let ended = carried(&*login.parts().spawn, work).await;
    ended.unwrap_or_else(|| Err(Unfinished { error: not_run(), is_tried_again: false }))
}

/// A log-out until its session is gone.
struct LogOut {
    login: Login,
    key: SessionKey,
    facts: RequestFacts,
    /// The session as it was before it was to be removed: a store may do that and its answer be lost.
    known: Option<Session>,
}

impl LogOut {
    async fn begin(mut self) -> Result<Option<Session>, Unfinished> {
        match self.remove().await {
            Ok(session) => Ok(self.ended(session)),
            Err(error) => {
                telemetry::store_failed("log-out", &error);
                Err(Unfinished { error, is_tried_again: self.try_again_behind() })
            }
        }
    }

    async fn remove(&mut self) -> Result<Option<Session>, SessionStoreError> {
        let store = &self.login.parts().store;
        if self.known.is_none() {
            self.known = store.load(&self.key).wait().await?.map(|found| found.session);
        }
        store.remove(&self.key, None).wait().await
    }

    fn ended(&self, session: Option<Session>) -> Option<Session> {
        let (login, session) = (&self.login, session?);
        deny(login, &session, login.parts().sessionless_tokens);
        telemetry::logged_out(login, session.principal(), &self.facts);
        revoke_behind(login, &session);
        Some(session)
    }

    /// Whether there was a place for it: strangers, too, can send what looks like a session.
    fn try_again_behind(mut self) -> bool {
        let parts = self.login.parts();
        let Some(place) = parts.waiting_log_outs.enter_behind(network(&self.facts)) else {
            telemetry::log_out_given_up("no place is left among those that wait for the session store");
            return false;
        };
        let spawn = Arc::clone(&parts.spawn);
        spawn.spawn(Box::pin(async move {
            let _place = place;
            self.try_again().await;
        }));
        true
    }

    async fn try_again(&mut self) {
        for round in 0..TRIES {
            let parts = self.login.parts();
            let pause = FIRST_PAUSE.saturating_mul(1 << round);
            parts.timer.until(parts.clock.monotonic().plus(pause)).await;
            if let Ok(session) = self.remove().await {
                // Gone at an earlier try, of which the answer was lost.
                let session = session.or_else(|| self.known.take().inspect(Session::end));
                self.ended(session);
                return;
            }
        }
        telemetry::log_out_given_up("the session store stayed away");
    }
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
pub(super) fn revoke_behind(login: &Login, session: &Session) {
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
    let ended =
        carried(&*login.parts().spawn, async move { by.parts().store.end_all(&of, None).wait().await });
    ended.await.unwrap_or_else(|| Err(not_run()))
}
