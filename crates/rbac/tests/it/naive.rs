//! An evaluator as simple as the words of the policy's documentation, and the compiled policy beside it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use gambeson_core::{
    Authentication, Challenges, ManualClock, Principal, RequestFacts, RequestHead, Timestamp,
};
use gambeson_rbac::{Attribute, Attributes, AuthorizeLayer, Decision, Policy, PolicyHandle, Situation};
use http::Request;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tower::{Layer, ServiceExt};

use crate::support::Inner;

const SUBJECTS: [&str; 3] = ["notes", "audit", "users"];
const ACTS: [&str; 2] = ["read", "write"];
const TENANTS: [&str; 2] = ["acme", "globex"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Number(i64),
    Text(&'static str),
    Flag(bool),
}

/// `amount` in a range, `kind` one of some, `urgent` as said: those that are there.
#[derive(Debug, Clone)]
struct When {
    amount: Option<(Option<i64>, Option<i64>)>,
    kind: Option<Vec<&'static str>>,
    urgent: Option<bool>,
}

#[derive(Debug, Clone)]
struct Clause {
    deny: bool,
    pattern: String,
    when: Option<When>,
    from: Option<i64>,
    until: Option<i64>,
}

#[derive(Debug, Clone)]
struct Role {
    clauses: Vec<Clause>,
    inherits: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Apart {
    dynamic: bool,
    roles: BTreeSet<usize>,
    max: usize,
}

#[derive(Debug, Clone)]
struct Model {
    roles: Vec<Role>,
    apart: Vec<Apart>,
    /// Whether the route of each permission has a scope.
    scoped: Vec<bool>,
}

type Record = [Option<Value>; 3];

#[derive(Debug, Clone)]
struct Question {
    held: Vec<Index>,
    actor: Option<Vec<Index>>,
    second: i64,
    record: Option<Record>,
    tenant: Option<&'static str>,
    asked: &'static str,
}

fn when() -> impl Strategy<Value = When> {
    let amount = proptest::option::of((proptest::option::of(0i64..4), proptest::option::of(4i64..8)))
        .prop_map(|range| range.filter(|(min, max)| min.is_some() || max.is_some()));
    let kind = proptest::option::of(proptest::collection::vec(select(&["a", "b"][..]), 1..3));
    let urgent = proptest::option::of(any::<bool>());
    (amount, kind, urgent).prop_map(|(amount, kind, urgent)| {
        let urgent = if amount.is_none() && kind.is_none() { urgent.or(Some(true)) } else { urgent };
        When { amount, kind, urgent }
    })
}

fn clause() -> impl Strategy<Value = Clause> {
    let subject = prop_oneof![2 => select(&SUBJECTS[..]), 1 => Just("*")];
    let act = prop_oneof![2 => select(&ACTS[..]), 1 => Just("*")];
    let window = (proptest::option::weighted(0.3, 0i64..20), proptest::option::weighted(0.3, 20i64..40));
    let deny = prop_oneof![3 => Just(false), 1 => Just(true)];
    (deny, subject, act, proptest::option::of(when()), window).prop_map(
        |(deny, subject, act, when, (from, until))| Clause {
            deny,
            pattern: format!("{subject}:{act}"),
            when,
            from,
            until,
        },
    )
}

fn model() -> impl Strategy<Value = Model> {
    let role = (proptest::collection::vec(clause(), 0..4), proptest::collection::vec(any::<Index>(), 0..2));
    let apart = (any::<bool>(), proptest::collection::vec(any::<Index>(), 2..4), 1usize..3);
    let roles = proptest::collection::vec(role, 2..8);
    let scoped = proptest::collection::vec(any::<bool>(), SUBJECTS.len() * ACTS.len());
    (roles, proptest::collection::vec(apart, 0..3), scoped).prop_map(|(roles, apart, scoped)| {
        let count = roles.len();
        let to_role = |(number, (clauses, parents)): (usize, (Vec<Clause>, Vec<Index>))| Role {
            clauses,
            inherits: parents.iter().filter(|_| number > 0).map(|parent| parent.index(number)).collect(),
        };
        let to_apart = |(dynamic, roles, max): (bool, Vec<Index>, usize)| {
            let roles: BTreeSet<usize> = roles.iter().map(|role| role.index(count)).collect();
            (max < roles.len()).then_some(Apart { dynamic, roles, max })
        };
        Model {
            roles: roles.into_iter().enumerate().map(to_role).collect(),
            apart: apart.into_iter().filter_map(to_apart).collect(),
            scoped,
        }
    })
}

fn question() -> impl Strategy<Value = Question> {
    let value = || {
        proptest::option::weighted(
            0.9,
            prop_oneof![
                (0i64..10).prop_map(Value::Number),
                select(&["a", "b", "c"][..]).prop_map(Value::Text),
                any::<bool>().prop_map(Value::Flag),
            ],
        )
    };
    // Most records are as they should be: else nearly everything could not be told.
    let good =
        ((0i64..10), select(&["a", "b", "c"][..]), any::<bool>()).prop_map(|(amount, kind, urgent)| {
            [Some(Value::Number(amount)), Some(Value::Text(kind)), Some(Value::Flag(urgent))]
        });
    let record = prop_oneof![3 => good, 1 => [value(), value(), value()]];
    let held = || proptest::collection::vec(any::<Index>(), 0..4);
    let tenant = proptest::option::weighted(0.8, select(&TENANTS[..]));
    (
        held(),
        proptest::option::weighted(0.3, held()),
        0i64..45,
        proptest::option::of(record),
        tenant,
        select(&TENANTS[..]),
    )
        .prop_map(|(held, actor, second, record, tenant, asked)| Question {
            held,
            actor,
            second,
            record,
            tenant,
            asked,
        })
}

// ---- the policy's text ----

fn permissions() -> impl Iterator<Item = (usize, String)> {
    SUBJECTS.iter().flat_map(|subject| ACTS.iter().map(move |act| format!("{subject}:{act}"))).enumerate()
}

fn text(model: &Model) -> String {
    let mut text = String::from("version = 1\n[permissions]\n");
    for (_, name) in permissions() {
        let _ = writeln!(
            text,
            "\"{name}\" = {{ attributes = {{ amount = \"number\", kind = \"text\", urgent = \"flag\" }} }}"
        );
    }
    text.push_str("[roles]\n");
    for (number, role) in model.roles.iter().enumerate() {
        let list = |deny| {
            let clauses = role.clauses.iter().filter(|clause| clause.deny == deny);
            clauses.map(clause_text).collect::<Vec<_>>().join(", ")
        };
        let inherits: Vec<String> = role.inherits.iter().map(|parent| format!("r{parent}")).collect();
        let _ = writeln!(
            text,
            "r{number} = {{ grants = [{}], deny = [{}], inherits = {inherits:?} }}",
            list(false),
            list(true)
        );
    }
    for (number, apart) in model.apart.iter().enumerate() {
        let kind = if apart.dynamic { "dynamic" } else { "static" };
        let roles: Vec<String> = apart.roles.iter().map(|role| format!("r{role}")).collect();
        let _ = writeln!(
            text,
            "[[separation_of_duties]]\nname = \"s{number}\"\nkind = \"{kind}\"\nroles = {roles:?}\nmax = {}",
            apart.max
        );
    }
    text.push_str("[routes]\n");
    for (number, name) in permissions() {
        let scope = if model.scoped[number] { ", scope = { tenant = \"path:tenant\" }" } else { "" };
        let _ = writeln!(text, "\"GET /{number}/{{tenant}}\" = {{ perm = \"{name}\"{scope} }}");
    }
    text
}

fn clause_text(clause: &Clause) -> String {
    let mut text = format!("{{ perm = \"{}\"", clause.pattern);
    if let Some(when) = &clause.when {
        let mut parts = Vec::new();
        if let Some((min, max)) = when.amount {
            let min = min.map(|min| format!("min = {min}"));
            let max = max.map(|max| format!("max = {max}"));
            let bounds: Vec<String> = min.into_iter().chain(max).collect();
            parts.push(format!("amount = {{ {} }}", bounds.join(", ")));
        }
        if let Some(kinds) = &when.kind {
            parts.push(format!("kind = {{ one_of = {kinds:?} }}"));
        }
        parts.extend(when.urgent.map(|urgent| format!("urgent = {urgent}")));
        let _ = write!(text, ", when = {{ {} }}", parts.join(", "));
    }
    for (key, second) in [("from", clause.from), ("until", clause.until)] {
        if let Some(second) = second {
            let _ = write!(text, ", {key} = \"1970-01-01T00:00:{second:02}Z\"");
        }
    }
    text + " }"
}

// ---- its meaning ----

fn with_inherited(model: &Model, role: usize) -> BTreeSet<usize> {
    let mut all = BTreeSet::from([role]);
    for parent in &model.roles[role].inherits {
        all.extend(with_inherited(model, *parent));
    }
    all
}

fn too_many(model: &Model, apart: &Apart, held: &[usize]) -> bool {
    let all: BTreeSet<usize> = held.iter().flat_map(|role| with_inherited(model, *role)).collect();
    all.intersection(&apart.roles).count() > apart.max
}

/// The clauses that a holder of these roles is under.
fn clauses<'m>(model: &'m Model, held: &[usize]) -> Vec<&'m Clause> {
    let mut clauses = Vec::new();
    for role in held {
        let all = with_inherited(model, *role);
        let kept_apart = |apart: &Apart| too_many(model, apart, held) && !all.is_disjoint(&apart.roles);
        let grants_nothing = model.apart.iter().any(kept_apart);
        let of_role = all.iter().flat_map(|role| &model.roles[*role].clauses);
        clauses.extend(of_role.filter(|clause| clause.deny || !grants_nothing));
    }
    clauses
}

