//! The layer under test, and what is known of it.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::BoxError;
use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::application::{Application, erase};
use super::{App, Caller, Check};
use crate::contract::TestBody;
use crate::contract::cases::MakeRequest;
use crate::contract::subject::AnyService;

/// Puts a layer around the application.
pub(super) type Build = Arc<dyn Fn(App) -> AnyService + Send + Sync>;
/// Makes a request of a caller.
pub(super) type MakeCaller = Arc<dyn Fn(&Caller) -> Request<TestBody> + Send + Sync>;
/// Reads the policy, for as long as what it gives is kept.
pub(super) type Read = Arc<dyn Fn() -> Box<dyn Any> + Send + Sync>;
#[cfg(feature = "adopt-axum")]
type OnRouter = Arc<dyn Fn(axum::Router) -> axum::Router + Send + Sync>;

/// One cell of the table of routes and callers.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) name: String,
    pub(super) passes: bool,
    pub(super) request: MakeRequest,
}

/// What checks need to know.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) build: Build,
    pub(super) allowed: MakeRequest,
    pub(super) refused: MakeRequest,
    pub(super) nobody: Option<MakeRequest>,
    pub(super) undecidable: Option<MakeRequest>,
    pub(super) cells: Vec<Cell>,
    pub(super) callers: Option<(String, MakeCaller)>,
    pub(super) reload: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(super) read: Option<Read>,
    pub(super) wider: Option<Build>,
    pub(super) empty: Option<Build>,
    #[cfg(feature = "adopt-axum")]
    pub(super) router: Option<(String, OnRouter)>,
    pub(super) excepted: Vec<(Check, &'static str)>,
}

/// The layer under test, with requests of which is known what must become of them.
///
/// Requests come as an authentication layer would pass them on: with what it leaves in headers or extensions.
#[derive(Clone)]
pub struct Guard<A = App> {
    pub(super) plan: Plan,
    around: PhantomData<fn() -> A>,
}

fn requests<B: Into<TestBody>>(make: impl Fn() -> Request<B> + Send + Sync + 'static) -> MakeRequest {
    Arc::new(move || make().map(Into::into))
}

fn build<A, S, B>(around: impl Fn(A) -> S + Send + Sync + 'static) -> Build
where
    A: Application,
    S: Service<Request<A::Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send + 'static>,
    S: Clone + Send + Sync + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    Arc::new(move |app| erase::<A, S, B>(around(A::of(app))))
}

