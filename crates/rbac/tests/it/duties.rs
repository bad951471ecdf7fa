//! Roles that may not come together, and roles that are taken for a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gambeson_core::{
    Authentication, Challenges, Durability, ManualClock, NullSink, Outcome, Principal, RequestFacts,
    Timestamp,
};
use gambeson_rbac::{
    Activation, ActivationErrorKind, ActivationStore, Activations, AuthorizeLayer, FileActivations,
    MemoryActivations, Policy, PolicyHandle,
};
use http::{Method, Request};
use tower::{Layer, ServiceExt};

use crate::support::{Inner, Sink};

pub(crate) const POLICY: &str = r#"
version = 1
[permissions]
"invoice:read" = {}
"invoice:approve" = {}
"invoice:audit" = {}
"invoice:pay" = {}
"invoice:book" = {}
"db:repair" = {}
[roles]
viewer = { grants = ["invoice:read"] }
approver = { grants = ["invoice:approve"] }
auditor = { grants = ["invoice:audit"], deny = ["invoice:pay"] }
boss = { inherits = ["approver"] }
payer = { grants = ["invoice:pay"] }
booker = { grants = ["invoice:book"] }
admin = { grants = ["db:repair"] }
[[separation_of_duties]]
name = "four-eyes"
kind = "static"
roles = ["approver", "auditor"]
max = 1
[[separation_of_duties]]
name = "payments"
kind = "dynamic"
roles = ["payer", "booker"]
max = 1
[[break_glass]]
role = "admin"
who = ["group:oncall"]
max = "1h"
[[break_glass]]
role = "approver"
who = ["role:viewer"]
max = "30m"
reason = "optional"
[routes]
"GET /invoice:read" = { perm = "invoice:read" }
"GET /invoice:approve" = { perm = "invoice:approve" }
"GET /invoice:audit" = { perm = "invoice:audit" }
"GET /invoice:pay" = { perm = "invoice:pay" }
"GET /invoice:book" = { perm = "invoice:book" }
"GET /db:repair" = { perm = "db:repair" }
"#;

pub(crate) fn caller(roles: &[&str]) -> Principal {
    let bob = Principal::user("https://id.example", "bob").group("oncall").session_id("s1");
    roles.iter().fold(bob, |bob, role| bob.role(*role)).build()
}

pub(crate) fn facts(caller: &Principal) -> RequestFacts {
    let facts = RequestFacts::new();
    facts.authenticate(Authentication::Verified(caller.clone(), Challenges::none())).unwrap();
    facts
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix_seconds(1_000_000))
}

pub(crate) fn open(policy: &PolicyHandle, store: impl ActivationStore, clock: &ManualClock) -> Activations {
    Activations::open(policy, store, Arc::new(Sink::default()), Arc::new(clock.clone())).unwrap()
}

/// Which permissions the layer lets the caller use.
async fn allowed(
    policy: &PolicyHandle,
    activations: &Activations,
    clock: &ManualClock,
    who: &Principal,
) -> Vec<&'static str> {
    let layer = AuthorizeLayer::new(policy, by_path)
        .clock(Arc::new(clock.clone()))
        .audit(Arc::new(Sink::default()))
        .activations(activations);
    let mut allowed = Vec::new();
    for name in
        ["invoice:read", "invoice:approve", "invoice:audit", "invoice:pay", "invoice:book", "db:repair"]
    {
        let mut request = Request::get(format!("/{name}")).body(()).unwrap();
        RequestFacts::ensure(&mut request)
            .authenticate(Authentication::Verified(who.clone(), Challenges::none()))
            .unwrap();
        let status = layer.layer(Inner::default()).oneshot(request).await.unwrap().status();
        if status == 200 {
            allowed.push(name);
        } else {
            assert_eq!(status, 403, "{name}");
        }
    }
    allowed
}

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn a_role_that_alone_has_too_much_is_refused_also_by_inheritance() {
    for (role, line) in [
        ("both = { inherits = [\"boss\", \"auditor\"] }", "both"),
        ("heir = { inherits = [\"pair\"] }\npair = { inherits = [\"payer\", \"booker\"] }", "pair"),
    ] {
        let text = POLICY.replace("[roles]", &format!("[roles]\n{role}"));
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.findings().iter().all(|finding| finding.id == "separation-of-duties"), "{error}");
        assert!(error.to_string().contains(&format!("role `{line}` alone")), "{error}");
    }
    let business = "[business_roles]\n\"Chief\" = [\"boss\", \"auditor\"]\n[[break_glass]]";
    let error = Policy::parse(&POLICY.replacen("[[break_glass]]", business, 1)).unwrap_err();
    assert!(error.to_string().contains("role `Chief` alone has more of `four-eyes`"), "{error}");
}

