//! `gambeson rbac unused`, `replay` and `why --from` on a trail of 100,000 decisions, made by the real layer and trail.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gambeson_audit_trail::{AuditTrail, Config, FieldKeys, FileSubjectKeys};
use gambeson_core::{
    Answer, AuditError, AuditEvent, AuditSink, Authentication, Challenges, Durability, Principal, Receipt,
    RequestFacts, RequestHead, RouteSource, SecretBytes, StatusOnly,
};
use gambeson_rbac::{Attribute, AuthorizeLayer, Authorizer, PolicyHandle};
use http::{Method, Request, Response};
use tower::{Layer, Service, service_fn};

use crate::gambeson;
use crate::rbac::COMPANY;

const DECISIONS: usize = 100_000;

/// The template stands in the request, as a router would put it there.
#[derive(Debug)]
struct Matched;

#[derive(Clone)]
struct Template(&'static str);

impl RouteSource for Matched {
    fn template<'a>(&self, head: &RequestHead<'a>) -> Option<&'a str> {
        head.extensions.get::<Template>().map(|template| template.0)
    }
}

/// Nobody is a warehouse worker, and nobody refunds.
const ROUTES: [(Method, &str); 8] = [
    (Method::GET, "/api/invoices"),
    (Method::POST, "/api/invoices"),
    (Method::POST, "/api/invoices/{id}/approve"),
    (Method::GET, "/api/customers/{id}"),
    (Method::GET, "/api/customers/export"),
    (Method::POST, "/api/orders"),
    (Method::GET, "/api/users"),
    (Method::POST, "/api/products/{id}/price"),
];

fn callers() -> Vec<Principal> {
    let roles: [&[&str]; 8] = [
        &["reader"],
        &["clerk"],
        &["accountant", "approver"],
        &["Finance Manager"],
        &["sales", "support"],
        &["Shop Lead"],
        &["auditor", "made-up"],
        &[],
    ];
    let caller = |(number, roles): (usize, &&[&str])| {
        let mut caller = Principal::user("https://id.example", format!("user-{number}")).tenant("acme");
        for role in *roles {
            caller = caller.role(*role);
        }
        caller.build()
    };
    roles.iter().enumerate().map(caller).collect()
}

/// Keeps what the layer puts on record.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<AuditEvent>>);

impl AuditSink for Kept {
    fn record(&self, event: AuditEvent, _: Durability) -> Answer<Result<Receipt, AuditError>> {
        self.0.lock().unwrap().push(event);
        Answer::Ready(Ok(Receipt::queued()))
    }
}

/// What the layer puts on record for every pair of route and caller. Refusals of strangers are no events but counts.
fn decided() -> Vec<AuditEvent> {
    let kept = Arc::new(Kept::default());
    let policy = PolicyHandle::from_path(COMPANY).unwrap();
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
    let mut app =
        AuthorizeLayer::new(&policy, Matched).respond_with(StatusOnly).audit(kept.clone()).layer(inner);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for caller in callers() {
        for (method, template) in &ROUTES {
            let mut request = Request::new(());
            *request.method_mut() = method.clone();
            request.extensions_mut().insert(Template(template));
            let authentication = Authentication::Verified(caller.clone(), Challenges::none());
            RequestFacts::ensure(&mut request).authenticate(authentication).unwrap();
            runtime.block_on(app.call(request)).unwrap();
        }
    }
    let decided = std::mem::take(&mut *kept.0.lock().unwrap());
    assert_eq!(decided.len(), 8 * ROUTES.len());
    decided
}

/// A trail of so many of these decisions.
fn trail(dir: &Path, decisions: usize) {
    let config = Config::default().queue_events(2 * DECISIONS).queue_bytes(1 << 30);
    let trail = AuditTrail::open(dir, &config).unwrap();
    for event in decided().iter().cycle().take(decisions) {
        let _ = trail.record(event.clone(), Durability::Async);
    }
    trail.close(Duration::from_secs(120)).unwrap();
    assert_eq!(trail.lost(), 0);
}

