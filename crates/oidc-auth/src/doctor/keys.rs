//! The keys: whether they can be had, used, and told apart.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::{Report, Visit, connection};
use crate::algorithm::Algorithm;
use crate::keys::{KeySet, MAX_TRIED};

/// Fetches the set.
pub(super) async fn fetch(visit: &Visit, url: &str, report: &mut Report) -> Option<Bytes> {
    let named_by = match visit.0.keys_at() {
        Some(_) => "jwks_url names this address: check it, or leave it out if the document's will do",
        None => "the document names this address: ask whoever runs the issuer",
    };
    if let Err(error) = visit.0.endpoint("jwks_uri", Some(url)) {
        report.bad(
            "keys",
            error.to_string(),
            "have the issuer's document name its keys under an address of its own",
        );
        return None;
    }
    match visit.get(url).await {
        Ok(answer) if answer.status() == StatusCode::OK => Some(answer.into_body()),
        Ok(answer) => {
            let what = format!("{url} answers {}", answer.status().as_u16());
            report.bad("keys", what, named_by);
            None
        }
        Err(error) => {
            connection::examine("keys", url, &error, report);
            None
        }
    }
}

/// Looks at each key, then at all of them.
pub(super) fn examine(set: &[u8], announced: Option<&[String]>, report: &mut Report) {
    let (usable, document) = match (KeySet::parse(set), serde_json::from_slice::<Value>(set)) {
        (Ok(usable), Ok(document)) => (usable, document),
        (Err(error), _) | (_, Err(error)) => {
            let what = format!("the key set can't be read: {error}");
            return report.bad("keys", what, "it must be a JWK Set (RFC 7517 §5)");
        }
    };
    let keys = document.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    keys.iter().for_each(|key| secrets(key, report));
    keys.iter().for_each(|key| size(key, report));
    let skipped: BTreeSet<&str> = usable.skipped().iter().copied().collect();
    for why in skipped {
        report.weak(
            "keys",
            format!("a key is skipped: {why}"),
            "tokens by it are refused; it may be for another use",
        );
    }
    match usable.len() {
        0 => report.bad(
            "keys",
            "no key can be used",
            "have the issuer publish an RSA, EC or Ed25519 key for signatures",
        ),
        count => report.good("keys", format!("{count} can be used")),
    }
    names(&usable, report);
    overlap(&usable, announced, report);
}

/// What must never be published.
fn secrets(key: &Value, report: &mut Report) {
    let has = |name| key.get(name).is_some();
    if key.get("kty").and_then(Value::as_str) == Some("oct") || has("k") {
        let cure = "whoever reads it can forge tokens: take it out and replace it at once";
        report.bad("secrets", format!("{} is a symmetric key", name(key)), cure);
    } else if has("d") || has("p") || has("dp") {
        let cure = "the private half is public: take it out and replace it at once";
        report.bad("secrets", format!("{} has its private members", name(key)), cure);
    }
}

fn size(key: &Value, report: &mut Report) {
    let Some(modulus) = key.get("n").and_then(Value::as_str) else { return };
    let Ok(modulus) = URL_SAFE_NO_PAD.decode(modulus) else { return };
    let modulus: Vec<u8> = modulus.into_iter().skip_while(|byte| *byte == 0).collect();
    let spare = modulus.first().map_or(0, |first| first.leading_zeros());
    let bits = (modulus.len() * 8).saturating_sub(usize::try_from(spare).unwrap_or_default());
    match bits {
        2_048..=8_192 => report.good("size", format!("{} is RSA with {bits} bits", name(key))),
        _ => {
            let cure = "between 2048 and 8192 bits are taken: make another key";
            report.bad("size", format!("{} is RSA with {bits} bits", name(key)), cure);
        }
    }
}

fn name(key: &Value) -> String {
    key.get("kid").and_then(Value::as_str).map_or("a key without a name".into(), |kid| format!("key {kid:?}"))
}

/// A token names its key; two keys under one name can't be told apart. Without names a few are tried.
fn names(usable: &KeySet, report: &mut Report) {
    let mut seen = BTreeMap::<_, usize>::new();
    usable.names().for_each(|name| *seen.entry(name).or_default() += 1);
    for ((kid, algorithm), _) in seen.iter().filter(|((kid, _), count)| **count > 1 && !kid.is_empty()) {
        let what = format!("more than one key for {algorithm} has the name {kid:?}");
        report.bad("names", what, "give each key its own kid: only the first of them is looked at");
    }
    let nameless = |name: &(&str, &str)| name.0.is_empty();
    for ((_, algorithm), count) in seen.into_iter().filter(|(name, count)| nameless(name) && *count > 1) {
        let what = format!("{count} keys for {algorithm} have no name");
        match count > MAX_TRIED {
            true => {
                report.bad("names", what, format!("give each its kid: only the first {MAX_TRIED} are tried"));
            }
            false => report.weak("names", what, "give each its kid: they are tried one by one"),
        }
    }
}

/// Whether what the issuer signs with, its keys, and what is verified here have something in common.
fn overlap(usable: &KeySet, announced: Option<&[String]>, report: &mut Report) {
    let Some(announced) = announced else { return };
    let known: Vec<Algorithm> = announced.iter().filter_map(|name| Algorithm::from_name(name)).collect();
    if known.is_empty() {
        let cure =
            "have it sign with RS256, ES256 or EdDSA; HMAC is never taken from an issuer with published keys";
        return report.bad("algorithms", format!("the issuer signs with {announced:?}"), cure);
    }
    let common: BTreeSet<&str> = usable
        .names()
        .map(|(_, algorithm)| algorithm)
        .filter(|name| known.iter().any(|known| known.name() == *name))
        .collect();
    match common.is_empty() {
        true => {
            let what =
                format!("the issuer signs with {announced:?}, and no published key is for one of them");
            report.bad("algorithms", what, "have it publish the key that it signs with, with the right alg");
        }
        false => report.good("algorithms", common.into_iter().collect::<Vec<_>>().join(", ")),
    }
}
