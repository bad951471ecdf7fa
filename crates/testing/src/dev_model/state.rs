//! What the pretend API's server and its handle share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gambeson_core::{Clock, Timestamp};
use subtle::ConstantTimeEq;

use super::{ModelBill, ModelFault};

/// What it was built with.
pub(super) struct Setup {
    pub(super) key: Option<String>,
    /// Prompt and completion tokens of every call.
    pub(super) usage: Option<(u64, u64)>,
    pub(super) clock: Arc<dyn Clock>,
}

pub(super) struct State {
    pub(super) origin: String,
    setup: Setup,
    changing: Mutex<Changing>,
}

#[derive(Default)]
struct Changing {
    bill: ModelBill,
    requests: u64,
    fault: ModelFault,
    /// Calls that the fault still has; None: all.
    left: Option<u64>,
}

impl State {
    pub(super) fn new(origin: String, setup: Setup) -> Self {
        Self { origin, setup, changing: Mutex::default() }
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.setup.clock.now()
    }

    pub(super) fn knows(&self, key: Option<&str>) -> bool {
        match (&self.setup.key, key) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(known), Some(sent)) => known.as_bytes().ct_eq(sent.as_bytes()).into(),
        }
    }

    /// Bills a call of this many words; gives its number and its prompt and completion tokens.
    pub(super) fn sell(&self, read: u64, written: u64) -> (u64, u64, u64) {
        let (prompt, completion) = self.setup.usage.unwrap_or((read, written));
        let bill = &mut self.changing().bill;
        bill.add(prompt, completion);
        (bill.calls, prompt, completion)
    }

    pub(super) fn bill(&self) -> ModelBill {
        self.changing().bill
    }

    pub(super) fn count(&self) {
        let requests = &mut self.changing().requests;
        *requests = requests.saturating_add(1);
    }

    pub(super) fn requests(&self) -> u64 {
        self.changing().requests
    }

    pub(super) fn set_fault(&self, fault: ModelFault, times: Option<u64>) {
        let mut changing = self.changing();
        (changing.fault, changing.left) = (fault, times);
    }

    /// The fault of the next call.
    pub(super) fn next_fault(&self) -> ModelFault {
        let mut changing = self.changing();
        match &mut changing.left {
            None => {}
            Some(0) => changing.fault = ModelFault::None,
            Some(left) => *left -= 1,
        }
        changing.fault
    }
}
