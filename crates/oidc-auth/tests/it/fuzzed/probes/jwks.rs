//! Any text as a key set: what is taken from it is in it.

use serde_json::Value;

use super::key::{ISSUERS, good_token, verifier_of};

pub(crate) fn probe(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(verifier) = verifier_of(text).build() else { return false };
    let document: Value = serde_json::from_str(text).expect("taken, but not JSON");
    let entries = document.get("keys").and_then(Value::as_array).expect("taken, but no list of keys");
    let public = entries.iter().filter(|entry| is_public(entry)).count();
    let keys = verifier.status().keys;
    assert!(keys <= public.min(64), "{keys} keys of {public}");
    let token = good_token();
    let accepted = verifier.verify(&token).is_ok();
    if accepted {
        assert!(entries.iter().any(is_the_issuers), "a token by a key that is not in the set");
    }
    assert_eq!(verifier.explain(&token).is_accepted(), accepted);
    accepted
}

/// Whether it may be counted as a key: an object of a type that has a public half.
fn is_public(entry: &Value) -> bool {
    let usage = entry.get("use").filter(|usage| !usage.is_null());
    ["RSA", "EC", "OKP"].iter().any(|kind| entry["kty"] == *kind) && usage.is_none_or(|usage| usage == "sig")
}

fn is_the_issuers(entry: &Value) -> bool {
    let own = ISSUERS.public();
    is_public(entry) && ["crv", "kty", "x"].iter().all(|name| entry[name] == own[name])
}
