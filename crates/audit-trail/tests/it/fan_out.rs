//! Several sinks: a quorum has the event, and one that hangs freezes nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gambeson_audit_trail::{AuditTrail, Config, FanOut, Quorum, VerifyOptions, verify};
use gambeson_core::{
    Answer, AuditError, AuditErrorKind, AuditEvent, AuditSink, Durability, Health, HealthCheck, ManualClock,
    Outcome, Receipt, Timestamp,
};

use super::{LONG, answered, event, until, within};

/// What a sink does with an event.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Keeps,
    Queues,
    Refuses,
    Hangs,
}

#[derive(Debug)]
struct Sink {
    way: Mutex<Way>,
    seen: AtomicUsize,
}

impl AuditSink for Sink {
    fn record(&self, _: AuditEvent, _: Durability) -> Answer<Result<Receipt, AuditError>> {
        self.seen.fetch_add(1, Ordering::SeqCst);
        match *self.way.lock().unwrap() {
            Keeps => Answer::Ready(Ok(Receipt::stored(7))),
            Queues => Answer::Ready(Ok(Receipt::queued())),
            Refuses => Answer::Ready(Err(AuditError::new(AuditErrorKind::Unavailable))),
            Hangs => Answer::pending(std::future::pending()),
        }
    }
}

struct Setting {
    clock: ManualClock,
    sinks: Vec<Arc<Sink>>,
    fan_out: FanOut,
}

fn setting(quorum: Quorum, ways: &[Way]) -> Setting {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    let sinks: Vec<_> =
        ways.iter().map(|way| Arc::new(Sink { way: Mutex::new(*way), seen: AtomicUsize::new(0) })).collect();
    let mut builder = FanOut::builder(quorum).clock(Arc::new(clock.clone())).timer(Arc::new(clock.clone()));
    for (n, sink) in sinks.iter().enumerate() {
        builder = builder.sink(format!("sink-{n}"), sink.clone(), Duration::from_secs(5));
    }
    Setting { clock, sinks, fan_out: builder.build().unwrap() }
}

use Way::{Hangs, Keeps, Queues, Refuses};

#[tokio::test]
async fn a_quorum_decides() {
    let cases: [(Quorum, &[Way], bool); 8] = [
        (Quorum::Any, &[Refuses, Keeps, Refuses], true),
        (Quorum::Any, &[Refuses, Refuses], false),
        (Quorum::All, &[Keeps, Keeps], true),
        (Quorum::All, &[Keeps, Refuses], false),
        (Quorum::AtLeast(2), &[Keeps, Refuses, Keeps], true),
        (Quorum::AtLeast(2), &[Keeps, Refuses, Refuses], false),
        (Quorum::AtLeast(2), &[Keeps, Hangs, Keeps], true),
        (Quorum::All, &[Hangs, Refuses], false),
    ];
    for (quorum, ways, kept) in cases {
        let Setting { sinks, fan_out, .. } = setting(quorum, ways);
        // None of them needs the sink that hangs, so none waits.
        let answer = fan_out.record(event("a", None), Durability::Strict).ready().ok().unwrap();
        assert_eq!(answer.is_ok(), kept, "{quorum:?} of {ways:?}");
        assert!(sinks.iter().all(|sink| sink.seen.load(Ordering::SeqCst) == 1), "each got it");
    }
}

#[tokio::test]
async fn the_receipt_says_what_the_quorum_reached() {
    let (queued, stored) = (Some(Receipt::queued()), Some(Receipt::stored(7)));
    let cases: [(Quorum, &[Way], Durability, Option<Receipt>); 9] = [
        (Quorum::Any, &[Queues, Keeps], Durability::Strict, stored),
        (Quorum::Any, &[Queues, Keeps], Durability::Ordered, stored),
        (Quorum::Any, &[Queues, Refuses], Durability::Ordered, queued),
        (Quorum::All, &[Keeps, Queues], Durability::Ordered, queued),
        (Quorum::AtLeast(2), &[Keeps, Queues, Keeps], Durability::Strict, stored),
        (Quorum::AtLeast(2), &[Queues, Keeps, Queues], Durability::Ordered, queued),
        (Quorum::AtLeast(2), &[Queues, Keeps, Queues], Durability::Strict, None),
        (Quorum::All, &[Keeps, Queues], Durability::Strict, None),
        (Quorum::All, &[Queues, Queues], Durability::Async, queued),
    ];
    for (quorum, ways, durability, expected) in cases {
        let fan_out = setting(quorum, ways).fan_out;
        let answer = fan_out.record(event("a", Some("acme")), durability).ready().ok().unwrap();
        assert_eq!(answer.ok(), expected, "{quorum:?} of {ways:?}, {durability:?}");
    }
    let fan_out = setting(Quorum::Any, &[Queues, Keeps]).fan_out;
    let _ = fan_out.record(event("a", Some("acme")), Durability::Strict);
    let Health::Degraded(why) = answered(fan_out.check()).await else { panic!("one fails") };
    assert_eq!(why, "sink-0 only queues strict events");
}

