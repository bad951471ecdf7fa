//! Opaque tokens, proofs and the denylist from a configuration file.

use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{
    BoxFuture, ConfigError, HttpTransport, SecretBytes, SecretError, SecretRef, SecretResolver,
    TransportError, TransportLimits,
};
use gambeson_oidc_auth::{Config, Configured, Denial};
use http::{Request, Response};
use serde_json::json;

use crate::bound::sender::{Client, ath, request, send, thumbprint};
use crate::fake_issuer::{FakeIssuer, House, ISSUER, START, claims, claims_with, settle};
use crate::signer::Signer;

const FILE: &str = r#"
    issuer = "https://id.example"
    audience = "api"
    require = [{ claim = "tenant", equals = "acme" }]

    [introspection]
    url = "https://id.example/introspect"
    client-id = "notes"
    client-secret = "env://INTROSPECTION"
    cache-ttl = "5s"

    [dpop]
    public-origin = "https://api.example.com"
    window = "30s"

    [denylist]
    capacity = 1000
"#;

#[derive(Debug)]
struct Vault;

impl SecretResolver for Vault {
    fn resolve(&self, _: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
        Box::pin(async { Ok(SecretBytes::new(&b"hush"[..])) })
    }
}

/// The issuer's keys, and what it says of opaque tokens: those of evil are another tenant's.
#[derive(Debug)]
struct Issuer(FakeIssuer);

impl HttpTransport for Issuer {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        if request.uri().path() != "/introspect" {
            return self.0.send(request, limits);
        }
        assert_eq!(request.headers()["authorization"], "Basic bm90ZXM6aHVzaA==");
        let is_evil = request.body().starts_with(b"token=evil");
        let mut answer = claims_with("tenant", json!(if is_evil { "evil" } else { "acme" }));
        answer["active"] = json!(true);
        Box::pin(async move { Ok(Response::new(Bytes::from(answer.to_string()))) })
    }
}

fn built(file: &str, house: &House) -> Result<Configured, ConfigError> {
    let config: Config = toml::from_str(file).unwrap();
    let transport: Arc<dyn HttpTransport> = Arc::new(Issuer(house.issuer.clone()));
    let given = |builder: gambeson_oidc_auth::VerifierBuilder| {
        let builder = builder.clock(Arc::new(house.clock.clone())).timer(Arc::new(house.clock.clone()));
        builder.transport(Arc::clone(&transport))
    };
    config.build(given, |login| login, Some(Arc::new(Vault)))
}

#[tokio::test]
async fn a_file_describes_all_ways_of_access_tokens() {
    let (signer, client) = (Signer::es256("k"), Client::new());
    let house = House::with(&[&signer]);
    let configured = built(FILE, &house).unwrap();
    settle().await;
    let layer = configured.auth_layer();
    assert_eq!(send(&layer, request("Bearer opaque", &[])).await.body(), "alice");
    assert_eq!(send(&layer, request("Bearer evil", &[])).await.status(), 401, "the rules hold there too");

    let bound = signer.token(&claims_with("cnf", json!({"jkt": thumbprint(&client.key)})));
    let proof = |iat: i64| {
        let mut claims = client.claims();
        (claims["ath"], claims["iat"]) = (json!(ath(&bound)), json!(iat));
        client.proof(&client.header(), &claims)
    };
    let dpop = format!("DPoP {bound}");
    assert_eq!(send(&layer, request(&dpop, &[&proof(START)])).await.body(), "alice");
    assert_eq!(
        send(&layer, request(&dpop, &[&proof(START - 30)])).await.status(),
        401,
        "the window is the file's"
    );

    let plain = format!("Bearer {}", signer.token(&claims()));
    assert_eq!(send(&layer, request(&plain, &[])).await.body(), "alice");
    configured.denylist.as_ref().unwrap().deny(&Denial::subject(ISSUER, "alice"));
    for ended in [plain.as_str(), "Bearer opaque"] {
        assert_eq!(send(&layer, request(ended, &[])).await.status(), 401, "{ended}");
    }

    let strict = format!("require-sender-constraint = true\n{FILE}");
    let layer = built(&strict, &house).unwrap().auth_layer();
    settle().await;
    assert_eq!(send(&layer, request(&plain, &[])).await.status(), 401, "bound to nobody");
    assert_eq!(send(&layer, request(&dpop, &[&proof(START)])).await.body(), "alice");
}

/// One list serves all issuers, and is long enough for the most generous one.
#[tokio::test]
async fn the_denylist_is_one_for_all_issuers() {
    let house = House::with(&[]);
    let also = "[[also]]\nissuer = \"https://b.example\"\naudience = \"b\"\nleeway = \"2m\"\nmax-token-lifetime = \"12h\"";
    let file = format!("issuer = \"{ISSUER}\"\naudience = \"api\"\n[denylist]\n{also}");
    let verifier = built(&file, &house).unwrap().verifier.unwrap();
    assert_eq!((verifier.each().count(), verifier.denylists().count()), (2, 1));
    let own = gambeson_oidc_auth::Denylist::new();
    let config: Config = toml::from_str(&file).unwrap();
    let given = |builder: gambeson_oidc_auth::VerifierBuilder| {
        builder.transport(Arc::new(house.issuer.clone())).denylist(own.clone())
    };
    let error = config.build(given, |login| login, None).unwrap_err().to_string();
    assert!(error.contains("denylist.leeway"), "code's own list comes before the file's: {error}");
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_name() {
    let house = House::with(&[]);
    let told = |file: &str| built(file, &house).unwrap_err().to_string();
    let empty = told("issuer = \"https://id.example\"\naudience = \"api\"\n[introspection]\n[dpop]");
    for field in
        ["introspection.url", "introspection.client-id", "introspection.client-secret", "dpop.public-origin"]
    {
        assert!(empty.contains(field), "{field}: {empty}");
    }
    let half = told(
        "issuer = \"https://id.example\"\naudience = \"api\"\n[introspection]\nurl = \"https://id.example/i\"\nclient-id = \"a\"\n\
         client-auth = \"tls\"\ncertificate = \"env://C\"\nclient-secret = \"env://S\"",
    );
    assert!(
        half.contains("introspection.private-key") && half.contains("introspection.client-secret"),
        "{half}"
    );
    let none = told(
        "issuer = \"https://id.example\"\nrequire-sender-constraint = true\n[introspection]\n[dpop]\n[denylist]\n[login]",
    );
    assert_eq!(none.matches("name this API as audience").count(), 4, "{none}");
    let further = "issuer = \"https://id.example\"\naudience = \"api\"\n[[also]]\nissuer = \"https://b.example\"\naudience = \"b\"\n";
    for (table, field) in [
        ("[also.introspection]", "also[0].introspection"),
        ("[also.dpop]", "also[0].dpop"),
        ("[also.denylist]", "also[0].denylist"),
        ("require-sender-constraint = true", "also[0].require-sender-constraint"),
        ("[also.outgoing.stock]", "also[0].outgoing"),
    ] {
        let error = told(&format!("{further}{table}"));
        assert!(error.contains(field), "{field}: {error}");
    }
}
