use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gambeson_core::{AuditKind, Currency, Money, Outcome, RequestFacts, Timestamp};
use gambeson_cost_guard::{
    Alert, Budget, Calendar, CostGuard, Denied, DeniedKind, Estimate, Feature, Hold, Meter, Rolling, Scope,
    Stop, Usage,
};
use gambeson_testing::{RecordingAuditSink, RecordingCostSink};

use crate::support::{builder, clock, person, request, usd};

fn reserve(guard: &CostGuard, scope: &Scope<'_>, amount: Money) -> Result<Hold, Denied> {
    guard.reserve(scope, amount).ready().map_err(|_| "pending").unwrap()
}

fn spend(guard: &CostGuard, scope: &Scope<'_>, amount: Money) -> Result<(), DeniedKind> {
    let mut hold = reserve(guard, scope, amount).map_err(|denied| denied.kind())?;
    hold.settle(amount).unwrap();
    Ok(())
}

#[test]
fn a_denial_names_every_budget_and_consumes_nothing() {
    let clock = clock();
    let guard = builder(&clock)
        .budget(Budget::money("user/{subject}", usd(50)).per(Calendar::day("UTC")))
        .budget(Budget::money("org/{tenant}", usd(60)).per(Calendar::month("Europe/Berlin")))
        .budget(Budget::money("app", usd(1_000)).per(Calendar::day("UTC")))
        .build()
        .unwrap();
    let (alice, bob) = (person("alice"), person("bob"));
    spend(&guard, &Scope::principal(&alice), usd(45)).unwrap();
    let denied = reserve(&guard, &Scope::principal(&alice), usd(20)).unwrap_err();
    let names: Vec<&str> = denied.violations().iter().map(|violation| &*violation.budget).collect();
    assert_eq!(names, ["user/{subject}", "org/{tenant}"]);
    let rejection = denied.rejection();
    assert_eq!((rejection.status().as_u16(), rejection.slug()), (402, "budget-exhausted"));
    assert_eq!(denied.rejection_429().status(), 429);
    // Of the organisation's money a person is told no more than that it is spent.
    let denied = reserve(&guard, &Scope::principal(&bob), usd(20)).unwrap_err();
    let members: Vec<&str> = denied.rejection().members().iter().map(|(name, _)| *name).collect();
    assert_eq!(members, ["violated-policies"]);
    let left: Vec<Money> = guard.remaining(&Scope::principal(&alice)).iter().map(|one| one.left).collect();
    assert_eq!(left, [usd(5), usd(15), usd(955)]);
}

#[test]
fn drop_charges_what_was_incurred_and_settling_counts_once() {
    let guard = builder(&clock()).budget(Budget::money("user/{subject}", usd(50))).build().unwrap();
    let alice = person("alice");
    let scope = Scope::principal(&alice);
    let standing = || {
        let one = &guard.remaining(&scope)[0];
        (one.spent, one.held)
    };
    drop(reserve(&guard, &scope, usd(50)).unwrap());
    assert_eq!(standing(), (usd(0), usd(0)));

    let mut hold = reserve(&guard, &scope, usd(30)).unwrap();
    hold.incur(usd(7)).unwrap();
    assert_eq!(standing(), (usd(0), usd(30)));
    drop(hold);
    assert_eq!(standing(), (usd(7), usd(0)));

    let mut hold = reserve(&guard, &scope, usd(10)).unwrap();
    hold.extend(usd(5)).unwrap();
    assert_eq!(hold.extend(usd(100)).unwrap_err().kind(), DeniedKind::TooLarge);
    assert_eq!(hold.held(), usd(15));
    assert!(hold.settle(Money::from_nanos(1, Currency::EUR)).is_err());
    assert_eq!(hold.settle(usd(12)).unwrap(), usd(12));
    assert_eq!(hold.settle(usd(40)).unwrap(), usd(12), "settling again changes nothing");
    assert_eq!(hold.extend(usd(1)).unwrap_err().kind(), DeniedKind::Misused);
    drop(hold);
    assert_eq!(standing(), (usd(19), usd(0)));
    // A bill may be larger than what was held.
    reserve(&guard, &scope, usd(1)).unwrap().settle(usd(60)).unwrap();
    assert_eq!(guard.remaining(&scope)[0].left, usd(0));
    assert_eq!(spend(&guard, &scope, usd(1)), Err(DeniedKind::Exhausted));
}

