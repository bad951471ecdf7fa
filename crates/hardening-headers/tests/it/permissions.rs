//! Permissions Policy.

use gambeson_core::Scheme;
use gambeson_hardening_headers::{Config, FeatureAccess, Hardening, PermissionsPolicy};
use proptest::prelude::*;

use crate::answers::{answer, header, page, request};

fn access() -> impl Strategy<Value = FeatureAccess> {
    let origins = prop::collection::vec("https?://[a-z]{1,8}\\.example(:[1-9][0-9]{3})?", 0..3);
    let listed = (any::<bool>(), origins).prop_map(|(own, origins)| {
        let start = if own { FeatureAccess::own() } else { FeatureAccess::nobody() };
        origins.iter().fold(start, |access, origin| access.and_origin(origin).unwrap())
    });
    prop_oneof![Just(FeatureAccess::everybody()), listed]
}

fn policy() -> impl Strategy<Value = PermissionsPolicy> {
    let feature = prop::sample::select(vec!["camera", "fullscreen", "ch-ua-model", "usb", "storage-access"]);
    prop::collection::vec((feature, access()), 0..5).prop_map(|members| {
        let set = |policy: PermissionsPolicy, (feature, access)| policy.set(feature, access).unwrap();
        members.into_iter().fold(PermissionsPolicy::empty(), set)
    })
}

proptest! {
    #[test]
    fn what_is_rendered_reads_back_the_same(policy in policy()) {
        prop_assert_eq!(PermissionsPolicy::parse(&policy.to_string()).unwrap(), policy);
    }

    #[test]
    fn reading_never_panics_and_can_end_no_member(text in "\\PC{0,80}") {
        let _ = PermissionsPolicy::parse(&text);
        if let Ok(access) = FeatureAccess::own().and_origin(&text) {
            let text = access.to_string();
            let inner = text.strip_prefix("(self \"").and_then(|rest| rest.strip_suffix("\")")).unwrap();
            prop_assert!(!inner.contains(['"', ' ', ',', '\\']), "{}", text);
        }
    }
}

#[test]
fn misspelt_features_are_refused_with_what_is_meant() {
    for (wrong, meant) in [
        ("geo-location", "\"geolocation\""),
        ("camara", "\"camera\""),
        ("fullscren", "\"fullscreen\""),
        ("Camera", "\"camera\""),
        ("picture-in-pictures", "\"picture-in-picture\""),
    ] {
        let error = PermissionsPolicy::none().allow_self(wrong).unwrap_err().to_string();
        assert!(error.contains(meant), "{error}");
    }
    let error = PermissionsPolicy::none().allow_self("teleportation").unwrap_err().to_string();
    assert!(!error.contains("meant"), "{error}");
    let newer = PermissionsPolicy::empty().set_unlisted("teleportation", FeatureAccess::nobody()).unwrap();
    assert_eq!(newer.to_string(), "teleportation=()");
    for wrong in ["", "Tele", "tele=()", "1tele", "tele portation", "tele\n"] {
        assert!(
            PermissionsPolicy::empty().set_unlisted(wrong, FeatureAccess::nobody()).is_err(),
            "{wrong:?}"
        );
    }
}

#[test]
fn only_what_is_written_as_it_should_be_is_read() {
    let policy =
        PermissionsPolicy::parse("camera=(), usb=*,midi=self , fullscreen=(self \"https://A.example:443\")");
    assert_eq!(
        policy.unwrap().to_string(),
        "camera=(), fullscreen=(self \"https://a.example\"), midi=(self), usb=*"
    );
    for wrong in [
        "camera",
        "camera=",
        "camera=(",
        "camera=none",
        "camera=(none)",
        "camera=('self')",
        "camera=(https://a.example)",
        "camera=(\"self.example\")",
        "camera=(* self)",
        "camera=(\"https://a.example/path\")",
        "camera=(), camera=*",
        "geo-location=()",
        "camera 'self'",
    ] {
        assert!(PermissionsPolicy::parse(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_configuration_says_who_may_use_what() {
    let mut config = Config::default();
    config
        .permissions_policy
        .insert("geolocation".into(), vec!["self".into(), "https://maps.example".into()]);
    config.permissions_policy.insert("fullscreen".into(), vec!["*".into()]);
    let edge = Hardening::from_config(&config).build().unwrap();
    let answer = answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| page("")).await;
    let policy = header(&answer, "permissions-policy");
    for part in ["geolocation=(self \"https://maps.example\")", "fullscreen=*", "camera=()", "usb=()"] {
        assert!(policy.split(", ").any(|member| member == part), "{part} in {policy}");
    }
}
