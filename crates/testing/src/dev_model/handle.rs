//! The handle of a running pretend API.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::state::State;
use super::{DevModelBuilder, ModelBill, ModelFault};
use crate::dev_server::Running;

/// A pretend paid model API in this process, for development and tests. It stops when it is dropped.
///
/// It has no model: it repeats the first twelve words of the user's last message and says that it does. What is real is the
/// shape of its answers, the bill and the failures.
///
/// | what | where |
/// |---|---|
/// | an answer with `usage`; with `"stream": true` as server-sent events, all sent at once, whose usage comes last if `stream_options.include_usage` asks for it | `POST /v1/chat/completions` |
/// | what was sold: `calls`, `prompt_tokens`, `completion_tokens`, `tokens` | `GET /dev/bill` |
/// | misbehaviour: `kind` (or `mode`), a name of [`ModelFault::from_name`]; `times`, the calls it lasts; `retry_after`, the seconds a 429 says; as JSON, form or query | `POST /dev/fault` |
///
/// It listens on loopback only, does not start in the production profile, and answers only requests whose `Host` is
/// loopback and that no web page of another origin sends. A body may have one mebibyte. What it refuses is not billed.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use gambeson_testing::{DevModel, ModelFault};
///
/// let model = DevModel::builder().key("dev-key").usage(1_000, 250).start().await.unwrap();
/// // The app calls `{model.url()}/v1/chat/completions` …
/// assert_eq!(model.bill().total_tokens(), 0);
/// model.fault_times(ModelFault::ServerError, 3);
/// // … and now three calls fail, and the fourth is answered.
/// # model.stop().await;
/// # });
/// ```
///
/// # Cancel safety
///
/// Dropping it closes the listener and all connections, at the next moment the runtime runs. A call whose caller goes away
/// after it was read is billed, as the real ones do.
#[must_use = "the pretend API stops when it is dropped"]
pub struct DevModel {
    pub(super) state: Arc<State>,
    pub(super) address: SocketAddr,
    pub(super) running: Running,
}

impl DevModel {
    /// A pretend model API to be.
    pub fn builder() -> DevModelBuilder {
        DevModelBuilder::new()
    }

    /// Its origin, for example `http://127.0.0.1:3002`, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.state.origin
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was sold since the start.
    #[must_use]
    pub fn bill(&self) -> ModelBill {
        self.state.bill()
    }

    /// How many calls came, refused and failed ones included; those of `/dev/*` are not counted.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.requests()
    }

    /// Misbehaves from now on.
    pub fn fault(&self, fault: ModelFault) {
        self.state.set_fault(fault, None);
    }

    /// Misbehaves for this many calls, and no longer.
    pub fn fault_times(&self, fault: ModelFault, times: u64) {
        self.state.set_fault(fault, Some(times));
    }

    /// Stops, and waits until the port is free and all connections are closed.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl fmt::Debug for DevModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevModel").field("url", &self.state.origin).finish_non_exhaustive()
    }
}
