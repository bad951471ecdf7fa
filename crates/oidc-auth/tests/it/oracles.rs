//! npm `jose` and PyPI's `joserfc` as second opinions: what they sign is accepted here, what is signed here is accepted there, and
//! nothing is accepted here that they refuse.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{ManualClock, Timestamp};
use gambeson_oidc_auth::{CacheConfig, Issuer, Verifier};
use serde_json::{Value, json};

use crate::fake_issuer::{ISSUER, START, claims, claims_with};
use crate::signer::Signer;

const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/// Another implementation of JOSE.
#[derive(Debug, Clone, Copy)]
enum Oracle {
    /// In JavaScript.
    Jose,
    /// In Python.
    Joserfc,
}

impl Oracle {
    fn program(self) -> Command {
        let peers = std::env::var("GAMBESON_PEERS").expect("cargo xtask test sets GAMBESON_PEERS");
        match self {
            Self::Jose => {
                let node = std::env::var_os("GAMBESON_NODE").unwrap_or_else(|| "node".into());
                let mut command = Command::new(node);
                command.arg(Path::new(&peers).join("oidc-provider/jose.mjs"));
                command
            }
            Self::Joserfc => {
                let mut command = Command::new("python3");
                command.env("PYTHONPATH", Path::new(&peers).join("joserfc")).env("PYTHONWARNINGS", "ignore");
                command.args(["-c", include_str!("../../../../tests/peers/joserfc/oracle.py")]);
                command
            }
        }
    }

    fn ask(self, word: &str, input: &Value) -> Value {
        let mut command = self.program();
        let mut child = command.arg(word).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
    }

    /// What it makes of these tokens.
    fn verdicts(self, jwks: &Value, tokens: &[String]) -> Vec<bool> {
        let input =
            json!({"jwks": jwks, "issuer": ISSUER, "audience": "api", "now": START, "tokens": tokens});
        serde_json::from_value(self.ask("verify", &input)).unwrap()
    }
}

fn verifier(jwks: &Value) -> Verifier {
    let builder = Verifier::builder(Issuer::static_keys(ISSUER, jwks.to_string())).audience("api");
    let clock = ManualClock::at(Timestamp::from_unix_seconds(START));
    builder.clock(Arc::new(clock)).cache(CacheConfig::off()).build().unwrap()
}

/// The token with one character changed, at each place that this step comes to.
fn changed(token: &str, step: usize) -> impl Iterator<Item = String> {
    (0..token.len()).step_by(step).map(move |at| {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut changed = token.to_owned();
        changed.replace_range(at..=at, other);
        changed
    })
}

/// The token with other headers, other parts, and other spellings of the same.
fn twisted(token: &str, other: &str) -> Vec<String> {
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let others: Vec<&str> = other.split('.').collect();
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut header = read(header);
        header[name] = value;
        format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
    };
    let mut bob = read(payload);
    bob["sub"] = json!("bob");
    vec![
        with("alg", json!("none")),
        with("alg", json!("HS256")),
        with("alg", json!("RS256")),
        with("alg", read(others[0])["alg"].clone()),
        with("kid", read(others[0])["kid"].clone()),
        with("crit", json!(["exp"])),
        with("b64", json!(false)),
        with("typ", json!("JWT")),
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(bob.to_string())),
        format!("{header}.{}.{signature}", others[1]),
        format!("{header}.{payload}.{}", others[2]),
        format!("{}.{payload}.{signature}", others[0]),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}."),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{header}.{payload}.{}", &signature[4..]),
        format!("{header}.{payload}.AAAA{signature}"),
    ]
}

#[test]
#[ignore = "needs oidc-provider: cargo xtask test"]
fn what_one_signs_the_other_accepts() {
    each_accepts_the_other(Oracle::Jose);
}

#[test]
#[ignore = "needs oidc-provider: cargo xtask test"]
fn what_was_changed_neither_accepts() {
    neither_accepts_what_was_changed(Oracle::Jose);
}

#[test]
#[ignore = "needs joserfc: cargo xtask test"]
fn what_one_signs_joserfc_accepts_and_the_other_way_round() {
    each_accepts_the_other(Oracle::Joserfc);
}

#[test]
#[ignore = "needs joserfc: cargo xtask test"]
fn what_was_changed_joserfc_does_not_accept_either() {
    neither_accepts_what_was_changed(Oracle::Joserfc);
}

fn each_accepts_the_other(oracle: Oracle) {
    let signed = oracle.ask("sign", &claims());
    let ours = verifier(&signed["jwks"]);
    let tokens: BTreeMap<String, String> = serde_json::from_value(signed["tokens"].clone()).unwrap();
    assert_eq!(tokens.len(), 11, "the ten, and EdDSA under its name of RFC 9864");
    for (algorithm, token) in &tokens {
        let caller = ours.verify(token);
        assert_eq!(caller.unwrap().subject(), "alice", "{algorithm}");
    }

    let signers = ALGORITHMS.map(|algorithm| Signer::of(algorithm, algorithm));
    let jwks = json!({"keys": signers.iter().map(Signer::jwk).collect::<Vec<_>>()});
    let tokens: Vec<String> = signers.iter().map(|signer| signer.token(&claims())).collect();
    assert_eq!(oracle.verdicts(&jwks, &tokens), [true; 10]);
}

fn neither_accepts_what_was_changed(oracle: Oracle) {
    let signers = ALGORITHMS.map(|algorithm| Signer::of(algorithm, algorithm));
    let jwks = json!({"keys": signers.iter().map(Signer::jwk).collect::<Vec<_>>()});
    let ours = verifier(&jwks);
    for (signer, next) in signers.iter().zip(signers.iter().cycle().skip(1)) {
        let (token, other) = (signer.token(&claims()), next.token(&claims()));
        let mut bad: Vec<String> = changed(&token, 7).chain(twisted(&token, &other)).collect();
        bad.retain(|bad| *bad != token);
        for (name, value) in [
            ("iss", json!("https://other.example")),
            ("aud", json!("other")),
            ("exp", json!(START - 31)),
            ("exp", json!("soon")),
            ("nbf", json!(START + 60)),
            ("iat", Value::Null),
            ("sub", Value::Null),
        ] {
            bad.push(signer.token(&claims_with(name, value)));
        }
        let theirs = oracle.verdicts(&jwks, &bad);
        for (token, theirs) in bad.iter().zip(theirs) {
            assert!(ours.verify(token).is_err(), "{}: {token}", signer.alg);
            assert!(!theirs || is_another_spelling(token), "{}: {oracle:?} accepts {token}", signer.alg);
        }
    }
}

/// Whether a part has bits at its end that stand for nothing, which is refused here only (RFC 4648 §3.5).
fn is_another_spelling(token: &str) -> bool {
    token.split('.').any(|part| URL_SAFE_NO_PAD.decode(part).is_err())
}