#[test]
fn what_is_wrong_in_constraints_is_told() {
    let text = r#"version = 1
[permissions]
a = {}
[roles]
r = { grants = ["a"], deny = ["a"] }
s = { inherits = ["r"] }
[[separation_of_duties]]
name = "x"
kind = "sometimes"
roles = ["r", "s"]
max = 1
[[separation_of_duties]]
name = "y"
kind = "static"
roles = ["r", "r"]
max = 1
[[separation_of_duties]]
name = "z"
kind = "static"
roles = ["r", "nobody"]
max = 1
[[break_glass]]
role = "s"
who = ["oncall", "group:"]
max = "2d"
[[break_glass]]
role = "s"
who = ["group:oncall"]
max = "25h"
reason = "maybe"
[[break_glass]]
role = "s"
who = ["group:oncall"]
max = "24h"
[[break_glass]]
role = "s"
who = []
max = "1h"
"#;
    let error = Policy::parse(text).unwrap_err();
    let found: Vec<_> = error.findings().iter().map(|finding| (finding.id, finding.position.line)).collect();
    let expected = [
        ("separation-kind", 9),
        ("separation-max", 12),
        ("unknown-role", 20),
        ("break-glass-who", 24),
        ("break-glass-who", 24),
        ("break-glass-max", 25),
        ("break-glass-max", 29),
        ("break-glass-reason", 26),
        ("break-glass-denies", 32),
        ("break-glass-who", 35),
        ("break-glass-twice", 36),
        ("break-glass-denies", 36),
    ];
    let mut expected = expected.to_vec();
    expected.sort_by_key(|(_, line)| *line);
    assert_eq!(found, expected, "{error}");
}

#[test]
fn who_has_too_much_of_a_static_set_keeps_none_of_it() {
    let policy = Policy::parse(POLICY).unwrap();
    for (roles, expected) in [
        (&["approver"][..], &["invoice:approve"][..]),
        (&["auditor", "viewer"], &["invoice:read", "invoice:audit"]),
        (&["approver", "auditor", "viewer"], &["invoice:read"]),
        (&["boss", "auditor", "viewer"], &["invoice:read"]),
        (&["boss", "approver"], &["invoice:approve"]),
        // What grants nothing still denies.
        (&["approver", "auditor", "payer"], &[]),
    ] {
        let caller = caller(roles);
        let may: Vec<&str> = policy.permissions().filter(|name| policy.may(&caller, name)).collect();
        assert_eq!(may, expected, "{roles:?}");
    }
}

#[tokio::test]
async fn duties_of_a_dynamic_set_are_had_one_at_a_time() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    let both = caller(&["payer", "booker", "viewer"]);
    let may = async || allowed(&policy, &activations, &clock, &both).await;
    assert_eq!(may().await, ["invoice:read"]);
    activations.activate(&facts(&both), "payer").await.unwrap();
    assert_eq!(may().await, ["invoice:read", "invoice:pay"]);
    let second = activations.activate(&facts(&both), "booker").await.unwrap_err();
    assert_eq!(second.kind(), ActivationErrorKind::Incompatible);
    assert_eq!(may().await, ["invoice:read", "invoice:pay"]);

    assert!(activations.end(&facts(&both), "payer").unwrap());
    assert_eq!(may().await, ["invoice:read"]);
    activations.activate(&facts(&both), "booker").await.unwrap();
    assert_eq!(may().await, ["invoice:read", "invoice:book"]);

    // Another session of the same person has activated nothing.
    let bob =
        Principal::user("https://id.example", "bob").role("payer").role("booker").session_id("s2").build();
    assert!(allowed(&policy, &activations, &clock, &bob).await.is_empty());
    clock.advance(8 * HOUR);
    assert_eq!(may().await, ["invoice:read"]);
    let strange = activations.activate(&facts(&both), "auditor").await.unwrap_err();
    assert_eq!(strange.kind(), ActivationErrorKind::NotAllowed);
}

