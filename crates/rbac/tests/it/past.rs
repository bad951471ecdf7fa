//! Decisions that the layer put on record, decided anew and counted.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use gambeson_core::{AuditEvent, ManualClock, Outcome, Timestamp};
use gambeson_rbac::{
    Attribute, AuthorizeLayer, Authorizer, Decision, GrpcMethod, NextReport, PastDecision, Policy,
    PolicyHandle, Replay, Skipped, Undecided, Usage, replay,
};
use http::{Method, Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Inner, Sink, request};

const POLICY: &str = r#"
version = 1
[permissions]
"notes:read" = {}
"notes:write" = {}
"notes:delete" = { audit = "strict" }
[roles]
base = { grants = ["notes:read"] }
viewer = { inherits = ["base"] }
editor = { inherits = ["viewer"], grants = ["notes:*"] }
guest = { grants = ["notes:read"] }
[routes]
"GET /notes/list" = { perm = "notes:read" }
"POST /notes/add" = { perm = "notes:write" }
"POST /notes/drop" = { perm = "notes:delete" }
"#;

/// As a reader of the trail would fill it.
fn past(event: &AuditEvent) -> PastDecision {
    let mut past = PastDecision::new(&*event.action, event.outcome);
    past.at = event.at.to_string().into();
    past.reason = event.reason.as_deref().map(Box::from);
    past.policy.clone_from(&event.policy);
    past.subject = event.context.subject.as_ref().map(|subject| subject.name.clone());
    event.details.iter().for_each(|(name, value)| past.detail(name, value));
    past
}

/// What the layer put on record about these requests.
async fn recorded(policy: &PolicyHandle, requests: &[(Method, &str, Option<&str>)]) -> Vec<PastDecision> {
    let sink = Sink::default();
    let app = AuthorizeLayer::new(policy, GrpcMethod).audit(Arc::new(sink.clone())).layer(Inner::default());
    for (method, path, role) in requests {
        app.clone().oneshot(request(method.clone(), path, *role)).await.unwrap();
    }
    sink.take().iter().map(|(event, _)| past(event)).collect()
}

const REQUESTS: [(Method, &str, Option<&str>); 6] = [
    (Method::GET, "/notes/list", Some("viewer")),
    (Method::POST, "/notes/add", Some("viewer")),
    (Method::POST, "/notes/drop", Some("editor")),
    (Method::POST, "/notes/drop", Some("someone")),
    (Method::GET, "/notes/list", None),
    (Method::POST, "/notes/add", Some("editor")),
];

#[tokio::test]
async fn a_refusal_says_why_on_record_and_nowhere_else() {
    let handle: PolicyHandle = POLICY.parse().unwrap();
    let sink = Sink::default();
    let app = AuthorizeLayer::new(&handle, GrpcMethod).audit(Arc::new(sink.clone())).layer(Inner::default());
    let answer = app.oneshot(request(Method::POST, "/notes/add", Some("viewer"))).await.unwrap();
    let (event, _) = sink.take().remove(0);
    let expected = [
        ("roles", "viewer".to_owned()),
        ("why", "no role of the caller grants notes:write; role editor gives it".to_owned()),
    ];
    assert_eq!(event.details, expected);
    let (parts, body) = answer.into_parts();
    let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    let answer = format!("{parts:?} {}", String::from_utf8_lossy(&body));
    assert!(!answer.contains("editor") && !answer.contains("notes:write"), "{answer}");
}

#[tokio::test]
async fn what_was_decided_comes_out_the_same() {
    let handle: PolicyHandle = POLICY.parse().unwrap();
    let past = recorded(&handle, &REQUESTS).await;
    let report = replay(&[Policy::parse(POLICY).unwrap()], past.clone());
    assert_eq!((report.agreed, report.disagreed), (6, 0), "{report:?}");
    assert!(report.is_ok() && report.skipped.is_empty() && report.other_policies.is_empty());
    assert_eq!(report.period.events, 6);

    let other = Policy::parse(&format!("{POLICY}# another text\n")).unwrap();
    let report = replay(&[other], past);
    assert_eq!((report.agreed, report.disagreed), (0, 0));
    assert!(!report.is_ok(), "nothing was shown");
    let digest = Some(Box::from(handle.policy().digest()));
    assert_eq!(report.other_policies.into_iter().collect::<Vec<_>>(), [(digest, 6)]);
}

