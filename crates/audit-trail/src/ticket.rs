//! An answer that another thread will give.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A place for one answer. Clones share it; the first answer stays.
#[derive(Debug)]
pub(crate) struct Ticket<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    given: Condvar,
}

#[derive(Debug)]
struct State<T> {
    answer: Option<T>,
    wakers: Vec<Waker>,
}

impl<T> Clone for Ticket<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone> Ticket<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State { answer: None, wakers: Vec::new() }),
            given: Condvar::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the answer, unless there is one.
    pub(crate) fn answer(&self, answer: T) {
        let mut state = self.state();
        state.answer.get_or_insert(answer);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.0.given.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Blocks until there is an answer, at most for `longest`.
    pub(crate) fn wait(&self, longest: Duration) -> Option<T> {
        let (state, _) = self
            .0
            .given
            .wait_timeout_while(self.state(), longest, |state| state.answer.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.answer.clone()
    }
}

impl<T: Clone> Future for Ticket<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut state = self.state();
        match state.answer.clone() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.wakers.retain(|waker| !waker.will_wake(context.waker()));
                state.wakers.push(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_stays() {
        let ticket = Ticket::new();
        assert_eq!(ticket.wait(Duration::ZERO), None);
        let other = ticket.clone();
        std::thread::spawn(move || other.answer(1)).join().unwrap();
        ticket.answer(2);
        assert_eq!(ticket.wait(Duration::ZERO), Some(1));
    }
}
