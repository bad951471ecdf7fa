//! A page that is the same for everybody, so that hashes pick its inline scripts and style.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use gambeson::hardening_headers::{Csp, Directive, Hardening, Source};

use crate::site::{Site, Way, hardened};

const SCRIPTS: [&str; 3] = [
    "\ndocument.body.dataset.sha256 = 'ran';\n",
    "document.body.dataset.sha384 = 'ran';",
    "document.body.dataset.sha512 = 'r' + `an`; // \u{e4}",
];
const STYLE: &str = "body { color: rgb(1, 2, 3); }";

pub(crate) fn start(way: Way) -> Site {
    let [first, second, third] = SCRIPTS;
    let scripts = [Source::sha256_of(first), Source::sha384_of(second), Source::sha512_of(third)];
    let policy = Csp::web().script_src(scripts).set(Directive::StyleSrc, [Source::sha256_of(STYLE)]);
    Site::start(way, |origin| {
        let routes = Router::new()
            .route("/", get(async || Html(page(""))))
            .route("/changed", get(async || Html(page(" "))));
        hardened(routes, Hardening::web().csp(policy).public_origin(origin))
    })
}

/// The page with this at the end of each script and style. Its lines end as files of some systems do.
fn page(end: &str) -> String {
    let scripts = SCRIPTS.map(|script| format!("<script>{script}{end}</script>")).concat();
    let page = format!(
        "<!doctype html><html lang=\"en\"><title>hashes</title><meta charset=\"utf-8\"><style>{STYLE}{end}</style>\
         <body>{scripts}</body></html>"
    );
    page.replace('\n', "\r\n")
}
