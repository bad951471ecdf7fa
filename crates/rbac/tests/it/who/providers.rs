//! Tokens of providers, as they document them, and what becomes of them: made-up names, and no token that was ever issued.

use gambeson_core::Principal;
use gambeson_rbac::{Decision, Policy};

/// A policy with one [claims] table; role `clerk` may `a`, `boss` may `b`, and `barred` denies both.
pub(super) fn policy(claims: &str) -> Policy {
    let text = format!(
        r#"version = 1
[permissions]
a = {{}}
b = {{}}
[roles]
clerk = {{ grants = ["a"] }}
boss = {{ grants = ["b"] }}
barred = {{ deny = ["*"] }}
[business_roles]
"Everything" = ["clerk", "boss"]
{claims}"#
    );
    Policy::parse(&text).unwrap()
}

/// What a person with these claims may do: `a`, `b`, both, nothing, or "?" where it can't be decided.
pub(super) fn may(policy: &Policy, issuer: &str, claims: &str) -> &'static str {
    outcome(policy, &Principal::user(issuer, "alice").claims(claims).build())
}

pub(super) fn outcome(policy: &Policy, caller: &Principal) -> &'static str {
    let decide = |name| policy.decide(caller, policy.permission(name).unwrap());
    // Twice: what is remembered is the same.
    assert_eq!((decide("a"), decide("b")), (decide("a"), decide("b")));
    match (decide("a"), decide("b")) {
        (Decision::Allow, Decision::Allow) => "ab",
        (Decision::Allow, Decision::Deny) => "a",
        (Decision::Deny, Decision::Allow) => "b",
        (Decision::Deny, Decision::Deny) => "",
        _ => "?",
    }
}

fn check(table: &str, issuer: &str, rows: &[(&str, &str)]) {
    let policy = policy(table);
    for (claims, expected) in rows {
        assert_eq!(may(&policy, issuer, claims), *expected, "{claims}");
    }
}