#[test]
fn the_day_ends_in_its_zone_and_late_settles_belong_to_the_day_before() {
    let clock = clock();
    let guard = builder(&clock)
        .budget(Budget::money("user/{subject}", usd(50)).per(Calendar::day("Europe/Berlin")))
        .build()
        .unwrap();
    let alice = person("alice");
    let scope = Scope::principal(&alice);
    let mut late = reserve(&guard, &scope, usd(50)).unwrap();
    assert_eq!(spend(&guard, &scope, usd(1)), Err(DeniedKind::Busy), "held, not spent: it may come back");
    assert_eq!(guard.remaining(&scope)[0].resets_at, Some(Timestamp::from_unix_seconds(1_795_561_200)));
    clock.set(Timestamp::from_unix_seconds(1_795_561_199));
    assert_eq!(spend(&guard, &scope, usd(1)), Err(DeniedKind::Busy));
    clock.set(Timestamp::from_unix_seconds(1_795_561_200));
    spend(&guard, &scope, usd(20)).unwrap();
    late.extend(usd(1)).unwrap_err();
    late.settle(usd(50)).unwrap();
    assert_eq!(guard.remaining(&scope)[0].spent, usd(20));
    // A clock that goes back refills nothing.
    clock.set(Timestamp::from_unix_seconds(1_795_521_600));
    assert_eq!(guard.remaining(&scope)[0].spent, usd(20));
    assert_eq!(spend(&guard, &scope, usd(40)), Err(DeniedKind::Exhausted));
}

#[test]
fn a_rolling_window_moves_along() {
    let clock = clock();
    let guard = builder(&clock)
        .budget(Budget::money("user/{subject}", usd(50)).per(Rolling::hours(1)))
        .build()
        .unwrap();
    let alice = person("alice");
    let scope = Scope::principal(&alice);
    spend(&guard, &scope, usd(30)).unwrap();
    clock.advance(Duration::from_secs(1_800));
    spend(&guard, &scope, usd(20)).unwrap();
    clock.set(Timestamp::from_unix_seconds(2_000_000_000));
    assert_eq!(spend(&guard, &scope, usd(1)), Err(DeniedKind::Exhausted), "the wall clock does not matter");
    clock.advance(Duration::from_secs(1_799));
    assert_eq!(spend(&guard, &scope, usd(1)), Err(DeniedKind::Exhausted));
    clock.advance(Duration::from_secs(2 * 3_600 / 32));
    spend(&guard, &scope, usd(30)).unwrap();
    assert_eq!(spend(&guard, &scope, usd(1)), Err(DeniedKind::Exhausted));
}

#[test]
fn nobody_spends_by_accident() {
    let alice = person("alice");
    let by_subject = || builder(&clock()).budget(Budget::money("user/{subject}", usd(50)));
    let guard = by_subject().build().unwrap();
    let denied = reserve(&guard, &Scope::anonymous(), usd(1)).unwrap_err();
    assert_eq!((denied.kind(), denied.rejection().status().as_u16()), (DeniedKind::Unattributed, 403));
    let guard = by_subject().budget(Budget::money("anonymous", usd(2)).anonymous()).build().unwrap();
    spend(&guard, &Scope::anonymous(), usd(2)).unwrap();
    assert_eq!(spend(&guard, &Scope::anonymous(), usd(1)), Err(DeniedKind::Exhausted));
    spend(&guard, &Scope::principal(&alice), usd(50)).unwrap();
    // A budget of a feature is not avoided by leaving the feature out.
    let guard = builder(&clock()).budget(Budget::money("feature/{feature}", usd(5))).build().unwrap();
    assert_eq!(spend(&guard, &Scope::principal(&alice), usd(1)), Err(DeniedKind::Unattributed));
    spend(&guard, &Scope::principal(&alice).feature(&Feature::new("search")), usd(5)).unwrap();
    // No budget at all is no permission.
    let guard = builder(&clock()).build().unwrap();
    assert_eq!(spend(&guard, &Scope::principal(&alice), usd(1)), Err(DeniedKind::Unattributed));
    let foreign = Money::from_nanos(1, Currency::EUR);
    let guard = by_subject().build().unwrap();
    assert_eq!(spend(&guard, &Scope::principal(&alice), foreign), Err(DeniedKind::Misused));
    // One name at two issuers is two people.
    spend(&guard, &Scope::principal(&alice), usd(50)).unwrap();
    let other = gambeson_core::Principal::user("https://other.example", "alice").build();
    spend(&guard, &Scope::principal(&other), usd(50)).unwrap();
}

