//! Money in whole nano-units, with checked arithmetic only.

use std::fmt;

use crate::word::{plain_error, shown};

/// A three-letter currency code (ISO 4217), upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// US dollars.
    pub const USD: Self = Self(*b"USD");
    /// Euros.
    pub const EUR: Self = Self(*b"EUR");

    /// The currency of this code.
    ///
    /// # Errors
    /// Anything but three upper-case ASCII letters.
    pub fn new(code: &str) -> Result<Self, MoneyError> {
        match code.as_bytes() {
            bytes @ [a, b, c] if bytes.iter().all(u8::is_ascii_uppercase) => Ok(Self([*a, *b, *c])),
            _ => Err(MoneyError::Currency),
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

shown!(Debug for Currency, |currency| currency.as_str());

/// An amount in billionths of a currency's unit. No floating point, no silent overflow, no mixing of currencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    nanos: i64,
    currency: Currency,
}

/// Why an amount could not be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MoneyError {
    /// Not a currency code.
    Currency,
    /// Two currencies in one sum.
    MixedCurrencies,
    /// More than nine billion units.
    Overflow,
}

plain_error!(MoneyError, |error| match error {
    Self::Currency => "not a currency code of three upper-case letters",
    Self::MixedCurrencies => "amounts of two currencies in one sum",
    Self::Overflow => "amount out of range",
});

impl Money {
    /// This many billionths of a unit.
    pub const fn from_nanos(nanos: i64, currency: Currency) -> Self {
        Self { nanos, currency }
    }

    /// Billionths of a unit.
    pub const fn nanos(self) -> i64 {
        self.nanos
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    /// Different currencies, or out of range.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference.
    ///
    /// # Errors
    /// Different currencies, or out of range.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(self, other: Self, op: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::MixedCurrencies);
        }
        op(self.nanos, other.nanos).map(|nanos| Self { nanos, ..self }).ok_or(MoneyError::Overflow)
    }
}

/// The amount in decimals without needless zeros, then the code: `0.05 USD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.nanos < 0 { "-" } else { "" };
        let nanos = self.nanos.unsigned_abs();
        let units = nanos / 1_000_000_000;
        let decimals = format!("{:09}", nanos % 1_000_000_000);
        let kept = decimals.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{units}.{} {}", &decimals[..kept], self.currency.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_checked() {
        let usd = |nanos| Money::from_nanos(nanos, Currency::USD);
        assert_eq!(usd(1).checked_add(usd(2)), Ok(usd(3)));
        assert_eq!(usd(i64::MAX).checked_add(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(1).checked_sub(Money::from_nanos(1, Currency::EUR)), Err(MoneyError::MixedCurrencies));
        assert_eq!(Currency::new("usd"), Err(MoneyError::Currency));
    }

    #[test]
    fn amounts_read_naturally() {
        for (nanos, text) in [(50_000_000, "0.05 USD"), (-1_500_000_001, "-1.500000001 USD"), (0, "0.00 USD")]
        {
            assert_eq!(Money::from_nanos(nanos, Currency::USD).to_string(), text);
        }
    }
}
