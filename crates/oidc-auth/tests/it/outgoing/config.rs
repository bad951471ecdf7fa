//! Tokens for other services, from a file.

use std::sync::Arc;

use gambeson_core::{BoxFuture, Profile, SecretBytes, SecretError, SecretRef, SecretResolver};
use gambeson_oidc_auth::Config;

use super::api::Api;
use super::provider::{SECRET, Scene};

#[derive(Debug)]
struct Vault;

impl SecretResolver for Vault {
    fn resolve(&self, _: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
        Box::pin(async { Ok(SecretBytes::new(SECRET.as_bytes())) })
    }
}

const FILE: &str = r#"
    issuer = "https://id.example"
    audience = "shop"

    [outgoing.orders]
    origins = ["https://orders.example.com"]
    client-id = "billing"
    client-auth = "secret-post"
    client-secret = "mem://orders"
    scope = "orders:read"
    deadline = "2s"
"#;

fn vault() -> Arc<dyn SecretResolver> {
    Arc::new(Vault)
}

#[tokio::test]
async fn a_table_is_a_layer() {
    let (scene, api) = (Scene::new(), Api::default());
    let config: Config = toml::from_str(FILE).unwrap();
    let layer =
        config.outgoing("orders", Profile::Production, Some(&vault()), |builder| scene.on(builder)).unwrap();
    assert_eq!(api.get(&layer).await, Ok(200));
    let asked = scene.provider.last();
    assert_eq!((asked.field("client_id"), asked.field("client_secret")), (Some("billing"), Some(SECRET)));
    assert_eq!(asked.field("scope"), Some("orders:read"));
}

#[test]
fn all_problems_at_once_named_as_the_file_does() {
    let wrong = |file: &str, fields: &[&str]| {
        let config: Config = toml::from_str(file).unwrap();
        let error = config.outgoing("orders", Profile::Production, None, |builder| builder).unwrap_err();
        let found: Vec<_> = error.problems().iter().map(|problem| &*problem.field).collect();
        assert_eq!(found, fields, "{error}");
    };
    wrong(FILE, &["outgoing.orders.client-secret"]);
    let table = "issuer = \"https://id.example\"\n[outgoing.orders]\n";
    wrong(table, &["outgoing.orders.client-secret", "outgoing.orders.origins"]);
    wrong(
        &format!("{table}client-auth = 'private-key-jwt'"),
        &["outgoing.orders.private-key", "outgoing.orders.origins"],
    );
    wrong(
        &format!("{table}token = 'workload-file'\norigins = ['http://a.example']"),
        &["outgoing.orders.file", "outgoing.orders.origins"],
    );
    wrong("issuer = \"https://id.example\"", &["outgoing.orders"]);
}

#[test]
fn what_would_do_nothing_is_told() {
    let of = |lines: &str| {
        let file = format!(
            "issuer = 'https://id.example'\n[outgoing.orders]\norigins = ['https://orders.example.com']\n{lines}"
        );
        let config: Config = toml::from_str(&file).unwrap();
        let layer = config.outgoing("orders", Profile::Production, Some(&vault()), |builder| builder);
        let fields = layer
            .err()
            .map(|error| error.problems().iter().map(|problem| problem.field.clone()).collect::<Vec<_>>());
        fields
            .unwrap_or_default()
            .iter()
            .filter_map(|field| field.strip_prefix("outgoing.orders."))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let file = "token = 'workload-file'\nfile = '/run/token'\n";
    assert_eq!(of(file), "");
    let by_secret = "client-id = 'billing'\nclient-secret = 'mem://s'\n";
    assert_eq!(of(by_secret), "");
    assert_eq!(
        of(&format!("{file}{by_secret}client-auth = 'tls'\nallow-private = ['10.0.0.0/8']")),
        "client-id client-auth client-secret allow-private"
    );
    assert_eq!(of(&format!("{by_secret}file = '/run/token'")), "file");
    let key = "private-key = 'mem://k'\nkey-id = 'k1'\nalgorithm = 'RS256'\n";
    assert_eq!(of(&format!("{by_secret}{key}")), "private-key key-id algorithm");
    assert_eq!(of(&format!("{by_secret}{key}client-auth = 'private-key-jwt'")), "client-secret");
    assert_eq!(
        of(&format!("token = 'github-actions'\naudience = 'orders'\nscope = 'a'\nresource = 'b'\n{key}")),
        "private-key key-id algorithm scope resource"
    );
}

#[tokio::test]
async fn a_request_without_a_body_is_sent_once_more_unless_the_file_says_never() {
    for (line, answers) in [("", Ok(200)), ("resend = 'never'", Ok(401))] {
        let (scene, api) = (Scene::new(), Api::default());
        let config: Config = toml::from_str(&format!("{FILE}\n{line}")).unwrap();
        let layer = config
            .outgoing("orders", Profile::Production, Some(&vault()), |builder| scene.on(builder))
            .unwrap();
        api.refuse("token-1");
        assert_eq!(api.get(&layer).await, answers, "{line}");
    }
}

#[test]
fn a_misspelt_key_is_refused() {
    for line in ["scopes = 'a'", "token = 'magic'", "key = 'env://A'"] {
        assert!(toml::from_str::<Config>(&format!("{FILE}\n{line}")).is_err(), "{line}");
    }
}
