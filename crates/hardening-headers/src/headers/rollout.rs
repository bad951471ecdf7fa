//! For which answers a second policy is tried.

/// The share of answers that carry a policy which only reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout(u8);

impl Rollout {
    /// Every document.
    #[must_use]
    pub const fn all() -> Self {
        Self(100)
    }

    /// This many of a hundred documents, each by lot. More than 100 is refused at build; 0 is none.
    #[must_use]
    pub const fn percent(percent: u8) -> Self {
        Self(percent)
    }

    /// What can't be meant.
    pub(super) fn problem(self) -> Option<&'static str> {
        (self.0 > 100).then_some("write a share of 0 to 100 percent")
    }

    pub(super) fn as_percent(self) -> u8 {
        self.0
    }

    /// Whether an answer that drew this lot is one of them.
    pub(super) fn takes(self, draw: impl FnOnce() -> Option<u32>) -> bool {
        match self.0 {
            0 => false,
            100.. => true,
            // Without randomness nobody is chosen: a missing report is better than a flood of them.
            percent => draw().is_some_and(|lot| u64::from(lot) * 100 < u64::from(percent) << 32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rollout;

    #[test]
    fn the_share_is_exact_at_its_ends() {
        let one = u32::MAX / 100;
        assert!(Rollout::percent(1).takes(|| Some(one)) && !Rollout::percent(1).takes(|| Some(one + 1)));
        assert!(Rollout::percent(99).takes(|| Some(0)) && !Rollout::percent(99).takes(|| Some(u32::MAX)));
        assert!(!Rollout::percent(50).takes(|| None));
        assert!(Rollout::all().takes(|| None) && !Rollout::percent(0).takes(|| Some(0)));
    }
}
