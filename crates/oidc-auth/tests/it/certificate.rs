//! Services that are known by their certificates.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Authentication, Challenges, ClientCertificate, GrpcStatus, ManualClock, PeerInfo, Principal,
    PrincipalKind, RequestFacts, Timestamp,
};
use gambeson_oidc_auth::{AuthLayer, CertificateLayer, CertificateLayerBuilder, KnownService};
use gambeson_testing::RecordingAuditSink;
use gambeson_testing::contract::{self, Cases};
use http::{Request, Response, header};
use tower::{Layer, ServiceExt, service_fn};

use crate::fake_issuer::{ISSUER, START, claims, static_verifier};
use crate::signer::Signer;

const ORDERS: &str = "spiffe://example.org/ns/shop/sa/orders";
const OTHER: &str = "spiffe://example.org/ns/shop/sa/other";

fn certificate(uris: &[&str], hosts: &[&str]) -> ClientCertificate {
    let mut certificate = ClientCertificate::default();
    certificate.uris = uris.iter().map(|uri| (*uri).into()).collect();
    certificate.dns_names = hosts.iter().map(|host| (*host).into()).collect();
    certificate.not_after = Some(Timestamp::from_unix_seconds(START + 60));
    certificate
}

fn with(certificate: Option<ClientCertificate>) -> Request<()> {
    let mut peer = PeerInfo::new();
    peer.certificate = certificate.map(Arc::new);
    let mut request = Request::get("/stock").body(()).unwrap();
    RequestFacts::ensure(&mut request).set_peer(peer);
    request
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix_seconds(START))
}

fn builder() -> CertificateLayerBuilder {
    CertificateLayer::builder()
        .issuer("https://ca.example")
        .service(KnownService::new(ORDERS).role("stock-reader").tenant("acme"))
        .service(KnownService::new("billing.example").subject("billing"))
        .service(KnownService::new("billing-2.example").subject("billing"))
        .service(KnownService::new("urn:example:printer").subject("printer"))
        .clock(Arc::new(clock()))
}

/// Status, and who the app sees.
async fn ask(layer: &CertificateLayer, request: Request<()>) -> (u16, String) {
    let answer = layer.layer(service_fn(who)).oneshot(request).await.unwrap();
    (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
}

async fn who(request: Request<()>) -> Result<Response<Bytes>, std::convert::Infallible> {
    let facts = RequestFacts::of(request.extensions()).unwrap();
    let who = match facts.authentication() {
        None => "nothing".to_owned(),
        Some(found) => found
            .principal()
            .map_or("nobody".to_owned(), |caller| format!("{} {}", caller.issuer(), caller.subject())),
    };
    Ok(Response::new(who.into()))
}

#[tokio::test]
async fn who_is_on_the_list_is_known_and_nobody_else() {
    let layer = builder().build().unwrap();
    for (uris, hosts, expected) in [
        (&[ORDERS][..], &[][..], format!("spiffe://example.org {ORDERS}")),
        (&[], &["billing.example"], "https://ca.example billing".into()),
        (&[], &["billing.example", "billing-2.example", "x.example"], "https://ca.example billing".into()),
        (&["urn:example:printer"], &["x.example"], "https://ca.example printer".into()),
        // Not on the list, or not to the letter.
        (&[OTHER], &[], "nobody".into()),
        (&["spiffe://example.org/ns/shop/sa/Orders"], &[], "nobody".into()),
        (&["spiffe://example.org/ns/shop/sa/orders/"], &[], "nobody".into()),
        (&["spiffe://evil.example/ns/shop/sa/orders"], &[], "nobody".into()),
        (&[], &["*.example"], "nobody".into()),
        (&[], &[ORDERS], "nobody".into()),
        (&["billing.example"], &[], "nobody".into()),
        (&[], &[], "nobody".into()),
        // A SPIFFE id is one, and nothing beside it counts (X509-SVID §2 and §5.2).
        (&[ORDERS, OTHER], &[], "nobody".into()),
        (&[ORDERS, "urn:example:printer"], &[], "nobody".into()),
        (&[OTHER], &["billing.example"], "nobody".into()),
        // Two services at once.
        (&["urn:example:printer"], &["billing.example"], "nobody".into()),
    ] {
        let found = ask(&layer, with(Some(certificate(uris, hosts)))).await;
        assert_eq!(found, (200, expected), "{uris:?} {hosts:?}");
    }
    assert_eq!(ask(&layer, with(None)).await, (200, "nobody".into()));
    assert_eq!(ask(&CertificateLayer::off(), with(Some(certificate(&[ORDERS], &[])))).await.1, "nothing");
}

#[tokio::test]
async fn the_principal_is_a_service_that_ends_with_its_certificate() {
    let layer = builder().build().unwrap();
    let caller = async |end| {
        let mut certificate = certificate(&[ORDERS], &[]);
        certificate.not_after = end;
        let request = with(Some(certificate));
        let facts = RequestFacts::of(request.extensions()).unwrap().clone();
        ask(&layer, request).await;
        facts.principal().unwrap().clone()
    };
    let end = Timestamp::from_unix_seconds(START + 60);
    let orders = caller(Some(end)).await;
    assert_eq!((orders.kind(), orders.expires_at()), (PrincipalKind::Service, Some(end)));
    assert_eq!((orders.roles().collect::<Vec<_>>(), orders.tenant()), (vec!["stock-reader"], Some("acme")));
    assert_eq!(caller(Some(end)).await.id(), orders.id(), "made once");
    let renewed = caller(Some(end.plus(Duration::from_secs(60)))).await;
    assert!(renewed.id() != orders.id() && renewed.same_subject(&orders) && renewed.expires_at() > Some(end));
    assert_eq!(caller(None).await.expires_at(), None);
}

/// A connection lives on, and a process thaws: what counts is the time of each request.
#[tokio::test]
async fn a_certificate_that_has_ended_is_refused_by_the_wall_clock() {
    let clock = clock();
    let layer = builder().clock(Arc::new(clock.clone())).build().unwrap();
    let request = || with(Some(certificate(&[ORDERS], &[])));
    for (at, status) in
        [(START, 200), (START + 60, 200), (START + 61, 401), (START + 90_000, 401), (START, 200)]
    {
        clock.set(Timestamp::from_unix_seconds(at));
        assert_eq!(ask(&layer, request()).await.0, status, "{at}");
    }
    clock.advance(Duration::from_secs(61));
    let answer = layer.layer(service_fn(who)).oneshot(request()).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[header::WWW_AUTHENTICATE]),
        (401, &"Certificate".parse().unwrap())
    );
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(body.contains("certificate-refused") && !body.contains("orders"), "{body}");
}