#[tokio::test]
async fn a_record_that_was_made_up_disagrees() {
    let handle: PolicyHandle = POLICY.parse().unwrap();
    let mut past = recorded(&handle, &REQUESTS).await;
    past[1].outcome = Outcome::Success;
    past[1].reason = None;
    past[2].roles = Some(vec!["viewer".into()]);
    past[5].permission = "notes:print".into();
    let report = replay(&[Policy::parse(POLICY).unwrap()], past);
    assert_eq!((report.agreed, report.disagreed), (3, 3));
    let found: Vec<_> = report.disagreements.iter().map(|found| (found.recorded, found.replayed)).collect();
    let expected = [
        (Decision::Allow, Decision::Deny),
        (Decision::Allow, Decision::Deny),
        (Decision::Allow, Decision::Indeterminate),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_cannot_be_decided_anew_is_counted_by_its_reason() {
    let handle: PolicyHandle = POLICY.parse().unwrap();
    let all = recorded(&handle, &REQUESTS).await;
    let change = |change: fn(&mut PastDecision)| {
        let mut past = all[2].clone();
        change(&mut past);
        past
    };
    let events = [
        change(|past| past.roles = None),
        change(|past| past.actor = Some("service".into())),
        change(|past| past.cut = true),
        change(|past| past.shadow = true),
        change(|past| {
            past.outcome = Outcome::Failed;
            past.reason = Some("not-begun".into());
        }),
    ];
    let report = replay(&[Policy::parse(POLICY).unwrap()], events);
    let expected =
        [(Skipped::WithoutRoles, 2), (Skipped::Cut, 1), (Skipped::Withdrawal, 1), (Skipped::Shadow, 1)];
    assert_eq!(report.skipped.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!((report.agreed, report.disagreed), (0, 0));
}

#[test]
fn what_is_kept_of_many_disagreements_has_an_end() {
    let policy = Policy::parse(POLICY).unwrap();
    let mut wrong = PastDecision::new("notes:read", Outcome::Success);
    wrong.policy = Some(policy.digest().into());
    wrong.subject = Some("bob".into());
    wrong.at = "2026-11-23T08:15:30.250Z".into();
    wrong.roles = Some(Vec::new());
    let foreign = (0..200).map(|number| {
        let mut past = wrong.clone();
        past.policy = Some(format!("digest {number}").into());
        past
    });
    let events = std::iter::repeat_n(wrong.clone(), 1_000).chain(foreign);
    let report = replay(&[policy], events);
    assert_eq!((report.disagreed, report.disagreements.len()), (1_000, 100));
    assert!(report.other_policies.len() <= 65, "{}", report.other_policies.len());
    assert_eq!(report.other_policies.values().sum::<u64>(), 200);
}

#[tokio::test]
async fn grants_that_nobody_used_are_told() {
    let handle: PolicyHandle = POLICY.parse().unwrap();
    let policy = Policy::parse(POLICY).unwrap();
    let mut usage = Usage::of(&policy);
    recorded(&handle, &REQUESTS).await.iter().for_each(|past| usage.take(past));
    let report = usage.report();
    let unused: Vec<String> = report.unused.iter().map(ToString::to_string).collect();
    let expected =
        ["editor grants notes:*: never used for notes:read", "guest grants notes:read: never used"];
    assert_eq!(unused, expected);
    assert_eq!(report.unused[1].position(POLICY).line, 11);
    assert_eq!(report.unseen_roles, [Box::from("guest")]);
    assert_eq!((report.allowed, report.without_roles, report.by_other_policies), (3, 0, 0));
    assert_eq!(report.period.events, 6);
    assert!(report.period.first.is_some() && report.period.first <= report.period.last);
}

#[test]
fn an_event_without_roles_counts_for_every_grant_of_its_permission() {
    let policy = Policy::parse(POLICY).unwrap();
    let mut usage = Usage::of(&policy);
    usage.take(&PastDecision::new("notes:read", Outcome::Success));
    let report = usage.report();
    let unused: Vec<String> = report.unused.iter().map(ToString::to_string).collect();
    assert_eq!(unused, ["editor grants notes:*: never used for notes:write, notes:delete"]);
    assert_eq!((report.without_roles, report.by_other_policies), (1, 1));
}

const PAYING: &str = r#"
version = 1
[permissions]
"pay:open" = {}
"pay:out" = { attributes = { amount = "number", currency = "text" } }
[roles]
clerk = { grants = ["pay:open", { perm = "pay:out", when = { amount = { max = 100 }, currency = "EUR" } }] }
chief = { inherits = ["clerk"], grants = [{ perm = "pay:out", until = "2026-01-01T00:00:00Z" }] }
[routes]
"POST /pay/out" = { perm = "pay:open" }
"#;

/// What is put on record when a handler asks upon a record.
async fn recorded_upon(
    clock: &Arc<ManualClock>,
    role: &str,
    amount: i64,
    currency: &'static str,
) -> Vec<AuditEvent> {
    let sink = Sink::default();
    let handle: PolicyHandle = PAYING.parse().unwrap();
    let inner = service_fn(move |request: Request<Full<Bytes>>| async move {
        let authorizer = Authorizer::of(&request).unwrap();
        let record = [("amount", Attribute::Number(amount)), ("currency", Attribute::Text(currency))];
        let paid = authorizer.require_on("pay:out", &record).await;
        let status = if paid.is_ok() { 200 } else { 403 };
        Ok::<_, Infallible>(Response::builder().status(status).body(Full::<Bytes>::default()).unwrap())
    });
    let layer = AuthorizeLayer::new(&handle, GrpcMethod).audit(Arc::new(sink.clone())).clock(clock.clone());
    layer.layer(inner).oneshot(request(Method::POST, "/pay/out", Some(role))).await.unwrap();
    sink.take().into_iter().map(|(event, _)| event).collect()
}

#[tokio::test]
async fn decisions_upon_a_record_and_by_the_time_come_out_the_same() {
    let before = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_700_000_000)));
    let after = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000)));
    let mut events = Vec::new();
    let cases = [
        (&before, "clerk", 100, "EUR", Outcome::Success),
        (&before, "clerk", 101, "EUR", Outcome::Denied),
        (&before, "clerk", 1, "say \"USD\"", Outcome::Denied),
        (&before, "chief", 1_000, "USD", Outcome::Success),
        (&after, "chief", 1_000, "USD", Outcome::Denied),
    ];
    for (clock, role, amount, currency, expected) in cases {
        let recorded = recorded_upon(clock, role, amount, currency).await;
        assert_eq!(recorded.len(), 2, "the route's permission, and the handler's");
        assert_eq!(recorded[1].outcome, expected, "{role} {amount} {currency}");
        events.extend(recorded);
    }
    let refused = &events[3].details;
    let expected = [
        ("roles", "clerk"),
        ("record", r#""amount" = 101, "currency" = "EUR""#),
        (
            "why",
            "no grant of the caller holds: clerk grants pay:out when amount is at most 100 and currency is EUR",
        ),
    ];
    assert_eq!(*refused, expected.map(|(name, value)| (name, value.to_owned())));

    let policy = [Policy::parse(PAYING).unwrap()];
    let mut events: Vec<PastDecision> = events.iter().map(past).collect();
    let report = replay(&policy, events.clone());
    assert_eq!((report.agreed, report.disagreed), (10, 0), "{report:?}");
    // Without the record, or by the clock of now, it can't be said or is said otherwise.
    events[1].record = None;
    events[7].at = events[9].at.clone();
    let report = replay(&policy, events);
    assert_eq!((report.agreed, report.disagreed), (8, 1));
    assert_eq!(report.skipped.into_iter().collect::<Vec<_>>(), [(Skipped::UponRecord, 1)]);
}

