//! The decision, remembered or not, and the layer in front of an app.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use gambeson_core::{Authentication, Challenges, Principal, RequestFacts, RequestHead};
use gambeson_rbac::{AuthorizeLayer, Decision, PermissionId, Policy, PolicyHandle, REMEMBERED};
use http::{Request, StatusCode};
use tower::{Layer, Service};

use crate::drive::{Answer, App, NoBody, recycled, recycling, requests};
use crate::{Case, Figure, Kind, Run, timing};

const CRATE: &str = "rbac";
const ISSUER: &str = "https://id.example.com";

/// Who is asked about by turns where nothing is remembered: ten times what casbin's cache holds, and few enough that what is measured is
/// not how long it takes to fetch them.
pub(crate) const CALLERS: usize = 2_048;

/// Each caller is asked about so many permissions by turns. That makes eight pairs for each that is remembered, and permissions
/// are spread over what is remembered: of three thousand pairs one is still there when it comes back.
const ACTS: usize = 8 * REMEMBERED / CALLERS;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(CRATE, "decide_warm", Kind::Part).gambeson(|| warm(10)),
        Case::new(CRATE, "decide_cold_10_roles", Kind::Miss).gambeson(|| cold(10)),
        Case::new(CRATE, "decide_cold_10000_roles", Kind::Miss).gambeson(|| cold(10_000)).timed_only(),
        Case::new(CRATE, "layer_pass", Kind::Pass)
            .bare(|| recycled(|app| app, vec![request("role3")], StatusCode::OK))
            .gambeson(|| recycled(layered, vec![request("role3")], StatusCode::OK))
            .peer("without_authorizer", || {
                recycled(
                    |app| layer().without_authorizer().layer(app),
                    vec![request("role3")],
                    StatusCode::OK,
                )
            })
            .peer("off", || {
                recycled(|app| AuthorizeLayer::off().layer(app), vec![request("role3")], StatusCode::OK)
            }),
        Case::new(CRATE, "layer_pass_anew", Kind::Pass)
            .bare(|| anew(|app| app))
            .gambeson(|| anew(layered))
            .peer("off", || anew(|app| AuthorizeLayer::off().layer(app))),
        Case::new(CRATE, "layer_reject", Kind::Reject)
            .bare(|| recycled(|app| app, vec![request("guest")], StatusCode::OK))
            .gambeson(|| {
                recycling(
                    layered(crate::drive::Recycle::default()),
                    || request("guest"),
                    StatusCode::FORBIDDEN,
                )
            }),
        Case::new(CRATE, "layer_miss", Kind::Miss)
            .bare(|| recycled(|app| app, callers(), StatusCode::OK))
            .gambeson(|| recycled(layered_anew, callers(), StatusCode::OK)),
    ]
}

pub(super) fn figures() -> Vec<Figure> {
    vec![Figure {
        krate: CRATE,
        case: "reload_10000_roles",
        subject: "gambeson",
        metric: "ms",
        measure: reload_ms,
    }]
}

fn layered<S>(app: S) -> <AuthorizeLayer as Layer<S>>::Service {
    layer().layer(app)
}

/// Each request has facts of its own, as where no layer further out has noted the route.
fn anew<S>(layer: impl FnOnce(App) -> S) -> Run
where
    S: Service<Request<NoBody>, Response = Answer, Error = Infallible> + 'static,
{
    let caller = Authentication::Verified(principal("role3"), Challenges::none());
    requests(layer(App), move || request_of(caller.clone()), StatusCode::OK)
}

fn layer() -> AuthorizeLayer {
    fn template<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
        (head.uri.path() == "/notes").then_some("/notes")
    }
    let text = policy(10) + "[routes]\n\"GET /notes\" = { perm = \"thing3:read\" }\n";
    let handle: PolicyHandle = text.parse().expect("a policy");
    AuthorizeLayer::new(&handle, template)
}