#[tokio::test]
async fn a_role_is_taken_for_its_time_only() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    let bob = caller(&[]);
    let may = async || allowed(&policy, &activations, &clock, &bob).await;
    assert!(may().await.is_empty());
    activations.break_glass(&facts(&bob), "admin", "incident 42", Duration::from_secs(600)).await.unwrap();
    assert_eq!(may().await, ["db:repair"]);
    clock.advance(Duration::from_secs(599));
    assert_eq!(may().await, ["db:repair"]);
    let again = activations.break_glass(&facts(&bob), "admin", "more", HOUR).await.unwrap_err();
    assert_eq!(again.kind(), ActivationErrorKind::AlreadyActive);
    clock.advance(Duration::from_secs(1));
    assert!(may().await.is_empty() && activations.live().is_empty());
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_nothing_longer() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    let bob = caller(&[]);
    activations.break_glass(&facts(&bob), "admin", "incident 42", HOUR).await.unwrap();
    clock.advance(HOUR - Duration::from_secs(1));
    clock.set(Timestamp::from_unix_seconds(1_000_001));
    assert_eq!(allowed(&policy, &activations, &clock, &bob).await, ["db:repair"]);
    clock.advance(Duration::from_secs(1));
    assert!(allowed(&policy, &activations, &clock, &bob).await.is_empty(), "an hour has passed");
}

#[tokio::test]
async fn only_who_is_named_takes_a_role_and_never_for_longer() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    let stranger = Principal::user("https://id.example", "eve").build();
    for (who, role, reason, time, expected) in [
        (&caller(&[]), "admin", " ", HOUR, ActivationErrorKind::ReasonMissing),
        (&caller(&[]), "admin", "x", HOUR + Duration::from_nanos(1), ActivationErrorKind::TooLong),
        (&caller(&[]), "admin", "x", Duration::ZERO, ActivationErrorKind::TooLong),
        (&caller(&[]), "auditor", "x", HOUR, ActivationErrorKind::NotAllowed),
        (&caller(&[]), "nothing", "x", HOUR, ActivationErrorKind::NotAllowed),
        (&stranger, "admin", "x", HOUR, ActivationErrorKind::NotAllowed),
        (&caller(&["viewer", "auditor"]), "approver", "", HOUR / 2, ActivationErrorKind::Incompatible),
    ] {
        let error = activations.break_glass(&facts(who), role, reason, time).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{role} {reason}");
    }
    let nobody = activations.break_glass(&RequestFacts::new(), "admin", "x", HOUR).await.unwrap_err();
    assert_eq!(nobody.kind(), ActivationErrorKind::Unauthenticated);
    assert!(activations.live().is_empty());
    activations.break_glass(&facts(&caller(&["viewer"])), "approver", "", HOUR / 2).await.unwrap();
}

#[tokio::test]
async fn a_role_that_would_make_an_own_one_inactive_is_not_taken() {
    let more = "[[break_glass]]\nrole = \"booker\"\nwho = [\"role:payer\"]\nmax = \"1h\"\n[routes]";
    let (policy, clock): (PolicyHandle, _) = (POLICY.replace("[routes]", more).parse().unwrap(), clock());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    let bob = caller(&["payer"]);
    let error = activations.break_glass(&facts(&bob), "booker", "x", HOUR).await.unwrap_err();
    assert_eq!(error.kind(), ActivationErrorKind::Incompatible);
    assert_eq!(allowed(&policy, &activations, &clock, &bob).await, ["invoice:pay"]);
}

