//! Tokens for other services, from a file.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{BoxFuture, Profile, SecretBytes, SecretError, SecretRef, SecretResolver};
use gambeson_oidc_auth::Config;
use gambeson_oidc_auth::outgoing::CallerToken;

use super::api::{API, Api, UNAVAILABLE, request};
use super::provider::{Mood, SECRET, Scene};
use crate::fake_issuer::poll_once;

#[derive(Debug)]
struct Vault;

impl SecretResolver for Vault {
    fn resolve(&self, _: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
        Box::pin(async { Ok(SecretBytes::new(SECRET.as_bytes())) })
    }
}

/// One key, whatever it is called.
#[derive(Debug)]
struct Keys(String);

impl SecretResolver for Keys {
    fn resolve(&self, _: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
        let key = SecretBytes::new(self.0.clone().into_bytes());
        Box::pin(async { Ok(key) })
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
    assert_eq!(
        of(&format!("{by_secret}subject = 'a'\nactor = 'a'\nmax-callers = 1\n[outgoing.a]\n{file}")),
        "subject actor max-callers"
    );
    assert_eq!(of(&format!("{by_secret}certificate = 'mem://c'")), "certificate");
    let key = "private-key = 'mem://k'\nkey-id = 'k1'\nalgorithm = 'RS256'\nassertion-audience = 'x'\n";
    assert_eq!(of(&format!("{by_secret}{key}")), "private-key key-id algorithm assertion-audience");
    assert_eq!(of(&format!("{by_secret}{key}client-auth = 'private-key-jwt'")), "client-secret");
    assert_eq!(
        of(&format!("token = 'github-actions'\naudience = 'orders'\nscope = 'a'\nresource = 'b'\n{key}")),
        "private-key key-id algorithm assertion-audience scope resource"
    );
}

#[tokio::test]
async fn a_token_of_one_table_is_exchanged_for_that_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let pod = folder.path().join("token");
    std::fs::write(&pod, "p0d").unwrap();
    let file = format!(
        "{FILE}\ntoken = 'exchange'\nsubject = 'pod'\nactor = 'self'\n[outgoing.pod]\ntoken = 'workload-file'\nfile = {pod:?}\n\
         [outgoing.self]\nclient-id = 'billing'\nclient-secret = 'mem://self'\n"
    );
    let (scene, api) = (Scene::new(), Api::default());
    let config: Config = toml::from_str(&file).unwrap();
    let layers =
        config.outgoing_layers(Profile::Production, Some(&vault()), |builder| scene.on(builder)).unwrap();
    assert_eq!(layers.keys().collect::<Vec<_>>(), ["orders"], "the others are parts of it");
    assert_eq!(api.get(&layers["orders"]).await, Ok(200));
    let asked = scene.provider.last();
    assert_eq!((asked.field("subject_token"), asked.field("actor_token")), (Some("p0d"), Some("token-1")));
    assert_eq!(api.seen(), ["Bearer token-2"]);
    let one = config.outgoing("orders", Profile::Production, Some(&vault()), |builder| scene.on(builder));
    assert_eq!(api.get(&one.unwrap()).await, Ok(200));
    assert_eq!(scene.provider.last().field("subject_token"), Some("p0d"));
}

#[tokio::test]
async fn a_source_that_several_use_is_asked_once() {
    let more = |name: &str| {
        format!(
            "[outgoing.{name}]\norigins = ['https://orders.example.com']\ntoken = 'exchange'\nsubject = 'orders'\nclient-id = '{name}'\nclient-secret = 'mem://s'\n"
        )
    };
    let config: Config = toml::from_str(&format!("{FILE}{}{}", more("one"), more("two"))).unwrap();
    let (scene, api) = (Scene::new(), Api::default());
    let layers =
        config.outgoing_layers(Profile::Production, Some(&vault()), |builder| scene.on(builder)).unwrap();
    for name in ["orders", "one", "two"] {
        assert_eq!(api.get(&layers[name]).await, Ok(200), "{name}");
    }
    assert_eq!(scene.provider.count(), 3, "one of its own, and one for each exchange");
    assert_eq!(scene.provider.last().field("subject_token"), Some("token-1"));
}

#[test]
fn tables_that_lead_nowhere_or_in_circles_are_told() {
    let wrong = |lines: &str, fields: &[&str]| {
        let config: Config = toml::from_str(&format!("{FILE}{lines}")).unwrap();
        let built = config.outgoing_layers(Profile::Production, Some(&vault()), |builder| builder);
        let error = built.unwrap_err();
        let found: Vec<_> = error.problems().iter().map(|problem| &*problem.field).collect();
        assert_eq!(found, fields, "{error}");
    };
    wrong("token = 'exchange'", &["outgoing.orders.subject"]);
    wrong("token = 'exchange'\nsubject = 'pod'", &["outgoing.orders.subject"]);
    wrong("token = 'exchange'\nsubject = 'orders'", &["outgoing.orders"]);
    let other = "client-id = 'b'\nclient-secret = 'mem://b'\ntoken = 'exchange'\nsubject = 'orders'\n";
    wrong(&format!("token = 'exchange'\nsubject = 'pod'\n[outgoing.pod]\n{other}"), &["outgoing.orders"]);
    let of_callers = "[outgoing.pod]\nclient-id = 'b'\nclient-secret = 'mem://b'\ntoken = 'on-behalf-of'\n";
    wrong(&format!("token = 'exchange'\nsubject = 'pod'\n{of_callers}"), &["outgoing.orders.subject"]);
    let broken = "[outgoing.pod]\ntoken = 'workload-file'\n";
    wrong(
        &format!("token = 'exchange'\nsubject = 'pod'\nmax-waiting = 0\n{broken}"),
        &["outgoing.pod.file", "outgoing.orders.max-waiting"],
    );
    wrong("[outgoing.pod]\ntoken = 'workload-file'\nfile = '/run/token'", &["outgoing.pod.origins"]);
}

