//! What every authorization layer must do, executable.
//!
//! [`check`] puts a layer that lets through or refuses in front of applications that punish mistakes, and sends requests of
//! which is known what must become of them. It works for any `tower` layer of HTTP services, whatever it decides by; whether
//! the layer keeps the laws of layers as such is for [`contract`](crate::contract) to say.
//!
//! | check | what must hold |
//! |---|---|
//! | [`Check::Cells`] | each cell of the table of routes and callers is refused or let through as it was said, whatever came before it |
//! | [`Check::DecidesFirst`] | what is refused never reaches `call` of what is behind: a service that starts its work there, a `Buffer`, a spawned task, a client's connection |
//! | [`Check::Readiness`] | the instance that was polled ready is called: under `ConcurrencyLimit`, `Buffer`, `LoadShed`, `RateLimit` |
//! | [`Check::NoGlobalLock`] | a slow request, a reader of the policy and its reload under 64 tasks keep nobody waiting, and nothing is decided wrongly meanwhile |
//! | [`Check::Statuses`] | 401 with `WWW-Authenticate` for nobody, 403 for one who may not; gRPC codes 16 and 7 |
//! | [`Check::Undecidable`] | 503 for what can't be decided; gRPC code 14 |
//! | [`Check::CacheKeys`] | callers who resemble each other (two issuers, other roles, shifted separators, …) are not mixed up |
//! | [`Check::EmptyRequirement`] | a requirement of nothing lets nobody through |
//! | [`Check::OnlyNarrows`] | two layers, in either order, refuse what one of them refuses |
//! | [`Check::UnnamedRoute`] | behind axum's `nest_service` and in a fallback, where no route is named, nobody gets in (feature `adopt-axum`) |
//!
//! What a check needs is said with the methods of [`Guard`]. A check that can't be made for want of it is a finding too, so that
//! nothing is left out by oversight; [`Guard::except`] leaves it out for a reason.
//!
//! # Example
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//! # runtime.block_on(async {
//! use gambeson_testing::authorization::{self, App, Check, Guard};
//! use http::{Request, Response, StatusCode};
//! use tower::{BoxError, Service, ServiceExt};
//! use gambeson_testing::contract::TestBody;
//!
//! // Any guard: this one goes by a header that the layer outside of it has set.
//! #[derive(Clone)]
//! struct Gate(App);
//!
//! impl Service<Request<TestBody>> for Gate {
//!     type Response = Response<TestBody>;
//!     type Error = BoxError;
//!     type Future = <App as Service<Request<TestBody>>>::Future;
//!
//!     fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), BoxError>> {
//!         Service::<Request<TestBody>>::poll_ready(&mut self.0, cx)
//!     }
//!
//!     fn call(&mut self, request: Request<TestBody>) -> Self::Future {
//!         let refusal = Response::builder();
//!         let refusal = match request.headers().get("x-role").map(|role| role.as_bytes()) {
//!             Some(b"viewer") => return self.0.call(request),
//!             Some(_) => refusal.status(StatusCode::FORBIDDEN),
//!             None => refusal.status(StatusCode::UNAUTHORIZED).header("www-authenticate", "Bearer"),
//!         };
//!         let refusal = refusal.body(TestBody::empty());
//!         Box::pin(async move { Ok(refusal?) })
//!     }
//! }
//!
//! // The test.
//! let of = |role: &'static str| move || Request::get("/notes").header("x-role", role).body(()).unwrap();
//! let guard = Guard::new(Gate, of("viewer"), of("guest"))
//!     .nobody(|| Request::get("/notes").body(()).unwrap())
//!     .cell("a role in another case", false, of("Viewer"))
//!     .wider(|app: App| app)
//!     .callers("viewer", |caller| {
//!         let role = caller.roles.iter().find(|role| *role == "viewer").cloned();
//!         Request::get("/notes").header("x-role", role.unwrap_or("none".into())).body(()).unwrap()
//!     })
//!     .except(Check::NoGlobalLock, "its policy is code")
//!     .except(Check::Undecidable, "it decides by what is in the request")
//!     .except(Check::EmptyRequirement, "it has one requirement")
//!     .except(Check::UnnamedRoute, "it is the same for all routes");
//! authorization::check(&guard).await;
//! # });
//! ```
//!
//! # What the checks can't see
//!
//! Who is calling: requests come as an authentication layer would pass them on. How long a decision takes. A lock that is held
//! only while a decision is made, unless [`Guard::reading`] takes part in it.
//!
//! # Cancel safety
//!
//! The checks need a tokio runtime with time enabled (`#[tokio::test]`; with `flavor = "multi_thread"` the 64 tasks run side by
//! side). Dropping a check half-way is harmless.

mod app;
mod application;
#[cfg(feature = "adopt-axum")]
mod axum_app;
mod caller;
mod checks;
mod guard;
mod inners;
mod report;
mod site;

pub use app::App;
pub use application::Application;
#[cfg(feature = "adopt-axum")]
pub use axum_app::AxumApp;
pub use caller::Caller;
pub use guard::Guard;
pub use report::{Check, Finding, Report};

use checks::Fault;

/// Makes all checks, and panics with the list of rules that the layer breaks, and of those that could not be checked.
pub async fn check<A: Application>(guard: &Guard<A>) {
    let report = examine(guard).await;
    assert!(report.is_sound(), "{report}");
}

/// Makes all checks, and says what they found.
pub async fn examine<A: Application>(guard: &Guard<A>) -> Report {
    let mut report = Report::default();
    for check in Check::ALL {
        if guard.plan.excepted.iter().any(|(excepted, _)| *excepted == check) {
            continue;
        }
        let (what, untried) = match checks::run(check, &guard.plan).await {
            Ok(()) => continue,
            Err(Fault::Broken(what)) => (what, false),
            Err(Fault::Untried(how)) => (format!("not tried: {how}"), true),
        };
        report.findings.push(Finding { check, what, untried });
    }
    report
}
