//! The end of a connection, as its server and its reader and writer tell each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Context;
use std::task::Waker;

use tokio::sync::Notify;

/// Shared by a connection's task and whoever has its bytes: hyper, and after an upgrade the app.
#[derive(Debug, Default)]
pub(super) struct Line {
    upgraded: AtomicBool,
    cut: AtomicBool,
    wakers: Mutex<[Option<Waker>; 2]>,
    closed: Notify,
}

/// Which half of a connection somebody waits for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Half {
    Reading = 0,
    Writing = 1,
}

impl Line {
    /// The bytes go to the app from here on.
    pub(super) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    pub(super) fn was_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    /// Whether the server has ended the connection; if not, who waits is woken when it does.
    pub(super) fn is_cut(&self, half: Half, cx: &Context<'_>) -> bool {
        // Before an upgrade the server drops whoever waits.
        if !self.was_upgraded() {
            return false;
        }
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut wakers[half as usize] {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
        self.cut.load(Ordering::Acquire)
    }

    fn cut(&self) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        self.cut.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut *wakers);
        drop(wakers);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// Nobody has the bytes any more.
    pub(super) fn close(&self) {
        self.closed.notify_one();
    }

    /// Resolves after [`Line::close`].
    pub(super) async fn closed(&self) {
        self.closed.notified().await;
    }
}

/// Cuts the line off when it goes.
pub(super) struct Cut<'a>(pub(super) &'a Line);

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        self.0.cut();
    }
}
