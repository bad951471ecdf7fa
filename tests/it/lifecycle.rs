//! Start, stop, and what the app refuses to start with.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::http::{ask as ask_at, raw};
use crate::notes_app::{NotesApp, built, refused, signal};
use crate::site::CERTIFICATE;

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn it_says_where_it_is_and_who_the_people_are() {
    let app = NotesApp::start();
    for word in [
        "stack (development)",
        "CostLayer         on",
        "alice",
        "bob",
        "carol",
        "dave",
        "editor",
        "viewer",
        "admin",
        "globex",
    ] {
        assert!(app.banner.contains(word), "{word} is missing: {}", app.banner);
    }
}

#[test]
fn data_is_its_owners_only() {
    let app = NotesApp::start();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(app.data.path()), 0o700);
    assert_eq!(mode(&app.audit_dir()), 0o700);
    assert_eq!(std::fs::read_to_string(app.data.path().join(".gitignore")).unwrap(), "*\n");
    let mut files = 0;
    for folder in [app.data.path().to_owned(), app.audit_dir()] {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
            assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.path());
            files += 1;
        }
    }
    assert!(files >= 3, "the notes, the trail, the .gitignore");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "measures how long another process takes to end")]
fn ctrl_c_ends_it_within_five_seconds() {
    let app = NotesApp::start();
    let address = app.address;
    let idle = std::net::TcpStream::connect(address).unwrap();
    let begun = Instant::now();
    let (code, _, _) = app.interrupt();
    assert_eq!(code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(idle);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn sigterm_is_heard_too() {
    let app = NotesApp::start();
    signal(app.pid(), "-TERM");
    let (code, _, _) = app.interrupted();
    assert_eq!(code, Some(0));
}

#[test]
fn the_dev_identity_provider_hears_it_too() {
    let mut idp = std::process::Command::new(built("gambeson-dev-idp"))
        .env_clear()
        .env("DEV_IDP_PORT", "0")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (mut greeting, mut said) = (String::new(), BufReader::new(idp.stdout.take().unwrap()));
    said.read_line(&mut greeting).unwrap();
    assert!(greeting.starts_with("issuer "), "{greeting}");
    signal(idp.id(), "-TERM");
    assert_eq!(idp.wait().unwrap().code(), Some(0));
}

#[test]
fn notes_outlive_the_process() {
    let app = NotesApp::start();
    let note = serde_json::json!({ "text": "stays" });
    assert_eq!(app.ask("POST", "/api/notes").bearer(&app.token("alice")).json(&note).send().status, 201);
    let (_, data, _) = app.interrupt();
    let app = NotesApp::start_in(data, &[]);
    let reply = app.ask("GET", "/api/notes").bearer(&app.token("bob")).send();
    assert!(reply.body.contains("stays"), "{reply:?}");
}

#[test]
fn a_taken_port_names_the_port_the_variable_and_a_cure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for variable in ["PORT", "DEV_IDP_PORT", "MODEL_PORT"] {
        let output = refused(&[(variable, &port)]);
        let said = said(&output);
        assert!(!output.status.success());
        assert!(said.contains(&port) && said.contains(&format!("{variable}=")), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_taken_data_folder_names_the_variable() {
    let app = NotesApp::start();
    let output = refused(&[("DATA_DIR", app.data.path().to_str().unwrap())]);
    let said = said(&output);
    assert!(!output.status.success() && said.contains("DATA_DIR="), "{said}");
    assert_eq!(app.ask("GET", "/livez").send().status, 200, "the first one is not disturbed");
}

#[test]
fn production_lists_every_refused_shortcut_at_once() {
    let output = refused(&[("GAMBESON_PROFILE", "production")]);
    let said = said(&output);
    assert!(!output.status.success());
    for word in ["OIDC_ISSUER", "PUBLIC_ORIGIN", "TRUSTED_PROXIES"] {
        assert!(said.contains(word), "{word} is missing: {said}");
    }
    let output = refused(&[
        ("GAMBESON_PROFILE", "production"),
        ("OIDC_ISSUER", "http://127.0.0.1:3001"),
        ("PUBLIC_ORIGIN", "http://localhost"),
        ("TRUSTED_PROXIES", "none"),
    ]);
    let said = self::said(&output);
    assert!(!output.status.success());
    assert!(said.contains("OIDC_ISSUER = http://127.0.0.1:3001"), "{said}");
    assert!(said.contains("PUBLIC_ORIGIN = http://localhost"), "{said}");
}

#[test]
fn production_keeps_operators_apart_and_knows_its_host() {
    let app = NotesApp::start_with(&[
        ("GAMBESON_PROFILE", "production"),
        ("OIDC_ISSUER", "https://id.example.com"),
        ("PUBLIC_ORIGIN", "https://notes.example.com"),
        ("TRUSTED_PROXIES", "none"),
        ("MANAGEMENT_BIND", "127.0.0.1:0"),
    ]);
    let ask = |path: &str| app.ask("GET", path).header("Host", "notes.example.com").send();
    for path in ["/metrics", "/docs", "/dev/panic", "/api/notes"] {
        ask(path).problem(401);
    }
    assert_eq!(ask("/readyz").status, 200, "though nobody reached the issuer");
    assert_eq!(app.ask("GET", "/livez").send().status, 200, "probes call by address");
    app.ask("GET", "/api/notes").send().problem(421);

    let operators = app.banner.lines().find_map(|line| line.strip_prefix("management listens on http://"));
    let operators = operators.unwrap_or_else(|| panic!("{}", app.banner)).parse().unwrap();
    let metrics = ask_at(operators, "GET", "/metrics").send();
    assert!(metrics.status == 200 && metrics.body.contains(r#"http_route="/api/notes""#), "{metrics:?}");
    assert!(ask_at(operators, "GET", "/docs").send().body.contains("notes:delete"));
    assert_eq!(ask_at(operators, "GET", "/api/notes").send().status, 404);
    let (code, _, log) = app.interrupt();
    assert_eq!(code, Some(0));
    let line = log.lines().find(|line| line.contains("421")).unwrap_or_else(|| panic!("{log}"));
    assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "production logs JSON: {line}");
}

#[test]
fn it_speaks_tls_where_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name).display().to_string());
    std::fs::write(&chain, &CERTIFICATE.0).unwrap();
    std::fs::write(&key, &CERTIFICATE.1).unwrap();
    let app = NotesApp::start_with(&[
        ("GAMBESON_PROFILE", "production"),
        ("OIDC_ISSUER", "https://id.example.com"),
        ("PUBLIC_ORIGIN", "https://app.test"),
        ("TRUSTED_PROXIES", "none"),
        ("MANAGEMENT_BIND", "127.0.0.1:0"),
        ("TLS_CERTIFICATE", &chain),
        ("TLS_KEY", &key),
    ]);
    let curl = |url: &str| {
        let here = format!("::{}", app.address);
        let output = std::process::Command::new("curl")
            .args(["-sSi", "--cacert", &chain, "--connect-to", &here, url])
            .output()
            .unwrap();
        said(&output)
    };
    let reply = curl("https://app.test/");
    assert!(reply.starts_with("HTTP/2 200"), "{reply}");
    assert!(reply.contains("strict-transport-security: max-age="), "the layers know of it: {reply}");
    assert!(!curl("http://app.test/").contains("200"), "there is no plain http beside it");
    let output = refused(&[("TLS_CERTIFICATE", &key), ("TLS_KEY", &key)]);
    assert!(!output.status.success() && said(&output).contains("key.pem"), "{}", said(&output));
}

/// The cookie of a sign-in that began under another name would not be there when it comes back.
#[test]
fn people_are_sent_to_the_name_that_sign_ins_come_back_to() {
    let app = NotesApp::start_with(&[("PUBLIC_ORIGIN", "http://localhost:3999")]);
    assert!(app.banner.contains("sign in as one of them: http://localhost:3999/\n"), "{}", app.banner);
}

#[test]
fn development_is_refused_beyond_loopback_and_on_hosting_platforms() {
    assert!(said(&refused(&[("BIND", "0.0.0.0")])).contains("BIND"));
    assert!(said(&refused(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1")])).contains("KUBERNETES_SERVICE_HOST"));
}

#[test]
fn garbage_does_not_disturb_it() {
    let app = NotesApp::start();
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0",
        b"GET /api/notes HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        b"POST /api/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    ] {
        // Half a handshake keeps the connection open: the client goes away, which is all the server learns.
        let answer = if garbage.ends_with(b"\r\n\r\n") { raw(app.address, garbage) } else { half(&app, garbage) };
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    assert_eq!(app.ask("GET", "/livez").send().status, 200);
}

fn half(app: &NotesApp, bytes: &[u8]) -> String {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(app.address).unwrap();
    stream.write_all(bytes).unwrap();
    String::new()
}
