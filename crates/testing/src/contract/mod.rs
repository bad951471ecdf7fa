//! The laws of a layer, executable.
//!
//! [`check`] puts a layer around an instrumented [`Inner`] service and looks whether it keeps the laws that every
//! layer of Gambeson keeps: it forwards readiness and calls the instance that was polled ready, its clones are
//! cheap and unready, a request that is refused never reaches the inner service's `call` (which may start work
//! there), errors pass, a future or body dropped at any point leaves nothing behind, and no body type is required
//! that another layer may wrap. It works for any `tower` layer of HTTP services, also for those that come from elsewhere.
//!
//! # Example
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//! # runtime.block_on(async {
//! use gambeson_testing::contract::{self, Cases};
//! use http::Request;
//!
//! // Any layer: this one changes nothing.
//! let layer = || tower::layer::util::Identity::new();
//! contract::check(layer, Cases::passing(|| Request::get("/notes").body(()).unwrap())).await;
//! # });
//! ```
//!
//! The [crate's page](crate) has a whole layer that refuses, with its check. Where a law does not hold on purpose,
//! [`Cases::except`] leaves its probe out for a reason; [`examine`] gives the findings instead of panicking.
//!
//! # What types say already
//!
//! [`InboundLayer`] holds of every layer that [`check`] accepts: the layer is `Clone + Send + Sync + 'static`, its service
//! too, its future is `Send`, its error type is the inner service's, and it compiles around and inside of [`WrapBodyLayer`].
//! The module `adopt` (features `adopt-axum`, `adopt-hyper`, `adopt-tonic`) puts the layer into the frameworks themselves.
//!
//! # What the probes can't see
//!
//! Locks held over an await, allocations on the warm path, and a limit that waits where it should refuse.
//!
//! # Cancel safety
//!
//! The probes need a tokio runtime with time enabled (`#[tokio::test]`), for the deadline after which a future counts as
//! stuck (10 s). Dropping a check half-way is harmless.

#[cfg(any(feature = "adopt-axum", feature = "adopt-hyper", feature = "adopt-tonic"))]
pub mod adopt;
mod body;
pub(crate) mod cases;
pub(crate) mod drive;
mod inner;
mod probes;
mod report;
pub(crate) mod subject;
pub(crate) mod tower_inner;
mod wrap;

use gambeson_core::BoxError;
use http::Request;

pub use body::TestBody;
pub use cases::Cases;
pub use inner::{Inner, InnerError, InnerFuture, Seen};
pub use report::{Finding, Probe, Report};
pub use subject::{InboundLayer, OutboundLayer};
pub use wrap::{WrapBody, WrapBodyLayer, WrapFuture, WrapRequestBody, WrapResponseBody};

use subject::Subject;

/// Runs all probes on a layer for servers, and panics with the list of laws that it breaks.
///
/// `layer` is called for each probe, so that what a layer counts starts anew; a layer that was made once is cloned there.
pub async fn check<L: InboundLayer>(layer: impl Fn() -> L + Send + Sync + 'static, cases: Cases) {
    let report = examine(layer, cases).await;
    assert!(report.is_sound(), "{report}");
}

/// Runs all probes on a layer for servers, and says what they found.
pub async fn examine<L: InboundLayer>(layer: impl Fn() -> L + Send + Sync + 'static, cases: Cases) -> Report {
    run_all(&Subject::new::<L, InnerError>(layer), &cases).await
}

/// Runs all probes on a layer for clients, and panics with the list of laws that it breaks.
///
/// Its refusals are core's `Refused`, found in the error by downcast.
pub async fn check_outbound<L: OutboundLayer>(layer: impl Fn() -> L + Send + Sync + 'static, cases: Cases) {
    let report = examine_outbound(layer, cases).await;
    assert!(report.is_sound(), "{report}");
}

/// Runs all probes on a layer for clients, and says what they found.
pub async fn examine_outbound<L: OutboundLayer>(
    layer: impl Fn() -> L + Send + Sync + 'static,
    cases: Cases,
) -> Report {
    run_all(&Subject::new::<L, BoxError>(layer), &cases).await
}

/// Runs the probe [`Probe::Refusal`] alone, plainly and around body-wrapping layers, and panics if it finds something.
///
/// For layers that are built in another way to refuse than to pass, such as a limit of none.
pub async fn check_refusal<L: InboundLayer, B: Into<TestBody>>(
    layer: impl Fn() -> L + Send + Sync + 'static,
    request: impl Fn() -> Request<B> + Send + Sync + 'static,
) {
    let cases = Cases::passing(request);
    let subject = Subject::new::<L, InnerError>(layer);
    let mut report = Report::default();
    for build in [&subject.plain, &subject.inside, &subject.around] {
        if let Err(what) = probes::refuses(build, &cases.pass).await {
            let probe = Probe::Refusal;
            report.findings.push(Finding { probe, what });
        }
    }
    assert!(report.is_sound(), "{report}");
}

async fn run_all(subject: &Subject, cases: &Cases) -> Report {
    let mut report = Report::default();
    for probe in Probe::ALL {
        if cases.excepted.iter().any(|(excepted, _)| *excepted == probe) {
            continue;
        }
        if let Err(what) = probes::run(probe, subject, cases).await {
            report.findings.push(Finding { probe, what });
        }
    }
    report
}