#[test]
fn only_what_was_allowed_by_the_policy_in_force_is_a_use() {
    let text = "version = 1\n[permissions]\na = {}\nb = {}\n[roles]\nbase = { grants = [\"a\", \"b\"] }\n";
    let policy = Policy::parse(text).unwrap();
    let past = |permission: &str, outcome, change: fn(&mut PastDecision)| {
        let mut past = PastDecision::new(permission, outcome);
        past.detail("roles", "base");
        change(&mut past);
        past
    };
    let mut usage = Usage::of(&policy);
    usage.take(&past("a", Outcome::Denied, |_| {}));
    usage.take(&past("a", Outcome::Failed, |_| {}));
    usage.take(&past("a", Outcome::Success, |past| past.reason = Some("forbidden".into())));
    usage.take(&past("a", Outcome::Success, |past| past.detail("shadow_policy", "x")));
    assert_eq!(
        (usage.report().unused.len(), usage.report().allowed, usage.report().period.events),
        (2, 0, 3)
    );
    usage.take(&past("a", Outcome::Success, |_| {}));
    let unused: Vec<String> = usage.report().unused.iter().map(ToString::to_string).collect();
    assert_eq!(unused, ["base grants b: never used"]);
    let mut usage = Usage::of(&policy);
    for at in ["2", "1", "3", "2"] {
        let mut past = PastDecision::new("a", Outcome::Denied);
        past.at = at.into();
        usage.take(&past);
    }
    assert_eq!(usage.report().period.to_string(), "4 decisions from 1 to 3");
}

