//! What a request of somebody with an activated role costs.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use gambeson_core::{
    Answer, AuditError, AuditEvent, AuditSink, Authentication, Challenges, Durability, ManualClock,
    Principal, Receipt, RequestFacts, RequestHead, Timestamp,
};
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use super::{Activations, MemoryActivations};
use crate::authorize::AuthorizeLayer;
use crate::handle::PolicyHandle;
use crate::who::looked_up;

const POLICY: &str = r#"version = 1
[permissions]
pay = {}
book = {}
[roles]
payer = { grants = ["pay"] }
booker = { grants = ["book"] }
[claims.id]
issuer = "https://id.example"
groups = { staff = ["payer", "booker"] }
[[separation_of_duties]]
name = "payments"
kind = "dynamic"
roles = ["payer", "booker"]
max = 1
[routes]
"GET /pay" = { perm = "pay" }
"#;

#[derive(Debug)]
struct Durable;

impl AuditSink for Durable {
    fn record(&self, _: AuditEvent, _: Durability) -> Answer<Result<Receipt, AuditError>> {
        Answer::Ready(Ok(Receipt::stored(1)))
    }
}

#[tokio::test]
async fn the_roles_of_a_caller_are_looked_up_once_a_request() {
    fn by_path<'a>(head: &RequestHead<'a>) -> Option<&'a str> {
        Some(head.uri.path())
    }
    let (policy, clock): (PolicyHandle, _) =
        (POLICY.parse().unwrap(), Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_000))));
    let activations =
        Activations::open(&policy, MemoryActivations::default(), Arc::new(Durable), clock.clone()).unwrap();
    let caller = Principal::user("https://id.example", "bob").claims(r#"{"groups": ["staff"]}"#).build();
    let verified = || Authentication::Verified(caller.clone(), Challenges::none());
    let facts = RequestFacts::new();
    facts.authenticate(verified()).unwrap();
    activations.activate(&facts, "payer").await.unwrap();
    let layer =
        AuthorizeLayer::new(&policy, by_path).clock(clock).audit(Arc::new(Durable)).activations(&activations);
    let app = layer
        .layer(service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Default::default())))));
    let ask = async || {
        let mut request = Request::get("/pay").body(()).unwrap();
        RequestFacts::ensure(&mut request).authenticate(verified()).unwrap();
        let before = looked_up();
        let answer: Response<http_body_util::Full<bytes::Bytes>> =
            app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        looked_up() - before
    };
    assert_eq!(ask().await, 2, "once without, which is remembered, and once with the duty");
    assert_eq!(ask().await, 1);
}
