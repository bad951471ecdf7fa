//! Sinks remember, fail and block as they say.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gambeson_core::{
    Answer, AuditEvent, AuditKind, AuditSink, CostRecord, CostSink, Currency, Durability, Money, Outcome,
    Timestamp,
};
use gambeson_testing::{
    BlockingAuditSink, FailingAuditSink, RecordingAuditSink, RecordingCostSink, eventually,
};

fn event() -> AuditEvent {
    AuditEvent::new(AuditKind::Application, "note.export", Outcome::Success, Timestamp::default())
}

#[test]
fn recorded_events_and_costs_can_be_read() {
    let sink = RecordingAuditSink::new();
    let Answer::Ready(Ok(receipt)) = sink.clone().record(event(), Durability::Strict) else {
        panic!("not ready")
    };
    assert!(receipt.durable);
    assert_eq!((sink.events(), sink.durabilities()), (vec![event()], vec![Durability::Strict]));

    let costs = RecordingCostSink::new();
    let cost = CostRecord::new(Money::from_nanos(5, Currency::USD), Timestamp::default());
    costs.clone().record(&cost);
    assert_eq!(costs.records(), [cost]);
}

#[test]
fn a_failing_sink_fails() {
    let answer = FailingAuditSink.record(event(), Durability::Async);
    assert!(matches!(answer, Answer::Ready(Err(_))));
}

#[test]
fn a_blocking_sink_blocks_until_released() {
    let sink = BlockingAuditSink::new();
    assert!(matches!(sink.record(event(), Durability::Async), Answer::Ready(Ok(_))));
    let Answer::Pending(mut waiting) = sink.record(event(), Durability::Strict) else {
        panic!("did not block")
    };
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    sink.release();
    assert!(matches!(waiting.as_mut().poll(&mut context), Poll::Ready(Ok(_))));
    assert_eq!(sink.events().len(), 2);
}

#[tokio::test]
async fn eventually_gives_up_at_its_deadline() {
    let never = || std::future::ready(None::<()>);
    assert_eq!(eventually(Duration::ZERO, never).await, None);
}
