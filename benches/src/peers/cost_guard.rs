//! governor's keyed limiter and recloser's breaker: both are called by themselves, neither is a layer.

use std::hint::black_box;
use std::num::NonZeroU32;

use governor::{Quota, RateLimiter};
use recloser::Recloser;

use crate::Case;

pub(super) fn join(case: Case) -> Case {
    match case.name {
        "quota_layer_pass" => case.peer("governor", || {
            let limiter = RateLimiter::keyed(Quota::per_second(NonZeroU32::MAX));
            let key = String::from("alice");
            Box::new(move || {
                let _ = black_box(limiter.check_key(black_box(&key)));
            })
        }),
        "breaker_closed" => case.peer("recloser", || {
            let breaker = Recloser::default();
            Box::new(move || {
                black_box(breaker.call(|| Ok::<_, ()>(())).is_ok());
            })
        }),
        _ => case,
    }
}
