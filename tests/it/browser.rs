//! What a real browser does with our pages: `tests/peers/browser` drives it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use gambeson::hardening_headers::{Cookies, Csp, Csrf, Directive, Hardening, Source};

use crate::notes_app::NotesApp;
use crate::reporting_page::{ReportingPage, Transport};
use crate::site::{CERTIFICATE, Site, Way};
use crate::{
    cookie_page, htmx_page, nonce_page, pinned_page, socket_page, transport_page, uploads, wasm_page,
    worker_page,
};

/// Walks through the app at this origin, step by step; panics with what the browser saw when a step fails.
#[track_caller]
pub(crate) fn walk(name: &str, app: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let peers = std::env::var("GAMBESON_PEERS").expect("cargo xtask test sets GAMBESON_PEERS");
    let node = std::env::var_os("GAMBESON_NODE").unwrap_or_else(|| "node".into());
    let (certificate, key) = &*CERTIFICATE;
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("certificate.pem");
    std::fs::write(&trusted, certificate).unwrap();
    let output = Command::new(node)
        .arg(Path::new(&peers).join("browser/walk.mjs"))
        .arg(name)
        .env("CERTIFICATE", certificate)
        .env("KEY", key)
        .env("NODE_EXTRA_CA_CERTS", &trusted)
        .env("APP", app)
        .env("SCREENS", screens())
        .envs(variables.iter().copied())
        // Open as long as this test lives: the driver ends when it closes.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map(wait)
        .unwrap();
    let steps = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "the walk {name} failed\n{steps}{errors}");
    steps.lines().map(str::to_owned).collect()
}

fn wait(mut child: std::process::Child) -> std::process::Output {
    let input = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(input);
    output
}

