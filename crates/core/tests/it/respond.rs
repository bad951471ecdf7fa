//! What a client gets to see of a refusal.

use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    Authentication, Challenges, GrpcStatus, Member, Negotiated, Principal, ProblemJson, Rejection,
    RejectionClass, RequestFacts, RequestId, Respond, StatusOnly, TraceContext,
};
use http::{Request, Response, StatusCode, header};

fn refusal() -> Rejection {
    Rejection::new("gambeson-test", RejectionClass::Credential, "unauthenticated", StatusCode::UNAUTHORIZED)
        .detail("a \"token\" is needed")
        .header(header::WWW_AUTHENTICATE, "Bearer".parse().unwrap())
        .member("policies", Member::Texts(vec!["a".into(), "b<".into()]))
        .member("limit", Member::Number(-3))
        .retry_after(Duration::from_millis(1_001))
        .cause("the private reason")
}

fn navigation() -> RequestFacts {
    let mut request = Request::builder().header("sec-fetch-mode", "navigate").body(()).unwrap();
    RequestFacts::ensure(&mut request)
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

#[test]
fn problem_details_tell_what_may_be_known() {
    let facts = RequestFacts::new();
    facts.set_request_id(RequestId::parse(b"req-1").unwrap());
    facts.set_trace(TraceContext::new([0xab; 16], [1; 8], true).unwrap());
    let answer: Response<Bytes> = ProblemJson.respond(&refusal(), &facts);
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    assert_eq!(answer.headers()["retry-after"], "2", "rounded up");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(
        text(&answer),
        concat!(
            r#"{"type":"https://docs.rs/gambeson-test#unauthenticated","title":"Unauthorized","status":401,"#,
            r#""code":"unauthenticated","detail":"a \"token\" is needed","request_id":"req-1","#,
            r#""trace_id":"abababababababababababababababab","policies":["a","b<"],"limit":-3}"#
        )
    );
}

#[test]
fn the_private_cause_stays_private() {
    let facts = navigation();
    let answers: [Response<Bytes>; 4] = [
        ProblemJson.respond(&refusal(), &facts),
        Negotiated::new().respond(&refusal(), &facts),
        StatusOnly.respond(&refusal(), &facts),
        GrpcStatus.respond(&refusal(), &facts),
    ];
    for answer in &answers {
        assert!(
            !text(answer).contains("private reason") && !format!("{answer:?}").contains("private reason")
        );
    }
    assert!(!format!("{:?}", refusal()).contains("private reason"));
}

#[test]
fn browsers_get_a_page_or_the_log_in() {
    let page: Response<Bytes> = Negotiated::new().respond(&refusal(), &navigation());
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(text(&page).contains("a &quot;token&quot; is needed"), "{}", text(&page));
    assert!(!text(&page).contains("<script") && !text(&page).contains("style"));

    let log_in: Response<Bytes> = Negotiated::new().log_in("/login").respond(&refusal(), &navigation());
    assert_eq!(
        (log_in.status(), &log_in.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/login".parse().unwrap())
    );

    // A log-in that is not good enough: the way to the log-in, and back with the same one, would be a circle.
    let signed_in = navigation();
    let alice = Principal::user("https://id.example", "alice").build();
    signed_in.authenticate(Authentication::Verified(alice, Challenges::none())).unwrap();
    let better: Response<Bytes> = Negotiated::new().log_in("/login").respond(&refusal(), &signed_in);
    assert_eq!((better.status(), better.headers().get("location")), (StatusCode::UNAUTHORIZED, None));
    let api: Response<Bytes> = Negotiated::new().log_in("/login").respond(&refusal(), &RequestFacts::new());
    assert_eq!(api.headers()["content-type"], "application/problem+json");
}

#[test]
fn grpc_clients_get_a_status_in_the_headers() {
    for (status, code) in
        [(401, "16"), (403, "7"), (404, "5"), (429, "8"), (503, "14"), (500, "13"), (400, "3")]
    {
        let status = StatusCode::from_u16(status).unwrap();
        let refusal = Rejection::new("gambeson-test", RejectionClass::Bug, "slug", status);
        let answer: Response<Bytes> = GrpcStatus.respond(&refusal, &RequestFacts::new());
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["grpc-status"], code);
        assert_eq!(answer.headers()["grpc-message"], "slug");
    }
}

#[test]
fn a_closure_responds_too() {
    let teapot = |_: &Rejection, _: &RequestFacts| {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    };
    assert_eq!(teapot.respond(&refusal(), &RequestFacts::new()).status(), StatusCode::IM_A_TEAPOT);
}