#[test]
fn a_use_is_whoevers_role_it_was_and_of_what_was_cut_everybodys() {
    let text = "version = 1\n[permissions]\na = {}\n[roles]\nx = { grants = [\"a\"] }\ny = { grants = [\"a\"] }\nz = { grants = [\"a\"] }\nw = { grants = [\"a\"] }\n";
    let policy = Policy::parse(text).unwrap();
    let mut usage = Usage::of(&policy);
    let mut past = PastDecision::new("a", Outcome::Success);
    for (name, role) in [("roles", "x"), ("activated_roles", "y"), ("actor_roles", "z")] {
        past.detail(name, role);
    }
    usage.take(&past);
    let unused = |usage: &Usage<'_>| -> Vec<String> {
        usage.report().unused.iter().map(|grant| grant.role.to_string()).collect()
    };
    assert_eq!((unused(&usage), usage.report().unseen_roles), (vec!["w".to_owned()], vec!["w".into()]));
    past.detail("roles_omitted", "3");
    usage.take(&past);
    assert_eq!(
        (unused(&usage), usage.report().without_roles),
        (Vec::new(), 1),
        "w may be among those left out"
    );
}

#[test]
fn each_reason_stands_for_its_decision() {
    let policy = Policy::parse(POLICY).unwrap();
    let digest: Box<str> = policy.digest().into();
    let past = |permission: &str, outcome, reason: &str, role: Option<&str>| {
        let mut past = PastDecision::new(permission, outcome);
        past.reason = (!reason.is_empty()).then(|| reason.into());
        past.policy = Some(digest.clone());
        past.at = "2026-11-23T08:15:30.250Z".into();
        if let Some(role) = role {
            past.subject = Some("bob".into());
            past.detail("roles", role);
        }
        past
    };
    let read = |outcome, reason: &str, role| past("notes:read", outcome, reason, role);
    let mut timeless = read(Outcome::Success, "", Some("viewer"));
    timeless.at = "yesterday".into();
    let mut activated = read(Outcome::Success, "", Some(""));
    activated.detail("activated_roles", "viewer");
    let mut acted = read(Outcome::Denied, "forbidden", Some("viewer"));
    acted.actor = Some("robot".into());
    acted.detail("actor_roles", "");
    let events = [
        read(Outcome::Denied, "insufficient-user-authentication", Some("viewer")),
        past("notes:none", Outcome::Failed, "indeterminate", Some("viewer")),
        // Nobody is refused before the policy is asked.
        past("notes:none", Outcome::Denied, "unauthenticated", None),
        read(Outcome::Denied, "not-found", Some("viewer")),
        timeless,
        activated,
        acted,
    ];
    let report = replay(std::slice::from_ref(&policy), events);
    assert_eq!((report.agreed, report.disagreed), (5, 0), "{:?}", report.disagreements);
    let skipped = [(Skipped::OutOfScope, 1), (Skipped::WithoutTime, 1)];
    assert_eq!(report.skipped.into_iter().collect::<Vec<_>>(), skipped);
}

