//! A panic of the app becomes an answer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gambeson_core::{Rejection, RejectionClass};
use http::StatusCode;

use crate::PACKAGE;

/// What a panic said.
#[derive(Debug)]
pub(crate) struct Panicked(Box<str>);

impl Panicked {
    /// The message, for the log only.
    pub(crate) fn message(&self) -> &str {
        &self.0
    }
}

/// Runs `work` and catches its panic.
///
/// What panicked is dropped and never touched again, so nothing can see its broken state.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let panicked = Panicked(message(panic.as_ref()).into());
        drop_quietly(panic);
        panicked
    })
}

/// What a panic carries is any value, whose own drop may panic.
fn drop_quietly(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return text;
    }
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => "a panic without a message",
    }
}

/// The refusal that a panic becomes: nothing of it reaches the client.
pub(crate) fn rejection() -> Rejection {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Rejection::new(PACKAGE, RejectionClass::Bug, "panic", status)
}
