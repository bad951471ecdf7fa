//! What could not be kept, counted by cause.

use gambeson_core::Timestamp;

/// Why events were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    QueueFull,
    WriteFailed,
    Keys,
    Quota,
    DiskLow,
}

impl Cause {
    pub(crate) const ALL: [Self; 5] =
        [Self::QueueFull, Self::WriteFailed, Self::Keys, Self::Quota, Self::DiskLow];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::WriteFailed => "write_failed",
            Self::Keys => "keys",
            Self::Quota => "quota",
            Self::DiskLow => "disk_low",
        }
    }
}

/// How many events of which span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) count: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Loss {
    /// Nothing yet; `at` is when it began.
    pub(crate) const fn none(at: Timestamp) -> Self {
        Self { count: 0, first: at, last: at }
    }

    /// One more.
    pub(crate) fn add(&mut self, at: Timestamp) {
        if self.count == 0 {
            *self = Self::none(at);
        }
        self.count = self.count.saturating_add(1);
        self.first = self.first.min(at);
        self.last = self.last.max(at);
    }
}

/// Losses that no gap record tells yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Losses([Option<Loss>; 5]);

impl Losses {
    pub(crate) fn add(&mut self, cause: Cause, at: Timestamp) {
        self.add_many(cause, Loss { count: 1, first: at, last: at });
    }

    pub(crate) fn add_many(&mut self, cause: Cause, loss: Loss) {
        self.merge_one(cause as usize, loss);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (slot, loss) in other.0.into_iter().enumerate() {
            if let Some(loss) = loss {
                self.merge_one(slot, loss);
            }
        }
    }

    fn merge_one(&mut self, slot: usize, more: Loss) {
        let Some(slot) = self.0.get_mut(slot) else {
            return;
        };
        let loss = slot.get_or_insert(Loss { count: 0, ..more });
        loss.count = loss.count.saturating_add(more.count);
        loss.first = loss.first.min(more.first);
        loss.last = loss.last.max(more.last);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Cause, Loss)> {
        Cause::ALL.into_iter().zip(self.0).filter_map(|(cause, loss)| Some((cause, loss?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_summed_by_cause() {
        let at = Timestamp::from_unix_seconds;
        let mut losses = Losses::default();
        losses.add(Cause::Quota, at(5));
        let mut more = Losses::default();
        more.add(Cause::Quota, at(3));
        more.add(Cause::QueueFull, at(9));
        losses.merge(more);
        let told: Vec<_> = losses.iter().map(|(cause, loss)| (cause, loss.count, loss.first)).collect();
        assert_eq!(told, [(Cause::QueueFull, 1, at(9)), (Cause::Quota, 2, at(3))]);
    }
}