/// learn.microsoft.com/entra/identity-platform/access-token-claims-reference, and "groups overage claim" there.
#[test]
fn entra_groups_by_id_app_roles_by_name_and_overage_is_no_answer() {
    let issuer = "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0";
    let table = format!(
        "[claims.entra]\nissuer = {issuer:?}\ngroups = {{ \"cccccccc-2222-3333-4444-dddddddddddd\" = \"Everything\", \
         \"eeeeeeee-2222-3333-4444-dddddddddddd\" = \"barred\" }}"
    );
    check(
        &table,
        issuer,
        &[
            (r#"{"groups": ["cccccccc-2222-3333-4444-dddddddddddd"], "ver": "2.0"}"#, "ab"),
            (r#"{"groups": ["99999999-2222-3333-4444-dddddddddddd"]}"#, ""),
            (r#"{"roles": ["clerk"], "groups": []}"#, "a"),
            (r#"{"roles": ["clerk", "Notes.Unknown"]}"#, "a"),
            // Three of four ways to say that groups are left out; the fourth is beside claims that don't matter.
            (
                r#"{"roles": ["clerk"], "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.microsoft.com/x"}}}"#,
                "?",
            ),
            (r#"{"roles": ["clerk"], "hasgroups": true}"#, "?"),
            (r#"{"roles": ["clerk"], "hasgroups": "true"}"#, "?"),
            (r#"{"roles": ["clerk"], "hasgroups": false}"#, "a"),
            (r#"{"roles": ["clerk"], "_claim_names": "groups"}"#, "?"),
            (r#"{"roles": ["clerk"], "_claim_sources": {"src1": {}}}"#, "?"),
            (
                r#"{"roles": ["clerk"], "_claim_names": {"address": "src1"}, "_claim_sources": {"src1": {}}}"#,
                "a",
            ),
            (r#"{"groups": [], "_claim_names": {"roles": "src1"}}"#, "?"),
            // A group by another case or type is another group, or no group at all.
            (r#"{"groups": ["CCCCCCCC-2222-3333-4444-DDDDDDDDDDDD"]}"#, ""),
            (r#"{"groups": [7]}"#, "?"),
            (r#"{"groups": {"id": "cccccccc-2222-3333-4444-dddddddddddd"}}"#, "?"),
            (r#"{"groups": ["cccccccc-2222-3333-4444-dddddddddddd"], "groups": []}"#, "?"),
            ("{", "?"),
        ],
    );
}

#[test]
fn overage_matters_only_where_groups_do_and_another_answer_has_to_be_written_down() {
    let overage = r#"{"roles": ["clerk"], "_claim_names": {"groups": "src1"}}"#;
    let by_roles = "[claims.entra]\nissuer = \"i\"";
    check(by_roles, "i", &[(overage, "a")]);
    let loose =
        "[claims.entra]\nissuer = \"i\"\ngroups = { g = \"boss\" }\non_overage = \"dangerously_no_groups\"";
    check(loose, "i", &[(overage, "a")]);
}

/// developer.okta.com/docs/guides/customize-tokens-groups-claim.
#[test]
fn okta_groups_by_name() {
    let issuer = "https://octo.okta.com/oauth2/default";
    let table = format!("[claims.okta]\nissuer = {issuer:?}\ngroups = {{ Finance = [\"clerk\", \"boss\"] }}");
    check(
        &table,
        issuer,
        &[
            (
                r#"{"ver": 1, "cid": "0oa", "groups": ["Everyone", "Finance"], "sub": "alice@example.com"}"#,
                "ab",
            ),
            (r#"{"ver": 1, "cid": "0oa"}"#, ""),
            (r#"{"groups": ["Everyone"], "roles": ["boss"]}"#, ""),
            (r#"{"groups": null}"#, ""),
            (r#"{"groups": "Finance"}"#, "ab"),
        ],
    );
}

/// www.keycloak.org/docs/latest/server_admin: client scope `roles`.
#[test]
fn keycloak_realm_roles_by_name_and_a_clients_roles_by_pointer() {
    let issuer = "https://id.example/realms/octo";
    let claims = r#"{"realm_access": {"roles": ["offline_access", "clerk"]}, "resource_access": {"api": {"roles": ["boss"]}},
        "groups": ["/octo"]}"#;
    check(
        &format!("[claims.keycloak]\nissuer = {issuer:?}"),
        issuer,
        &[
            (claims, "a"),
            (r#"{"resource_access": {"api": {"roles": ["boss"]}}}"#, ""),
            (r#"{"realm_access": {"roles": "clerk"}}"#, "a"),
            (r#"{"realm_access": ["clerk"]}"#, "?"),
            (r#"{"realm_access": null}"#, ""),
        ],
    );
    let of_client = format!(
        "[claims.octo]\npreset = \"keycloak\"\nissuer = {issuer:?}\nroles_at = \"/resource_access/api/roles\"\n\
         groups = {{ \"/octo\" = \"clerk\" }}"
    );
    check(&of_client, issuer, &[(claims, "ab"), (r#"{"groups": ["octo"]}"#, "")]);
}

/// developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload.
#[test]
fn google_has_a_domain_and_nothing_else() {
    let issuer = "https://accounts.google.com";
    let table = format!("[claims.google]\nissuer = {issuer:?}\ngroups = {{ \"example.com\" = \"clerk\" }}");
    check(
        &table,
        issuer,
        &[
            (
                r#"{"sub": "10769", "hd": "example.com", "email": "alice@example.com", "email_verified": true}"#,
                "a",
            ),
            (r#"{"sub": "10769", "email": "alice@example.com", "email_verified": true}"#, ""),
            (r#"{"hd": "not-example.com"}"#, ""),
        ],
    );
}

/// auth0.com/docs/secure/tokens/access-tokens/access-token-profiles, and auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims.
#[test]
fn auth0_permissions_and_roles_under_a_name_with_slashes() {
    let issuer = "https://octo.eu.auth0.com/";
    let by_permissions = format!("[claims.auth0]\nissuer = {issuer:?}");
    let claims = r#"{"permissions": ["clerk"], "https://octo.example/roles": ["boss"], "org_id": "org_1"}"#;
    check(&by_permissions, issuer, &[(claims, "a")]);
    let by_name = format!("{by_permissions}\nroles_at = \"https://octo.example/roles\"");
    let by_pointer = format!("{by_permissions}\nroles_at = \"/https:~1~1octo.example~1roles\"");
    check(&by_name, issuer, &[(claims, "b")]);
    check(&by_pointer, issuer, &[(claims, "b")]);
    check(&by_permissions, "https://octo.eu.auth0.com", &[(claims, "")]);
}

/// docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html.
#[test]
fn cognito_groups_and_never_its_roles_of_aws() {
    let issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example";
    let table = format!("[claims.cognito]\nissuer = {issuer:?}\ngroups = {{ staff = \"clerk\" }}");
    check(
        &table,
        issuer,
        &[
            (r#"{"cognito:groups": ["staff"], "token_use": "access", "cognito:roles": ["boss"]}"#, "a"),
            (r#"{"groups": ["staff"], "cognito:roles": ["boss"]}"#, ""),
        ],
    );
}
