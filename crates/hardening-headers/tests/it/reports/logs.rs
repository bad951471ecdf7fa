//! What the collector logs.

use gambeson_core::Profile;
use gambeson_hardening_headers::ReportsConfig;

use super::*;
use crate::logs::Lines;

#[tokio::test]
async fn development_says_each_violation_once_with_the_line_to_add() {
    let lines = Lines::default();
    let _guard = lines.record();
    let reports = builder(PATH.into()).run_in(Profile::Development).build().unwrap();
    for _ in 0..3 {
        tell(&reports, "img-src", "https://cdn.example.com/cat.png").await;
        post(&reports, CSP, single("script-src-elem", "inline").to_string()).await;
    }
    let said = lines.with("content security policy: img-src blocks https://cdn.example.com");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("WARN") && said[0].contains("/notes"), "{said:?}");
    assert!(
        said[0].contains("add img-src https://cdn.example.com: hardening-headers.csp-add.img-src"),
        "{said:?}"
    );
    let inline = lines.with("script-src-elem blocks inline code");
    assert_eq!(inline.len(), 1);
    assert!(inline[0].contains("give it the page's nonce") && !inline[0].contains("csp-add"), "{inline:?}");
}

#[tokio::test]
async fn production_says_nothing_loud() {
    let lines = Lines::default();
    let _guard = lines.record();
    let reports = builder(ReportsConfig::new(PATH).per_minute(4)).build().unwrap();
    let mut foreign = listed("img-src", "https://cdn.example.com/");
    foreign["body"]["documentURL"] = "https://evil.example/".into();
    let others = builder(PATH.into()).build().unwrap();
    for _ in 0..10 {
        post(&others, LIST, json!([foreign]).to_string()).await;
    }
    assert_eq!(lines.with("pages of another host").len(), 4, "at the 1st, 2nd, 4th and 8th");
    for number in 0..10 {
        tell(&reports, "img-src", &format!("https://h{number}.example/")).await;
    }
    post(&reports, LIST, json!([foreign]).to_string()).await;
    assert_eq!(lines.with("violation reported").len(), 4);
    assert!(lines.with("violation reported").iter().all(|line| line.starts_with("DEBUG")));
    assert_eq!(lines.with("more came than reports.per-minute").len(), 3, "at the 1st, 2nd and 4th");
    assert!(lines.with("").iter().all(|line| !line.starts_with("WARN") && !line.starts_with("ERROR")));
}

#[tokio::test]
async fn nothing_that_a_stranger_sends_can_write_a_line_of_its_own() {
    const FORGED: &str = "\n2026-12-01 ERROR forged \u{1b}[2J\u{202e}\r";
    for profile in [Profile::Development, Profile::Production] {
        let lines = Lines::default();
        let _guard = lines.record();
        let reports = builder(ReportsConfig::new(PATH).samples(true)).run_in(profile).build().unwrap();
        let mut report = listed("img-src", &format!("https://cdn.example.com/{FORGED}"));
        report["body"]["documentURL"] = format!("{PAGE}/{FORGED}").into();
        report["body"]["sample"] = FORGED.into();
        report["body"]["effectiveDirective"] = format!("img-src {FORGED}").into();
        report["user_agent"] = FORGED.into();
        let mut kind = report.clone();
        kind["type"] = FORGED.into();
        post(&reports, LIST, json!([report, kind]).to_string()).await;
        post(&reports, CSP, single(&format!("img-src{FORGED}"), FORGED).to_string()).await;
        assert_eq!(reports.violations().len(), 1, "it is kept, so it is logged");
        let said = lines.with("");
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("forged"), "{said:?}");
        assert!(!said[0].contains(['\n', '\r', '\u{1b}', '\u{202e}']), "{said:?}");
    }
}
