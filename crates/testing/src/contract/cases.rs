//! The requests that a layer is probed with.

use std::fmt;
use std::sync::Arc;

use http::Request;

use super::{Probe, TestBody};

/// Makes a request, freshly each time: what layers leave in a request's extensions must not leak into the next one.
pub(crate) type MakeRequest = Arc<dyn Fn() -> Request<TestBody> + Send + Sync>;

/// The requests that a layer is probed with: one that must pass, and one that must be refused.
#[derive(Clone)]
pub struct Cases {
    pub(crate) pass: MakeRequest,
    pub(crate) refuse: Option<MakeRequest>,
    pub(crate) excepted: Vec<(Probe, &'static str)>,
}

impl Cases {
    /// Every request that `pass` makes must pass.
    pub fn passing<B: Into<TestBody>>(pass: impl Fn() -> Request<B> + Send + Sync + 'static) -> Self {
        Self { pass: Arc::new(move || pass().map(Into::into)), refuse: None, excepted: Vec::new() }
    }

    /// Every request that `refuse` makes must be refused, the first one already.
    ///
    /// For a layer that has to be built in another way to refuse (a limit of none), see [`check_refusal`](super::check_refusal).
    #[must_use]
    pub fn refusing<B: Into<TestBody>>(
        mut self,
        refuse: impl Fn() -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        self.refuse = Some(Arc::new(move || refuse().map(Into::into)));
        self
    }

    /// Leaves a probe out, for a reason that a reader of the test accepts.
    #[must_use]
    pub fn except(mut self, probe: Probe, reason: &'static str) -> Self {
        self.excepted.push((probe, reason));
        self
    }
}

impl fmt::Debug for Cases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cases")
            .field("refuses", &self.refuse.is_some())
            .field("excepted", &self.excepted)
            .finish_non_exhaustive()
    }
}
