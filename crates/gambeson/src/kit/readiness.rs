//! What of the identity has to be there before the app takes requests, and how it is waited for.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use gambeson_core::{Answer, Clock, Health, HealthCheck, Spawn, SystemClock, Timer, TokioSpawn};
use gambeson_oidc_auth::{Configured, Denylist, Login, Verifier};
use gambeson_otel_setup::TelemetryBuilder;

/// A part that was not there is asked again after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// Which parts were not there. For operators only: reasons name what is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotReady(Vec<(String, String)>);

impl NotReady {
    /// Each part that is not ready, by the name that it has in `gambeson_health`, and why.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(part, reason)| (part.as_str(), reason.as_str()))
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (part, reason)) in self.parts().enumerate() {
            let between = if index == 0 { "not ready: " } else { "; " };
            write!(f, "{between}{part}: {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for NotReady {}

/// The parts that can be waited for.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    /// What is this app's own: it answers 503 to nearly everything without them.
    own: Vec<Part>,
    /// What is the identity provider's to tell.
    provider: Vec<Part>,
}

/// A clone is the same part.
#[derive(Debug, Clone)]
struct Part {
    kind: Kind,
    /// Whether it was ready once, whoever asked it.
    was_ready: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
enum Kind {
    #[cfg(feature = "redis")]
    Redis(gambeson_oidc_auth::redis::RedisStores),
    Denylist(Denylist),
    Login(Login),
    Verifier(Verifier),
}

impl From<Kind> for Part {
    fn from(kind: Kind) -> Self {
        Self { kind, was_ready: Arc::default() }
    }
}

impl Part {
    async fn ready(&self) -> Result<(), String> {
        self.kind.ready().await?;
        self.was_ready.store(true, Ordering::Release);
        Ok(())
    }
}

impl Kind {
    async fn ready(&self) -> Result<(), String> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(stores) => stores.ready().await.map_err(|error| error.to_string()),
            Self::Denylist(list) => list.ready().await.map_err(|error| error.to_string()),
            Self::Login(login) => login.ready().await.map_err(|error| error.to_string()),
            Self::Verifier(verifier) => verifier.ready().await.map_err(|error| error.to_string()),
        }
    }

    fn check(&self) -> &dyn HealthCheck {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(stores) => stores,
            Self::Denylist(list) => list,
            Self::Login(login) => login,
            Self::Verifier(verifier) => verifier,
        }
    }
}

impl HealthCheck for Part {
    fn name(&self) -> &str {
        self.kind.check().name()
    }

    fn check(&self) -> Answer<Health> {
        self.kind.check().check()
    }

    /// It may be lost again before the first probe comes, and nobody asks it after that: no request is let through yet.
    fn is_ready(&self) -> bool {
        self.was_ready.load(Ordering::Acquire) || self.kind.check().is_ready()
    }
}

/// A part as `/readyz` waits for it.
#[derive(Debug)]
struct Awaited {
    part: Part,
    /// Ends with the endpoints, and with it the task that brings the part there.
    _endpoints: Arc<()>,
}

impl HealthCheck for Awaited {
    fn name(&self) -> &str {
        self.part.name()
    }

    fn check(&self) -> Answer<Health> {
        self.part.check()
    }

    fn is_ready(&self) -> bool {
        self.part.is_ready()
    }
}

impl Parts {
    pub(super) fn of(identity: &Configured) -> Self {
        Self {
            own: identity.denylist.iter().cloned().map(|list| Kind::Denylist(list).into()).collect(),
            provider: (identity.login.iter().cloned().map(Kind::Login))
                .chain(identity.verifier.iter().cloned().map(Kind::Verifier))
                .map(Part::from)
                .collect(),
        }
    }

    #[cfg(feature = "redis")]
    pub(super) fn and_redis(mut self, stores: Option<gambeson_oidc_auth::redis::RedisStores>) -> Self {
        self.own.splice(0..0, stores.map(|stores| Kind::Redis(stores).into()));
        self
    }

    /// Tells the telemetry how they are, and which of them `/readyz` waits for: the provider's only where that is asked for. Those are
    /// brought there by [`Brought::start`].
    pub(super) fn told_to(
        mut self,
        telemetry: TelemetryBuilder,
        with_provider: bool,
    ) -> (TelemetryBuilder, Brought) {
        let others = if with_provider { Vec::new() } else { std::mem::take(&mut self.provider) };
        let endpoints = Arc::new(());
        let awaited = |part: &Part| Awaited { part: part.clone(), _endpoints: Arc::clone(&endpoints) };
        let telemetry = self.all().map(awaited).fold(telemetry, TelemetryBuilder::ready_after);
        let telemetry = others.into_iter().fold(telemetry, TelemetryBuilder::health);
        (telemetry, Brought { parts: self, endpoints: Arc::downgrade(&endpoints) })
    }

    fn all(&self) -> impl Iterator<Item = &Part> {
        self.own.iter().chain(&self.provider)
    }

    /// Asks all of them, one after the other.
    pub(super) async fn ready(&self) -> Result<(), NotReady> {
        let mut missing = Vec::new();
        for part in self.all() {
            if let Err(reason) = part.ready().await {
                missing.push((part.name().to_owned(), reason));
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(NotReady(missing)) }
    }
}

/// The parts that `/readyz` waits for: where no request is let through yet, no request asks for them.
pub(super) struct Brought {
    parts: Parts,
    /// Gone with all who could answer `/readyz`.
    endpoints: Weak<()>,
}

impl Brought {
    /// Brings them there, in a task that ends with them or with the endpoints.
    pub(super) fn start(self) {
        if self.parts.all().next().is_some() {
            TokioSpawn::new().spawn(Box::pin(async move { self.bring(&SystemClock::new()).await }));
        }
    }

