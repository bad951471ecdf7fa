//! The pretend model API over real sockets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{ManualClock, Profile, Timestamp};
use gambeson_testing::{DevModel, DevModelErrorKind, ModelFault};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::loopback_client::{get, json as body, post, raw, send};

const CHAT: &str = "/v1/chat/completions";

fn ask(text: &str) -> Value {
    json!({ "model": "small-1", "messages": [
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": text },
    ] })
}

async fn call(model: &DevModel, ask: &Value, headers: &[(&str, &str)]) -> Option<Response<Bytes>> {
    let mut request = Request::post(CHAT).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(model.address(), request.body(ask.to_string()).unwrap()).await
}

async fn status(model: &DevModel, ask: &Value) -> u16 {
    call(model, ask, &[]).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn it_repeats_what_it_got_and_bills_each_word() {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_000));
    let model = DevModel::builder().clock(Arc::new(clock)).start().await.unwrap();
    let answer = body(&call(&model, &ask("one two three"), &[]).await.unwrap());
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("small-1")));
    assert_eq!((&answer["created"], &answer["id"]), (&json!(1_000), &json!("chatcmpl-dev-1")));
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["content"], "A pretend summary: one two three");
    assert_eq!((&choice["message"]["role"], &choice["finish_reason"]), (&json!("assistant"), &json!("stop")));
    assert_eq!(answer["usage"], json!({ "prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11 }));
    let mut short = ask(&"word ".repeat(50));
    short["max_tokens"] = json!(4);
    let answer = body(&call(&model, &short, &[]).await.unwrap());
    assert_eq!(
        (&answer["choices"][0]["finish_reason"], &answer["usage"]["completion_tokens"]),
        (&json!("length"), &json!(4))
    );
    let bill = body(&get(model.address(), "/dev/bill").await.unwrap());
    assert_eq!(bill, json!({ "calls": 2, "prompt_tokens": 57, "completion_tokens": 10, "tokens": 67 }));
    assert_eq!((model.bill().calls, model.bill().total_tokens(), model.requests()), (2, 67, 2));
}

#[tokio::test]
async fn each_call_can_cost_the_same() {
    let model = DevModel::builder().usage(1_000, 250).start().await.unwrap();
    for text in ["short", "quite a bit longer than that"] {
        let answer = body(&call(&model, &ask(text), &[]).await.unwrap());
        assert_eq!(
            answer["usage"],
            json!({ "prompt_tokens": 1_000, "completion_tokens": 250, "total_tokens": 1_250 })
        );
    }
    assert_eq!(model.bill().total_tokens(), 2_500);
}

#[tokio::test]
async fn streams_end_with_their_usage_if_it_was_asked_for() {
    let model = DevModel::builder().usage(7, 3).start().await.unwrap();
    let events = async |options: Value| {
        let mut ask = ask("one two");
        (ask["stream"], ask["stream_options"]) = (json!(true), options);
        let answer = call(&model, &ask, &[]).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let text = String::from_utf8(answer.into_body().into()).unwrap();
        let mut events: Vec<String> = text
            .split_terminator("\n\n")
            .map(|event| event.strip_prefix("data: ").unwrap().to_owned())
            .collect();
        assert_eq!(events.pop().as_deref(), Some("[DONE]"));
        events.iter().map(|event| serde_json::from_str(event).unwrap()).collect::<Vec<Value>>()
    };
    let chunks = events(json!({ "include_usage": true })).await;
    let said: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, "A pretend summary: one two");
    let last = chunks.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(10)));
    assert!(events(Value::Null).await.iter().all(|chunk| chunk.get("usage").is_none()));
    assert_eq!(model.bill().calls, 2);
}

#[tokio::test]
async fn only_the_key_is_let_in() {
    let model = DevModel::builder().key("dev-key").start().await.unwrap();
    for (header, wanted) in [
        ("Bearer dev-key", 200),
        ("bearer dev-key", 200),
        ("Bearer dev-ke", 401),
        ("Basic dev-key", 401),
        ("", 401),
    ] {
        let answer = call(&model, &ask("hello"), &[("authorization", header)]).await.unwrap();
        assert_eq!(answer.status(), wanted, "{header}");
    }
    let without = call(&model, &ask("hello"), &[]).await.unwrap();
    assert_eq!(body(&without)["error"]["code"], "invalid_api_key");
    assert_eq!(model.bill().calls, 2);
}

#[tokio::test]
async fn wrong_calls_are_refused_and_cost_nothing() {
    let model = DevModel::builder().start().await.unwrap();
    let with = |name: &str, value: Value| {
        let mut ask = ask("hello");
        ask[name] = value;
        ask
    };
    for wrong in [
        json!({}),
        json!([]),
        with("model", json!("")),
        with("messages", json!([])),
        with("messages", json!("hello")),
        with("messages", json!([{ "role": "system", "content": "hello" }])),
        with("n", json!(2)),
        with("max_tokens", json!(0)),
        with("max_completion_tokens", json!("many")),
    ] {
        assert_eq!(status(&model, &wrong).await, 400, "{wrong}");
    }
    assert_eq!(post(model.address(), CHAT, "not json").await.status(), 400);
    assert_eq!(status(&model, &ask(&"x".repeat(1 << 20))).await, 413);
    assert_eq!(get(model.address(), CHAT).await.unwrap().status(), 404);
    assert_eq!(model.bill(), Default::default());
    let parts =
        with("messages", json!([{ "role": "user", "content": [{ "type": "text", "text": "in parts" }] }]));
    let answer = body(&call(&model, &parts, &[]).await.unwrap());
    assert_eq!(answer["choices"][0]["message"]["content"], "A pretend summary: in parts");
}

