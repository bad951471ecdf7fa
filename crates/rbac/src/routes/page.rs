//! The matrix as an endpoint.

use std::future::ready;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Bytes;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::header;

use crate::handle::PolicyHandle;
use crate::matrix::Matrix;
use crate::policy::Policy;
use crate::table::RouteEntry;

pub(super) fn matrix<S>(policy: PolicyHandle, listed: Arc<OnceLock<Vec<RouteEntry>>>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let page = Arc::new(Page::default());
    on(MethodFilter::GET, move || {
        let routes = listed.get().map(Vec::as_slice).unwrap_or_default();
        let page = page.of(&policy.policy(), routes);
        ready(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page))
    })
}

/// The page of the policy that was in force last, with that policy's digest: made once a policy, however often it is asked for.
#[derive(Default)]
struct Page(Mutex<Option<(Box<str>, Bytes)>>);

impl Page {
    fn of(&self, policy: &Policy, routes: &[RouteEntry]) -> Bytes {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some((digest, page)) if **digest == *policy.digest() => page.clone(),
            _ => {
                let page = Bytes::from(Matrix::new(policy, routes).html());
                *made = Some((policy.digest().into(), page.clone()));
                page
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_made_once_a_policy() {
        let policy = |role: &str| {
            Policy::parse(&format!("version = 1\n[permissions]\n[roles]\n{role} = {{}}")).unwrap()
        };
        let (old, new, page) = (policy("old"), policy("new"), Page::default());
        let first = page.of(&old, &[]);
        assert_eq!(page.of(&old, &[]).as_ptr(), first.as_ptr());
        let next = page.of(&new, &[]);
        assert!(next.as_ptr() != first.as_ptr() && next.starts_with(b"<!doctype html>"));
        assert!(String::from_utf8_lossy(&next).contains(">new<"), "{next:?}");
    }
}
