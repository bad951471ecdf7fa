use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    Settings::from_lookup(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
}

#[test]
fn production_refuses_every_shortcut_at_once() {
    let error = read(&[("GAMBESON_PROFILE", "production")]).unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["OIDC_ISSUER", "PUBLIC_ORIGIN", "TRUSTED_PROXIES"]);
}

#[test]
fn production_starts_when_all_is_declared() {
    let settings = read(&[
        ("GAMBESON_PROFILE", "production"),
        ("OIDC_ISSUER", "https://id.example.com"),
        ("PUBLIC_ORIGIN", "https://notes.example.com"),
        ("TRUSTED_PROXIES", "none"),
        ("BIND", "0.0.0.0"),
    ])
    .unwrap();
    assert!(settings.profile.is_production());
    assert!(settings.proxies.is_empty());
}

#[test]
fn development_stays_on_loopback() {
    let error = read(&[("GAMBESON_PROFILE", "development"), ("BIND", "0.0.0.0")]).unwrap_err();
    assert_eq!(error.problems()[0].field, "BIND");
}

#[test]
fn development_has_nobody_else_on_the_line() {
    let error = read(&[
        ("GAMBESON_PROFILE", "development"),
        ("TRUSTED_PROXIES", "10.0.0.0/8"),
        ("PUBLIC_ORIGIN", "https://notes.example.com"),
    ])
    .unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
}

#[test]
fn an_exposed_management_listener_is_said_aloud() {
    let production = |exposed: &str| {
        read(&[
            ("GAMBESON_PROFILE", "production"),
            ("OIDC_ISSUER", "https://id.example.com"),
            ("PUBLIC_ORIGIN", "https://notes.example.com"),
            ("TRUSTED_PROXIES", "none"),
            ("MANAGEMENT_BIND", "0.0.0.0:9464"),
            ("DANGEROUSLY_EXPOSE_MANAGEMENT", exposed),
        ])
    };
    assert_eq!(production("").unwrap_err().problems()[0].field, "MANAGEMENT_BIND");
    assert!(production("yes").is_ok());
}

#[test]
fn a_bad_value_names_its_variable() {
    let error = read(&[("GAMBESON_PROFILE", "development"), ("PORT", "http")]).unwrap_err();
    assert_eq!(error.to_string(), "configuration refused\n  PORT = http: write a port such as 3000");
}

#[test]
fn real_services_take_no_made_up_secrets() {
    let error = read(&[
        ("GAMBESON_PROFILE", "production"),
        ("OIDC_ISSUER", "https://id.example.com"),
        ("OIDC_CLIENT_ID", "notes"),
        ("PUBLIC_ORIGIN", "https://notes.example.com"),
        ("MODEL_URL", "http://model.example.com"),
        ("TRUSTED_PROXIES", "none"),
    ])
    .unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
    let spending = "DANGEROUSLY_FORGET_SPENDING_ON_RESTART";
    assert_eq!(fields, ["SECRETS_DIR", "SECRETS_DIR", "MODEL_URL", spending]);
}

#[test]
fn production_has_no_model_unless_told_and_development_a_pretend_one() {
    let model = |profile| {
        let lookup = [("GAMBESON_PROFILE", profile), ("OIDC_ISSUER", "https://id.example.com")];
        let production = [("PUBLIC_ORIGIN", "https://notes.example.com"), ("TRUSTED_PROXIES", "none")];
        let more = if profile == "production" { &production[..] } else { &[] };
        read(&[&lookup[..], more].concat()).unwrap().model
    };
    assert!(matches!(model("production"), ModelSetting::None));
    assert!(matches!(model("development"), ModelSetting::Dev(_)));
}

#[test]
fn a_certificate_and_its_key_go_together() {
    let said = |variables: &[(&str, &str)]| {
        let settings = read(&[&[("GAMBESON_PROFILE", "development")], variables].concat());
        settings.map(|settings| settings.origin(settings.listen)).map_err(|error| error.to_string())
    };
    assert_eq!(said(&[]).unwrap(), "http://127.0.0.1:3000");
    let both = [("TLS_CERTIFICATE", "chain.pem"), ("TLS_KEY", "key.pem")];
    assert_eq!(said(&both).unwrap(), "https://127.0.0.1:3000");
    let origin = "https://localhost:3000";
    assert_eq!(said(&[both[0], both[1], ("PUBLIC_ORIGIN", origin)]).unwrap(), origin);
    for (given, missing) in [(both[0], "TLS_KEY"), (both[1], "TLS_CERTIFICATE")] {
        let error = said(&[given]).unwrap_err();
        assert!(error.contains(&format!("{missing}: name the")), "{error}");
    }
}
