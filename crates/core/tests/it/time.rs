//! The end of a credential, by a clock that is set by hand.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gambeson_core::{Clock, ManualClock, Principal, Timer, Timestamp};

fn poll<T>(future: std::pin::Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_long_answer_ends_when_the_credential_does() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
    let alice = Principal::user("i", "alice").expires_at(Timestamp::from_unix_seconds(1_060)).build();
    let mut ended = pin!(alice.ended(&clock, &clock, Duration::from_secs(5)));
    assert!(poll(ended.as_mut()).is_pending());
    clock.advance(Duration::from_secs(64));
    assert!(poll(ended.as_mut()).is_pending());
    clock.advance(Duration::from_secs(1));
    assert!(poll(ended).is_ready());
}

#[test]
fn a_long_answer_ends_when_the_credential_is_revoked() {
    let clock = ManualClock::at(Timestamp::default());
    let alice = Principal::user("i", "alice").build();
    let mut ended = pin!(alice.ended(&clock, &clock, Duration::ZERO));
    assert!(poll(ended.as_mut()).is_pending());
    alice.clone().end_signal().end();
    assert!(poll(ended).is_ready());
}

#[test]
fn setting_the_wall_clock_moves_no_timer() {
    let clock = ManualClock::at(Timestamp::default());
    let mut timer = clock.until(clock.monotonic().plus(Duration::from_secs(1)));
    clock.set(Timestamp::from_unix_seconds(1_000_000));
    assert!(poll(timer.as_mut()).is_pending());
    assert_eq!(clock.sleepers(), 1);
    clock.advance(Duration::from_secs(1));
    assert!(poll(timer.as_mut()).is_ready());
}

#[test]
fn a_moment_is_written_as_rfc_3339_has_it() {
    for (nanos, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
        (1_763_885_730_250_999_999, "2025-11-23T08:15:30.250Z"),
        (4_107_542_399_999_000_000, "2100-02-28T23:59:59.999Z"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
        (i64::MIN, "1677-09-21T00:12:43.145Z"),
        (i64::MAX, "2262-04-11T23:47:16.854Z"),
    ] {
        assert_eq!(Timestamp::from_unix_nanos(nanos).to_string(), text);
    }
}
