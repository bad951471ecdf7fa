//! Futures and bodies end early, and inner services panic; nothing is left behind.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use http::Response;
use http_body_util::BodyExt;
use tower::Service;

use super::{Found, ensure};
use crate::contract::drive::{answer, poll_until_pending, readied, whole, within};
use crate::contract::subject::Subject;
use crate::contract::{Cases, Inner, TestBody};

/// A future with more await points than this on one request is not looked at further.
const MOST_AWAIT_POINTS: usize = 64;

/// The await points that the inner service itself has in the cancel probe.
const INNER_AWAIT_POINTS: usize = 2;

pub(super) async fn cancel(subject: &Subject, cases: &Cases) -> Found {
    for point in 0..MOST_AWAIT_POINTS {
        let inner = Inner::new().permits(1).yielding(INNER_AWAIT_POINTS);
        let mut service = (subject.plain)(inner.clone());
        readied(&mut service).await?;
        let ended = {
            let mut future = pin!(service.call((cases.pass)()));
            within("the response future", poll_until_pending(future.as_mut(), point)).await?
        };
        nothing_left(&inner, &format!("a response future dropped at await point {point}"))?;
        let again = answer(&mut service, (cases.pass)()).await?;
        ensure!(again.is_ok(), "after a cancel at await point {point} the next request failed");
        drop(again);
        ensure!(
            inner.unreadied_calls() == 0,
            "after a cancel at await point {point} an instance was called that was not polled ready"
        );
        if ended {
            return Ok(());
        }
    }
    Ok(())
}

fn nothing_left(inner: &Inner, after: &str) -> Found {
    let (futures, calls) = (inner.futures_alive(), inner.calls());
    ensure!(futures == 0, "{after} left {futures} inner futures alive");
    ensure!(calls <= 1, "{after} called the inner service {calls} times");
    Ok(())
}

pub(super) async fn drop_mid_body(subject: &Subject, cases: &Cases) -> Found {
    let inner = Inner::new();
    let mut service = (subject.plain)(inner.clone());
    let first = answer(&mut service, (cases.pass)()).await?;
    let mut body = first.map_err(|error| format!("a request that must pass failed: {error}"))?.into_body();
    let frame = within("the first frame of the body", body.frame()).await?;
    ensure!(frame.is_some(), "the response body ended before its first frame");
    drop(body);
    let alive = inner.bodies_alive();
    ensure!(alive == 0, "a body dropped half-way left {alive} inner bodies alive");
    let again = answer(&mut service, (cases.pass)()).await?;
    ensure!(again.is_ok(), "after a body dropped half-way the next request failed");

    let breaking = || Response::new(TestBody::from("some data").failure());
    let mut service = (subject.plain)(Inner::new().answering(breaking));
    let response = answer(&mut service, (cases.pass)()).await?;
    let body = response.map_err(|error| format!("a request that must pass failed: {error}"))?.into_body();
    ensure!(whole(body).await?.failed, "an inner body that broke off was passed on as if it were whole");
    Ok(())
}

pub(super) async fn panic(subject: &Subject, cases: &Cases) -> Found {
    for inner in [Inner::new().panicking_in_call(), Inner::new().panicking_in_future()] {
        let inner = inner.permits(1);
        let mut service = (subject.plain)(inner.clone());
        let second = service.clone();
        readied(&mut service).await?;
        let future = catch_unwind(AssertUnwindSafe(|| service.call((cases.pass)())));
        if let Ok(future) = future {
            let mut future = pin!(future);
            let caught = poll_fn(|cx| {
                let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx).map(drop)));
                polled.unwrap_or(Poll::Ready(()))
            });
            within("a response future whose inner future panicked", caught).await?;
        }
        drop(service);
        let mut second = second;
        let free = inner.free_permits();
        ensure!(free == 1, "a panic kept the inner service's permit ({free} of 1 free)");
        readied(&mut second).await?;
        let refuse = cases.refuse.as_ref().unwrap_or(&cases.pass);
        let next = catch_unwind(AssertUnwindSafe(|| second.call(refuse())));
        if cases.refuse.is_some() {
            ensure!(next.is_ok(), "after a panic of the inner service the layer panics itself");
        }
    }
    Ok(())
}
