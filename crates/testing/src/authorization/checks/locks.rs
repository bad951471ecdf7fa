//! Nobody waits for anybody else.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{Spawn, TokioSpawn};
use tokio::sync::mpsc;
use tower::Service;

use super::{Fault, Found, ensure};
use crate::authorization::guard::{Plan, Read};
use crate::authorization::inners::Put;
use crate::authorization::site::Site;
use crate::contract::Inner;
use crate::contract::drive::{readied, within, within_time};
use crate::contract::tower_inner::TowerInner;

const TASKS: usize = 64;
/// Pairs of requests that each task sends at least.
const ROUNDS: usize = 16;
/// So many reloads must have happened before the tasks may stop.
const RELOADS: usize = 8;
/// A decision takes microseconds.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn no_global_lock(plan: &Plan) -> Found {
    beside_a_slow_request(plan).await?;
    if let Some(read) = &plan.read {
        while_the_policy_is_read(plan, read).await?;
    }
    let Some(reload) = &plan.reload else {
        return Err(Fault::Untried(
            "say how the policy is loaded anew: `.reload(…)`, or that it can't: `.except(…)`",
        ));
    };
    under_reloads(plan, reload).await
}

/// One request is inside of the app, and stays there.
async fn beside_a_slow_request(plan: &Plan) -> Found {
    let direct: Put = TowerInner::new;
    let mut site = Site::with(&plan.build, direct, Inner::new().holding());
    let (mut first, mut second) = (site.service.clone(), site.service.clone());
    readied(&mut first).await?;
    let mut first = pin!(first.call((plan.allowed)()));
    reaches(&site, 1, first.as_mut()).await?;
    let refused = within_time(PATIENCE, "a refusal beside a slow request", site.refuses((plan.refused)()));
    refused.await??;
    readied(&mut second).await?;
    let mut second = pin!(second.call((plan.allowed)()));
    reaches(&site, 2, second.as_mut()).await?;
    site.work.release();
    for answer in [within("a slow request", first).await?, within("a slow request", second).await?] {
        ensure!(answer.is_ok(), "a slow request failed");
    }
    Ok(())
}

/// Polls a request until it is in the app.
async fn reaches<F: Future>(site: &Site, calls: usize, mut request: Pin<&mut F>) -> Result<(), String> {
    let what =
        if calls == 1 { "the way of a request into the app" } else { "the way in beside a slow request" };
    let inside = poll_fn(|cx| {
        let ended = request.as_mut().poll(cx).is_ready();
        if ended || site.app.calls() == calls { Poll::Ready(ended) } else { Poll::Pending }
    });
    match within_time(PATIENCE, what, inside).await? {
        true => Err("a request that must pass ended though the app did not answer yet".to_owned()),
        false => Ok(()),
    }
}

/// Somebody reads the policy, and goes on doing so.
async fn while_the_policy_is_read(plan: &Plan, read: &Read) -> Found {
    let mut site = Site::new(&plan.build);
    let reading = read();
    let decided = within_time(PATIENCE, "a decision while the policy is read", async {
        site.passes((plan.allowed)()).await?;
        site.refuses((plan.refused)()).await
    });
    let decided = decided.await;
    drop(reading);
    decided??;
    Ok(())
}

/// Many tasks ask while the policy is loaded anew, again and again.
async fn under_reloads(plan: &Plan, reload: &Arc<dyn Fn() + Send + Sync>) -> Found {
    let site = Site::new(&plan.build);
    let storm = Storm::of(Arc::clone(reload));
    let asked =
        within("64 tasks while the policy is loaded anew", ask_all(plan, &site, &storm.reloads)).await;
    ensure!(storm.end(), "the reload panicked");
    let passed = asked??;
    let calls = site.app.calls();
    ensure!(
        calls == passed,
        "{passed} requests passed while the policy was loaded anew, {calls} reached the app"
    );
    Ok(())
}

/// A thread that loads the policy anew, until this is dropped.
struct Storm {
    reloads: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Storm {
    fn of(reload: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (reloads, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, ends) = (Arc::clone(&reloads), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::SeqCst) {
                reload();
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { reloads, over, thread: Some(thread) }
    }

    /// Waits for the last reload; whether none panicked.
    fn end(mut self) -> bool {
        self.over.store(true, Ordering::SeqCst);
        self.thread.take().is_none_or(|thread| thread.join().is_ok())
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

/// How many requests passed, of all tasks.
async fn ask_all(plan: &Plan, site: &Site, reloads: &Arc<AtomicUsize>) -> Result<usize, String> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for _ in 0..TASKS {
        let (plan, sender, reloads) = (plan.clone(), sender.clone(), Arc::clone(reloads));
        // Each counts the calls of its own app: those of others are not its business.
        let mut own = Site { service: site.service.clone(), app: site.app.clone(), work: site.work.clone() };
        TokioSpawn::new().spawn(Box::pin(async move {
            let enough = |round| {
                let over = round >= ROUNDS && reloads.load(Ordering::SeqCst) >= RELOADS;
                over || sender.is_closed()
            };
            let _ = sender.send(rounds(&plan, &mut own, enough).await);
        }));
    }
    drop(sender);
    let mut passed = 0;
    while let Some(asked) = receiver.recv().await {
        passed += asked?;
    }
    Ok(passed)
}

/// Asks until it is enough; how many requests passed.
async fn rounds(plan: &Plan, site: &mut Site, enough: impl Fn(usize) -> bool) -> Result<usize, String> {
    let mut round = 0;
    while !enough(round) {
        let allowed = site.ask((plan.allowed)()).await?;
        let refused = site.ask((plan.refused)()).await?;
        for (outcome, passes) in [(allowed, true), (refused, false)] {
            if outcome.is_success() != passes {
                let must = if passes { "pass" } else { "be refused" };
                let status = outcome.status;
                return Err(format!(
                    "while the policy is loaded anew, what must {must} was answered with {status}"
                ));
            }
        }
        round += 1;
        others().await;
    }
    Ok(round)
}

/// Lets other tasks run.
async fn others() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
