//! The tests by their official names.

use super::report::Plan;
use crate::dev_idp::{Fault, LogoutFault};

/// One test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) plans: &'static [Plan],
    pub(super) fault: Fault,
    pub(super) script: Script,
}

/// What the browser does, and what the app must make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Signs in; the app asks as it must, and accepts.
    WholeWay,
    /// Signs in; accepted.
    Accepted,
    /// Signs in; refused.
    Refused,
    /// Signs in; better refused.
    BetterRefused(&'static str),
    /// Signs in while several keys fit; either way is right.
    SeveralKeys,
    /// Signs in; claims are asked for by scope.
    Scopes,
    /// Signs in; the client proves itself by `Authorization: Basic`.
    SecretBasic,
    /// Signs in; userinfo is asked for with `Authorization: Bearer`.
    BearerHeader,
    /// Signs in; what userinfo says of somebody else is not believed.
    UserinfoSubject,
    /// Signs in; the metadata was asked for.
    Metadata,
    /// Signs in; the key set was asked for where the metadata says.
    MovedKeys,
    /// The metadata is somebody else's: the browser is not sent anywhere.
    IssuerMismatch,
    /// Signs in, keys change, signs in; accepted.
    Rotation,
    /// Signs in and out; the provider may answer with a `state` that was not sent.
    SignOut { with_state: bool },
    /// Signs in; the provider says that the person signed out, by a good logout token or a bad one.
    BackChannel(Told),
}

/// What is wrong with a logout token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Fault(LogoutFault),
    /// It is signed by ES256 with a published key; the metadata names RS256 alone for ID tokens.
    WrongAlgorithm,
}

use Plan::{BackChannelLogout, Basic, Comprehensive, Config, RpInitiatedLogout};

const fn case(name: &'static str, plans: &'static [Plan], fault: Fault, script: Script) -> Case {
    Case { name, plans, fault, script }
}

/// Nothing is wrong but, perhaps, the logout token.
const fn told(name: &'static str, fault: LogoutFault) -> Case {
    case(name, &[BackChannelLogout], Fault::None, Script::BackChannel(Told::Fault(fault)))
}

const UNSIGNED: &str = "an unsigned ID token is good only for a client that registered for it (Core §2)";
const FORGED: &str = "only TLS to the token endpoint stands in for the signature (Core §3.1.3.7)";

/// In the order in which they run: those that change keys come late, for an app that is not started anew.
pub(super) const CASES: &[Case] = &[
    case("oidcc-client-test", &[Basic], Fault::None, Script::WholeWay),
    case("oidcc-client-test-discovery-openid-config", &[Config], Fault::None, Script::Metadata),
    case("oidcc-client-test-invalid-iss", &[Basic], Fault::WrongIdTokenIssuer, Script::Refused),
    case("oidcc-client-test-missing-sub", &[Basic], Fault::NoSubject, Script::Refused),
    case("oidcc-client-test-invalid-aud", &[Basic], Fault::WrongAudience, Script::Refused),
    case("oidcc-client-test-missing-iat", &[Basic], Fault::NoIssuedAt, Script::Refused),
    case("oidcc-client-test-idtoken-sig-rs256", &[Basic], Fault::None, Script::Accepted),
    case(
        "oidcc-client-test-idtoken-sig-none",
        &[Basic, Config],
        Fault::UnsignedIdToken,
        Script::BetterRefused(UNSIGNED),
    ),
    case("oidcc-client-test-invalid-sig-rs256", &[Basic], Fault::BadSignature, Script::BetterRefused(FORGED)),
    case(
        "oidcc-client-test-userinfo-invalid-sub",
        &[Basic],
        Fault::WrongUserinfoSubject,
        Script::UserinfoSubject,
    ),
    case("oidcc-client-test-nonce-invalid", &[Basic], Fault::WrongNonce, Script::Refused),
    case("oidcc-client-test-scope-userinfo-claims", &[Basic], Fault::None, Script::Scopes),
    case("oidcc-client-test-client-secret-basic", &[Basic], Fault::None, Script::SecretBasic),
    case("oidcc-client-test-missing-aud", &[Comprehensive], Fault::NoAudience, Script::Refused),
    case("oidcc-client-test-userinfo-bearer-header", &[Comprehensive], Fault::None, Script::BearerHeader),
    case(
        "oidcc-client-test-rp-init-logout",
        &[RpInitiatedLogout],
        Fault::None,
        Script::SignOut { with_state: false },
    ),
    case(
        "oidcc-client-test-rp-init-logout-other-state",
        &[RpInitiatedLogout],
        Fault::WrongLogoutState,
        Script::SignOut { with_state: true },
    ),
    case(
        "oidcc-client-test-rp-init-logout-no-state",
        &[RpInitiatedLogout],
        Fault::NoLogoutState,
        Script::SignOut { with_state: true },
    ),
    told("oidcc-client-test-rp-backchannel-rpinitlogout", LogoutFault::None),
    told("oidcc-client-test-rp-backchannel-rpinitlogout-alg-none", LogoutFault::AlgNone),
    told("oidcc-client-test-rp-backchannel-rpinitlogout-no-event", LogoutFault::NoEvents),
    told("oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce", LogoutFault::Nonce),
    case(
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg",
        &[BackChannelLogout],
        Fault::None,
        Script::BackChannel(Told::WrongAlgorithm),
    ),
    told("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud", LogoutFault::WrongAudience),
    told("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event", LogoutFault::WrongEvents),
    told("oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss", LogoutFault::WrongIssuer),
    case("oidcc-client-test-kid-absent-single-jwks", &[Basic], Fault::NoKid, Script::Accepted),
    case("oidcc-client-test-kid-absent-multiple-jwks", &[Basic], Fault::NoKid, Script::SeveralKeys),
    case("oidcc-client-test-discovery-jwks-uri-keys", &[Config], Fault::MovedJwks, Script::MovedKeys),
    case(
        "oidcc-client-test-discovery-issuer-mismatch",
        &[Config],
        Fault::WrongIssuer,
        Script::IssuerMismatch,
    ),
    case(
        "oidcc-client-test-signing-key-rotation-just-before-signing",
        &[Config],
        Fault::RotateBeforeSigning,
        Script::Accepted,
    ),
    case("oidcc-client-test-signing-key-rotation", &[Config], Fault::None, Script::Rotation),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_stands_once() {
        let mut names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CASES.len());
    }

    #[test]
    fn the_plans_are_whole() {
        let size = |plan| CASES.iter().filter(|case| case.plans.contains(&plan)).count();
        assert_eq!(
            (size(Basic), size(Config), size(RpInitiatedLogout), size(BackChannelLogout)),
            (14, 6, 3, 8)
        );
    }
}