#[test]
fn a_hundred_thousand_decisions_are_made_anew_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    trail(&dir, DECISIONS);
    let from = dir.to_str().unwrap();

    let (code, out, err) = gambeson(&["rbac", "replay", "--policy", COMPANY, "--from", from]);
    assert!(out.starts_with("100000 agree, 0 disagree; looked at 100000 decisions from 20"), "{out}{err}");
    assert_eq!((code, out.lines().count()), (0, 1), "{out}");

    let (code, out, _) = gambeson(&["rbac", "unused", "--policy", COMPANY, "--from", from]);
    assert_eq!(code, 1, "{out}");
    for expected in [
        ": warehouse grants stock:*: never used\n",
        ": catalogue grants product:*: never used for product:read, product:write, product:publish, product:retire, \
         product:import\n",
        "nobody was allowed anything as warehouse\n",
    ] {
        assert!(out.contains(expected), "{expected}{out}");
    }
    assert!(!out.contains(": clerk grants invoice:write: never used"), "used through accountant: {out}");
    assert!(out.contains("looked at 100000 decisions from 20") && !out.contains("\nnote: "), "{out}");
}

#[test]
fn a_policy_that_did_not_decide_is_named_and_lines_of_a_file_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    trail(&dir, 640);
    let from = dir.to_str().unwrap();
    let digest = PolicyHandle::from_path(COMPANY).unwrap().policy().digest().to_owned();
    let changed = folder.path().join("changed.toml");
    fs::write(&changed, fs::read_to_string(COMPANY).unwrap() + "\n").unwrap();
    let changed = changed.to_str().unwrap();

    let (code, out, _) = gambeson(&["rbac", "replay", "--policy", changed, "--from", from]);
    let named = format!("note: 640 were decided by policy {digest}, which was not given\n");
    assert!(code == 1 && out.starts_with("0 agree, 0 disagree") && out.contains(&named), "{out}");
    let both = ["rbac", "replay", "--policy", changed, "--policy", COMPANY, "--from", from];
    assert_eq!(gambeson(&both).0, 0);

    // A file of lines is not held against its hashes, so it can show what a wrong decision looks like.
    let lines = folder.path().join("lines.jsonl");
    let segment = fs::read_to_string(dir.join("trail-000001.jsonl")).unwrap();
    fs::write(&lines, segment.replacen("\"outcome\":\"success\"", "\"outcome\":\"denied\"", 1)).unwrap();
    let lines = lines.to_str().unwrap();
    let (code, out, err) = gambeson(&["rbac", "replay", "--policy", COMPANY, "--from", lines]);
    let line = "record 1: user-0 asked for invoice:read as reader: recorded deny, decides allow\n";
    assert!(code == 1 && out.starts_with(line) && out.contains("639 agree, 1 disagree"), "{out}{err}");
    fs::write(lines, "{\"seq\":1}\n").unwrap();
    let (code, _, err) = gambeson(&["rbac", "unused", "--policy", COMPANY, "--from", lines]);
    assert!(code == 3 && err.contains("line 1 is no event of an audit trail"), "{err}");
    assert_eq!(gambeson(&["rbac", "replay", "--policy", COMPANY, "--from", "no/such/trail"]).0, 3);

    let asked = ["rbac", "why", "user-4", "customer:export", "--policy", COMPANY, "--from", from];
    let (code, out, _) = gambeson(&asked);
    assert!(code == 1 && out.contains(": sales, support\n"), "{out}");
    assert!(out.contains("reason: support denies *:export"), "{out}");
    let (code, _, err) =
        gambeson(&["rbac", "why", "user-99", "invoice:read", "--policy", COMPANY, "--from", from]);
    assert!(code == 3 && err.contains("has no decision about user-99"), "{err}");
}

