use std::time::Duration;

use gambeson_cost_guard::{BreakerPolicy, Config, CostGuard, Scope};

use crate::support::{PRICES, person, usd};

const TEXT: &str = r#"
environment = "production"

[[budgets]]
scope = "user/{subject}"
limit = "0.05 USD"
per = "day UTC"
alert-at = [50, 80]

[[budgets]]
scope = "env/{environment}"
limit = "100 USD"
per = "month Europe/Berlin"
per-request-cap = "1 USD"
hold-share = 20

[[quotas]]
scope = "api/{subject}"
requests = 600
per = "rolling 1m"

[breaker]
failures = 3
open-for = "5s"
"#;

#[test]
fn a_file_says_what_code_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.toml");
    std::fs::write(&path, PRICES).unwrap();
    let config: Config =
        toml::from_str(&format!("prices = {:?}\n{TEXT}", path.display().to_string())).unwrap();
    assert_eq!(
        config.breaker_policy(),
        BreakerPolicy::new().failures_in_a_row(3).open_for(Duration::from_secs(5))
    );
    let guard = CostGuard::from_config(&config).build().unwrap();
    let left: Vec<_> =
        guard.remaining(&Scope::principal(&person("alice"))).iter().map(|one| one.left).collect();
    assert_eq!(left, [usd(50), usd(100_000)]);
    assert!(CostGuard::from_config(&Config::default()).build().is_ok());
}

#[test]
fn misspelt_keys_are_refused() {
    for (right, wrong) in [
        ("alert-at", "alert_at"),
        ("failures", "failure"),
        ("requests", "request"),
        ("environment =", "env ="),
    ] {
        let error = toml::from_str::<Config>(&TEXT.replacen(right, wrong, 1)).unwrap_err();
        assert!(error.to_string().contains("unknown field"), "{error}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = TEXT.replace("0.05 USD", "0.05").replace("day UTC", "fortnight UTC").replace("= 600", "= 0");
    let text =
        text.replace("failures = 3", "failures = 0").replace("month Europe/Berlin", "month Europe/Atlantis");
    let config: Config = toml::from_str(&format!("prices = \"no-such-file.toml\"\n{text}")).unwrap();
    let error = CostGuard::from_config(&config).build().unwrap_err();
    let mut fields: Vec<&str> = error.problems().iter().map(|problem| &*problem.field).collect();
    fields.sort_unstable();
    let expected = [
        "breaker.failures",
        "budgets.0.limit",
        "budgets.0.per",
        "budgets.1.per",
        "prices",
        "quotas.0.requests",
    ];
    assert_eq!(fields, expected, "{error}");
}
