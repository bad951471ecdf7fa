//! The ids of all findings: a public promise.

use crate::finding::Severity;

/// One kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lint {
    /// The stable name.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// When it is found.
    pub meaning: &'static str,
}

const fn error(id: &'static str, meaning: &'static str) -> Lint {
    Lint { id, severity: Severity::Error, meaning }
}

const fn warning(id: &'static str, meaning: &'static str) -> Lint {
    Lint { id, severity: Severity::Warning, meaning }
}

/// Every kind of finding that there is, by id.
pub const LINTS: &[Lint] = &[
    error("acr", "the wanted authentication contexts are none, or no words"),
    error(
        "ambiguous-group",
        "a group that no issuer is named with opens break-glass, and the policy has several issuers",
    ),
    error("ambiguous-role", "a role and a business role have the same name"),
    error("ambiguous-subject", "a scope names a subject, and the policy has several issuers"),
    error("attribute-type", "an attribute has no known type, or is another in a condition or a test row"),
    error("break-glass-denies", "a role of break-glass denies something"),
    error("break-glass-max", "break-glass is for no time, or for more than 24 hours"),
    error("break-glass-reason", "break-glass asks for reasons in a way that does not exist"),
    error("break-glass-twice", "a role is in break-glass twice"),
    error("break-glass-who", "break-glass is for nobody"),
    warning("broad-role", "a role gives four fifths of all permissions or more, of ten or more"),
    warning("case-only-names", "two roles or business roles differ only in case"),
    error("claim-path", "a claim is named by nothing, or by no JSON pointer"),
    error("claims-without-roles", "a table of claims gives nobody a role"),
    error("condition", "a condition compares in a way that does not exist"),
    error("duplicate-issuer", "an issuer has two tables of claims"),
    error("duplicate-service", "a service is there twice"),
    error("duration", "a duration is not a whole number with its unit"),
    error("empty-condition", "a condition compares nothing"),
    error("empty-issuer", "a table of claims names no issuer"),
    error("empty-wildcard", "a wildcard matches no permission"),
    error("empty-window", "a grant or a denial ends before it begins"),
    warning("expired-grant", "a grant or a denial is over; looked for when the time is given"),
    warning("failed-test", "a test row expects what the policy does not do"),
    error("missing-key", "a key that is needed is missing"),
    error("missing-version", "the policy has no version"),
    error("moment", "a moment is not written with date, time and offset"),
    error("null", "a JSON policy has a null"),
    error("permission-name", "a permission's name is not made of lower-case segments"),
    warning("policy-without-route", "the policy has a route that the app has not"),
    error("public-with-terms", "a public route asks something of its callers"),
    warning("public-without-reason", "a route is public, and it is not said why"),
    warning("redundant-grant", "the role inherits it, or grants it by another pattern"),
    error("role-cycle", "roles inherit from each other in a circle"),
    error("role-name", "a role's name is empty, or has blanks around it or control characters"),
    error("route-name", "a route is not method, blank and template"),
    error("route-rule", "a route is not public and asks for no single permission"),
    error("route-scope", "a route's scope does not name what it compares"),
    warning("route-without-policy", "the app has a route for which the policy has no rule or no permission"),
    warning("same-paths", "two route templates differ only in the names of their parameters"),
    error("separation-kind", "a separation of duties is neither static nor dynamic"),
    error("separation-max", "a separation of duties keeps nothing apart"),
    error(
        "separation-of-duties",
        "a role alone, or by what it inherits, has more than a separation of duties lets anybody have",
    ),
    error("service-issuer", "a client id has no issuer"),
    warning("shadowed-grant", "the role denies all of what it grants"),
    warning("shared-tenants", "two issuers may name the same tenant, and neither may name all"),
    error("spiffe-id", "a SPIFFE id is none"),
    warning("standing-privilege", "a role has a privileged permission at all times"),
    error("syntax", "it is not TOML"),
    error("tenants", "a tenant of an issuer is named by nothing, or with a `*` that is not at its end"),
    warning(
        "unbound-tenants",
        "there are several issuers, and it is not said which tenants one of them may name; of issuers of services, where tenants matter",
    ),
    warning("ungranted-permission", "no role gives the permission"),
    error("unknown-answer", "what the forbidden are told is not known"),
    error(
        "unknown-attribute",
        "a condition or a test row has an attribute that the permission does not declare",
    ),
    error("unknown-audit-class", "an audit class is neither strict nor async"),
    error("unknown-expectation", "a test row expects neither allow, deny nor conditional"),
    error("unknown-key", "a key that does not exist"),
    warning("unknown-method", "a route has a method that is not registered with IANA"),
    error("unknown-overage", "what it means that groups are left out is not known"),
    error("unknown-parameter", "a scope names a path parameter that the route does not have"),
    error("unknown-permission", "a permission that is not declared"),
    error("unknown-preset", "a preset of claims is not known"),
    error("unknown-role", "a role that is not declared"),
    error("unknown-route", "a test row is about a route that is not declared"),
    error("unknown-version", "a version of the format that is not known"),
    warning("unneeded-permission", "no route needs the permission, and the routes are known"),
    warning(
        "unreachable-role",
        "no group, service, break-glass or other role leads to the role, and none can be claimed by name",
    ),
    warning("untested-role", "there are test rows, but none for the role"),
    warning(
        "untested-rule",
        "there are test rows for the role, but none that expects what this grant or denial does, within its limits",
    ),
    warning("unused-role", "a role grants, denies and inherits nothing"),
    warning(
        "wildcard-captures-privileged",
        "a wildcard of the previous version gives a privileged permission that it did not give",
    ),
    error("wrong-type", "a value of another type"),
];
