//! Handlers that decide upon the record, and the proof that they do.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{FromRequestParts, Request, State};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use gambeson_core::RequestFacts;
use http::request::Parts;

use crate::authorize::rejections;
use crate::authorizer::{Authorized, Authorizer};
use crate::condition::Attributes;
use crate::permission::{NamedPermission, Permission};
use crate::refusal::Refusal;

/// The decision on the permission `P` that the handler has still to ask for, upon the record that it reads.
///
/// The first argument of a handler that is declared with [`Routes::on_record`](super::Routes::on_record). The layer has let
/// pass only who may have `P` for some record. An answer other than a refusal or an error, without
/// [`OnRecord::decide`] having allowed it, is replaced with 500 `undecided`.
#[must_use = "who may depends on the record: ask `decide`"]
pub struct OnRecord<P> {
    authorizer: Authorizer,
    allowed: Allowed,
    permission: PhantomData<fn() -> P>,
}

/// Whether the record allowed the act; shared with what looks at the answer.
#[derive(Clone, Default)]
struct Allowed(Arc<AtomicBool>);

impl<P: NamedPermission> OnRecord<P> {
    /// Asks for `P` upon this record before the act; audited like the permission of any route.
    ///
    /// # Errors
    /// As [`Authorizer::require_on`]: return it.
    pub fn decide(
        self,
        record: &dyn Attributes,
    ) -> impl Future<Output = Result<Authorized<P>, Refusal>> + Send + use<P> {
        let Self { authorizer, allowed, .. } = self;
        let verdict = authorizer.settle(Permission::from(P::NAME), Some(record));
        async move {
            authorizer.carry_out(verdict).await?;
            allowed.0.store(true, Ordering::Release);
            Ok(Authorized::proven(authorizer))
        }
    }
}

impl<P> OnRecord<P> {
    /// Further checks, and the answer to a record that does not exist.
    #[must_use]
    pub fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }
}

impl<P> fmt::Debug for OnRecord<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnRecord").field("authorizer", &self.authorizer).finish_non_exhaustive()
    }
}

/// Fails with 500 `layer-order` outside of a route that was declared with `Routes::on_record`.
impl<P: NamedPermission, S: Sync> FromRequestParts<S> for OnRecord<P> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let authorizer = Authorizer::from_request_parts(parts, state).await?;
        let Some(allowed) = parts.extensions.get::<Allowed>().cloned() else {
            let facts = RequestFacts::of(&parts.extensions).cloned().unwrap_or_default();
            let cause = "OnRecord belongs into a handler that `Routes::on_record` declares";
            return Err(Refusal::new(rejections::layer_order().cause(cause), &facts));
        };
        Ok(Self { authorizer, allowed, permission: PhantomData })
    }
}

/// The arguments of a handler of which the first is `E`. Implemented for all that have.
pub trait TakesFirst<E>: sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! takes_first {
    ($($rest:ident),*) => {
        impl<M, E, $($rest),*> sealed::Sealed for (M, E, $($rest),*) {}
        impl<M, E, $($rest),*> TakesFirst<E> for (M, E, $($rest),*) {}
    };
}

takes_first!();
takes_first!(A);
takes_first!(A, B);
takes_first!(A, B, C);
takes_first!(A, B, C, D);
takes_first!(A, B, C, D, G);
takes_first!(A, B, C, D, G, H);
takes_first!(A, B, C, D, G, H, I);

/// The handler, and behind it a look at whether it has decided what it answers.
pub(super) fn deciding<H, T, S>(filter: MethodFilter, handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    on(filter, |State(state): State<S>, mut request: Request| async move {
        let allowed = Allowed::default();
        request.extensions_mut().insert(allowed.clone());
        let facts = RequestFacts::of(request.extensions()).cloned().unwrap_or_default();
        let answer = handler.call(request, state).await;
        let decided = allowed.0.load(Ordering::Acquire);
        if decided || is_error(&answer) {
            return answer;
        }
        Refusal::new(rejections::undecided(), &facts).into_response()
    })
}

fn is_error(answer: &Response) -> bool {
    answer.status().is_client_error() || answer.status().is_server_error()
}