#[tokio::test]
async fn what_was_taken_survives_a_restart_and_ends_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("activations.toml");
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let bob = caller(&[]);
    let first = open(&policy, FileActivations::new(&path), &clock);
    first.break_glass(&facts(&bob), "admin", "incident 42", HOUR).await.unwrap();
    drop(first);

    clock.advance(HOUR / 2);
    let (policy, later): (PolicyHandle, _) =
        (POLICY.parse().unwrap(), ManualClock::at(gambeson_core::Clock::now(&clock)));
    let second = open(&policy, FileActivations::new(&path), &later);
    assert_eq!(allowed(&policy, &second, &later, &bob).await, ["db:repair"]);
    later.advance(HOUR / 2);
    assert!(allowed(&policy, &second, &later, &bob).await.is_empty());
    assert!(open(&policy, FileActivations::new(&path), &later).live().is_empty());

    std::fs::write(&path, "version = 1\n[[activation]]\nkind = 7").unwrap();
    let damaged =
        Activations::open(&policy, FileActivations::new(&path), Arc::new(NullSink), Arc::new(later));
    assert_eq!(damaged.unwrap_err().kind(), ActivationErrorKind::Store);
}

#[tokio::test]
async fn what_a_start_takes_up_is_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let store = || FileActivations::new(folder.path().join("activations.toml"));
    let (policy, clock, bob) = (POLICY.parse::<PolicyHandle>().unwrap(), clock(), caller(&[]));
    let first = open(&policy, store(), &clock);
    first.break_glass(&facts(&bob), "admin", "incident 42", HOUR).await.unwrap();
    let resumed = || {
        let sink = Sink::default();
        Activations::open(&policy, store(), Arc::new(sink.clone()), Arc::new(clock.clone())).unwrap();
        sink.take().into_iter().map(|(event, _)| event).collect::<Vec<_>>()
    };

    let events = resumed();
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&*event.action, event.object.as_deref()), ("role.resume", Some("role/admin")));
    assert_eq!(event.context.subject.as_ref(), Some(bob.full_subject()));
    assert_eq!(event.policy.as_deref(), Some(policy.policy().digest()));
    assert!(event.details.contains(&("why", "incident 42".to_owned())), "{event:?}");
    clock.advance(HOUR);
    assert_eq!(resumed(), [], "it is over");
}

#[tokio::test]
async fn a_reload_keeps_what_was_taken_and_holds_it_to_the_new_policy() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    let bob = caller(&[]);
    activations.break_glass(&facts(&bob), "admin", "incident 42", HOUR).await.unwrap();
    clock.advance(Duration::from_secs(600));
    let may = async |text: &str| {
        policy.replace(text).unwrap();
        !allowed(&policy, &activations, &clock, &bob).await.is_empty()
    };
    assert!(may(&format!("{POLICY}# same")).await);
    assert!(!may(&POLICY.replace("max = \"1h\"", "max = \"10m\"")).await, "shorter now");
    assert!(!may(&POLICY.replace("group:oncall", "group:sre")).await, "for others now");
    assert!(may(POLICY).await);
}

#[tokio::test]
async fn a_role_is_on_record_before_it_holds_and_so_is_what_is_done_by_it() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let bob = caller(&[]);
    let broken = Sink { broken: true, ..Sink::default() };
    let activations =
        Activations::open(&policy, MemoryActivations::default(), Arc::new(broken), Arc::new(clock.clone()))
            .unwrap();
    let refused = activations.break_glass(&facts(&bob), "admin", "x", HOUR).await.unwrap_err();
    assert_eq!(refused.kind(), ActivationErrorKind::NotRecorded);
    assert!(activations.live().is_empty());

    let sink = Sink::default();
    let activations = Activations::open(
        &policy,
        MemoryActivations::default(),
        Arc::new(sink.clone()),
        Arc::new(clock.clone()),
    )
    .unwrap();
    drop(activations.break_glass(&facts(&bob), "nothing", "x", HOUR).await);
    activations.break_glass(&facts(&bob), "admin", "incident 42", HOUR).await.unwrap();
    let events = sink.take();
    let said: Vec<_> = events.iter().map(|(event, durability)| (event.outcome, *durability)).collect();
    assert_eq!(said, [(Outcome::Denied, Durability::Async), (Outcome::Success, Durability::Strict)]);
    let (event, _) = &events[1];
    assert_eq!((&*event.action, event.object.as_deref()), ("role.activate", Some("role/admin")));
    assert!(event.details.contains(&("why", "incident 42".to_owned())), "{:?}", event.details);

    let layer = AuthorizeLayer::new(&policy, by_path)
        .clock(Arc::new(clock.clone()))
        .audit(Arc::new(sink.clone()))
        .activations(&activations);
    let mut request = Request::builder().method(Method::GET).uri("/db:repair").body(()).unwrap();
    RequestFacts::ensure(&mut request)
        .authenticate(Authentication::Verified(bob.clone(), Challenges::none()))
        .unwrap();
    assert_eq!(layer.layer(Inner::default()).oneshot(request).await.unwrap().status(), 200);
    let (event, durability) = sink.take().remove(0);
    assert_eq!(durability, Durability::Strict);
    let expected = [("roles", ""), ("activated_roles", "admin"), ("activated", "true")];
    assert_eq!(event.details, expected.map(|(name, value)| (name, value.to_owned())));
}

