//! The suite for relying parties, on one that is honest and on ones with a flaw each.

mod app;
#[cfg(feature = "rp-bin")]
mod program;
mod server;

use gambeson_testing::DevIdpErrorKind;
use gambeson_testing::rp::{Elsewhere, Outcome, Plan, Report, Suite};

use app::{Flaw, described, start};

async fn report(suite: Suite, flaw: Flaw) -> Report {
    suite.run(async |given| start(given, flaw).await).await.unwrap()
}

#[tokio::test]
async fn an_honest_relying_party_passes() {
    let report = report(Suite::new(described()), Flaw::None).await;
    println!("{report}");
    assert!(report.is_passed(), "{report}");
    for finding in report.findings() {
        assert_eq!(finding.outcome(), Outcome::Passed, "{}: {}", finding.test(), finding.seen());
    }
    for (plan, tests) in
        [(Plan::Basic, 14), (Plan::Config, 6), (Plan::RpInitiatedLogout, 3), (Plan::BackChannelLogout, 8)]
    {
        let has = report.findings().iter().filter(|finding| finding.plans().contains(&plan)).count();
        assert_eq!(has, tests, "{}", plan.name());
    }
}

/// Each test sees the flaw that it is there for.
#[tokio::test]
async fn every_test_bites() {
    use Outcome::{Failed, NotApplicable, Warned};
    let mut rows = vec![
        ("oidcc-client-test", Flaw::TokenInAddress, Failed),
        ("oidcc-client-test-discovery-openid-config", Flaw::NoMetadata, Failed),
        ("oidcc-client-test-invalid-iss", Flaw::Trusting, Failed),
        ("oidcc-client-test-missing-sub", Flaw::Trusting, Failed),
        ("oidcc-client-test-invalid-aud", Flaw::Trusting, Failed),
        ("oidcc-client-test-missing-iat", Flaw::Trusting, Failed),
        ("oidcc-client-test-missing-aud", Flaw::Trusting, Failed),
        ("oidcc-client-test-nonce-invalid", Flaw::Trusting, Failed),
        ("oidcc-client-test-nonce-invalid", Flaw::Breaking, Failed),
        ("oidcc-client-test-idtoken-sig-rs256", Flaw::Refusing, Failed),
        ("oidcc-client-test-idtoken-sig-none", Flaw::Trusting, Warned),
        ("oidcc-client-test-invalid-sig-rs256", Flaw::Trusting, Warned),
        ("oidcc-client-test-userinfo-invalid-sub", Flaw::Trusting, Failed),
        ("oidcc-client-test-userinfo-invalid-sub", Flaw::NoUserinfo, NotApplicable),
        ("oidcc-client-test-userinfo-bearer-header", Flaw::TokenInAddress, Failed),
        ("oidcc-client-test-scope-userinfo-claims", Flaw::NoScopes, Failed),
        ("oidcc-client-test-scope-userinfo-claims", Flaw::NoUserinfo, NotApplicable),
        ("oidcc-client-test-client-secret-basic", Flaw::SecretInForm, Failed),
        ("oidcc-client-test-kid-absent-single-jwks", Flaw::NamedKeysOnly, Failed),
        ("oidcc-client-test-kid-absent-multiple-jwks", Flaw::Breaking, Failed),
        ("oidcc-client-test-discovery-jwks-uri-keys", Flaw::KeysAtUsualPlace, Failed),
        ("oidcc-client-test-discovery-issuer-mismatch", Flaw::Trusting, Failed),
        ("oidcc-client-test-signing-key-rotation", Flaw::KeysOnce, Failed),
        ("oidcc-client-test-signing-key-rotation-just-before-signing", Flaw::Refusing, Failed),
        ("oidcc-client-test-rp-init-logout", Flaw::LocalLogout, Failed),
        ("oidcc-client-test-rp-init-logout", Flaw::KeepsSession, Failed),
        ("oidcc-client-test-rp-init-logout", Flaw::NoHint, Failed),
        ("oidcc-client-test-rp-init-logout-other-state", Flaw::BreaksOnState, Failed),
        ("oidcc-client-test-rp-init-logout-other-state", Flaw::NoLogoutState, NotApplicable),
        ("oidcc-client-test-rp-init-logout-no-state", Flaw::BreaksOnState, Failed),
        ("oidcc-client-test-rp-backchannel-rpinitlogout", Flaw::KeepsSession, Failed),
        ("oidcc-client-test-rp-backchannel-rpinitlogout-alg-none", Flaw::Trusting, Failed),
        ("oidcc-client-test-rp-backchannel-rpinitlogout-no-event", Flaw::Trusting, Failed),
        ("oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce", Flaw::Trusting, Failed),
        ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg", Flaw::Trusting, Failed),
        ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud", Flaw::Trusting, Failed),
        ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event", Flaw::Trusting, Failed),
        ("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss", Flaw::Trusting, Failed),
    ];
    while let Some((_, flaw, _)) = rows.first().copied() {
        let of_flaw: Vec<_> = rows.extract_if(.., |(_, other, _)| *other == flaw).collect();
        let suite = of_flaw.iter().fold(Suite::new(described()), |suite, (test, ..)| suite.test(*test));
        let report = report(suite, flaw).await;
        for (test, _, outcome) in &of_flaw {
            assert_eq!(report.outcome(test), Some(*outcome), "{flaw:?}: {report}");
        }
        assert_eq!(report.findings().len(), of_flaw.len());
        // Neither does a report of tests that don't apply speak for the app.
        assert_eq!(report.is_passed(), of_flaw.iter().all(|(.., outcome)| *outcome == Warned));
    }
}

#[tokio::test]
async fn a_name_that_no_test_has_is_no_test_passed() {
    let suite = Suite::new(described()).test("oidcc-client-test-missing-subb");
    let error = suite.run(async |given| start(given, Flaw::None).await).await.unwrap_err();
    assert_eq!(error.kind(), DevIdpErrorKind::Test);
    assert!(error.to_string().contains("oidcc-client-test-missing-subb"), "{error}");
}

/// As an app that was started by hand: told of the provider before, and never again.
#[tokio::test]
async fn an_app_that_runs_elsewhere_is_tested_too() {
    let (reserved, provider) = server::listen().await;
    drop(reserved);
    let (listener, address) = server::listen().await;
    let elsewhere = Elsewhere::new(format!("http://{address}"))
        .provider(provider.to_string())
        .client("my-app", "my-secret");
    let (issuer, server) = (format!("http://{provider}"), std::cell::OnceCell::new());
    let ready = async {
        let app = app::running(listener, (&issuer, "my-app", "my-secret"), Flaw::None).await.unwrap();
        assert!(server.set(app).is_ok());
    };
    let report = Suite::new(described()).run_elsewhere(&elsewhere, ready).await.unwrap();
    assert!(report.is_passed(), "{report}");
    let outcomes = |wanted| report.findings().iter().filter(|finding| finding.outcome() == wanted).count();
    assert_eq!((outcomes(Outcome::Passed), outcomes(Outcome::NotApplicable)), (30, 2), "{report}");
}