#[tokio::test]
async fn how_many_wait_and_are_known_is_what_the_file_says() {
    let (scene, api) = (Scene::new(), Api::default());
    let file = format!("{FILE}\ntoken = 'on-behalf-of'\nmax-callers = 2\nmax-waiting = 1");
    let config: Config = toml::from_str(&file).unwrap();
    let layer =
        config.outgoing("orders", Profile::Production, Some(&vault()), |builder| scene.on(builder)).unwrap();
    let of = |caller: &'static str| {
        let mut asks = request(API);
        asks.extensions_mut().insert(CallerToken::new(caller));
        asks
    };
    for caller in ["alice", "bob", "carol"] {
        assert_eq!(api.ask(&layer, of(caller)).await, Ok(200));
    }
    assert_eq!(layer.source().unwrap().status().tokens, 2);
    scene.provider.mood(Mood::Hangs);
    let mut first = Box::pin(api.ask(&layer, of("dave")));
    assert!(poll_once(first.as_mut()).is_pending());
    assert_eq!(api.ask(&layer, of("dave")).await, UNAVAILABLE, "one waits already");
}

#[tokio::test]
async fn assertions_are_for_whom_the_file_says() {
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let file = "issuer = 'https://id.example'\n[outgoing.orders]\norigins = ['https://orders.example.com']\nclient-id = 'billing'\n\
                client-auth = 'private-key-jwt'\nprivate-key = 'mem://key'\nkey-id = 'k1'\nassertion-audience = 'https://id.example/token'";
    let config: Config = toml::from_str(file).unwrap();
    let (scene, api) = (Scene::new(), Api::default());
    let keys: Arc<dyn SecretResolver> = Arc::new(Keys(key));
    let layer = config.outgoing("orders", Profile::Production, Some(&keys), |builder| scene.on(builder));
    assert_eq!(api.get(&layer.unwrap()).await, Ok(200));
    let asked = scene.provider.last();
    let mut parts = asked.field("client_assertion").unwrap().split('.').map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice::<serde_json::Value>(&json).unwrap_or_default()
    });
    let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
    assert_eq!((&header["kid"], &claims["aud"]), (&"k1".into(), &"https://id.example/token".into()));
}

#[cfg(feature = "client")]
#[test]
fn a_certificate_of_the_file_is_named_with_its_key() {
    let wrong = |lines: &str, fields: &[&str]| {
        let file = format!(
            "issuer = 'https://id.example'\n[outgoing.orders]\norigins = ['https://orders.example.com']\n\
             client-id = 'billing'\nclient-auth = 'tls'\n{lines}"
        );
        let config: Config = toml::from_str(&file).unwrap();
        let built = config.outgoing("orders", Profile::Production, Some(&vault()), |builder| builder);
        let problems = built.err().map(|error| error.problems().to_vec()).unwrap_or_default();
        let found: Vec<_> = problems.iter().map(|problem| &*problem.field).collect();
        assert_eq!(found, fields);
        assert!(problems.iter().all(|problem| !problem.cure.is_empty()));
    };
    wrong("", &["outgoing.orders.certificate"]);
    wrong("certificate = 'mem://c'", &["outgoing.orders.private-key"]);
    wrong("private-key = 'mem://k'", &["outgoing.orders.certificate"]);
    wrong("certificate = 'mem://c'\nprivate-key = 'mem://k'", &[]);
    wrong(
        "certificate = 'mem://c'\nprivate-key = 'mem://k'\nclient-secret = 'mem://s'\nkey-id = 'k'",
        &["outgoing.orders.client-secret", "outgoing.orders.key-id"],
    );
}

#[cfg(feature = "client")]
#[tokio::test]
async fn a_certificate_that_can_t_be_used_sends_nothing_and_is_named() {
    let file = "issuer = 'https://id.example'\n[outgoing.orders]\norigins = ['https://orders.example.com']\n\
                client-id = 'billing'\nclient-auth = 'tls'\ncertificate = 'mem://c'\nprivate-key = 'mem://k'";
    let config: Config = toml::from_str(file).unwrap();
    let layer = config.outgoing("orders", Profile::Production, Some(&vault()), |builder| builder).unwrap();
    assert_eq!(Api::default().get(&layer).await, UNAVAILABLE);
    let why = layer.source().unwrap().status().last_error.unwrap();
    assert!(why.contains("client_certificate_pem") && !why.contains(SECRET), "{why}");
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