#[test]
fn nobody_can_hold_what_others_need() {
    let guard = builder(&clock())
        .budget(Budget::money("app", usd(100)).per_request_cap(usd(40)).hold_share(30))
        .budget(Budget::money("user/{subject}", usd(1_000)).max_holds(3))
        .build()
        .unwrap();
    let (alice, bob) = (person("alice"), person("bob"));
    let of_alice = Scope::principal(&alice);
    let kind = |scope, amount| reserve(&guard, scope, amount).map(drop).map_err(|denied| denied.kind());
    assert_eq!(kind(&of_alice, usd(41)), Err(DeniedKind::TooLarge));
    let first = reserve(&guard, &of_alice, usd(25)).unwrap();
    assert_eq!(kind(&of_alice, usd(6)), Err(DeniedKind::Busy), "more than a share of 30 percent");
    let second = reserve(&guard, &of_alice, usd(3)).unwrap();
    reserve(&guard, &Scope::principal(&bob), usd(40)).unwrap().settle(usd(1)).unwrap();
    let third = reserve(&guard, &of_alice, usd(1)).unwrap();
    assert_eq!(kind(&of_alice, usd(1)), Err(DeniedKind::Busy), "three holds at most");
    drop((first, second, third));
    assert_eq!(kind(&of_alice, usd(30)), Ok(()));
}

#[test]
fn new_callers_wait_when_the_table_is_full() {
    let clock = clock();
    let guard = builder(&clock)
        .budget(Budget::money("user/{subject}", usd(50)).per(Calendar::day("UTC")).max_keys(2))
        .build()
        .unwrap();
    let people = [person("alice"), person("bob"), person("carol")];
    spend(&guard, &Scope::principal(&people[0]), usd(50)).unwrap();
    let held = reserve(&guard, &Scope::principal(&people[1]), usd(50)).unwrap();
    let denied = reserve(&guard, &Scope::principal(&people[2]), usd(1)).unwrap_err();
    assert_eq!((denied.kind(), denied.rejection().status().as_u16()), (DeniedKind::Full, 503));
    assert_eq!(spend(&guard, &Scope::principal(&people[0]), usd(1)), Err(DeniedKind::Exhausted));
    clock.advance(Duration::from_secs(86_400));
    spend(&guard, &Scope::principal(&people[2]), usd(50)).unwrap();
    assert_eq!(guard.keys(), 2, "the first is forgotten, the one with a hold is not");
    drop(held);
}

#[test]
fn a_million_forged_callers_take_no_more_memory_than_the_table() {
    let guard =
        builder(&clock()).budget(Budget::money("user/{subject}", usd(50)).max_keys(1_000)).build().unwrap();
    let alice = person("alice");
    spend(&guard, &Scope::principal(&alice), usd(50)).unwrap();
    let mut refused = 0;
    for number in 0..1_000_000_u32 {
        let forged = gambeson_core::Principal::user("i", number.to_string()).build();
        refused += u32::from(spend(&guard, &Scope::principal(&forged), usd(1)).is_err());
    }
    assert_eq!((guard.keys(), refused), (1_000, 999_001));
    assert_eq!(spend(&guard, &Scope::principal(&alice), usd(1)), Err(DeniedKind::Exhausted));
}

#[test]
fn alerts_are_told_once_a_window() {
    let (clock, told) = (clock(), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&told);
    let guard = builder(&clock)
        .budget(Budget::money("user/{subject}", usd(100)).per(Calendar::day("UTC")).alert_at([50, 80]))
        .on_alert(move |alert: &Alert| {
            heard.lock().unwrap().push((alert.percent, alert.context.subject.is_some()));
        })
        .build()
        .unwrap();
    let alice = person("alice");
    for amount in [40, 15, 10, 20, 10] {
        spend(&guard, &Scope::principal(&alice), usd(amount)).unwrap();
    }
    assert_eq!(*told.lock().unwrap(), [(50, true), (80, true)]);
    clock.advance(Duration::from_secs(86_400));
    spend(&guard, &Scope::principal(&alice), usd(90)).unwrap();
    assert_eq!(told.lock().unwrap().len(), 3);
}

