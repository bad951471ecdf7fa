//! What strangers send: memory stays the same, nothing breaks, nothing gets in unread.

use std::sync::Arc;
use std::time::Duration;

use gambeson_hardening_headers::ReportsConfig;
use gambeson_hardening_headers::reports::Reports;
use proptest::prelude::*;

use super::*;

/// The bytes that a table's texts take, and its rooms.
fn size(reports: &Reports) -> (usize, usize) {
    let violations = reports.violations();
    let texts = violations.iter().map(|violation| {
        violation.path.len()
            + violation.blocked.to_string().len()
            + violation.sample.as_ref().map_or(0, |s| s.len())
    });
    (texts.max().unwrap_or(0), violations.len())
}

#[tokio::test]
async fn twenty_thousand_different_reports_take_the_room_of_the_table() {
    let config = ReportsConfig::new(PATH).entries(64).per_minute(1_000_000).body(1 << 20).samples(true);
    let reports = builder(config).build().unwrap();
    let long = "a/".repeat(3000);
    // What many browsers report: it comes first, twice, and is never pushed out.
    for _ in 0..2 {
        tell(&reports, "img-src", "https://cdn.example.com/").await;
    }
    for round in 0..200 {
        let of = |number: u32| {
            let mut report = listed("img-src", &format!("https://h{round}-{number}.example/{}", &long[..20]));
            report["body"]["documentURL"] = format!("https://app.example.com/{round}/{number}").into();
            report["body"]["sample"] = "s".repeat(100).into();
            report
        };
        let mut all: Vec<_> = (0..100).map(of).collect();
        all[0]["body"]["documentURL"] = format!("https://app.example.com/{round}/{long}").into();
        post(&reports, LIST, json!(all).to_string()).await;
    }
    let counts = reports.counts();
    assert_eq!((counts.kept, counts.evicted), (20_002, 20_001 - 64));
    let (longest, rooms) = size(&reports);
    assert!(rooms == 64 && longest < 600, "{longest} bytes in {rooms} rooms");
    let kept = reports.violations();
    assert_eq!(
        kept.iter().find(|violation| violation.count == 2).unwrap().blocked.to_string(),
        "https://cdn.example.com"
    );
}

#[tokio::test]
async fn a_minute_takes_so_many_and_the_others_are_counted() {
    let clock = clock();
    let config = ReportsConfig::new(PATH).per_minute(5);
    let reports = Reports::builder(config).clock(Arc::new(clock.clone())).build().unwrap();
    let three = json!(vec![listed("img-src", "https://cdn.example.com/"); 3]).to_string();
    for _ in 0..4 {
        post(&reports, LIST, three.clone()).await;
    }
    // Of the second body one report, of the last two bodies nobody knows how many.
    assert_eq!((reports.counts().kept, reports.counts().dropped), (5, 3));
    clock.advance(Duration::from_secs(59));
    post(&reports, LIST, three.clone()).await;
    assert_eq!(reports.counts().kept, 5);
    clock.advance(Duration::from_secs(1));
    post(&reports, LIST, three.clone()).await;
    assert_eq!(reports.counts().kept, 8);
    // Garbage counts too: it costs as much to read.
    for _ in 0..2 {
        post(&reports, CSP, "garbage").await;
    }
    post(&reports, LIST, three).await;
    assert_eq!((reports.counts().kept, reports.counts().malformed), (8, 2));
}

#[tokio::test]
async fn of_a_body_a_hundred_reports_are_looked_at() {
    let reports = reports();
    let many = vec![json!({"type": "coop", "url": PAGE, "body": {}}); 130];
    post(&reports, LIST, json!(many).to_string()).await;
    let counts = reports.counts();
    assert_eq!(counts.of_kind(gambeson_hardening_headers::reports::ReportKind::OpenerPolicy), 100);
    assert_eq!(counts.dropped, 30);
}