/// A durable receipt that takes its time is waited for, and a queued one does not stand in for it.
#[tokio::test]
async fn a_strict_event_waits_for_durable_receipts() {
    let Setting { clock, fan_out, .. } = setting(Quorum::Any, &[Queues, Hangs]);
    let Answer::Pending(answer) = fan_out.record(event("a", Some("acme")), Durability::Strict) else {
        panic!("nobody has it for good yet");
    };
    until(|| clock.sleepers() > 0).await;
    clock.advance(Duration::from_secs(5));
    assert!(within(LONG, answer).await.unwrap().is_err());
    let dir = tempfile::tempdir().unwrap();
    let trail = AuditTrail::open(dir.path(), &Config::default()).unwrap();
    let builder = FanOut::builder(Quorum::Any)
        .sink("queues", setting(Quorum::Any, &[Queues]).sinks.remove(0), LONG)
        .sink("trail", Arc::new(trail.clone()), LONG)
        .clock(Arc::new(clock.clone()))
        .timer(Arc::new(clock));
    let fan_out = builder.build().unwrap();
    let receipt = answered(fan_out.record(event("a", Some("acme")), Durability::Strict)).await.unwrap();
    assert_eq!(receipt, Receipt::stored(1));
    // A trail only queues what strangers are refused, however it is asked: that must not become an outage.
    let mut refusal = event("a", None);
    refusal.outcome = Outcome::Denied;
    refusal.context.address = Some([192, 0, 2, 1].into());
    assert_eq!(answered(fan_out.record(refusal, Durability::Strict)).await.unwrap(), Receipt::queued());
    trail.close(LONG).unwrap();
}

#[tokio::test]
async fn a_sink_that_hangs_is_given_up_after_its_deadline() {
    let Setting { clock, fan_out, sinks } = setting(Quorum::All, &[Keeps, Hangs]);
    let Answer::Pending(answer) = fan_out.record(event("a", None), Durability::Strict) else {
        panic!("nobody knows yet");
    };
    tokio::task::yield_now().await;
    assert_eq!(answered(fan_out.check()).await, Health::Healthy, "it has time yet");
    clock.advance(Duration::from_secs(5));
    assert_eq!(within(LONG, answer).await.unwrap().unwrap_err().kind(), AuditErrorKind::Unavailable);
    let Health::Unhealthy(why) = answered(fan_out.check()).await else { panic!("no quorum") };
    assert_eq!(why, "sink-1 does not answer in time");
    *sinks[1].way.lock().unwrap() = Keeps;
    assert!(fan_out.record(event("b", None), Durability::Strict).ready().ok().unwrap().is_ok());
    assert_eq!(answered(fan_out.check()).await, Health::Healthy);
}

/// Events that nobody has to wait for don't, and the memory that a hanging sink holds is bounded.
#[tokio::test]
async fn a_sink_that_hangs_freezes_nothing_and_fills_nothing() {
    let Setting { clock, fan_out, sinks } = setting(Quorum::AtLeast(1), &[Hangs, Keeps]);
    for durability in [Durability::Async, Durability::Ordered, Durability::Strict] {
        for _ in 0..500 {
            assert!(fan_out.record(event("a", None), durability).ready().ok().unwrap().is_ok());
        }
    }
    assert_eq!(sinks[0].seen.load(Ordering::SeqCst), 1_024);
    assert_eq!(sinks[1].seen.load(Ordering::SeqCst), 1_500);
    assert!(matches!(answered(fan_out.check()).await, Health::Degraded(_)));
    // The tasks note their deadlines when they first run.
    until(|| clock.sleepers() > 0).await;
    clock.advance(Duration::from_secs(5));
    until(|| {
        let _ = fan_out.record(event("b", None), Durability::Async);
        sinks[0].seen.load(Ordering::SeqCst) > 1_024
    })
    .await;
}

#[test]
fn without_a_runtime_nobody_waits_for_ever() {
    let Setting { fan_out, .. } = setting(Quorum::All, &[Hangs, Keeps]);
    assert!(fan_out.record(event("a", None), Durability::Strict).ready().ok().unwrap().is_err());
}

#[test]
fn a_quorum_that_cannot_be_had_is_told() {
    let Setting { sinks, .. } = setting(Quorum::Any, &[Keeps]);
    let with = |quorum, sinks: &[Arc<Sink>], deadline| {
        let builder = FanOut::builder(quorum);
        sinks.iter().fold(builder, |builder, sink| builder.sink("x", sink.clone(), deadline)).build()
    };
    assert!(with(Quorum::All, &[], LONG).is_err());
    assert!(with(Quorum::AtLeast(0), &sinks, LONG).is_err());
    assert!(with(Quorum::AtLeast(2), &sinks, LONG).is_err());
    assert!(with(Quorum::Any, &sinks, Duration::ZERO).is_err());
}

#[tokio::test]
async fn two_trails_keep_the_same_events() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let trails = [&one, &two].map(|dir| AuditTrail::open(dir.path(), &Config::default()).unwrap());
    let builder = FanOut::builder(Quorum::All)
        .sink("one", Arc::new(trails[0].clone()), LONG)
        .sink("two", Arc::new(trails[1].clone()), LONG)
        .clock(Arc::new(ManualClock::default()))
        .timer(Arc::new(ManualClock::default()));
    let fan_out = builder.build().unwrap();
    for n in 0..10 {
        let receipt =
            answered(fan_out.record(event(&n.to_string(), Some("acme")), Durability::Strict)).await.unwrap();
        assert!(receipt.durable);
    }
    for (trail, dir) in trails.iter().zip([&one, &two]) {
        trail.close(LONG).unwrap();
        assert_eq!(verify(dir.path(), &VerifyOptions::default()).unwrap().events, 10);
    }
}
