//! Lists that share a log, to the second.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gambeson_core::{
    Answer, Authentication, Challenges, Health, HealthCheck, ManualClock, RequestFacts, Timestamp,
};
use gambeson_oidc_auth::denylist::{
    DenialLog, DenialLogError, LogPage, LogPosition, LoggedDenial, WhenStale,
};
use gambeson_oidc_auth::{CutOffLayer, Denial, Denylist, Issuer, TokenProfile, Verifier};
use http::{Request, Response};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};

use crate::cut_off::Events;
use crate::fake_issuer::{House, ISSUER, START, claims, settle};
use crate::signer::Signer;

/// A log in memory, which can be out of reach, and lost.
#[derive(Debug, Default, Clone)]
struct MemoryLog(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    id: u64,
    entries: Vec<(u64, LoggedDenial)>,
    is_away: bool,
    reads: usize,
    /// What tells its entries from those that stood there before it went back.
    mark: u64,
    /// Told of when the next entries are added.
    meanwhile: Meanwhile,
}

#[derive(Default)]
struct Meanwhile(Option<Box<dyn FnOnce() + Send>>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl MemoryLog {
    fn away(&self, is_away: bool) {
        self.0.lock().unwrap().is_away = is_away;
    }

    fn lose(&self) {
        let mut state = self.0.lock().unwrap();
        state.id += 1;
        state.entries.clear();
    }

    /// The server came back in an earlier state.
    fn go_back(&self, to: usize) {
        let mut state = self.0.lock().unwrap();
        state.mark += 1;
        state.entries.truncate(to);
    }

    /// Does this once, when the next entries are added.
    fn meanwhile(&self, what: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().meanwhile = Meanwhile(Some(Box::new(what)));
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().entries.len()
    }
}

impl DenialLog for MemoryLog {
    fn append(&self, denials: Vec<LoggedDenial>) -> Answer<Result<(), DenialLogError>> {
        let mut state = self.0.lock().unwrap();
        if state.is_away {
            return Answer::Ready(Err(DenialLogError::unavailable()));
        }
        let mark = state.mark;
        state.entries.extend(denials.into_iter().map(|denial| (mark, denial)));
        let meanwhile = state.meanwhile.0.take();
        drop(state);
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        Answer::Ready(Ok(()))
    }

    fn read(&self, after: Option<LogPosition>) -> Answer<Result<LogPage, DenialLogError>> {
        let mut state = self.0.lock().unwrap();
        state.reads += 1;
        if state.is_away {
            return Answer::Ready(Err(DenialLogError::unavailable()));
        }
        let mark = |end: usize| {
            end.checked_sub(1).and_then(|last| state.entries.get(last)).map_or(0, |(mark, _)| *mark)
        };
        let is_there = |after: &LogPosition| {
            let entry = after.entry as usize;
            after.log == state.id && entry <= state.entries.len() && mark(entry) == after.mark
        };
        let from = after.filter(is_there).map_or(0, |after| after.entry as usize);
        let denials: Vec<LoggedDenial> =
            state.entries[from..].iter().take(2).map(|(_, denial)| *denial).collect();
        let end = from + denials.len();
        let (position, has_more) =
            (LogPosition::new(state.id, end as u64, mark(end)), end < state.entries.len());
        let page = LogPage::new(denials, position, has_more);
        Answer::Ready(Ok(if after.is_some_and(|after| !is_there(&after)) { page.anew() } else { page }))
    }
}

struct Instance {
    list: Denylist,
    verifier: Verifier,
    token: String,
}

impl Instance {
    fn new(log: &MemoryLog, clock: &ManualClock, when_stale: WhenStale) -> Self {
        let (signer, house) = (Signer::es256("k"), House::with(&[]));
        let list = Denylist::builder()
            .shared(Arc::new(log.clone()))
            .when_stale(when_stale)
            .clock(Arc::new(clock.clone()))
            .timer(Arc::new(clock.clone()))
            .build()
            .unwrap();
        let keys = json!({"keys": [signer.jwk()]}).to_string();
        let verifier = house
            .builder_of(Verifier::builder(Issuer::static_keys(ISSUER, keys)))
            .profile(TokenProfile::JwtLenient)
            .denylist(list.clone())
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        let mut claims = claims();
        claims["jti"] = json!("1");
        claims["exp"] = json!(START + 3_600);
        Self { list, verifier, token: signer.token(&claims) }
    }

    fn says(&self) -> &'static str {
        self.verifier.verify(&self.token).map_or_else(|error| error.reason().as_str(), |_| "ok")
    }
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix_seconds(START))
}

