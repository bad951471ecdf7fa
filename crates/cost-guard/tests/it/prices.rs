use gambeson_core::Timestamp;
use gambeson_cost_guard::{Meter, PriceErrorKind, PriceTable, Usage};
use proptest::prelude::*;

use crate::support::{PRICES, usd};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

const NOVEMBER: i64 = 1_795_521_600;

#[test]
fn the_file_is_read_and_lines_are_rounded_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.toml");
    std::fs::write(&path, PRICES).unwrap();
    let prices = PriceTable::from_path(&path).unwrap();
    let usage = Usage::call().with(Meter::InputToken, 1_000).with(Meter::OutputToken, 200);
    assert_eq!(prices.quote("demo/summarizer-1", &usage, at(NOVEMBER)).unwrap().amount(), usd(15));
    let missing = PriceTable::from_path(folder.path().join("nothing.toml")).unwrap_err();
    assert!(missing.to_string().contains("nothing.toml"));

    let tiny = PRICES.replace("5.00/1M", "0.000000000130");
    let tiny = PriceTable::from_toml(&tiny).unwrap();
    let one = Usage::none().with(Meter::InputToken, 1);
    assert_eq!(tiny.quote("demo/summarizer-1", &one, at(NOVEMBER)).unwrap().amount().nanos(), 1);
    let many = Usage::none().with(Meter::InputToken, 100);
    assert_eq!(tiny.quote("demo/summarizer-1", &many, at(NOVEMBER)).unwrap().amount().nanos(), 13);
}

#[test]
fn unknown_never_means_free() {
    let prices = PriceTable::from_toml(PRICES).unwrap();
    let call = Usage::call();
    let error = prices.quote("demo/other", &call, at(NOVEMBER)).unwrap_err();
    assert_eq!(error.kind(), PriceErrorKind::Unpriced);
    assert!(error.to_string().contains(r#"add [versions.prices."demo/other"]"#));
    let early = prices.quote("demo/summarizer-1", &call, at(0)).unwrap_err();
    assert!(early.to_string().contains("no prices hold at 1970-01-01"));
    let images = prices.quote("demo/summarizer-1", &call.with(Meter::Image, 1), at(NOVEMBER)).unwrap_err();
    assert!(images.to_string().contains("no price for image"));
    let huge = Usage::none().with(Meter::OutputToken, u64::MAX);
    let huge = prices.quote("demo/summarizer-1", &huge, at(NOVEMBER)).unwrap_err();
    assert_eq!(huge.kind(), PriceErrorKind::Overflow);
    // What is a kind of input and of output is priced as such.
    let kinds = Usage::none().with(Meter::CachedInputToken, 1_000).with(Meter::ReasoningToken, 200);
    assert_eq!(prices.quote("demo/summarizer-1", &kinds, at(NOVEMBER)).unwrap().amount(), usd(10));
}

#[test]
fn versions_hold_from_their_date_on() {
    let text = format!(
        "{PRICES}\n[[versions]]\nvalid-from = 2026-12-01T00:00:00Z\n[versions.prices.\"demo/summarizer-1\"]\ncall = 10_000_000_000\n"
    );
    let prices = PriceTable::from_toml(&text).unwrap();
    let quote = |seconds| prices.quote("demo/summarizer-1", &Usage::call(), at(seconds)).unwrap().amount();
    assert_eq!(quote(1_796_083_199), usd(5));
    assert_eq!(quote(1_796_083_200), usd(10));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = r#"
format = 2
currency = "usd"
colour = 1
[[versions]]
valid-from = "soon"
[versions.prices."a"]
call = 0.5
tokens = "1"
image = "0"
[versions.prices."b"]
"#;
    let error = PriceTable::from_toml(text).unwrap_err();
    let fields: Vec<&str> = error.problems().iter().map(|problem| &*problem.field).collect();
    let expected = [
        "prices.colour",
        "prices.format",
        "prices.currency",
        "prices.versions.0.valid-from",
        "prices.versions.0.prices.\"a\".call",
        "prices.versions.0.prices.\"a\".image",
        "prices.versions.0.prices.\"a\".tokens",
        "prices.versions.0.prices.\"b\"",
    ];
    assert_eq!(fields, expected, "{error}");
    assert!(error.to_string().contains("no floats near money"));
    assert!(PriceTable::from_toml("]").is_err());
    assert!(PriceTable::from_toml(&text.replace("versions", "version")).is_err());
}

proptest! {
    #[test]
    fn reading_never_panics(text in "\\PC*") {
        let _ = PriceTable::from_toml(&text);
    }

    #[test]
    fn more_usage_never_costs_less(input in 0..1_u64 << 40, more in 0..1_u64 << 30) {
        let prices = PriceTable::from_toml(PRICES).unwrap();
        let cost = |tokens| {
            let usage = Usage::none().with(Meter::InputToken, tokens);
            prices.quote("demo/summarizer-1", &usage, at(NOVEMBER)).unwrap().amount().nanos()
        };
        prop_assert!(cost(input + more) >= cost(input));
        prop_assert_eq!(cost(input), i64::try_from(input * 5_000).unwrap());
    }
}