impl<A: Application> Guard<A> {
    /// The layer, put around an application; what `allowed` makes must pass, what `refused` makes is of a caller who may not.
    ///
    /// `around` is called for each check. What is shared by layers of one process (a policy, a cache) should be shared by
    /// what it makes, so that it is checked too.
    pub fn new<S, B, P: Into<TestBody>, R: Into<TestBody>>(
        around: impl Fn(A) -> S + Send + Sync + 'static,
        allowed: impl Fn() -> Request<P> + Send + Sync + 'static,
        refused: impl Fn() -> Request<R> + Send + Sync + 'static,
    ) -> Self
    where
        S: Service<Request<A::Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send + 'static>,
        S: Clone + Send + Sync + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let plan = Plan {
            build: build(around),
            allowed: requests(allowed),
            refused: requests(refused),
            nobody: None,
            undecidable: None,
            cells: Vec::new(),
            callers: None,
            reload: None,
            read: None,
            wider: None,
            empty: None,
            #[cfg(feature = "adopt-axum")]
            router: None,
            excepted: Vec::new(),
        };
        Self { plan, around: PhantomData }
    }

    /// What `nobody` makes comes with no credential, or with none that counts. For [`Check::Statuses`].
    #[must_use]
    pub fn nobody<B: Into<TestBody>>(
        mut self,
        nobody: impl Fn() -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        self.plan.nobody = Some(requests(nobody));
        self
    }

    /// What `undecidable` makes can't be decided: the groups of its caller are not known, a store does not answer, what must
    /// be on record can't be. For [`Check::Undecidable`].
    #[must_use]
    pub fn undecidable<B: Into<TestBody>>(
        mut self,
        undecidable: impl Fn() -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        self.plan.undecidable = Some(requests(undecidable));
        self
    }

    /// A cell of the table: a request of this kind must pass (`passes`), or be refused. For [`Check::Cells`], which holds
    /// for `allowed` and `refused` too.
    #[must_use]
    pub fn cell<B: Into<TestBody>>(
        mut self,
        name: impl Into<String>,
        passes: bool,
        request: impl Fn() -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        self.plan.cells.push(Cell { name: name.into(), passes, request: requests(request) });
        self
    }

    /// How a request of any caller is made, on a route where the role `granting`, and nothing else that is said of a caller,
    /// lets through. For [`Check::CacheKeys`].
    #[must_use]
    pub fn callers<B: Into<TestBody>>(
        mut self,
        granting: impl Into<String>,
        request: impl Fn(&Caller) -> Request<B> + Send + Sync + 'static,
    ) -> Self {
        let make: MakeCaller = Arc::new(move |caller| request(caller).map(Into::into));
        self.plan.callers = Some((granting.into(), make));
        self
    }

    /// Loads the policy anew, by which all must be decided as before. Called by a thread of its own, again and again, while
    /// 64 tasks send requests. For [`Check::NoGlobalLock`].
    #[must_use]
    pub fn reload(mut self, reload: impl Fn() + Send + Sync + 'static) -> Self {
        self.plan.reload = Some(Arc::new(reload));
        self
    }

    /// Reads the policy as an admin page or an exporter would, for as long as what it gives is kept: the guard of a lock,
    /// a snapshot. Requests must be decided meanwhile. For [`Check::NoGlobalLock`]; may be left out.
    #[must_use]
    pub fn reading<T: 'static>(mut self, read: impl Fn() -> T + Send + Sync + 'static) -> Self {
        self.plan.read = Some(Arc::new(move || Box::new(read())));
        self
    }

    /// A layer of the same kind that lets `refused` through too. For [`Check::OnlyNarrows`].
    #[must_use]
    pub fn wider<S, B>(mut self, around: impl Fn(A) -> S + Send + Sync + 'static) -> Self
    where
        S: Service<Request<A::Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send + 'static>,
        S: Clone + Send + Sync + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.plan.wider = Some(build(around));
        self
    }

    /// A layer of the same kind whose requirement is empty: a list of no roles, a rule without a condition. For
    /// [`Check::EmptyRequirement`]; where there is no such layer, except the check.
    #[must_use]
    pub fn empty_requirement<S, B>(mut self, around: impl Fn(A) -> S + Send + Sync + 'static) -> Self
    where
        S: Service<Request<A::Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send + 'static>,
        S: Clone + Send + Sync + 'static,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.plan.empty = Some(build(around));
        self
    }

    /// Puts the layer on an axum router that has `template` as its only named route, which is that of `allowed`; beside it
    /// are a service mounted with `nest_service` and a fallback. For [`Check::UnnamedRoute`].
    #[cfg(feature = "adopt-axum")]
    #[must_use]
    pub fn on_router(
        mut self,
        template: impl Into<String>,
        put: impl Fn(axum::Router) -> axum::Router + Send + Sync + 'static,
    ) -> Self {
        self.plan.router = Some((template.into(), Arc::new(put)));
        self
    }

    /// Leaves a check out, for a reason that a reader of the test accepts.
    #[must_use]
    pub fn except(mut self, check: Check, reason: &'static str) -> Self {
        self.plan.excepted.push((check, reason));
        self
    }
}

impl<A> fmt::Debug for Guard<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<&str> = self.plan.cells.iter().map(|cell| &*cell.name).collect();
        f.debug_struct("Guard")
            .field("cells", &cells)
            .field("excepted", &self.plan.excepted)
            .finish_non_exhaustive()
    }
}