/// Whether a condition holds upon a record; `None`: it can't be told.
fn holds(when: &When, [amount, kind, urgent]: &Record) -> Option<bool> {
    let mut all = true;
    if let Some((min, max)) = when.amount {
        let Some(Value::Number(amount)) = amount else { return None };
        all &= *amount >= min.unwrap_or(i64::MIN) && *amount <= max.unwrap_or(i64::MAX);
    }
    if let Some(kinds) = &when.kind {
        let Some(Value::Text(kind)) = kind else { return None };
        all &= kinds.contains(kind);
    }
    if let Some(wanted) = when.urgent {
        let Some(Value::Flag(urgent)) = urgent else { return None };
        all &= *urgent == wanted;
    }
    Some(all)
}

fn party(model: &Model, held: &[usize], name: &str, question: &Question) -> Decision {
    let (subject, act) = name.split_once(':').unwrap();
    let about = |clause: &&Clause| {
        let (s, a) = clause.pattern.split_once(':').unwrap();
        let named = (s == "*" || s == subject) && (a == "*" || a == act);
        named
            && clause.from.is_none_or(|from| question.second >= from)
            && clause.until.is_none_or(|until| question.second < until)
    };
    let clauses: Vec<&Clause> = clauses(model, held).into_iter().filter(about).collect();
    let of = |deny: bool| clauses.iter().filter(move |clause| clause.deny == deny);
    let any = |deny: bool, wanted: fn(&Clause, Option<&Record>) -> bool| {
        of(deny).any(|clause| wanted(clause, question.record.as_ref()))
    };
    let always: fn(&Clause, Option<&Record>) -> bool = |clause, _| clause.when.is_none();
    let sure: fn(&Clause, Option<&Record>) -> bool = |clause, record| match (&clause.when, record) {
        (None, _) => true,
        (Some(when), Some(record)) => holds(when, record) == Some(true),
        _ => false,
    };
    let unknown: fn(&Clause, Option<&Record>) -> bool = |clause, record| matches!((&clause.when, record), (Some(when), Some(record)) if holds(when, record).is_none());
    let waits: fn(&Clause, Option<&Record>) -> bool =
        |clause, record| clause.when.is_some() && record.is_none();

    let granted = any(false, always);
    let might = granted || any(false, sure) || any(false, unknown) || any(false, waits);
    if any(true, sure) || !might {
        Decision::Deny
    } else if any(true, unknown) || (!granted && any(false, unknown)) {
        Decision::Indeterminate
    } else if any(true, waits) || (!granted && any(false, waits)) {
        Decision::Conditional
    } else {
        Decision::Allow
    }
}