    async fn bring(self, clock: &(impl Clock + Timer)) {
        while self.parts.ready().await.is_err() && self.endpoints.strong_count() > 0 {
            clock.until(clock.monotonic().plus(AGAIN)).await;
        }
    }
}

/// A part under a name of its own, where there are several of its kind.
#[derive(Debug)]
pub(super) struct Named<C> {
    pub(super) name: String,
    pub(super) check: C,
}

impl<C: HealthCheck> HealthCheck for Named<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Answer<Health> {
        self.check.check()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    use gambeson_oidc_auth::denylist::{DenialLog, DenialLogError, LogPage, LogPosition, LoggedDenial};
    use gambeson_otel_setup::{Endpoint, Telemetry};
    use gambeson_testing::ManualClock;

    use super::*;

    /// A log of so many denials, which can be out of reach.
    #[derive(Debug, Clone, Default)]
    struct Log {
        denials: u8,
        is_away: Arc<AtomicBool>,
    }

    impl Log {
        fn away(&self, is_away: bool) {
            self.is_away.store(is_away, Ordering::Relaxed);
        }
    }

    impl DenialLog for Log {
        fn append(&self, _: Vec<LoggedDenial>) -> Answer<Result<(), DenialLogError>> {
            Answer::Ready(Ok(()))
        }

        fn read(&self, _: Option<LogPosition>) -> Answer<Result<LogPage, DenialLogError>> {
            if self.is_away.load(Ordering::Relaxed) {
                return Answer::Ready(Err(DenialLogError::unavailable()));
            }
            let denial = |name| LoggedDenial::new([name; 16], i64::MAX, Duration::from_secs(60));
            let denials = (0..self.denials).map(denial).collect();
            Answer::Ready(Ok(LogPage::new(denials, LogPosition::new(1, self.denials.into(), 0), false)))
        }
    }

    struct App {
        clock: ManualClock,
        list: Denylist,
        telemetry: Telemetry,
        brought: Brought,
    }

    impl App {
        /// Of one part, which has read nothing yet. No test here lets tasks in the background run.
        fn new(log: &Log) -> Self {
            let clock = ManualClock::default();
            let list = Denylist::builder()
                .shared(Arc::new(log.clone()))
                .capacity(16)
                .clock(Arc::new(clock.clone()))
                .timer(Arc::new(clock.clone()))
                .build()
                .unwrap();
            let parts = Parts { own: vec![Kind::Denylist(list.clone()).into()], provider: Vec::new() };
            let (telemetry, brought) = parts.told_to(Telemetry::builder("notes", "1"), false);
            let telemetry = telemetry.build().unwrap();
            telemetry.readiness().set_ready();
            Self { clock, list, telemetry, brought }
        }

        fn is_ready(&self) -> bool {
            self.telemetry.endpoints().respond(Endpoint::Ready).status() == 200
        }
    }

    fn is_over(task: Pin<&mut impl Future<Output = ()>>) -> bool {
        task.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[tokio::test]
    async fn a_list_that_is_full_is_ready_when_it_is_in_step() {
        let app = App::new(&Log { denials: 200, ..Log::default() });
        assert!(!app.is_ready());
        app.list.ready().await.unwrap();
        assert!(matches!(app.list.check().ready(), Ok(Health::Degraded(_))), "it is full");
        assert!(app.is_ready());
    }

    #[tokio::test]
    async fn what_was_there_before_the_first_probe_need_not_be_there_still() {
        let log = Log::default();
        let app = App::new(&log);
        app.brought.parts.ready().await.unwrap();
        log.away(true);
        app.clock.advance(Duration::from_secs(3_600));
        assert!(matches!(app.list.check().ready(), Ok(Health::Unhealthy(_))));
        assert!(app.is_ready(), "nobody would ask for it: no request is let through");
    }

    #[tokio::test]
    async fn parts_are_brought_there_as_long_as_somebody_answers_for_them() {
        let log = Log::default();
        log.away(true);
        let App { clock, list, telemetry, brought } = App::new(&log);
        let mut task = pin!(brought.bring(&clock));
        assert!(!is_over(task.as_mut()));
        let endpoints = telemetry.endpoints();
        drop(telemetry);
        clock.advance(AGAIN);
        assert!(!is_over(task.as_mut()), "the endpoints are there still");
        log.away(false);
        clock.advance(AGAIN);
        assert!(is_over(task.as_mut()) && list.is_ready());
        assert_eq!(endpoints.respond(Endpoint::Ready).status(), 200);
    }

    #[tokio::test]
    async fn parts_are_asked_once_and_no_more_when_nobody_answers_for_them() {
        let log = Log::default();
        let App { clock, list, telemetry, brought } = App::new(&log);
        drop(telemetry);
        assert!(is_over(pin!(brought.bring(&clock))) && list.is_ready(), "at once");
        log.away(true);
        let App { clock, telemetry, brought, .. } = App::new(&log);
        let mut task = pin!(brought.bring(&clock));
        assert!(!is_over(task.as_mut()));
        drop(telemetry);
        clock.advance(AGAIN);
        assert!(is_over(task.as_mut()));
    }
}
