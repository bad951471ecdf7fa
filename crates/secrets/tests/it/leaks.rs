//! Nothing of a value in Debug, errors or logs.

use std::error::Error;

use gambeson_secrets::{MemoryStore, SecretHeaderLayer, SecretString};
use serde::Deserialize;

use crate::log;
use crate::support::{SECONDS, builder, clock, over, pass, recorded};

const CANARY: &str = "c4n4ry-v4lu3";

/// No three bytes in a row of the canary.
fn assert_clean(text: &str) {
    for window in CANARY.as_bytes().windows(3) {
        let window = std::str::from_utf8(window).unwrap();
        assert!(!text.contains(window), "{window} in {text}");
    }
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Credential {
    pin: u16,
    password: SecretString,
}

#[tokio::test]
async fn debug_and_errors_show_nothing() {
    let document = format!(r#"{{"pin":"{CANARY}","password":"{CANARY}"}}"#);
    let store = MemoryStore::new().with("json", document).with("text", CANARY).with("cut", "{\"p\":\"c4n4ry");
    let secrets = over(&store, &clock()).await;
    let text = secrets.get::<SecretString>("mem://text").await.unwrap();
    let layer = SecretHeaderLayer::builder("https://api.example.com").bearer(&text).build().unwrap();
    let bearer = text.clone().into_bearer().unwrap();
    for shown in [
        format!("{text:?} {:?} {:?}", text.load(), *text.load()),
        format!("{secrets:?} {store:?} {layer:?} {bearer:?} {:?}", secrets.status()),
    ] {
        assert_clean(&shown);
    }
    for reference in
        ["mem://json", "mem://text", "mem://cut", "mem://json?field=/pin", "mem://text?field=/a", CANARY]
    {
        let error = secrets.get::<Credential>(reference).await.unwrap_err();
        let mut shown = format!("{error} {error:?}");
        let mut source = error.source();
        while let Some(deeper) = source {
            shown.push_str(&format!(" {deeper} {deeper:?}"));
            source = deeper.source();
        }
        assert_clean(&shown.replace(reference, ""));
        assert!(
            reference != CANARY || !shown.contains(CANARY),
            "a value in place of a reference is not repeated"
        );
    }
}

#[tokio::test]
async fn logs_show_references_and_causes_only() {
    let document = |pin: &str| format!(r#"{{"pin":{pin},"password":"{CANARY}"}}"#);
    let (store, clock) = (MemoryStore::new().with("key", document("1")), clock());
    log::lines();
    let secrets = over(&store, &clock).await;
    let key = secrets.get::<Credential>("mem://key").await.unwrap();
    store.put("key", document("2"));
    pass(&clock, 1).await;
    key.report_rejected();
    store.put("key", document(&format!("\"{CANARY}\"")));
    pass(&clock, 1).await;
    store.fail_with(Some(gambeson_core::SecretErrorKind::Denied));
    pass(&clock, 20).await;
    store.fail_with(None);
    pass(&clock, 20).await;
    secrets.get::<SecretString>("mem://key?field=/nothing").await.unwrap_err();
    secrets.get::<SecretString>("vault://x").await.unwrap_err();
    secrets.get::<SecretString>(CANARY).await.unwrap_err();
    let log = log::lines();
    for expected in [
        "read for the first time",
        "rotated",
        "rejected",
        "not of the shape",
        "not read",
        "after failures",
        "refused",
    ] {
        assert!(log.contains(expected), "{expected} in {log}");
    }
    assert_clean(&log);
}

/// An address with a password in it is a reference by its shape.
#[tokio::test]
async fn a_value_in_place_of_a_reference_is_not_repeated() {
    let (store, clock) = (MemoryStore::new(), clock());
    log::lines();
    let (secrets, sink) = recorded(&store, &clock).await;
    let mut shown = String::new();
    for value in [
        format!("postgres://app:{CANARY}@db/app"),
        format!("https://hooks.example.com/services/{CANARY}"),
        format!("mem://app:{CANARY}@host"),
        format!("mem://{CANARY}/../x"),
        CANARY.to_owned(),
    ] {
        let error = secrets.get::<SecretString>(&value).await.unwrap_err();
        let started = builder(&clock).store("mem", store.clone()).allow(["mem://*"]).require([&*value]);
        let missing = started.connect(SECONDS(5)).await.unwrap_err();
        shown.push_str(&format!("{error} {error:?} {missing} {missing:?} {:?}\n", error.source()));
    }
    assert_clean(&shown);
    assert_clean(&format!("{:?} {}", sink.events(), log::lines()));
    assert!(shown.contains("postgres://…"), "{shown}");
}
