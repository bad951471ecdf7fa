//! Behind the layer stand services of tower that punish a wrong `poll_ready`: they panic, wait for ever or shed.

use http::Request;
use tower::ServiceExt;
use tower::load_shed::error::Overloaded;

use super::{Found, ensure};
use crate::contract::drive::{caught_answer, readied, within};
use crate::contract::subject::Subject;
use crate::contract::tower_inner::TowerInner;
use crate::contract::{Cases, Inner, TestBody};

pub(super) async fn tower_inners(subject: &Subject, cases: &Cases) -> Found {
    for (name, put) in BEHIND {
        around(put, subject, cases).await.map_err(|what| format!("around tower's {name}: {what}"))?;
    }
    sheds(subject, cases).await
}

type Put = fn(Inner) -> TowerInner;

const BEHIND: [(&str, Put); 3] = [
    ("ConcurrencyLimit", TowerInner::concurrency_limit),
    ("Buffer", TowerInner::buffer),
    ("LoadShed", TowerInner::load_shed),
];

async fn around(put: Put, subject: &Subject, cases: &Cases) -> Found {
    let inner = Inner::new();
    let mut service = (subject.boxed)(put(inner.clone()));
    for _ in 0..2 {
        let answered = caught_answer(&mut service, (cases.pass)()).await?;
        ensure!(answered.is_ok(), "a request that must pass failed: {:?}", answered.err());
    }
    ensure!(inner.calls() == 2, "two requests called the inner service {} times", inner.calls());
    if let Some(refuse) = &cases.refuse {
        refuses(put, subject, refuse()).await?;
    }
    Ok(())
}

/// A request that goes straight in after the refused one comes second, should both come.
async fn refuses(put: Put, subject: &Subject, refused: Request<TestBody>) -> Found {
    let inner = Inner::new();
    let behind = put(inner.clone());
    let mut service = (subject.boxed)(behind.clone());
    drop(caught_answer(&mut service, refused).await?);
    drop(service);
    let straight =
        within("a request past the layer, after a refusal,", behind.oneshot(Request::new(TestBody::empty())));
    ensure!(straight.await?.is_ok(), "after a refusal the inner service failed");
    ensure!(inner.calls() == 1, "a request that must be refused called the inner service");
    Ok(())
}

/// The only permit is taken by one instance: another one is told so by an error, at once.
async fn sheds(subject: &Subject, cases: &Cases) -> Found {
    let mut first = (subject.boxed)(TowerInner::load_shed(Inner::new()));
    let mut second = first.clone();
    readied(&mut first).await?;
    readied(&mut second).await?;
    let Err(error) = caught_answer(&mut second, (cases.pass)()).await? else {
        return Err("around tower's LoadShed: a request passed though there was no permit left".to_owned());
    };
    let shed = std::iter::successors(Some(&*error as &(dyn std::error::Error + 'static)), |e| e.source())
        .any(|error| error.is::<Overloaded>());
    ensure!(shed, "around tower's LoadShed: the error that it sheds with became another one: {error}");
    Ok(())
}