/// The route is another one each time that every caller came by.
fn layered_anew<S>(app: S) -> <AuthorizeLayer as Layer<S>>::Service {
    static TEMPLATES: LazyLock<Vec<String>> =
        LazyLock::new(|| (0..ACTS).map(|act| format!("/notes/{act}")).collect());
    static TURN: AtomicUsize = AtomicUsize::new(0);
    fn template<'a>(_: &RequestHead<'a>) -> Option<&'a str> {
        let act = TURN.fetch_add(1, Ordering::Relaxed) / CALLERS % ACTS;
        TEMPLATES.get(act).map(String::as_str)
    }
    let mut text = policy(10) + "[routes]\n";
    for (act, route) in TEMPLATES.iter().enumerate() {
        let _ = writeln!(text, "\"GET {route}\" = {{ perm = \"thing3:act{act}\" }}");
    }
    let handle: PolicyHandle = text.parse().expect("a policy");
    AuthorizeLayer::new(&handle, template).layer(app)
}

fn request(role: &str) -> Request<NoBody> {
    request_of(Authentication::Verified(principal(role), Challenges::none()))
}

fn request_of(caller: Authentication) -> Request<NoBody> {
    let mut request = Request::get("/notes").body(NoBody::new()).expect("a request");
    RequestFacts::ensure(&mut request).authenticate(caller).expect("nobody else");
    request
}

fn callers() -> Vec<Request<NoBody>> {
    (0..CALLERS).map(|_| request("role3")).collect()
}

/// A policy with so many roles, each with one thing of its own to read; `role3` may do more with its own.
pub(crate) fn policy(roles: usize) -> String {
    let mut text = String::from("version = 1\n[permissions]\n");
    for n in 0..roles {
        let _ = writeln!(text, "\"thing{n}:read\" = {{}}");
    }
    for act in 0..ACTS {
        let _ = writeln!(text, "\"thing3:act{act}\" = {{}}");
    }
    text.push_str("[roles]\n");
    for n in 0..roles {
        let what = if n == 3 { "*" } else { "read" };
        let _ = writeln!(text, "role{n} = {{ grants = [\"thing{n}:{what}\"] }}");
    }
    text
}

pub(crate) fn principal(role: &str) -> Principal {
    Principal::user(ISSUER, "alice").role(role).role("role1").role("role2").build()
}

fn warm(roles: usize) -> Run {
    let policy = Policy::parse(&policy(roles)).expect("a policy");
    let permission = policy.permission("thing3:read").expect("declared");
    let caller = principal("role3");
    assert_eq!(policy.decide(&caller, permission), Decision::Allow, "the case allows");
    Box::new(move || {
        let _ = black_box(policy.decide(black_box(&caller), permission));
    })
}

fn cold(roles: usize) -> Run {
    let policy = Policy::parse(&policy(roles)).expect("a policy");
    let callers: Vec<_> = (0..CALLERS).map(|_| principal("role3")).collect();
    let acts: Vec<PermissionId> =
        (0..ACTS).filter_map(|act| policy.permission(&format!("thing3:act{act}"))).collect();
    assert_eq!(acts.len(), ACTS, "all are declared");
    assert_eq!(policy.decide(&principal("role3"), acts[ACTS - 1]), Decision::Allow, "the case allows");
    let mut turn = 0;
    Box::new(move || {
        turn += 1;
        let (caller, act) = (&callers[turn % CALLERS], acts[turn / CALLERS % ACTS]);
        let _ = black_box(policy.decide(black_box(caller), act));
    })
}

fn reload_ms() -> f64 {
    let handle: PolicyHandle = policy(10_000).parse().expect("a policy");
    let text = policy(10_000).replace("role7 =", "role70000 =");
    let before = timing::thread_cpu_ns();
    handle.replace(&text).expect("a policy");
    (timing::thread_cpu_ns() - before) / 1e6
}