#[derive(Debug)]
struct FullDisk;

impl ActivationStore for FullDisk {
    fn load(&self) -> std::io::Result<Vec<Activation>> {
        Ok(Vec::new())
    }

    fn save(&self, _: &[Activation]) -> std::io::Result<()> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
}

#[tokio::test]
async fn what_cannot_be_saved_does_not_hold_and_the_trail_says_so() {
    let (policy, clock, sink): (PolicyHandle, _, _) = (POLICY.parse().unwrap(), clock(), Sink::default());
    let activations =
        Activations::open(&policy, FullDisk, Arc::new(sink.clone()), Arc::new(clock.clone())).unwrap();
    let bob = caller(&[]);
    let error = activations.break_glass(&facts(&bob), "admin", "x", HOUR).await.unwrap_err();
    assert_eq!(error.kind(), ActivationErrorKind::Store);
    assert!(allowed(&policy, &activations, &clock, &bob).await.is_empty());
    let outcomes: Vec<Outcome> = sink.take().iter().map(|(event, _)| event.outcome).collect();
    assert_eq!(outcomes, [Outcome::Success, Outcome::Failed]);
}

/// Keeps what it is given, and says of the next ones that it could not.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeepsAndFails {
    kept: Arc<Mutex<Vec<Activation>>>,
    pub(crate) failures: Arc<AtomicUsize>,
}

impl ActivationStore for KeepsAndFails {
    fn load(&self) -> std::io::Result<Vec<Activation>> {
        Ok(self.kept.lock().unwrap().clone())
    }

    fn save(&self, live: &[Activation]) -> std::io::Result<()> {
        *self.kept.lock().unwrap() = live.to_vec();
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_or(Ok(()), |_| Err(std::io::ErrorKind::StorageFull.into()))
    }
}

#[tokio::test]
async fn what_failed_does_not_hold_after_a_restart_and_what_held_does() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let store = KeepsAndFails::default();
    let activations = open(&policy, store.clone(), &clock);
    let (bob, sue) = (caller(&[]), Principal::user("https://id.example", "sue").group("oncall").build());
    activations.break_glass(&facts(&bob), "admin", "incident 42", HOUR).await.unwrap();
    store.failures.store(1, Ordering::SeqCst);
    let error = activations.break_glass(&facts(&sue), "admin", "incident 43", HOUR).await.unwrap_err();
    assert_eq!(error.kind(), ActivationErrorKind::Store);
    for activations in [activations, open(&policy, store, &clock)] {
        assert!(allowed(&policy, &activations, &clock, &sue).await.is_empty());
        assert_eq!(allowed(&policy, &activations, &clock, &bob).await, ["db:repair"]);
    }
}

#[tokio::test]
async fn a_refusal_of_what_a_taken_role_allows_tells_of_that_role() {
    let strong = POLICY.replace("\"db:repair\" = {}", "\"db:repair\" = { acr = [\"phr\"] }");
    let (policy, clock, sink): (PolicyHandle, _, _) = (strong.parse().unwrap(), clock(), Sink::default());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    let bob = caller(&[]);
    activations.break_glass(&facts(&bob), "admin", "incident 42", HOUR).await.unwrap();
    let layer = AuthorizeLayer::new(&policy, by_path)
        .clock(Arc::new(clock.clone()))
        .audit(Arc::new(sink.clone()))
        .activations(&activations);
    let request = crate::support::request_of(Method::GET, "/db:repair", Some(bob));
    assert_eq!(layer.layer(Inner::default()).oneshot(request).await.unwrap().status(), 401);
    let (event, _) = sink.take().remove(0);
    assert!(event.details.contains(&("why", "admin grants db:repair".to_owned())), "{:?}", event.details);
}

