//! Work that may take so long.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// What comes of `work`, unless it is `late` before that.
pub(crate) async fn before<T>(late: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut late, mut work) = (pin!(late), pin!(work));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => late.as_mut().poll(context).map(|()| None),
    })
    .await
}
