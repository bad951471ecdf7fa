//! The example app as its user meets it: a process, answering over the network.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that unwraps None has failed")]

mod audit;
mod browser;
mod browser_login;
mod collector;
mod contract;
mod cookie_page;
mod hostile;
mod htmx_page;
mod http;
mod lifecycle;
mod nonce_page;
mod notes_app;
mod oidc_provider;
mod outage;
mod pinned_page;
mod reporting_page;
mod site;
mod socket_page;
mod summaries;
mod transport_page;
mod uploads;
mod wasm_page;
mod worker_page;
