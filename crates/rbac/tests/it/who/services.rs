//! Services and devices have the roles that the policy lists for them.

use gambeson_core::Principal;

use super::providers::{outcome, policy};

const SERVICES: &str = r#"[services]
reports = { issuer = "https://id", roles = ["clerk"] }
"spiffe://prod.example/ns/shop/sa/orders" = ["Everything"]
again = { issuer = "https://other", client = "reports", roles = ["boss"] }
"spiffe://prod.example/jobs" = { issuer = "https://spire", roles = ["boss"] }
"#;

#[test]
fn a_service_is_known_by_issuer_and_client_or_spiffe_id() {
    let policy = policy(SERVICES);
    let service = |issuer: &'static str, subject: &str| Principal::service(issuer, subject);
    for (caller, expected) in [
        (service("https://id", "reports"), "a"),
        // Entra and Keycloak: the subject is an id of its own, and the client is named beside.
        (service("https://id", "bbbbbbbb-1111").client("reports"), "a"),
        (service("https://id", "reports").client("other"), ""),
        (service("https://other", "reports"), "b"),
        (service("https://third", "reports"), ""),
        (service("spiffe://prod.example", "spiffe://prod.example/ns/shop/sa/orders"), "ab"),
        (Principal::device("spiffe://prod.example", "spiffe://prod.example/ns/shop/sa/orders"), "ab"),
        // Another issuer may say what it likes of its subjects and clients.
        (service("https://id", "spiffe://prod.example/ns/shop/sa/orders"), ""),
        (service("https://id", "x").client("spiffe://prod.example/ns/shop/sa/orders"), ""),
        (service("spiffe://prod.example", "spiffe://prod.example/ns/shop/sa/orders/x"), ""),
        (service("https://spire", "spiffe://prod.example/jobs").client("reports"), "b"),
        (service("spiffe://prod.example", "spiffe://prod.example/jobs"), ""),
    ] {
        let caller = caller.role("boss").build();
        assert_eq!(outcome(&policy, &caller), expected, "{caller:?}");
    }
}

#[test]
fn a_person_is_no_service_and_a_service_is_no_person() {
    let claims =
        "[claims.id]\nissuer = \"https://id\"\ngroups = { staff = \"boss\" }\nroles_at = \"roles\"\n";
    for (table, person) in [(SERVICES.to_owned(), ""), (format!("{claims}{SERVICES}"), "b")] {
        let policy = policy(&table);
        let with_claims = r#"{"groups": ["staff"], "roles": ["boss"]}"#;
        let like_a_service = Principal::user("https://id", "reports").client("reports").group("staff");
        assert_eq!(outcome(&policy, &like_a_service.claims(with_claims).build()), person, "{table}");
        let like_a_person = Principal::service("https://id", "alice").group("staff").role("boss");
        assert_eq!(outcome(&policy, &like_a_person.claims(with_claims).build()), "", "{table}");
    }
    let only_claims = policy(claims);
    let service = Principal::service("https://id", "reports").claims(r#"{"roles": ["boss"]}"#).build();
    assert_eq!(outcome(&only_claims, &service), "", "no entry, no roles");
    let none_listed = policy("[services]");
    let service = Principal::service("https://id", "reports").role("boss").build();
    assert_eq!(outcome(&none_listed, &service), "", "a section without an entry is one all the same");
    assert_eq!(outcome(&none_listed, &Principal::user("https://id", "alice").role("boss").build()), "b");
}
