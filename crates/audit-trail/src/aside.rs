//! Blocking work beside the app's runtime.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gambeson_core::BoxFuture;

use crate::anchor::AnchorError;
use crate::ticket::Ticket;

/// Does blocking work in a thread of its own, one piece at a time: work that hangs takes one thread and no more. Clones share it.
///
/// Core has no seam for blocking work, and a heads' anchor works once a minute: a thread that ends with it costs nothing between.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aside {
    busy: Arc<AtomicBool>,
}

impl Aside {
    /// Begins `work`, whether or not the answer is waited for, unless other work is not done yet.
    pub(crate) fn run(
        &self,
        work: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> BoxFuture<Result<(), AnchorError>> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Box::pin(async { Err(AnchorError::Busy) });
        }
        let ticket = Ticket::new();
        let (answer, done) = (ticket.clone(), Done(self.busy.clone()));
        let thread = std::thread::Builder::new().name("audit-anchor".into()).spawn(move || {
            let worked = work().map_err(Arc::new);
            drop(done);
            answer.answer(worked);
        });
        Box::pin(async move {
            thread?;
            ticket.await.map_err(|error| AnchorError::Io(io::Error::new(error.kind(), error)))
        })
    }
}

/// Makes room for the next, whatever ends the work.
struct Done(Arc<AtomicBool>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll(answer: &mut BoxFuture<Result<(), AnchorError>>) -> Poll<Result<(), AnchorError>> {
        answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn work_that_hangs_holds_up_nobody_and_takes_one_thread() {
        let (go, gone) = channel::<()>();
        let aside = Aside::default();
        let mut hangs = aside.run(move || gone.recv().map_err(io::Error::other));
        assert!(poll(&mut hangs).is_pending());
        for _ in 0..100 {
            let mut next = aside.clone().run(|| Ok(()));
            assert!(matches!(poll(&mut next), Poll::Ready(Err(AnchorError::Busy))));
        }
        go.send(()).unwrap();
        hangs.await.unwrap();
        aside.run(|| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn work_that_fails_is_told_and_makes_room() {
        let aside = Aside::default();
        let full = || Err(io::Error::new(io::ErrorKind::StorageFull, "full"));
        let Err(AnchorError::Io(error)) = aside.run(full).await else { panic!("it failed") };
        assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::StorageFull, "full"));
        aside.run(|| Ok(())).await.unwrap();
    }
}