#[test]
fn what_the_next_policy_would_have_decided_otherwise_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("audit");
    trail(&dir, 640);
    let from = dir.to_str().unwrap();
    let replay = |name: &str, next: &str| {
        let path = folder.path().join(name);
        fs::write(&path, next).unwrap();
        let (code, out, err) = gambeson(&[
            "rbac",
            "replay",
            "--policy",
            COMPANY,
            "--next",
            path.to_str().unwrap(),
            "--from",
            from,
        ]);
        (code, out + &err)
    };
    let company = fs::read_to_string(COMPANY).unwrap();
    let (code, said) = replay("same.toml", &(company.clone() + "# another text\n"));
    let end = "next: 640 decided, 0 would be allowed, 0 refused, 0 refused for another reason\n";
    assert!(code == 0 && said.starts_with("640 agree, 0 disagree") && said.ends_with(end), "{said}");

    let next = company
        .replace("grants = [\"invoice:approve\", ", "grants = [")
        .replace("[business_roles]", "trainee = { grants = [\"invoice:read\"] }\n[business_roles]");
    let (code, said) = replay("next.toml", &next);
    let expected = "next: invoice:approve on POST /api/invoices/{id}/approve: 20 times allow, next deny\n  \
         record 19: user-2 as accountant + approver\n  record 27: user-3 as Finance Manager\n  \
         why: no role of the caller grants invoice:approve; no role gives it\n\
         next: 640 decided, 0 would be allowed, 20 refused, 0 refused for another reason\n\
         note: next: nobody had the new roles, or it is not on record: trainee\n";
    assert!(code == 1 && said.ends_with(expected), "{said}");

    let gone = company.replace("\"GET /api/users\" = { perm = \"user:read\" }", "");
    let (code, said) = replay("gone.toml", &gone);
    let note = "note: next: 80 are of routes that it does not have: 404, unless code declares them\n";
    assert!(code == 1 && said.ends_with(note), "{said}");
    assert_eq!(replay("bad.toml", "version = 2").0, 1);
    let missing = ["rbac", "replay", "--policy", COMPANY, "--next", "no/such.toml", "--from", from];
    assert_eq!(gambeson(&missing).0, 3);
}

const PAYING: &str = r#"
version = 1
[permissions]
"pay:open" = {}
"pay:out" = { attributes = { amount = "number" } }
[roles]
clerk = { grants = ["pay:open", { perm = "pay:out", when = { amount = { max = 100 } } }] }
[routes]
"POST /pay/out" = { perm = "pay:open" }
"#;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// What alice is decided on, by route and by record: once within her limit, once beyond it.
fn payments() -> Vec<AuditEvent> {
    let kept = Arc::new(Kept::default());
    let handle: PolicyHandle = PAYING.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for amount in [100, 101] {
        let inner = service_fn(move |request: Request<()>| async move {
            let authorizer = Authorizer::of(&request).unwrap();
            let _ = authorizer.require_on("pay:out", &[("amount", Attribute::Number(amount))]).await;
            Ok::<_, Infallible>(Response::new(()))
        });
        let layer = AuthorizeLayer::new(&handle, Matched).respond_with(StatusOnly).audit(kept.clone());
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        request.extensions_mut().insert(Template("/pay/out"));
        let alice = Principal::user("https://id.example", "alice").role("clerk").build();
        let authentication = Authentication::Verified(alice, Challenges::none());
        RequestFacts::ensure(&mut request).authenticate(authentication).unwrap();
        runtime.block_on(layer.layer(inner).call(request)).unwrap();
    }
    let events = std::mem::take(&mut *kept.0.lock().unwrap());
    assert_eq!(events.len(), 4);
    events
}

/// A folder with `policy.toml`, `secret` and a trail of [`payments`] that is kept with these keys.
struct Recorded {
    folder: tempfile::TempDir,
    secret: String,
    keys: FieldKeys,
}

impl Recorded {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a command of `rbac` on the trail, or what came of it.
    fn run(&self, command: &[&str], from: &str, keys: &[&str]) -> (i32, String) {
        let (policy, from) = (self.path("policy.toml"), self.path(from));
        let on = ["--policy", &policy, "--from", &from];
        let (code, out, err) = gambeson(&[&["rbac"], command, &on, keys].concat());
        (code, out + &err)
    }
}

