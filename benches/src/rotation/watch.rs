//! One subject, from before the swap until it accepts the new key.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::flood::Flood;
use super::seen::Seen;
use crate::key_server::KeyServer;
use crate::peers::oidc_auth::Guard;
use crate::token::Signer;

/// Between two valid tokens.
const PACE: Duration = Duration::from_millis(10);

/// Who sends valid tokens.
const HONEST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// How long a subject may take to get its first keys, and to answer what is still open at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long what takes place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    before: Duration,
    /// Junk goes on for so long after the swap; `None`: there is none.
    flood: Option<Duration>,
    /// After the new key was accepted.
    after: Duration,
    longest: Duration,
}

impl Plan {
    pub(super) fn quiet(longest: Duration) -> Self {
        Self { before: Duration::from_millis(1_500), flood: None, after: Duration::from_secs(1), longest }
    }

    pub(super) fn flooded(longest: Duration) -> Self {
        let [before, after] = [8, 4].map(Duration::from_secs);
        Self { before, flood: Some(after), after, longest }
    }
}

/// Watches one subject on this thread.
pub(super) fn watched<G: Guard>(plan: Plan) -> Seen {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, Watch::<G>::run(plan))
}

struct Watch<G> {
    guard: Rc<G>,
    issuer: KeyServer,
    seen: Rc<RefCell<Seen>>,
    /// Valid tokens without an answer yet.
    open: Rc<RefCell<u32>>,
    number: u64,
}

impl<G: Guard> Watch<G> {
    async fn run(plan: Plan) -> Seen {
        let (old, new) = (Signer::new("old"), Signer::new("new"));
        let issuer = KeyServer::start(old.jwks());
        let guard = Rc::new(G::start(issuer.issuer(), &issuer.keys()).await);
        let seen = Rc::new(RefCell::new(Seen { longest: plan.longest, ..Seen::default() }));
        let mut watch = Self { guard, issuer, seen, open: Rc::default(), number: 0 };
        watch.first(&old).await;
        let mut flood = plan.flood.map(|_| Flood::new(watch.issuer.issuer()));
        let began = Instant::now();
        watch.stream(&old, &mut flood, None, |_, now| now < began + plan.before).await;
        // A token of the old key that is still on its way when that is withdrawn is none that had to be accepted.
        watch.settle().await;
        watch.note_flood(flood.as_ref(), began);
        watch.issuer.publish(new.jwks());
        let swapped = Instant::now();
        let goes_on = |seen: &Seen, now: Instant| match seen.delay {
            Some(delay) => now < swapped + delay + plan.after,
            None => now < swapped + plan.longest,
        };
        let end_of_flood = plan.flood.map(|after| swapped + after);
        let in_flood = |seen: &Seen, now| end_of_flood.is_some_and(|end| now < end) && goes_on(seen, now);
        watch.stream(&new, &mut flood, Some(swapped), in_flood).await;
        watch.stream(&new, &mut None, Some(swapped), goes_on).await;
        watch.settle().await;
        // What has no answer by now is as good as refused.
        watch.seen.borrow_mut().other_refusals += *watch.open.borrow();
        watch.seen.take()
    }

    /// Until it has its keys; then it says whose token it is.
    async fn first(&mut self, old: &Signer) {
        let end = Instant::now() + PATIENCE;
        loop {
            let asked = self.ask(old);
            match self.guard.decide(&asked).await {
                Ok(accepted) => return assert_eq!(G::subject(&accepted), "alice", "{}", G::NAME),
                Err(status) => assert!(Instant::now() < end, "{} refuses the old key with {status}", G::NAME),
            }
            sleep(PACE).await;
        }
    }

    /// Valid tokens at their pace, and junk where there is a flood, for as long as it goes on.
    async fn stream(
        &mut self,
        signer: &Signer,
        flood: &mut Option<Flood>,
        swapped: Option<Instant>,
        goes_on: impl Fn(&Seen, Instant) -> bool,
    ) {
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while goes_on(&self.seen.borrow(), Instant::now()) {
            self.send(signer, swapped);
            if let Some(flood) = flood {
                flood.flow(&self.guard);
            }
            ticks.tick().await;
        }
    }

    fn ask(&mut self, signer: &Signer) -> G::Asked {
        self.number += 1;
        G::ask(&signer.token(self.issuer.issuer(), self.number), HONEST)
    }

    fn send(&mut self, signer: &Signer, swapped: Option<Instant>) {
        let asked = self.ask(signer);
        let (guard, seen, open) = (Rc::clone(&self.guard), Rc::clone(&self.seen), Rc::clone(&self.open));
        *open.borrow_mut() += 1;
        spawn_local(async move {
            let decided = guard.decide(&asked).await;
            *open.borrow_mut() -= 1;
            let mut seen = seen.borrow_mut();
            match (decided, swapped) {
                (Ok(_), Some(swapped)) if seen.delay.is_none() => seen.delay = Some(swapped.elapsed()),
                (Ok(_), _) => {}
                (Err(status), _) => seen.refused(status),
            }
        });
    }

    fn note_flood(&self, flood: Option<&Flood>, began: Instant) {
        let Some(flood) = flood else { return };
        let mut seen = self.seen.borrow_mut();
        seen.junk_per_second = flood.rate(began.elapsed());
        seen.asked = self.issuer.asked().into_iter().filter(|asked| *asked >= began).collect();
    }

    /// Until all valid tokens have their answer.
    async fn settle(&self) {
        let end = Instant::now() + PATIENCE;
        while *self.open.borrow() > 0 && Instant::now() < end {
            sleep(PACE).await;
        }
    }
}