#[tokio::test]
async fn what_is_deep_long_doubled_or_of_a_wrong_type_harms_nothing() {
    let reports = builder(ReportsConfig::new(PATH).per_minute(10_000)).build().unwrap();
    let deep = 60_000;
    let bodies: Vec<Vec<u8>> = vec![
        "[".repeat(deep).into(),
        "{\"csp-report\":".repeat(4000).into(),
        format!("{}{}", "[".repeat(deep / 2), "]".repeat(deep / 2)).into(),
        format!(
            "[{{\"type\":\"csp-violation\",\"body\":{{\"blockedURL\":{}1{}}}}}]",
            "[".repeat(20_000),
            "]".repeat(20_000)
        )
        .into(),
        format!("[{{\"x\":{}1{}}}]", "{\"a\":".repeat(10_000), "}".repeat(10_000)).into(),
        format!("[{}]", vec!["1"; 30_000].join(",")).into(),
        format!("[{}]", vec!["{}"; 20_000].join(",")).into(),
        format!("[{{\"type\":\"{}\"}}]", "x".repeat(60_000)).into(),
        b"[{\"type\":\"csp-violation\",\"url\":\"\xff\xfe\"}]".to_vec(),
        b"{\"csp-report\":{\"document-uri\":\"https://app.example.com/\xc3\x28\"}}".to_vec(),
        br#"[{"type":"csp-violation","type":"coop","body":{}}]"#.to_vec(),
        br#"{"csp-report":{},"csp-report":{}}"#.to_vec(),
        br#"{"csp-report":{"blocked-uri":"inline","blockedURL":"eval"}}"#.to_vec(),
        br#"[1e999999]"#.to_vec(),
        b"\xef\xbb\xbf[]".to_vec(),
        vec![0; 1000],
    ];
    for kind in [CSP, LIST] {
        for body in &bodies {
            post(&reports, kind, body.clone()).await;
        }
    }
    assert!(reports.violations().is_empty(), "{:?}", reports.violations());
    let wrong = [json!(1), json!(true), json!(null), json!([[]]), json!({"a": [1]}), json!(1.5), json!(-1)];
    for member in ["documentURL", "blockedURL", "effectiveDirective", "disposition", "sample", "sourceFile"] {
        for value in &wrong {
            let mut report = listed("img-src", "https://cdn.example.com/");
            report["body"][member] = value.clone();
            let mut bare = listed("img-src", "https://cdn.example.com/");
            bare["body"] = value.clone();
            post(&reports, LIST, json!([report, bare, value]).to_string()).await;
        }
    }
    // Where the wrong member can be done without, the rest counts.
    let counts = reports.counts();
    assert!(counts.kept > 0 && counts.malformed > 0, "{counts:?}");
    assert!(reports.violations().iter().all(|violation| violation.directive == "img-src"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the texts hold, what is kept is short, printable, and no secret of an address.
    #[test]
    fn what_is_kept_is_short_and_printable(
        document in "\\PC{0,40}|[ -~\\n\\r\\x1b]{0,40}",
        blocked in "\\PC{0,40}|https://[a-z]{1,5}\\.example[ -~]{0,20}|data:[ -~]{0,20}",
        sample in "[\\x00-\\u{202e}]{0,60}",
        directive in "img-src|script-src-elem [ -~]{0,9}|\\PC{0,20}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let reports = builder(ReportsConfig::new(PATH).samples(true)).build().unwrap();
        let mut report = listed(&directive, &blocked);
        report["body"]["documentURL"] = format!("https://app.example.com/{document}").into();
        report["body"]["sample"] = sample.into();
        runtime.block_on(post(&reports, LIST, json!([report]).to_string()));
        for violation in reports.violations() {
            let texts = [violation.blocked.to_string(), violation.path.to_string(), violation.sample.unwrap_or_default().to_string()];
            for text in texts {
                prop_assert!(text.len() <= 300, "{text:?}");
                prop_assert!(!text.chars().any(char::is_control), "{text:?}");
            }
            prop_assert!(!violation.path.contains(['?', '#']));
            prop_assert!(!violation.blocked.to_string().contains(['?', '#']));
        }
    }

    #[test]
    fn no_body_breaks_it(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let reports = reports();
        for kind in [CSP, LIST] {
            runtime.block_on(post(&reports, kind, body.clone()));
        }
    }
}