#[test]
fn a_slow_call_in_a_rolling_window_alerts_too() {
    let (clock, told) = (clock(), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&told);
    let guard = builder(&clock)
        .budget(Budget::money("user/{subject}", usd(100)).per(Rolling::minutes(1)).alert_at([50]))
        .on_alert(move |alert: &Alert| heard.lock().unwrap().push(alert.percent))
        .build()
        .unwrap();
    let alice = person("alice");
    let mut slow = reserve(&guard, &Scope::principal(&alice), usd(60)).unwrap();
    clock.advance(Duration::from_secs(10));
    let later = reserve(&guard, &Scope::principal(&alice), usd(1)).unwrap();
    slow.settle(usd(60)).unwrap();
    assert_eq!(*told.lock().unwrap(), [50]);
    later.release();
}

#[test]
fn the_kill_switch_works_at_once_and_is_audited() {
    let audit = RecordingAuditSink::new();
    let budget = Budget::money("app", usd(1_000)).hold_share(100);
    let guard = builder(&clock()).budget(budget).audit(Arc::new(audit.clone())).build().unwrap();
    let (alice, bob) = (person("alice"), person("bob"));
    let mut hold = reserve(&guard, &Scope::principal(&alice), usd(1)).unwrap();
    guard.stop(Stop::Subject(alice.full_subject()), "stolen laptop");
    guard.stop(Stop::Subject(alice.full_subject()), "twice is once");
    assert_eq!(spend(&guard, &Scope::principal(&alice), usd(1)), Err(DeniedKind::Stopped));
    hold.settle(usd(1)).unwrap();
    spend(&guard, &Scope::principal(&bob), usd(1)).unwrap();
    guard.resume(Stop::Subject(alice.full_subject()), "found again");
    guard.stop(Stop::Tenant("acme"), "invoice unpaid");
    assert_eq!(spend(&guard, &Scope::principal(&bob), usd(1)), Err(DeniedKind::Stopped));
    guard.resume(Stop::Tenant("acme"), "paid");
    guard.stop(Stop::All, "incident");
    assert_eq!(spend(&guard, &Scope::anonymous(), usd(1)), Err(DeniedKind::Stopped));
    let events = audit.events();
    let switched: Vec<(&str, &str)> = (events.iter())
        .filter(|event| event.kind == AuditKind::ConfigurationChange)
        .map(|event| (&*event.action, event.object.as_deref().unwrap()))
        .collect();
    let expected = [
        ("budget.stop", "subject/alice"),
        ("budget.resume", "subject/alice"),
        ("budget.stop", "tenant/acme"),
        ("budget.resume", "tenant/acme"),
        ("budget.stop", "all"),
    ];
    assert_eq!(switched, expected);
    let refused = events.iter().find(|event| event.kind == AuditKind::BudgetRefusal).unwrap();
    assert_eq!((refused.outcome, refused.reason.as_deref()), (Outcome::Denied, Some("spending-stopped")));
}