#[tokio::test]
async fn faults_come_last_as_long_as_told_and_go() {
    let model = DevModel::builder().start().await.unwrap();
    let told = async |target: &str, fault: &str| post(model.address(), target, fault).await.status().as_u16();
    assert_eq!(told("/dev/fault", "kind=500").await, 204);
    assert_eq!((status(&model, &ask("a")).await, status(&model, &ask("a")).await), (500, 500));
    assert_eq!(told("/dev/fault?kind=402", "").await, 204);
    let empty = call(&model, &ask("a"), &[]).await.unwrap();
    assert_eq!(
        (empty.status().as_u16(), &body(&empty)["error"]["code"]),
        (402, &json!("insufficient_quota"))
    );
    let json = r#"{"kind":"429","retry_after":7,"times":2}"#.to_owned();
    let request = Request::post("/dev/fault").header("content-type", "application/json").body(json).unwrap();
    assert_eq!(send(model.address(), request).await.unwrap().status(), 204);
    for _ in 0..2 {
        let busy = call(&model, &ask("a"), &[]).await.unwrap();
        assert_eq!((busy.status().as_u16(), &busy.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    }
    assert_eq!(status(&model, &ask("a")).await, 200);
    model.fault(ModelFault::Down);
    assert!(call(&model, &ask("a"), &[]).await.is_none());
    assert_eq!(told("/dev/fault", "mode=off").await, 204);
    assert_eq!((status(&model, &ask("a")).await, model.bill().calls), (200, 2));
    for wrong in ["kind=odd", "", "kind=500&times=x", "kind=429&retry_after=-1"] {
        assert_eq!(told("/dev/fault", wrong).await, 400, "{wrong}");
    }
}

#[tokio::test]
async fn unmetered_and_broken_answers_are_billed_all_the_same() {
    let model = DevModel::builder().usage(10, 5).start().await.unwrap();
    model.fault_times(ModelFault::NoUsage, 1);
    assert!(body(&call(&model, &ask("a"), &[]).await.unwrap()).get("usage").is_none());
    model.fault_times(ModelFault::Truncated, 1);
    let broken = call(&model, &ask("a"), &[]).await.unwrap();
    assert!(serde_json::from_slice::<Value>(broken.body()).is_err());
    assert_eq!(model.bill().total_tokens(), 30);
}

#[tokio::test]
async fn a_hanging_call_hangs_alone_and_costs_nothing() {
    let model = DevModel::builder().start().await.unwrap();
    model.fault(ModelFault::Hang);
    let (question, mut bill) = (ask("a"), Box::pin(get(model.address(), "/dev/bill")));
    let mut hanging = Box::pin(call(&model, &question, &[]));
    let answer = std::future::poll_fn(|context| {
        assert!(hanging.as_mut().poll(context).is_pending());
        bill.as_mut().poll(context)
    });
    assert_eq!(body(&answer.await.unwrap())["calls"], 0);
}

#[tokio::test]
async fn pages_and_other_hosts_get_nothing() {
    let model = DevModel::builder().start().await.unwrap();
    for (name, value, wanted) in [
        ("origin", "http://127.0.0.1:3000", 403),
        ("origin", "null", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("host", "evil.example", 421),
        ("origin", model.url(), 200),
    ] {
        let answer = call(&model, &ask("a"), &[(name, value)]).await.unwrap();
        assert_eq!(answer.status(), wanted, "{name}: {value}");
    }
    assert_eq!(raw(model.address(), "GET /dev/bill HTTP/1.1\r\nconnection: close\r\n\r\n").await, 421);
}

#[tokio::test]
async fn it_starts_only_where_it_may_and_frees_its_port() {
    let model = DevModel::builder().start().await.unwrap();
    let (address, url) = (model.address(), model.url().to_owned());
    assert_eq!(url, format!("http://{address}"));
    let taken = DevModel::builder().bind(address.to_string()).start().await.unwrap_err();
    assert_eq!(taken.kind(), DevModelErrorKind::PortTaken);
    let open = DevModel::builder().bind("0.0.0.0:0").start().await.unwrap_err();
    assert_eq!(open.kind(), DevModelErrorKind::Address);
    let production = DevModel::builder().run_in(Profile::Production).start().await.unwrap_err();
    assert_eq!(production.kind(), DevModelErrorKind::Profile);
    model.fault(ModelFault::TooManyRequests(Duration::from_secs(1)));
    model.stop().await;
    assert!(DevModel::builder().bind(address.to_string()).start().await.is_ok());
}