#[tokio::test]
async fn with_required_nobody_else_passes() {
    let sink = RecordingAuditSink::new();
    let layer = builder().required().audit(Arc::new(sink.clone())).build().unwrap();
    assert_eq!(ask(&layer, with(Some(certificate(&[ORDERS], &[])))).await.0, 200);
    for (shown, slug) in [
        (None, "certificate-required"),
        (Some(certificate(&[OTHER], &[])), "certificate-refused"),
        (Some(certificate(&[ORDERS, OTHER], &[])), "certificate-refused"),
        (Some(certificate(&[], &[])), "certificate-refused"),
    ] {
        let request = with(shown);
        let facts = RequestFacts::of(request.extensions()).unwrap().clone();
        let (status, body) = ask(&layer, request).await;
        assert!(status == 401 && body.contains(slug), "{body}");
        assert_eq!(facts.rejection().unwrap().slug(), slug);
    }
    let reasons: Vec<String> =
        sink.events().iter().map(|event| event.reason.clone().unwrap_or_default().into_owned()).collect();
    assert_eq!(reasons, ["not-on-the-list", "means-several", "not-on-the-list"]);
    let mut signed_in = with(None);
    let alice = Authentication::Verified(Principal::user(ISSUER, "alice").build(), Challenges::none());
    RequestFacts::ensure(&mut signed_in).authenticate(alice).unwrap();
    assert_eq!(ask(&layer, signed_in).await.0, 200, "a session counts");
}

#[tokio::test]
async fn without_the_peer_layer_nothing_passes() {
    for layer in [builder().build().unwrap(), builder().required().build().unwrap()] {
        let (status, body) = ask(&layer, Request::new(())).await;
        assert!(status == 500 && body.contains("layer-order"), "{body}");
    }
}

/// A service and a token are two credentials: of one subject or 400 (RFC 6750 §2), unless tokens go first.
#[tokio::test]
async fn a_certificate_and_a_token_mean_one_subject() {
    let signer = Signer::es256("k");
    let tokens = AuthLayer::new(static_verifier(&[&signer]).build().unwrap());
    let request = |token: Option<&str>, uri: &str| {
        let mut request = with(Some(certificate(&[uri], &[])));
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        request
    };
    let good = signer.token(&claims());
    let alice = format!("{ISSUER} alice");
    let orders = format!("spiffe://example.org {ORDERS}");
    let strict = builder().build().unwrap().beside(&tokens);
    let yielding = builder().required().yield_to_tokens().build().unwrap().beside(&tokens);
    for (layer, token, uri, expected) in [
        (&strict, Some(&*good), ORDERS, (400, None)),
        (&strict, Some(&*good), OTHER, (200, Some(&alice))),
        (&strict, Some("junk"), ORDERS, (401, None)),
        (&strict, None, ORDERS, (200, Some(&orders))),
        (&yielding, Some(&*good), ORDERS, (200, Some(&alice))),
        (&yielding, Some("junk"), ORDERS, (401, None)),
        (&yielding, None, ORDERS, (200, Some(&orders))),
        (&yielding, None, OTHER, (401, None)),
    ] {
        let stack = layer.layer(tokens.layer(service_fn(who)));
        let answer = stack.oneshot(request(token, uri)).await.unwrap();
        let found = String::from_utf8_lossy(answer.body()).into_owned();
        let found = (answer.status().as_u16(), (answer.status() == 200).then_some(&found));
        assert_eq!(found, expected, "{token:?} {uri}");
        if answer.status() == 401 {
            let challenge = answer.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
            assert!(challenge.starts_with("Bearer"), "{challenge}");
        }
    }
    let mut signed_in = request(None, ORDERS);
    let alice = Authentication::Verified(Principal::user(ISSUER, "alice").build(), Challenges::none());
    RequestFacts::ensure(&mut signed_in).authenticate(alice).unwrap();
    let (status, body) = ask(&strict, signed_in).await;
    assert!(status == 400 && body.contains("conflicting-credentials"), "{body}");
}

