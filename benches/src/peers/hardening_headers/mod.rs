//! Layers that put headers onto answers, and limiters by address.

mod headers;
mod limiters;

use crate::Case;

pub(super) fn join(case: Case) -> Case {
    match case.name {
        "headers_web_no_nonce" => headers::join(case),
        "limiter_miss" => case.peer("tower-governor", limiters::tower_governor),
        "limiter_1m_keys" => case.peer("governor", limiters::governor),
        _ => case,
    }
}