fn recorded(sealed: bool) -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("policy.toml"), PAYING).unwrap();
    fs::write(path("secret"), SECRET).unwrap();
    let mut keys = FieldKeys::new(&SecretBytes::new(SECRET.to_vec())).unwrap();
    if sealed {
        let store = FileSubjectKeys::open(path("keys")).unwrap();
        keys = keys.with_subjects(Arc::new(store)).unwrap();
    }
    let trail = AuditTrail::builder(path("audit")).keys(keys.clone()).open().unwrap();
    for event in payments() {
        let _ = trail.record(event, Durability::Ordered);
    }
    trail.close(Duration::from_secs(20)).unwrap();
    fs::copy(path("audit/trail-000001.jsonl"), path("lines.jsonl")).unwrap();
    let secret = format!("file://{}", path("secret").display());
    Recorded { folder, secret, keys }
}

#[test]
fn a_sealed_trail_is_replayed_with_its_keys_and_not_guessed_at_without() {
    let recorded = recorded(true);
    let store = recorded.path("keys");
    let keys = ["--secret", &recorded.secret, "--subject-keys", &store];
    for from in ["audit", "lines.jsonl"] {
        let (code, said) = recorded.run(&["replay"], from, &keys);
        assert!(code == 0 && said.starts_with("4 agree, 0 disagree"), "{from}: {said}");
        for lacking in [&[][..], &keys[..2]] {
            let (code, said) = recorded.run(&["replay"], from, lacking);
            let words = "record 2: its detail `record` is sealed: give --secret and --subject-keys";
            assert!(code == 4 && said.contains(words) && !said.contains("agree"), "{from}: {said}");
        }
        let (code, said) = recorded.run(&["why", "alice", "pay:open"], from, &keys);
        assert!(code == 0 && said.starts_with("alice had at "), "{said}");
        let (code, said) = recorded.run(&["why", "alice", "pay:open"], from, &[]);
        assert!(code == 4 && said.contains("4 names are sealed: give --subject-keys"), "{said}");
        let (code, said) = recorded.run(&["unused"], from, &[]);
        assert!(code == 0 && said.contains("0 grants unused") && !said.contains("note:"), "{said}");
    }
    assert!(recorded.keys.erase("https://id.example", "alice").unwrap());
    let (code, said) = recorded.run(&["replay"], "audit", &keys);
    assert!(code == 0 && said.starts_with("2 agree, 0 disagree"), "{said}");
    assert!(said.contains("note: 2 have roles or a record that nobody can read: erased"), "{said}");
    let (code, said) = recorded.run(&["why", "alice", "pay:open"], "audit", &keys);
    assert!(code == 3 && said.contains("note: 4 names are of subjects that are erased"), "{said}");
}

/// A trail that was plain once: what was decided on her since stands there under a name that can't be read.
#[test]
fn roles_of_before_are_no_answer_while_later_names_are_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("policy.toml"), PAYING).unwrap();
    fs::write(path("secret"), SECRET).unwrap();
    let keys = FieldKeys::new(&SecretBytes::new(SECRET.to_vec())).unwrap();
    let store = FileSubjectKeys::open(path("keys")).unwrap();
    let keys = keys.with_subjects(Arc::new(store)).unwrap();
    let write = |keys: Option<&FieldKeys>| {
        let builder = AuditTrail::builder(path("audit"));
        let builder = match keys {
            Some(keys) => builder.keys(keys.clone()),
            None => builder,
        };
        let trail = builder.open().unwrap();
        for event in payments() {
            let _ = trail.record(event, Durability::Ordered);
        }
        trail.close(Duration::from_secs(20)).unwrap();
    };
    let (policy, from, store) = (path("policy.toml"), path("audit"), path("keys"));
    let secret = format!("file://{}", path("secret"));
    let why = |keys: &[&str]| {
        let asked = ["rbac", "why", "alice", "pay:open", "--policy", &policy, "--from", &from];
        gambeson(&[&asked[..], keys].concat())
    };
    write(None);
    assert_eq!(why(&[]).0, 0);
    write(Some(&keys));
    let (code, out, err) = why(&[]);
    assert!(code == 4 && out.starts_with("alice had at "), "{out}{err}");
    assert!(err.contains("4 names are sealed: give --subject-keys"), "{err}");
    let (code, out, err) = why(&["--secret", &secret, "--subject-keys", &store]);
    assert!(code == 0 && out.starts_with("alice had at ") && err.is_empty(), "{out}{err}");
    write(None);
    let (code, _, err) = why(&[]);
    assert!(code == 0 && err.is_empty(), "what is hidden is older: {err}");
}

