//! MDN's HTTP Observatory and Google's CSP Evaluator as second opinions: the scan grades as the first does, and the presets leave
//! nothing for the second to find.

mod sets;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use gambeson_hardening_headers::scan::{Answer, Grade, Observed, Step, observatory};
use gambeson_hardening_headers::{Csp, Hardening};
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::sets::{Numbers, Set};
use crate::scan::{app, best};

const HOST: &str = "app.example.com";

/// The first of the random numbers. Another one is as good; the same one gives the same sets.
const SEED: u64 = 20_261_201;

/// What the peer says of these sets.
fn ask(sets: &[Set]) -> Vec<Value> {
    let peers = std::env::var("GAMBESON_PEERS").expect("cargo xtask test sets GAMBESON_PEERS");
    let node = std::env::var_os("GAMBESON_NODE").unwrap_or_else(|| "node".into());
    let mut command = Command::new(node);
    command.arg(Path::new(&peers).join("observatory/grade.mjs"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = String::new();
    for Set { headers, preflight, body, http } in sets {
        let set = json!({"headers": headers, "preflight": preflight, "body": body, "http": http});
        writeln!(lines, "{set}").unwrap();
    }
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), sets.len(), "the peer answers each set");
    said
}

/// What the scan says of a set.
fn ours(set: &Set) -> Grade {
    let fields = |fields: &[(String, String)]| {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        map
    };
    let answer = Answer::new(StatusCode::OK, fields(&set.headers), set.body.clone());
    let preflight = set.preflight.as_deref().map(|preflight| Answer::from(fields(preflight)));
    let steps = |steps: &[(String, u16)]| steps.iter().map(|(url, status)| Step::new(url, *status)).collect();
    let steps: Option<Vec<Step>> = set.http.as_deref().map(steps);
    let mut observed = Observed::new(HOST, &answer);
    if let Some(preflight) = &preflight {
        observed = observed.preflight(preflight);
    }
    if let Some(steps) = &steps {
        observed = observed.over_http(steps);
    }
    observatory(&observed)
}

/// That both say the same of a set, test by test.
fn assert_same(set: &Set, theirs: &Value) -> u64 {
    assert!(theirs["error"].is_null(), "the peer fails: {theirs}\n{set:#?}");
    let ours = ours(set);
    for outcome in ours.outcomes {
        assert_eq!(
            theirs["tests"][outcome.test], outcome.result,
            "seed {SEED}, {}: {set:#?}\n{ours}",
            outcome.test
        );
    }
    assert_eq!((&theirs["score"], &theirs["grade"]), (&json!(ours.score), &json!(ours.grade)), "{set:#?}");
    u64::from(ours.score)
}

#[test]
#[ignore = "needs observatory: cargo xtask test"]
fn three_thousand_random_answers_are_graded_as_the_observatory_does() {
    let mut numbers = Numbers(SEED);
    let sets: Vec<Set> = (0..3_000).map(|_| Set::next(&mut numbers)).collect();
    let mut scores: Vec<u64> =
        sets.iter().zip(ask(&sets)).map(|(set, theirs)| assert_same(set, &theirs)).collect();
    scores.sort_unstable();
    // Sets that are all alike would prove little.
    assert_eq!(scores.first(), Some(&0));
    assert!(scores.iter().filter(|score| **score >= 90).count() > 50, "bonuses count for some");
    scores.dedup();
    assert!(scores.len() > 20, "{scores:?}");
}

/// Of what each test said of those answers when the Observatory said the same: the beginning of the hash.
const AGREED: [(&str, &str); 10] = [
    ("content-security-policy", "c973823a"),
    ("cookies", "9c6cbc17"),
    ("cross-origin-resource-sharing", "cf31205d"),
    ("redirection", "ff907342"),
    ("referrer-policy", "14a875f9"),
    ("strict-transport-security", "ff7c8c24"),
    ("subresource-integrity", "67cb13fc"),
    ("x-content-type-options", "87fdd007"),
    ("x-frame-options", "3082c7cc"),
    ("cross-origin-resource-policy", "1da80278"),
];

/// The same without the peer. When it fails on purpose, the test above has to agree first; then this one says what to write.
#[test]
fn random_answers_are_graded_as_when_the_observatory_agreed() {
    let mut numbers = Numbers(SEED);
    let grades: Vec<Grade> = (0..3_000).map(|_| ours(&Set::next(&mut numbers))).collect();
    let digest = |test: usize| {
        let said = grades.iter().map(|grade| &grade.outcomes[test]);
        let said: String = said.map(|outcome| format!("{} {}\n", outcome.result, outcome.modifier)).collect();
        let hash = Sha256::digest(said.as_bytes());
        hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let said: Vec<(&str, String)> =
        grades[0].outcomes.iter().enumerate().map(|(test, outcome)| (outcome.test, digest(test))).collect();
    let said: Vec<(&str, &str)> = said.iter().map(|(test, hash)| (*test, hash.as_str())).collect();
    assert_eq!(said, AGREED);
}

/// An app's answer behind this edge, as a set.
async fn behind(edge: Hardening, page: &'static str, cookie: Option<&'static str>) -> Set {
    let scan = edge.public_origin("https://app.example.com").build().unwrap();
    let scan = scan.scan(app(page, cookie), ["/"]).await;
    let (_, answer) = scan.answers().next().unwrap();
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = answer.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
    let body = String::from_utf8(answer.body.to_vec()).unwrap();
    Set { headers: headers.collect(), body, ..Set::default() }
}

#[tokio::test]
#[ignore = "needs observatory: cargo xtask test"]
async fn presets_are_graded_as_promised() {
    const PAGE: &str = "<!doctype html><title>a</title>";
    let expected = [
        (behind(Hardening::web(), PAGE, None).await, 120),
        (behind(Hardening::strict(), PAGE, None).await, 120),
        (behind(Hardening::api(), PAGE, None).await, 120),
        (behind(best(Hardening::web()), crate::scan::PINNED, None).await, 135),
        (behind(best(Hardening::strict()), crate::scan::PINNED, Some(crate::scan::COOKIE)).await, 140),
    ];
    let sets: Vec<Set> = expected.iter().map(|(set, _)| set.clone()).collect();
    for ((set, score), theirs) in expected.iter().zip(ask(&sets)) {
        assert_eq!(assert_same(set, &theirs), *score, "{set:#?}");
    }
}

/// Severities of the evaluator: 10 is the worst, 60 and more is worth knowing.
#[test]
#[ignore = "needs observatory: cargo xtask test"]
fn the_evaluator_finds_nothing_in_strict_policies_and_little_in_the_usual_one() {
    let policy = |csp: Csp| {
        let text = csp.to_string().replace("{nonce}", "r4nd0mr4nd0mr4nd0mr4nd0m");
        Set { headers: vec![("content-security-policy".into(), text)], ..Set::default() }
    };
    let said = ask(&[policy(Csp::strict()), policy(Csp::api()), policy(Csp::web())]);
    let found = |said: &Value| -> Vec<(u64, String, String)> {
        let each = said["csp"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let each = each.map(|one| (one[0].as_u64().unwrap(), text(&one[2]), text(&one[3])));
        each.filter(|(severity, _, _)| *severity < 60).collect()
    };
    assert_eq!((found(&said[0]), found(&said[1])), (vec![], vec![]));
    // On record: 'self' is weak where the app serves what visitors wrote as a script (50: perhaps, medium).
    assert_eq!(found(&said[2]), [(50, "script-src".to_owned(), "'self'".to_owned())]);
}