#[test]
fn what_was_spent_is_recorded_with_its_context() {
    let costs = RecordingCostSink::new();
    let guard = builder(&clock())
        .budget(Budget::money("user/{subject}", usd(50)))
        .costs(Arc::new(costs.clone()))
        .build()
        .unwrap();
    let request = request("/x", "/x", Some("alice"));
    let facts = RequestFacts::of(request.extensions()).unwrap();
    let usage = Usage::call().with(Meter::InputToken, 1_000).with(Meter::OutputToken, 200);
    let estimate = Estimate::usage("demo/summarizer-1", usage).feature("summaries");
    let mut hold = guard.reserve_estimate(&Scope::of(facts), &estimate).ready().ok().unwrap().unwrap();
    hold.billed_by("demo", "demo/summarizer-1");
    hold.settle(usd(12)).unwrap();
    let record = &costs.records()[0];
    assert_eq!((record.amount, record.estimated), (usd(12), false));
    assert_eq!(record.feature.as_deref(), Some("summaries"));
    assert_eq!(
        (record.provider.as_deref(), record.model.as_deref()),
        (Some("demo"), Some("demo/summarizer-1"))
    );
    assert_eq!(record.context.subject.as_ref().map(|subject| &*subject.name), Some("alice"));
    assert_eq!(record.context.route.as_ref().map(|route| route.as_str()), Some("/x"));
    assert_eq!(facts.cost(), Some(record));
    let unknown = Estimate::usage("demo/other", Usage::call());
    let denied = guard.reserve_estimate(&Scope::of(facts), &unknown).ready().ok().unwrap().unwrap_err();
    assert_eq!((denied.kind(), denied.rejection().status().as_u16()), (DeniedKind::Unpriced, 500));
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let error = builder(&clock())
        .budget(Budget::money("user/{sub}", usd(50)))
        .budget(Budget::money("a", usd(0)).per(Calendar::day("Europe/Atlantis")).alert_at([0]).hold_share(0))
        .budget(Budget::money("b/{environment}", Money::from_nanos(1, Currency::EUR)))
        .budget(Budget::money("b", usd(1)))
        .budget(Budget::money("b", usd(1)))
        .quota(gambeson_cost_guard::Quota::requests("q", 0))
        .build()
        .unwrap_err();
    let mut fields: Vec<&str> = error.problems().iter().map(|problem| &*problem.field).collect();
    fields.sort_unstable();
    let text = error.to_string();
    assert_eq!(fields.len(), 9, "{text}");
    assert!(text.contains("Europe/Atlantis") && text.contains("{sub}") && text.contains("EUR"), "{text}");
}

#[test]
fn threads_never_overspend() {
    for round in 0..50 {
        let guard = builder(&clock())
            .budget(Budget::money("app", usd(1_000)).hold_share(100))
            .budget(Budget::money("user/{subject}", usd(300)))
            .build()
            .unwrap();
        let people = ["alice", "bob", "carol", "dave"].map(person);
        let spent = AtomicU64::new(0);
        std::thread::scope(|threads| {
            for thread in 0..8_usize {
                let (guard, person, spent) = (&guard, &people[thread % 4], &spent);
                threads.spawn(move || {
                    for step in 0..200_u64 {
                        let actual = (step + round) % 7;
                        if let Ok(mut hold) = reserve(guard, &Scope::principal(person), usd(7)) {
                            hold.settle(usd(i64::try_from(actual).unwrap())).unwrap();
                            spent.fetch_add(actual, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let standing = &guard.remaining(&Scope::anonymous())[0];
        let sum = i64::try_from(spent.load(Ordering::Relaxed)).unwrap();
        assert_eq!((standing.spent, standing.held), (usd(sum), usd(0)));
        assert!(sum <= 1_000);
    }
}

#[test]
fn who_was_here_before_finds_their_own_account_wherever_it_is_now() {
    let clock = clock();
    let guard = builder(&clock)
        .budget(Budget::money("user/{subject}", usd(50)).per(Calendar::minute("UTC")).max_keys(2))
        .build()
        .unwrap();
    let people = ["alice", "bob", "carol", "dave"].map(person);
    let spent = |who: usize| guard.remaining(&Scope::principal(&people[who]))[0].spent;
    // Two accounts at a time, at places that belonged to others a minute before.
    for [first, second] in [[0, 1], [2, 3], [1, 0], [3, 1], [0, 2], [2, 0]] {
        spend(&guard, &Scope::principal(&people[first]), usd(11)).unwrap();
        spend(&guard, &Scope::principal(&people[second]), usd(22)).unwrap();
        let third = (0..4).find(|who| ![first, second].contains(who)).unwrap();
        assert_eq!(spend(&guard, &Scope::principal(&people[third]), usd(1)), Err(DeniedKind::Full));
        spend(&guard, &Scope::principal(&people[first]), usd(1)).unwrap();
        assert_eq!([first, second, third].map(spent), [usd(12), usd(22), usd(0)]);
        clock.advance(Duration::from_secs(60));
    }
    // A credential of the same person that is new is not a new person.
    spend(&guard, &Scope::principal(&people[0]), usd(30)).unwrap();
    let again = person("alice");
    assert_ne!(again.id(), people[0].id());
    assert_eq!(spend(&guard, &Scope::principal(&again), usd(21)), Err(DeniedKind::Exhausted));
    spend(&guard, &Scope::principal(&again), usd(20)).unwrap();
    assert_eq!(spent(0), usd(50));
}
