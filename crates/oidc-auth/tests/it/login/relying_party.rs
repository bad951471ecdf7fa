//! The official tests for relying parties, by their names, on an app behind the layer.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{get, post_service};
use gambeson_core::{BoxError, Profile, RequestFacts, SecretBytes, Spawn, TokioSpawn};
use gambeson_oidc_auth::login::LoginBuilder;
use gambeson_oidc_auth::{Issuer, Login, LoginLayer};
use gambeson_testing::rp::{Given, Outcome, Plan, RelyingParty, Running, Suite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

async fn who(request: Request) -> String {
    let facts = RequestFacts::of(request.extensions()).cloned().unwrap_or_default();
    facts.principal().map_or("nobody".to_owned(), |person| person.subject().to_owned())
}

async fn start(given: Given, with: impl FnOnce(LoginBuilder) -> LoginBuilder) -> Result<Running, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let login = Login::builder(Issuer::discover(given.issuer()), given.client_id())
        .client_secret(SecretBytes::new(given.client_secret().to_owned().into_bytes()))
        .public_origin(origin.as_str())
        .run_in(Profile::Development);
    let login = with(login).build()?;
    let told = login.backchannel_endpoint();
    let app = Router::new()
        .route("/me", get(who))
        .route(&told.template, post_service(login.backchannel_logout::<Body>()))
        .layer(LoginLayer::new(login));
    let (guard, dropped) = oneshot::channel::<()>();
    TokioSpawn::new().spawn(Box::pin(async move {
        tokio::select! {
            _ = axum::serve(listener, app).into_future() => {}
            _ = dropped => {}
        }
    }));
    Ok(Running::at(origin).keep(guard))
}

/// Those that no app takes part in that sends no `state` to the log-out.
const OF_STATE: [&str; 2] =
    ["oidcc-client-test-rp-init-logout-other-state", "oidcc-client-test-rp-init-logout-no-state"];

#[tokio::test]
async fn with_userinfo_the_layer_passes_its_tests_too() {
    let suite = Suite::new(RelyingParty::new("/me").back_channel("/logout/backchannel"));
    let report = suite.run(async |given| start(given, LoginBuilder::userinfo).await).await.unwrap();
    assert!(report.is_passed(), "{report}");
    for test in ["userinfo-invalid-sub", "scope-userinfo-claims", "userinfo-bearer-header"] {
        let outcome = report.outcome(&format!("oidcc-client-test-{test}"));
        assert_eq!(outcome, Some(Outcome::Passed), "{test}: {report}");
    }
    let others = report.findings().iter().filter(|finding| finding.outcome() != Outcome::Passed);
    assert_eq!(others.map(|finding| finding.test()).collect::<Vec<_>>(), OF_STATE);
}

#[tokio::test]
async fn the_layer_passes_the_official_tests() {
    let suite = Suite::new(RelyingParty::new("/me").back_channel("/logout/backchannel"));
    let report = suite.run(async |given| start(given, |login| login).await).await.unwrap();
    println!("{report}");
    assert!(report.is_passed(), "{report}");
    for (plan, tests) in
        [(Plan::Basic, 14), (Plan::Config, 6), (Plan::RpInitiatedLogout, 3), (Plan::BackChannelLogout, 8)]
    {
        let has = report.findings().iter().filter(|finding| finding.plans().contains(&plan)).count();
        assert_eq!(has, tests, "{}", plan.name());
    }
    let ended = |outcome| {
        let findings = report.findings().iter().filter(move |finding| finding.outcome() == outcome);
        findings.map(|finding| finding.test()).collect::<Vec<_>>()
    };
    assert_eq!(ended(Outcome::Warned), [""; 0]);
    assert_eq!(
        ended(Outcome::NotApplicable),
        [
            "oidcc-client-test-userinfo-invalid-sub",
            "oidcc-client-test-scope-userinfo-claims",
            "oidcc-client-test-userinfo-bearer-header",
            "oidcc-client-test-rp-init-logout-other-state",
            "oidcc-client-test-rp-init-logout-no-state",
        ]
    );
}
