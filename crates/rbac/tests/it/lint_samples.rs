//! For each id of a finding a policy that has it, and what is said then. Ids and positions are public promises.

use std::collections::BTreeSet;

use gambeson_core::{Access, Timestamp};
use gambeson_rbac::{LINTS, Linter, Policy, RouteEntry, Severity, lint};
use http::Method;

/// Declares what the samples need.
const HEAD: &str = "version = 1\n[permissions]\n\"notes:read\" = {}\n\"notes:write\" = {}\n\"notes:purge\" = { privileged = true }\n";

/// Id, what follows [`HEAD`] (a whole policy where it begins with a blank), and the finding in full.
const SAMPLES: &[(&str, &str, &str)] = &[
    (
        "acr",
        "x = { acr = [] }",
        "6:13: `acr` in permission `x` names no authentication context [acr]: write one or several, such as [\"phr\"]; the provider says which ones there are",
    ),
    (
        "claim-path",
        "[claims.a]\nissuer = \"i\"\nroles_at = \"/\"",
        "8:12: `/` names no claim [claim-path]: write the name of a claim, or a JSON pointer such as \"/realm_access/roles\" (RFC 6901)",
    ),
    (
        "claims-without-roles",
        "[claims.a]\nissuer = \"i\"",
        "6:9: claims `a` give nobody a role [claims-without-roles]: write `groups = { \"id\" = \"role\" }`, or `roles_at` with the claim that holds names of roles",
    ),
    (
        "duplicate-issuer",
        "[claims.a]\nissuer = \"i\"\nroles_at = \"r\"\n[claims.b]\nissuer = \"i\"\nroles_at = \"r\"",
        "10:10: issuer `i` has two [claims] tables [duplicate-issuer]: put them into one",
    ),
    (
        "duplicate-service",
        "[services]\na = { issuer = \"i\", roles = [] }\nb = { client = \"a\", issuer = \"i\", roles = [] }",
        "8:16: service `a` of `i` is there twice [duplicate-service]: put both into one",
    ),
    (
        "duration",
        "x = { max_age = \"soon\" }",
        "6:17: `max_age` in permission `x` is `soon` [duration]: write a whole number and s, m, h or d, such as \"10m\"",
    ),
    (
        "empty-issuer",
        "[claims.a]\nissuer = \"\"\nroles_at = \"r\"",
        "7:10: claims `a` name no issuer [empty-issuer]: write its `iss`",
    ),
    (
        "null",
        " {\"version\": 1, \"roles\": null}",
        "1:25: null says nothing in a policy [null]: leave the key out",
    ),
    (
        "public-with-terms",
        "[routes]\n\"GET /x\" = { public = \"why\", max_age = \"1m\" }",
        "7:12: route `GET /x` is public, and asks something of its callers [public-with-terms]: drop `scope`, `acr`, `max_age` and `forbidden`, or ask for a permission",
    ),
    (
        "service-issuer",
        "[services]\na = { roles = [] }",
        "7:1: service `a` has no issuer: a client id alone names nobody [service-issuer]: write `issuer = \"https://…\"`, the `iss` of its tokens",
    ),
    (
        "shared-tenants",
        "[claims.a]\nissuer = \"a\"\nroles_at = \"r\"\ntenants = [\"acme\"]\n[claims.b]\nissuer = \"b\"\nroles_at = \"r\"\ntenants = [\"us\", \"ac*\"]",
        "11:10: `b` may name tenants of `a`, by `ac*` [shared-tenants]: let each tenant be one issuer's: each of them can put its callers among the other's",
    ),
    (
        "spiffe-id",
        "[services]\n\"spiffe://\" = []",
        "7:1: `spiffe://` is not a SPIFFE id [spiffe-id]: write a whole id, such as \"spiffe://example.org/ns/shop/sa/orders\" (SPIFFE-ID §2)",
    ),
    (
        "unknown-answer",
        "[answers]\nforbidden = \"gone\"",
        "7:13: unknown answer `gone` [unknown-answer]: write \"forbidden\" (403) or \"not-found\" (404)",
    ),
    (
        "tenants",
        "[claims.a]\nissuer = \"i\"\nroles_at = \"r\"\ntenants = [\"acme\", \"*-eu\"]",
        "9:11: `*-eu` in `tenants` of claims `a` names no tenant [tenants]: write whole names, or a beginning and `*`, such as \"eu-*\"",
    ),
    (
        "unbound-tenants",
        "[claims.a]\nissuer = \"a\"\nroles_at = \"r\"\ntenants = []\n[claims.b]\nissuer = \"b\"\nroles_at = \"r\"",
        "11:10: `b` is one of several issuers, and no tenants are said to be its own [unbound-tenants]: its callers are in none: write `tenants` with those that it may name, or [] for none",
    ),
    (
        "unknown-overage",
        "[claims.a]\nissuer = \"i\"\nroles_at = \"r\"\non_overage = \"none\"",
        "9:14: unknown answer `none` to groups that are left out [unknown-overage]: write \"indeterminate\" (503), or \"dangerously_no_groups\": denials by group then don't hold",
    ),
    (
        "unknown-preset",
        "[claims.a]\nissuer = \"i\"\nroles_at = \"r\"\npreset = \"entar\"",
        "9:10: unknown preset `entar` [unknown-preset]: did you mean `entra`?",
    ),
    (
        "unreachable-role",
        "[roles]\na = { grants = [\"notes:read\"] }\nb = { grants = [\"notes:write\"] }\n[claims.x]\nissuer = \"i\"\ngroups = { g = \"a\" }",
        "8:1: nobody comes by role `b` [unreachable-role]: give it to a group, a service or another role, or drop it",
    ),
    (
        "attribute-type",
        "x = { attributes = { a = \"date\" } }",
        "6:26: unknown type `date` of an attribute [attribute-type]: write one of \"number\", \"text\", \"flag\"",
    ),
    (
        "condition",
        "x = { attributes = { a = \"number\" } }\n[roles]\nr = { grants = [{ perm = \"x\", when = { a = { most = 3 } } }] }",
        "8:44: the condition on `a` can't be understood [condition]: write { min = 1, max = 9 } for a number, { one_of = [\"a\", \"b\"] } for a text, or the one value",
    ),
    (
        "empty-condition",
        "[roles]\nr = { grants = [{ perm = \"notes:read\", when = {} }] }",
        "7:47: `when` is empty [empty-condition]: name an attribute, such as { amount = { max = 100 } }, or drop `when`",
    ),
    (
        "empty-window",
        "[roles]\nr = { grants = [{ perm = \"notes:read\", from = 2027-01-02T00:00:00Z, until = 2027-01-01T00:00:00Z }] }",
        "7:17: a grant ends before it begins [empty-window]: make `until` later than `from`",
    ),
    (
        "moment",
        "[roles]\nr = { grants = [{ perm = \"notes:read\", until = \"tomorrow\" }] }",
        "7:48: `until` of a grant is not a moment [moment]: write date, time and offset, such as \"2027-01-31T00:00:00Z\"",
    ),
    (
        "route-scope",
        "[routes]\n\"GET /x\" = { perm = \"notes:read\", scope = { tenant = \"query:t\" } }",
        "7:54: `query:t` is no place to read a scope from [route-scope]: write \"path:\" and the name of a path parameter",
    ),
    (
        "unknown-attribute",
        "[roles]\nr = { grants = [{ perm = \"notes:read\", when = { a = true } }] }",
        "7:49: permission `notes:read` declares no attribute `a` [unknown-attribute]: write `attributes = { a = \"flag\" }` there; none is declared",
    ),
    (
        "unknown-parameter",
        "[routes]\n\"GET /x/{id}\" = { perm = \"notes:read\", scope = { tenant = \"path:t\" } }",
        "7:1: `/x/{id}` has no parameter `t` to be the scope [unknown-parameter]: the template must have the parameter {t} exactly once: name another, or mend the template",
    ),
    (
        "break-glass-denies",
        "[roles]\nr = { grants = [\"notes:read\"], deny = [\"notes:purge\"] }\n[[break_glass]]\nrole = \"r\"\nwho = [\"group:oncall\"]\nmax = \"1h\"",
        "9:8: role `r` can be taken, but denies something [break-glass-denies]: let it only grant: drop its denials, also inherited ones",
    ),
    (
        "break-glass-max",
        "[roles]\nr = { grants = [\"notes:read\"] }\n[[break_glass]]\nrole = \"r\"\nwho = [\"group:oncall\"]\nmax = \"25h\"",
        "11:7: `25h` is no time to have a role for [break-glass-max]: write up to 24 hours, such as \"1h30m\"",
    ),
    (
        "break-glass-reason",
        "[roles]\nr = { grants = [\"notes:read\"] }\n[[break_glass]]\nrole = \"r\"\nwho = [\"group:oncall\"]\nmax = \"1h\"\nreason = \"none\"",
        "8:1: `reason` of [[break_glass]] can't be understood [break-glass-reason]: write \"required\" or \"optional\"",
    ),
    (
        "break-glass-twice",
        "[roles]\nr = { grants = [\"notes:read\"] }\n[[break_glass]]\nrole = \"r\"\nwho = [\"group:oncall\"]\nmax = \"1h\"\n[[break_glass]]\nrole = \"r\"\nwho = [\"group:oncall\"]\nmax = \"1h\"",
        "13:8: role `r` can be taken in two ways [break-glass-twice]: write one [[break_glass]] for it",
    ),
    (
        "break-glass-who",
        "[roles]\nr = { grants = [\"notes:read\"] }\n[[break_glass]]\nrole = \"r\"\nwho = [\"oncall\"]\nmax = \"1h\"",
        "10:8: `oncall` names nobody [break-glass-who]: write \"group:\" or \"role:\" and a name",
    ),
    (
        "separation-kind",
        "[roles]\na = {}\nb = {}\n[[separation_of_duties]]\nname = \"n\"\nkind = \"strict\"\nroles = [\"a\", \"b\"]\nmax = 1",
        "11:8: unknown kind `strict` of separation of duties [separation-kind]: write \"static\" or \"dynamic\"",
    ),
    (
        "separation-max",
        "[roles]\na = {}\nb = {}\n[[separation_of_duties]]\nname = \"n\"\nkind = \"static\"\nroles = [\"a\", \"b\"]\nmax = 2",
        "9:1: `max` of `n` keeps nothing apart [separation-max]: name different roles, and as `max` at least 1 and fewer than they are",
    ),
    (
        "separation-of-duties",
        "[roles]\na = {}\nb = { inherits = [\"a\"] }\n[[separation_of_duties]]\nname = \"n\"\nkind = \"static\"\nroles = [\"a\", \"b\"]\nmax = 1",
        "8:1: role `b` alone has more of `n` than `max` [separation-of-duties]: drop one of the roles that it has or inherits, or take one out of the set",
    ),
    (
        "ambiguous-group",
        "[claims.a]\nissuer = \"a\"\nroles_at = \"roles\"\n[claims.b]\nissuer = \"b\"\nroles_at = \"roles\"\n[roles]\nr = { grants = [\"notes:read\"] }\n[[break_glass]]\nrole = \"r\"\nwho = [\"group:oncall\"]\nmax = \"1h\"",
        "15:8: role `r` can be taken by a group of any issuer [ambiguous-group]: give the group a role in its issuer's [claims], and write \"role:\" and that role",
    ),
    (
        "ambiguous-subject",
        "[claims.a]\nissuer = \"a\"\nroles_at = \"roles\"\n[claims.b]\nissuer = \"b\"\nroles_at = \"roles\"\n[routes]\n\"GET /users/{sub}\" = { perm = \"notes:read\", scope = { subject = \"path:sub\" } }",
        "13:1: the subject in `/users/{sub}` can be anybody's of several issuers [ambiguous-subject]: the policy has several issuers, and a subject alone names nobody: compare issuer and subject in the handler (`Principal::full_subject`), or have a path parameter name the tenant",
    ),
    (
        "ambiguous-role",
        "[roles]\na = {}\n[business_roles]\na = []",
        "9:1: `a` is both a role and a business role [ambiguous-role]: give one of them another name",
    ),
    (
        "case-only-names",
        "[roles]\nEditor = { grants = [\"notes:read\"] }\neditor = { grants = [\"notes:write\"] }",
        "8:1: `editor` and `Editor` differ only in case [case-only-names]: names are compared as they are: give one of \
         them another name",
    ),
    (
        "empty-wildcard",
        "[roles]\na = { grants = [\"audit:*\"] }",
        "7:17: wildcard `audit:*` matches no permission [empty-wildcard]: each `*` stands for exactly one segment; \
         declare a permission that it matches, or drop it",
    ),
    (
        "failed-test",
        "[roles]\na = { grants = [\"notes:read\"] }\n[[test]]\nas = [\"a\"]\ndo = \"notes:read\"\nexpect = \"deny\"",
        "8:1: this test of `notes:read` fails: expected deny, got allow [failed-test]: change the policy or the expectation",
    ),
    (
        "missing-key",
        "[[test]]\nas = []\nexpect = \"deny\"",
        "6:1: `do` is missing in [[test]] [missing-key]: write `do = \"…\"`",
    ),
    (
        "missing-version",
        " ",
        "1:1: the policy has no version [missing-version]: write `version = 1` as the first line",
    ),
    (
        "permission-name",
        "\"Notes\" = {}",
        "6:1: `Notes` is not a permission name [permission-name]: use lower-case segments of a-z 0-9 - _ . between \
         colons, such as `notes:read`",
    ),
    (
        "redundant-grant",
        "[roles]\na = { grants = [\"notes:read\"] }\nb = { inherits = [\"a\"], grants = [\"notes:read\"] }",
        "8:35: role `b` inherits `notes:read` from `a` [redundant-grant]: drop the grant",
    ),
    (
        "redundant-grant",
        "[roles]\na = { grants = [\"notes:read\", \"notes:*\"] }",
        "7:17: role `a` grants `notes:read` by `notes:*` already [redundant-grant]: drop the grant",
    ),
    (
        "redundant-grant",
        "[roles]\na = { grants = [\"notes:read\", \"notes:read\"] }",
        "7:31: role `a` grants `notes:read` by `notes:read` already [redundant-grant]: drop the grant",
    ),
    (
        "role-cycle",
        "[roles]\na = { inherits = [\"b\"] }\nb = { inherits = [\"a\"] }",
        "7:1: roles inherit in a circle: a → b → a [role-cycle]: drop one of these `inherits`",
    ),
    (
        "role-name",
        "[roles]\n\" a\" = {}",
        "7:1: \" a\" is not a role name [role-name]: write a name without blanks around it",
    ),
    (
        "route-name",
        "[routes]\n\"get /x\" = \"public\"",
        "7:1: `get /x` is not a route [route-name]: write method, one blank and template, such as \"GET /notes/{id}\", \
         or \"fallback\"",
    ),
    (
        "route-rule",
        "[routes]\n\"GET /x\" = \"open\"",
        "7:12: route `GET /x` has no rule [route-rule]: write \"public\", { public = \"why\" } or { perm = \"…\" }",
    ),
    (
        "shadowed-grant",
        "[roles]\na = { grants = [\"notes:write\"], deny = [\"notes:*\"] }",
        "7:17: role `a` grants `notes:write` and denies it [shadowed-grant]: a denial wins: drop one of them",
    ),
    (
        "shadowed-grant",
        "[roles]\nb = { deny = [\"notes:*\"] }\na = { inherits = [\"b\"], grants = [\"*:write\"] }",
        "8:35: role `a` grants `*:write` and denies it [shadowed-grant]: a denial wins: drop one of them",
    ),
    (
        "standing-privilege",
        "[roles]\na = { grants = [\"notes:*\"] }",
        "7:17: role `a` has the privileged `notes:purge` at all times [standing-privilege]: give it for a time only, or \
         in a role of its own that few people have",
    ),
    ("syntax", "[roles\n", "6:7: unclosed table, expected `]` [syntax]: mend the TOML here"),
    (
        "ungranted-permission",
        "[roles]\na = { grants = [\"notes:read\", \"notes:purge\"] }",
        "4:1: no role gives `notes:write` [ungranted-permission]: grant it to a role, or drop it",
    ),
    (
        "unknown-audit-class",
        "x = { audit = \"loud\" }",
        "6:15: unknown audit class `loud` [unknown-audit-class]: write \"strict\" or \"async\"",
    ),
    (
        "unknown-expectation",
        "[[test]]\nas = []\ndo = \"notes:read\"\nexpect = \"no\"",
        "9:10: unknown expectation `no` [unknown-expectation]: write \"allow\", \"deny\", or \"conditional\" for what depends on a record or a time that the row does not give",
    ),
    ("unknown-key", "[role]\n", "6:2: unknown key `role` in the policy [unknown-key]: did you mean `roles`?"),
    (
        "unknown-permission",
        "[roles]\na = { deny = [\"notes:raed\"] }",
        "7:15: unknown permission `notes:raed` [unknown-permission]: declare it in [permissions]; did you mean \
         `notes:read`?",
    ),
    (
        "unknown-role",
        "[roles]\neditor = {}\n[business_roles]\nb = [\"editr\"]",
        "9:6: unknown role `editr` [unknown-role]: declare it in [roles]; did you mean `editor`?",
    ),
    (
        "unknown-route",
        "[[test]]\nas = []\ndo = \"GET /y\"\nexpect = \"deny\"",
        "8:6: unknown route `GET /y` [unknown-route]: declare it in [routes]",
    ),
    (
        "unknown-version",
        " version = 2",
        "1:11: version 2 of the policy format is not known [unknown-version]: write the number 1, without quotes",
    ),
    (
        "unneeded-permission",
        "[routes]\n\"GET /x\" = { perm = \"notes:read\" }",
        "4:1: no route needs `notes:write` [unneeded-permission]: drop it, or give it a route",
    ),
    (
        "untested-role",
        "[roles]\na = { grants = [\"notes:read\"] }\n[[test]]\nas = []\ndo = \"notes:read\"\nexpect = \"deny\"",
        "7:1: no test row says what `a` may do [untested-role]: add a [[test]] for it",
    ),
    (
        "untested-rule",
        "[roles]\na = { grants = [\"notes:read\"], deny = [\"notes:write\"] }\n[[test]]\nas = [\"a\"]\ndo = \"notes:read\"\n\
         expect = \"allow\"",
        "7:40: no test row expects what `a` denies by `notes:write` [untested-rule]: add a [[test]] with \
         `expect = \"deny\"` for it",
    ),
    (
        "unused-role",
        "[roles]\na = {}",
        "7:1: role `a` grants, denies and inherits nothing [unused-role]: grant it something, or drop it",
    ),
    (
        "wrong-type",
        "[roles]\na = { grants = \"notes:read\" }",
        "7:16: `grants` in role `a` is of type string [wrong-type]: write a list, such as [\"notes:read\"]",
    ),
    (
        "public-without-reason",
        "[routes]\n\"GET /x\" = \"public\"",
        "7:1: `GET /x` is public, and nobody says why [public-without-reason]: write the reason, such as { public = \"probe\" }",
    ),
    (
        "same-paths",
        "[routes]\n\"GET /a/{id}\" = { perm = \"notes:read\" }\n\"PUT /a/{name}\" = { perm = \"notes:write\" }",
        "8:1: `/a/{name}` and `/a/{id}` match the same paths [same-paths]: call the parameters the same in both: no router has both",
    ),
    (
        "unknown-method",
        "[routes]\n\"GETT /x\" = { perm = \"notes:read\" }",
        "7:1: `GETT /x`: `GETT` is no registered method [unknown-method]: did you mean `GET`?",
    ),
];

