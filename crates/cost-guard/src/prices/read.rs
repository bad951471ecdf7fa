//! Reads a price file, and says all that is wrong with it.

use std::collections::HashMap;

use gambeson_core::{ConfigError, ConfigProblems, Currency, Timestamp};
use toml::{Table, Value};

use super::meter::Meter;
use super::table::{PriceTable, Rates, Version};
use crate::money::decimal;

pub(super) fn table(text: &str) -> Result<PriceTable, ConfigError> {
    let file: Table = text
        .parse()
        .map_err(|error: toml::de::Error| ConfigError::one("prices", "", format!("not TOML: {error}")))?;
    let mut problems = ConfigProblems::new();
    unknown(&file, "prices", &["format", "currency", "versions"], &mut problems);
    if file.get("format").and_then(Value::as_integer) != Some(1) {
        problems.add("prices.format", shown(file.get("format")), "write format = 1");
    }
    let code = file.get("currency").and_then(Value::as_str).unwrap_or_default();
    let currency = Currency::new(code).unwrap_or_else(|error| {
        problems.add("prices.currency", code, error.to_string());
        Currency::USD
    });
    let mut versions = versions(&file, &mut problems);
    versions.sort_by_key(|version| version.from);
    for pair in versions.windows(2) {
        if let [first, second] = pair
            && first.from == second.from
        {
            problems.add(
                "prices.versions",
                first.from.to_string(),
                "two versions hold from the same time on",
            );
        }
    }
    problems.into_result(PriceTable { currency, versions })
}

fn versions(file: &Table, problems: &mut ConfigProblems) -> Vec<Version> {
    let list = file.get("versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        problems.add("prices.versions", "", "add [[versions]] with valid-from and prices");
    }
    let tables = list.iter().filter_map(Value::as_table).enumerate();
    tables.map(|(index, entry)| version(entry, &format!("prices.versions.{index}"), problems)).collect()
}

fn version(entry: &Table, field: &str, problems: &mut ConfigProblems) -> Version {
    unknown(entry, field, &["valid-from", "prices"], problems);
    let from = valid_from(entry.get("valid-from")).unwrap_or_else(|| {
        let cure = "write a date (2026-01-01) or an RFC 3339 time";
        problems.add(format!("{field}.valid-from"), shown(entry.get("valid-from")), cure);
        Timestamp::default()
    });
    let mut models = HashMap::new();
    match entry.get("prices").and_then(Value::as_table) {
        Some(prices) if !prices.is_empty() => {
            for (model, rates) in prices {
                let field = format!("{field}.prices.{model:?}");
                models.insert(Box::from(model.as_str()), model_rates(rates, &field, problems));
            }
        }
        _ => problems.add(format!("{field}.prices"), "", "add [versions.prices.\"model\"]"),
    }
    Version { from, models }
}

fn valid_from(value: Option<&Value>) -> Option<Timestamp> {
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Datetime(datetime) => datetime.to_string(),
        _ => return None,
    };
    let at: jiff::Timestamp = match text.parse::<jiff::civil::Date>() {
        Ok(date) if text.len() == 10 => date.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
        _ => text.parse().ok()?,
    };
    Some(Timestamp::from_unix_nanos(i64::try_from(at.as_nanosecond()).ok()?))
}

fn model_rates(value: &Value, field: &str, problems: &mut ConfigProblems) -> Rates {
    let mut rates: Rates = [None; Meter::ALL.len()];
    let empty = Table::new();
    let entries = value.as_table().unwrap_or(&empty);
    let free = entries.get("free").and_then(Value::as_bool) == Some(true);
    for (name, price) in entries.iter().filter(|(name, _)| *name != "free") {
        let Some(meter) = Meter::of_name(name) else {
            let known: Vec<&str> = Meter::ALL.iter().map(|meter| meter.as_str()).collect();
            problems.add(format!("{field}.{name}"), "", format!("known are free, {}", known.join(", ")));
            continue;
        };
        let picos = picos(price).unwrap_or_else(|| {
            let cure = "write decimals as a string, such as \"0.01\", \"3.00/1K\" or \"2.50/1M\" (at most 12 decimals \
                        per unit), or whole pico-units; no floats near money";
            problems.add(format!("{field}.{name}"), shown(Some(price)), cure);
            1
        });
        if picos == 0 && !free {
            problems.add(
                format!("{field}.{name}"),
                shown(Some(price)),
                "say free = true, or write its price",
            );
        }
        if let Some(slot) = rates.get_mut(meter as usize) {
            *slot = Some(picos);
        }
    }
    if free {
        rates.iter_mut().for_each(|rate| *rate = rate.or(Some(0)));
    } else if rates.iter().all(Option::is_none) {
        problems.add(field, "", "write at least one price, or free = true");
    }
    rates
}

/// The price of one unit in pico-units.
fn picos(price: &Value) -> Option<u64> {
    let text = match price {
        Value::Integer(picos) => return u64::try_from(*picos).ok(),
        Value::String(text) => text.replace(' ', ""),
        _ => return None,
    };
    let (number, zeros) = match text.split_once('/') {
        None => (text.as_str(), 0),
        Some((number, "1K")) => (number, 3),
        Some((number, "1M")) => (number, 6),
        Some(_) => return None,
    };
    decimal(number, 12 - zeros)
}

fn unknown(table: &Table, field: &str, known: &[&str], problems: &mut ConfigProblems) {
    for name in table.keys().filter(|name| !known.contains(&name.as_str())) {
        problems.add(
            format!("{field}.{name}"),
            "",
            format!("not known here; known are {}", known.join(", ")),
        );
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}
