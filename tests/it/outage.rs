//! The identity provider in trouble.

use crate::notes_app::NotesApp;

#[test]
fn known_keys_go_on_working_when_the_provider_is_down() {
    let app = NotesApp::start();
    let (bob, alice) = (app.token("bob"), app.token("alice"));
    assert_eq!(app.ask("GET", "/api/notes").bearer(&bob).send().status, 200);
    app.fault("down");
    assert_eq!(app.ask("GET", "/api/notes").bearer(&bob).send().status, 200, "verified before");
    assert_eq!(app.ask("GET", "/api/notes").bearer(&alice).send().status, 200, "verified by a known key");
    assert_eq!(app.ask("GET", "/readyz").send().status, 200, "a third party's trouble is not ours");
}

#[test]
fn a_rotated_key_is_accepted_without_a_false_401() {
    let app = NotesApp::start();
    let old = app.token("bob");
    assert_eq!(app.ask("GET", "/api/notes").bearer(&old).send().status, 200);
    for round in 0..2 {
        let rotated = crate::http::ask(app.dev_idp.unwrap(), "POST", "/dev/rotate").form("").send();
        assert!(rotated.status < 300, "{rotated:?}");
        let reply = app.ask("GET", "/api/notes").bearer(&app.token("bob")).send();
        assert_eq!(reply.status, 200, "round {round}: {reply:?}");
    }
    app.ask("GET", "/api/notes").bearer(&old).send().problem(401);
}

#[test]
fn keys_that_can_not_be_had_are_503_and_not_401() {
    let app = NotesApp::start();
    assert_eq!(app.ask("GET", "/api/notes").bearer(&app.token("bob")).send().status, 200);
    let rotated = crate::http::ask(app.dev_idp.unwrap(), "POST", "/dev/rotate").form("").send();
    assert!(rotated.status < 300, "{rotated:?}");
    let new = app.token("bob");
    app.fault("down");
    let reply = app.ask("GET", "/api/notes").bearer(&new).send();
    reply.problem(503);
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    app.fault("none");
    let healed = (0..20).map(|_| app.ask("GET", "/api/notes").bearer(&new).send().status).find(|s| *s == 200);
    assert_eq!(healed, Some(200), "each try waits for the next permitted fetch");
}