#[test]
fn a_foreign_policy_that_is_known_stays_known() {
    let policy = Policy::parse(POLICY).unwrap();
    let foreign = |digest: &str| {
        let mut past = PastDecision::new("notes:read", Outcome::Success);
        past.subject = Some("bob".into());
        past.roles = Some(Vec::new());
        past.policy = Some(digest.into());
        past
    };
    let many = (0..100).map(|number| foreign(&number.to_string()));
    let report = replay(&[policy], many.chain([foreign("0"), foreign("0")]));
    assert_eq!(report.other_policies.get(&Some("0".into())), Some(&3));
    assert_eq!(report.other_policies.get(&None), Some(&36), "beyond the first 64");
}

#[test]
fn details_that_say_what_was_left_out_are_taken_at_their_word() {
    let read = |name: &str, value: &str| {
        let mut past = PastDecision::new("a", Outcome::Success);
        past.detail(name, value);
        (past.cut, past.observed, past.shadow)
    };
    assert_eq!(read("roles_omitted", "1"), (true, false, false));
    assert_eq!(read("record_omitted", "1000"), (true, false, false));
    assert_eq!(read("mode", "observe"), (false, true, false));
    assert_eq!(read("mode", "enforce"), (false, false, false));
    assert_eq!(read("other", "observe"), (false, false, false));
}

#[test]
fn one_that_comes_out_otherwise_is_enough() {
    let policy = Policy::parse(POLICY).unwrap();
    let past = |outcome| {
        let mut past = PastDecision::new("notes:read", outcome);
        past.policy = Some(policy.digest().into());
        past.at = "2026-11-23T08:15:30.250Z".into();
        past.subject = Some("bob".into());
        past.detail("roles", "viewer");
        past
    };
    let all = std::slice::from_ref(&policy);
    assert!(replay(all, [past(Outcome::Success)]).is_ok());
    assert!(!replay(all, [past(Outcome::Success), past(Outcome::Denied)]).is_ok());
    assert!(!replay(all, []).is_ok(), "nothing was decided anew");
}

/// The policy in force, and a decision of somebody with this role on each of its routes.
fn of_routes(roles: &[&str]) -> Vec<PastDecision> {
    let policy = Policy::parse(POLICY).unwrap();
    let routes = [
        ("GET /notes/list", "notes:read"),
        ("POST /notes/add", "notes:write"),
        ("POST /notes/drop", "notes:delete"),
    ];
    let decision = |role: &&str, (route, permission): &(&str, &str)| {
        let id = policy.permission(permission).unwrap();
        let caller = gambeson_core::Principal::user("https://id.example", *role).role(*role).build();
        let allowed = policy.decide(&caller, id) == Decision::Allow;
        let outcome = if allowed { Outcome::Success } else { Outcome::Denied };
        let mut past = PastDecision::new(*permission, outcome);
        past.reason = (!allowed).then(|| "forbidden".into());
        past.policy = Some(policy.digest().into());
        past.subject = Some((*role).into());
        past.at = "2026-11-23T08:15:30.250Z".into();
        past.route = Some((*route).into());
        past.detail("roles", role);
        past
    };
    roles.iter().flat_map(|role| routes.iter().map(move |route| decision(role, route))).collect()
}

