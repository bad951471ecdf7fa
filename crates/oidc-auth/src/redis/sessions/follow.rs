//! Hearing of sessions that other instances have ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use gambeson_core::Monotonic;

use super::super::log::{Entry, Page, Place};
use super::super::telemetry;
use super::Inner;
use crate::keys::AtWork;
use crate::login::SessionKey;

/// Where this instance has read the log to.
#[derive(Default)]
pub(super) struct Following {
    at_work: Arc<AtomicBool>,
    in_trouble: AtomicBool,
}

impl Inner {
    /// Starts the task that follows the log, if none is at work. A runtime that ended took the last one with it.
    pub(super) fn keep_following(self: &Arc<Self>) {
        if self.following.at_work.load(Ordering::Acquire) {
            return;
        }
        let Some(at_work) = AtWork::begin(&self.following.at_work) else { return };
        self.link.parts().spawn.spawn(Box::pin(follow(Arc::downgrade(self), at_work)));
    }

    async fn turn(&self, read_to: &mut Option<Place>) {
        let was = self.following.in_trouble.load(Ordering::Relaxed);
        let outcome = self.hear(read_to).await;
        self.following.in_trouble.store(outcome.is_err(), Ordering::Relaxed);
        if let Err(error) = outcome
            && !was
        {
            telemetry::failed("sessions that ended", &error);
        }
    }

    async fn hear(&self, read_to: &mut Option<Place>) -> Result<(), super::super::link::LinkError> {
        let mut is_first = true;
        loop {
            let page = self.log.read(*read_to).await?;
            if page.is_anew {
                telemetry::ends_lost();
                self.known.end_all();
            }
            *read_to = Some(page.end);
            if std::mem::take(&mut is_first) {
                self.known.turn();
            }
            self.apply(&page);
            if !page.has_more {
                return Ok(());
            }
        }
    }

    fn apply(&self, page: &Page) {
        for (key, version) in page.entries.iter().filter_map(read) {
            match version {
                None => self.known.end(&key),
                Some(version) => self.known.end_before(&key, version),
            }
        }
    }

    fn next_turn(&self) -> Monotonic {
        self.link.parts().clock.monotonic().plus(self.settings.poll_every)
    }
}

async fn follow(sessions: Weak<Inner>, at_work: AtWork) {
    let _at_work = at_work;
    let mut read_to = None;
    // The task holds the store only for its turn: else it would keep it alive.
    while let Some(store) = sessions.upgrade() {
        store.turn(&mut read_to).await;
        let pause = store.link.parts().timer.until(store.next_turn());
        drop(store);
        pause.await;
    }
}

/// The session, and from which version on it is another's; `None`: it is gone.
fn read(entry: &Entry) -> Option<(SessionKey, Option<u64>)> {
    let (key, what) = entry.text.split_once(':')?;
    let version = match what {
        "gone" => None,
        version => Some(version.parse().ok()?),
    };
    Some((super::key_of(key)?, version))
}