fn naive(model: &Model, question: &Question, name: &str) -> Decision {
    let numbers =
        |held: &[Index]| held.iter().map(|index| index.index(model.roles.len())).collect::<Vec<_>>();
    let mut parties = vec![party(model, &numbers(&question.held), name, question)];
    parties.extend(question.actor.iter().map(|held| party(model, &numbers(held), name, question)));
    let ladder = [Decision::Deny, Decision::Indeterminate, Decision::Conditional, Decision::Allow];
    *ladder.iter().find(|decision| parties.contains(decision)).unwrap()
}

// ---- both beside each other ----

struct Values(Record);

impl Attributes for Values {
    fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        let [amount, kind, urgent] = self.0;
        let value = match name {
            "amount" => amount,
            "kind" => kind,
            "urgent" => urgent,
            _ => None,
        };
        value.map(|value| match value {
            Value::Number(number) => number.into(),
            Value::Text(text) => text.into(),
            Value::Flag(flag) => flag.into(),
        })
    }
}

fn caller(model: &Model, question: &Question) -> Principal {
    let name = |index: &Index| format!("r{}", index.index(model.roles.len()));
    let mut caller = Principal::user("i", "s").role("unknown");
    for role in &question.held {
        caller = caller.role(name(role));
    }
    if let Some(tenant) = question.tenant {
        caller = caller.tenant(tenant);
    }
    if let Some(held) = &question.actor {
        let actor = held.iter().fold(Principal::service("i", "a"), |actor, role| actor.role(name(role)));
        caller = caller.actor(actor.build());
    }
    caller.build()
}