/// What nobody further inside takes for a token makes nobody yield.
#[tokio::test]
async fn another_scheme_is_no_way_past_a_certificate_that_is_required() {
    let layer = builder().required().yield_to_tokens().build().unwrap();
    for (value, uri, expected) in [
        ("Basic YTpi", ORDERS, 200),
        ("Basic YTpi", OTHER, 401),
        ("Bearer", OTHER, 200),
        ("dpop x", OTHER, 200),
        ("Bearerx y", OTHER, 401),
        ("", OTHER, 401),
    ] {
        let mut request = with(Some(certificate(&[uri], &[])));
        request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
        assert_eq!(ask(&layer, request).await.0, expected, "{value} {uri}");
    }
}

#[cfg(feature = "client")]
#[tokio::test]
async fn strangers_certificates_do_not_flood_the_log() {
    crate::log::listen();
    let layer = builder().build().unwrap();
    let _ = crate::log::lines();
    for _ in 0..50 {
        ask(&layer, with(Some(certificate(&["urn:a\u{1b}[2J"], &[])))).await;
    }
    let lines = crate::log::lines();
    assert_eq!(lines.lines().filter(|line| line.starts_with("INFO")).count(), 1, "{lines}");
    assert!(lines.contains("not-on-the-list") && !lines.contains('\u{1b}'), "{lines}");
}

#[test]
fn all_problems_are_told_at_once() {
    let layer = CertificateLayer::builder()
        .service(KnownService::new("*.example"))
        .service(KnownService::new("orders.example"))
        .service(KnownService::new(ORDERS).subject(" "))
        .service(KnownService::new(ORDERS));
    let said = layer.build().unwrap_err().to_string();
    for part in
        ["*.example", "without *", "certificates.issuer", "orders.example", "subject", "list each name once"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let said = CertificateLayer::builder().build().unwrap_err().to_string();
    assert!(said.contains("certificates.services"), "{said}");
}

#[cfg(feature = "serde")]
#[test]
fn a_table_becomes_the_layer() {
    let mut config: gambeson_oidc_auth::Config = toml::from_str(&format!(
        "audience = 'api'\n[certificates]\nissuer = 'https://ca.example'\nrequired = true\nyield-to-tokens = true\n\
         [[certificates.services]]\nname = '{ORDERS}'\nsubject = 'orders'\nroles = ['reader']\ntenant = 'acme'\n\
         [[certificates.services]]\nname = 'billing.example'\n"
    ))
    .unwrap();
    let layer = config.certificates(|builder| builder).unwrap().unwrap();
    let mut names: Vec<&str> = layer.names().collect();
    names.sort_unstable();
    assert_eq!((names, layer.is_required()), (vec!["billing.example", ORDERS], true));
    config.audience.clear();
    let said = config.certificates(|builder| builder).unwrap_err().to_string();
    assert!(said.contains("certificates.yield-to-tokens") && said.contains("audience"), "{said}");
    assert!(config.build(|verifier| verifier, |login| login, None).is_ok(), "no audience is needed then");
    let none: gambeson_oidc_auth::Config = toml::from_str("issuer = 'https://i.example'").unwrap();
    assert!(none.certificates(|builder| builder).unwrap().is_none());
    let wrong = toml::from_str::<gambeson_oidc_auth::Config>("[certificates]\nservice = []").unwrap_err();
    assert!(wrong.to_string().contains("service"), "{wrong}");
    let empty: gambeson_oidc_auth::Config = toml::from_str("[certificates]").unwrap();
    assert!(empty.certificates(|builder| builder).is_err());
}

#[tokio::test]
async fn the_layer_keeps_the_laws() {
    let (optional, required) = (builder().build().unwrap(), builder().required().build().unwrap());
    let good = || with(Some(certificate(&[ORDERS], &[])));
    let bad = || with(Some(certificate(&[OTHER], &[])));
    let layer = required.clone();
    contract::check(move || layer.clone(), Cases::passing(good).refusing(bad)).await;
    contract::check(move || optional.clone(), Cases::passing(bad)).await;
    contract::check(CertificateLayer::off, Cases::passing(bad)).await;
    for (request, status) in [(good(), 200), (bad(), 401)] {
        let again = request.clone();
        assert_eq!(contract::adopt::axum(required.clone(), request).await.status(), status);
        assert_eq!(contract::adopt::hyper(required.clone(), again).await.unwrap().status(), status);
    }
    // tonic's transport carries no extensions, so there is no peer layer's word: closed.
    let refused = contract::adopt::tonic(required.respond_with(GrpcStatus), good()).await.unwrap();
    assert_eq!(refused.headers()["grpc-message"], "layer-order");
}
