//! Prices by model, in versions that each hold from a date on.

use std::collections::HashMap;
use std::path::Path;

use gambeson_core::{ConfigError, Currency, Money, Timestamp};

use super::error::{PriceError, PriceErrorKind};
use super::meter::{Meter, Usage};
use super::read;
use crate::money::money;

/// What things cost: whole pico-units (10⁻¹² of the currency's unit) per metered unit, in versions with a date.
///
/// What has no price is refused, never free. An amount is rounded up to nano-units, once per line.
///
/// ```
/// use gambeson_core::Timestamp;
/// use gambeson_cost_guard::{Meter, PriceTable, Usage};
///
/// let prices = PriceTable::from_toml(r#"
///     format = 1
///     currency = "USD"
///     [[versions]]
///     valid-from = "2026-01-01"
///     [versions.prices."demo/summarizer-1"]
///     call = "0.005"
///     input-token = "5.00/1M"
///     output-token = "25.00/1M"
/// "#).unwrap();
/// let at = Timestamp::from_unix_seconds(1_800_000_000);
/// let usage = Usage::call().with(Meter::InputToken, 1_000).with(Meter::OutputToken, 200);
/// assert_eq!(prices.quote("demo/summarizer-1", &usage, at).unwrap().amount().to_string(), "0.015 USD");
///
/// let unknown = prices.quote("demo/other", &usage, at).unwrap_err();
/// assert!(unknown.to_string().contains(r#"add [versions.prices."demo/other"]"#));
/// ```
#[derive(Debug, Clone)]
pub struct PriceTable {
    pub(super) currency: Currency,
    /// Oldest first.
    pub(super) versions: Vec<Version>,
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) from: Timestamp,
    pub(super) models: HashMap<Box<str>, Rates>,
}

/// Pico-units by meter.
pub(super) type Rates = [Option<u64>; Meter::ALL.len()];

/// What a usage costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    amount: Money,
    valid_from: Timestamp,
}

impl Quote {
    /// The amount, rounded up once per line.
    #[must_use]
    pub const fn amount(&self) -> Money {
        self.amount
    }

    /// From when on the version of the prices holds that was used.
    #[must_use]
    pub const fn valid_from(&self) -> Timestamp {
        self.valid_from
    }
}

impl PriceTable {
    /// The prices of this file.
    ///
    /// # Errors
    /// A file that can't be read, and everything that is wrong in it at once.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let cure = format!("the price file can't be read ({error}): name one that is there");
            ConfigError::one("prices", path.display().to_string(), cure)
        })?;
        Self::from_toml(&text)
    }

    /// The prices of this TOML text.
    ///
    /// `format = 1`, `currency`, and `[[versions]]` with `valid-from` (a date, at 00:00 UTC, or an RFC 3339 time) and
    /// `[versions.prices."model"]`. A price is a string of decimals per unit, per thousand or per million (`"0.01"`,
    /// `"3.00/1K"`, `"2.50/1M"`), or a whole number of pico-units. A model that costs nothing says `free = true`.
    ///
    /// # Errors
    /// Everything that is wrong in it at once.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        read::table(text)
    }

    /// The currency of all prices.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// What this usage of a model costs at a time.
    ///
    /// # Errors
    /// [`PriceErrorKind::Unpriced`] when there is no price, by its text what to add; an amount out of range.
    pub fn quote(&self, model: &str, usage: &Usage, at: Timestamp) -> Result<Quote, PriceError> {
        let version = self.version_at(model, at)?;
        let Some(rates) = version.models.get(model) else {
            let text = format!("no price for {model:?}: add [versions.prices.{model:?}] to the price file");
            return Err(PriceError::unpriced(text));
        };
        let mut nanos: u64 = 0;
        for (meter, units) in usage.lines() {
            let line = line(rates, meter, units).map_err(|kind| unpriced(kind, model, meter))?;
            nanos =
                nanos.checked_add(line).ok_or_else(|| unpriced(PriceErrorKind::Overflow, model, meter))?;
        }
        Ok(Quote { amount: money(nanos, self.currency), valid_from: version.from })
    }

    /// Whether the model has a price at this time.
    #[must_use]
    pub fn knows(&self, model: &str, at: Timestamp) -> bool {
        self.version_at(model, at).is_ok_and(|version| version.models.contains_key(model))
    }

    fn version_at(&self, model: &str, at: Timestamp) -> Result<&Version, PriceError> {
        self.versions.iter().rev().find(|version| version.from <= at).ok_or_else(|| {
            let text = format!("no prices hold at {at} for {model:?}: add a version that is valid from then");
            PriceError::unpriced(text)
        })
    }
}

fn unpriced(kind: PriceErrorKind, model: &str, meter: Meter) -> PriceError {
    let meter = meter.as_str();
    let text = match kind {
        PriceErrorKind::Overflow => format!("the amount for {model:?} is out of range at {meter}"),
        _ => format!("no price for {meter} of {model:?}: add {meter} = \"…\" to it in the price file"),
    };
    PriceError { kind, text }
}

/// One line in nano-units, rounded up.
fn line(rates: &Rates, meter: Meter, units: u64) -> Result<u64, PriceErrorKind> {
    let own = rates.get(meter as usize).copied().flatten();
    let stand_in = || rates.get(meter.stand_in()? as usize).copied().flatten();
    let picos = own.or_else(stand_in).ok_or(PriceErrorKind::Unpriced)?;
    let nanos = (u128::from(picos) * u128::from(units)).div_ceil(1_000);
    // The shared word for money is signed.
    u64::try_from(nanos).ok().filter(|nanos| i64::try_from(*nanos).is_ok()).ok_or(PriceErrorKind::Overflow)
}