fn has_a_role_with_too_much(model: &Model) -> bool {
    let all = || 0..model.roles.len();
    model.apart.iter().any(|apart| all().any(|role| too_many(model, apart, &[role])))
}

fn status(layer: &AuthorizeLayer, caller: &Principal, path: String) -> u16 {
    let mut request = Request::get(path).body(()).unwrap();
    let authentication = Authentication::Verified(caller.clone(), Challenges::none());
    RequestFacts::ensure(&mut request).authenticate(authentication).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(layer.layer(Inner::default()).oneshot(request)).unwrap().status().as_u16()
}

fn template<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
    let templates =
        ["/0/{tenant}", "/1/{tenant}", "/2/{tenant}", "/3/{tenant}", "/4/{tenant}", "/5/{tenant}"];
    templates.into_iter().find(|template| template.as_bytes()[1] == head.uri.path().as_bytes()[1])
}

fn tenant(head: &RequestHead<'_>, _: &str) -> Option<String> {
    head.uri.path().get(3..).map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn compiled_and_naive_agree(model in model(), questions in proptest::collection::vec(question(), 1..12)) {
        let text = text(&model);
        let policy = match Policy::parse(&text) {
            Ok(policy) => policy,
            Err(error) => {
                prop_assert!(has_a_role_with_too_much(&model), "{} of\n{}", error, text);
                return Ok(());
            }
        };
        prop_assert!(!has_a_role_with_too_much(&model), "accepted\n{}", text);
        for question in &questions {
            let (caller, clock) = (caller(&model, question), ManualClock::at(Timestamp::from_unix_seconds(question.second)));
            let record = question.record.map(Values);
            let now = Situation::at(&clock);
            let situation = record.as_ref().map_or(now, |record| now.upon(record));
            for (_, name) in permissions() {
                let id = policy.permission(&name).unwrap();
                let expected = naive(&model, question, &name);
                for look in ["first", "remembered"] {
                    let decided = policy.decide_in(&caller, id, &situation);
                    prop_assert_eq!(decided, expected, "{} {} {:?} in\n{}", look, name, question, text);
                }
            }
        }
    }

    #[test]
    fn the_layer_and_naive_agree_on_scopes(model in model(), questions in proptest::collection::vec(question(), 1..4)) {
        let Ok(policy) = text(&model).parse::<PolicyHandle>() else { return Ok(()) };
        for question in &questions {
            let question = Question { record: None, ..question.clone() };
            let clock = ManualClock::at(Timestamp::from_unix_seconds(question.second));
            let layer = AuthorizeLayer::new(&policy, template).parameters_from(tenant).clock(Arc::new(clock));
            for (number, name) in permissions() {
                let elsewhere = model.scoped[number] && question.tenant != Some(question.asked);
                let expected = match naive(&model, &question, &name) {
                    Decision::Deny => 403,
                    _ if elsewhere => 404,
                    Decision::Allow => 200,
                    Decision::Conditional | Decision::Indeterminate => 503,
                };
                let got = status(&layer, &caller(&model, &question), format!("/{number}/{}", question.asked));
                prop_assert_eq!(got, expected, "{} {:?}", name, question);
            }
        }
    }
}