#[tokio::test]
async fn an_instance_hears_within_a_second_and_asks_no_more_often() {
    let (log, clock) = (MemoryLog::default(), clock());
    let here = Instance::new(&log, &clock, WhenStale::Refuse);
    let there = Instance::new(&log, &clock, WhenStale::Refuse);
    assert_eq!((here.says(), there.says()), ("denials-unknown", "denials-unknown"), "before the first look");
    settle().await;
    assert_eq!((here.says(), there.says()), ("ok", "ok"));
    let reads = log.0.lock().unwrap().reads;
    for _ in 0..100 {
        there.says();
    }
    settle().await;
    assert_eq!(log.0.lock().unwrap().reads, reads, "requests ask nobody");
    here.list.deny(&Denial::token(ISSUER, "1"));
    settle().await;
    assert_eq!((here.says(), there.says()), ("revoked", "ok"));
    clock.advance(Duration::from_secs(1));
    settle().await;
    assert_eq!(there.says(), "revoked");
}

/// A denial of another instance ends the answers of this one.
#[tokio::test]
async fn a_long_answer_is_cut_off_by_another_instance() {
    let (log, clock) = (MemoryLog::default(), clock());
    let here = Instance::new(&log, &clock, WhenStale::Refuse);
    let there = Instance::new(&log, &clock, WhenStale::Refuse);
    here.list.ready().await.unwrap();
    there.list.ready().await.unwrap();
    let caller = there.verifier.verify(&there.token).unwrap();
    let layer =
        CutOffLayer::with(Arc::new(clock.clone()), Arc::new(clock.clone())).denylist(there.list.clone());
    let app =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Events { left: 1, size: None })));
    let mut request = Request::new(());
    let verified = Authentication::Verified(caller.clone(), Challenges::none());
    RequestFacts::ensure(&mut request).authenticate(verified).unwrap();
    let answer = layer.layer(app).oneshot(request).await.unwrap();
    here.list.deny_shared(&Denial::token(ISSUER, "1")).await.unwrap();
    assert!(!caller.end_signal().has_ended());
    there.list.ready().await.unwrap();
    assert!(caller.end_signal().has_ended());
    drop(answer);
}

#[tokio::test]
async fn what_is_too_old_is_no_answer_unless_somebody_says_so() {
    let (log, clock) = (MemoryLog::default(), clock());
    let strict = Instance::new(&log, &clock, WhenStale::Refuse);
    let lenient = Instance::new(&log, &clock, WhenStale::Warn);
    let health = |instance: &Instance| instance.list.check().ready().ok().unwrap();
    assert!(matches!(health(&strict), Health::Unhealthy(why) if why.contains("was not read yet")));
    for instance in [&strict, &lenient] {
        instance.list.ready().await.unwrap();
        assert_eq!(health(instance), Health::Healthy);
    }
    log.away(true);
    clock.advance(Duration::from_secs(60));
    settle().await;
    assert_eq!((strict.says(), lenient.says()), ("ok", "ok"));
    assert_eq!(strict.list.status().shared.unwrap().synced_ago, Some(Duration::from_secs(60)));
    clock.advance(Duration::from_secs(1));
    settle().await;
    assert_eq!((strict.says(), lenient.says()), ("denials-unknown", "ok"));
    assert!(matches!(health(&strict), Health::Unhealthy(why) if why.contains("61 s ago")));
    assert!(matches!(health(&lenient), Health::Degraded(_)));
    assert!(strict.list.ready().await.is_err());
    // What is denied is denied, however old the rest is.
    strict.list.deny(&Denial::token(ISSUER, "1"));
    assert_eq!(strict.says(), "revoked");
    log.away(false);
    clock.advance(Duration::from_secs(1));
    settle().await;
    assert!(!strict.list.status().shared.unwrap().is_stale);
    clock.advance(Duration::from_secs(1));
    settle().await;
    assert_eq!(lenient.says(), "revoked");
}

