//! Amounts as people write them, without floating point.

use gambeson_core::{Currency, Money};

/// A decimal number as a whole count of its `scale`-th decimals: `"0.05"` at scale 9 is 50,000,000. `None` unless it is
/// digits with at most one point and at most `scale` decimals, and fits.
pub(crate) fn decimal(text: &str, scale: u32) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let count = u32::try_from(decimals.len()).ok()?;
    if whole.is_empty() || !digits(whole) || !digits(decimals) || count > scale {
        return None;
    }
    let fraction = if decimals.is_empty() { 0 } else { decimals.parse::<u64>().ok()? };
    let fraction = fraction.checked_mul(10_u64.checked_pow(scale - count)?)?;
    whole.parse::<u64>().ok()?.checked_mul(10_u64.checked_pow(scale)?)?.checked_add(fraction)
}

/// An amount such as `0.05 USD`; `None` when it is no number with at most nine decimals and a currency code.
pub(crate) fn amount(text: &str) -> Option<Money> {
    let (number, code) = text.trim().split_once(' ')?;
    let nanos = i64::try_from(decimal(number, 9)?).ok()?;
    Some(Money::from_nanos(nanos, Currency::new(code.trim_start()).ok()?))
}

/// The amount in nano-units; a negative one is none at all.
pub(crate) fn nanos(money: Money) -> u64 {
    u64::try_from(money.nanos()).unwrap_or(0)
}

/// Nano-units as money; more than there is room for is as much as there is room for.
pub(crate) fn money(nanos: u64, currency: Currency) -> Money {
    Money::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX), currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!(amount("0.05 USD"), Some(Money::from_nanos(50_000_000, Currency::USD)));
        assert_eq!(amount("500 EUR"), Some(Money::from_nanos(500_000_000_000, Currency::EUR)));
        for wrong in ["", "1", "1 usd", "-1 USD", "1e3 USD", ".5 USD", "1.0000000001 USD", "9300000000 USD"] {
            assert_eq!(amount(wrong), None, "{wrong}");
        }
    }
}
