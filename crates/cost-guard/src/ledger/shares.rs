//! What each caller holds of the budgets that callers share.

use std::collections::HashMap;

use super::entries::MAX_BUDGETS;
use crate::keys::BuildAsIs;

/// What each caller holds, of all windows; only callers with holds.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// One of them, without a look into a table: with few calls under way it is the one that is asked for.
    one: (u128, Held),
    others: HashMap<u128, Held, BuildAsIs>,
}

/// By budget.
type Held = [u64; MAX_BUDGETS];

impl Shares {
    /// What a caller holds; 0 is nobody.
    pub(super) fn of(&self, caller: u128) -> Option<&Held> {
        match self.one.0 == caller {
            true => (caller != 0).then_some(&self.one.1),
            false if self.others.is_empty() => None,
            false => self.others.get(&caller),
        }
    }

    /// Where to note what a caller holds in addition.
    pub(super) fn entry(&mut self, caller: u128) -> Option<&mut Held> {
        if caller == 0 {
            return None;
        }
        if self.one.0 != caller && (self.one.0 != 0 || self.others.contains_key(&caller)) {
            return Some(self.others.entry(caller).or_default());
        }
        self.one.0 = caller;
        Some(&mut self.one.1)
    }

    /// Where to note that a caller holds less; [`Shares::tidy`] is to follow.
    pub(super) fn get_mut(&mut self, caller: u128) -> Option<&mut Held> {
        match self.one.0 == caller {
            true => (caller != 0).then_some(&mut self.one.1),
            false => self.others.get_mut(&caller),
        }
    }

    /// Forgets a caller who holds nothing.
    pub(super) fn tidy(&mut self, caller: u128) {
        if self.one.0 == caller {
            if is_none(&self.one.1) {
                self.one.0 = 0;
            }
        } else if self.others.get(&caller).is_some_and(is_none) {
            self.others.remove(&caller);
        }
    }
}

fn is_none(held: &Held) -> bool {
    held.iter().all(|amount| *amount == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(shares: &mut Shares, caller: u128, amount: u64) {
        shares.entry(caller).unwrap()[2] += amount;
    }

    fn give_back(shares: &mut Shares, caller: u128, amount: u64) {
        shares.get_mut(caller).unwrap()[2] -= amount;
        shares.tidy(caller);
    }

    #[test]
    fn callers_are_kept_apart_and_forgotten_with_their_last_hold() {
        let mut shares = Shares::default();
        assert!(shares.of(0).is_none() && shares.entry(0).is_none() && shares.get_mut(0).is_none());
        for caller in [7, 8, 9, 8] {
            hold(&mut shares, caller, 5);
        }
        give_back(&mut shares, 7, 5);
        assert!(shares.of(7).is_none());
        // The place of the first is free now; nobody may have two.
        hold(&mut shares, 8, 1);
        assert_eq!(shares.of(8).unwrap()[2], 11);
        hold(&mut shares, 10, 3);
        give_back(&mut shares, 8, 11);
        give_back(&mut shares, 10, 3);
        assert_eq!(shares.of(9).unwrap()[2], 5);
        give_back(&mut shares, 9, 5);
        assert!(shares.others.is_empty() && shares.one.0 == 0);
    }
}
