//! What a stack says about itself.

use gambeson::core::{Clock, Mode, RequestHead, SystemClock, Timestamp};
use gambeson::cost_guard::{CostGuard, Estimate, Quota};
use gambeson::hardening_headers::{
    Csrf, EdgeLimitLayer, EdgeRate, Hardening, Limits, LimitsLayer, PeerLayer, TrustedProxies,
};
use gambeson::oidc_auth::{AuthLayer, Issuer, Verifier};
use gambeson::otel_setup::Telemetry;
use gambeson::rbac::PolicyHandle;
use gambeson::{PlaceState, Profile, Stack, StackReport};

const ORDER: [(u8, &str); 12] = [
    (0, "PeerLayer"),
    (1, "TelemetryLayer"),
    (2, "HardeningLayer"),
    (2, "AuditLayer"),
    (2, "LimitsLayer"),
    (3, "EdgeLimitLayer"),
    (4, "LoginLayer"),
    (4, "CertificateLayer"),
    (4, "AuthLayer"),
    (5, "QuotaLayer"),
    (6, "AuthorizeLayer"),
    (7, "CostLayer"),
];

fn tomorrow() -> Timestamp {
    SystemClock::new().now().plus(std::time::Duration::from_secs(86_400))
}

fn whole() -> StackReport {
    let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
    let policy: PolicyHandle = crate::POLICY.parse().unwrap();
    let telemetry = Telemetry::builder("notes", "1.0.0").build().unwrap();
    let guard = CostGuard::builder().quota(Quota::requests("api/{subject}", 600)).build().unwrap();
    let observe = Mode::Observe { until: tomorrow() };
    let hardening = Hardening::web().public_origin("https://notes.example.com").csrf(Csrf::dangerously_off());
    Stack::builder(PeerLayer::new(TrustedProxies::ranges(["10.0.3.0/24"]).unwrap()))
        .telemetry(telemetry.layer())
        .hardening(hardening.build().unwrap().layer())
        .limits(LimitsLayer::new(Limits::new().no_handler_deadline()).unwrap())
        .edge_limit(EdgeLimitLayer::new(EdgeRate::per_second(20).mode(observe)).unwrap())
        .authentication(AuthLayer::new(Verifier::builder(issuer).audience("notes").build().unwrap()))
        .quota(guard.quota_layer())
        .authorization(policy.authorize_layer())
        .build(Profile::Production)
        .unwrap()
        .report()
}

fn empty() -> StackReport {
    Stack::builder(PeerLayer::new(TrustedProxies::none())).build(Profile::Development).unwrap().report()
}

#[test]
fn every_place_is_told_in_the_order_of_the_stack() {
    for report in [whole(), empty()] {
        let told: Vec<(u8, &str)> = report.places.iter().map(|place| (place.place, place.layer)).collect();
        assert_eq!(told, ORDER);
    }
}

#[test]
fn what_was_configured_is_said_in_a_few_words() {
    let report = whole();
    for (layer, part) in [
        ("PeerLayer", "10.0.3.0/24"),
        ("TelemetryLayer", "service notes 1.0.0, nothing exported"),
        ("HardeningLayer", "notes.example.com"),
        ("LimitsLayer", "body 1 MiB within 30s, handler unlimited"),
        ("EdgeLimitLayer", "20 per 1 s, burst 60"),
        ("AuthLayer", "issuer https://id.example.com, audience notes"),
        ("QuotaLayer", "api/{subject}"),
        ("AuthorizeLayer", "2 permissions, 2 roles"),
    ] {
        let settings = &report.layer(layer).unwrap().settings;
        assert!(settings.contains(part), "{part:?} is not in {settings:?}");
    }
    assert_eq!(report.profile, Profile::Production);
}

#[test]
fn what_is_weak_is_told_with_its_layer() {
    let report = whole();
    let weak: Vec<String> = report.weaknesses().map(|(layer, weak)| format!("{layer}: {weak}")).collect();
    for part in [
        "HardeningLayer: HH063 (ASVS 3.5.1): pages of every site",
        "LimitsLayer: HH093 (ASVS 15.2.2): handlers may take any time",
        "EdgeLimitLayer: HH104 (ASVS 2.4.1): the edge limiter only observes",
        "AuthorizeLayer: decisions are not put on record",
    ] {
        assert!(weak.iter().any(|weak| weak.starts_with(part)), "{part:?} is not in {weak:?}");
    }
    assert_eq!(weak.len(), 4, "each once: {weak:?}");
    assert!(matches!(report.layer("EdgeLimitLayer").unwrap().state, PlaceState::Observing { .. }));
}