fn foreseen(next: &str, past: Vec<PastDecision>) -> NextReport {
    let (policies, next) = ([Policy::parse(POLICY).unwrap()], Policy::parse(next).unwrap());
    let mut replay = Replay::of(&policies).next(&next);
    let all = past.len() as u64;
    past.into_iter().for_each(|past| replay.take(past));
    let report = replay.report();
    assert_eq!((report.agreed, report.disagreed), (all, 0), "{report:?}");
    let next = report.next.clone().unwrap();
    assert_eq!(next.counts.compared + next.undecided.values().sum::<u64>(), all);
    assert_eq!(report.is_ok(), next.is_ok());
    next
}

fn lines(report: &NextReport) -> Vec<String> {
    report.differences.iter().map(ToString::to_string).collect()
}

#[test]
fn what_the_next_policy_decides_otherwise_is_counted_by_permission_and_route() {
    let past = || of_routes(&["viewer", "guest", "editor", "viewer"]);
    let same = foreseen(POLICY, past());
    assert!(same.is_ok() && same.differences.is_empty() && same.counts.compared == 12, "{same:?}");
    let next = POLICY
        .replace("viewer = { inherits = [\"base\"] }", "viewer = { grants = [\"notes:write\"] }")
        .replace("guest = {", "trainee = {}\nguest = {");
    let report = foreseen(&next, past());
    let expected = [
        "notes:read on GET /notes/list: 2 times allow, next deny",
        "notes:write on POST /notes/add: 2 times deny, next allow",
    ];
    assert_eq!(lines(&report), expected);
    assert_eq!((report.counts.would_allow, report.counts.would_refuse, report.counts.otherwise), (2, 2, 0));
    let refused = &report.differences[0];
    assert_eq!(refused.examples.len(), 1, "the same caller twice is one example");
    let why = "no role of the caller grants notes:read; role base gives it";
    assert_eq!(refused.why.as_deref(), Some(why));
    assert_eq!(report.differences[1].why, None);
    assert_eq!(report.new_roles, [Box::from("trainee")]);
    assert!(!report.is_ok());
}

#[test]
fn a_route_that_asks_for_something_else_is_decided_by_that() {
    let past = || of_routes(&["viewer"]);
    let public = POLICY.replace("{ perm = \"notes:write\" }", "\"public\"");
    assert_eq!(lines(&foreseen(&public, past())), ["notes:write on POST /notes/add: once deny, next allow"]);
    let stricter = POLICY.replace(
        "\"GET /notes/list\" = { perm = \"notes:read\" }",
        "\"GET /notes/list\" = { perm = \"notes:write\" }",
    );
    let report = foreseen(&stricter, past());
    assert_eq!(lines(&report), ["notes:read on GET /notes/list: once allow, next deny"]);
    assert!(report.differences[0].why.as_ref().unwrap().contains("grants notes:write"), "{report:?}");
    // What a handler asks for beside its route's permission stays what it is.
    let mut further = past();
    further[1].route = Some("GET /notes/list".into());
    assert!(foreseen(&stricter, vec![further.remove(1)]).is_ok());
    let gone = POLICY.replace("\"GET /notes/list\" = { perm = \"notes:read\" }", "");
    let report = foreseen(&gone, past());
    assert!(report.differences.is_empty() && !report.is_ok(), "{report:?}");
    assert_eq!(report.undecided.into_iter().collect::<Vec<_>>(), [(Undecided::RouteGone, 1)]);
    let renamed = POLICY.replace("notes:read", "notes:see");
    assert!(foreseen(&renamed, past()).is_ok(), "by the route, whatever the permission is called");
    let mut without_route = past();
    without_route.truncate(1);
    without_route[0].route = None;
    assert_eq!(lines(&foreseen(&renamed, without_route)), ["notes:read: once allow, next indeterminate"]);
}

#[test]
fn nobody_is_let_in_by_the_next_policy_where_it_is_public_only() {
    let stranger = || {
        let mut past = of_routes(&["viewer"]).remove(1);
        (past.subject, past.roles, past.reason) = (None, None, Some("unauthenticated".into()));
        vec![past]
    };
    let wider = POLICY.replace("base = { grants = [\"notes:read\"] }", "base = { grants = [\"notes:*\"] }");
    assert!(foreseen(&wider, stranger()).is_ok());
    let public = POLICY.replace("{ perm = \"notes:write\" }", "\"public\"");
    assert_eq!(foreseen(&public, stranger()).counts.would_allow, 1);
}