/// `target/screens`, beside the folder of the test binary.
fn screens() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("screens")
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn a_page_under_our_headers_runs_its_own_script_and_no_other() {
    for way in Way::ALL {
        let page = nonce_page::start(way);
        let steps = walk("nonce-page", &page.origin, &[]);
        assert_eq!(steps.len(), 11, "{steps:?}");
    }
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn another_sites_page_opens_no_socket_and_sends_no_form() {
    // To names that are not this machine's own, over plain http, browsers don't say from which site a request comes.
    for way in Way::ALL.into_iter().chain([Way::plain("app.test")]) {
        let app = socket_page::start(way, Csrf::new());
        let open = socket_page::start(way, Csrf::dangerously_off());
        let steps = walk("sockets", &app.origin, &[("OPEN", &open.origin)]);
        assert_eq!(steps.len(), 5, "{steps:?}");
    }
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn a_page_of_the_same_site_is_not_the_apps_own() {
    for way in Way::ALL.into_iter().chain([Way::plain("app.test")]) {
        let near: Vec<Site> = way.near().iter().map(|host| Site::start(way.to(host), neighbour)).collect();
        let app = socket_page::start(way, Csrf::new());
        let open = socket_page::start(way, Csrf::dangerously_off());
        let trust = Csrf::new().trust([near[0].origin.as_str()]);
        let trust = if near[0].origin.starts_with("http:") { trust.dangerously_http() } else { trust };
        let trusting = socket_page::start(way, trust);
        let origins = near.iter().map(|site| site.origin.as_str()).collect::<Vec<_>>().join(" ");
        let site = if way.tells_the_site() { "same-site" } else { "nothing" };
        let variables =
            [("NEAR", &*origins), ("OPEN", &open.origin), ("TRUSTING", &trusting.origin), ("SITE", site)];
        let steps = walk("neighbours", &app.origin, &variables);
        assert_eq!(steps.len(), 5, "{steps:?}");
    }
}

/// An app of somebody else, without headers that would keep its pages from asking others.
fn neighbour(_origin: &str) -> Router {
    Router::new().route("/", get(async || Html("<!doctype html><title>a neighbour</title><body></body>")))
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn cookies_stay_out_of_scripts_and_of_other_sites_requests() {
    for way in [Way::tls("localhost"), Way::tls("app.test")] {
        let app = cookie_page::start(way, Cookies::new());
        let open = cookie_page::start(way, Cookies::dangerously_off());
        let steps = walk("cookies", &app.origin, &[("OPEN", &open.origin)]);
        assert_eq!(steps.len(), 4, "{steps:?}");
    }
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn a_hydrated_page_compiles_webassembly_and_evaluates_nothing() {
    for way in Way::ALL {
        let page = wasm_page::start(way, Csp::leptos());
        let web = wasm_page::start(way, Csp::web());
        let evaluated =
            wasm_page::start(way, Csp::web().add(Directive::ScriptSrc, [Source::dangerously_unsafe_eval()]));
        let steps = walk("wasm", &page.origin, &[("WEB", &web.origin), ("EVAL", &evaluated.origin)]);
        assert_eq!(steps.len(), 3, "{steps:?}");
    }
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn hashes_pick_the_scripts_of_a_page_without_a_nonce() {
    for way in Way::ALL {
        let page = pinned_page::start(way);
        let steps = walk("hashes", &page.origin, &[]);
        assert_eq!(steps.len(), 2, "{steps:?}");
    }
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn htmx_works_and_runs_nothing_that_came_with_a_part() {
    for way in Way::ALL {
        let page = htmx_page::start(way, Csp::htmx());
        let inline = [Source::SELF, Source::dangerously_unsafe_inline(), Source::dangerously_unsafe_eval()];
        let open = htmx_page::start(way, Csp::htmx().script_src(inline));
        let dead = htmx_page::start(way, Csp::api());
        let steps = walk("htmx", &page.origin, &[("OPEN", &open.origin), ("DEAD", &dead.origin)]);
        assert_eq!(steps.len(), 6, "{steps:?}");
    }
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn no_script_of_a_download_runs() {
    for way in Way::ALL {
        let files = uploads::start(way);
        let open = uploads::start_open(way);
        let steps = walk("downloads", &files.origin, &[("OPEN", &open.origin)]);
        assert_eq!(steps.len(), 5, "{steps:?}");
    }
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn workers_may_do_what_their_pages_may() {
    for way in Way::ALL {
        for edge in [Hardening::web(), Hardening::strict()] {
            let app = worker_page::start(way, edge);
            let steps = walk("workers", &app.origin, &[]);
            assert_eq!(steps.len(), 3, "{steps:?}");
        }
    }
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn an_isolated_page_is_cross_origin_isolated() {
    for way in Way::ALL {
        let app = worker_page::start(way, Hardening::isolated());
        let open = worker_page::start(way, Hardening::web());
        let steps = walk("isolated", &app.origin, &[("OPEN", &open.origin)]);
        assert_eq!(steps.len(), 3, "{steps:?}");
    }
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn over_tls_a_browser_asks_by_https_for_ever_and_says_from_which_site() {
    let app = transport_page::start(Way::tls("app.test"), Hardening::web());
    let untold = transport_page::start(Way::tls("untold.test"), Hardening::web().hsts(None));
    let plain = transport_page::start(Way::plain("plain.test"), Hardening::web());
    let others = [("UNTOLD", untold.origin.as_str()), ("PLAIN", &plain.origin)];
    let steps = walk("transport", &app.origin, &others);
    assert_eq!(steps.len(), 5, "{steps:?}");
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn what_a_policy_blocks_is_reported_over_http() {
    a_browser_reports(Transport::Http, "application/csp-report");
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn what_a_policy_blocks_is_reported_over_https() {
    a_browser_reports(Transport::Https, "application/reports+json");
}

/// A page whose image of another origin and whose inline script are blocked, and one that has neither.
#[track_caller]
fn a_browser_reports(transport: Transport, format: &str) {
    let page = ReportingPage::start(transport);
    let steps = walk("reports", &page.origin, &[("FORMAT", format)]);
    assert_eq!(steps.len(), 4, "{steps:?}");
    let suggestion = page.reports.suggest(&Csp::web());
    let [addition] = suggestion.additions() else { panic!("{suggestion}") };
    assert_eq!(addition.directive.as_str(), "img-src");
    assert!(addition.source.as_str().contains("://127.0.0.1:"), "{suggestion}");
    let [advice] = suggestion.for_a_person() else { panic!("{suggestion}") };
    assert_eq!(advice.directive, "script-src-elem");
    let kept = format!("{:?}", page.reports.violations());
    assert!(!kept.contains("secret"), "{kept}");
    let counts = page.reports.counts();
    assert_eq!((counts.malformed, counts.foreign, counts.dropped), (0, 0, 0), "{counts:?}");
}

#[test]
#[ignore = "needs browser and chromium: cargo xtask test"]
fn a_person_uses_the_notes_app_from_the_front_door_to_the_back_button() {
    let app = NotesApp::start();
    let model = format!("http://{}", app.model.unwrap());
    let steps = walk("hardened-notes", &format!("http://{}", app.address), &[("MODEL", &model)]);
    assert_eq!(steps.len(), 9, "{steps:?}");
    let log = app.interrupt().2;
    assert!(!log.contains("panicked") && !log.contains("kitchen"), "{log}");
}
