//! When a token is renewed, and when a failure is tried again.

use std::time::Duration;

use gambeson_core::Entropy;

/// The longest a token is kept, whatever its issuer says.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The first and the longest wait after failures.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// When a token of this lifetime is renewed, and when it is not used any more, both counted from when it was asked for:
/// a random point between 70 % and 85 % of it, so that many instances don't come at once; and a tenth, at most ten seconds,
/// before its end, for the way to who checks it.
pub(super) fn points(lifetime: Duration, entropy: &dyn Entropy) -> (Duration, Duration) {
    let lifetime = lifetime.min(LONGEST);
    let margin = (lifetime / 10).min(Duration::from_secs(10));
    (lifetime.mul_f64(0.7 + 0.15 * random(entropy)), lifetime.saturating_sub(margin))
}

/// How long after the n-th failure in a row the next try is due: doubling, of which a random half.
pub(super) fn wait_after(failures: u32, entropy: &dyn Entropy) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(LONGEST_WAIT).mul_f64(0.5 + 0.5 * random(entropy))
}

/// From 0 up to, not including, 1. Without randomness the latest point: it spreads nothing, but endangers nothing.
pub(super) fn random(entropy: &dyn Entropy) -> f64 {
    let mut bytes = [0; 4];
    match entropy.fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.999,
    }
}

#[cfg(test)]
mod tests {
    use gambeson_core::FixedEntropy;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_renewed_before_it_is_not_used_any_more(seconds in 0_u64..10_000_000, seed: u64) {
            let lifetime = Duration::from_secs(seconds);
            let (renew, end) = points(lifetime, &FixedEntropy::starting_at(seed));
            prop_assert!(renew <= end && end <= lifetime && end <= LONGEST);
            prop_assert!(renew >= lifetime.min(LONGEST).mul_f64(0.699));
        }

        #[test]
        fn waits_grow_and_end_at_the_longest(failures in 1_u32..200, seed: u64) {
            let wait = wait_after(failures, &FixedEntropy::starting_at(seed));
            prop_assert!(wait >= FIRST_WAIT / 2 && wait <= LONGEST_WAIT);
            prop_assert!(wait >= (FIRST_WAIT * (1 << failures.min(6))).min(LONGEST_WAIT) / 4);
        }
    }
}
