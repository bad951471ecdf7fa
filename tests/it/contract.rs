//! The example's contract: who may do what, and how each refusal looks.

use serde_json::{Value, json};

use crate::http::Reply;
use crate::notes_app::NotesApp;

fn write(app: &NotesApp, user: &str, text: &str) -> Reply {
    app.ask("POST", "/api/notes").bearer(&app.token(user)).json(&json!({ "text": text })).send()
}

fn texts(app: &NotesApp, user: &str) -> Vec<String> {
    let reply = app.ask("GET", "/api/notes").bearer(&app.token(user)).send();
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note["text"].as_str().unwrap().into())
        .collect()
}

#[test]
fn roles_decide_what_people_may_do() {
    let app = NotesApp::start();
    let created = write(&app, "alice", "first");
    assert_eq!(created.status, 201, "{created:?}");
    let path = format!("/api/notes/{}", created.json()["id"]);
    assert_eq!(texts(&app, "bob"), ["first"]);
    assert_eq!(write(&app, "bob", "no").problem(403)["code"], "forbidden");
    app.ask("DELETE", &path).bearer(&app.token("alice")).send().problem(403);
    app.ask("GET", "/api/admin/audit").bearer(&app.token("alice")).send().problem(403);
    assert_eq!(app.ask("GET", "/api/admin/audit").bearer(&app.token("carol")).send().status, 200);
    let deleted = app.ask("DELETE", &path).bearer(&app.token("carol")).send();
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    app.ask("DELETE", &path).bearer(&app.token("carol")).send().problem(404);
}

#[test]
fn tenants_see_only_their_own() {
    let app = NotesApp::start();
    let id = write(&app, "alice", "acme's").json()["id"].to_string();
    assert_eq!(write(&app, "dave", "globex's").status, 201);
    assert_eq!(texts(&app, "alice"), ["acme's"]);
    assert_eq!(texts(&app, "dave"), ["globex's"]);
    app.ask("DELETE", &format!("/api/notes/{id}")).bearer(&app.token("dave")).send().problem(404);
    assert_eq!(texts(&app, "bob"), ["acme's"], "still there");

    let trail = app.ask("GET", "/api/admin/audit").bearer(&app.token("dave")).send();
    assert_eq!(trail.status, 200, "{trail:?}");
    assert!(trail.body.contains("dave") && !trail.body.contains("alice"), "{}", trail.body);
}

#[test]
fn nobody_gets_a_challenge_and_nothing_else() {
    let app = NotesApp::start();
    for (method, path) in [
        ("GET", "/api/notes"),
        ("POST", "/api/notes"),
        ("DELETE", "/api/notes/1"),
        ("GET", "/api/admin/audit"),
        ("GET", "/no/such/route"),
        ("OPTIONS", "/api/notes"),
        ("PUT", "/api/notes"),
    ] {
        let reply = app.ask(method, path).send();
        let problem = reply.problem(401);
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"), "{reply:?}");
        assert!(reply.header("allow").is_none(), "nobody learns which routes there are: {reply:?}");
        assert!(problem["request_id"].is_string() && problem["trace_id"].is_string(), "{problem}");
    }
}

#[test]
fn what_is_not_there_is_told_to_those_who_are_known() {
    let app = NotesApp::start();
    let bob = app.token("bob");
    app.ask("GET", "/no/such/route").bearer(&bob).send().problem(404);
    app.ask("GET", "/api/notes/").bearer(&bob).send().problem(404);
    let reply = app.ask("PUT", "/api/notes").bearer(&bob).send();
    reply.problem(405);
    let allow = reply.header("allow").unwrap();
    assert!(allow.contains("GET") && allow.contains("POST") && !allow.contains("PUT"), "{allow}");
}

