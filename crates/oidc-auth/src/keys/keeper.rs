//! The one task that fetches: when its time has come, or when somebody waits for a key.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;

use gambeson_core::BoxFuture;
use tokio::sync::Notify;

use super::remote::Remote;

/// Says that a keeper is at work. A runtime that ends drops its tasks, and with this the next request starts another.
#[derive(Debug)]
pub(crate) struct AtWork(Arc<AtomicBool>);

impl AtWork {
    /// `None` when a keeper is at work already.
    pub(crate) fn begin(flag: &Arc<AtomicBool>) -> Option<Self> {
        (!flag.swap(true, Ordering::AcqRel)).then(|| Self(Arc::clone(flag)))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Fetches until the verifier is gone.
pub(super) fn keep(remote: Weak<Remote>, bell: Arc<Notify>, at_work: AtWork) -> BoxFuture<()> {
    Box::pin(async move {
        let _at_work = at_work;
        // The task holds the verifier's part only while it fetches: else it would keep itself alive.
        while let Some(pause) = remote.upgrade().map(|remote| remote.pause()) {
            match pause {
                Some(timer) => either(timer, bell.notified()).await,
                None => match remote.upgrade() {
                    Some(remote) => remote.refresh().await,
                    None => return,
                },
            }
        }
    })
}

/// Until one of both is over.
pub(crate) async fn either(mut first: BoxFuture<()>, second: impl Future<Output = ()>) {
    let mut second = pin!(second);
    poll_fn(|context| {
        if first.as_mut().poll(context).is_ready() || second.as_mut().poll(context).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
