//! Summaries of the example app: what they cost, and what a model in trouble does.

use serde_json::json;

use crate::http::{Reply, ask};
use crate::notes_app::NotesApp;

/// The app with one note of alice's organisation, and its id.
fn app_with_note() -> (NotesApp, i64) {
    let app = NotesApp::start();
    let kept = app.ask("POST", "/api/notes").bearer(&app.token("alice"));
    let kept = kept.json(&json!({ "text": "The walls of the kitchen are to be blue." })).send();
    assert_eq!(kept.status, 201, "{kept:?}");
    let id = kept.json()["id"].as_i64().unwrap();
    (app, id)
}

fn summary(app: &NotesApp, id: i64, token: &str) -> Reply {
    app.ask("POST", &format!("/api/notes/{id}/summary")).bearer(token).send()
}

fn calls(app: &NotesApp) -> i64 {
    ask(app.model.unwrap(), "GET", "/dev/bill").send().json()["calls"].as_i64().unwrap()
}

#[test]
fn the_fourth_summary_of_the_day_is_refused_before_the_model_is_asked() {
    let (app, id) = app_with_note();
    let alice = app.token("alice");
    for left in ["0.035 USD", "0.02 USD", "0.005 USD"] {
        let reply = summary(&app, id, &alice);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json()["budget_left"], left);
        assert!(reply.json()["summary"].as_str().unwrap().contains("kitchen"), "{reply:?}");
    }
    let problem = summary(&app, id, &alice).problem(402);
    assert_eq!((&problem["code"], &problem["left"]), (&json!("budget-exhausted"), &json!("0.005 USD")));
    assert!(problem["resets_at"].as_str().unwrap().ends_with("T00:00:00.000Z"), "{problem}");
    assert_eq!(calls(&app), 3, "the refused one cost nothing");
    assert_eq!(summary(&app, id, &app.token("carol")).status, 200, "everybody has a budget of their own");

    let metrics = app.ask("GET", "/metrics").send().body;
    let spent = metrics.lines().find(|line| line.starts_with("gambeson_cost_total")).unwrap_or_default();
    assert!(spent.contains(r#"gambeson_feature="summaries""#) && spent.ends_with(" 0.060000000"), "{spent}");
    let trace = problem["trace_id"].as_str().unwrap();
    let log = app.interrupt().2;
    assert!(log.lines().any(|line| line.contains("status=402") && line.contains(trace)), "{log}");
}

#[test]
fn who_may_not_and_what_is_not_there_costs_nothing() {
    let (app, id) = app_with_note();
    app.ask("POST", &format!("/api/notes/{id}/summary")).send().problem(401);
    summary(&app, id, &app.token("bob")).problem(403);
    for _ in 0..5 {
        assert_eq!(summary(&app, id, &app.token("dave")).problem(404)["code"], "no-such-note");
        summary(&app, id + 1, &app.token("alice")).problem(404);
        app.ask("POST", "/api/notes/x/summary").bearer(&app.token("alice")).send().problem(404);
    }
    assert_eq!(calls(&app), 0);
    assert_eq!(summary(&app, id, &app.token("alice")).json()["budget_left"], "0.035 USD");
}

#[test]
fn a_model_in_trouble_is_not_asked_for_a_while_and_nobody_pays() {
    let (app, id) = app_with_note();
    let alice = app.token("alice");
    for fault in ["down", "500", "429"] {
        app.model_fault(fault);
        assert_eq!(summary(&app, id, &alice).problem(502)["code"], "model-failed", "{fault}");
    }
    app.model_fault("off");
    let reply = summary(&app, id, &alice);
    assert_eq!(reply.problem(503)["code"], "circuit-open");
    let wait: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    let page = app.ask("GET", "/api/notes").bearer(&alice).send();
    assert_eq!(page.status, 200, "the rest of the app goes on");
}

#[test]
fn an_answer_without_a_bill_is_charged_as_estimated() {
    let (app, id) = app_with_note();
    let alice = app.token("alice");
    app.model_fault("no_usage");
    assert_eq!(summary(&app, id, &alice).json()["budget_left"], "0.035 USD");
    app.model_fault("truncated");
    assert_eq!(summary(&app, id, &alice).problem(502)["code"], "model-failed");
    app.model_fault("off");
    assert_eq!(
        summary(&app, id, &alice).json()["budget_left"],
        "0.005 USD",
        "what broke off may have been billed"
    );
}

#[test]
fn a_browser_that_names_the_other_loopback_name_is_sent_to_the_app_s_own() {
    let app = NotesApp::start();
    let port = app.address.port();
    let moved = app.ask("GET", "/?from=elsewhere").header("Host", format!("localhost:{port}")).send();
    assert_eq!(moved.status, 307);
    let own = format!("http://127.0.0.1:{port}/?from=elsewhere");
    assert_eq!(moved.header("location"), Some(own.as_str()));
    app.ask("POST", "/api/notes").header("Host", format!("localhost:{port}")).send().problem(421);
    app.ask("GET", "/").header("Host", "evil.example").send().problem(421);
}

#[test]
fn the_front_door_shows_strangers_where_to_sign_in_and_nothing_else() {
    let (app, _) = app_with_note();
    let page = app.ask("GET", "/").send();
    assert_eq!(page.status, 200);
    assert!(page.body.contains(r#"href="/login""#) && !page.body.contains("kitchen"), "{page:?}");
    let policy = page.header("content-security-policy").unwrap();
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert_eq!(page.body.matches(&format!("nonce=\"{nonce}\"")).count(), 2, "style and script carry it");
    let signed_in = app.ask("GET", "/").bearer(&app.token("bob")).send();
    assert!(signed_in.body.contains("kitchen") && signed_in.body.contains("bob"), "{signed_in:?}");
    assert!(!signed_in.body.contains(r#"id="new-note""#), "bob may not write");
    assert!(signed_in.header("cache-control").unwrap().contains("no-store"));
}
