//! Readiness is forwarded, and belongs to one instance.

use std::task::Poll;

use super::{Found, ensure};
use crate::contract::drive::{WakeCount, answer, poll_ready, readied};
use crate::contract::subject::Subject;
use crate::contract::{Cases, Inner};

pub(super) async fn readiness(subject: &Subject, cases: &Cases) -> Found {
    pending_stays_pending(subject)?;
    let inner = Inner::new().permits(1);
    let mut service = (subject.plain)(inner.clone());
    readied(&mut service).await?;
    ensure!(inner.free_permits() == 0, "poll_ready did not ready the inner service");
    let response = answer(&mut service, (cases.pass)()).await?;
    drop(response);
    ensure!(
        inner.unreadied_calls() == 0,
        "the inner service was called on an instance that was not polled ready (an unreadied clone?)"
    );
    drop(service);
    let free = inner.free_permits();
    ensure!(free == 1, "a permit that readiness took did not come back ({free} of 1 free)");
    Ok(())
}

fn pending_stays_pending(subject: &Subject) -> Found {
    let inner = Inner::new().unready();
    let mut service = (subject.plain)(inner.clone());
    let (count, waker) = WakeCount::new();
    let first = poll_ready(&mut service, &waker);
    ensure!(first.is_pending(), "poll_ready said {first:?} while the inner service was not ready");
    inner.make_ready();
    ensure!(count.woken() > 0, "the task was not woken when the inner service became ready");
    let second = poll_ready(&mut service, &waker);
    ensure!(
        matches!(second, Poll::Ready(Ok(()))),
        "poll_ready said {second:?} once the inner service was ready"
    );
    Ok(())
}

pub(super) async fn clone(subject: &Subject) -> Found {
    let inner = Inner::new().permits(1);
    let mut original = (subject.plain)(inner.clone());
    readied(&mut original).await?;
    let before = inner.clones();
    let mut copy = original.clone();
    let clones = inner.clones() - before;
    ensure!(clones == 1, "cloning the service cloned the inner service {clones} times");
    let (count, waker) = WakeCount::new();
    let first = poll_ready(&mut copy, &waker);
    ensure!(
        first.is_pending(),
        "a clone of a ready service said {first:?} though the only permit is the original's"
    );
    drop(original);
    ensure!(count.woken() > 0, "the clone was not woken when the original gave its permit back");
    let second = poll_ready(&mut copy, &waker);
    ensure!(matches!(second, Poll::Ready(Ok(()))), "the clone said {second:?} once the permit was back");
    Ok(())
}
