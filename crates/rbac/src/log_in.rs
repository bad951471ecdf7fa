//! How strong and how fresh a log-in must be (RFC 9470).

use std::time::Duration;

use gambeson_core::{Principal, Timestamp};

/// How far the issuer's clock may differ, and what the way back from it may take.
const LEEWAY: Duration = Duration::from_secs(30);

/// What a log-in must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogIn {
    /// One of these authentication contexts (`acr`); empty: any.
    pub(crate) contexts: Box<[Box<str>]>,
    /// No longer ago than this; `None`: its age does not matter.
    pub(crate) max_age: Option<Duration>,
}

impl LogIn {
    /// Whether the caller's log-in is strong and fresh enough. One of an unknown age may be any age, and one in the future is a
    /// clock's mistake: neither is a proof. A service has none, so it meets nothing.
    pub(crate) fn met_by(&self, caller: &Principal, now: Timestamp) -> bool {
        let strong = self.contexts.is_empty()
            || caller.acr().is_some_and(|acr| self.contexts.iter().any(|context| **context == *acr));
        let fresh = |max_age| {
            caller
                .auth_time()
                .is_some_and(|at| at <= now.plus(LEEWAY) && now <= at.plus(max_age).plus(LEEWAY))
        };
        strong && self.max_age.is_none_or(fresh)
    }

    /// The contexts, separated by spaces.
    pub(crate) fn acr_values(&self) -> String {
        self.contexts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_is_strong_and_fresh_enough_or_not() {
        let at = Timestamp::from_unix_seconds;
        let met = |contexts: &[&str], max_age: Option<u64>, acr: Option<&str>, age: Option<i64>| {
            let builder = Principal::user("i", "alice");
            let builder = acr.into_iter().fold(builder, |builder, acr| builder.acr(acr));
            let builder = age.into_iter().fold(builder, |builder, age| builder.auth_time(at(1_000 - age)));
            let contexts = contexts.iter().map(|context| Box::from(*context)).collect();
            let wanted = LogIn { contexts, max_age: max_age.map(Duration::from_secs) };
            wanted.met_by(&builder.build(), at(1_000))
        };
        assert!(met(&["a", "b"], None, Some("b"), None));
        assert!(!met(&["a", "b"], None, Some("a b"), None) && !met(&["a", "b"], None, None, None));
        assert!(met(&[], Some(60), None, Some(90)) && !met(&[], Some(60), None, Some(91)));
        assert!(met(&[], Some(0), None, Some(30)) && !met(&[], Some(0), None, Some(31)), "just now");
        assert!(met(&[], Some(60), None, Some(-30)) && !met(&[], Some(60), None, Some(-31)), "in the future");
        assert!(!met(&[], Some(60), None, None) && !met(&["a"], Some(60), Some("b"), Some(0)));
    }
}
