//! One request of a browser: whose session is it?

use gambeson_core::{
    Answer, Authentication, BoxFuture, Challenges, Principal, Rejection, RejectionClass, RequestFacts,
    RequestHead,
};
use http::{StatusCode, header};

use super::handle::Login;
use super::refresh::refresh_behind;
use super::refusal;
use super::session::{Session, SessionKey};
use super::store::{SessionStoreError, StoredSession};
use super::telemetry;

/// What a store says about a key.
pub(super) type Loaded = Result<Option<StoredSession>, SessionStoreError>;

/// What is left to do with a request.
pub(super) enum Visit {
    /// It goes on; the facts say who it is.
    Pass,
    /// It does not.
    Refuse(Rejection),
    /// The store is asked.
    Wait(SessionKey, BoxFuture<Loaded>),
}

impl Login {
    /// With an `Authorization` field the cookie is not looked at: who sends a credential means that one.
    pub(super) fn visit(
        &self,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
        challenges: &Challenges,
    ) -> Visit {
        let key = match head.headers.contains_key(header::AUTHORIZATION) {
            true => None,
            false => self.session_key(head.headers),
        };
        let Some(key) = key else {
            nobody(facts, challenges);
            return Visit::Pass;
        };
        match self.parts().store.load(&key) {
            Answer::Ready(loaded) => match self.conclude(&key, loaded, facts, challenges) {
                Ok(()) => Visit::Pass,
                Err(rejection) => Visit::Refuse(rejection),
            },
            Answer::Pending(loading) => Visit::Wait(key, loading),
        }
    }

    /// What the store's answer means.
    pub(super) fn conclude(
        &self,
        key: &SessionKey,
        loaded: Loaded,
        facts: &RequestFacts,
        challenges: &Challenges,
    ) -> Result<(), Rejection> {
        let found = match loaded {
            Ok(found) => found,
            Err(error) => {
                nobody(facts, challenges);
                telemetry::store_failed("load", &error);
                return Err(noted(refusal::sessions_unavailable(error), facts));
            }
        };
        let now = self.now();
        match found {
            Some(found) if !found.session.is_over(found.last_seen, now) => {
                self.keep(key, &found);
                admit(found.session.principal().clone(), facts, challenges)
            }
            Some(found) => {
                self.expire(*key, &found.session, facts);
                nobody(facts, challenges);
                Ok(())
            }
            None => {
                nobody(facts, challenges);
                Ok(())
            }
        }
    }

    /// Notes the visit, not each one, and has the grant refreshed when it is time.
    fn keep(&self, key: &SessionKey, found: &StoredSession) {
        let now = self.now();
        if now.since(found.last_seen) >= found.session.touch_after() {
            let told = |outcome: Result<(), SessionStoreError>| {
                if let Err(error) = outcome {
                    telemetry::store_failed("touch", &error);
                }
            };
            match self.parts().store.touch(key, now) {
                Answer::Ready(outcome) => told(outcome),
                Answer::Pending(later) => {
                    self.parts().spawn.spawn(Box::pin(async move { told(later.await) }));
                }
            }
        }
        if found.session.wants_refresh(now) {
            refresh_behind(self, *key);
        }
    }

    fn expire(&self, key: SessionKey, session: &Session, facts: &RequestFacts) {
        session.end();
        let (login, session, facts) = (self.clone(), session.clone(), facts.clone());
        let told = move |removed: Result<Option<Session>, SessionStoreError>| match removed {
            Ok(Some(_)) => telemetry::expired(&login, session.principal(), &facts),
            Ok(None) => {}
            Err(error) => telemetry::store_failed("remove", &error),
        };
        match self.parts().store.remove(&key, None) {
            Answer::Ready(removed) => told(removed),
            Answer::Pending(later) => {
                self.parts().spawn.spawn(Box::pin(async move { told(later.await) }));
            }
        }
    }
}

fn nobody(facts: &RequestFacts, challenges: &Challenges) {
    let _ = facts.authenticate(Authentication::Anonymous(challenges.clone()));
}

fn admit(principal: Principal, facts: &RequestFacts, challenges: &Challenges) -> Result<(), Rejection> {
    let found = Authentication::Verified(principal, challenges.clone());
    facts.authenticate(found).map_err(|error| {
        let package = env!("CARGO_PKG_NAME");
        let rejection = Rejection::new(
            package,
            RejectionClass::Credential,
            "conflicting-credentials",
            StatusCode::BAD_REQUEST,
        );
        noted(rejection.detail("send one credential").cause(error), facts)
    })
}

fn noted(rejection: Rejection, facts: &RequestFacts) -> Rejection {
    facts.set_rejection(rejection.clone());
    rejection
}
