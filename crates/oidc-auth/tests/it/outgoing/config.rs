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
fn a_misspelt_key_is_refused() {
    for line in ["scopes = 'a'", "token = 'magic'", "key = 'env://A'"] {
        assert!(toml::from_str::<Config>(&format!("{FILE}\n{line}")).is_err(), "{line}");
    }
}
