//! References, problems, modes and readiness.

use gambeson_core::{
    ConfigProblems, Mode, Readiness, ReadinessState, SecretBytes, SecretRef, Timestamp, TraceContext,
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_reference_reads_back(
        scheme in "[a-z][a-z0-9-]{0,8}", location in "[a-z0-9/_.-]{1,20}", version in prop::option::of("[a-z0-9]{1,5}"),
        field in prop::option::of("/[a-z/]{0,8}"),
    ) {
        prop_assume!(!location.split('/').any(|part| part == ".."));
        let mut text = format!("{scheme}://{location}");
        let mut separator = '?';
        for (name, value) in [("version", &version), ("field", &field)] {
            if let Some(value) = value {
                text.push_str(&format!("{separator}{name}={value}"));
                separator = '&';
            }
        }
        let reference: SecretRef = text.parse().unwrap();
        prop_assert_eq!(reference.to_string(), text);
        prop_assert_eq!(reference.version(), version.as_deref());
    }

    #[test]
    fn no_text_panics_and_no_error_repeats_it(text in ".{0,60}") {
        if let Err(error) = text.parse::<SecretRef>() {
            prop_assert!(text.len() < 8 || !error.to_string().contains(&text));
        }
    }
}

#[test]
fn bad_references_are_refused() {
    for text in [
        "hunter2",
        "Vault://x",
        "vault://",
        "vault://a b",
        "vault://a/../b",
        "env://X?version=",
        "env://X?x=1",
        "env://X?field=a",
        "env://X?version=1&version=2",
    ] {
        assert!(text.parse::<SecretRef>().is_err(), "{text}");
    }
}

#[test]
fn secrets_do_not_show() {
    assert_eq!(format!("{:?}", SecretBytes::new("hunter2")), "SecretBytes(…)");
}

#[test]
fn all_problems_come_at_once() {
    let mut problems = ConfigProblems::new();
    problems.add("auth.issuer", "http://id", "use https");
    problems.add("auth.audience", "", "name the audience of your tokens");
    let error = problems.check().unwrap_err();
    assert_eq!(error.problems().len(), 2);
    assert_eq!(
        error.to_string(),
        "configuration refused\n  auth.issuer = http://id: use https\n  auth.audience: name the audience of your tokens"
    );
    assert!(ConfigProblems::new().check().is_ok());
}

#[test]
fn observing_ends_by_itself() {
    let until = Timestamp::from_unix_seconds(100);
    let mode = Mode::Observe { until };
    assert!(!mode.enforces(Timestamp::from_unix_seconds(99)));
    assert!(mode.enforces(until));
    assert!(Mode::default().enforces(Timestamp::default()));
}

#[test]
fn drain_is_for_good() {
    let readiness = Readiness::new();
    assert_eq!(readiness.state(), ReadinessState::Starting);
    readiness.set_ready();
    assert_eq!(readiness.state(), ReadinessState::Ready);
    readiness.drain();
    readiness.set_ready();
    assert_eq!(readiness.state(), ReadinessState::Draining);
}

#[test]
fn trace_ids_of_zeros_are_invalid() {
    assert!(TraceContext::new([0; 16], [1; 8], true).is_none());
    assert!(TraceContext::new([1; 16], [0; 8], true).is_none());
}

#[test]
fn a_credential_is_never_shown() {
    let mut value = http::HeaderValue::from_static("Bearer hunter2");
    value.set_sensitive(false);
    let shown = format!("{:?}", gambeson_core::Credential::new(value, None));
    assert!(shown.contains("Sensitive") && !shown.contains("hunter2"), "{shown}");
}