#[test]
fn what_is_off_is_said_where_it_matters() {
    let report = empty();
    let off: Vec<&str> = report
        .places
        .iter()
        .filter(|place| place.state == PlaceState::Off)
        .map(|place| place.layer)
        .collect();
    assert_eq!(off.len(), 11, "{off:?}");
    let weak: Vec<&str> = report.weaknesses().map(|(layer, _)| layer).collect();
    let needed =
        ["TelemetryLayer", "HardeningLayer", "LimitsLayer", "EdgeLimitLayer", "AuthLayer", "AuthorizeLayer"];
    assert_eq!(weak, needed, "nobody needs a log-in, quotas or budgets");
}

/// Every layer that can observe, in this mode.
fn all_in(mode: Mode) -> StackReport {
    let edge = EdgeLimitLayer::new(EdgeRate::per_second(1).mode(mode)).unwrap();
    let limits = LimitsLayer::new(Limits::new().mode(mode)).unwrap();
    let hardening = Hardening::web().csrf(Csrf::new().mode(mode)).build().unwrap();
    let guard = CostGuard::builder().quota(Quota::requests("api/{subject}", 600)).build().unwrap();
    let policy: PolicyHandle = crate::POLICY.parse().unwrap();
    let issuer = Issuer::static_keys("https://id.example.com", r#"{"keys":[]}"#);
    let stack = Stack::builder(PeerLayer::new(TrustedProxies::none()))
        .hardening(hardening.layer())
        .limits(limits)
        .edge_limit(edge)
        .authentication(AuthLayer::new(Verifier::builder(issuer).audience("notes").build().unwrap()))
        .quota(guard.quota_layer().mode(mode))
        .authorization(policy.authorize_layer().mode(mode))
        .cost(guard.cost_layer(|_: &RequestHead<'_>| Estimate::free()).mode(mode));
    stack.build(Profile::Development).unwrap().report()
}

const OBSERVERS: [&str; 6] =
    ["HardeningLayer", "LimitsLayer", "EdgeLimitLayer", "QuotaLayer", "AuthorizeLayer", "CostLayer"];

#[test]
fn who_observes_is_told_once_by_each_layer() {
    let report = all_in(Mode::Observe { until: tomorrow() });
    for layer in OBSERVERS {
        let place = report.layer(layer).unwrap();
        assert!(matches!(place.state, PlaceState::Observing { .. }), "{layer}");
        let says = |weak: &&String| weak.contains("observe until") || weak.contains("refuses nothing until");
        assert_eq!(place.weaknesses.iter().filter(says).count(), 1, "{layer}: {:?}", place.weaknesses);
    }
}

#[test]
fn a_date_that_has_passed_is_told() {
    let report = all_in(Mode::Observe { until: Timestamp::from_unix_seconds(1_700_000_000) });
    for layer in OBSERVERS {
        let place = report.layer(layer).unwrap();
        assert_eq!(place.state, PlaceState::On, "{layer}");
        let said = format!("weak: {layer}: observed until 2023-11-14T22:13:20.000Z and refuses since");
        assert!(report.to_string().contains(&said), "{report}");
    }
}

#[test]
fn the_table_is_aligned() {
    let text = whole().to_string();
    let rows: Vec<&str> = text.lines().skip(1).take(ORDER.len()).collect();
    assert!(text.starts_with("stack (production), outermost first\n"), "{text}");
    for ((number, layer), row) in ORDER.iter().zip(&rows) {
        assert!(row.starts_with(&format!("  {number}  {layer} ")), "{text}");
    }
    let column = rows[0].find("proxies in").unwrap();
    assert_eq!(rows[1].find("service notes"), Some(column), "{text}");
    assert!(rows.iter().all(|row| row.trim_end() == *row), "{text}");
}

#[test]
fn an_inventory_reads_it_as_data() {
    let report = serde_json::to_value(whole()).unwrap();
    assert_eq!(report["profile"], "production");
    let edge = &report["places"][5];
    assert_eq!(edge["layer"], "EdgeLimitLayer");
    assert_eq!(edge["state"], "observing");
    assert!(edge["until"].as_str().unwrap().ends_with('Z'), "{edge}");
    assert_eq!(edge["observed"], 0);
    assert_eq!(report["places"][8]["state"], "on");
    assert_eq!(report["places"][9]["settings"], "api/{subject}");
}
