//! How often one client network may call.

use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems, Gcra, Mode};

use super::fields::{Fields, RateFields};

use crate::check::HH100;

/// What the table's times are rounded to: 1,024 ns, so that 48 bits last nine years.
pub(super) const UNIT: u64 = 1 << UNIT_BITS;
pub(super) const UNIT_BITS: u32 = 10;

/// The longest time in which a burst comes back, in seconds. What is owed then stays far from the end of the table's times,
/// behind which it would be forgotten.
const LONGEST_WINDOW: u64 = 86_400;

/// How often one client network may call, and how that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct EdgeRate {
    /// Requests per period. Default: 20.
    pub count: u32,
    /// The period in seconds; in a file `period = "1s"`. Default: 1.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "period", deserialize_with = "crate::config::human::seconds")
    )]
    pub period_seconds: u32,
    /// Requests that may come at once, at most what the rate gives back in a day. Default: 60.
    pub burst: u32,
    /// Leading bits of an IPv6 address that make one client, 32 to 128. Default: 64, what one customer line gets.
    pub v6_prefix: u8,
    /// The table's size in bytes, rounded up to a power of two; 1 KiB to 1 GiB; in a file `table = "512KiB"`. Default: 512 KiB, 65,536 clients.
    #[cfg_attr(feature = "serde", serde(rename = "table", deserialize_with = "crate::config::human::bytes"))]
    pub table_bytes: usize,
    /// What a request costs *more* when it was refused for its credential. Default: 1, so that a client that only
    /// fails has half the rate; log-in endpoints add more with [`penalise`](super::EdgeLimitLayer::penalise).
    pub credential_charge: u32,
    /// Which fields tell a client about its limit. Default: those of the newest draft.
    pub fields: RateFields,
    /// Whether passing answers carry them too, at three allocations each. Default: no, refusals only.
    pub fields_on_pass: bool,
    /// Whether it refuses or only counts. Default: it refuses.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::mode"))]
    pub mode: Mode,
}

impl Default for EdgeRate {
    fn default() -> Self {
        Self::per_second(20).burst(60)
    }
}

impl EdgeRate {
    /// So many a second, and three times as many at once.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self {
            count,
            period_seconds: 1,
            burst: count.saturating_mul(3),
            v6_prefix: 64,
            table_bytes: 512 << 10,
            credential_charge: 1,
            fields: RateFields::Draft11,
            fields_on_pass: false,
            mode: Mode::Enforce,
        }
    }

    /// So many a minute, and as many at once.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self { period_seconds: 60, burst: count, ..Self::per_second(count) }
    }

    /// So many may come at once.
    #[must_use]
    pub const fn burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }

    /// So many leading bits of an IPv6 address make one client.
    #[must_use]
    pub const fn v6_prefix(self, bits: u8) -> Self {
        Self { v6_prefix: bits, ..self }
    }

    /// The size of the table.
    #[must_use]
    pub const fn table_bytes(self, bytes: usize) -> Self {
        Self { table_bytes: bytes, ..self }
    }

    /// What a failed credential costs on top.
    #[must_use]
    pub const fn credential_charge(self, more: u32) -> Self {
        Self { credential_charge: more, ..self }
    }

    /// Which fields tell a client about its limit.
    #[must_use]
    pub const fn fields(self, fields: RateFields) -> Self {
        Self { fields, ..self }
    }

    /// Passing answers carry these fields too.
    #[must_use]
    pub const fn fields_on_pass(self) -> Self {
        Self { fields_on_pass: true, ..self }
    }

    /// Enforces, or observes until a date.
    #[must_use]
    pub const fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The rate as arithmetic, its interval a whole number of table units (rounded up, so never more than asked for).
    pub(super) fn gcra(&self) -> Option<Gcra> {
        let interval = (u64::from(self.period_seconds) * 1_000_000_000).checked_div(u64::from(self.count))?;
        Gcra::new(1, Duration::from_nanos(interval.next_multiple_of(UNIT)), self.burst)
    }

    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        let mut wrong = |field: &str, value: String, cure: &str| {
            problems.add(format!("hardening-headers.rate.{field}"), value, HH100.says(cure));
        };
        let (count, period, burst) =
            (u64::from(self.count), u64::from(self.period_seconds), u64::from(self.burst));
        if count == 0 || count > 100_000 * period.max(1) {
            wrong(
                "count",
                self.count.to_string(),
                "write 1 to 100,000 a second; EdgeLimitLayer::off() limits nothing",
            );
        }
        if self.period_seconds == 0 || self.period_seconds > 86_400 {
            wrong("period", self.period_seconds.to_string(), "write 1 to 86,400 seconds");
        }
        if burst == 0 || burst > 1_000_000 {
            wrong("burst", self.burst.to_string(), "write 1 to 1,000,000 requests");
        } else if burst * period > count * LONGEST_WINDOW && count > 0 {
            wrong(
                "burst",
                self.burst.to_string(),
                "a burst must come back within a day (burst × period ÷ count): write a smaller one, or a higher count",
            );
        }
        if !(32..=128).contains(&self.v6_prefix) {
            wrong("v6-prefix", self.v6_prefix.to_string(), "write 32 to 128 bits; 64 is what one line gets");
        }
        if !(1 << 10..=1 << 30).contains(&self.table_bytes) {
            wrong("table", self.table_bytes.to_string(), "write 1 KiB (1024) to 1 GiB (1073741824)");
        }
    }

    /// The arithmetic and the header fields of a configuration that was found good.
    pub(super) fn parts(&self) -> Result<(Gcra, Fields), ConfigError> {
        let mut problems = ConfigProblems::new();
        self.check(&mut problems);
        problems.check()?;
        match (self.gcra(), Fields::of(self)) {
            (Some(gcra), Some(fields)) => Ok((gcra, fields)),
            _ => Err(ConfigError::one(
                "hardening-headers.rate",
                format!("{self:?}"),
                "write a rate that is not zero",
            )),
        }
    }
}