/// Roles that can't be read are not the same as none.
#[test]
fn a_decision_whose_other_roles_nobody_can_read_is_not_made_anew() {
    let recorded = recorded(false);
    let lines = fs::read_to_string(recorded.path("lines.jsonl")).unwrap();
    let roles = "\"roles\":\"clerk\"";
    assert!(lines.contains(roles), "{lines}");
    for other in ["activated_roles", "actor_roles"] {
        let hidden = format!("{roles},\"{other}\":\"{}\"", recorded.keys.hmac(other, "clerk"));
        fs::write(recorded.path("hidden.jsonl"), lines.replace(roles, &hidden)).unwrap();
        let (code, said) = recorded.run(&["replay"], "hidden.jsonl", &[]);
        assert!(code == 1 && said.starts_with("0 agree, 0 disagree"), "{other}: {said}");
        let (_, said) = recorded.run(&["unused"], "hidden.jsonl", &[]);
        assert!(said.contains("note: 3 don't tell the roles"), "{other}: {said}");
    }
}

#[test]
fn a_keyed_trail_is_replayed_as_far_as_digests_allow() {
    let recorded = recorded(false);
    let keys = ["--secret", &recorded.secret];
    for keys in [&[][..], &keys] {
        let (code, said) = recorded.run(&["replay"], "audit", keys);
        assert!(code == 0 && said.starts_with("2 agree, 0 disagree"), "{said}");
        assert!(said.contains("note: 2 have roles or a record that nobody can read"), "{said}");
        let (code, said) = recorded.run(&["unused"], "audit", keys);
        assert!(code == 0 && said.contains("0 grants unused"), "{said}");
    }
    for from in ["audit", "lines.jsonl"] {
        let (code, said) = recorded.run(&["why", "alice", "pay:open"], from, &keys);
        assert!(code == 0 && said.starts_with("alice had at "), "{said}");
        let (code, said) = recorded.run(&["why", "alice", "pay:open"], from, &[]);
        assert!(code == 4 && said.contains("4 names are keyed with another secret"), "{said}");
        let (code, said) = recorded.run(&["why", "bob", "pay:open"], from, &keys);
        assert!(code == 3 && said.contains("has no decision about bob"), "{said}");
    }
}

/// An app may call roles personal: then they are no roles that the policy knows.
#[test]
fn sealed_roles_are_no_roles() {
    let Recorded { folder, keys, .. } = &recorded(true);
    let dir = folder.path().join("own");
    let config = Config::default().personal_details(["roles"]);
    let trail = AuditTrail::builder(&dir).config(config).keys(keys.clone()).open().unwrap();
    for event in payments() {
        let _ = trail.record(event, Durability::Ordered);
    }
    trail.close(Duration::from_secs(20)).unwrap();
    let (policy, dir) = (folder.path().join("policy.toml"), dir.to_str().unwrap());
    let unused = ["rbac", "unused", "--policy", policy.to_str().unwrap(), "--from", dir];
    let (code, out, err) = gambeson(&unused);
    assert!(code == 4 && err.contains("its detail `roles` is sealed") && out.is_empty(), "{out}{err}");
    let secret = format!("file://{}", folder.path().join("secret").display());
    let store = folder.path().join("keys");
    let keys = ["--secret", &secret, "--subject-keys", store.to_str().unwrap()];
    assert_eq!(gambeson(&[&unused[..], &keys].concat()).0, 0);
}