#[tokio::test]
async fn a_log_that_was_lost_is_written_again_by_those_who_know() {
    let (log, clock) = (MemoryLog::default(), clock());
    let here = Instance::new(&log, &clock, WhenStale::Refuse);
    here.list.ready().await.unwrap();
    for jti in 1..=5 {
        here.list.deny_shared(&Denial::token(ISSUER, jti.to_string())).await.unwrap();
    }
    here.list.ready().await.unwrap();
    log.lose();
    clock.advance(Duration::from_secs(1));
    settle().await;
    assert_eq!(log.len(), 5);
    let late = Instance::new(&log, &clock, WhenStale::Refuse);
    late.list.ready().await.unwrap();
    assert_eq!((late.says(), late.list.len()), ("revoked", 5));
    // What is over is not told again.
    clock.advance(Duration::from_secs(26 * 3_600));
    log.lose();
    here.list.ready().await.unwrap();
    assert_eq!(log.len(), 0);
}

#[tokio::test]
async fn what_could_not_be_told_is_told_once_it_can_be_also_after_a_caller_gave_up() {
    let (log, clock) = (MemoryLog::default(), clock());
    let here = Instance::new(&log, &clock, WhenStale::Refuse);
    here.list.ready().await.unwrap();
    log.away(true);
    // More than are noted one by one: then all is told.
    for jti in 0..5_000 {
        here.list.deny(&Denial::token(ISSUER, jti.to_string()));
    }
    assert!(here.list.deny_shared(&Denial::token(ISSUER, "one more")).await.is_err());
    drop(here.list.deny_shared(&Denial::token(ISSUER, "never polled")));
    settle().await;
    assert_eq!(log.len(), 0);
    assert!(here.list.status().shared.unwrap().unsent > 4_096);
    log.away(false);
    here.list.ready().await.unwrap();
    let known = here.list.len();
    assert_eq!(known, 5_001);
    assert!(log.len() >= known);
    assert_eq!(here.list.status().shared.unwrap().unsent, 0);
    let late = Instance::new(&log, &clock, WhenStale::Refuse);
    late.list.ready().await.unwrap();
    assert_eq!(late.list.len(), known);
}

/// The server crashed and came back in the state of a moment ago: under the same numbers stands something else.
#[tokio::test]
async fn a_log_that_went_back_is_written_again_by_those_who_know() {
    let (log, clock) = (MemoryLog::default(), clock());
    let here = Instance::new(&log, &clock, WhenStale::Refuse);
    let there = Instance::new(&log, &clock, WhenStale::Refuse);
    for jti in 1..=4 {
        here.list.deny_shared(&Denial::token(ISSUER, jti.to_string())).await.unwrap();
    }
    there.list.ready().await.unwrap();
    log.go_back(0);
    // Another instance, which knew nothing of them, brings the log to the number that was read, and beyond.
    let third = Instance::new(&log, &clock, WhenStale::Refuse);
    for jti in 11..=15 {
        third.list.deny_shared(&Denial::token(ISSUER, jti.to_string())).await.unwrap();
    }
    there.list.ready().await.unwrap();
    assert_eq!(there.list.len(), 9, "what stands where it had read already");
    third.list.ready().await.unwrap();
    assert_eq!((third.says(), third.list.len()), ("revoked", 9), "what was lost is told again");
    // And when nothing was added since.
    log.go_back(2);
    there.list.ready().await.unwrap();
    let late = Instance::new(&log, &clock, WhenStale::Refuse);
    late.list.ready().await.unwrap();
    assert_eq!((late.says(), late.list.len()), ("revoked", 9));
}

#[tokio::test]
async fn what_is_denied_while_all_is_told_is_told_too() {
    let (log, clock) = (MemoryLog::default(), clock());
    let here = Instance::new(&log, &clock, WhenStale::Refuse);
    here.list.ready().await.unwrap();
    log.away(true);
    for jti in 0..5_000 {
        here.list.deny(&Denial::token(ISSUER, jti.to_string()));
    }
    settle().await;
    log.away(false);
    let list = here.list.clone();
    log.meanwhile(move || list.deny(&Denial::token(ISSUER, "meanwhile")));
    here.list.ready().await.unwrap();
    here.list.ready().await.unwrap();
    let late = Instance::new(&log, &clock, WhenStale::Refuse);
    late.list.ready().await.unwrap();
    assert_eq!(late.list.len(), 5_001);
}