#[test]
fn unreadable_notes_are_refused_with_the_reason() {
    let app = NotesApp::start();
    let alice = app.token("alice");
    let post = |body: &str| {
        let ask = app.ask("POST", "/api/notes").bearer(&alice).header("Content-Type", "application/json");
        ask.body(body).send()
    };
    assert!(post("{").problem(400)["detail"].is_string());
    assert!(post(r#"{"txt":"x"}"#).problem(422)["detail"].as_str().unwrap().contains("txt"));
    assert!(post(r#"{"text":"  "}"#).problem(400)["detail"].as_str().unwrap().contains("text"));
    app.ask("POST", "/api/notes").bearer(&alice).body("text=x").send().problem(415);
    app.ask("GET", "/api/notes?before=x").bearer(&alice).send().problem(400);
    app.ask("DELETE", "/api/notes/%00").bearer(&app.token("carol")).send().problem(404);
}

#[test]
fn a_body_over_the_limit_is_413() {
    let app = NotesApp::start();
    let alice = app.token("alice");
    let large = json!({ "text": "x".repeat(2 << 20) });
    app.ask("POST", "/api/notes").bearer(&alice).json(&large).send().problem(413);

    // Without a length: in chunks, so that only the bytes themselves tell.
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, "x".repeat(1 << 16)).repeat(32);
    let reply = app
        .ask("POST", "/api/notes")
        .bearer(&alice)
        .header("Content-Type", "application/json")
        .header("Transfer-Encoding", "chunked")
        .send_chunked(&chunk);
    assert!(reply.starts_with("HTTP/1.1 413"), "{reply}");
}

#[test]
fn too_many_requests_are_429_with_a_promise() {
    let app = NotesApp::start();
    let refused = (0..2_000).map(|_| app.ask("GET", "/api/notes").send()).find(|reply| reply.status == 429);
    let reply = refused.expect("a flood is stopped");
    reply.problem(429);
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=120).contains(&wait), "{wait}");
    assert!(reply.header("ratelimit").unwrap().contains(";r=0"), "{reply:?}");
    assert!(reply.header("ratelimit-policy").unwrap().contains(";q="), "{reply:?}");
    assert_eq!(app.ask("GET", "/livez").send().status, 200, "probes go on");
}

#[test]
fn a_panic_is_500_without_detail() {
    let app = NotesApp::start();
    let reply = app.ask("POST", "/dev/panic").bearer(&app.token("carol")).send();
    let problem = reply.problem(500);
    assert!(!reply.body.contains("on purpose"), "{}", reply.body);
    let id = problem["request_id"].as_str().unwrap();
    let (_, _, log) = app.interrupt();
    assert!(log.contains("on purpose") && log.contains(id), "{log}");
}

#[test]
fn every_answer_carries_the_security_headers_and_a_request_id() {
    let app = NotesApp::start();
    let bob = app.token("bob");
    let mut ids = std::collections::HashSet::new();
    for reply in [
        app.ask("GET", "/api/notes").bearer(&bob).send(),
        app.ask("GET", "/api/notes").send(),
        app.ask("POST", "/api/notes").bearer(&bob).send(),
        app.ask("GET", "/nowhere").bearer(&bob).send(),
        app.ask("PUT", "/api/notes").bearer(&bob).send(),
        app.ask("POST", "/dev/panic").bearer(&bob).send(),
        app.ask("GET", "/livez").send(),
        app.ask("GET", "/docs").send(),
        app.ask("GET", "/metrics").send(),
    ] {
        for name in
            ["content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options"]
        {
            assert!(reply.header(name).is_some(), "{name} is missing: {reply:?}");
        }
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.header("server").is_none() && reply.header("x-powered-by").is_none(), "{reply:?}");
        assert!(reply.header("strict-transport-security").is_none(), "never over plain http: {reply:?}");
        assert!(ids.insert(reply.header("x-request-id").unwrap().to_owned()), "each has its own: {reply:?}");
    }
}

#[test]
fn a_request_id_or_trace_from_a_stranger_does_not_count() {
    let app = NotesApp::start();
    let reply = app
        .ask("GET", "/api/notes")
        .header("X-Request-Id", "forged")
        .header("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .send();
    let id = reply.header("x-request-id").unwrap();
    assert!(id.len() == 32 && id != "forged", "{id}");
    let problem = reply.problem(401);
    let trace = problem["trace_id"].as_str().unwrap();
    assert!(trace.len() == 32 && trace != "0af7651916cd43dd8448eb211c80319c", "{trace}");
}

#[test]
fn probes_metrics_and_docs_answer_in_development() {
    let app = NotesApp::start();
    assert_eq!(app.ask("GET", "/livez").send().status, 200);
    assert_eq!(app.ask("GET", "/readyz").send().status, 200);
    write(&app, "bob", "refused");
    let metrics = app.ask("GET", "/metrics").send();
    assert_eq!(metrics.status, 200, "{metrics:?}");
    assert!(
        metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"),
        "{metrics:?}"
    );
    let series = metrics
        .body
        .lines()
        .find(|line| line.starts_with("http_server_request_duration_seconds_count") && line.contains("403"))
        .unwrap_or_else(|| panic!("{}", metrics.body));
    assert!(series.contains(r#"http_route="/api/notes""#), "{series}");
    assert!(metrics.body.ends_with("# EOF\n"), "{}", metrics.body);

    let docs = app.ask("GET", "/docs").send();
    assert_eq!(docs.status, 200);
    for word in ["viewer", "editor", "admin", "/api/notes/{id}", "notes:delete"] {
        assert!(docs.body.contains(word), "{word} is missing: {}", docs.body);
    }
}

#[test]
fn head_is_get_and_method_override_is_nothing() {
    let app = NotesApp::start();
    let bob = app.token("bob");
    let head = app.ask("HEAD", "/api/notes").bearer(&bob).send();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let get = app.ask("GET", "/api/notes").bearer(&bob).header("X-HTTP-Method-Override", "DELETE").send();
    assert_eq!(get.status, 200);
}

#[test]
fn refusal_log_line_and_audit_line_show_one_trace() {
    let app = NotesApp::start();
    let problem = write(&app, "bob", "no").problem(403);
    let trace = problem["trace_id"].as_str().unwrap().to_owned();
    let trail = app.ask("GET", "/api/admin/audit").bearer(&app.token("carol")).send().json();
    let events = trail["events"].as_array().unwrap();
    let line = events.iter().find(|event| event["trace_id"] == trace).unwrap_or_else(|| panic!("{trail:#}"));
    assert_eq!(line["outcome"], "denied");
    assert_eq!(line["action"], "notes:write");
    assert_eq!(line["subject"]["sub"], Value::from("bob"));
    let (_, _, log) = app.interrupt();
    assert!(log.lines().any(|line| line.contains(&trace) && line.contains("403")), "{trace} is not in {log}");
}

#[test]
fn the_printed_curl_lines_work_when_pasted() {
    let app = NotesApp::start();
    let lines: Vec<_> = app.banner.lines().map(str::trim).filter(|line| line.contains("curl ")).collect();
    assert_eq!(lines.len(), 3, "{}", app.banner);
    let script = lines.join("\n");
    let output = std::process::Command::new("sh").args(["-ec", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("\"notes\"") && said.contains("\"id\""), "{said}");
}
