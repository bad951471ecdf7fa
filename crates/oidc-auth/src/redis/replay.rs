//! Proofs that were used at any instance.

use std::fmt;

use ::redis::{Value, cmd};
use gambeson_core::Answer;

use super::link::{Ask, Link};
use super::names::Names;
use super::telemetry;
use crate::dpop::{ReplayError, ReplayStore, UsedProof};

/// Remembers DPoP proofs for all instances: a proof works once, wherever it is sent. Made by
/// [`RedisStores::replay`](super::RedisStores::replay).
///
/// One round trip a proof: `SET … NX PX`. Redis forgets a proof when it is too old to be used. Asked only about proofs that were found good,
/// so that strangers without a bound token fill nothing.
#[derive(Clone)]
pub struct RedisReplay {
    link: Link,
    names: Names,
}

impl RedisReplay {
    pub(super) fn new(link: Link, names: Names) -> Self {
        Self { link, names }
    }
}

impl ReplayStore for RedisReplay {
    fn remember(&self, proof: UsedProof) -> Answer<Result<bool, ReplayError>> {
        let (link, key) = (self.link.clone(), self.names.proof(proof.id.as_bytes()));
        // A millisecond more than none: PX takes no 0.
        let millis = proof.until.since(proof.now).as_millis() + 1;
        Answer::pending(async move {
            let mut command = cmd("SET");
            command.arg(key).arg(1).arg("NX").arg("PX").arg(u64::try_from(millis).unwrap_or(u64::MAX));
            match link.ask(Ask::One(command)).await {
                Ok(Value::Okay) => Ok(true),
                Ok(Value::Nil) => Ok(false),
                Ok(_) => Err(ReplayError::Unavailable),
                Err(error) => {
                    telemetry::failed("proofs", &error);
                    Err(ReplayError::Unavailable)
                }
            }
        })
    }
}

impl fmt::Debug for RedisReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplay").field("link", &self.link).finish_non_exhaustive()
    }
}