/// Those that need more than one text; each has a test below.
const BESIDE: [&str; 5] = [
    "broad-role",
    "expired-grant",
    "policy-without-route",
    "route-without-policy",
    "wildcard-captures-privileged",
];

pub(crate) fn text(sample: &str) -> String {
    sample.strip_prefix(' ').map_or_else(|| format!("{HEAD}{sample}\n"), str::to_owned)
}

pub(crate) fn said(text: &str, id: &str) -> Vec<String> {
    of_id(&Linter::new(text), id)
}

pub(crate) fn of_id(linter: &Linter<'_>, id: &str) -> Vec<String> {
    let findings = linter.findings().into_iter().filter(|finding| finding.id == id);
    findings.map(|finding| finding.to_string()).collect()
}

#[test]
fn each_finding_is_said_with_place_and_cure() {
    let mut wrong = String::new();
    for (id, sample, expected) in SAMPLES {
        let found = said(&text(sample), id);
        if !found.iter().any(|finding| finding == expected) {
            wrong += &format!("{id}\nexpected {expected}\nfound    {}\n", found.join("\n         "));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_id_has_a_sample_and_the_severity_that_it_promises() {
    let sampled: BTreeSet<&str> = SAMPLES.iter().map(|(id, ..)| *id).chain(BESIDE).collect();
    let promised: BTreeSet<&str> = LINTS.iter().map(|lint| lint.id).collect();
    assert_eq!(sampled, promised);
    assert!(LINTS.is_sorted_by_key(|lint| lint.id), "in the order of the ids");
    for (_, sample, _) in SAMPLES {
        let text = text(sample);
        for finding in lint(&text) {
            let promise = LINTS.iter().find(|lint| lint.id == finding.id);
            assert_eq!(promise.map(|lint| lint.severity), Some(finding.severity), "{finding}");
        }
        let has_error = lint(&text).iter().any(|finding| finding.severity == Severity::Error);
        assert_eq!(Policy::parse(&text).is_err(), has_error, "{text}");
    }
}

#[test]
fn a_role_that_gives_nearly_everything_is_broad() {
    let policy = |grants: usize| {
        let permissions: String = (0..10).map(|number| format!("'p{number}' = {{}}\n")).collect();
        let grants: Vec<String> = (0..grants).map(|number| format!("p{number}")).collect();
        format!("version = 1\n[permissions]\n{permissions}[roles]\nboss = {{ grants = {grants:?} }}\n")
    };
    let expected = "14:1: role `boss` gives 8 of 10 permissions [broad-role]: split it into roles for what people do \
                    each day, and keep the rest for emergencies";
    assert_eq!(said(&policy(8), "broad-role"), [expected]);
    assert!(said(&policy(7), "broad-role").is_empty());
    // Of five permissions an everyday role may well have four.
    let few = policy(8).replace("'p9' = {}\n", "");
    assert!(said(&few, "broad-role").is_empty());
}

#[test]
fn a_wildcard_that_comes_to_give_more_is_told() {
    let before = format!("{HEAD}[roles]\na = {{ grants = [\"notes:*\"] }}\n");
    let after = before.replace("[roles]", "\"notes:burn\" = { privileged = true }\n[roles]");
    let previous = Policy::parse(&before).unwrap();
    let id = "wildcard-captures-privileged";
    let expected = "8:17: `notes:*` of role `a` now gives the privileged `notes:burn` [wildcard-captures-privileged]: \
                    name the permissions one by one, or deny this one";
    assert_eq!(of_id(&Linter::new(&after).previous(&previous), id), [expected]);
    // Also one that became privileged; not one that is as it was, and not a wildcard that somebody wrote just now.
    let privileged = before.replace("\"notes:read\" = {}", "\"notes:read\" = { privileged = true }");
    assert_eq!(of_id(&Linter::new(&privileged).previous(&previous), id).len(), 1);
    assert!(of_id(&Linter::new(&before).previous(&previous), id).is_empty());
    let fresh = after.replace("notes:*", "*:burn");
    assert!(of_id(&Linter::new(&fresh).previous(&previous), id).is_empty());
}

#[test]
fn routes_that_are_as_meant_are_not_doubted() {
    let text = format!(
        "{HEAD}[routes]\nfallback = {{ public = \"a page\" }}\n\"GET /a/{{id}}\" = {{ public = \"why\" }}\n\
         \"PUT /a/{{id}}\" = {{ perm = \"notes:write\" }}\n\"PROPFIND /a/{{id}}/b\" = {{ perm = \"notes:read\" }}\n\
         \"GET /a/{{*id}}\" = {{ perm = \"notes:read\" }}\n"
    );
    for id in ["public-without-reason", "same-paths", "unknown-method"] {
        assert_eq!(said(&text, id), [""; 0], "{id}");
    }
}

#[test]
fn a_policy_is_held_against_the_routes_of_an_app() {
    let policy = format!("{HEAD}[routes]\n\"GET /notes\" = {{ perm = \"notes:read\" }}\n");
    let ask = |permission: &'static str| Access::Permission(permission.into());
    let routes = [
        RouteEntry::new(Method::GET, "/note", ask("notes:read")),
        RouteEntry::new(Method::POST, "/note", ask("notes:wirte")),
        RouteEntry::new(Method::GET, "/metrics", Access::Management),
    ];
    let linter = Linter::new(&policy).routes(&routes);
    let dead =
        "7:1: the app has no route `GET /notes` [policy-without-route]: drop it; did you mean `GET /note`?";
    assert_eq!(of_id(&linter, "policy-without-route"), [dead]);
    let open = [
        "1:1: route `POST /note` needs the unknown permission `notes:wirte` [route-without-policy]: declare it in \
         [permissions]; did you mean `notes:write`?",
        "1:1: route `GET /metrics` has no rule [route-without-policy]: declare \"GET /metrics\" in [routes]",
    ];
    assert_eq!(of_id(&linter, "route-without-policy"), open);
    let unneeded = of_id(&linter, "unneeded-permission");
    assert!(!unneeded.iter().any(|finding| finding.contains("`notes:read`")), "{unneeded:?}");
}

#[test]
fn a_permission_is_needed_and_given_in_more_than_one_way() {
    let unneeded = |rest: &str| said(&format!("{HEAD}{rest}"), "unneeded-permission").len();
    assert_eq!(unneeded(""), 0, "no routes are known");
    assert_eq!(
        unneeded("[routes]\nfallback = { perm = \"notes:write\" }\n\"GET /x\" = { perm = \"notes:read\" }"),
        1
    );
    let text = format!(
        "{HEAD}[roles]\na = {{ grants = [{{ perm = \"notes:read\", until = 2027-01-01T00:00:00Z }}], deny = [{{ perm = \"notes:write\", until = 2027-01-01T00:00:00Z }}] }}\n"
    );
    let routes = [RouteEntry::new(Method::GET, "/x", Access::Permission("notes:read".into()))];
    let linter = Linter::new(&text).routes(&routes);
    assert_eq!(of_id(&linter, "unneeded-permission").len(), 2, "the routes of the app are known");
    let ungranted = said(&text, "ungranted-permission");
    assert!(
        ungranted.len() == 2 && ungranted[0].contains("`notes:write`"),
        "given at times, and denied at times: {ungranted:?}"
    );
}

#[test]
fn of_two_grants_that_are_the_same_one_is_enough() {
    let text = format!("{HEAD}[roles]\na = {{ grants = [\"notes:read\", \"notes:read\"] }}\n");
    assert_eq!(said(&text, "redundant-grant").len(), 1);
}

#[test]
fn what_has_more_mistakes_than_a_policy_is_not_told_line_by_line() {
    let errors = Policy::parse(&"[\n".repeat(150)).unwrap_err();
    let told: Vec<_> = errors.findings().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 101);
    assert!(told[99].starts_with("100:"), "{}", told[99]);
    assert_eq!(told[100], "101:2: 50 more of these follow from here on [syntax]: is it the right file?");
}

#[test]
fn what_is_well_is_not_told() {
    let narrow = format!("{HEAD}[roles]\na = {{ grants = [\"notes:*\"], deny = [\"notes:purge\"] }}\n");
    for id in [
        "shadowed-grant",
        "redundant-grant",
        "standing-privilege",
        "case-only-names",
        "unused-role",
        "untested-role",
    ] {
        assert!(said(&narrow, id).is_empty(), "{id}");
    }
}

#[test]
fn what_is_over_is_told_when_the_time_is_given() {
    let until = |until: &str| {
        format!("{HEAD}[roles]\na = {{ grants = [{{ perm = \"notes:read\", until = \"{until}\" }}] }}\n")
    };
    let now = Timestamp::from_unix_seconds(1_800_000_000);
    let (over, open) = (until("2027-01-15T08:00:00Z"), until("2027-01-15T08:00:01Z"));
    let expected = "7:26: the grant of `notes:read` ended at 2027-01-15T08:00:00.000Z [expired-grant]: drop it, or set \
                    another `until`";
    assert_eq!(of_id(&Linter::new(&over).now(now), "expired-grant"), [expected]);
    assert!(of_id(&Linter::new(&open).now(now), "expired-grant").is_empty());
    assert!(said(&over, "expired-grant").is_empty(), "without a clock nothing is over");
    let denial = of_id(&Linter::new(&over.replace("grants", "deny")).now(now), "expired-grant");
    assert!(denial[0].contains("the denial of `notes:read` ended"), "{denial:?}");
}

/// Every id that is written in the source is promised, so that none comes without a sample.
#[test]
fn no_id_in_the_source_is_missing_in_the_list() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for call in text.split(".error(").chain(text.split(".warning(")).skip(1) {
                let Some(id) = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next())
                else {
                    continue;
                };
                assert!(LINTS.iter().any(|lint| lint.id == id), "{id} in {}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= LINTS.len(), "{seen}");
}

#[test]
fn a_role_is_reachable_where_roles_can_be_claimed_by_name() {
    let of = |claims: &str| {
        let roles = "[roles]\na = { inherits = [\"b\"] }\nb = {}\nc = {}\nd = {}\n[services]\ns = { issuer = \"i\", roles = [\"c\"] }\n\
                     [[break_glass]]\nrole = \"d\"\nwho = [\"group:g\"]\nmax = \"1h\"\n";
        said(&format!("{HEAD}{roles}{claims}"), "unreachable-role").len()
    };
    assert_eq!(of(""), 0, "without claims any role may be claimed");
    assert_eq!(of("[claims.x]\nissuer = \"i\"\nroles_at = \"r\"\n"), 0);
    assert_eq!(
        of("[claims.x]\nissuer = \"i\"\ngroups = { g = \"a\" }\n"),
        0,
        "by inheritance, service and break-glass"
    );
    assert_eq!(of("[claims.x]\nissuer = \"i\"\ngroups = { g = \"b\" }\n"), 1, "a");
}
