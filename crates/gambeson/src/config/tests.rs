use super::*;

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::parse(text, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[track_caller]
fn refused(text: &str, variables: &[(&str, &str)]) -> String {
    parse(text, variables).unwrap_err().to_string()
}

#[test]
fn nothing_said_is_the_defaults_in_production() {
    let config = parse("", &[]).unwrap();
    assert_eq!(config.profile, Profile::Production);
    assert_eq!(config.origins().count(), 0);
}

#[test]
fn a_variable_overrides_the_file_and_both_can_be_told_apart() {
    let text =
        "[rbac]\npolicy = 'a.toml'\n[audit-trail]\ndirectory = 'audit'\nlimits = { queue-events = 16 }";
    let variables =
        [("GAMBESON_RBAC__POLICY", "b.toml"), ("GAMBESON_AUDIT_TRAIL__LIMITS__QUEUE_EVENTS", "32")];
    let config = parse(text, &variables).unwrap();
    assert_eq!(config.rbac.policy.as_deref(), Some(Path::new("b.toml")));
    assert_eq!(config.audit_trail.limits.queue_events, 32);
    let origins: Vec<_> = config.origins().map(|(name, origin)| format!("{name} from {origin}")).collect();
    assert_eq!(
        origins,
        [
            "audit-trail.directory from the file",
            "audit-trail.limits.queue-events from GAMBESON_AUDIT_TRAIL__LIMITS__QUEUE_EVENTS",
            "rbac.policy from GAMBESON_RBAC__POLICY",
        ]
    );
}

#[test]
fn a_number_in_a_variable_is_text_where_text_is_wanted() {
    let config = parse("", &[("GAMBESON_RBAC__POLICY", "2026")]).unwrap();
    assert_eq!(config.rbac.policy.as_deref(), Some(Path::new("2026")));
}

#[test]
fn every_unknown_name_is_told_with_the_nearest_known_one() {
    let text = "[rback]\n[rbac]\npolicies = 'p'\nmood = 1\n[audit-trail.limits]\nqueue-event = 9";
    let said = refused(text, &[("GAMBESON_OIDC__ISSUER", "https://id.example")]);
    for part in [
        "rback: there is no such setting: write rbac",
        "rbac.policies: there is no such setting: write policy",
        "rbac.mood: there is no such setting: write mode",
        "audit-trail.limits.queue-event: there is no such setting: write queue-events",
        "oidc: there is no such setting",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
fn values_of_the_wrong_kind_are_told_all_at_once_and_where_they_came_from() {
    let text = "[stack]\ninstances = 'one'\n[audit-trail]\nlimits = 5";
    let said = refused(text, &[("GAMBESON_AUDIT_TRAIL__DIRECTORY", "[1]")]);
    for part in [
        "stack.instances: ",
        "(from the file)",
        "audit-trail.limits: ",
        "audit-trail.directory: ",
        "(from GAMBESON_AUDIT_TRAIL__DIRECTORY)",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
fn broken_toml_says_where() {
    let said = refused("[stack\n", &[]);
    assert!(said.contains("gambeson.toml") && said.contains("line 1"), "{said}");
}

#[test]
fn the_profile_is_the_environments_to_say() {
    assert_eq!(parse("", &[("GAMBESON_PROFILE", "development")]).unwrap().profile, Profile::Development);
    assert!(refused("", &[("GAMBESON_PROFILE", "dev")]).contains("GAMBESON_PROFILE = dev"));
    assert!(refused("profile = 'development'", &[]).contains("profile"));
}

#[test]
fn a_variable_cannot_go_below_a_value() {
    let said = refused("rbac = 1", &[("GAMBESON_RBAC__POLICY", "p")]);
    assert!(said.contains("rbac: write a table") && said.contains("GAMBESON_RBAC__POLICY"), "{said}");
}

#[test]
fn an_empty_variable_says_nothing() {
    let config = parse("[rbac]\npolicy = 'p'", &[("GAMBESON_RBAC__POLICY", "")]).unwrap();
    assert_eq!(config.rbac.policy.as_deref(), Some(Path::new("p")));
}

#[test]
fn text_that_looks_like_a_number_is_kept_to_the_letter() {
    for text in ["1.10", "1_000", "0x10", "2026-11-24", "+5"] {
        let config = parse("", &[("GAMBESON_RBAC__POLICY", text)]).unwrap();
        assert_eq!(config.rbac.policy.as_deref(), Some(Path::new(text)));
    }
}

#[test]
fn a_table_comes_before_its_parts() {
    let variables = [
        ("GAMBESON_OIDC_AUTH__LOGIN__CLIENT_ID", "notes"),
        ("GAMBESON_OIDC_AUTH__LOGIN", "{ client-id = 'other', cookie-name = 'c' }"),
    ];
    let login = parse("", &variables).unwrap().oidc_auth.login.unwrap();
    assert_eq!((login.client_id.as_str(), login.cookie_name.as_str()), ("notes", "c"));
}

#[test]
fn a_name_with_a_part_missing_is_told() {
    let said = refused("", &[("GAMBESON_RBAC__", "x"), ("GAMBESON___POLICY", "x")]);
    assert!(said.contains("GAMBESON_RBAC__: ") && said.contains("GAMBESON___POLICY: "), "{said}");
}

#[test]
fn problems_within_lists_hide_no_others() {
    let text = "[cost-guard]\nprice = 'p'\n[[cost-guard.quotas]]\nscop = 's'\nrequest = 1";
    let said = refused(text, &[]);
    for part in ["cost-guard.price: ", "quotas[0].scop: ", "write scope", "quotas[0].request: "] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
fn a_secret_in_the_place_of_its_reference_is_not_repeated() {
    let variable = ("GAMBESON_OIDC_AUTH__LOGIN__CLIENT_SECRET", "hunter2!");
    for said in [refused("", &[variable]), refused("oidc-auth.login.client-secret = 'hunter2!'", &[])] {
        assert!(said.contains("client-secret") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_mode_says_until_when_it_observes_as_people_write_moments() {
    let until =
        gambeson_core::Mode::Observe { until: gambeson_core::Timestamp::from_unix_seconds(1_801_353_600) };
    for written in ["'2027-01-31T00:00:00Z'", "2027-01-31T00:00:00Z", "'2027-01-31T01:00:00+01:00'"] {
        let mode = format!("{{ observe = {{ until = {written} }} }}");
        let text = format!(
            "rbac.mode = {mode}\n[hardening-headers]\nhost-mode = {mode}\ncsrf.mode = {mode}\nrate.mode = {mode}"
        );
        let config = parse(&text, &[]).unwrap();
        let edge = &config.hardening_headers;
        assert_eq!(
            [config.rbac.mode, edge.host_mode, edge.csrf.mode, edge.rate.mode],
            [until; 4],
            "{written}"
        );
        assert_eq!(parse("", &[("GAMBESON_RBAC__MODE", &mode)]).unwrap().rbac.mode, until);
    }
    let variable = ("GAMBESON_RBAC__MODE__OBSERVE__UNTIL", "2027-01-31T00:00:00Z");
    assert_eq!(parse("", &[variable]).unwrap().rbac.mode, until);
    assert_eq!(parse("rbac.mode = 'enforce'", &[]).unwrap().rbac.mode, gambeson_core::Mode::Enforce);
}

#[test]
fn a_mode_that_cannot_be_read_is_told_with_an_example() {
    for bad in [
        "'observe'",
        "{ observe = {} }",
        "{ observe = { until = '2026-12-31' } }",
        "{ observe = { until = 2026-12-31 } }",
        "{ observe = { until = '2026-12-31T00:00:00' } }",
        "{ observe = { until = 1798675200 } }",
        "{ observe = { until = '2026-12-31T00:00:00Z', from = 1 } }",
        "{ observe = { until = '2026-12-31T00:00:00Z' }, enforce = 1 }",
    ] {
        let said = refused(&format!("rbac.mode = {bad}\nrbac.polity = 'p'"), &[]);
        assert!(
            said.contains("rbac.mode = ") && said.contains("until = \"2027-01-31T00:00:00Z\""),
            "{bad}: {said}"
        );
        assert!(said.contains("rbac.polity"), "the rest is looked at too: {said}");
    }
}
