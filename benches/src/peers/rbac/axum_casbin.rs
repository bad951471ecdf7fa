//! axum-casbin's layer in front of an app that hands the request back, with axum's bodies.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum_casbin::casbin::{DefaultModel, MemoryAdapter, MgmtApi as _, RbacApi as _};
use axum_casbin::{CasbinAxumLayer, CasbinVals};
use http::{Request, Response, StatusCode};
use tower::{Layer as _, Service};

use super::casbin::MODEL;
use crate::Run;
use crate::drive::call;

pub(super) const NAME: &str = "axum-casbin";

type Body = axum::body::Body;

/// As `drive::Recycle`, for a layer that asks for a service which can go to another thread.
#[derive(Debug, Clone, Default)]
struct Recycle(Arc<Mutex<Option<Request<Body>>>>);

impl Recycle {
    fn take(&self) -> Option<Request<Body>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Service<Request<Body>> for Recycle {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(request);
        ready(Ok(Response::new(Body::empty())))
    }
}

pub(super) fn passing() -> Run {
    run("alice", StatusCode::OK)
}

pub(super) fn refusing() -> Run {
    run("guest", StatusCode::FORBIDDEN)
}

/// Of ten roles, `role3` may `GET /notes`; alice has it, `role1` and `role2`, and guest only these.
fn run(subject: &str, status: StatusCode) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let layer = runtime.block_on(async {
        let model = DefaultModel::from_str(MODEL).await.expect("a model");
        let layer = CasbinAxumLayer::new(model, MemoryAdapter::default()).await.expect("a layer");
        let mut enforcer = layer.write().await;
        for n in 0..10 {
            let path = if n == 3 { "/notes".to_owned() } else { format!("/thing{n}") };
            let rule = vec![format!("role{n}"), path, "GET".to_owned()];
            assert!(enforcer.add_policy(rule).await.is_ok_and(|added| added), "the rule is new");
        }
        for (user, role) in [("alice", 3), ("alice", 1), ("alice", 2), ("guest", 1), ("guest", 2)] {
            let added = enforcer.add_role_for_user(user, &format!("role{role}"), None).await;
            assert!(added.is_ok_and(|added| added), "the role is new");
        }
        drop(enforcer);
        layer
    });
    let app = Recycle::default();
    let mut service = layer.layer(app.clone());
    let vals = CasbinVals { subject: subject.to_owned(), domain: None };
    let request = Request::get("/notes").extension(vals).body(Body::empty()).expect("a request");
    let mut request = Some(request);
    let mut turn = move || {
        let status = call(&mut service, request.take().expect("there is a request"));
        request = app.take();
        status
    };
    assert_eq!(turn(), status, "the case answers what it says");
    Box::new(move || {
        black_box(turn());
    })
}
