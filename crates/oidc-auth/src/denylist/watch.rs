//! Who is still being answered, so that a denial can end that.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gambeson_core::{EndSignal, Principal};

use super::{Denylist, Marks};
use crate::error::Reason;
use crate::jwt::Claims;

/// One entry for each long answer under way, so no more than there are connections for.
#[derive(Default)]
pub(super) struct Watchers(Mutex<Watched>);

#[derive(Default)]
struct Watched {
    next: u64,
    all: HashMap<u64, (Arc<Marks>, EndSignal)>,
}

/// A place among them. Dropping it gives it back.
pub(crate) struct Watch {
    denylist: Denylist,
    id: u64,
}

impl Watchers {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Denylist {
    /// Ends this caller's answers when a denial meets their credential; `None` where it says too little of itself to be met.
    pub(crate) fn watch(&self, caller: &Principal) -> Option<Watch> {
        let claims = Claims::verified(caller.claims()?).ok()?;
        let marks = Marks::read(self, &claims, caller.issuer()).ok()?;
        let mut watched = self.0.watchers.watched();
        let id = watched.next;
        watched.next = id.wrapping_add(1);
        watched.all.insert(id, (Arc::clone(&marks), caller.end_signal().clone()));
        drop(watched);
        // Denied between its verification and now: nobody was there to be told.
        if is_denied(&marks) {
            caller.end_signal().end();
        }
        Some(Watch { denylist: self.clone(), id })
    }

    /// Ends the answers that what was denied meets.
    pub(super) fn end_what_is_denied(&self) {
        let watched = self.0.watchers.watched();
        let denied = watched.all.values().filter(|(marks, _)| is_denied(marks));
        let ended: Vec<EndSignal> = denied.map(|(_, signal)| signal.clone()).collect();
        drop(watched);
        ended.iter().for_each(EndSignal::end);
    }
}

/// Not where nobody knows: who began in good faith is not cut off because a shared log is out of reach.
fn is_denied(marks: &Marks) -> bool {
    marks.check().is_err_and(|error| error.reason() == Reason::Revoked)
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _gone = self.denylist.0.watchers.watched().all.remove(&self.id);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::{ManualClock, Timestamp};

    use super::*;
    use crate::denylist::Denial;

    fn caller(claims: &str) -> Principal {
        Principal::user("https://id.example", "alice").claims(claims).build()
    }

    #[test]
    fn who_is_answered_is_known_for_so_long_and_told_at_once() {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
        let list = Denylist::builder().clock(Arc::new(clock)).build().unwrap();
        let known = || list.0.watchers.watched().all.len();
        let (alice, other) = (caller(r#"{"iat":990,"sid":"s1"}"#), caller(r#"{"iat":990,"sid":"s2"}"#));
        let watches = (list.watch(&alice), list.watch(&other));
        assert!(watches.0.is_some() && known() == 2);
        list.deny(&Denial::session("https://id.example", "s1"));
        assert!(alice.end_signal().has_ended() && !other.end_signal().has_ended());
        drop(watches);
        assert_eq!(known(), 0);
        let late = caller(r#"{"iat":990,"sid":"s1"}"#);
        let _watch = list.watch(&late);
        assert!(late.end_signal().has_ended(), "a denial that came before is told too");
        assert!(list.watch(&caller("{}")).is_none(), "without iat no denial can be held against it");
    }
}