#[test]
fn what_the_next_policy_would_need_of_the_record_is_told() {
    let (policies, at) = ([Policy::parse(PAYING).unwrap()], "2026-11-23T08:15:30.250Z");
    let past = |amount: i64, outcome: Outcome| {
        let mut past = PastDecision::new("pay:out", outcome);
        past.reason = (outcome != Outcome::Success).then(|| "forbidden".into());
        (past.policy, past.at) = (Some(policies[0].digest().into()), at.into());
        past.subject = Some("alice".into());
        past.detail("roles", "clerk");
        past.detail("record", &format!("\"amount\" = {amount}, \"currency\" = \"EUR\""));
        past
    };
    let told = |next: &str| {
        let next = Policy::parse(next).unwrap();
        let mut replay = Replay::of(&policies).next(&next);
        [past(50, Outcome::Success), past(100, Outcome::Success), past(101, Outcome::Denied)]
            .into_iter()
            .for_each(|past| replay.take(past));
        assert_eq!(replay.report().agreed, 3);
        replay.report().next.clone().unwrap()
    };
    let lower = told(&PAYING.replace("max = 100", "max = 50"));
    assert_eq!((lower.counts.compared, lower.counts.would_refuse), (3, 1));
    let other = PAYING
        .replace("currency = \"text\"", "currency = \"text\", urgent = \"flag\"")
        .replace("currency = \"EUR\"", "urgent = false");
    let report = told(&other);
    assert_eq!(report.undecided.get(&Undecided::RecordLacks), Some(&3), "{report:?}");
    assert_eq!(report.counts.compared, 0);
    assert!(!report.is_ok(), "nothing was shown");
}

/// A route whose handler decides upon the record: code says for what it asks there.
#[test]
fn a_handler_that_decides_upon_its_record_asks_for_its_own_permission() {
    let text = PAYING.split("[routes]").next().unwrap().to_owned()
        + "[routes]\n\"POST /pay\" = { perm = \"pay:out\" }\n";
    let policies = [Policy::parse(&text).unwrap()];
    let next = Policy::parse(&text.replace("{ perm = \"pay:out\" }", "{ perm = \"pay:open\" }")).unwrap();
    let mut past = PastDecision::new("pay:out", Outcome::Denied);
    (past.policy, past.reason) = (Some(policies[0].digest().into()), Some("forbidden".into()));
    (past.at, past.subject) = ("2026-11-23T08:15:30.250Z".into(), Some("alice".into()));
    past.route = Some("POST /pay".into());
    past.detail("roles", "clerk");
    past.detail("record", "\"amount\" = 101, \"currency\" = \"EUR\"");
    let mut replay = Replay::of(&policies).next(&next);
    replay.take(past);
    let told = replay.report().next.clone().unwrap();
    assert!(told.is_ok() && told.counts.compared == 1, "{told:?}");
}

#[test]
fn kinds_of_differences_have_an_end_and_so_have_their_examples() {
    let many = |route: &dyn Fn(usize) -> String| {
        let decided = of_routes(&["viewer"]).remove(1);
        let each = (0..1_200).map(|number| {
            let mut past = decided.clone();
            past.subject = Some(format!("caller {number}").into());
            past.route = Some(route(number).into());
            past
        });
        each.collect::<Vec<_>>()
    };
    let wider = POLICY.replace("base = { grants = [\"notes:read\"] }", "base = { grants = [\"notes:*\"] }");
    let report = foreseen(&wider, many(&|number| format!("POST /{number}")));
    assert_eq!((report.differences.len(), report.further, report.counts.would_allow), (1_000, 200, 1_200));
    let report = foreseen(&wider, many(&|_| "POST /notes/add".to_owned()));
    assert_eq!((report.differences[0].count, report.differences[0].examples.len()), (1_200, 3));
}