#[tokio::test]
async fn a_duty_ends_with_the_role() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    activations.activate(&facts(&caller(&["payer", "booker"])), "payer").await.unwrap();
    assert_eq!(allowed(&policy, &activations, &clock, &caller(&["payer", "booker"])).await, ["invoice:pay"]);
    assert_eq!(allowed(&policy, &activations, &clock, &caller(&["viewer"])).await, ["invoice:read"]);
}

#[tokio::test]
async fn an_everyday_duty_does_not_wait_for_the_trail() {
    let (policy, clock, sink): (PolicyHandle, _, _) = (POLICY.parse().unwrap(), clock(), Sink::default());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    let both = caller(&["payer", "booker"]);
    activations.activate(&facts(&both), "payer").await.unwrap();
    let layer = AuthorizeLayer::new(&policy, by_path)
        .clock(Arc::new(clock.clone()))
        .audit(Arc::new(sink.clone()))
        .activations(&activations);
    let request = crate::support::request_of(Method::GET, "/invoice:pay", Some(both));
    assert_eq!(layer.layer(Inner::default()).oneshot(request).await.unwrap().status(), 200);
    let (event, durability) = sink.take().remove(0);
    assert_eq!(durability, Durability::Async);
    let expected = [("roles", "payer, booker"), ("activated_roles", "payer"), ("activated", "true")];
    assert_eq!(event.details, expected.map(|(name, value)| (name, value.to_owned())));
}

#[tokio::test]
async fn one_subject_cannot_fill_the_store() {
    let (policy, clock): (PolicyHandle, _) = (POLICY.parse().unwrap(), clock());
    let activations = open(&policy, MemoryActivations::default(), &clock);
    let session = |number: usize| {
        let bob = Principal::user("https://id.example", "bob").role("payer").role("booker");
        facts(&bob.session_id(format!("s{number}")).build())
    };
    for number in 0..16 {
        activations.activate(&session(number), "payer").await.unwrap();
    }
    let error = activations.activate(&session(16), "payer").await.unwrap_err();
    assert_eq!(error.kind(), ActivationErrorKind::TooMany);
}

fn by_path<'a>(head: &gambeson_core::RequestHead<'a>) -> Option<&'a str> {
    Some(head.uri.path())
}

#[tokio::test]
async fn a_service_a_silenced_role_and_who_acts_for_another_take_nothing() {
    let policy: PolicyHandle = POLICY.replace("role:viewer", "role:auditor").parse().unwrap();
    let (clock, store) = (clock(), MemoryActivations::default());
    let activations = open(&policy, store, &clock);
    let take = async |who: &Principal, role: &str| {
        activations
            .break_glass(&facts(who), role, "an outage", HOUR / 4)
            .await
            .map(|_| ())
            .map_err(|error| error.kind())
    };
    let service = Principal::service("https://id.example", "robot").group("oncall").build();
    assert_eq!(take(&service, "admin").await, Err(ActivationErrorKind::NotAllowed));
    let acted_for = Principal::user("https://id.example", "eve").group("oncall").actor(service).build();
    assert_eq!(take(&acted_for, "admin").await, Err(ActivationErrorKind::NotAllowed));
    let silenced = Principal::user("https://id.example", "sue").role("boss").role("auditor").build();
    assert_eq!(
        take(&silenced, "approver").await,
        Err(ActivationErrorKind::NotAllowed),
        "her roles grant nothing"
    );
    assert_eq!(take(&caller(&[]), "admin").await, Ok(()));
}

#[test]
fn of_several_issuers_a_group_names_nobody() {
    let claims = "[claims.a]\nissuer = 'https://a.example'\nroles_at = 'roles'\n\
                  [claims.b]\nissuer = 'https://b.example'\nroles_at = 'roles'\n";
    let error = Policy::parse(&POLICY.replacen("[roles]", &format!("{claims}[roles]"), 1)).unwrap_err();
    assert!(error.to_string().contains("ambiguous-group"), "{error}");
}
